"""fairseq's files: boundaries, bytes, what is refused."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aubert.units.codebook import Codebook
from aubert.units.kmeans import KMeansOptions
from aubert.units.shards import (
    FeatureKind,
    FeatureShard,
    kind_of,
    read_km,
    read_tsv,
    shard_range,
    shards_of,
    write_dict,
    write_km,
    write_tsv,
)
from aubert.units.simple_kmeans import learn

KIND = FeatureKind("mfcc", 100.0)


def features(*lengths, dim=3):
    rng = np.random.default_rng(0)
    return [rng.standard_normal((n, dim)).astype(np.float32) for n in lengths]


@given(st.integers(0, 10_000), st.integers(1, 50))
def test_shards_cover_every_utterance_once(num_utterances, num_shards):
    ranges = [shard_range(num_utterances, num_shards, rank) for rank in range(num_shards)]
    assert ranges[0][0] == 0
    assert ranges[-1][1] == num_utterances
    assert all(end == start for (_, end), (start, _) in pairwise(ranges))


def test_boundaries_are_fairseqs():
    assert [shard_range(10, 4, rank) for rank in range(4)] == [(0, 2), (2, 5), (5, 8), (8, 10)]
    with pytest.raises(ValueError, match="rank is 4"):
        shard_range(10, 4, 4)


def test_features_come_back(tmp_path):
    shard = FeatureShard(tmp_path, "train", 1, 2)
    utterances = features(5, 0, 7)
    assert not shard.is_written(KIND)
    assert shard.write(iter(utterances), KIND) == 12
    assert shard.is_written(KIND)
    assert {path.name for path in tmp_path.iterdir()} == {
        "train_1_2.npy", "train_1_2.len", "train_1_2.json",
    }  # fmt: skip
    for read, written in zip(shard.read(), utterances, strict=True):
        np.testing.assert_array_equal(read, written)
    whole = np.load(tmp_path / "train_1_2.npy")
    assert (whole.dtype, whole.shape) == (np.float32, (12, 3))
    assert (tmp_path / "train_1_2.len").read_text() == "5\n0\n7\n"


def test_an_empty_shard_is_legal(tmp_path):
    shard = FeatureShard(tmp_path, "train", 0, 9)
    assert shard.write([], KIND) == 0
    assert list(shard.read()) == []


def test_a_full_disk_leaves_nothing(tmp_path):
    def until_full():
        yield from features(4)
        raise OSError(28, "No space left on device")

    shard = FeatureShard(tmp_path, "train", 0, 1)
    with pytest.raises(OSError, match="No space"):
        shard.write(until_full(), KIND)
    assert list(tmp_path.iterdir()) == []


def test_other_features_are_not_taken_for_these(tmp_path):
    first, second = shards_of(tmp_path, "train", 2)
    first.write(features(4), KIND)
    second.write(features(4), FeatureKind("hidden", 50.0, 6, "abc"))
    with pytest.raises(ValueError, match="holds other features"):
        second.is_written(KIND)
    with pytest.raises(ValueError, match="dump them alike"):
        kind_of([first, second])


def test_lengths_that_lie_are_refused(tmp_path):
    shard = FeatureShard(tmp_path, "train", 0, 1)
    shard.write(features(4, 5), KIND)
    (tmp_path / "train_0_1.len").write_text("4\n")
    with pytest.raises(ValueError, match=r"counts 4 frames in 1 lines, .* holds 9"):
        list(shard.read())


def test_fairseqs_files_without_json_are_read(tmp_path):
    (utterance,) = features(4)
    np.save(tmp_path / "train_0_1.npy", utterance)
    (tmp_path / "train_0_1.len").write_text("4\n")
    shard = FeatureShard(tmp_path, "train", 0, 1)
    assert shard.kind() == FeatureKind()
    np.testing.assert_array_equal(next(shard.read()), utterance)


def test_published_files_are_read(real):
    """Features, lengths and units that fairseq wrote."""
    folder = real / "hubert_ref"
    published = np.load(folder / "sample.base.L9.npy")
    (units,) = read_km(folder / "sample.base.L9.km500.km")
    assert published.shape == (int((folder / "sample.base.L9.len").read_text()), 768)
    assert len(units) == len(published)


def test_manifest_and_labels(tmp_path):
    write_tsv(tmp_path / "train.tsv", "/corpus", [("a/1.flac", 400), ("b c.flac", 16_000)])
    root, names, lengths = read_tsv(tmp_path / "train.tsv")
    assert (str(root), names, lengths) == ("/corpus", ["a/1.flac", "b c.flac"], [400, 16_000])
    (tmp_path / "old.tsv").write_text("/corpus\na.flac\n")
    assert read_tsv(tmp_path / "old.tsv")[1:] == (["a.flac"], [None])
    (tmp_path / "empty.tsv").write_text("")
    with pytest.raises(ValueError, match="is empty"):
        read_tsv(tmp_path / "empty.tsv")

    assert write_km(tmp_path / "x.km", [np.array([3, 0, 3]), np.array([], int)]) == 2
    assert (tmp_path / "x.km").read_text() == "3 0 3\n\n"
    assert [units.tolist() for units in read_km(tmp_path / "x.km")] == [[3, 0, 3], []]
    (tmp_path / "x.km").write_text("1 2\n1 b\n")
    with pytest.raises(ValueError, match="line 2"):
        list(read_km(tmp_path / "x.km"))
    write_dict(tmp_path / "dict.km.txt", 3)
    assert (tmp_path / "dict.km.txt").read_text() == "0 1\n1 1\n2 1\n"


@pytest.mark.parametrize("dtype", ["f2", "f8", "<f4", ">f4", ">f2", "longdouble", "i1", "i2", "u1"])
def test_every_dtype_of_numbers_is_learned_from_alike(tmp_path, dtype):
    """As the same numbers in float32: nothing is computed in the file's own dtype."""
    rng = np.random.default_rng(0)
    centres = rng.integers(0, 120, (6, 5))
    numbers = centres[rng.integers(6, size=400)] + rng.integers(0, 3, (400, 5))
    found = []
    for name, stored in (("own", np.dtype(dtype)), ("single", np.dtype("f4"))):
        folder = tmp_path / name
        folder.mkdir()
        np.save(folder / "train_0_1.npy", numbers.astype(stored))
        (folder / "train_0_1.len").write_text("150\n250\n")
        assert np.load(folder / "train_0_1.npy").dtype == stored
        learn(folder, "train", 1, folder / "km", 6, KMeansOptions(passes=2, device="cpu"))
        found.append(np.load(folder / "km.npy"))
    np.testing.assert_array_equal(*found)
    assert len(np.unique(found[0], axis=0)) == 6


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        (np.ones((4, 2), np.complex64), "stores complex64, which are no real numbers"),
        (np.ones((4, 2), bool), "stores bool"),
        (np.full((4, 2), "a"), "no real numbers"),
        (np.ones((4, 2), [("a", "f4")]), "no real numbers"),
        (np.full((4, 2), 1e39), "numbers that float32 does not hold"),
        (np.ones(4, np.float32), "has 1 dimensions; features have 2"),
        (np.ones((4, 2, 2), np.float32), "has 3 dimensions"),
        (np.array([[1.0, np.nan]] * 4), "are not finite"),
        (np.full((4, 2), np.inf, np.float16), "are not finite"),
    ],
)
def test_what_are_no_features_is_refused(tmp_path, numbers, message):
    np.save(tmp_path / "train_0_1.npy", numbers)
    (tmp_path / "train_0_1.len").write_text("4\n")
    with pytest.raises(ValueError, match=message):
        learn(tmp_path, "train", 1, tmp_path / "km", 2, KMeansOptions(device="cpu"))
    assert not (tmp_path / "km.npy").exists()


def test_half_precision_features_that_once_gave_one_centroid(faults, tmp_path):
    folder = faults / "B01-fp16-features"
    learn(folder, "f16", 1, tmp_path / "km", 20, KMeansOptions(device="cpu"))
    book = Codebook.load(tmp_path / "km")
    assert len(np.unique(book.centroids, axis=0)) == 20
    assert 3.5 < book.inertia < 4.2
