"""A cut corpus of seconds: tones, whose reference phones are the letters that they stand for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import soundfile
from tone_speech import LETTER_SAMPLES, RATE_HZ, say, texts

from aubert import tables

RECORDINGS_PER_SHARD = 2


@dataclass(frozen=True)
class Corpus:
    """root: of the audio; results: with recordings/ and utterances/; reference: phones.parquet"""

    root: Path
    results: Path
    reference: Path

    def shard(self, number: int) -> list[str]:
        """The paths of a shard's recordings and utterances, as the commands take them."""
        return [str(self.results / name / f"{number}.parquet") for name in self.TABLES]

    TABLES = ("recordings", "utterances")


def write_corpus(directory: Path, num_shards: int = 2) -> Corpus:
    """One speaker a shard, two recordings of about 5 s each, two utterances of each: the second
    has a gap in the middle, a second of the recording long."""
    corpus = Corpus(directory / "audio", directory / "results", directory / "reference")
    phones = []
    for shard in range(num_shards):
        recordings, utterances = [], []
        for number in range(RECORDINGS_PER_SHARD):
            seed = shard * RECORDINGS_PER_SHARD + number
            text = " ".join(texts(6, seed=seed))
            recording = _recording(corpus.root, f"speaker{shard}", number, say(text, seed))
            recordings.append(recording)
            utterances += _utterances(recording)
            phones += _phones(recording["recording_id"], text)
        rows = (recordings, utterances)
        for path, name, table in zip(corpus.shard(shard), corpus.TABLES, rows, strict=True):
            tables.write(path, name, table)
    tables.write(corpus.reference / "phones.parquet", "reference_phones", phones)
    return corpus


def _recording(root: Path, speaker: str, number: int, samples) -> dict:
    recording_id = f"small/{speaker}/book/chapter{number}"
    path = root / f"{recording_id}.flac"
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, RATE_HZ)
    return {
        "recording_id": recording_id,
        "path": f"{recording_id}.flac",
        "speaker": speaker,
        "book_id": None,
        "chapter": f"chapter{number}",
        "chapter_index": number,
        "sample_rate_hz": RATE_HZ,
        "num_samples": len(samples),
        "language": None,
        "snr_db": None,
        "voice_activity": None,
    }


def _utterances(recording: dict) -> list[dict]:
    end = recording["num_samples"]
    third = end // 3
    pieces = [[(0, third)], [(third, 2 * third), (2 * third + RATE_HZ, end)]]
    return [
        {
            "utterance_id": f"{recording['recording_id']}_{index:04}",
            "recording_id": recording["recording_id"],
            "index": index,
            "slices": [{"start_sample": start, "end_sample": end} for start, end in slices],
            "num_samples": sum(end - start for start, end in slices),
        }
        for index, slices in enumerate(pieces)
    ]


def _phones(recording_id: str, text: str) -> list[dict]:
    letter_s = LETTER_SAMPLES / RATE_HZ
    spoken = [(place, letter) for place, letter in enumerate(text, 1) if letter != " "]
    return [
        {
            "recording_id": recording_id,
            "index": index,
            "phone": letter,
            "start_s": place * letter_s,
            "end_s": (place + 1) * letter_s,
        }
        for index, (place, letter) in enumerate(spoken)
    ]
