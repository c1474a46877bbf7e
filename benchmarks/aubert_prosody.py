"""What a word's place in the text tells of its sound, by prosody alone: what there is to find, for
aubert_context.py's retrieval of a word's own utterance.

Of each segment: duration, level and its slope, pitch, its slope and its end. Of each place: how far
the sentence and the clause have come and how much is left, the marks around the word, quotation
marks, the neighbours' lengths. What a place adds to a word's usual prosody by its speaker is
predicted by a ridge regression and by boosted trees, which learn from the training pairs. The
score of a text and a segment is the likelihood of their difference. Candidates, queries and
intervals are aubert_context.py's, which prints it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import RidgeCV
from torchaudio.functional import detect_pitch_frequency

from aubert import audio, tables
from aubert.audio import SAMPLE_RATE_HZ
from aubert.corpus.books import Bookshelf
from aubert.crossmodal.evaluation_stage import SPLITS
from aubert.crossmodal.retrieval import Scorer, figure, same_token, token_queries
from aubert.evaluate.metrics import Figure
from aubert.processes import in_processes
from aubert.text.sentences import within_sentence

K = 4
HOP_S = 0.01
AROUND = 400  # characters around a word that are looked at
CLAUSE = ",;:()—"
MARKS = ["", *",;:.!?", '"']


def ceilings(read: Path, shelf: Bookshelf, root: Path) -> dict[str, Figure]:
    """Key of the voices ("" or "unseen_") and predictor -> the share of queries whose own segment
    comes first of K. read: folder of the tables; root: of the audio."""
    pairs = list(tables.rows(read / "pairs" / "all.parquet", "pairs"))
    sound, place = measured(pairs, read, root), np.array([place_of(row, shelf) for row in pairs])
    sound = by_speaker(sound, pairs)
    split = np.array([row["split"] for row in pairs])
    group = np.unique([f"{row['speaker']} {row['ngram']}" for row in pairs], return_inverse=True)[1]
    relative_sound, relative_place = less_means(sound, group), less_means(place, group)
    inputs = {
        "ridge regression": relative_place,
        "boosted trees": np.concatenate([place, place - relative_place], 1),
    }
    learned = split == "train"
    found = {}
    for predictor, x in inputs.items():
        guessed = predict(predictor, x, relative_sound, learned)
        errors = (relative_sound - guessed)[learned]
        score = likelihood(np.linalg.inv(np.cov(errors.T) + 1e-3 * np.eye(errors.shape[1])))
        for held_out, prefix in SPLITS.items():
            kept = np.flatnonzero(split == held_out)
            if not len(kept):
                continue
            rows = [pairs[index] for index in kept]
            ngrams = [row["ngram"] for row in rows]
            groups = [(row["speaker"], row["ngram"]) for row in rows]
            texts = [(row["book_id"], row["char_start"], row["char_end"]) for row in rows]
            queries = token_queries(groups, texts, K)
            own = same_token(queries, K, guessed[kept], relative_sound[kept], score, ngrams)
            found[f"{prefix}{predictor}"] = figure(own.top1, own.ngrams)
    return found


def predict(predictor: str, x: np.ndarray, y: np.ndarray, learned: np.ndarray) -> np.ndarray:
    """Of all rows, by what the learned ones teach."""
    if predictor == "ridge regression":
        return RidgeCV(np.logspace(-1, 4, 11)).fit(x[learned], y[learned]).predict(x)
    columns = []
    for column in y.T:
        trees = HistGradientBoostingRegressor(max_iter=150, learning_rate=0.06, random_state=0)
        columns.append(trees.fit(x[learned], column[learned]).predict(x))
    return np.stack(columns, 1)


def likelihood(precision: np.ndarray) -> Scorer:
    def score(text: np.ndarray, sound: np.ndarray) -> np.ndarray:
        difference = text[:, None] - sound[None]
        return -np.einsum("tsi,ij,tsj->ts", difference, precision, difference)

    return score


def less_means(rows: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Rows less the mean of their group."""
    counts = np.bincount(group)
    sums = np.stack([np.bincount(group, column) for column in rows.T], 1)
    return rows - (sums / counts[:, None])[group]


def by_speaker(sound: np.ndarray, pairs: Sequence[dict]) -> np.ndarray:
    """Standardised within each speaker."""
    speaker = np.array([row["speaker"] for row in pairs])
    found = np.empty_like(sound)
    for each in np.unique(speaker):
        own = speaker == each
        found[own] = (sound[own] - sound[own].mean(0)) / (sound[own].std(0) + 1e-6)
    return found


# --- of a place in the text


def place_of(row: dict, shelf: Bookshelf) -> list[float]:
    """float [num_features]"""
    text = shelf.text(row["book_id"])
    start, end = row["char_start"], row["char_end"]
    around = max(0, start - AROUND), min(len(text), end + AROUND)
    low, high = within_sentence(text, (start, end), around)
    before, behind = text[low:start], text[end:high]
    done, left = len(before.split()), len(behind.split())
    clause_before = before[max((before.rfind(mark) for mark in CLAUSE), default=-1) + 1 :]
    marks = [at for mark in CLAUSE if (at := behind.find(mark)) >= 0]
    clause_behind = behind[: min(marks, default=len(behind))]
    opened = sum(before.count(mark) for mark in "“‘") - sum(before.count(mark) for mark in "”’")
    opened += before.count('"') % 2
    mark_behind = next((one for one in behind[:2] if not one.isalnum() and not one.isspace()), "")
    last = next((one for one in reversed(text[low:high]) if one in ".!?"), "")
    neighbours = [before.split()[-1:], behind.split()[:1]]
    return [
        done, left, done / max(1, done + left), done + left,
        len(clause_before.split()), len(clause_behind.split()),
        *(float(mark_behind == mark) for mark in MARKS), *(float(last == mark) for mark in ".!?"),
        float(opened > 0), float(any(mark in text[low:high] for mark in '"“”')),
        float(not before.strip()), *(len(one[0]) if one else 0 for one in neighbours),
        float(before.rstrip()[-1:] in set(CLAUSE)),
    ]  # fmt: skip


# --- of a segment


def measured(pairs: Sequence[dict], read: Path, root: Path) -> np.ndarray:
    """float [num_pairs, 6]: kept beside the tables, since pitch takes a while."""
    kept = read / "prosody.npy"
    if not kept.exists():
        rows = tables.rows(read / "recordings" / "all.parquet", "recordings")
        paths = {row["recording_id"]: root / row["path"] for row in rows}
        by_recording: dict[str, list[int]] = defaultdict(list)
        for index, row in enumerate(pairs):
            by_recording[row["recording_id"]].append(index)
        tasks = [
            (paths[name], [pairs[index]["slices"] for index in indices])
            for name, indices in by_recording.items()
        ]
        found = np.empty((len(pairs), 6))
        results = in_processes(of_recording, tasks, 2)
        for indices, rows in zip(by_recording.values(), results, strict=True):
            found[indices] = rows
        np.save(kept, found)
    return np.load(kept)


def of_recording(task: tuple[Path, list[list[dict]]]) -> np.ndarray:
    """float [num_segments, 6]: log duration; level, its slope; log pitch, its slope, its end."""
    path, segments = task
    torch.set_num_threads(1)
    samples = audio.decode(path)
    pitch = detect_pitch_frequency(torch.from_numpy(samples)[None], SAMPLE_RATE_HZ, HOP_S)[0]
    pitch = np.log(np.clip(pitch.numpy(), 50, 500))
    hop = round(HOP_S * SAMPLE_RATE_HZ)
    power = np.square(samples[: len(samples) // hop * hop], dtype=np.float64).reshape(-1, hop)
    level = 10 * np.log10(power.mean(1) + 1e-9)
    rows = []
    for slices in segments:
        start, end = slices[0]["start_sample"] // hop, -(-slices[-1]["end_sample"] // hop)
        own_level, own_pitch = level[start:end], pitch[start:end]
        if not len(own_pitch):
            own_pitch = pitch[-1:]
        loud = own_pitch[own_level[: len(own_pitch)] > own_level.max() - 15]
        own_pitch = loud if len(loud) else own_pitch
        rows.append([
            np.log(end - start), own_level.max(), slope(own_level),
            np.median(own_pitch), slope(own_pitch), np.median(own_pitch[-3:]),
        ])  # fmt: skip
    return np.array(rows)


def slope(values: np.ndarray) -> float:
    """From the mean of the first half to that of the second."""
    half = len(values) // 2
    return float(values[half:].mean() - values[:half].mean()) if half else 0.0
