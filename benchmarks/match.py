"""Matching and refinement on real recognition of a real reading, beside the AuBERT scripts.

The book and the 222 transcripts of ../shared/real/matching; spans are held against the
exact best edit-distance span of every transcript (silver_match). Recorded spans of the
AuBERT scripts get the same figures. Their CPU time is measured by a reimplementation of
their published method, on every tenth utterance: difflib's SequenceMatcher, its autojunk
heuristic on, finds the utterance's words among the book's, then Levenshtein distances pick
the boundaries near by. CPU seconds are process time, imports left out.

    python benchmarks/match.py
"""

from __future__ import annotations

import difflib
import json
import re
import time
from pathlib import Path

import Levenshtein
import numpy as np
from figures import figure, keep, table
from num2words import num2words
from real_recordings import real_recordings

from aubert.align.book import prepared
from aubert.align.book_json import align_book
from aubert.evaluate.metrics import proportion
from aubert.text.boilerplate import body
from aubert.text.distance import text_similarity
from aubert.text.normalise import spoken_words

RECORDED_CPU_S = 154.0  # the AuBERT scripts on three such books, measured elsewhere
RECORDED_BOOKS = 3
NUM_REPEATS = 5
PEER_STEP = 10  # every tenth utterance
PEER_REACH = 40  # words around the matched ends that are tried


def main() -> None:
    folder = real_recordings("matching")
    data, silver, match, refined = (
        json.loads((folder / f"master_key.{name}.json").read_text(encoding="utf-8"))
        for name in ("input", "silver_match", "seed_match", "seed_refined")
    )
    num2words(1848, to="year")  # its import belongs to the imports
    seconds, placed = [], []
    for _ in range(NUM_REPEATS):
        prepared.cache_clear()
        started = time.process_time()
        placed = align_book(data)["utterances"]
        seconds.append(time.process_time() - started)
    median_s = float(np.median(seconds))
    kinds = {"aubert": placed, "AuBERT's scripts, matched": match, "refined": refined}
    found = [column(data, spans, silver) for spans in kinds.values()]
    peer_s, peer_near = peer(data, silver)
    rows = [[name, *(each[name] for each in found), ""] for name in found[0]]
    rows[-1][-1] = peer_near
    recorded_s = figure(RECORDED_CPU_S / RECORDED_BOOKS, digits=0)
    rows.append(["CPU s of the book", figure(median_s), "", recorded_s, figure(peer_s, digits=1)])
    rows.append(["times aubert's CPU s", "", "", figure(RECORDED_CPU_S / RECORDED_BOOKS / median_s,
                 digits=0), figure(peer_s / median_s, digits=0)])  # fmt: skip
    columns = ["", *kinds, f"difflib and Levenshtein, every {PEER_STEP}th utterance"]
    keep("matching", columns, rows, command="python benchmarks/match.py",
         seconds=sum(seconds) + peer_s / PEER_STEP)  # fmt: skip
    print(table("matching"))
    worst_cases(data, placed, silver)


def column(data: dict, spans: list[dict], silver: list[dict]) -> dict:
    """Figures of recorded or new spans by name."""
    raw = data["raw"]
    by_name = {span["fname"]: span for span in spans if span.get("start_idx") is not None}
    found = [(u, by_name[u["fname"]]) for u in data["utterances"] if u["fname"] in by_name]
    found = [(u, span) for u, span in found if 0 <= span["start_idx"] < span["end_idx"]]
    body_start, body_end = body(raw)
    texts = [(u["utterance"], raw[s["start_idx"] : s["end_idx"]]) for u, s in found]
    whole = [text_similarity(own, " ".join(spoken_words(written))) for own, written in texts]
    sure = [best for best in silver if best["n_best"] == 1]
    return {
        f"placed, of {len(data['utterances'])}": len(found),
        "of them in the licence": sum(
            s["start_idx"] < body_start or s["end_idx"] > body_end for _, s in found
        ),
        "similarity of transcript and span, normalised": figure(float(np.mean(whole))),
        "within 5 characters of the exact best span, both ends": near(
            [(by_name.get(best["fname"]), best) for best in sure]
        ),
    }


def near(pairs: list[tuple[dict | None, dict]]) -> dict:
    """A cell: the share of spans whose two ends are within 5 characters of the best."""
    hits = sum(
        span is not None
        and max(abs(span[end] - best[end]) for end in ("start_idx", "end_idx")) <= 5
        for span, best in pairs
    )
    found = proportion(hits, len(pairs))
    return figure(found.value, found.ci95)


def peer(data: dict, silver: list[dict]) -> tuple[float, dict]:
    """CPU seconds of difflib and Levenshtein for the whole book, of every tenth utterance, and how
    near these are."""
    subset = list(zip(data["utterances"], silver, strict=True))[::PEER_STEP]
    started = time.process_time()
    words = [match.span() for match in re.finditer(r"\S+", data["raw"])]
    spans = [peer_span(utterance["utterance"], data["raw"], words) for utterance, _ in subset]
    seconds = (time.process_time() - started) * len(data["utterances"]) / len(subset)
    pairs = [
        ({"start_idx": start, "end_idx": end}, best)
        for (start, end), (_, best) in zip(spans, subset, strict=True) if best["n_best"] == 1
    ]  # fmt: skip
    return seconds, near(pairs)


def peer_span(text: str, raw: str, words: list[tuple[int, int]]) -> tuple[int, int]:
    """One utterance in the whole book: its longest common run of words, then boundaries."""
    own = text.split()
    written = [raw[start:end].lower().strip(".,;:!?\"'") for start, end in words]
    matcher = difflib.SequenceMatcher(None, own, written)  # autojunk, as it comes
    block = max(matcher.get_matching_blocks(), key=lambda block: block.size)
    first = min(max(0, block.b - block.a), len(words) - 1)
    last = min(first + len(own), len(words)) - 1

    def distance(first: int, last: int) -> int:
        return Levenshtein.distance(raw[words[first][0] : words[last][1]].lower(), text)

    starts = range(max(0, first - PEER_REACH), min(last, first + PEER_REACH) + 1)
    first = min(starts, key=lambda start: distance(start, last))
    ends = range(max(first, last - PEER_REACH), min(len(words) - 1, last + PEER_REACH) + 1)
    last = min(ends, key=lambda end: distance(first, end))
    starts = range(max(0, first - PEER_REACH), min(last, first + PEER_REACH) + 1)
    first = min(starts, key=lambda start: distance(start, last))
    return words[first][0], words[last][1]


def worst_cases(data: dict, placed: list[dict], silver: list[dict]) -> None:
    raw = data["raw"]
    print("\nmore than 5 characters from silver (n_best 1):")
    for span, best in zip(placed, silver, strict=True):
        if best["n_best"] != 1 or span["start_idx"] is None:
            continue
        start = span["start_idx"] - best["start_idx"]
        end = span["end_idx"] - best["end_idx"]
        if max(abs(start), abs(end)) > 5:
            ours, theirs = (raw[s["end_idx"] - 25 : s["end_idx"]] for s in (span, best))
            print(f"  {Path(span['fname']).stem}: start {start:+}, end {end:+}")
            print(f"    transcript ...{span['utterance'][-40:]!r}")
            print(f"    ours  ...{ours!r}")
            print(f"    best  ...{theirs!r}")


if __name__ == "__main__":
    main()
