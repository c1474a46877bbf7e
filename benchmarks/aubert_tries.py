"""What helps AuBERT to distinguish a word's utterances by their context: one option at a time.

Each is a training as the default run's, on that run's pairs, with what is named changed, and is
measured as aubert_context.py measures, on two other books, which no recording of the run reads and
nothing else was measured on. What helps is chosen here, and reported there. Needs a finished
default run. What is there already in the results folder is not made again; rows of the table that
were measured elsewhere stay.

    python benchmarks/aubert_tries.py [--only NAME ...]
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

from aubert_context import MINI, RUN, default_config, measured, write_tables
from aubert_prosody import ceilings
from figures import FIGURES, figure, keep, table

from aubert.corpus.books import Bookshelf
from aubert.crossmodal.options import SmallBertOptions
from aubert.crossmodal.small_bert import save_small_bert
from aubert.files import complete_directory
from aubert.mini.cast import ASSIGNMENTS, TRAIN_BOOKS, TRAIN_SPEAKERS, Assignment
from aubert.mini.write import RECORDINGS_DIR

BOOKS = ("2309", "2310")
RESULTS = Path("results/aubert_tries")
SEED = 0
SHOWN = {
    "same_token_top1": "of 4, by context (95%), seen voices",
    "unseen_same_token_top1": "unseen voices",
    "same_token_top1.over_baseline": "over mean-pooled, seen voices",
    "unseen_same_token_top1.over_baseline": "unseen voices",
    "retrieval_top1": "a word to its text, seen voices",
}
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
    ".2 s of audio around the segment": {"model": {"audio_context_seconds": 0.2}},
    "1 s of audio around the segment": {"model": {"audio_context_seconds": 1.0}},
    "24 more readings": {},
    "96 more readings, 1,350 steps": {"train": {"steps": 1350, "freeze_audio_steps": 1350}},
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="+", choices=[*TRIES], default=[*TRIES])
    arguments = parser.parse_args()
    config, shelf = default_config(), Bookshelf(MINI / "books", MINI / "book_meta.json")
    if not (RESULTS / "text 2000").exists():
        texts = [shelf.text(book_id) for book_id in TRAIN_BOOKS if book_id not in BOOKS]
        options = SmallBertOptions(**{**config["small_bert"], "vocab_size": 2000})
        save_small_bert(RESULTS / "text 2000", texts, options)
    for name in arguments.only:
        number = int(name.split()[0]) if "more readings" in name else 0
        read = RESULTS / (f"readings and {number}" if number else "readings")
        if not read.exists():
            with complete_directory(read) as part:
                write_tables(part, shelf, config, BOOKS, more=more_readings(number))
        train = {**TRIES[name].get("train", {}), "seed": SEED}
        own = {**TRIES[name], "train": train, "evaluate": {"max_pairs": MAX_PAIRS}}
        measured(RESULTS / name, read, shelf, config, own)
    done = {name: RESULTS / f"{name}.json" for name in TRIES}
    done = {name: json.loads(path.read_text()) for name, path in done.items() if path.exists()}
    kept = FIGURES / "aubert-tries.json"
    rows = {row[0]: row for row in json.loads(kept.read_text())["rows"]} if kept.exists() else {}
    for name, found in done.items():
        cells = [cell(found["figures"][f"aubert.{key}"]) for key in SHOWN]
        rows[name] = [name, *cells, round(found["cpu_seconds"])]
    began, read = os.times(), RESULTS / "readings"
    top1 = ceilings(read, shelf, read / RECORDINGS_DIR)
    for predictor in ("ridge regression", "boosted trees"):
        ends = (top1[predictor], top1[f"unseen_{predictor}"])
        name = f"prosody alone, {predictor}"
        rows[name] = [name, *(figure(each.value, each.ci95) for each in ends), "", "", "", ""]
    at = {name: place for place, name in enumerate(TRIES)}  # prosody last
    rows = sorted(rows.values(), key=lambda row: at.get(row[0], len(at)))
    seconds = sum(found["cpu_seconds"] for found in done.values())
    seconds += sum(os.times()[:4]) - sum(began[:4])
    columns = ["", *SHOWN.values(), "CPU s"]
    command = "python benchmarks/aubert_tries.py"
    keep("aubert-tries", columns, rows, command=command, seconds=seconds)
    print(table("aubert-tries"))


def cell(found: dict) -> dict:
    return figure(found["value"], found["ci95"])


def more_readings(number: int) -> list[Assignment]:
    """Of books of the training by its speakers, as many of each: other chapters than they read."""
    books = [id for id in TRAIN_BOOKS if id not in BOOKS]
    chapters = [(book_id, chapter) for chapter in (1, 2, 3) for book_id in books]
    found, made = [], {each.recording_id for each in ASSIGNMENTS}
    for place, reader in enumerate(TRAIN_SPEAKERS):
        others = [
            Assignment(reader=reader, book_id=book_id, chapter=chapter, stated_book_id=book_id)
            for book_id, chapter in chapters[place:] + chapters[:place]
        ]
        others = [each for each in others if each.recording_id not in made]
        found += others[: number // len(TRAIN_SPEAKERS)]
    return found


if __name__ == "__main__":
    main()
