"""Random-projection targets: the projection, the drawn codebook, and labels of a corpus."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_corpus import Corpus, write_corpus
from unit_commands import label, place, shards

from aubert import Units, tables
from aubert.cli import main
from aubert.evaluate.metrics import read_metrics
from aubert.hubert.frame_labels import labels_of_frames
from aubert.units.codebook import Codebook
from aubert.units.labels import Labels, LabelSet
from aubert.units.random_projection import (
    RandomProjection,
    RandomProjectionOptions,
    drawn_codebook,
    projected,
    projection,
    standardised,
)
from aubert.units.shards import FeatureKind

OPTIONS = RandomProjectionOptions()
K = 50


def sounds(num_samples: int = 48_000, seed: int = 0) -> np.ndarray:
    """Noise whose loudness and colour change: no band is near the floor."""
    rng = np.random.default_rng(seed)
    time = np.arange(num_samples) / 16_000
    noise = rng.standard_normal(num_samples)
    share = (1 + np.sin(2 * np.pi * 3 * time)) / 2
    smooth = np.convolve(noise, np.ones(8) / 8, "same")
    loud = 0.02 + 0.1 * (1 + np.sin(2 * np.pi * 1.3 * time))
    return (loud * (share * noise + (1 - share) * smooth + 0.02 * noise)).astype(np.float32)


def features(samples: np.ndarray, options: RandomProjectionOptions = OPTIONS) -> np.ndarray:
    ((_, frames),) = RandomProjection(options).run([("x", samples)])
    return frames


def test_the_paper_s_sizes():
    """16 dimensions of four stacked frames of 80 bands."""
    matrix = projection(OPTIONS)
    assert (matrix.shape, matrix.dtype) == ((320, 16), np.float32)
    limit = (6 / (320 + 16)) ** 0.5  # Xavier's
    assert 0.99 * limit < np.abs(matrix).max() <= limit
    assert matrix.std() == pytest.approx(limit / 3**0.5, rel=0.03)
    vectors = drawn_codebook(8192, OPTIONS).centroids
    assert (vectors.shape, vectors.dtype) == ((8192, 16), np.float32)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(vectors.mean(axis=0), 0, atol=0.01)  # no direction is preferred
    np.testing.assert_allclose(vectors.T @ vectors / 8192 * 16, np.eye(16), atol=0.05)


def test_a_projection_by_hand():
    """Two bands, three frames stacked, ends repeated."""
    bands = torch.tensor([[1.0, 0.0], [0.0, 2.0], [3.0, 0.0]])
    matrix = np.zeros((6, 2), np.float32)
    matrix[0, 0] = 1  # the frame before, band 0
    matrix[2, 1] = 1  # the frame itself, band 0
    matrix[5, 1] = 2  # the frame after, band 1
    #        before: 1, 1, 0    own: 1, 0, 3    after: 2, 0, 0
    expected = np.array([[1, 1 + 4], [1, 0], [0, 3]])
    expected = expected / np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(projected(bands, matrix), expected, rtol=1e-6)


def test_a_projection_of_stacked_rows():
    rng = np.random.default_rng(0)
    bands = rng.standard_normal((9, 80)).astype(np.float32)
    for stacked in (1, 2, 4, 8):
        matrix = projection(RandomProjectionOptions(stacked_frames=stacked))
        places = np.arange(9)[:, None] + np.arange(stacked) - (stacked - 1) // 2
        rows = bands[places.clip(0, 8)].reshape(9, -1).astype(float) @ matrix
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        np.testing.assert_allclose(projected(torch.from_numpy(bands), matrix), rows, atol=1e-5)


def test_only_the_direction_of_a_frame_counts():
    bands = torch.from_numpy(np.random.default_rng(1).standard_normal((20, 80)).astype("f4"))
    matrix = projection(OPTIONS)
    np.testing.assert_allclose(projected(8 * bands, matrix), projected(bands, matrix), rtol=1e-6)
    assert np.abs(projected(bands + 1, matrix) - projected(bands, matrix)).max() > 0.1
    assert not projected(torch.zeros(3, 80), matrix).any()


def test_bands_have_zero_mean_and_unit_variance():
    bands = torch.from_numpy(np.random.default_rng(2).normal(5, 3, (500, 80)).astype("f4"))
    own = standardised(bands)
    np.testing.assert_allclose(own.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(own.std(0, correction=0), 1, rtol=1e-3)
    assert not standardised(torch.full((4, 80), -11.5)).any()  # silence


def test_labels_do_not_depend_on_the_gain():
    book, samples = drawn_codebook(100, OPTIONS), sounds()
    labels = [book.label(features(gain * samples)) for gain in (1.0, 0.25, 4.0)]
    assert len(np.unique(labels[0])) > 20
    for other in labels[1:]:
        assert (other == labels[0]).mean() > 0.99  # rounding, and the floor of the energies


@pytest.mark.parametrize("num_samples", [399, 400, 559, 560, 16_000, 200_000])
@pytest.mark.parametrize("stacked", [1, 4, 8])
def test_there_is_a_frame_for_each_of_mfcc(num_samples, stacked):
    frames = features(sounds(num_samples), RandomProjectionOptions(stacked_frames=stacked))
    assert frames.shape == (max(0, (num_samples - 400) // 160 + 1), 16)
    if len(frames) > 1:
        np.testing.assert_allclose(np.linalg.norm(frames, axis=1), 1, rtol=1e-5)


def test_long_audio_is_cut_into_blocks_without_a_seam(monkeypatch):
    whole = features(sounds(100_000))
    monkeypatch.setattr("aubert.units.random_projection._BLOCK_FRAMES", 100)
    np.testing.assert_allclose(features(sounds(100_000)), whole, atol=1e-5)


def test_a_seed_gives_a_projection_and_each_k_a_codebook():
    other = RandomProjectionOptions(seed=1)
    np.testing.assert_array_equal(projection(OPTIONS), projection(RandomProjectionOptions()))
    assert not np.allclose(projection(OPTIONS), projection(other))
    assert drawn_codebook(K, OPTIONS).hash == drawn_codebook(K, OPTIONS).hash
    assert drawn_codebook(K, OPTIONS).hash != drawn_codebook(K, other).hash
    assert not np.allclose(
        drawn_codebook(2 * K, OPTIONS).centroids[:K], drawn_codebook(K, OPTIONS).centroids
    )
    kinds = {RandomProjection(RandomProjectionOptions(**own)).kind for own in
             ({}, {"seed": 1}, {"stacked_frames": 8}, {"code_dim": 8})}  # fmt: skip
    assert len(kinds) == 4


def test_the_label_is_the_nearest_direction():
    """argmin_i || norm(c_i) - norm(A x) ||, which is the largest cosine."""
    book, frames = drawn_codebook(K, OPTIONS), features(sounds())
    cosines = frames.astype(float) @ book.centroids.T.astype(float)
    assert (book.label(frames) == cosines.argmax(axis=1)).mean() > 0.999


# --- of a corpus


def draw(out: Path, *flags: str) -> int:
    return main(["units", "draw", str(out), f"--num-clusters={K}", *flags])


@pytest.fixture(scope="module")
def drawn(corpus, tmp_path_factory) -> Path:
    """A folder with a drawn codebook and labels/<shard>."""
    folder = tmp_path_factory.mktemp("drawn")
    assert draw(folder / "codebook") == 0
    for shard in range(2):
        assert label(corpus, folder, shard) == 0
    return folder


def test_labels_of_every_utterance_at_100_hz(corpus, drawn):
    joined = Labels.below("random_projection", drawn / "labels")
    assert (joined.rate_hz, joined.num_units) == (100, K)
    assert joined.kind.name == "random_projection"
    for row in tables.all_rows(corpus.results, "utterances"):
        num_frames = (row["num_samples"] - 400) // 160 + 1
        labels = joined.labels(row["utterance_id"])
        assert len(labels) == num_frames
        # As HuBERT's training reads them, for frames of 20 and 40 ms.
        for hop, rate_hz in ((320, 50), (640, 25)):
            wanted = (row["num_samples"] - 400) // hop + 1
            found = labels_of_frames(labels, joined.rate_hz, rate_hz, wanted)
            np.testing.assert_array_equal(found, labels[:: hop // 160][:wanted])


def test_labels_are_the_same_bytes_for_any_number_of_shards_and_dumped(tmp_path):
    many = write_corpus(tmp_path / "many", num_shards=4)
    one = Corpus(many.root, tmp_path / "one", many.reference)
    for name in many.TABLES:
        tables.write(one.results / name / "0.parquet", name, tables.all_rows(many.results, name))
    found = []
    for number, corpus in enumerate((many, one)):
        folder = tmp_path / f"labels{number}"
        assert draw(folder / "codebook") == 0
        for shard in range(len(shards(corpus))):
            assert label(corpus, folder, shard) == 0
        joined = Labels.below("x", folder / "labels")
        rows = tables.all_rows(many.results, "utterances")
        found.append([joined.labels(row["utterance_id"]).tobytes() for row in rows])
    assert found[0] == found[1] and len(set(found[0])) > 4

    dump, flags = tmp_path / "dump", ["--feature=random_projection"]
    command = ["units", "dump", *one.shard(0), str(dump), *place(one, 0, None), *flags]
    assert main([*command, f"--root={one.root}"]) == 0
    shutil.rmtree(folder / "labels")
    assert label(one, folder, 0, *place(one, 0, dump)) == 0
    again = LabelSet.open(folder / "labels" / "0")
    assert [own.tobytes() for _, own in again] == found[1]


def test_a_dump_of_another_projection_is_refused(corpus, drawn, tmp_path, capsys):
    flags = ["--feature=random_projection", "--seed=1", *place(corpus, 0, None)]
    command = ["units", "dump", *corpus.shard(0), str(tmp_path / "dump"), *flags]
    assert main([*command, f"--root={corpus.root}"]) == 0
    for suffix in (".npy", ".json"):
        shutil.copy(drawn / f"codebook{suffix}", tmp_path)
    assert label(corpus, tmp_path, 0, *place(corpus, 0, tmp_path / "dump")) == 1
    assert "the codebook was learned from" in capsys.readouterr().err


def test_quality_beside_the_same_units_in_random_order(corpus, drawn, tmp_path):
    mixed = tmp_path / "mixed"
    shutil.copytree(drawn / "labels", mixed / "labels")
    rng = np.random.default_rng(0)
    for path in mixed.glob("labels/*/labels.npy"):
        np.save(path, rng.permutation(np.load(path)))
    pnmi = []
    for folder in (drawn, mixed):
        out = tmp_path / f"{folder.name}.json"
        flags = [f"--labels={folder / 'labels'}", f"--reference={corpus.reference}", "--key=x"]
        assert main(["evaluate", "units", str(corpus.results), str(out), *flags]) == 0
        pnmi.append(read_metrics(out)["x.pnmi"].value)
    assert pnmi[0] > 2 * pnmi[1] > 0


def test_units_of_new_audio(corpus, drawn, tmp_path):
    row = next(iter(tables.all_rows(corpus.results, "recordings")))
    units = Units(drawn / "codebook")
    assert (units.num_units, units.rate_hz) == (K, 100)
    found = units(corpus.root / row["path"])
    assert len(found) == (row["num_samples"] - 400) // 160 + 1
    out = tmp_path / "units.km"
    words = ["units", "encode", str(corpus.root / row["path"]), f"--codebook={drawn / 'codebook'}"]
    assert main([*words, "-o", str(out)]) == 0
    assert list(map(int, out.read_text().split())) == found.tolist()


def test_a_codebook_of_another_numpy_s_projection_is_refused(drawn, tmp_path):
    book = json.loads((drawn / "codebook.json").read_text())
    book["features"]["encoder"] = "0" * 16
    shutil.copy(drawn / "codebook.npy", tmp_path)
    (tmp_path / "codebook.json").write_text(json.dumps(book))
    with pytest.raises(ValueError, match="draws another random projection"):
        Units(tmp_path / "codebook")
    (tmp_path / "codebook.json").write_text(json.dumps({**book, "projection": None}))
    with pytest.raises(ValueError, match="names no random projection"):
        Units(tmp_path / "codebook")


def test_what_learns_says_that_nothing_is_learned(corpus, drawn, tmp_path, capsys):
    out, root = str(tmp_path / "out"), f"--root={corpus.root}"
    book = f"--codebook={drawn / 'codebook'}"
    assert main(["units", "pass", *corpus.shard(0), out, book, root]) == 1
    assert "drawn at random: passes move one that was learned" in capsys.readouterr().err
    merge = ["units", "merge", out, book, "--sums", out, "--samples", out]
    assert main(merge) == 1
    assert "drawn at random" in capsys.readouterr().err

    choice = str(tmp_path / "choice.json")
    assert main(["units", "choose", str(corpus.results), choice]) == 0
    capsys.readouterr()
    command = ["units", "sample", *corpus.shard(0), out, f"--choice={choice}", root]
    assert main([*command, "--feature=random_projection"]) == 1
    assert "draw its codebook with `aubert units draw`" in capsys.readouterr().err
    assert not Path(out).exists()


@pytest.mark.parametrize("size", [0, 2**15 + 1])
def test_a_codebook_that_no_label_set_holds_is_refused(size, tmp_path, capsys):
    assert main(["units", "draw", str(tmp_path / "book"), f"--num-clusters={size}"]) == 1
    assert f"{size} clusters; label sets hold 1 to 32768" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_an_imported_codebook_takes_no_passes(corpus, tmp_path, capsys):
    centroids = np.random.default_rng(0).standard_normal((4, 39))
    Codebook(centroids, FeatureKind("mfcc", 100.0)).save(tmp_path / "book")
    flags = [f"--codebook={tmp_path / 'book'}", f"--root={corpus.root}"]
    assert main(["units", "pass", *corpus.shard(0), str(tmp_path / "out"), *flags]) == 1
    assert "the codebook was imported: passes move" in capsys.readouterr().err
