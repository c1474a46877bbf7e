"""Label sets: what comes back, and everything that is refused."""

import json
import pickle

import numpy as np
import pyarrow as pa
import pytest

from aubert.units.codebook import Codebook
from aubert.units.labels import (
    Labels,
    LabelSet,
    import_km,
    label,
    write_labels,
)
from aubert.units.shards import FeatureKind

KIND = FeatureKind("hidden", 50.0, 6, "encoder0")
UNITS = [("a", np.array([0, 499, 3])), ("empty", np.zeros(0, int)), ("b", np.array([7, 7]))]


@pytest.fixture
def labels(tmp_path):
    return write_labels(tmp_path / "set", UNITS, KIND, 500, "book0")


def test_labels_come_back(labels):
    again = LabelSet.open(labels.directory)
    assert again.labels.dtype == np.int16
    assert isinstance(again.labels, np.memmap)
    assert [(name, units.tolist()) for name, units in again] == [
        (name, units.tolist()) for name, units in UNITS
    ]
    assert again.of("b").tolist() == [7, 7]
    assert (again.kind, again.num_clusters, again.codebook, len(again)) == (KIND, 500, "book0", 3)
    assert sorted(path.name for path in labels.directory.iterdir()) == [
        "ids.txt", "labels.json", "labels.npy", "offsets.npy",
    ]  # fmt: skip
    with pytest.raises(ValueError, match="no labels for c"):
        again.of("c")


def test_a_codebook_labels(tmp_path):
    book = Codebook(np.array([[0.0], [10.0]], np.float32), KIND)
    made = label(tmp_path, [("u", np.array([[1.0], [9.0], [4.0]], np.float32))], book)
    assert made.of("u").tolist() == [0, 1, 0]
    assert (made.kind, made.num_clusters, made.codebook) == (KIND, 2, book.hash)


def test_a_set_that_is_not_whole_is_refused(labels):
    ids = labels.directory / "ids.txt"
    ids.write_text("a\nempty\n")
    with pytest.raises(ValueError, match="not whole: 2 ids"):
        LabelSet.open(labels.directory)
    (labels.directory / "labels.json").unlink()
    with pytest.raises(ValueError, match="holds no label set"):
        LabelSet.open(labels.directory)


def test_a_failed_rewrite_does_not_leave_the_old_set(labels):
    def until_full():
        yield UNITS[0]
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        write_labels(labels.directory, until_full(), KIND, 500, "book1")
    with pytest.raises(ValueError, match="holds no label set"):
        LabelSet.open(labels.directory)


@pytest.mark.parametrize(
    ("units", "num_clusters", "message"),
    [
        ([("a", np.array([0, 500]))], 500, "units 0 to 500"),
        ([("a", np.array([-1]))], 500, "units -1"),
        ([("a", np.array([1])), ("a", np.array([2]))], 500, "occurs twice"),
        ([], 40_000, "hold 1 to 32768"),
    ],
)
def test_wrong_units_are_refused(tmp_path, units, num_clusters, message):
    with pytest.raises(ValueError, match=message):
        write_labels(tmp_path, units, KIND, num_clusters, None)


def test_km_goes_out_and_comes_in(labels, tmp_path):
    seconds = 16_000
    utterances = [("a", seconds), ("b", 2 * seconds)]
    units = [("a", np.arange(49)), ("b", np.arange(99))]
    write_labels(tmp_path / "out", units, KIND, 500, "x").export_km(tmp_path / "x.km")
    came = import_km(tmp_path / "in", [tmp_path / "x.km"], utterances, KIND, 500)
    assert came.of("b").tolist() == list(range(99))
    assert came.codebook is None

    with pytest.raises(ValueError, match="at 100 Hz there are about 100"):
        import_km(tmp_path / "no", [tmp_path / "x.km"], utterances, FeatureKind(rate_hz=100.0), 500)
    lines = (tmp_path / "x.km").read_text().splitlines()
    (tmp_path / "x.km").write_text(lines[0] + "\n")
    with pytest.raises(ValueError, match="has 1 lines, the manifest 2 utterances"):
        import_km(tmp_path / "no", [tmp_path / "x.km"], utterances, KIND, 500)


@pytest.mark.parametrize(("rate_hz", "shift"), [(100.0, 160), (50.0, 320)])
def test_whole_windows_fit_a_recording_of_any_length(tmp_path, rate_hz, shift):
    utterances = [(f"u{samples}", samples) for samples in range(4_000, 4_000 + shift)]
    units = [(name, np.zeros(1 + (samples - 400) // shift, int)) for name, samples in utterances]
    kind = FeatureKind(rate_hz=rate_hz)
    write_labels(tmp_path / "out", units, kind, 1, "x").export_km(tmp_path / "x.km")
    assert import_km(tmp_path / "in", [tmp_path / "x.km"], utterances, kind).ids


def written(directory, units, kind=KIND, num_clusters=500, codebook="book0"):
    return write_labels(directory, units, kind, num_clusters, codebook).directory


def test_shards_are_joined_and_may_be_empty(tmp_path):
    written(tmp_path / "0", UNITS)
    written(tmp_path / "1", [])
    written(tmp_path / "2", [("c", np.array([4]))])
    joined = Labels.below("layer6", tmp_path)
    assert (joined.name, joined.num_units, joined.rate_hz, len(joined)) == ("layer6", 500, 50.0, 4)
    assert [joined.labels(name).tolist() for name in ("c", "a")] == [[4], [0, 499, 3]]
    assert "b" in joined and "d" not in joined
    with pytest.raises(ValueError, match="layer6 has none for d"):
        joined.labels("d")


def test_the_places_of_labels_go_to_other_processes(tmp_path):
    written(tmp_path / "0", UNITS)
    written(tmp_path / "1", [("c", np.arange(500).repeat(100))])
    joined = Labels.below("layer6", tmp_path)
    places = joined.places(pa.array(["c", "unknown", "a"]))
    assert places.tolist() == [3, -1, 0]
    pickled = pickle.dumps(joined.place(3))
    assert len(pickled) < 1_000
    assert (pickle.loads(pickled).read() == joined.labels("c")).all()
    assert joined.place(0).read().tolist() == [0, 499, 3]
    assert joined.shard("1").of("c").tolist() == joined.labels("c").tolist()
    assert joined.shard("2") is None


def test_what_is_noted_of_labels_is_what_they_are(labels):
    assert labels.counts.tolist() == np.bincount([0, 499, 3, 7, 7], minlength=500).tolist()
    noted = labels.hash
    path = labels.directory / "labels.json"
    notes = json.loads(path.read_text())  # as an earlier version wrote it
    path.write_text(json.dumps({k: v for k, v in notes.items() if k not in ("hash", "counts")}))
    again = LabelSet.open(labels.directory)
    assert again.hash == noted and (again.counts == labels.counts).all()


def test_the_hash_is_of_the_labels(tmp_path):
    first = Labels.of_shards("x", [written(tmp_path / "first", UNITS)])
    same = Labels.of_shards("y", [written(tmp_path / "same", UNITS)])
    other = [("a", np.array([0, 499, 4])), *UNITS[1:]]
    assert first.hash == same.hash
    assert first.hash != Labels.of_shards("x", [written(tmp_path / "other", other)]).hash


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"codebook": "book1"}, "the codebook is book1, not book0"),
        ({"num_clusters": 100}, "the number of clusters is 100, not 500"),
        ({"kind": FeatureKind("hidden", 25.0, 6, "encoder0")}, "rate in Hz is 25.0, not 50.0"),
        ({"kind": FeatureKind("hidden", 50.0, 5, "encoder0")}, "the layer is 5, not 6"),
        ({"kind": FeatureKind("hidden", 50.0, 6, "other")}, "the encoder is other, not encoder0"),
        ({"kind": FeatureKind("mfcc", 50.0)}, "the features are mfcc, not hidden"),
        ({"kind": FeatureKind()}, "rate in Hz is unknown, not 50.0"),
    ],
)
def test_shards_of_different_units_are_not_joined(tmp_path, changes, reason):
    shards = [
        written(tmp_path / "0", UNITS),
        written(tmp_path / "1", [("c", np.array([4]))], **changes),
    ]
    with pytest.raises(ValueError, match=rf"1 cannot be joined with .*0: .*{reason}"):
        Labels.of_shards("x", shards)


def test_an_utterance_of_two_shards_and_no_label_at_all_are_refused(tmp_path):
    shard = written(tmp_path / "0", UNITS)
    with pytest.raises(ValueError, match="holds utterances twice"):
        Labels.of_shards("x", [shard, shard]).places(pa.array(["a"]))
    with pytest.raises(ValueError, match="the label set x holds no label"):
        Labels.of_shards("x", [written(tmp_path / "1", [])])
    with pytest.raises(ValueError, match="the label set x holds no label"):
        Labels.below("x", tmp_path / "absent")
