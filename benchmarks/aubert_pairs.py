"""Pairs of text and audio by reference, beside a padded copy of each, in one run.

AuBERT's scripts write, for every pair, its audio padded to the longest and its tokens padded
to the longest, and train from these copies. Written here after that method, from the same pairs
of the miniature corpus. Preparing: from word times to what a training can start from. An epoch:
every pair once as batches of tensors, from references or from copies. Disk: what lies there.
One thread each: set OMP_NUM_THREADS for more.

    python benchmarks/aubert_pairs.py
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from figures import figure, keep, table
from readings import as_tables

from aubert import tables
from aubert.audio import SAMPLE_RATE_HZ, decode
from aubert.corpus.books import Bookshelf
from aubert.crossmodal.pairs import PairsOptions, pairs
from aubert.mini import write
from aubert.mini.cast import CASTS
from aubert.stage import Reject

MAX_SECONDS, MAX_TOKENS, BATCH_PAIRS = 5, 256, 64
OPTIONS = PairsOptions(min_occurrences=2, min_utterances=1, min_ms=100, max_ngrams=0)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root, cast = Path(folder), CASTS["en"]
        made = write.make_recordings(root, cast.assignments)
        write._write_books(root, cast)
        shelf = Bookshelf(root / "books", root / "book_meta.json")
        shard = list(as_tables(made))
        model = small_model(root, shelf)

        started = time.perf_counter()
        found = pairs(*shard, root / "librilight", shelf, OPTIONS)
        rows = [row for row in found if not isinstance(row, Reject)]
        tables.write(root / "pairs.parquet", "pairs", rows)
        ours_s = time.perf_counter() - started
        started = time.perf_counter()
        copies = root / "copies"
        write_copies(rows, shard[0], root, shelf, model.tokenizer, copies)
        preparing_s = ours_s, time.perf_counter() - started

        bytes_ours = (root / "pairs.parquet").stat().st_size
        bytes_theirs = sum(path.stat().st_size for path in copies.iterdir())
        ours_s = timed(our_epoch(rows, shard[0], root, shelf, model))
        epoch_s = ours_s, timed(their_epoch(copies, len(rows)))
    sizes = (figure(size / 1e6, unit="MB", digits=2) for size in (bytes_ours, bytes_theirs))
    cells = [
        ["preparing", *rates(len(rows), *preparing_s)],
        ["reading an epoch", *rates(len(rows), *epoch_s)],
        ["disk", *sizes, figure(bytes_theirs / bytes_ours, digits=0)],
    ]
    columns = [f"{len(rows):,} pairs", "aubert", "padded copies", "times aubert's time or size"]
    keep("aubert-pairs", columns, cells, command="python benchmarks/aubert_pairs.py",
         seconds=time.process_time())  # fmt: skip
    print(table("aubert-pairs"))


def rates(num_pairs: int, ours_s: float, theirs_s: float) -> list[dict]:
    """Cells: pairs a second of both, and how many times as long theirs takes."""
    each = (figure(num_pairs / took, unit="pairs/s", digits=0) for took in (ours_s, theirs_s))
    return [*each, figure(theirs_s / ours_s, digits=2)]


def small_model(root: Path, shelf: Bookshelf):
    import torch
    from transformers import Wav2Vec2FeatureExtractor

    from aubert.crossmodal.network import AubertModel
    from aubert.crossmodal.options import AubertOptions, SmallBertOptions
    from aubert.crossmodal.small_bert import save_small_bert
    from aubert.hubert.network import build_encoder
    from aubert.hubert.options import HubertOptions

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    save_small_bert(root / "text", [shelf.text(id) for id in shelf], SmallBertOptions())
    sizes = {"hidden_size": 64, "num_layers": 1, "num_heads": 2, "intermediate_size": 64}
    build_encoder(HubertOptions(front_end="logmel", **sizes)).save_pretrained(root / "audio")
    Wav2Vec2FeatureExtractor().save_pretrained(root / "audio")
    return AubertModel.from_encoders(root / "text", root / "audio", AubertOptions())


def write_copies(rows, recordings, root: Path, shelf, tokenizer, copies: Path) -> None:
    copies.mkdir()
    paths = {row["recording_id"]: root / "librilight" / row["path"] for row in recordings}
    texts = {id: shelf.text(id) for id in shelf}
    for index, row in enumerate(rows):
        slices = [(piece["start_sample"], piece["end_sample"]) for piece in row["slices"]]
        samples = decode(paths[row["recording_id"]], slices)[: MAX_SECONDS * SAMPLE_RATE_HZ]
        audio = np.zeros(MAX_SECONDS * SAMPLE_RATE_HZ, np.float32)
        audio[: len(samples)] = samples
        text = texts[row["book_id"]][row["context_start"] : row["context_end"]]
        encoded = tokenizer(
            text, truncation=True, padding="max_length", max_length=MAX_TOKENS,
            return_offsets_mapping=True, return_tensors="np",
        )  # fmt: skip
        start, end = (row[key] - row["context_start"] for key in ("char_start", "char_end"))
        offsets = encoded["offset_mapping"][0]
        span = (offsets[:, 0] < end) & (offsets[:, 1] > start)
        np.savez(copies / f"{index}.npz", audio=audio, num_samples=len(samples), span=span,
                 ids=encoded["input_ids"][0], mask=encoded["attention_mask"][0])  # fmt: skip


def our_epoch(rows, recordings, root: Path, shelf, model) -> Iterator:
    from aubert.crossmodal.examples import AubertExamples
    from aubert.crossmodal.options import AubertTrainOptions

    options = AubertTrainOptions(negatives="any", batch_pairs=BATCH_PAIRS)
    columns = (pa.Table.from_pylist(table) for table in (rows, recordings))
    examples = AubertExamples(*columns, root / "librilight", shelf, model, options)
    for micro in examples.plan(0):
        yield examples.batch(micro.pieces, np.random.default_rng(0))


def their_epoch(copies: Path, num_pairs: int) -> Iterator:
    order = np.random.default_rng(0).permutation(num_pairs)
    for start in range(0, num_pairs, BATCH_PAIRS):
        loaded = [dict(np.load(copies / f"{i}.npz")) for i in order[start : start + BATCH_PAIRS]]
        yield {key: np.stack([one[key] for one in loaded]) for key in loaded[0]}


def timed(epoch: Iterator) -> float:
    started = time.perf_counter()
    for _ in epoch:
        pass
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
