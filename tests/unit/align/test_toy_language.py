"""Transcription and word alignment by CTC, end to end on a toy language of tones.

Every letter of the toy language is a tone. A tiny HuBERT learns in seconds to name each
letter once, LATE_S after its beginning, as CTC models do: the truth is known and the
bias too.
"""

import json
from itertools import groupby, pairwise
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch
import transformers

from aubert import stage, tables
from aubert.align.words_ctc import (
    WordsCtcOptions,
    calibrate_ctc,
    words_ctc,
)
from aubert.corpus.books import Bookshelf
from aubert.stage import Reject
from aubert.text.normalise import spoken_words
from aubert.transcribe.decode import CtcOptions, transcribe_ctc

RATE_HZ = 16_000
LATE_S = 0.04
TOY_WORDS = ["bad", "lamb", "made", "oak", "lake", "bold", "mode", "kale", "dome", "beak"]
TOY_LETTERS = sorted(set("".join(TOY_WORDS)))
TOY_TOKENS = ["<pad>", "|", *TOY_LETTERS]
PITCH_HZ = 300 * 1.35 ** np.arange(len(TOY_LETTERS))


def say(words, rng):
    """(samples, (start_s, end_s) per word, (time_s, token) of what the network shall emit)."""
    parts = [np.zeros(int(RATE_HZ * rng.uniform(0.15, 0.4)))]
    times, spoken = [], []

    def now():
        return sum(map(len, parts)) / RATE_HZ

    for word in words:
        start = now()
        for letter in word:
            spoken.append((now() + LATE_S, letter))
            parts.append(_tone(letter, int(RATE_HZ * rng.uniform(0.08, 0.12)), rng))
        times.append((start, now()))
        spoken.append((now(), "|"))
        pause_s = rng.uniform(0.2, 0.5) if rng.random() < 0.3 or word is words[-1] else 0.03
        parts.append(np.zeros(int(RATE_HZ * pause_s)))
    samples = np.concatenate(parts)
    return (samples + 0.003 * rng.standard_normal(len(samples))).astype(np.float32), times, spoken


def _tone(letter, num_samples, rng):
    angle = 2 * np.pi * PITCH_HZ[TOY_LETTERS.index(letter)] * np.arange(num_samples) / RATE_HZ
    ramp = np.minimum(1, np.minimum(np.arange(num_samples), np.arange(num_samples)[::-1]) / 80)
    return 0.2 * ramp * np.sin(angle + rng.uniform(0, 6))


def _network():
    torch.manual_seed(0)
    config = transformers.HubertConfig(
        vocab_size=len(TOY_TOKENS), hidden_size=48, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=96, conv_dim=(32, 64), conv_kernel=(320, 3), conv_stride=(160, 2),
        num_feat_extract_layers=2, conv_bias=True, feat_extract_norm="layer",
        num_conv_pos_embeddings=15, num_conv_pos_embedding_groups=2, hidden_dropout=0.0,
        activation_dropout=0.0, attention_dropout=0.0, feat_proj_dropout=0.0, final_dropout=0.0,
        layerdrop=0.0, mask_time_prob=0.0, pad_token_id=0,
    )  # fmt: skip
    network = transformers.HubertForCTC(config)
    # The first convolution starts as a filter bank of the tones: learning it takes minutes.
    angles = 2 * torch.pi * torch.tensor(PITCH_HZ)[:, None] * torch.arange(320) / RATE_HZ
    bank = torch.cat([torch.sin(angles + phase * torch.pi / 2) for phase in range(4)])
    with torch.no_grad():
        weight = network.hubert.feature_extractor.conv_layers[0].conv.weight
        weight[:, 0] = torch.hann_window(320) * bank / 64
    return network


def _train(network, num_steps=130):
    rng = np.random.default_rng(0)
    optimizer = torch.optim.AdamW(network.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 5e-3, total_steps=num_steps)
    for _ in range(num_steps):
        batch = [say(list(rng.choice(TOY_WORDS, 3)), rng) for _ in range(8)]
        longest = max(len(samples) for samples, _, _ in batch)
        values, mask = torch.zeros(8, longest), torch.zeros(8, longest, dtype=torch.long)
        for row, (samples, _, _) in enumerate(batch):
            values[row, : len(samples)] = torch.from_numpy(samples - samples.mean()) / samples.std()
            mask[row, : len(samples)] = 1
        logits = network(values, attention_mask=mask).logits
        targets = torch.zeros(logits.shape[:2], dtype=torch.long)
        for row, (_, _, spoken) in enumerate(batch):
            for time_s, token in spoken:
                frame = int((time_s * RATE_HZ - 160) / 320)
                targets[row, frame : frame + 2] = TOY_TOKENS.index(token)
        loss = torch.nn.functional.cross_entropy(logits.transpose(1, 2), targets)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    return network.eval()


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    """A checkpoint, a corpus of one recording with its book, and the truth about it."""
    root = tmp_path_factory.mktemp("toy")
    torch.set_num_threads(1)
    checkpoint = root / "checkpoint"
    _train(_network()).save_pretrained(checkpoint)
    (root / "vocab.json").write_text(json.dumps({c: i for i, c in enumerate(TOY_TOKENS)}))
    transformers.Wav2Vec2Processor(
        transformers.Wav2Vec2FeatureExtractor(return_attention_mask=True),
        transformers.Wav2Vec2CTCTokenizer(root / "vocab.json"),
    ).save_pretrained(checkpoint)

    rng = np.random.default_rng(7)
    sentences = [list(rng.choice(TOY_WORDS, 6)) for _ in range(12)]
    spoken = [say(sentence, rng) for sentence in sentences]
    (root / "corpus").mkdir()
    samples = np.concatenate([samples for samples, _, _ in spoken])
    soundfile.write(root / "corpus" / "1.flac", samples, RATE_HZ)
    (root / "books").mkdir()
    # The fourth word of every third sentence is not in the book; the first is in capitals.
    in_book = [
        [w for i, w in enumerate(sentence) if not (n % 3 == 0 and i == 3)]
        for n, sentence in enumerate(sentences)
    ]
    lines = [f"{words[0].title()} {' '.join(words[1:])}." for words in in_book]
    (root / "books" / "9.txt").write_text("\n".join(lines))
    return SimpleNamespace(
        root=root,
        corpus=root / "corpus",
        checkpoint=str(checkpoint),
        shelf=Bookshelf(root / "books"),
        sentences=sentences,
        lines=lines,
        times=[times for _, times, _ in spoken],
        lengths=[len(samples) for samples, _, _ in spoken],
        recordings=[
            {"recording_id": "r", "path": "1.flac", "book_id": "9", "sample_rate_hz": RATE_HZ}
        ],
    )


def utterance_rows(toy):
    bounds = np.cumsum([0, *toy.lengths]).tolist()
    return [
        {
            "utterance_id": f"r_{i:04}",
            "recording_id": "r",
            "slices": [{"start_sample": start, "end_sample": end}],
        }
        for i, (start, end) in enumerate(pairwise(bounds))
    ]


def refined_rows(toy):
    rows, line_start = [], 0
    for i, (line, words) in enumerate(zip(toy.lines, toy.sentences, strict=True)):
        end = line_start + len(line)
        text = " ".join(words)
        runs = [("READ", line_start, end, 0, len(text))]
        if i % 3 == 0:
            text_cut = len(" ".join(words[:3])) + 1
            cut, after = line_start + text_cut, text_cut + len(words[3]) + 1
            runs = [
                ("READ", line_start, cut, 0, text_cut),
                ("EXTRA", cut, cut, text_cut, after),
                ("READ", cut, end, after, len(text)),
            ]
        names = [field.name for field in tables.RUN]
        rows.append(
            {
                "utterance_id": f"r_{i:04}",
                "book_id": "9",
                "char_start": line_start,
                "char_end": end,
                "language": "en",
                "runs": [dict(zip(names, run, strict=True)) for run in runs],
            }
        )
        line_start = end + 1
    return rows


def transcribe(toy, **options):
    options = CtcOptions(model=toy.checkpoint, device="cpu", **options)
    return list(transcribe_ctc(toy.recordings, utterance_rows(toy), toy.corpus, toy.shelf, options))


@pytest.mark.parametrize(
    "options", [{"beam_width": 1}, {}, {"book_biased": True}, {"window_seconds": 1.5,
     "overlap_seconds": 0.6}]
)  # fmt: skip
def test_toy_language_is_transcribed_without_error(toy, options):
    rows = transcribe(toy, **options)
    assert [row["text"] for row in rows] == [" ".join(words) for words in toy.sentences]
    assert [row["num_frames"] for row in rows] == [
        (((n - 320) // 160 + 1) - 3) // 2 + 1 for n in toy.lengths
    ]
    assert all(row.keys() == set(tables.TABLES["transcripts"].schema.names) for row in rows)
    assert all(-0.5 < row["score"] < 0 for row in rows)


def align(toy, refined=None, **options):
    options = WordsCtcOptions(model=toy.checkpoint, device="cpu", **options)
    refined = refined_rows(toy) if refined is None else refined
    return (
        toy.recordings, utterance_rows(toy), transcribe(toy), refined, toy.corpus, toy.shelf,
        options,
    )  # fmt: skip


def test_toy_words_are_placed_within_40_ms(toy, tmp_path):
    calibration = calibrate_ctc(*align(toy))
    assert calibration.start_offset_ms == pytest.approx(-1000 * LATE_S, abs=20)
    assert calibration.num_starts >= 12
    calibration.save(tmp_path / "edges.json")
    rows = list(words_ctc(*align(toy, calibration=str(tmp_path / "edges.json"))))
    tables.write(tmp_path / "words.parquet", "words", rows)  # holds the schema and the key

    text = toy.shelf.text("9")
    starts = np.cumsum([0, *toy.lengths]) / RATE_HZ
    by_utterance = {
        name: list(group) for name, group in groupby(rows, key=lambda row: row["utterance_id"])
    }
    assert len(by_utterance) == len(toy.sentences)
    for n, (words, times) in enumerate(zip(toy.sentences, toy.times, strict=True)):
        kept = [i for i in range(6) if not (n % 3 == 0 and i == 3)]
        found = by_utterance[f"r_{n:04}"]
        assert [row["spoken"] for row in found] == [words[i] for i in kept]
        assert [row["index"] for row in found] == list(range(len(kept)))
        for row, i in zip(found, kept, strict=True):
            assert text[row["char_start"] : row["char_end"]] == row["word"]
            assert spoken_words(row["word"]) == [row["spoken"]]
            assert row["start_ms"] == pytest.approx(1000 * times[i][0], abs=40)
            assert row["end_ms"] == pytest.approx(1000 * times[i][1], abs=40)
            assert row["recording_start_ms"] == pytest.approx(
                1000 * starts[n] + row["start_ms"], abs=1
            )
            assert row["confidence"] > 0.5


def test_what_cannot_be_aligned_is_rejected(toy, tmp_path):
    refined = refined_rows(toy)
    refined[2]["book_id"] = "missing"
    utterances = utterance_rows(toy)
    utterances[1]["slices"] = [{"start_sample": 0, "end_sample": 3_000}]  # too short for its words
    utterances[4]["slices"] = [{"start_sample": 0, "end_sample": 100}]
    utterances[5]["slices"] = [{"start_sample": 0, "end_sample": 10**9}]
    arguments = list(align(toy, refined))
    arguments[1] = utterances
    results = list(words_ctc(*arguments))
    rejects = {result.id: result.reason for result in results if isinstance(result, Reject)}
    assert rejects == {
        "r_0001": "alignment_failed",
        "r_0002": "book_missing",
        "r_0004": "alignment_failed",
        "r_0005": "audio_truncated",
    }
    stage.run(
        "words", "words", results, ids=[row["utterance_id"] for row in refined],
        id_column="utterance_id", out=tmp_path / "w", rejects=tmp_path / "r",
        max_reject_fraction=0.5,
    )  # fmt: skip
