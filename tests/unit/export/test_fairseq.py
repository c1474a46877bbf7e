"""What fairseq dies of, or reads wrong without a word: empty splits, names, unfinished runs."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from tiny_aligned import Aligned, write_aligned

from aubert import tables
from aubert.cli import main
from aubert.export.fairseq import SPLITS
from aubert.units.labels import write_labels
from aubert.units.shards import FeatureKind, read_tsv

TASKS = ("pretrain", "finetune")


@pytest.fixture(scope="module")
def aligned(tmp_path_factory) -> Aligned:
    return write_aligned(tmp_path_factory.mktemp("aligned"))


def export(aligned: Aligned, out: Path, *flags: str, results: Path | None = None) -> int:
    command = ["export", "fairseq", str(results or aligned.results), str(out)]
    return main([*command, *aligned.arguments(), *flags])


def names(out: Path, task: str, split: str) -> list[str]:
    return read_tsv(out / task / f"{split}.tsv")[1]


def test_a_small_share_is_one_utterance_at_least(aligned, tmp_path):
    """Of six utterances .01 draws none: the one of the smallest hash is for validation."""
    ids = [row["utterance_id"] for row in tables.all_rows(aligned.results, "utterances")]
    units = {name: np.full(3, place, np.int16) for place, name in enumerate(ids)}
    write_labels(tmp_path / "labels/0", units.items(), FeatureKind("mfcc", 100.0), 50, None)
    assert export(aligned, tmp_path / "out", f"--labels=km={tmp_path / 'labels'}") == 0
    for task, total in zip(TASKS, (6, 5), strict=True):
        valid, train = (names(tmp_path / "out", task, split) for split in ("valid", "train"))
        assert len(valid) == 1 and len(train) == total - 1 and not set(valid) & set(train)
    # Every line of labels is of the utterance on the same line of the manifest.
    found = {}
    for split in ("valid", "train"):
        lines = (tmp_path / f"out/pretrain/{split}.km").read_text().splitlines()
        for name, line in zip(names(tmp_path / "out", "pretrain", split), lines, strict=True):
            assert len(set(line.split())) == 1
            found[int(line.split()[0])] = name
    for place, utterance_id in enumerate(ids):
        speaker, chapter = utterance_id.split("/")[1], utterance_id.split("/")[3]
        assert found[place].startswith(speaker.replace(" ", "%20") + "/")
        assert found[place].endswith(f"+{chapter}.flac")


def test_no_validation_is_asked_for_by_zero(aligned, tmp_path):
    assert export(aligned, tmp_path / "out", "--valid-share=0") == 0
    assert [len(names(tmp_path / "out", task, "train")) for task in TASKS] == [6, 5]
    assert [names(tmp_path / "out", task, "valid") for task in TASKS] == [[], []]


def test_a_split_without_training_is_refused(aligned, tmp_path, capsys):
    assert export(aligned, tmp_path / "out", "--valid-share=0.9999999") == 1
    assert "leave none to train on" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_what_is_held_out_is_a_split_of_its_own(aligned, tmp_path, capsys):
    """No manifest that fairseq trains or validates on has it."""
    assert export(aligned, tmp_path / "out", "--held-out-speaker=O'Hara 2") == 0
    assert "2 held out in the split test" in capsys.readouterr().out
    for task, unread in zip(TASKS, (2, 1), strict=True):
        found = {split: names(tmp_path / "out", task, split) for split in SPLITS}
        assert {split: len(own) for split, own in found.items()} == {
            "train": 3,
            "valid": 1,
            "test": unread,
        }
        for split, own in found.items():
            assert all(name.startswith("O'Hara%202/") == (split == "test") for name in own)
    assert len((tmp_path / "out/finetune/test.ltr").read_text().splitlines()) == 1
    assert export(aligned, tmp_path / "none", "--held-out-speaker=118") == 1
    assert "leave none to train on beside 1 for validation and 4 held" in capsys.readouterr().err


def test_names_are_whole_for_fairseq_s_read_lab(aligned, tmp_path):
    """It takes what stands before the first white space, and of that the last part of the path
    without its suffix: one name for each utterance, though speakers read chapters of one name."""
    assert export(aligned, tmp_path / "out") == 0
    lines = [
        line
        for split in ("train", "valid")
        for line in (tmp_path / f"out/pretrain/{split}.tsv").read_text().splitlines()[1:]
    ]
    keys = [Path(line.split()[0]).stem for line in lines]
    assert len(keys) == 6 == len(set(keys))
    for line in lines:
        assert len(line.split()) == 2
        assert (tmp_path / "out/audio" / line.split()[0]).is_file()


@pytest.mark.parametrize(
    ("missing", "named"),
    [
        (["words/1"], "words of shard 1 are missing"),
        (["words/1", "refined/0", "refined/1"], "refined of shard 0, 1; words of shard 1"),
    ],
)
def test_an_unfinished_run_says_what_is_missing(aligned, tmp_path, capsys, missing, named):
    results = tmp_path / "results"
    shutil.copytree(aligned.results, results)
    for one in missing:
        (results / f"{one}.parquet").unlink()
    assert export(aligned, tmp_path / "out", results=results) == 1
    error = capsys.readouterr().err
    assert "is of a run that has not ended" in error and named in error
    assert not (tmp_path / "out").exists()
