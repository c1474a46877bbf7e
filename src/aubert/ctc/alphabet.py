"""The vocabulary of a CTC network: the letters that it learns to write."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from aubert.corpus.held_out import NOTHING, HeldOut
from aubert.corpus.labelled import LabelledUtterance, letters_of_labelled
from aubert.text.language import Language
from aubert.text.languages import pack_of

LETTERS, TRANSCRIPTS = "letters", "transcripts"


def alphabet(
    vocabulary: str, language: str, labelled: Sequence[str | Path], held_out: HeldOut = NOTHING
) -> Language:
    """The language's pack with the letters of a vocabulary.

    vocabulary: letters are the pack's; transcripts those of all transcripts of the folders that are
    not held out; else the path of a vocab.json, or of a file with a letter on each line. Raises
    ValueError where no letters are found.
    """
    pack = pack_of(language)
    if vocabulary == TRANSCRIPTS:
        return pack.with_only(letters_of_labelled(labelled, pack, held_out))
    if vocabulary != LETTERS:
        return pack.with_only(_of_file(Path(vocabulary)))
    if not pack.letters:
        raise ValueError(
            f"ctc.vocabulary: there is no language pack for {pack.name} that says its letters: "
            f"let it be {TRANSCRIPTS}, or name a file"
        )
    return pack


def _of_file(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8-sig")
        tokens = json.loads(text) if path.suffix == ".json" else text.splitlines()
        ordered = sorted(tokens, key=tokens.get) if isinstance(tokens, dict) else list(tokens)
    except (OSError, ValueError, TypeError) as error:
        raise ValueError(f"ctc.vocabulary: {path} cannot be read: {error}") from None
    letters = (token.strip().lower() for token in ordered if isinstance(token, str))
    found = "".join(dict.fromkeys(each for each in letters if len(each) == 1 and each.isalpha()))
    if not found:
        raise ValueError(
            f"ctc.vocabulary: {path} holds no letter: it is a vocab.json ({{letter: number}}), or "
            f"has a letter on each line"
        )
    return found


def notes(utterances: Iterable[LabelledUtterance], pack: Language) -> Iterator[str]:
    """What was done to transcripts, a sentence each."""
    outside: Counter[str] = Counter()
    num_outside, with_digits = 0, []
    for utterance in utterances:
        outside.update(utterance.unwritten)
        num_outside += bool(utterance.unwritten)
        if utterance.has_digits and not utterance.unwritten:
            with_digits.append(utterance)
    if outside:
        named = ", ".join(f"{character} ({n})" for character, n in outside.most_common(40))
        more = "" if len(outside) <= 40 else f" and {len(outside) - 40} more"
        yield (
            f"{num_outside} utterances are left out, for the vocabulary does not write these (in "
            f"so many utterances): {named}{more}; ctc.vocabulary: {TRANSCRIPTS} learns letters"
        )
    if with_digits:
        first = with_digits[0]
        yield (
            f"{len(with_digits)} transcripts hold digits, which are read as {pack.name} reads "
            f"them: {pack.digit_rule}; groups of digits joined by hyphens, the last of four or "
            f"more: digit by digit. {first.utterance_id} is learned as {first.text!r}"
        )
