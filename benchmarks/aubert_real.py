"""AuBERT on a real reading: does its context select a word's own utterance, beyond what mean-pooled
encoders do?

Two chapters of Northanger Abbey by a reader of LibriSpeech (25 minutes), transcribed and aligned by
the preset own-audiobooks. Each chapter is the test set once, and AuBERT learns from the other: all
words and pairs of words. The text encoder is a small BERT whose WordPiece is learned from six other
books. Controls: mean-pooled encoders, no context, contexts that are exchanged among the occurrences
of an n-gram in the training (`shuffled`), and prosody alone (aubert_prosody.py).

    python benchmarks/aubert_real.py --audio results/real/ctc/hubert [--seeds 0 1 2]

What is there already in results/aubert_real is not made again.
"""

from __future__ import annotations

import argparse
import random
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from statistics import mean

from aubert_context import SHOWN
from aubert_prosody import ceilings
from figures import cpu_of_children, figure, keep, table
from longform import make_corpus
from real_recordings import real_recordings
from unread import run_preset

from aubert import tables
from aubert.config.resolve import PRESETS, read_yaml
from aubert.corpus.books import Bookshelf
from aubert.crossmodal.evaluation_stage import evaluate_aubert
from aubert.crossmodal.options import (
    AubertEvaluateOptions,
    AubertOptions,
    AubertTrainOptions,
    SmallBertOptions,
)
from aubert.crossmodal.pairs import HELD_OUT_BOOK, TRAIN, PairsOptions, pairs
from aubert.crossmodal.task import train_aubert
from aubert.evaluate.metrics import Figure
from aubert.files import complete_directory
from aubert.stage import Reject

MINI = read_yaml(PRESETS / "mini.yaml")["aubert"]
CONTEXTS = {
    "sentence": {"within_sentence": True},
    "48 characters": {"within_sentence": False},
    "200 characters": {"within_sentence": False, "context_chars": 200},
}
POWER = 0.05  # difference that a study should show: its n is reckoned from the interval here


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--audio", type=Path, required=True, help="the audio encoder's directory")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--contexts", nargs="+", choices=[*CONTEXTS], default=["sentence"])
    parser.add_argument("--results", type=Path, default=Path("results/aubert_real"))
    arguments = parser.parse_args()
    run, rows = arguments.results / "run", []
    if not (run / "in").exists():
        make_corpus(real_recordings("more", "librispeech_longform").resolve(), run / "in")
    run_preset(run.resolve())  # what is made is not made again
    made = run / "results" / "own-audiobooks"
    shelf = Bookshelf(made / "corpus" / "books")
    for context in arguments.contexts:
        for chapter in ("01", "02"):
            read = arguments.results / f"{context} {chapter}"
            if not read.exists():
                with complete_directory(read) as part:
                    write_tables(part, made, shelf, CONTEXTS[context], chapter)
            rows += rows_of(arguments, read, made, shelf, f"{context}, chapter {chapter}")
    columns = ["context and test set", "what", "top-1 of 4 (95% interval)", "n"]
    columns.append(f"n for ±{POWER}")
    seconds = cpu_of_children()
    command = "python benchmarks/aubert_real.py"
    keep("aubert-real", columns, rows, command=command, seconds=seconds)
    print(table("aubert-real"))


def write_tables(out: Path, made: Path, shelf: Bookshelf, context: dict, chapter: str) -> None:
    """recordings, utterances and pairs, those of the chapter held out; and pairs whose contexts
    are exchanged, in shuffled/."""
    root = made / "corpus" / "librilight"
    columns = {
        name: list(tables.all_rows(made, name))
        for name in ("recordings", "utterances", "refined", "words")
    }
    options = PairsOptions(**{**MINI["pairs"], **context})
    found = [
        {**row, "split": HELD_OUT_BOOK if row["recording_id"].endswith(chapter) else TRAIN}
        for row in pairs(*columns.values(), root, shelf, options)
        if not isinstance(row, Reject)
    ]
    for folder, own in ((out, found), (out / "shuffled", exchanged(found))):
        for name in ("recordings", "utterances"):
            tables.write(folder / name / "all.parquet", name, columns[name])
        tables.write(folder / "pairs" / "all.parquet", "pairs", own)


def exchanged(rows: list[dict]) -> list[dict]:
    """The training pairs with the places of other occurrences of their n-gram."""
    chance, groups = random.Random(0), defaultdict(list)
    for row in rows:
        if row["split"] == TRAIN:
            groups[row["ngram"]].append(row)
    place = ("book_id", "char_start", "char_end", "context_start", "context_end")
    given: dict[int, dict] = {}
    for own in groups.values():
        for row, other in zip(own, chance.sample(own, len(own)), strict=True):
            given[id(row)] = {key: other[key] for key in place}
    return [{**row, **given.get(id(row), {})} for row in rows]


def rows_of(
    arguments: argparse.Namespace, read: Path, made: Path, shelf: Bookshelf, name: str
) -> list[list]:
    text = arguments.results / "text"
    if not text.exists():
        from aubert.crossmodal.small_bert import save_small_bert

        books = sorted(real_recordings("more", "librispeech", "books").glob("*.txt"))
        texts = [book.read_text(encoding="utf-8", errors="replace") for book in books]
        save_small_bert(text, texts, SmallBertOptions(**MINI["small_bert"]))
    encoders = (str(text), str(arguments.audio))
    root = made / "corpus" / "librilight"
    kinds = {"AuBERT": read, "AuBERT, shuffled contexts": read / "shuffled"}
    rows = []
    for kind, learned_from in kinds.items():
        runs: list[dict[str, Figure | None]] = []
        for seed in arguments.seeds:
            out = arguments.results / "models" / f"{name}, {kind}, {seed}"
            if not out.exists():
                options = replace(AubertTrainOptions(**MINI["train"]), seed=seed)
                model = AubertOptions(**MINI["model"], scorer="cosine")
                print(train_aubert(out, learned_from, root, shelf, encoders, model, options))
            every = AubertEvaluateOptions(max_pairs=100_000)
            runs.append(evaluate_aubert(read, out, encoders, root, shelf, "aubert", every)[0])
        wanted = SHOWN if kind == "AuBERT" else {"same_token_top1": SHOWN["same_token_top1"]}
        for key, what in wanted.items():
            found = [each[f"aubert.{key}"] for each in runs]
            value = mean(each.value for each in found)
            ends = [mean(each.ci95[edge] for each in found) for edge in (0, 1)]
            half = (ends[1] - ends[0]) / 2
            needed = round(found[0].n * (half / POWER) ** 2)
            rows.append([name, f"{kind}: {what}", figure(value, ends), found[0].n, needed])
    for predictor, found in ceilings(read, shelf, root).items():  # of seen voices: there is one
        rows.append([name, f"prosody alone: {predictor}", figure(found.value, found.ci95),
                     found.n, ""])  # fmt: skip
    return rows


if __name__ == "__main__":
    main()
