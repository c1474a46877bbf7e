from collections import Counter
from itertools import islice

import numpy as np
import pyarrow as pa
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from aubert.audio import AudioError
from aubert.corpus.slices import within
from aubert.learn.data import (
    GRID_SAMPLES,
    DataOptions,
    EpochPlan,
    Piece,
    Place,
    Steps,
    load_batches,
    padded,
)
from aubert.learn.utterances import VirtualUtterances

LENGTHS = st.lists(st.integers(1, 100_000), min_size=1, max_size=80).filter(
    lambda lengths: max(lengths) >= 8_000
)


def options(**changes) -> DataOptions:
    values = {"batch_seconds": 8, "step_seconds": 12, "max_seconds": 3, "min_seconds": 0.5}
    return DataOptions(**(values | changes))


@given(LENGTHS, st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_an_epoch_has_each_utterance_once_in_batches_that_fit(lengths, epoch):
    plan = EpochPlan(np.array(lengths), epoch, options())
    pieces = [piece for micro in plan for piece in micro.pieces]
    counts = Counter(piece.index for piece in pieces)
    assert counts == {i: 1 for i, length in enumerate(lengths) if length >= 8_000}
    for piece in pieces:
        assert piece.num_samples == min(lengths[piece.index], 48_000)
        assert piece.start % GRID_SAMPLES == 0
        assert 0 <= piece.start <= lengths[piece.index] - piece.num_samples
    for micro in plan:
        longest = max(piece.num_samples for piece in micro.pieces)
        assert longest * len(micro.pieces) <= 8 * 16_000
    again = EpochPlan(np.array(lengths), epoch, options())
    assert list(again) == list(plan)


def test_epochs_and_seeds_differ():
    lengths = np.random.default_rng(0).integers(16_000, 200_000, 50)
    plans = [
        list(EpochPlan(lengths, epoch, options(seed=seed)))
        for epoch, seed in ((0, 0), (1, 0), (0, 1))
    ]
    assert plans[0] != plans[1] and plans[0] != plans[2]


def test_lengths_are_bucketed():
    """Little padding, where random batches would have a third."""
    lengths = np.random.default_rng(0).integers(8_000, 48_000, 3000)
    plan = EpochPlan(lengths, 0, options(batch_seconds=60))
    room = sum(max(p.num_samples for p in micro.pieces) * len(micro.pieces) for micro in plan)
    assert sum(micro.num_samples for micro in plan) / room > 0.97


@given(st.integers(0, 40), st.integers(1, 30))
@settings(max_examples=30, deadline=None)
def test_steps_go_on_from_any_place(skip, count):
    lengths = np.random.default_rng(0).integers(8_000, 100_000, 37)
    steps = Steps(lengths, options())
    whole = list(islice(steps.since(Place()), skip + count))
    place = whole[skip - 1][1] if skip else Place()
    assert list(islice(Steps(lengths, options()).since(place), count)) == whole[skip:]


def test_a_step_has_the_seconds_and_no_pass_more():
    lengths = np.random.default_rng(0).integers(8_000, 100_000, 37)
    for step, _ in islice(Steps(lengths, options()).since(Place()), 50):
        held = sum(micro.num_samples for micro in step)
        assert held >= 12 * 16_000 > held - step[-1].num_samples


class Recorder:
    """Batches that say what is in them."""

    def __init__(self, lengths):
        self.num_samples = lengths

    def batch(self, pieces, rng):
        return pieces, rng.integers(1 << 30)


@pytest.mark.parametrize("num_workers", [0, 1])
def test_processes_share_the_steps(num_workers):
    lengths = np.random.default_rng(0).integers(8_000, 100_000, 37)
    steps = Steps(lengths, options())

    def load(**arguments):
        loaded = load_batches(Recorder(lengths), steps, Place(0, 3), 5, options(), **arguments)
        return list(loaded)

    alone = load(num_workers=num_workers)
    shares = [load(rank=rank, world_size=3) for rank in range(3)]
    expected = []
    for step, _ in islice(steps.since(Place(0, 3)), 5):
        for position in range(len(step)):
            expected.append(shares[position % 3].pop(0))
    assert alone == expected and not any(shares)


def test_no_utterance_is_long_enough():
    with pytest.raises(ValueError, match="min_seconds"):
        EpochPlan(np.array([100, 200]), 0, options())


@pytest.fixture
def corpus(tmp_path):
    rng = np.random.default_rng(0)
    rates = (16_000, 8_000)
    samples = {rate: rng.standard_normal(3 * rate).astype(np.float32) / 10 for rate in rates}
    for rate, values in samples.items():
        soundfile.write(tmp_path / f"{rate}.wav", values, rate, subtype="FLOAT")
    recordings = pa.Table.from_pylist(
        [
            {"recording_id": str(rate), "path": f"{rate}.wav", "sample_rate_hz": rate}
            for rate in (16_000, 8_000)
        ]
    )
    spans = [(100, 9_000), (10_000, 10_500), (20_000, 24_000)]
    utterances = [
        {
            "utterance_id": f"{rate}_0000",
            "recording_id": str(rate),
            "slices": [{"start_sample": a, "end_sample": b} for a, b in spans if b <= 3 * rate],
            "num_samples": sum(b - a for a, b in spans if b <= 3 * rate),
        }
        for rate in (16_000, 8_000)
    ]
    joined = np.concatenate([samples[16_000][a:b] for a, b in spans])
    shards = [pa.Table.from_pylist([row]) for row in utterances]  # a shard each
    return VirtualUtterances(recordings, shards, tmp_path), joined, tmp_path


@given(st.integers(0, 13_399), st.integers(1, 13_400))
@settings(max_examples=60, deadline=None)
def test_a_piece_is_cut_from_the_joined_slices(start, num_samples):
    spans = np.array([(100, 9_000), (10_000, 10_500), (20_000, 24_000)])
    joined = np.concatenate([np.arange(a, b) for a, b in spans])
    parts = within(spans.tolist(), start, num_samples)
    found = np.concatenate([np.arange(a, b) for a, b in parts])
    assert (found == joined[start : start + num_samples]).all()


def test_their_order_is_the_same_however_they_come(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.arange(3_000) / 3_000, 16_000, subtype="FLOAT")
    recordings = pa.table({"recording_id": ["a"], "path": ["a.wav"], "sample_rate_hz": [16_000]})
    rows = [
        {
            "utterance_id": f"a_{number:04}",
            "recording_id": "a",
            "slices": [
                {"start_sample": 500 * number, "end_sample": 500 * number + 100},
                {"start_sample": 500 * number + 200, "end_sample": 500 * number + 210 + number},
            ],
            "num_samples": 110 + number,
        }
        for number in range(5)
    ]

    def all_of(rows):
        table = pa.Table.from_pylist(rows)
        found = VirtualUtterances(recordings, [table], tmp_path).in_order_of_ids()
        lengths = found.num_samples.tolist()
        read = [found.read(Piece(i, 0, length)).tolist() for i, length in enumerate(lengths)]
        return found.ids.to_pylist(), lengths, read

    assert all_of(rows) == all_of([rows[index] for index in (3, 0, 4, 2, 1)])


def test_an_utterance_of_an_unknown_recording_is_named(tmp_path):
    recordings = pa.table({"recording_id": ["a"], "path": ["a.wav"], "sample_rate_hz": [16_000]})
    row = {"recording_id": "b", "num_samples": 1, "slices": [{"start_sample": 0, "end_sample": 1}]}
    with pytest.raises(ValueError, match="the recordings table lacks b"):
        VirtualUtterances(recordings, [pa.Table.from_pylist([row])], tmp_path)


def test_virtual_utterances_are_read_from_their_recordings(corpus):
    utterances, joined, root = corpus
    assert utterances.ids.to_pylist() == ["16000_0000", "8000_0000"]
    assert utterances.num_samples[0] == len(joined)
    for start, count in ((0, len(joined)), (640, 9_000), (8_960, 400)):
        read = utterances.read(Piece(0, start, count))
        np.testing.assert_array_equal(read, joined[start : start + count])
    whole = utterances.read(Piece(1, 0, int(utterances.num_samples[1])))
    assert len(whole) == utterances.num_samples[1] == 2 * (8_900 + 500 + 4_000)
    np.testing.assert_array_equal(utterances.read(Piece(1, 640, 1000)), whole[640:1640])
    (root / "16000.wav").write_bytes(b"")
    with pytest.raises(AudioError):
        utterances.read(Piece(0, 0, 100))


def test_padding():
    rows, lengths = padded([np.ones((3, 2)), np.ones((1, 2))], fill=-1)
    assert lengths.tolist() == [3, 1]
    assert rows[1].tolist() == [[1, 1], [-1, -1], [-1, -1]]
