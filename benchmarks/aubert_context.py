"""Which of a word's utterances belongs to a context: with which seeds, and with which contexts.

Trains AuBERT as the default run does, on that run's pairs, with several seeds of its weights and
batches: with contexts that end with their sentence (pairs.within_sentence) and with those that go
on. Prints retrieval of 4 (chance .25), beside the mean-pooled encoders and texts without context:
of each training, and of each kind of context the mean over seeds. The default run's few hundred
held-out pairs leave wide intervals; these are of more readings besides: every voice reads the
held-out books from end to end, in another room each time. Needs a finished default run. What is
there already in the results folder is not made again; a training that was killed goes on.

    python benchmarks/aubert_context.py [--seeds 0 1 2] [--scorer cosine] [--results DIR]
        [--contexts sentence characters]
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from statistics import mean

from readings import as_tables
from real_recordings import ROOT

from aubert import tables
from aubert.config import resolve_files
from aubert.corpus.books import Bookshelf
from aubert.corpus.held_out import HeldOut
from aubert.crossmodal.evaluation_stage import evaluate_aubert
from aubert.crossmodal.options import AubertEvaluateOptions, AubertOptions, AubertTrainOptions
from aubert.crossmodal.pairs import PairsOptions, pairs
from aubert.crossmodal.task import train_aubert
from aubert.evaluate.metrics import Figure
from aubert.files import complete_directory
from aubert.mini.books import chapters
from aubert.mini.cast import ASSIGNMENTS, HELD_OUT_BOOKS, READERS, UNSEEN_SPEAKERS, Assignment
from aubert.mini.write import RECORDINGS_DIR, make_recordings
from aubert.stage import Reject

RUN, MINI = ROOT / "results" / "mini", ROOT / "data" / "mini"
VOICES = {"": "seen voices", "unseen_": "unseen voices"}
SHOWN = {
    "same_token_top1": "of 4, by context",
    "same_token_top1.baseline": "mean-pooled",
    "same_token_top1.over_baseline": "over mean-pooled",
    "context_helps": "over no context",
    "retrieval_top1": "word by sound",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--scorer", choices=("cosine", "mlp"), default="cosine")
    parser.add_argument("--results", type=Path, default=Path("results/aubert_context"))
    contexts = ("sentence", "characters")
    parser.add_argument("--contexts", choices=contexts, nargs="+", default=contexts)
    arguments = parser.parse_args()
    if not (RUN / "aubert" / "text").exists():
        raise SystemExit(f"{RUN} holds no finished default run: run `make demo` first")
    config = resolve_files([])["aubert"]
    shelf = Bookshelf(MINI / "books", MINI / "book_meta.json")
    for context in arguments.contexts:
        read = arguments.results / context
        if not read.exists():
            with complete_directory(read) as part:
                write_tables(part, shelf, config, context == "sentence")
        found = []
        for seed in arguments.seeds:
            out = arguments.results / f"{context}_{arguments.scorer}_{seed}"
            found.append(figures(out, read, shelf, config, arguments.scorer, seed))
            show(f"{context}, seed {seed}", found[-1])
        show_means(f"{context}, mean of {len(found)} seeds", found)


def write_tables(out: Path, shelf: Bookshelf, config: dict, within_sentence: bool) -> None:
    """The tables that a training and its evaluation read, of the run and of more readings, with
    the audio of both below."""
    corpus = out / RECORDINGS_DIR
    columns = {
        name: list(tables.all_rows(RUN, name))
        for name in ("recordings", "utterances", "refined", "words")
    }
    made = make_recordings(out, more_readings(), jobs=2)
    for row in columns["recordings"]:
        link = corpus / row["path"]
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(MINI / RECORDINGS_DIR / row["path"])
    for rows, more in zip(columns.values(), as_tables(made), strict=True):
        rows += more
    options = PairsOptions(**{**config["pairs"], "within_sentence": within_sentence})
    rows = pairs(
        *columns.values(), corpus, shelf, options,
        held_out=HeldOut(speakers=list(UNSEEN_SPEAKERS), books=list(HELD_OUT_BOOKS)),
    )  # fmt: skip
    columns["pairs"] = [row for row in rows if not isinstance(row, Reject)]
    for name in ("recordings", "utterances", "pairs"):
        tables.write(out / name / "all.parquet", name, columns[name])


def more_readings() -> list[Assignment]:
    """The held-out books by every voice, without what the run has."""
    return [
        wanted
        for reader, book_id in product(READERS, HELD_OUT_BOOKS)
        for chapter in chapters(book_id)
        if (wanted := Assignment(reader=reader, book_id=book_id, chapter=chapter.number,
                                 stated_book_id=book_id)) not in ASSIGNMENTS
    ]  # fmt: skip


def figures(
    out: Path, read: Path, shelf: Bookshelf, config: dict, scorer: str, seed: int
) -> dict[str, Figure | None]:
    """Of the model in `out`, which is trained where it is not there."""
    encoders = (str(RUN / "aubert" / "text"), str(RUN / "ctc" / "hubert"))
    corpus = read / RECORDINGS_DIR
    if not out.exists():
        model = AubertOptions(**{**config["model"], "scorer": scorer})
        options = AubertTrainOptions(**{**config["train"], "seed": seed})
        print(train_aubert(out, read, corpus, shelf, encoders, model, options), flush=True)
    every = AubertEvaluateOptions(**{**config["evaluate"], "max_pairs": 100_000})
    return evaluate_aubert(read, out, encoders, corpus, shelf, "aubert", every)[0]


def show(name: str, found: dict[str, Figure | None]) -> None:
    for key, label in labels(name).items():
        low, high = found[key].ci95
        sign = "+" if "over" in label else ""
        interval = f"{low:{sign}.3f} to {high:{sign}.3f}"
        print(f"{label}{found[key].value:{sign}.3f}  {interval}  (n {found[key].n})", flush=True)


def show_means(name: str, found: Sequence[dict[str, Figure | None]]) -> None:
    for key, label in labels(name).items():
        print(f"{label}{mean(each[key].value for each in found):.3f}")


def labels(name: str) -> dict[str, str]:
    """Key of each figure that is shown -> what its line begins with."""
    return {
        f"aubert.{prefix}{key}": f"{name:<28}{voices:<15}{shown:<18}"
        for prefix, voices in VOICES.items()
        for key, shown in SHOWN.items()
    }


if __name__ == "__main__":
    main()
