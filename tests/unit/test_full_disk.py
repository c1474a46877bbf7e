"""Every command that writes, where files can hold no more than a few bytes (RLIMIT_FSIZE)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_corpus import write_corpus

from aubert.cli import main

MODEL = "--front-end=logmel --hidden-size=16 --num-layers=1 --num-heads=2 --intermediate-size=16"
MODEL += " --conv-channels=16 --pos-conv-kernel=8 --pos-conv-groups=2 --final-dim=8"
TRAIN = "--steps=2 --log-every=1 --checkpoint-every=1"
TRAIN += " --max-seconds=2 --step-seconds=4 --batch-seconds=4"
LIMITED = """
import json, resource, signal, sys
import torch, transformers.models.hubert.modeling_hubert  # they write while they are imported
from aubert.cli import main
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (700, 700))
for words in json.loads(sys.argv[1]):
    print("status", main(words), file=sys.stderr)
"""


@pytest.fixture(scope="module")
def commands(tmp_path_factory) -> dict[str, list[str]]:
    """A command for each way in which files are written; they write to a folder `out`."""
    folder = tmp_path_factory.mktemp("disk")
    corpus, out = write_corpus(folder / "corpus", num_shards=1), folder / "out"
    audio = ["--root", str(corpus.root)]
    choice, sample = f"{folder}/choice.json", f"{folder}/sample"
    assert main(["units", "choose", str(corpus.results), choice]) == 0
    drawn = [*corpus.shard(0), sample, f"--choice={choice}", *audio]
    assert main(["units", "sample", *drawn]) == 0
    assert main(["units", "learn", f"{folder}/km", sample, "--num-clusters=4"]) == 0
    label = [f"--rejects={folder}/rejects", f"--codebook={folder}/km", "--stage=units", *audio]
    assert main(["units", "label", *corpus.shard(0), f"{folder}/labels/0", *label]) == 0
    labels = f"--labels=mfcc={folder}/labels"
    training = [*TRAIN.split(), *MODEL.split(), labels, *audio]
    rejects = f"--rejects={out}/rejects.parquet"
    index = f"corpus index {out}/recordings.parquet {rejects} --subsets small".split()
    return {
        "a table": [*index, *audio],
        "a label set": ["units", "label", *corpus.shard(0), f"{out}/labels", *label],
        "a model": ["hubert", "init", f"{out}/untrained", *MODEL.split()],
        "a checkpoint": ["hubert", "train", str(corpus.results), f"{out}/iter1", *training],
        "a text": ["mini", f"{out}/mini"],
    }


def test_a_full_disk_is_one_line_and_leaves_nothing_half_written(commands):
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, json.dumps(list(commands.values()))],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    messages = done.stderr.split("status 4\n")
    assert len(messages) == len(commands) + 1, done.stderr
    for what, error in zip(commands, messages, strict=False):
        assert "make room and start again" in error.splitlines()[-1], what
        assert "Traceback" not in error, what
    (table, *_) = (Path(word) for word in commands["a table"] if "/out/" in word)
    assert {path.name for path in table.parent.iterdir()} == {"iter1.training", "mini"}
    assert not list(table.parent.rglob("*.part"))
    assert not list(table.parent.rglob("step_*"))
