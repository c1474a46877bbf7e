"""A book of tones, its reading, and encoders of a few thousand weights.

A word is two tones; in a sentence that ends with a question mark a third one follows, which
nothing but the context tells.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import soundfile
import torch
from transformers import Wav2Vec2FeatureExtractor

from aubert.corpus.books import Bookshelf
from aubert.corpus.held_out import HeldOut
from aubert.crossmodal.options import SmallBertOptions
from aubert.crossmodal.pairs import PairsOptions, pairs
from aubert.crossmodal.small_bert import save_small_bert
from aubert.hubert.network import build_encoder
from aubert.hubert.options import HubertOptions

WORDS = ("ab", "ba", "cad", "dac", "bed", "deb")
RATE_HZ, TONE = 16_000, 1_280  # samples of one tone
HUBERT = HubertOptions(
    front_end="logmel",
    hidden_size=32,
    num_layers=1,
    num_heads=2,
    intermediate_size=32,
    conv_channels=32,
    pos_conv_kernel=4,
    pos_conv_groups=2,
    dropout=0.0,
    attention_dropout=0.0,
    input_dropout=0.0,
    layerdrop=0.0,
)


def save_encoders(root: Path, dropout: float = 0.0) -> tuple[Path, Path]:
    """(text, audio) model directories."""
    options = SmallBertOptions(
        vocab_size=40, hidden_size=32, num_layers=1, num_heads=2, intermediate_size=32,
        max_tokens=24, dropout=dropout,
    )  # fmt: skip
    save_small_bert(root / "text", [" ".join(WORDS * 2) + " . ? , “ ”"], options)
    torch.manual_seed(0)
    build_encoder(HUBERT).save_pretrained(root / "audio")
    Wav2Vec2FeatureExtractor(do_normalize=False).save_pretrained(root / "audio")
    return root / "text", root / "audio"


class ToyCorpus:
    """Books of `num_sentences` of three words, by one speaker. pairs: rows of the table."""

    def __init__(self, root: Path, num_sentences: int = 80, books: tuple[str, ...] = ("a", "b")):
        self.root = root
        (root / "books").mkdir(parents=True)
        tables: dict[str, list] = {name: [] for name in ("recordings", "utterances", "refined")}
        words: list[dict] = []
        for number, book in enumerate(books):
            rng = np.random.default_rng(number)
            text, samples = "", []
            for _ in range(num_sentences):
                asks = rng.random() < 0.5
                for place in range(3):
                    word = str(rng.choice(WORDS))
                    words.append(_word(book, len(words), word, len(text), sum(map(len, samples))))
                    samples.append(_spoken(word, asks, rng))
                    words[-1]["end_ms"] = sum(map(len, samples)) * 1000 // RATE_HZ
                    text += word + ("?" if asks and place == 2 else "." if place == 2 else "") + " "
            (root / "books" / f"{book}.txt").write_text(text)
            joined = np.concatenate(samples)
            soundfile.write(root / f"{book}.flac", joined, RATE_HZ)
            run = {"label": "READ", "char_start": 0, "char_end": len(text)}
            span = {"start_sample": 0, "end_sample": len(joined)}
            tables["recordings"].append(
                {"recording_id": book, "speaker": "1", "book_id": book, "path": f"{book}.flac",
                 "sample_rate_hz": RATE_HZ, "num_samples": len(joined)}
            )  # fmt: skip
            tables["utterances"].append(
                {"utterance_id": book, "recording_id": book, "slices": [span],
                 "num_samples": len(joined)}
            )  # fmt: skip
            tables["refined"].append(
                {"utterance_id": book, "book_id": book, "runs": [run], "language": "en"}
            )
        self.shelf = Bookshelf(root / "books")
        self.recordings = {row["recording_id"]: row for row in tables["recordings"]}
        self.utterances = tables["utterances"]
        options = PairsOptions(
            max_words=1, min_occurrences=2, max_ngrams=0, min_utterances=1, min_ms=1,
            context_chars=12,
        )  # fmt: skip
        self.pairs = list(
            pairs(*tables.values(), words, root, self.shelf, options, held_out=HeldOut(books=["b"]))
        )

    def split(self, name: str) -> list[dict]:
        return [row for row in self.pairs if row["split"] == name]

    def columns(self, split: str | None) -> list[pa.Table]:
        """Recordings, utterances, and the pairs of a split or all, as their readers take them."""
        pairs = self.pairs if split is None else self.split(split)
        rows = (list(self.recordings.values()), self.utterances, pairs)
        return list(map(pa.Table.from_pylist, rows))


def _word(book: str, index: int, word: str, char: int, sample: int) -> dict:
    return {
        "utterance_id": book, "index": index, "word": word, "spoken": word,
        "char_start": char, "char_end": char + len(word), "start_ms": sample * 1000 // RATE_HZ,
    }  # fmt: skip


def _spoken(word: str, asks: bool, rng: np.random.Generator) -> np.ndarray:
    tones_hz = [300 + 350 * "abcde".index(word[place]) for place in (0, -1)]
    tones_hz += [3_000] if asks else []
    phase = np.cumsum(np.repeat(tones_hz, TONE)) * 2 * np.pi / RATE_HZ
    return (0.3 * np.sin(phase) + 0.003 * rng.standard_normal(len(phase))).astype(np.float32)
