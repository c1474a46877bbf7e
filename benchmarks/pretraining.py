"""Does HuBERT help? CTC fine-tuned on minutes of real speech, from pre-trained and other encoders.

    python benchmarks/real_speech.py data/real
    python benchmarks/pretraining.py encoders   # two iterations; CPU hours
    python benchmarks/pretraining.py control    # from iteration 2's labels, beside its training
    python benchmarks/pretraining.py choose     # learning rates, on the dev readers; of named ones
    python benchmarks/pretraining.py train iter2 10min 0 4e-3 dev   # one training, on one part
    python benchmarks/pretraining.py finetune   # every budget, encoder and seed; CPU hours
    python benchmarks/pretraining.py table      # what is there by now

Each goes on where it was stopped. A run's errors by reader are kept in benchmarks/figures/
pretraining, so a table needs no model. Encoders: untrained (the weights that iteration 1 begins
with), iter1, iter2, and as a control shuffled: trained as long as iter2 on its labels in random
order. Those of EARLIER began with Hugging Face's initial weights, two were trained twice as long:
only their errors are kept. All are fine-tuned in the same way, with the learning rate that `choose`
finds best for each at ten minutes; where it was not run, with RATE, which was set before. No
training and no choice uses the test readers; the language model is of books that none of them
reads.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import figures
import numpy as np
from figures import cpu_of_children, figure, keep
from real_recordings import ROOT, real_recordings

from aubert.config.resolve import resolve_files
from aubert.corpus.labelled import read_labelled
from aubert.evaluate.intervals import DRAWS
from aubert.evaluate.wer import character_errors, word_errors
from aubert.hubert.plan import Plan
from aubert.options import to_flags
from aubert.text.book_lm import training_sentences
from aubert.text.languages import ENGLISH
from aubert.text.lm import build_arpa
from aubert.transcribe.ctc import CtcModel
from aubert.transcribe.decode import DecodeOptions, Decoder

RUN = Path("results/real")
LABELLED = Path("data/real/labelled")
FIGURES = ROOT / "benchmarks" / "figures" / "pretraining"
CONFIG = ROOT / "workflow" / "presets" / "real-small.yaml"
ENCODERS = ("untrained", "shuffled", "iter1", "iter2")
EARLIER = ("untrained_hf", "shuffled_hf", "iter2_hf", "iter1_6000", "iter2_12000")
STEPS = {"1min": 300, "10min": 600, "60min": 1500}
SEEDS = (0, 1, 2)
RATE = 1e-3  # where the choice begins
PRECISION = "bfloat16"  # two thirds of the time on a processor that multiplies it
CHOSEN_AT = "10min"
# Books of the collection that a reader of dev or test reads are found by their words.
BOOKS = ("more/librispeech/books", "more/librispeech_longform/books", "audiobooks/books")
SHARED_WORDS = 8
# Of masked channels and dropout these were better than none and .05, on the dev readers.
FINE_TUNING = {
    "batch-seconds": 24.0, "step-seconds": 24.0, "max-seconds": 24.0, "warmup-steps": 80,
    "freeze-encoder-steps": 0, "mask-time-prob": 0.3, "mask-time-length": 10,
    "mask-feature-prob": 0.3, "mask-feature-length": 16, "dropout": 0.15,
    "activation-dropout": 0.0, "layerdrop": 0.0, "precision": PRECISION,
    "validation-share": 0.0, "log-every": 50, "checkpoint-every": 100,
}  # fmt: skip
MEASURES = ("cer", "wer", "wer_lm")


def main() -> None:
    verbs = (encoders, control, choose, train, finetune, table)
    {verb.__name__: verb for verb in verbs}[sys.argv[1]](*sys.argv[2:])


# --- training


def encoders() -> None:
    subprocess.run(["snakemake", "hubert", "--cores=2", "--configfile", *configs()], check=True)


def configs() -> list[Path]:
    overlay = RUN / "precision.json"
    overlay.parent.mkdir(parents=True, exist_ok=True)
    overlay.write_text(json.dumps({"hubert": {"train": {"precision": PRECISION}}}))
    return [CONFIG, overlay]


def control() -> None:
    config = resolve_files(configs())
    plan, labels = Plan(config), []
    for units in plan.learned_from(2):
        out = RUN / "units" / "shuffled" / f"k{units.k}"
        true = RUN / "units" / units.feature / f"k{units.k}" / "labels"
        shuffled_labels([true / str(shard) for shard in range(config["num_shards"])], out)
        labels.append(f"--labels=shuffled_k{units.k}={out}")
    fields = plan.model_fields() | plan.training_fields(2, how=False)
    flags = shlex.split(to_flags(fields | plan.training_fields(2, how=True)))
    out = RUN / "hubert" / "shuffled"
    if not out.exists():
        command = ["-m", "aubert", "hubert", "train", RUN, out, "--root=/", "--restart=changed"]
        subprocess.run([sys.executable, *command, *labels, *flags], check=True)


def shuffled_labels(shards: list[Path], out: Path) -> None:
    """Of each utterance the same labels in random order, one order for all codebooks: as frequent,
    and of no sound."""
    from aubert.units.labels import LabelSet, write_labels

    if missing := [shard for shard in shards if not shard.exists()]:
        sys.exit(f"{missing[0]} is not there yet: `encoders` makes it before iteration 2")
    for shard in shards:
        if (out / shard.name / "labels.json").exists():
            continue
        true, random = LabelSet.open(shard), np.random.default_rng(0)
        (out / shard.name).mkdir(parents=True, exist_ok=True)
        mixed = ((name, random.permutation(own)) for name, own in true)
        write_labels(out / shard.name, mixed, true.kind, true.num_clusters, true.codebook)


def train(encoder: str, budget: str, seed: int | str, rate: float | str, part: str) -> None:
    """Fine-tunes, and writes the errors by reader of a part (dev or test)."""
    seed, rate = int(seed), float(rate)
    name = f"{encoder}-{budget}-{seed}-{rate:g}"
    kept = FIGURES / part / f"{name}.json"
    if kept.exists():
        return
    model = RUN / "fine_tuned" / name
    began = cpu_s()
    if not model.exists():
        flags = FINE_TUNING | {"steps": STEPS[budget], "lr": rate, "seed": seed}
        flags["hold-steps"] = STEPS[budget] // 2
        subprocess.run(
            [sys.executable, "-m", "aubert", "ctc", "train", model, "--train-front-end",
             f"--init={RUN / 'hubert' / encoder}", "--labelled", LABELLED / budget,
             *(f"--{key}={value}" for key, value in flags.items())],
            check=True,
        )  # fmt: skip
    trained = cpu_s()
    errors = errors_by_reader(model, part, language_model())
    kept.parent.mkdir(parents=True, exist_ok=True)
    notes = {
        "encoder": encoder, "labelled": budget, "seed": seed, "lr": rate, "steps": STEPS[budget],
        "train_s": round(trained - began), "evaluate_s": round(cpu_s() - trained),
        "readers": errors,
    }  # fmt: skip
    kept.write_text(json.dumps(notes, indent=1) + "\n")
    print(f"{part} {name}: " + ", ".join(f"{one} {rate_of([notes], one):.3f}" for one in MEASURES))


def cpu_s() -> float:
    return time.process_time() + cpu_of_children()


def choose(*encoders: str) -> None:
    """Half and twice the best rate, until both are worse."""
    for encoder in encoders or ENCODERS:
        best = None
        while (RUN / "hubert" / encoder).exists() and best != best_rate(encoder):
            best = best_rate(encoder)
            for rate in (best, best / 2, best * 2):
                train(encoder, CHOSEN_AT, SEEDS[0], rate, "dev")
    print({encoder: best_rate(encoder) for encoder in (*ENCODERS, *EARLIER)})


def best_rate(encoder: str) -> float:
    """Of the lowest character error rate on the dev readers; RATE where none was tried."""
    runs = [run for run in read_runs("dev") if run["encoder"] == encoder]
    return min(runs, key=lambda run: rate_of([run], "cer"))["lr"] if runs else RATE


def finetune(*budgets: str) -> None:
    for budget in budgets or ("10min", "1min", "60min"):
        for seed in SEEDS:
            for encoder in ENCODERS:
                if (RUN / "hubert" / encoder).exists():
                    train(encoder, budget, seed, best_rate(encoder), "test")


# --- errors


def errors_by_reader(model: Path, part: str, lm_path: Path) -> dict[str, dict[str, list[int]]]:
    """{reader: {measure: [errors, of]}}."""
    options = DecodeOptions(model=str(model), beam_width=20, lm_path=str(lm_path))
    loaded = CtcModel.load(options)
    vocabulary = loaded.vocabulary(ENGLISH)
    greedy = Decoder(vocabulary, replace(options, beam_width=1, lm_path=None))
    beam = Decoder(vocabulary, options)
    labelled = {each.utterance_id: each for each in read_labelled([LABELLED / part])}
    sounds = ((each.utterance_id, each.decode()) for each in labelled.values())
    found: dict[str, dict[str, list[int]]] = defaultdict(lambda: {one: [0, 0] for one in MEASURES})
    for name, emission in loaded.emissions(sounds):
        reference = labelled[name].text.split()
        own = greedy(emission, None).text.split()
        with_lm = beam(emission, str(lm_path)).text.split()
        counted = {
            "cer": (character_errors(reference, own), len(labelled[name].text)),
            "wer": (word_errors(reference, own), len(reference)),
            "wer_lm": (word_errors(reference, with_lm), len(reference)),
        }
        for measure, pair in counted.items():
            sums = found[labelled[name].speaker][measure]
            sums[:] = np.add(sums, pair).tolist()
    return dict(found)


def language_model() -> Path:
    """A 3-gram model of the books that share no run of SHARED_WORDS words with dev or test."""
    path = RUN / "other_books.arpa"
    if path.exists():
        return path
    readings = read_labelled([LABELLED / "dev", LABELLED / "test"])
    read = {gram for each in readings for gram in _grams(each.text.split())}
    texts = []
    for folder in BOOKS:
        for book in sorted(real_recordings(*folder.split("/")).glob("*.txt")):
            text = book.read_text(encoding="utf-8", errors="replace")
            words = [word for line in training_sentences([text]) for word in line]
            common = len(read & set(_grams(words)))
            print(f"{book.name}: {len(words)} words, {common} runs shared with dev and test")
            if not common:
                texts.append(text)
    build_arpa(training_sentences(texts), path)
    return path


def _grams(words: list[str]) -> list[tuple[str, ...]]:
    return [tuple(words[at : at + SHARED_WORDS]) for at in range(len(words) - SHARED_WORDS + 1)]


# --- tables


def read_runs(part: str) -> list[dict]:
    return [json.loads(path.read_text()) for path in sorted((FIGURES / part).glob("*.json"))]


def seconds_of(runs: list[dict]) -> float:
    return sum(run["train_s"] + run["evaluate_s"] for run in runs)


def rate_of(runs: list[dict], measure: str, readers: list[str] | None = None) -> float:
    """Errors of all runs over what they are counted of; readers: those counted, as often as they
    stand there."""
    pairs = [
        run["readers"][reader][measure] for run in runs for reader in readers or run["readers"]
    ]
    errors, of = np.sum(pairs, axis=0)
    return float(errors / of)


def interval(runs: list[dict], measure: str, against: list[dict] | None = None):
    """95% of draws of readers and, within them, of seeds; of the ratio where `against` is given."""
    random = np.random.default_rng(0)
    readers = sorted(runs[0]["readers"])
    found = []
    for _ in range(DRAWS):
        drawn = random.choice(readers, len(readers)).tolist()
        rate = rate_of(random.choice(runs, len(runs)).tolist(), measure, drawn)
        if against is not None:
            rate /= rate_of(random.choice(against, len(against)).tolist(), measure, drawn)
        found.append(rate)
    return np.percentile(found, [2.5, 97.5])


def table() -> None:
    """Prints what `choose` and `finetune` found, and keeps it for the README."""
    runs, rows = read_runs("test"), []
    for budget in STEPS:
        groups = {
            name: [run for run in runs if (run["encoder"], run["labelled"], run["lr"]) ==
                   (name, budget, best_rate(name))]
            for name in (*ENCODERS, *EARLIER)
        }  # fmt: skip
        for name, own in groups.items():
            if not own:
                continue
            cells = [figure(rate_of(own, one), interval(own, one)) for one in MEASURES]
            ratio = ""
            beside = groups["untrained_hf" if name in EARLIER else "untrained"]
            if own is not beside and beside:
                value = rate_of(own, "cer") / rate_of(beside, "cer")
                ratio = figure(value, interval(own, "cer", beside))
            rows.append([budget, name, len(own), *cells, ratio])
    if not rows:
        sys.exit("no training has been measured: python benchmarks/pretraining.py finetune")
    tried = sorted(read_runs("dev"), key=lambda run: (run["encoder"], run["lr"]))
    rates = [
        [run["encoder"], f"{run['lr']:g}", figure(rate_of([run], "cer"), interval([run], "cer"))]
        for run in tried
    ]
    command = "python benchmarks/pretraining.py table"
    columns = ("encoder", "rate", "CER, dev readers (95% interval)")
    keep("pretraining-rates", columns, rates, command=command, seconds=seconds_of(tried))
    columns = ("labelled", "encoder", "seeds", "CER, greedy (95% interval)", "WER, greedy",
               "WER, language model", "CER, relative to its own untrained")  # fmt: skip
    keep("pretraining", columns, rows, command=command, seconds=seconds_of(runs))
    print(figures.table("pretraining-rates"), figures.table("pretraining"), sep="\n")


if __name__ == "__main__":
    main()
