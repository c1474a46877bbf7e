"""Which of a word's utterances belongs to a context: with which seeds, and with which contexts.

Trains AuBERT as the default run does, on that run's pairs, with several seeds of its weights and
batches: with contexts that end with their sentence (pairs.within_sentence) and with those that go
on. Prints retrieval on the run's held-out books and voices, of 4 (chance .25), beside the
mean-pooled encoders and texts without context: of each training, and of each kind of context the
mean over seeds. Needs a finished default run. What is there already in the results folder is not
trained again; a training that was killed goes on.

    python benchmarks/aubert_context.py [--seeds 0 1 2] [--scorer cosine] [--results DIR]
        [--contexts sentence characters]
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from statistics import mean

import yaml
from real_recordings import ROOT

from aubert import tables
from aubert.corpus.books import Bookshelf
from aubert.corpus.pairs import PairsOptions, pairs
from aubert.evaluate.aubert_options import AubertEvaluateOptions
from aubert.evaluate.aubert_stage import evaluate_aubert
from aubert.evaluate.metrics import Figure
from aubert.files import complete_directory
from aubert.models.aubert_options import AubertOptions
from aubert.stage import Reject
from aubert.training.aubert import train_aubert
from aubert.training.aubert_options import AubertTrainOptions

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
    config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))["aubert"]
    shelf = Bookshelf(MINI / "books", MINI / "book_meta.json")
    for context in arguments.contexts:
        read = arguments.results / context
        if not read.exists():
            with complete_directory(read) as part:
                write_pairs(part, shelf, config, context == "sentence")
        found = []
        for seed in arguments.seeds:
            out = arguments.results / f"{context}_{arguments.scorer}_{seed}"
            found.append(figures(out, read, shelf, config, arguments.scorer, seed))
            show(f"{context}, seed {seed}", found[-1])
        show_means(f"{context}, mean of {len(found)} seeds", found)


def write_pairs(out: Path, shelf: Bookshelf, config: dict, within_sentence: bool) -> None:
    """The tables that a training reads: the run's, and pairs with these contexts."""
    for name in ("recordings", "utterances"):
        (out / name).symlink_to(RUN / name)
    columns = [
        list(tables.all_rows(RUN, name))
        for name in ("recordings", "utterances", "refined", "words")
    ]
    options = PairsOptions(**{**config["pairs"], "within_sentence": within_sentence})
    rows = pairs(
        *columns, MINI / "librilight", shelf, options,
        held_out_books=config["held_out_books"], held_out_speakers=config["held_out_speakers"],
    )  # fmt: skip
    kept = [row for row in rows if not isinstance(row, Reject)]
    tables.write(out / "pairs" / "all.parquet", "pairs", kept)


def figures(
    out: Path, read: Path, shelf: Bookshelf, config: dict, scorer: str, seed: int
) -> dict[str, Figure | None]:
    """Of the model in `out`, which is trained where it is not there."""
    encoders = (str(RUN / "aubert" / "text"), str(RUN / "ctc" / "hubert"))
    corpus = MINI / "librilight"
    if not out.exists():
        model = AubertOptions(**{**config["model"], "scorer": scorer})
        options = AubertTrainOptions(**{**config["train"], "seed": seed})
        print(train_aubert(out, read, corpus, shelf, encoders, model, options), flush=True)
    options = AubertEvaluateOptions(**config["evaluate"])
    return evaluate_aubert(read, out, encoders, corpus, shelf, "aubert", options)[0]


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
