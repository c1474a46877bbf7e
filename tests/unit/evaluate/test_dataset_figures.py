"""Figures of the dataset: the same from one shard as from many, and what does not balance."""

import numpy as np
import pytest
from tiny_corpus import write_corpus

from aubert import tables
from aubert.corpus.books import Bookshelf
from aubert.evaluate.dataset import STAGES, measure_shard, merge_shards
from aubert.evaluate.metrics import mean_of_sums

RUN = {"label": "READ", "char_start": 0, "char_end": 4, "text_start": 0, "text_end": 4}


def write_run(corpus, results, num_shards: int) -> None:
    """The corpus's four shards in `num_shards`, every second utterance lost in the matching."""
    for shard in range(num_shards):
        rows = {
            name: [
                row
                for number in range(shard, 4, num_shards)
                for row in tables.rows(corpus.results / name / f"{number}.parquet", name)
            ]
            for name in corpus.TABLES
        }
        ids = [row["utterance_id"] for row in rows["utterances"]]
        rows["transcripts"] = [
            {"utterance_id": one, "text": "a b", "score": -1.0, "num_frames": 9} for one in ids
        ]
        match = {"book_id": "1", "language": "en", "char_start": 0, "char_end": 4,
                 "raw_similarity": 0.5, "status": "placed"}  # fmt: skip
        rows["matches"] = [
            match | {"utterance_id": one, "similarity": len(one) / 100 + place / 10}
            for place, one in enumerate(ids[::2])
        ]
        rows["refined"] = [row | {"runs": [RUN]} for row in rows["matches"]]
        rows["words"] = [
            {"utterance_id": row["utterance_id"], "index": 0, "word": "a", "spoken": "a",
             "char_start": 0, "char_end": 1, "start_ms": 0, "end_ms": 9, "recording_start_ms": 0,
             "confidence": row["similarity"]}
            for row in rows["refined"]
        ]  # fmt: skip
        for stage, (table, column) in STAGES.items():
            lost = ids[1::2] if stage == "match" else []
            num_in = len({row[column] for row in rows[table]}) + len(lost)
            notes = {"aubert.ids_in": str(num_in)}
            tables.write(results / table / f"{shard}.parquet", table, rows[table], notes)
            rejected = [
                {"stage": stage, "id": one, "reason": "not_in_book", "detail": ""} for one in lost
            ]
            tables.write(results / f"rejects/{stage}/{shard}.parquet", "rejects", rejected, notes)


def figures(results, num_shards: int):
    shelf = Bookshelf(results)
    shards = [measure_shard(results, str(shard), shelf, None) for shard in range(num_shards)]
    return merge_shards(shards, results, ["match"])


def test_figures_are_those_of_the_whole_however_it_is_divided(tmp_path):
    corpus = write_corpus(tmp_path / "corpus", num_shards=4)
    whole, parts = {}, {}
    for num_shards, found in ((1, whole), (4, parts)):
        results = tmp_path / str(num_shards)
        write_run(corpus, results, num_shards)
        found |= figures(results, num_shards)
    assert whole.keys() == parts.keys()
    for key in whole:
        if key not in ("match.similarity_mean", "words.confidence_mean"):
            assert (whole[key].value, whole[key].n) == pytest.approx(
                (parts[key].value, parts[key].n)
            )
    assert whole["corpus.speakers"].value == 4 and whole["corpus.recordings"].value == 8
    assert whole["rejects.match"].value == 8 and whole["rejects.match"].n == 16
    for results, found in ((tmp_path / "1", whole), (tmp_path / "4", parts)):
        shards = tables.all_columns(results, "refined", ["similarity"])
        values = np.concatenate([table["similarity"].to_numpy() for table in shards])
        mean = found["match.similarity_mean"]
        assert (mean.value, mean.n) == (pytest.approx(values.mean()), 8)
        spread = 1.959964 * values.std() / np.sqrt(len(values))
        assert mean.ci95 == pytest.approx((values.mean() - spread, values.mean() + spread))


def test_the_interval_of_a_mean_resamples_speakers():
    """Of fewer than five it is the normal distribution's, over the values."""
    rng = np.random.default_rng(0)
    values = {str(n): rng.normal(n, 0.1, 50) for n in range(6)}
    sums = {name: (own.sum(), np.square(own).sum(), len(own)) for name, own in values.items()}
    figure = mean_of_sums({**sums, "silent": (0, 0, 0)})
    assert (figure.n, figure.resampled) == (300, ("speakers", 6))
    assert figure.ci95[1] - figure.ci95[0] > 2
    few = mean_of_sums({name: sums[name] for name in "0123"})
    assert few.resampled is None and few.ci95[1] - few.ci95[0] < 0.5
    assert mean_of_sums({"silent": (0, 0, 0)}) is None


def test_a_shard_whose_accounts_do_not_balance_is_named(tmp_path):
    write_run(write_corpus(tmp_path / "corpus", num_shards=4), tmp_path, 2)
    (tmp_path / "rejects/match/1.parquet").unlink()
    tables.write(tmp_path / "rejects/match/1.parquet", "rejects", [], {"aubert.ids_in": "8"})
    figures(tmp_path, 1)
    with pytest.raises(ValueError, match=r"match: 8 in, but 4 out \+ 0 rejected.*1\.parquet"):
        measure_shard(tmp_path, "1", Bookshelf(tmp_path), None)
