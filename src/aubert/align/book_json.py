"""AuBERT's json of one book in and out: transcripts placed in `raw`."""

from __future__ import annotations

import json
import os
import re
from collections import defaultdict
from pathlib import Path

from aubert.align.book import Book, prepared
from aubert.align.match import MatchOptions, place, results
from aubert.align.refine import RefineOptions, refine_chapter
from aubert.corpus.shards import natural_key
from aubert.files import write_json
from aubert.stage import Reject
from aubert.text.language import Language
from aubert.text.languages import pack_of
from aubert.text.normalise import spoken_words

_INDEX = re.compile(r"_(\d+)(?:\.[^./]*)?$")


def align_book(
    data: dict,
    match_options: MatchOptions | None = None,
    refine_options: RefineOptions | None = None,
    language: str = "en",
) -> dict:
    """{book_name, utterances: [{fname, utterance, speaker_id}], raw} with the utterances placed.

    Returns the same, each utterance with start_idx, end_idx (characters of `raw`, untouched)
    and similarity (of the normalised texts); the three are null, and `reject` says why, for
    those that have no place. Reading order is by file name: `<chapter>_<index>`, chapters in
    natural order. language: BCP 47, of the book. Raises ValueError when the keys are missing.
    """
    try:
        raw, utterances = data["raw"], data["utterances"]
        keys = [(entry["fname"], entry["utterance"]) for entry in utterances]
    except (KeyError, TypeError) as error:
        raise ValueError(
            "the json must be {book_name, utterances: [{fname, utterance, speaker_id}], raw}: "
            f"{type(error).__name__} {error}"
        ) from None
    chapters: dict[str, list[int]] = defaultdict(list)
    for index, (name, _) in enumerate(keys):
        chapters[_INDEX.sub("", name)].append(index)
    book = prepared(raw, language)
    placed: dict[int, dict] = {}
    ends: dict[str, int] = defaultdict(int)
    for chapter in sorted(chapters, key=natural_key):
        members = sorted(chapters[chapter], key=lambda index: natural_key(keys[index][0]))
        texts = {index: _spoken(keys[index][1], pack_of(language)) for index in members}
        folder = os.path.dirname(chapter)
        ends[folder] = _align_chapter(
            texts, book, placed, ends[folder],
            match_options or MatchOptions(), refine_options or RefineOptions(),
        )  # fmt: skip
    return {**data, "utterances": [{**u, **placed[i]} for i, u in enumerate(utterances)]}


def align_file(source: Path, target: Path, language: str = "en") -> str:
    """`align_book` from file to file; returns a one-line summary.

    Raises ValueError when `source` is not such a json.
    """
    try:
        data = json.loads(source.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{source} is not json ({error})") from None
    aligned = align_book(data, language=language)
    write_json(target, aligned)
    placed = sum(entry["start_idx"] is not None for entry in aligned["utterances"])
    return f"book: {placed} of {len(aligned['utterances'])} utterances placed"


def _align_chapter(
    texts: dict[int, str], book: Book, placed: dict[int, dict], after: int,
    match_options: MatchOptions, refine_options: RefineOptions,
) -> int:  # fmt: skip
    """Fills `placed` for one chapter's utterances; returns the book word where it ends."""
    for index in [index for index, text in texts.items() if not text]:
        placed[index] = _unplaced("no_words", "the transcript is empty")
    texts = {index: text for index, text in texts.items() if text}
    if not texts:
        return after
    chapter = place(list(texts.values()), book, after)
    if chapter.share < match_options.min_share:
        for index in texts:
            placed[index] = _unplaced("wrong_book", f"the book holds {chapter.share:.0%} of it")
        return after
    rows = []
    for index, result in zip(texts, results(chapter, match_options), strict=True):
        if isinstance(result, dict):
            rows.append({"utterance_id": str(index), **result})
        else:
            placed[index] = _unplaced(*result)
    if not rows:
        return after
    matched = [texts[int(row["utterance_id"])] for row in rows]
    for row in refine_chapter(rows, matched, book, refine_options):
        if isinstance(row, Reject):
            placed[int(row.id)] = _unplaced(row.reason, row.detail)
        else:
            placed[int(row["utterance_id"])] = {
                "start_idx": row["char_start"],
                "end_idx": row["char_end"],
                "similarity": row["similarity"],
            }
    return chapter.end


def _spoken(text: str, pack: Language) -> str:
    """The transcript as spoken words; most recognisers give nothing else."""
    if all(text.split(" ")) and set(text) <= {*pack.letters, "'", " "}:
        return text
    return " ".join(spoken_words(text, pack))


def _unplaced(reason: str, detail: str) -> dict:
    empty = dict.fromkeys(("start_idx", "end_idx", "similarity"))
    return {**empty, "reject": f"{reason}: {detail}"}
