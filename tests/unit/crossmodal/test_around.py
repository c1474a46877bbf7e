"""Audio around a segment: what is read, what is attended to, what is pooled."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from toy_aubert import MODEL, TRAIN, prepare, toy_examples, toy_model

from aubert.audio import decode
from aubert.crossmodal.around import with_audio_around
from aubert.crossmodal.task import train_aubert

HOP = 320


@given(
    st.lists(st.integers(0, 200_000), min_size=2, max_size=6, unique=True),
    st.integers(0, 60_000),
    st.sampled_from([8_000, 16_000, 44_100]),
    st.integers(0, 50_000),
)
def test_segments_grow_as_far_as_the_recording_goes(places, left, rate_hz, wanted):
    places = sorted(places)[: len(places) // 2 * 2]
    spans = list(zip(places[::2], places[1::2], strict=True))
    total = places[-1] + left
    slices = [{"start_sample": start, "end_sample": end} for start, end in spans]
    length = sum(end - start for start, end in spans)
    row = {"recording_id": "b", "slices": slices, "num_samples": length}
    pairs = pa.Table.from_pylist([row, row, row])[1:]  # a table that does not begin at its start
    columns = {
        "recording_id": ["a", "b"],
        "sample_rate_hz": [1, rate_hz],
        "num_samples": [1, total],
    }
    grown, around = with_audio_around(pairs, pa.table(columns), wanted, HOP)
    before, behind = around[0].tolist()
    assert (around == around[0]).all() and len(grown) == 2
    assert before % HOP == 0 and before <= wanted and behind <= wanted

    found = grown.to_pylist()[0]
    starts, ends = ([one[name] for one in found["slices"]] for name in slices[0])
    assert starts[1:] == places[2::2] and ends[:-1] == places[1:-1:2]  # inner ends stay
    assert 0 <= places[0] - starts[0] == before * rate_hz // 16_000 <= places[0]
    assert places[-1] <= ends[-1] <= total
    assert found["num_samples"] == sum(ends) - sum(starts)
    # What is not read on a side is less than a hop, or lies outside the recording.
    rest = starts[0] * 16_000 // rate_hz
    assert before == wanted // HOP * HOP or rest < HOP + 1
    assert behind == wanted or (total - ends[-1]) * 16_000 // rate_hz <= 1


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    root = tmp_path_factory.mktemp("toy")
    return root, prepare(root)


def test_a_segment_stands_in_what_surrounds_it(toy):
    root, corpus = toy
    model = toy_model(root, dataclasses.replace(MODEL, audio_context_seconds=0.1))
    examples = toy_examples(root, corpus, model, TRAIN)
    micro = examples.plan(0)[0]
    batch = examples.batch(micro.pieces, np.random.default_rng(0))
    rows = [corpus.split("train")[piece.index] for piece in micro.pieces]
    assert batch.segment_lengths.tolist() == [row["num_samples"] for row in rows]
    before = batch.segment_starts - batch.context_starts
    assert set((before % model.hop_samples).tolist()) == {0} and before.max() == 1_600
    for place, row in enumerate(rows):
        (own,) = row["slices"]
        path = corpus.root / corpus.recordings[row["recording_id"]]["path"]
        whole = decode(path)
        start = own["start_sample"] - int(before[place])
        end = min(own["end_sample"] + 1_600, len(whole))
        assert batch.context_lengths[place] == end - start
        read = batch.samples[place, batch.context_starts[place] :][: end - start]
        assert np.array_equal(read, whole[start:end])


def test_what_surrounds_a_segment_is_attended_to_and_not_pooled(toy):
    root, corpus = toy
    near, alone = (
        toy_model(root, dataclasses.replace(MODEL, audio_context_seconds=seconds)).eval()
        for seconds in (0.1, 0.0)
    )
    pieces = toy_examples(root, corpus, alone, TRAIN).plan(0)[0].pieces[:3]
    examples = toy_examples(root, corpus, near, TRAIN)
    wide = [piece._replace(num_samples=int(examples.num_samples[piece.index])) for piece in pieces]
    batch = examples.batch(wide, np.random.default_rng(0))
    with torch.no_grad():
        states, lengths = near.audio_states(batch)
        own = toy_examples(root, corpus, alone, TRAIN).batch(pieces, np.random.default_rng(0))
        without, as_long = alone.audio_states(own)
        assert lengths.tolist() == as_long.tolist() and states.shape == without.shape
        assert (states - without).abs().max() > 1e-3
        # Other speech behind the segment changes its states through attention.
        changed = batch.samples.clone()
        ends = batch.segment_starts + batch.segment_lengths
        for row, end in zip(changed, ends.tolist(), strict=True):
            row[end + 400 :] = row[end + 400 :].flip(0)
        other, _ = near.audio_states(dataclasses.replace(batch, samples=changed))
        # What is pooled are the segment's own of all frames that the encoder gives.
        ends = {"segment_starts": batch.context_starts, "segment_lengths": batch.context_lengths}
        every, _ = near.audio_states(dataclasses.replace(batch, **ends))
    assert (other - states).abs().max() > 1e-4
    first = (batch.segment_starts - batch.context_starts) // near.hop_samples
    assert first.max() > 0
    for row, length in enumerate(lengths.tolist()):
        inside = every[row, int(first[row]) : int(first[row]) + length]
        assert torch.equal(states[row, :length], inside)


def test_a_contrast_has_room_for_what_surrounds_its_segments(toy, tmp_path):
    root, corpus = toy
    model = dataclasses.replace(MODEL, audio_context_seconds=20.0)
    with pytest.raises(ValueError, match=r"batch_seconds is 100.*raise it to 129"):
        train_aubert(tmp_path / "out", root, corpus.root, corpus.shelf, ("", ""), model, TRAIN)


def test_a_recording_that_is_not_there_is_named(toy):
    _, corpus = toy
    recordings, _, pairs = corpus.columns("train")
    with pytest.raises(ValueError, match="the recordings table lacks a: run `index`"):
        with_audio_around(pairs, recordings.filter([False] * len(recordings)), 1_600, HOP)
