"""`aubert units` on a corpus of seconds: what comes out, and the messages for bad input."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from tiny_corpus import RECORDINGS_PER_SHARD, Corpus
from tiny_hubert import TINY, save_tiny_hubert
from unit_commands import label, learn

from aubert import tables
from aubert.cli import MACHINE_FAULT, main
from aubert.evaluate.metrics import read_metrics
from aubert.units import labels as labels_module
from aubert.units.codebook import Codebook
from aubert.units.labels import Labels, LabelSet

THREE_LAYERS = replace(TINY, num_layers=3)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory) -> Path:
    return save_tiny_hubert(tmp_path_factory.mktemp("encoder") / "untrained", THREE_LAYERS)


def test_one_codebook_of_all_shards_and_labels_of_each(corpus, labelled):
    book = Codebook.load(labelled / "codebook")
    assert (book.num_clusters, book.kind.name) == (6, "mfcc_normalised")
    joined = Labels.below("mfcc", labelled / "labels")
    rows = list(tables.all_rows(corpus.results, "utterances"))
    assert book.num_frames == sum((row["num_samples"] - 400) // 160 + 1 for row in rows)
    for row in rows:
        labels = joined.labels(row["utterance_id"])
        assert len(labels) == (row["num_samples"] - 400) // 160 + 1
    assert len(LabelSet.open(labelled / "labels" / "0")) == 2 * RECORDINGS_PER_SHARD
    for shard in range(2):
        assert not list(tables.rows(labelled / f"rejects{shard}.parquet", "rejects"))


def test_the_codebook_does_not_depend_on_the_shards(corpus, labelled, tmp_path):
    joined = tmp_path / "results"
    for name in corpus.TABLES:
        tables.write(joined / name / "0.parquet", name, tables.all_rows(corpus.results, name))
    other = Corpus(corpus.root, joined, corpus.reference)
    learn(other, tmp_path / "codebook")
    for suffix in (".npy", ".json"):
        assert (tmp_path / f"codebook{suffix}").read_bytes() == (
            labelled / f"codebook{suffix}"
        ).read_bytes()


def test_thirds_of_the_mfcc_have_codebooks_of_their_own(corpus, tmp_path):
    learn(corpus, tmp_path / "codebook", "--feature=mfcc_delta", "--no-normalise-mean")
    book = Codebook.load(tmp_path / "codebook")
    assert (book.columns, book.centroids.shape, book.kind.name) == ((13, 26), (6, 13), "mfcc")
    assert label(corpus, tmp_path, 0) == 0


def test_units_of_an_encoder_know_it(corpus, encoder, tmp_path, capsys):
    flags = ["--feature=hidden", f"--encoder={encoder}", "--layer=2"]
    assert learn(corpus, tmp_path / "codebook", *flags) == 0
    assert label(corpus, tmp_path, 0, f"--encoder={encoder}") == 0
    found = LabelSet.open(tmp_path / "labels" / "0")
    assert (found.kind.layer, found.kind.rate_hz) == (2, 25.0)

    save_tiny_hubert(tmp_path / "other", THREE_LAYERS, seed=1)
    capsys.readouterr()
    shutil.rmtree(tmp_path / "labels")
    assert label(corpus, tmp_path, 0, f"--encoder={tmp_path / 'other'}") == 1
    assert "give its encoder" in capsys.readouterr().err
    assert label(corpus, tmp_path, 0) == 1
    assert "need an encoder" in capsys.readouterr().err
    assert not (tmp_path / "labels").exists()


def test_the_best_layer_is_found_and_taken(corpus, encoder, tmp_path):
    flags = ["--root", str(corpus.root), "--reference", str(corpus.reference)]
    flags += [f"--encoder={encoder}", "--num-clusters=6"]
    assert main(["evaluate", "layers", str(corpus.results), str(tmp_path / "l.json"), *flags]) == 0
    found = json.loads((tmp_path / "l.json").read_text())
    assert sorted(found["pnmi"]) == ["0", "1", "2", "3"]
    assert found["pnmi"][str(found["layer"])] == max(found["pnmi"].values())
    learn(
        corpus,
        tmp_path / "codebook",
        "--feature=hidden",
        f"--encoder={encoder}",
        f"--layer-from={tmp_path / 'l.json'}",
    )
    assert Codebook.load(tmp_path / "codebook").kind.layer == found["layer"]


def quality(corpus, labelled, out, *flags) -> int:
    flags = [f"--labels={labelled / 'labels'}", f"--reference={corpus.reference}", *flags]
    return main(["evaluate", "units", str(corpus.results), str(out), *map(str, flags)])


def test_quality_against_the_reference(corpus, labelled, tmp_path):
    assert quality(corpus, labelled, tmp_path / "q.json", "--key=units.mfcc") == 0
    figures = read_metrics(tmp_path / "q.json")
    names = "pnmi phone_purity cluster_purity dead_clusters mean_unit_ms speaker_nmi".split()
    assert set(figures) == {f"units.mfcc.{name}" for name in names}
    pnmi = figures["units.mfcc.pnmi"]
    assert pnmi.value > 0.5  # tones of four pitches, six clusters
    assert pnmi.ci95[0] < pnmi.value < pnmi.ci95[1]
    joined = Labels.below("mfcc", labelled / "labels")
    num_frames = sum(
        len(joined.labels(row["utterance_id"]))
        for row in tables.all_rows(corpus.results, "utterances")
    )
    assert 0.5 * num_frames < pnmi.n < num_frames  # silence has no phone

    out = tmp_path / "r.json"
    assert quality(corpus, labelled, out, "--key=x", f"--baseline={tmp_path / 'q.json'}") == 0
    assert read_metrics(out)["x.pnmi.baseline"] == pnmi


def test_a_baseline_without_pnmi_is_refused(corpus, labelled, tmp_path, capsys):
    (tmp_path / "empty.json").write_text("{}")
    assert quality(corpus, labelled, tmp_path / "q", f"--baseline={tmp_path / 'empty.json'}") == 1
    assert "holds no pnmi" in capsys.readouterr().err


# --- bad input


def test_what_has_no_features_is_rejected_with_its_reason(broken, tmp_path, capsys):
    assert learn(broken, tmp_path / "codebook") == 0
    assert "0 utterances (4 without features)" in capsys.readouterr().out
    assert label(broken, tmp_path, 0) == 0
    assert label(broken, tmp_path, 1) == 0
    rejects = list(tables.rows(tmp_path / "rejects0.parquet", "rejects"))
    chapters = [f"small/speaker0/book/chapter{number}" for number in (0, 1)]
    assert {row["id"]: row["reason"] for row in rejects} == {
        f"{chapters[0]}_0000": "audio_missing",
        f"{chapters[0]}_0001": "audio_missing",
        f"{chapters[1]}_0000": "features_not_finite",
        f"{chapters[1]}_0001": "audio_too_short",
    }
    assert {row["stage"] for row in rejects} == {"units_x"}
    assert len(LabelSet.open(tmp_path / "labels" / "0")) == 0
    assert len(Labels.below("x", tmp_path / "labels")) == 2 * RECORDINGS_PER_SHARD


def test_too_many_faults_stop_the_labels(broken, tmp_path, capsys):
    learn(broken, tmp_path / "codebook")
    assert label(broken, tmp_path, 0, "--max-reject-fraction=0.5") == 1
    assert "more than max_reject_fraction 0.5 allows" in capsys.readouterr().err
    assert [path.name for path in sorted(tmp_path.glob("[!.]*"))] == [
        "audio", "codebook.json", "codebook.npy", "codebook.work", "labels", "results",
    ]  # fmt: skip
    assert not list((tmp_path / "labels").iterdir())


@pytest.mark.parametrize(
    ("k", "flags", "message"),
    [
        (9999, [], "9999 clusters cannot be learned from"),
        (6, ["--feature=hidden"], "need an encoder"),
        (6, ["--feature=hidden", "--encoder=ENCODER", "--layer=4"], "layer is 4, but"),
        (6, ["--feature=hidden", "--encoder=ENCODER/.."], "is not a speech encoder"),
    ],
)
def test_what_cannot_be_learned_is_one_clear_line(
    corpus, encoder, tmp_path, capsys, k, flags, message
):
    flags = [flag.replace("ENCODER", str(encoder)) for flag in flags]
    assert learn(corpus, tmp_path / "codebook", *flags, k=k) == 1
    printed = capsys.readouterr().err.splitlines()
    assert printed[-1].startswith("aubert: error: ") and message in printed[-1]
    assert not list(tmp_path.glob("codebook.[jn]*"))


def test_no_audio_at_all_is_named(corpus, tmp_path, capsys):
    absent = Corpus(tmp_path / "absent", corpus.results, corpus.reference)
    assert learn(absent, tmp_path / "codebook") == 1
    assert "every chosen utterance is empty" in capsys.readouterr().err


def test_a_full_disk_leaves_the_labels_that_were_there(
    corpus, labelled, tmp_path, monkeypatch, capsys
):
    folder = tmp_path / "folder"
    shutil.copytree(labelled, folder)
    before = (folder / "labels/0/labels.npy").read_bytes()

    def full(path, *_):
        Path(path).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(labels_module, "write_npy", full)
    assert label(corpus, folder, 0) == MACHINE_FAULT
    assert "No space left" in capsys.readouterr().err
    assert (folder / "labels/0/labels.npy").read_bytes() == before
    assert not list(folder.rglob("*.part"))
