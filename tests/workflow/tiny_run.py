"""The whole workflow in a minute: three readers for 20 s each, networks of a few thousand weights.

What they recognise is nonsense, but every rule, option and file is the real one.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import soundfile
from snakemake_run import MINI_SIZES, NOTHING_TRAINED, ROOT, Run

from aubert.config.resolve import laid_over

SECONDS = 20
CHAPTERS = ["118/*/*_01_*.flac", "512/*/*_01_*.flac", "640/*/*_03_quillam*.flac"]
HUBERT_MODEL = {
    "hidden_size": 16,
    "num_layers": 2,
    "num_heads": 2,
    "intermediate_size": 16,
    "conv_channels": 16,
    "pos_conv_kernel": 8,
    "final_dim": 8,
}
HUBERT = {
    "model": HUBERT_MODEL,
    "train": {
        "warmup_steps": 1,
        "batch_seconds": 5.0,
        "step_seconds": 5.0,
        "max_seconds": 5.0,
        "log_every": 1,
        "checkpoint_every": 2,
    },
    "iterations": [
        {"features": "mfcc", "clusters": [5], "train": {"steps": 2}},
        {"features": {"iteration": 1, "layer": 1}, "clusters": [6], "train": {"steps": 2}},
    ],
    "compare": {"layer": 1, "clusters": 5},
}
CTC_TRAIN = {
    "steps": 3,
    "warmup_steps": 1,
    "hold_steps": 1,
    "log_every": 1,
    "checkpoint_every": 1,
    "validate_every": 3,
    "validation_share": 0.3,
}
# Of the miniature run, with nothing trained unless it is asked for.
SMALL = laid_over(MINI_SIZES, NOTHING_TRAINED)


def chapters_run(
    directory: Path,
    mini: Path,
    chapters: list[str],
    overlay: dict,
    house: Path = ROOT,
    seconds: int | None = None,
) -> Run:
    """Of chapters, which are copied to `directory`, in one shard; nothing is run yet.

    mini: the miniature corpus. chapters: patterns of its recordings. seconds: that are taken of
    each, from its beginning; None: all
    """
    for pattern in chapters:
        for path in (mini / "librilight/small").glob(pattern):
            if path.suffix == ".flac":
                take_recording(path, directory / path.relative_to(mini), seconds)
    corpus = {
        "source": "librilight",
        "root": "librilight",
        "books_dir": str(mini / "books"),
        "book_meta": str(mini / "book_meta.json"),
    }
    own = laid_over({"num_shards": 1, "corpus": corpus}, overlay)
    return Run(directory, laid_over(SMALL, own), house)


def copy_house(house: Path) -> Path:
    """A copy of the checkout, so that a test can edit the code."""
    for name in ("src", "workflow", "envs"):
        shutil.copytree(ROOT / name, house / name)
    for name in ("Snakefile", "config.yaml"):
        shutil.copy(ROOT / name, house / name)
    return house


def tiny_run(directory: Path, mini: Path, house: Path = ROOT, num_shards: int = 2) -> Run:
    """Units, HuBERT and CTC of a corpus that is written to `directory`; nothing is run yet.

    mini: the miniature corpus
    """
    for pattern in CHAPTERS:
        (source,) = (mini / "librilight/small").glob(pattern)
        take_recording(source, directory / source.relative_to(mini), SECONDS)
    shutil.copytree(mini / "books", directory / "books")
    shutil.copy(mini / "book_meta.json", directory)
    own = {
        "systems": ["hubert", "ctc"],
        "name": "tiny",
        "num_shards": num_shards,
        "max_reject_fraction": 1.0,
        "corpus": {
            "source": "librilight",
            "root": "librilight",
            "books_dir": "books",
            "book_meta": "book_meta.json",
            "labelled": take_labelled(mini, directory),
        },
        "units": {"phones": None, "kmeans": {"sample_frames": 2000, "restarts": 1}},
        "hubert": HUBERT,
        "probe": {"layer": 1},
        "ctc": {"train": CTC_TRAIN, "hubert": {"freeze_encoder_steps": 1}},
        "transcribe": {"ctc": {"beam_width": 2}},  # of the error rates alone
    }
    return Run(directory, laid_over(SMALL, own), house)


def take_labelled(mini: Path, directory: Path) -> dict:
    """Some minutes of labelled speech, copied to `directory`: the section corpus.labelled."""
    shutil.copytree(mini / "librispeech_finetuning/1h/0", directory / "labelled/1h")
    speaker = min((mini / "librispeech/dev-unseen").iterdir())
    shutil.copytree(min(speaker.iterdir()), directory / "labelled/dev")
    return {"train": ["labelled/1h"], "dev": {"unseen": "labelled/dev"}}


def copy_of(run: Run, directory: Path) -> Run:
    """The run and all that it has made, in `directory`, so that a test can go on from there.

    directory: beside the run's own, as Snakemake's records name the code by relative paths
    """
    assert directory.parent == run.directory.parent
    shutil.copytree(run.directory, directory, dirs_exist_ok=True)
    return replace(run, directory=directory)


def take_recording(source: Path, target: Path, seconds: int | None) -> None:
    """A recording of Libri-Light's form with its JSON, or its first seconds."""
    target.parent.mkdir(parents=True, exist_ok=True)
    described = json.loads(source.with_suffix(".json").read_text())
    if seconds is None:
        shutil.copy(source, target)
    else:
        samples, rate_hz = soundfile.read(source, frames=seconds * 16_000, dtype="int16")
        soundfile.write(target, samples, rate_hz)
        speech = described["voice_activity"] or []
        described["voice_activity"] = [pair for pair in speech if pair[1] <= seconds] or None
    target.with_suffix(".json").write_text(json.dumps(described))
