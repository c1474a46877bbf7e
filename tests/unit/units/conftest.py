from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tiny_corpus import Corpus, write_corpus
from unit_commands import label, learn

from aubert import tables


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Corpus:
    return write_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def labelled(corpus, tmp_path_factory) -> Path:
    """A folder with codebook and labels/<shard> of MFCC."""
    folder = tmp_path_factory.mktemp("labelled")
    assert learn(corpus, folder / "codebook") == 0
    for shard in range(2):
        assert label(corpus, folder, shard) == 0
    return folder


@pytest.fixture
def broken(corpus, tmp_path) -> Corpus:
    """Of shard 0, one recording is not there, one holds NaN and a piece that is too short."""
    root = tmp_path / "audio"
    shutil.copytree(corpus.root, root)
    results = tmp_path / "results"
    shutil.copytree(corpus.results, results)
    recordings = list(tables.rows(results / "recordings/0.parquet", "recordings"))
    (root / recordings[0]["path"]).unlink()
    samples, rate_hz = soundfile.read(root / recordings[1]["path"])
    samples[5_000] = np.nan
    recordings[1]["path"] = "broken.wav"
    soundfile.write(root / "broken.wav", samples, rate_hz, subtype="FLOAT")
    tables.write(results / "recordings/0.parquet", "recordings", recordings)
    utterances = list(tables.rows(results / "utterances/0.parquet", "utterances"))
    utterances[-1] |= {"slices": [{"start_sample": 0, "end_sample": 399}], "num_samples": 399}
    tables.write(results / "utterances/0.parquet", "utterances", utterances)
    return Corpus(root, results, corpus.reference)
