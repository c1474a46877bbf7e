"""The audio on both sides of a segment, for an audio encoder that attends to it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from aubert.audio import SAMPLE_RATE_HZ
from aubert.learn.utterances import recording_places


def with_audio_around(
    pairs: pa.Table, recordings: pa.Table, wanted: int, hop: int
) -> tuple[pa.Table, np.ndarray]:
    """(the pairs with slices and num_samples that reach `wanted` samples farther on both sides, or
    to the ends of the recording; int64 [pairs, 2]: by how many samples before and behind).

    wanted, hop, the counts: samples at 16 kHz. What comes before is a whole number of hops, so that
    a segment begins with a frame. recordings: recording_id, sample_rate_hz, num_samples. Raises
    ValueError where one is not there.
    """
    places = recording_places(pairs["recording_id"], recordings["recording_id"])
    rates = recordings["sample_rate_hz"].to_numpy().astype(np.int64)[places]
    totals = recordings["num_samples"].to_numpy()[places]
    slices = pairs["slices"].combine_chunks()
    offsets = slices.offsets.to_numpy() - slices.offsets[0].as_py()
    first, last = offsets[:-1], offsets[1:] - 1
    flat = slices.flatten()
    starts, ends = (flat.field(name).to_numpy().copy() for name in ("start_sample", "end_sample"))

    before = np.minimum(starts[first] * SAMPLE_RATE_HZ // rates, wanted) // hop * hop
    behind = np.minimum((totals - ends[last]) * SAMPLE_RATE_HZ // rates, wanted)
    own = np.stack([before, behind]) * rates // SAMPLE_RATE_HZ  # in samples of the file
    starts[first] -= own[0]
    ends[last] += own[1]
    rows = pa.StructArray.from_arrays([starts, ends], names=["start_sample", "end_sample"])
    columns = {
        "slices": pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), rows),
        "num_samples": pa.array(pairs["num_samples"].to_numpy() + own.sum(0), pa.int64()),
    }
    for name, column in columns.items():
        pairs = pairs.set_column(pairs.column_names.index(name), name, column)
    return pairs, np.stack([before, behind], axis=1)
