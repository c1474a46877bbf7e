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
from num2words import num2words
from real_recordings import real_recordings

from aubert.align.book import prepared
from aubert.align.book_json import align_book
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
    report("aubert", data, placed, silver)
    report("AuBERT scripts, matched (recorded)", data, match, silver)
    report("AuBERT scripts, refined (recorded)", data, refined, silver)
    report_time(float(np.median(seconds)), data, silver)
    worst_cases(data, placed, silver)


def report(name: str, data: dict, spans: list[dict], silver: list[dict]) -> None:
    raw, num = data["raw"], len(data["utterances"])
    by_name = {span["fname"]: span for span in spans if span.get("start_idx") is not None}
    found = [(u, by_name[u["fname"]]) for u in data["utterances"] if u["fname"] in by_name]
    found = [(u, span) for u, span in found if 0 <= span["start_idx"] < span["end_idx"]]
    body_start, body_end = body(raw)
    outside = sum(s["start_idx"] < body_start or s["end_idx"] > body_end for _, s in found)
    texts = [(u["utterance"], raw[s["start_idx"] : s["end_idx"]]) for u, s in found]
    whole = [text_similarity(heard, " ".join(spoken_words(written))) for heard, written in texts]
    as_written = [text_similarity(*pair) for pair in texts]
    print(f"\n{name}")
    print(f"  utterances placed                        {len(found)}/{num}")
    print(f"  of them in the licence                   {outside}")
    if "similarity" in spans[0] and name == "aubert":
        read = [span["similarity"] for _, span in found]
        print(f"  normalised similarity, what was read     {np.mean(read):.4f}  (n {len(read)})")
    print(f"  normalised similarity, the whole span    {np.mean(whole):.4f}")
    print(f"  raw similarity, the whole span           {np.mean(as_written):.4f}")
    offsets = [
        (abs(by_name[s["fname"]]["start_idx"] - s["start_idx"]),
         abs(by_name[s["fname"]]["end_idx"] - s["end_idx"]))
        for s in silver if s["n_best"] == 1 and s["fname"] in by_name
    ]  # fmt: skip
    both = np.array(offsets).max(axis=1)
    num_sure = sum(s["n_best"] == 1 for s in silver)
    print(
        f"  within 5 characters of silver, both ends {(both <= 5).sum() / num_sure:.1%}  "
        f"(n {num_sure}); larger offset: 50% {np.percentile(both, 50):.0f}, "
        f"90% {np.percentile(both, 90):.0f} characters"
    )


def report_time(seconds: float, data: dict, silver: list[dict]) -> None:
    subset = list(zip(data["utterances"], silver, strict=True))[::PEER_STEP]
    started = time.process_time()
    words = [match.span() for match in re.finditer(r"\S+", data["raw"])]
    spans = [peer_span(utterance["utterance"], data["raw"], words) for utterance, _ in subset]
    peer = (time.process_time() - started) * len(data["utterances"]) / len(subset)
    near = [
        max(abs(start - best["start_idx"]), abs(end - best["end_idx"])) <= 5
        for (start, end), (_, best) in zip(spans, subset, strict=True)
        if best["n_best"] == 1
    ]
    recorded = RECORDED_CPU_S / RECORDED_BOOKS
    print("\nCPU seconds for the book, tokenisation included")
    print(f"  aubert (median of {NUM_REPEATS})                     {seconds:.3f}")
    print(
        f"  difflib + Levenshtein, scaled to all     {peer:.1f}  (from {len(subset)} of "
        f"{len(data['utterances'])} utterances; {np.mean(near):.0%} of {len(near)} within 5)"
    )
    print(f"  ratio, measured here                     {peer / seconds:.0f}")
    print(f"  AuBERT scripts, recorded elsewhere       {recorded:.1f}  (154 for three books)")
    print(f"  ratio to the recorded figure             {recorded / seconds:.0f}")


def peer_span(text: str, raw: str, words: list[tuple[int, int]]) -> tuple[int, int]:
    """One utterance in the whole book: its longest common run of words, then boundaries."""
    heard = text.split()
    written = [raw[start:end].lower().strip(".,;:!?\"'") for start, end in words]
    matcher = difflib.SequenceMatcher(None, heard, written)  # autojunk, as it comes
    block = max(matcher.get_matching_blocks(), key=lambda block: block.size)
    first = min(max(0, block.b - block.a), len(words) - 1)
    last = min(first + len(heard), len(words)) - 1

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
            print(f"    heard ...{span['utterance'][-40:]!r}")
            print(f"    ours  ...{ours!r}")
            print(f"    best  ...{theirs!r}")


if __name__ == "__main__":
    main()
