"""Where in their books the utterances were read: similarity, the worst places, coverage."""

from __future__ import annotations

import re
from collections import Counter, defaultdict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aubert.align.coverage import coverage, read_spans
from aubert.report.blocks import Band, Bands, Section, Span, Spans, Table
from aubert.report.charts import histogram
from aubert.report.numbers import share_text
from aubert.report.run import Run

_WORST = 20
_SHORT = 60  # characters: a note's mark, a name, a direction
_BOOKS = 24  # that are drawn: those with most utterances
_EDGES = np.linspace(0, 1, 51)


def section(run: Run) -> Section:
    counts, worst = _similarities(run)
    low = float(counts[: np.searchsorted(_EDGES, 0.9)].sum() / max(counts.sum(), 1))
    chart = histogram(
        "Similarity of utterance and place",
        f"Histogram of {counts.sum():,} similarities; {share_text(low)} are below 0.9.",
        _EDGES,
        counts,
        x="similarity of transcript and book, 0 to 1",
        y="utterances",
        mark_at=run.config["match"]["min_similarity"],
    )
    caption = f"The {len(worst)} least similar of {counts.sum():,} places"
    blocks = [chart, *_bands(run), Spans(caption, _spans(run, worst))]
    return Section(
        "matching",
        "Places in the books",
        "Case, punctuation and the writing of numbers do not count, nor does what was skipped or "
        "added. The dashed line is match.min_similarity.",
        blocks,
    )


def _similarities(run: Run) -> tuple[np.ndarray, list[str]]:
    """Counts by bin, and the ids of the utterances with the least, the least first."""
    counts = np.zeros(len(_EDGES) - 1, np.int64)
    worst = pa.table({"utterance_id": pa.array([], pa.string()), "similarity": pa.array([], "f8")})
    for shard in run.shards:
        found = run.read("refined", shard, ["utterance_id", "similarity"])
        counts += np.histogram(found["similarity"].to_numpy(), _EDGES)[0]
        both = pa.concat_tables([worst, found.cast(worst.schema)])
        order = [("similarity", "ascending"), ("utterance_id", "ascending")]
        worst = both.sort_by(order).slice(0, _WORST)
    return counts, worst["utterance_id"].to_pylist()


def _spans(run: Run, ids: list[str]) -> list[Span]:
    refined, transcripts = run.rows_of("refined", ids), run.rows_of("transcripts", ids)
    spans = []
    for one in ids:
        (row,), (transcript,) = refined[one], transcripts[one]
        text, runs = run.text(row["book_id"]), row["runs"]
        book = [(r["label"], text[r["char_start"] : r["char_end"]]) for r in runs]
        spoken = [(r["label"], transcript["text"][r["text_start"] : r["text_end"]]) for r in runs]
        pieces = ([part for part in side if part[1]] for side in (book, spoken))
        spans.append(Span(one, row["similarity"], *pieces))
    return spans


def _bands(run: Run) -> tuple[Bands, Table]:
    utterances: Counter[str] = Counter()
    for shard in run.shards:
        found = pc.value_counts(run.read("refined", shard, ["book_id"])["book_id"])
        utterances.update({each["values"]: each["counts"] for each in found.to_pylist()})
    drawn = [book_id for book_id, _ in sorted(utterances.items(), key=lambda x: (-x[1], x[0]))]
    drawn = drawn[:_BOOKS]
    placed = _placed(run, drawn)
    bands, rows = [], []
    unread: Counter[tuple[str, str]] = Counter()  # short texts inside what was read
    for book_id in drawn:
        text = run.text(book_id)
        spans = [span for runs, words in placed[book_id] for span in read_spans(runs, words, text)]
        stretches = coverage(text, spans)
        start, size = stretches[0][1], max(stretches[-1][2] - stretches[0][1], 1)

        def place(char: int, start: int = start, size: int = size) -> float:
            return round(100 * (char - start) / size, 2)

        read = [(place(a), place(b)) for label, a, b in stretches if label == "READ"]
        extra = [r for runs, _ in placed[book_id] for r in runs if r["label"] == "EXTRA"]
        skipped = [text[a:b] for label, a, b in stretches[1:-1] if label == "SKIPPED"]
        share = sum(b - a for a, b in read) / 100
        name = run.shelf.file_name(book_id) if book_id in run.shelf else book_id
        places = sorted({min(max(place(r["char_start"]), 0), 100) for r in extra})
        bands.append(Band(name, f"{share_text(share)} read", read, places))
        rows.append((name, utterances[book_id], share_text(share), len(skipped), len(extra)))
        written = (" ".join(re.findall(r"[\w'’-]+", part)) for part in skipped)
        unread.update((part, name) for part in written if len(part) <= _SHORT)
    more = f" ({len(drawn)} of {len(utterances)}, those with most utterances)"
    caption = f"What was read of each book{more if len(drawn) < len(utterances) else ''}"
    columns = ("book", "utterances", "read", "places skipped", "places added to")
    short = sorted(unread.items(), key=lambda item: (-item[1], item[0]))[:_WORST]
    return (
        Bands(bands, Table(caption, columns, rows)),
        Table(
            f"Short texts that are printed and were not read: {unread.total():,} places, "
            f"{min(len(unread), _WORST)} of {len(unread):,} texts",
            ("text", "book", "places"),
            [(text, name, count) for (text, name), count in short],
        ),
    )


def _placed(run: Run, book_ids: list[str]) -> dict[str, list[tuple[list[dict], list[tuple]]]]:
    """Of each book (the runs of an utterance, the places of its words), one pair an utterance."""
    placed: dict[str, list[tuple[list[dict], list[tuple]]]] = {one: [] for one in book_ids}
    wanted = pa.array(book_ids, pa.string())
    for shard in run.shards:
        found = run.read("refined", shard, ["utterance_id", "book_id", "runs"])
        found = found.filter(pc.is_in(found["book_id"], wanted))
        words = run.read("words", shard, ["utterance_id", "char_start", "char_end"])
        words = words.filter(pc.is_in(words["utterance_id"], found["utterance_id"]))
        places: dict[str, list[tuple]] = defaultdict(list)
        for utterance_id, *place in zip(*words.to_pydict().values(), strict=True):
            places[utterance_id].append(tuple(place))
        for row in found.to_pylist():
            placed[row["book_id"]].append((row["runs"], places[row["utterance_id"]]))
    return placed
