"""What context does to a word, learned from more than half an hour of reading.

The default run's AuBERT finds words, but not which of the same word's utterances belongs to a
context: its recordings hold 3,000 words to learn from. Here the miniature corpus's training
voices read a real novel besides, in the manner that they read everything
(corpus.mini.prosody), and AuBERT learns from both to tell utterances of one token by one speaker
apart, and from other words. Prints retrieval on the default run's held-out books and voices,
beside chance, the mean-pooled encoders and texts without context. Needs a finished default run.
What is there already in the results folder is not made again; a training that was killed goes
on.

    python benchmarks/aubert_context.py [--results DIR] [--negatives same_token] [--steps N]
        [--seed N]
"""

from __future__ import annotations

import argparse
import json
import re
from bisect import bisect
from collections.abc import Iterator
from itertools import cycle, pairwise
from pathlib import Path

from aubert_pairs import as_tables
from real_recordings import ROOT, real_recordings

from aubert import espeak, tables
from aubert.align.text import tokenize
from aubert.audio import SAMPLE_RATE_HZ
from aubert.corpus.books import Bookshelf
from aubert.corpus.mini.books import STORIES, sentences, story_bytes
from aubert.corpus.mini.cast import HELD_OUT_BOOKS, READERS, TRAIN_SPEAKERS, UNSEEN_SPEAKERS
from aubert.corpus.mini.files import generator, write_flac
from aubert.corpus.mini.reading import read_plainly
from aubert.corpus.mini.recordings import Recording
from aubert.corpus.mini.sound import Room, perform
from aubert.corpus.pairs import PairsOptions, pairs
from aubert.evaluate.aubert_options import AubertEvaluateOptions
from aubert.evaluate.aubert_stage import evaluate_aubert
from aubert.evaluate.metrics import metrics_table
from aubert.files import complete_directory
from aubert.models.aubert_options import AubertOptions
from aubert.models.small_bert import save_small_bert
from aubert.models.small_bert_options import SmallBertOptions
from aubert.stage import Reject
from aubert.training.aubert import train_aubert
from aubert.training.aubert_options import AubertTrainOptions

RUN, RECORDINGS = ROOT / "results" / "mini", ROOT / "data" / "mini" / "librilight" / "small"
PART_CHARS = 4_000  # of a book: one reading by one voice
MOST_WORDS = 40  # of a sentence; longer ones, of which espeak-ng loses words, are not read
SKIPPED_CHARS = 25_000  # at a book's both ends: licence, title, contents, index
CONTEXT_CHARS = 48
MAX_TOKENS = 2 * CONTEXT_CHARS + 40
PAIRS = PairsOptions(
    max_words=1, min_occurrences=2, max_occurrences=0, max_ngrams=0, min_utterances=1,
    min_ms=60, max_ms=2500, context_chars=CONTEXT_CHARS,
)  # fmt: skip
MODEL = AubertOptions(
    pooling="lstm", projection="linear", projection_dim=128, audio_layers="all",
    reference_seconds=2.0, max_tokens=MAX_TOKENS,
)  # fmt: skip
TRAIN = {
    "lr": 2e-3, "warmup_steps": 50, "clip_norm": 5.0,
    "batch_seconds": 160.0, "max_seconds": 2.5, "batch_pairs": 96, "log_every": 20,
    "checkpoint_every": 100,
}  # fmt: skip

# Columns of tables that no training reads.
UNKNOWN = {"recordings": {"chapter": "", "chapter_index": 0}, "utterances": {"index": 0}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--results", type=Path, default=Path("results/aubert_context"))
    parser.add_argument("--negatives", choices=("mixed", "same_token"), default="mixed")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0, help="of the training")
    arguments = parser.parse_args()
    if not (RUN / "ctc" / "hubert").exists():
        raise SystemExit(f"{RUN} holds no finished default run: run `make demo` first")
    results, negatives, steps = arguments.results, arguments.negatives, arguments.steps
    corpus, shelf, read = results / "corpus", Bookshelf(books(results)), results / "tables"
    if not read.exists():
        with complete_directory(read) as part:
            print(prepare(part, corpus, shelf), flush=True)
    if not (results / "text").exists():
        options = SmallBertOptions(
            vocab_size=60, hidden_size=96, intermediate_size=192, max_tokens=MAX_TOKENS
        )
        heard = [shelf.text(id) for id in shelf if id not in HELD_OUT_BOOKS]
        save_small_bert(results / "text", heard, options)
    encoders = (str(results / "text"), str(RUN / "ctc" / "hubert"))
    out = results / f"{negatives}_{steps}_{arguments.seed}"
    if not out.exists():
        options = AubertTrainOptions(
            **TRAIN, negatives=negatives, steps=steps, freeze_audio_steps=steps,
            seed=arguments.seed,
        )  # fmt: skip
        print(train_aubert(out, read, corpus, shelf, encoders, MODEL, options), flush=True)
    options = AubertEvaluateOptions(max_pairs=3000)
    figures, _ = evaluate_aubert(read, out, encoders, corpus, shelf, "aubert", options)
    print(metrics_table(figures))
    for key, figure in figures.items():
        if key.endswith("top1.over_baseline"):
            low, high = figure.ci95
            print(f"{key:<48}{figure.value:+.3f}  {low:+.3f} to {high:+.3f}  (n {figure.n})")


def books(results: Path) -> Path:
    """A folder of the miniature corpus's books and of the novel's parts."""
    folder = results / "books"
    if not folder.exists():
        with complete_directory(folder) as part:
            for book_id in STORIES:
                (part / f"{book_id}.txt").write_bytes(story_bytes(book_id))
            for name, text in parts_of_the_novel():
                (part / f"{name}.txt").write_text(text, encoding="utf-8")
    return folder


def parts_of_the_novel() -> Iterator[tuple[str, str]]:
    """(name, text) of parts of The Master Key, cut where a sentence ends outside quotation marks,
    of which a part then has both."""
    book = json.loads(real_recordings("matching", "master_key.input.json").read_text())["raw"]
    ends = [
        match.end()
        for match in re.finditer(r"[.?!]\"?\s", book)
        if book.count('"', 0, match.end()) % 2 == 0
    ]
    starts = range(SKIPPED_CHARS, len(book) - SKIPPED_CHARS, PART_CHARS)
    cuts = sorted({ends[bisect(ends, start)] for start in starts})
    for number, (start, end) in enumerate(pairwise(cuts)):
        yield f"novel{number:02}", book[start:end]


def prepare(out: Path, corpus: Path, shelf: Bookshelf) -> str:
    """Writes the tables that a training reads: the default run's, and of the readings, with the
    words as they were said."""
    corpus.mkdir(parents=True, exist_ok=True)
    if not (corpus / "small").exists():
        (corpus / "small").symlink_to(RECORDINGS)
    names = ("recordings", "utterances", "refined", "words")
    own = [list(tables.all_rows(RUN, name)) for name in names]
    read = list(as_tables(list(readings(corpus, shelf))))
    num_pairs = num_rejects = 0
    for shard, columns in {"own": own, "read": read}.items():
        found = list(
            pairs(
                *columns, corpus, shelf, PAIRS,
                held_out_books=HELD_OUT_BOOKS, held_out_speakers=UNSEEN_SPEAKERS,
            )
        )  # fmt: skip
        kept = [row for row in found if not isinstance(row, Reject)]
        num_rejects += len(found) - len(kept)
        num_pairs += tables.write(out / "pairs" / f"{shard}.parquet", "pairs", kept)
        for name, rows in zip(names[:2], columns, strict=False):
            blank = dict.fromkeys(tables.TABLES[name].schema.names)
            filled = ({**blank, **UNKNOWN[name], **row} for row in rows)
            tables.write(out / name / f"{shard}.parquet", name, filled)
    hours = sum(row["num_samples"] for row in read[0]) / SAMPLE_RATE_HZ / 3600
    return (
        f"{hours:.1f} hours of reading besides the corpus's: {num_pairs} pairs, {num_rejects} "
        f"utterances without any"
    )


def readings(corpus: Path, shelf: Bookshelf) -> Iterator[Recording]:
    """Every part of the novel, by the training voices in turn."""
    parts = [id for id in shelf if id not in STORIES]
    for book_id, speaker in zip(parts, cycle(TRAIN_SPEAKERS), strict=False):
        text, id = shelf.text(book_id), f"read/{speaker}/{book_id}"
        random = generator(0, id)
        room = Room(
            level_db=random.uniform(-30, -20), snr_db=random.uniform(20, 35),
            noise=("white", "pink", "hum")[random.integers(3)], lead_s=0.05, tail_s=0.05,
        )  # fmt: skip
        with espeak.session(int(random.integers(1 << 30))) as engine:
            found = sentences(text, tokenize(text), len(text))
            short = [sentence for sentence in found if len(sentence.tokens) <= MOST_WORDS]
            lines = read_plainly(text, short)
            performance = perform(engine, lines, READERS[speaker].voice, room, random)
        write_flac(corpus / f"{id}.flac", performance.samples)
        words = [
            {
                "label": said.label, "book_id": book_id, "word": said.word,
                "spoken": " ".join(said.spoken), "char_start": said.char_start,
                "char_end": said.char_end, "start_s": start_s, "end_s": end_s,
            }
            for said, start_s, end_s in performance.words
        ]  # fmt: skip
        yield Recording(id, "", len(performance.samples), words, [], [])


if __name__ == "__main__":
    main()
