"""What helps AuBERT to tell a word's utterances apart by their context: one option at a time.

Each is a training as the default run's, on that run's pairs, with what is named changed, and is
measured as aubert_context.py measures, on two other books, which no recording of the run reads and
nothing else was measured on. What helps is chosen here, and reported there. Needs a finished
default run. What is there already in the results folder is not made again.

    python benchmarks/aubert_tries.py [--only NAME ...] [--seeds 0 1]
"""

from __future__ import annotations

import argparse
from pathlib import Path

from aubert_context import MINI, RUN, default_config, measured, rows_of, write_tables
from figures import keep, table

from aubert.corpus.books import Bookshelf
from aubert.crossmodal.options import SmallBertOptions
from aubert.crossmodal.small_bert import save_small_bert
from aubert.files import complete_directory
from aubert.mini.cast import ASSIGNMENTS, TRAIN_BOOKS, TRAIN_SPEAKERS, Assignment

BOOKS = ("2309", "2310")
RESULTS = Path("results/aubert_tries")
MAX_PAIRS = 10_000  # of seen voices' 22,000: minutes each
TRIES: dict[str, dict[str, dict]] = {
    "as the default run": {},
    "last layer of the audio encoder": {"model": {"audio_layers": "last"}},
    "no reference speech": {"model": {"reference_seconds": 0.0}},
    "6 s of reference speech": {"model": {"reference_seconds": 6.0}},
    "negatives of the same token": {"train": {"negatives": "same_token"}},
    "negatives of any token": {"train": {"negatives": "any"}},
    "batches of 96": {"train": {"batch_pairs": 96, "batch_seconds": 160.0}},
    "1,350 steps": {"train": {"steps": 1350, "freeze_audio_steps": 1350}},
    "audio encoder trained from step 150": {"train": {"freeze_audio_steps": 150}},
    "HuBERT's iteration 2 as audio encoder": {"encoders": {"audio": RUN / "hubert" / "iter2"}},
    "mean and maximum": {"model": {"pooling": "mean_max"}},
    "attention pooling": {"model": {"pooling": "attention"}},
    "mlp projection": {"model": {"projection": "mlp"}},
    "masked words beside the contrast": {"model": {"mlm_weight": 0.1}},
    "text encoder of 2,000 tokens": {"encoders": {"text": RESULTS / "text 2000"}},
    "24 more readings": {},
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="+", choices=[*TRIES], default=[*TRIES])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    arguments = parser.parse_args()
    config, shelf = default_config(), Bookshelf(MINI / "books", MINI / "book_meta.json")
    if not (RESULTS / "text 2000").exists():
        texts = [shelf.text(book_id) for book_id in TRAIN_BOOKS if book_id not in BOOKS]
        options = SmallBertOptions(**{**config["small_bert"], "vocab_size": 2000})
        save_small_bert(RESULTS / "text 2000", texts, options)
    rows, seconds = [], 0.0
    for name, changes in TRIES.items():
        if name not in arguments.only:
            continue
        read = RESULTS / ("more readings" if name == "24 more readings" else "readings")
        if not read.exists():
            with complete_directory(read) as part:
                more = more_readings() if read.name == "more readings" else ()
                write_tables(part, shelf, config, BOOKS, more=more)
        found = []
        for seed in arguments.seeds:
            train = {**changes.get("train", {}), "seed": seed}
            own = {**changes, "train": train, "evaluate": {"max_pairs": MAX_PAIRS}}
            found.append(measured(RESULTS / f"{name}, {seed}", read, shelf, config, own))
        rows += rows_of(name, found)
        seconds += sum(each["cpu_seconds"] for each in found)
        columns = ["changed", "voices", "what, top-1", "by seed", "mean (95% interval)", "n"]
        keep("aubert-tries", columns, rows, command="python benchmarks/aubert_tries.py",
             seconds=seconds)  # fmt: skip
    print(table("aubert-tries"))


def more_readings() -> list[Assignment]:
    """Of books of the training, by its speakers, each of three books that are not theirs."""
    books = [id for id in TRAIN_BOOKS if id not in BOOKS]
    wanted = [
        Assignment(reader=reader, book_id=book_id, chapter=1 + number % 3, stated_book_id=book_id)
        for number, reader in enumerate(TRAIN_SPEAKERS)
        for book_id in (books[(number + step) % len(books)] for step in (3, 4, 5))
    ]
    return [each for each in wanted if each not in ASSIGNMENTS]


if __name__ == "__main__":
    main()
