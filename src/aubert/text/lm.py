"""N-gram language models from text: interpolated modified Kneser-Ney, as an ARPA file.

The estimator is that of Chen & Goodman, "An Empirical Study of Smoothing Techniques
for Language Modeling" (1998), section 3, in the form of KenLM's lmplz (Heafield et
al. 2013): lower orders count distinct left contexts, unigrams are interpolated with
the uniform distribution over the vocabulary, nothing is pruned. lmplz itself is not
in KenLM's wheel.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

SENTENCE_START, SENTENCE_END, UNKNOWN = "<s>", "</s>", "<unk>"
_START_ID, _END_ID, _UNKNOWN_ID = 0, 1, 2

# lmplz's --discount_fallback: for corpora too small or too regular to estimate discounts.
FALLBACK_DISCOUNTS = (0.5, 1.0, 1.5)


def build_arpa(
    sentences: Iterable[Sequence[str]],
    path: str | Path,
    *,
    order: int = 3,
    vocabulary: Collection[str] | None = None,
) -> None:
    """Estimates a model on `sentences` (lists of words) and writes it to `path`.

    vocabulary: the words that may be predicted; all others are counted as <unk>, and
    words that never occur get their share of the uniform distribution. None: every
    word that occurs. Equal input gives equal bytes. Raises ValueError when no sentence
    holds a word.
    """
    if order < 1:
        raise ValueError(f"an n-gram model needs an order of 1 or more, not {order}")
    tokens, sentence_ids, words = _encode(sentences, vocabulary)
    if not len(tokens):
        raise ValueError("a language model needs a text with at least one word")
    levels = _count(tokens, sentence_ids, len(words), order)
    _estimate(levels, len(words))
    _write(levels, words, Path(path))


def _encode(
    sentences: Iterable[Sequence[str]], vocabulary: Collection[str] | None
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Word ids with markers around each sentence [N], the sentence of each [N], the words."""
    ids = {SENTENCE_START: _START_ID, SENTENCE_END: _END_ID, UNKNOWN: _UNKNOWN_ID}
    for word in sorted(vocabulary or ()):
        ids.setdefault(word, len(ids))
    open_vocabulary = vocabulary is None
    flat: list[int] = []
    lengths: list[int] = []
    for sentence in sentences:
        if not sentence:
            continue
        flat.append(_START_ID)
        if open_vocabulary:
            flat.extend([ids.setdefault(word, len(ids)) for word in sentence])
        else:
            flat.extend([ids.get(word, _UNKNOWN_ID) for word in sentence])
        flat.append(_END_ID)
        lengths.append(len(sentence) + 2)
    sentence_ids = np.repeat(np.arange(len(lengths)), lengths)
    return np.array(flat, np.int64), sentence_ids, list(ids)


@dataclass
class _Level:
    """All distinct n-grams of one order, sorted by (context, word).

    `context` and `suffix` index the level below: the n-gram without its last and
    without its first word.
    """

    context: np.ndarray
    word: np.ndarray
    suffix: np.ndarray
    count: np.ndarray  # raw at the top, distinct left neighbours below it
    probability: np.ndarray | None = None
    backoff: np.ndarray | None = None  # the weight of the n-gram as a context


def _count(
    tokens: np.ndarray, sentence_ids: np.ndarray, num_words: int, order: int
) -> list[_Level]:
    """The levels 1..order with adjusted counts."""
    root = np.zeros(num_words, np.int64)
    raw = np.bincount(tokens, minlength=num_words)
    levels = [_Level(context=root, word=np.arange(num_words), suffix=root, count=raw)]
    same_sentence = np.append(False, sentence_ids[1:] == sentence_ids[:-1])
    ending = tokens  # per position, the n-gram that ends there as an index into its level; -1: none
    for _ in range(order - 1):
        context = np.append(-1, ending[:-1])
        valid = same_sentence & (context >= 0)
        keys, first, inverse, raw = np.unique(
            context[valid] * num_words + tokens[valid],
            return_index=True,
            return_inverse=True,
            return_counts=True,
        )
        suffix = ending[valid][first]
        below = levels[-1]
        neighbours = np.bincount(suffix, minlength=len(below.word))
        # Nothing stands left of n-grams that begin with <s>: they keep their raw count.
        below.count = np.where(neighbours > 0, neighbours, below.count)
        levels.append(
            _Level(context=keys // num_words, word=keys % num_words, suffix=suffix, count=raw)
        )
        ending = np.full(len(tokens), -1)
        ending[valid] = inverse
    levels[0].count[_START_ID] = 0  # never predicted
    return levels


def _estimate(levels: list[_Level], num_words: int) -> None:
    """Fills in the probabilities and back-off weights of all levels, from the lowest up."""
    shorter = np.full(1, 1.0 / (num_words - 1))  # uniform; <s> is never predicted
    for below, level in zip([None, *levels], levels, strict=False):
        num_contexts = 1 if below is None else len(below.word)
        discount = _discounts(level.count)[np.minimum(level.count, 3)]
        total = np.bincount(level.context, weights=level.count, minlength=num_contexts)
        freed = np.bincount(level.context, weights=discount, minlength=num_contexts)
        backoff = np.divide(freed, total, out=np.ones(num_contexts), where=total > 0)
        seen = (level.count - discount) / total[level.context]
        level.probability = seen + backoff[level.context] * shorter[level.suffix]
        if below is None:
            level.probability[_START_ID] = 0.0
        else:
            below.backoff = backoff
        shorter = level.probability


def _discounts(counts: np.ndarray) -> np.ndarray:
    """[0, D1, D2, D3+] (Chen & Goodman, equation 26), or the fallback where undefined."""
    num = [int((counts == count).sum()) for count in range(5)]
    if num[1] and num[2] and num[3]:
        y = num[1] / (num[1] + 2 * num[2])
        discounts = [j - (j + 1) * y * num[j + 1] / num[j] for j in (1, 2, 3)]
        if all(0 < discount <= j for j, discount in enumerate(discounts, start=1)):
            return np.array([0.0, *discounts])
    return np.array([0.0, *FALLBACK_DISCOUNTS])


def _write(levels: list[_Level], words: list[str], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write("\\data\\\n")
        for n, level in enumerate(levels, start=1):
            file.write(f"ngram {n}={len(level.word)}\n")
        contexts = [""]
        for n, level in enumerate(levels, start=1):
            grams = [
                f"{contexts[context]}{words[word]}"
                for context, word in zip(level.context.tolist(), level.word.tolist(), strict=True)
            ]
            file.write(f"\n\\{n}-grams:\n")
            file.writelines(_lines(level, grams))
            contexts = [f"{gram} " for gram in grams]
        file.write("\n\\end\\\n")


def _lines(level: _Level, grams: list[str]) -> Iterator[str]:
    probabilities = _log10(level.probability)
    if level.backoff is None:
        for probability, gram in zip(probabilities, grams, strict=True):
            yield f"{probability:.6f}\t{gram}\n"
        return
    for probability, gram, backoff in zip(probabilities, grams, _log10(level.backoff), strict=True):
        yield f"{probability:.6f}\t{gram}\t{backoff:.6f}\n"


def _log10(values: np.ndarray) -> list[float]:
    """ARPA's logarithm; -99 stands for that of zero."""
    return np.log10(values, out=np.full(len(values), -99.0), where=values > 0).tolist()


def arpa_vocabulary(path: str | Path) -> list[str]:
    """The words of an ARPA file, without its markers. Raises ValueError when it is not one."""
    words: list[str] = []
    inside = False
    with Path(path).open(encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith("\\"):
                if inside:
                    return [word for word in words if not word.startswith("<")]
                inside = line.strip() == "\\1-grams:"
            elif inside and line.strip():
                words.append(line.split()[1])
    raise ValueError(f"{path} is not an ARPA language model (plain text, not compressed)")
