"""Which of a word's utterances belongs to a context: with which seeds, and with which contexts.

Trains AuBERT as the default run does, on that run's pairs, with several seeds of its weights and
batches: with contexts that end with their sentence (pairs.within_sentence) and with those that go
on. Prints retrieval of 4 (chance .25), beside the mean-pooled encoders, texts without context and
what prosody alone tells (aubert_prosody.py). The default run's few hundred held-out pairs leave
wide intervals; these are of more readings besides: every voice reads the held-out books from end to
end, in another room each time. Needs a finished default run. What is there already in the results
folder is not made again; a training that was killed goes on. With --around the audio encoder
attends to the audio on both sides of the word, and the table is another one.

    python benchmarks/aubert_context.py [--seeds 0 1 2] [--scorers cosine mlp] [--results DIR]
        [--contexts sentence characters] [--steps 1350] [--around 1]
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from pathlib import Path
from statistics import mean

from aubert_prosody import ceilings
from figures import figure, keep, table
from readings import as_tables
from real_recordings import ROOT

from aubert import tables
from aubert.config import resolve_files
from aubert.corpus.books import Bookshelf
from aubert.corpus.held_out import HeldOut
from aubert.crossmodal.evaluation_stage import evaluate_aubert
from aubert.crossmodal.options import AubertEvaluateOptions, AubertOptions, AubertTrainOptions
from aubert.crossmodal.pairs import TRAIN, PairsOptions, pairs
from aubert.crossmodal.task import train_aubert
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
    parser.add_argument("--scorers", choices=("cosine", "mlp"), nargs="+", default=["cosine"])
    parser.add_argument("--results", type=Path, default=Path("results/aubert_context"))
    contexts = ("sentence", "characters")
    parser.add_argument("--contexts", choices=contexts, nargs="+", default=contexts)
    parser.add_argument("--steps", type=int, help="of training, where not the run's")
    parser.add_argument(
        "--around",
        type=float,
        default=0.0,
        help="audio on each side of a segment that its encoder attends to, in s",
    )
    arguments = parser.parse_args()
    config, shelf = default_config(), Bookshelf(MINI / "books", MINI / "book_meta.json")
    if arguments.steps:  # the audio encoder stays frozen for all of them, as in the run
        config["train"] |= {"steps": arguments.steps, "freeze_audio_steps": arguments.steps}
    steps, name = config["train"]["steps"], "aubert-context"
    if arguments.around:
        name += "-around"
        config["model"] |= {"audio_context_seconds": arguments.around}
    rows, seconds = [], 0.0
    for context in arguments.contexts:
        read = arguments.results / context
        if not read.exists():
            with complete_directory(read) as part:
                write_tables(part, shelf, config, HELD_OUT_BOOKS, context == "sentence")
        for scorer in arguments.scorers:
            kind, found = f"{context}, {scorer}, {steps:,} steps", []
            kind += f", {arguments.around:g} s around" if arguments.around else ""
            for seed in arguments.seeds:
                out = arguments.results / f"{context}_{scorer}_{steps}_{arguments.around:g}_{seed}"
                changes = {"model": {"scorer": scorer}, "train": {"seed": seed}}
                found.append(measured(out, read, shelf, config, changes))
            rows += rows_of(kind, found)
            seconds += sum(each["cpu_seconds"] for each in found)
        for key, top1 in ceilings(read, shelf, read / RECORDINGS_DIR).items():
            predictor = key.removeprefix("unseen_")
            voices = VOICES[key.removesuffix(predictor)]
            cell = figure(top1.value, top1.ci95)
            rows.append([context, voices, f"prosody alone, {predictor}", "", cell, top1.n])
    columns = ["contexts", "voices", "what, top-1", "by seed", "mean (95% interval)", "n"]
    command = "python benchmarks/aubert_context.py"
    command += f" --steps {arguments.steps}" if arguments.steps else ""
    command += f" --around {arguments.around:g}" if arguments.around else ""
    keep(name, columns, rows, command=command, seconds=seconds)
    print(table(name))


def default_config() -> dict:
    if not (RUN / "aubert" / "text").exists():
        raise SystemExit(f"{RUN} holds no finished default run: run `make demo` first")
    return resolve_files([])["aubert"]


def write_tables(
    out: Path,
    shelf: Bookshelf,
    config: dict,
    books: Sequence[str],
    within_sentence: bool = True,
    more: Iterable[Assignment] = (),
) -> None:
    """The tables that a training and its evaluation read, with the audio below: of the run, and of
    books that every voice reads, which are the test. more: readings that the training has, too."""
    corpus = out / RECORDINGS_DIR
    columns = {
        name: list(tables.all_rows(RUN, name))
        for name in ("recordings", "utterances", "refined", "words")
    }
    made = make_recordings(out, [*every_voice(books), *more], jobs=1)
    for row in columns["recordings"]:
        link = corpus / row["path"]
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(MINI / RECORDINGS_DIR / row["path"])
    for rows, others in zip(columns.values(), as_tables(made), strict=True):
        rows += others
    options = PairsOptions(**{**config["pairs"], "within_sentence": within_sentence})
    rows = pairs(
        *columns.values(), corpus, shelf, options,
        held_out=HeldOut(speakers=list(UNSEEN_SPEAKERS), books=[*HELD_OUT_BOOKS, *books]),
    )  # fmt: skip
    columns["pairs"] = [
        row for row in rows if not isinstance(row, Reject)
        and (row["split"] == TRAIN or row["book_id"] in books)
    ]  # fmt: skip
    for name in ("recordings", "utterances", "pairs"):
        tables.write(out / name / "all.parquet", name, columns[name])


def every_voice(books: Sequence[str]) -> list[Assignment]:
    """The books by every voice, without what the run has."""
    return [
        wanted
        for reader, book_id in product(READERS, books)
        for chapter in chapters(book_id)
        if (wanted := Assignment(reader=reader, book_id=book_id, chapter=chapter.number,
                                 stated_book_id=book_id)) not in ASSIGNMENTS
    ]  # fmt: skip


def measured(
    out: Path, read: Path, shelf: Bookshelf, config: dict, changes: Mapping[str, Mapping]
) -> dict:
    """Figures of the model in `out`, which is trained where it is not there: {"figures": {key:
    {value, ci95, n}}, "cpu_seconds"}. changes: of the config's model, train, encoders and
    evaluate. What was measured is kept beside the model."""
    kept = out.parent / f"{out.name}.json"
    if kept.exists():
        return json.loads(kept.read_text())
    began = os.times()
    encoders = {"text": RUN / "aubert" / "text", "audio": RUN / "ctc" / "hubert"}
    encoders = tuple(map(str, (encoders | changes.get("encoders", {})).values()))
    corpus = read / RECORDINGS_DIR
    if not out.exists():
        model = AubertOptions(**{**config["model"], **changes.get("model", {})})
        train = {**config["train"], **changes.get("train", {})}
        around = 2 * model.audio_context_seconds * train["batch_pairs"]
        train["batch_seconds"] += round(around)  # as many pairs are in a contrast
        options = AubertTrainOptions(**train)
        print(train_aubert(out, read, corpus, shelf, encoders, model, options), flush=True)
    wanted = config["evaluate"] | {"max_pairs": 100_000} | changes.get("evaluate", {})
    every = AubertEvaluateOptions(**wanted)
    found = evaluate_aubert(read, out, encoders, corpus, shelf, "aubert", every)[0]
    ended = os.times()
    result = {
        "figures": {
            key: {"value": each.value, "ci95": each.ci95, "n": each.n}
            for key, each in found.items() if each is not None
        },
        "cpu_seconds": sum(ended[:4]) - sum(began[:4]),
    }  # fmt: skip
    kept.write_text(json.dumps(result))
    return result


def rows_of(name: str, found: Sequence[dict]) -> list[list]:
    """Of the seeds' figures. The mean's interval is the mean of theirs."""
    rows = []
    for (prefix, voices), (key, what) in product(VOICES.items(), SHOWN.items()):
        own = [each["figures"][f"aubert.{prefix}{key}"] for each in found]
        ends = [mean(each["ci95"][edge] for each in own) for edge in (0, 1)]
        by_seed = ", ".join(f"{each['value']:.3f}".replace("0.", ".") for each in own)
        cell = figure(mean(each["value"] for each in own), ends)
        rows.append([name, voices, what, by_seed, cell, own[0]["n"]])
    return rows


if __name__ == "__main__":
    main()
