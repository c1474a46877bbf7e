"""Tables that benchmarks write by hand have the columns that the stages read."""

from __future__ import annotations

import memory
from scale_tables import Corpus

from aubert import tables


def test_those_of_a_whole_corpus(tmp_path):
    corpus = Corpus(tmp_path / "house", 0.0003)
    corpus.write()
    for name in ("recordings", "utterances", "transcripts", "matches", "refined", "words", "pairs"):
        path = corpus.results / name / f"{corpus.shards[0]}.parquet"
        assert next(iter(tables.rows(path, name)))


def test_those_of_one_long_recording(tmp_path):
    paths = {name: tmp_path / f"{name}.parquet" for name in tables.TABLES}
    slices = [{"start_sample": 0, "end_sample": memory.RATE_HZ}]
    utterance = {"utterance_id": "a_0000", "recording_id": "a", "index": 0, "slices": slices,
                 "num_samples": memory.RATE_HZ}  # fmt: skip
    tables.write(paths["utterances"], "utterances", [utterance])
    words = [
        {"spoken": word, "start_s": start_s, "char_start": at, "char_end": at + 3, "book_id": "b"}
        for word, start_s, at in (("one", 0.1, 0), ("two", 0.5, 4))
    ]
    memory.write_alignment(paths, words, chapter_s=9.0)
    (row,) = tables.rows(paths["refined"], "refined")
    assert (row["char_start"], row["char_end"]) == (0, 7)
