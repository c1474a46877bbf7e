"""What the miniature corpus's voices really spoke, as the tables that pairs are made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from aubert.audio import SAMPLE_RATE_HZ
from aubert.mini.recordings import Recording

PAUSE_S = 0.2  # the shortest one that ends an utterance


def as_tables(made: Sequence[Recording]) -> Iterator[list[dict]]:
    """Rows of recordings and utterances, and of refined and words the columns that pairs read. The
    words of the book between two pauses, or two things that are not in the book, are an utterance.
    """
    recordings, utterances, refined, words = [], [], [], []
    for recording in made:
        id = recording.recording_id
        stretches = list(_stretches(recording.words))
        recordings.append(_recording(recording, stretches[0][0]["book_id"]))
        for index, stretch in enumerate(stretches):
            name = {"utterance_id": f"{id}_{index:04}"}
            start, end = _sample(stretch[0]["start_s"]), _sample(stretch[-1]["end_s"])
            span = {"start_sample": start, "end_sample": end}
            utterances.append({**name, "recording_id": id, "index": index, "slices": [span],
                               "num_samples": end - start})  # fmt: skip
            run = {"label": "READ", "char_start": stretch[0]["char_start"],
                   "char_end": stretch[-1]["char_end"]}  # fmt: skip
            refined.append(
                {**name, "book_id": stretch[0]["book_id"], "language": "en", "runs": [run]}
            )
            words += [{**name, "index": i, **_word(word, start)} for i, word in enumerate(stretch)]
    yield from (recordings, utterances, refined, words)


def _recording(recording: Recording, book_id: str) -> dict:
    _, speaker, _, chapter = recording.recording_id.split("/")
    return {
        "recording_id": recording.recording_id,
        "path": f"{recording.recording_id}.flac",
        "speaker": speaker,
        "book_id": book_id,
        "chapter": chapter,
        "chapter_index": 0,
        "sample_rate_hz": SAMPLE_RATE_HZ,
        "num_samples": recording.num_samples,
        "language": None,
        "snr_db": None,
        "voice_activity": None,
    }


def _stretches(words: Sequence[dict]) -> Iterator[list[dict]]:
    held: list[dict] = []
    for word in words:
        apart = held and word["start_s"] - held[-1]["end_s"] > PAUSE_S
        if held and (apart or word["label"] != "READ"):
            yield held
            held = []
        if word["label"] == "READ":
            held.append(word)
    if held:
        yield held


def _word(word: dict, first_sample: int) -> dict:
    """first_sample: the utterance's."""
    start_ms, end_ms = (
        (_sample(word[key]) - first_sample) * 1000 // SAMPLE_RATE_HZ for key in ("start_s", "end_s")
    )
    facts = {key: word[key] for key in ("word", "spoken", "char_start", "char_end")}
    return {**facts, "start_ms": start_ms, "end_ms": end_ms}


def _sample(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE_HZ)
