"""Every export, read by the tool that it is for."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import subprocess
from itertools import pairwise

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile
from tiny_aligned import BOOK, WORD_S, Aligned, write_aligned
from tiny_read import Read, write_read

from aubert import tables
from aubert.cli import main
from aubert.corpus.books import Bookshelf
from aubert.corpus.held_out import HeldOut
from aubert.export.corpus import Utterance, Word
from aubert.export.huggingface import export_huggingface
from aubert.export.lhotse import _slices, _supervision, export_lhotse
from aubert.units.labels import write_labels
from aubert.units.shards import FeatureKind, read_tsv

TOLERANCE_S = 0.002  # words count in milliseconds


@pytest.fixture(scope="module")
def aligned(tmp_path_factory) -> Aligned:
    return write_aligned(tmp_path_factory.mktemp("aligned"))


@pytest.fixture(scope="module")
def export(aligned, tmp_path_factory):
    """A function: runs the command, returns the folder that it wrote."""

    def run(kind, *more):
        out = tmp_path_factory.mktemp(kind) / "out"
        command = ["--debug", "export", kind, str(aligned.results), str(out), *aligned.arguments()]
        assert main([*command, *more]) == 0
        return out

    return run


def loudness(samples, rate_hz, start_s, end_s) -> float:
    return float(np.sqrt(np.mean(samples[round(start_s * rate_hz) : round(end_s * rate_hz)] ** 2)))


def check_tones(samples, rate_hz, spans) -> None:
    """Every span is a word's tone, and it is quiet beside it."""
    for start_s, end_s in spans:
        assert abs(end_s - start_s - WORD_S) < 2 * TOLERANCE_S
        assert loudness(samples, rate_hz, start_s + 0.01, end_s - 0.01) > 0.3
        assert loudness(samples, rate_hz, end_s + 0.01, end_s + 0.04) < 0.02


def test_lhotse_cuts_audio_and_words(export, aligned):
    lhotse = pytest.importorskip("lhotse")
    out = export("lhotse")
    recordings, supervisions, cuts = (
        lhotse.load_manifest(out / f"{name}.jsonl.gz")
        for name in ("recordings", "supervisions", "cuts")
    )
    lhotse.validate(recordings, read_data=True)
    lhotse.validate(supervisions)
    assert len(cuts) == 6 and len(supervisions) == 12
    num_words = 0
    for cut in cuts:
        lhotse.validate(cut)
        samples = cut.load_audio()[0]
        assert len(samples) == round(cut.duration * cut.sampling_rate)
        for supervision in cut.supervisions:
            words = supervision.alignment["word"]
            num_words += len(words)
            # What is in a track counts from the track's start.
            spans = [
                (word.start + supervision.start, word.end + supervision.start) for word in words
            ]
            check_tones(samples, cut.sampling_rate, spans)
    assert num_words == sum(map(len, aligned.words.values()))
    for recording_id, truth in aligned.words.items():
        found = [
            (word.symbol, word.start, word.end)
            for supervision in supervisions
            if supervision.recording_id == recording_id
            for word in supervision.alignment["word"]
        ]
        assert [word for word, *_ in found] == [word for word, *_ in truth]
        for (_, *times), (_, *true) in zip(found, truth, strict=True):
            assert times == pytest.approx(true, abs=TOLERANCE_S)
    first = next(iter(supervisions))
    assert (first.text, first.speaker) == ("Chapter One It", "118")
    assert first.custom["spoken"] == "chapter one it"


def read(book, runs, words, cuts_s):
    """An utterance that reads `words` of the book, one a second, in slices that end at cuts_s."""
    spoken = []
    for number, word in enumerate(words):
        place = re.search(rf"\b{word}", book).start()
        spoken.append(Word(word, word.lower(), place, place + len(word), number, number + 0.9,
                           number, number + 0.9, 1.0))  # fmt: skip
    runs = [{"label": "READ", "char_start": a, "char_end": b} for a, b in runs]
    return Utterance(
        utterance_id="r_0000",
        recording={"recording_id": "r", "sample_rate_hz": 10, "speaker": "s"},
        book_id="b",
        index=0,
        slices=[(10 * a, 10 * b) for a, b in pairwise([0, *cuts_s])],
        num_samples=10 * cuts_s[-1],
        refined={"char_start": runs[0]["char_start"], "char_end": runs[0]["char_end"],
                 "similarity": 1.0, "language": "en", "runs": runs},
        words=spoken,
    )  # fmt: skip


def test_what_was_printed_and_not_read_is_not_in_a_text():
    book = "KEEPER. “The lantern1 is dark,” he said. [Exit.]"
    words = ["The", "lantern", "is", "dark", "he", "said"]
    utterance = read(book, [(0, len(book))], words, [6])
    assert utterance.written(book) == "“The lantern is dark,” he said."


def test_texts_of_slices_where_the_reader_jumps_in_the_book():
    book = "One two. Three four. Five six."
    words = ["Five", "six", "One", "two"]
    utterance = read(book, [(21, 30), (0, 8)], words, [2, 4])
    assert utterance.written(book) == "Five six. One two."
    slices = _slices(utterance)
    texts = [_supervision(utterance, slices, number, book, 0.0)[0]["text"] for number in (0, 1)]
    assert texts == ["Five six.", "One two."]


def test_datasets_loads_the_folder(export, aligned, tmp_path):
    datasets = pytest.importorskip("datasets")
    out = export("huggingface")
    data = datasets.load_dataset(str(out), split="train", cache_dir=str(tmp_path))
    assert data.features["audio"] == datasets.Audio(sampling_rate=16_000)
    assert data["text"][3] == "more. Then the rain came down"  # spans end with their last word
    assert data["spoken"][1] == "and mister hale had three cups of tea"
    assert data["has_extra"][:] == [False, False, False, False, True, False]
    for row in data.cast_column("audio", datasets.Audio(decode=False)):
        samples, rate_hz = soundfile.read(io.BytesIO(row["audio"]["bytes"]))
        assert rate_hz == 16_000 and len(samples) == round(row["duration_s"] * rate_hz)
        check_tones(samples, rate_hz, [(word["start_s"], word["end_s"]) for word in row["words"]])
        truth = {word: (start, end) for word, start, end in aligned.words[row["recording_id"]]}
        if len(truth) == len(aligned.words[row["recording_id"]]):  # every word once
            for word in row["words"]:
                found = (word["recording_start_s"], word["recording_end_s"])
                assert found == pytest.approx(truth[word["word"]], abs=TOLERANCE_S)
    card = datasets.load_dataset_builder(str(out), cache_dir=str(tmp_path)).info
    assert card.features == data.features
    assert "6 utterances" in (out / "README.md").read_text()


def test_datasets_loads_what_is_held_out_as_another_split(aligned, tmp_path):
    datasets = pytest.importorskip("datasets")
    export_huggingface(aligned.corpus(), tmp_path / "hf", HeldOut(speakers=["118"]))
    data = datasets.load_dataset(str(tmp_path / "hf"), cache_dir=str(tmp_path / "cache"))
    assert {split: set(own["speaker"]) for split, own in data.items()} == {
        "train": {"O'Hara 2"},
        "test": {"118"},
    }


def test_fairseq_s_files_belong_together(export, aligned, tmp_path):
    ids = [row["utterance_id"] for row in tables.all_rows(aligned.results, "utterances")]
    units = {name: np.arange(3 + place, dtype=np.int16) for place, name in enumerate(ids)}
    kind = FeatureKind("mfcc", 100.0)
    write_labels(tmp_path / "labels/0", units.items(), kind, 50, None)
    out = export("fairseq", "--valid-share=0.4", "--labels", f"km={tmp_path / 'labels'}")
    assert (out / "pretrain/dict.km.txt").read_text().splitlines()[49] == "49 1"
    sizes = {}
    for task, suffixes in (("pretrain", ["km"]), ("finetune", ["wrd", "ltr"])):
        for split in ("train", "valid"):
            root, names, lengths = read_tsv(out / task / f"{split}.tsv")
            assert root == out / "audio"
            assert [soundfile.info(root / name).frames for name in names] == lengths
            for suffix in suffixes:
                lines = (out / task / f"{split}.{suffix}").read_text().splitlines()
                assert len(lines) == len(names)
            sizes[task, split] = len(names)
    assert sizes["pretrain", "train"] + sizes["pretrain", "valid"] == 6
    assert min(sizes.values()) > 0
    # One utterance holds words that are not in the book.
    assert sizes["finetune", "train"] + sizes["finetune", "valid"] == 5
    lines = [
        (words, letters)
        for split in ("train", "valid")
        for words, letters in zip(
            *((out / f"finetune/{split}.{suffix}").read_text().splitlines()
              for suffix in ("wrd", "ltr")), strict=True)
    ]  # fmt: skip
    known = {line.split()[0] for line in (out / "finetune/dict.ltr.txt").read_text().splitlines()}
    for words, letters in lines:
        assert letters.replace(" ", "").replace("|", " ").strip() == words
        assert set(letters.split()) <= known
    first = out / "audio/118/tiny%20book/01/118+tiny%2520book+01_0000.flac"
    assert first.is_file()


def test_lhotse_loads_the_kaldi_directory(export, aligned, tmp_path, monkeypatch):
    kaldi = pytest.importorskip("lhotse.kaldi")
    ffmpeg = pytest.importorskip("imageio_ffmpeg")
    os.symlink(ffmpeg.get_ffmpeg_exe(), tmp_path / "ffmpeg")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    out = export("kaldi")
    recordings, supervisions, _ = kaldi.load_kaldi_data_dir(out, 16_000)
    assert (len(recordings), len(supervisions)) == (3, 5)
    for supervision in supervisions:
        recording = recordings[supervision.recording_id]
        assert supervision.start >= 0 and supervision.end <= recording.duration
        assert supervision.id.startswith(supervision.speaker)
    samples = recordings["small/O'Hara%202/tiny_64kb/02"].load_audio()[0]
    times = [line.split() for line in (out / "ctm").read_text().splitlines()]
    spans = [
        (float(start), float(start) + float(duration))
        for name, _, start, duration, *_ in times
        if name == "small/O'Hara%202/tiny_64kb/02"
    ]
    check_tones(samples, 16_000, spans)
    for name in ("text", "segments", "utt2spk", "spk2utt", "wav.scp", "reco2dur"):
        check = ["sort", "--check", str(out / name)]
        subprocess.run(check, check=True, env={**os.environ, "LC_ALL": "C"})
    texts = dict(line.split(" ", 1) for line in (out / "text").read_text().splitlines())
    assert texts["118-small/118/tiny_64kb/01_0001"] == "AND MISTER HALE HAD THREE CUPS OF TEA"


def test_praatio_reads_the_textgrids(export, aligned):
    textgrid = pytest.importorskip("praatio.textgrid")
    out = export("textgrid")
    for recording_id, truth in aligned.words.items():
        path = out / f"recordings/{recording_id}.TextGrid"
        grid = textgrid.openTextgrid(str(path), includeEmptyIntervals=False)
        assert grid.tierNames == ("words", "spoken", "utterances")
        found = grid.getTier("words").entries
        assert [entry.label for entry in found] == [word for word, *_ in truth]
        for entry, (_, start_s, end_s) in zip(found, truth, strict=True):
            assert (entry.start, entry.end) == pytest.approx((start_s, end_s), abs=TOLERANCE_S)
        info = soundfile.info(aligned.root / f"{recording_id}.flac")
        assert grid.maxTimestamp == pytest.approx(info.duration, abs=1e-5)
    piece = textgrid.openTextgrid(
        str(out / "utterances/small/118/tiny_64kb/02_0001.TextGrid"), includeEmptyIntervals=True
    )
    words = [entry.label for entry in piece.getTier("words").entries if entry.label]
    assert words == ["more", "Then", "the", "rain", "came", "down"]


def test_aubert_takes_its_own_json(export, tmp_path, capsys):
    (path,) = export("aubert").iterdir()
    book = json.loads(path.read_text(encoding="utf-8"))
    assert book["raw"] == BOOK and len(book["utterances"]) == 6
    for utterance in book["utterances"]:
        for word, start, end, start_ms, end_ms, *_ in utterance["words"]:
            assert BOOK[start:end] == word and 0 <= start_ms < end_ms
    assert main(["align", "book", str(path), str(tmp_path / "again.json")]) == 0
    again = json.loads((tmp_path / "again.json").read_text())
    both = zip(book["utterances"], again["utterances"], strict=True)
    assert all(abs(a["start_idx"] - b["start_idx"]) <= 2 for a, b in both)


def test_audio_is_what_the_utterance_s_slices_hold(export, aligned):
    out = export("audio", "--jobs=2")
    assert len(list(out.rglob("*.flac"))) == 6
    samples, rate_hz = soundfile.read(out / "O'Hara 2/tiny book/02/02_0001.flac")
    assert rate_hz == 16_000 and samples.ndim == 1
    rows = {row["utterance_id"]: row for row in tables.all_rows(aligned.results, "utterances")}
    row = rows["small/O'Hara 2/tiny_64kb/02_0001"]
    assert len(samples) == round(row["num_samples"] * 16_000 / 44_100)


def test_an_export_that_fails_leaves_what_was_there(aligned, tmp_path, capsys):
    out = tmp_path / "out"
    out.mkdir()
    (out / "old").touch()
    (aligned.books / "tiny book.txt").rename(aligned.books / "gone")
    try:
        command = ["export", "lhotse", str(aligned.results), str(out), *aligned.arguments()]
        assert main(command) == 1
    finally:
        (aligned.books / "gone").rename(aligned.books / "tiny book.txt")
    assert "book_missing" in capsys.readouterr().err
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "old"]


def test_a_run_without_words_is_one_clear_line(aligned, tmp_path, capsys):
    assert (
        main(["export", "kaldi", str(tmp_path), str(tmp_path / "out"), *aligned.arguments()]) == 1
    )
    assert "make its dataset first: snakemake dataset" in capsys.readouterr().err


def test_the_same_export_is_the_same_bytes(export):
    def content(folder):
        return {
            path.relative_to(folder): gzip.decompress(path.read_bytes())
            if path.suffix == ".gz"
            else path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file()
        }

    assert content(export("lhotse")) == content(export("lhotse"))
    assert content(export("epub")) == content(export("epub", "--jobs=2"))


def test_a_speaker_of_several_shards_is_one_line_of_kaldi_s(aligned, export, tmp_path):
    """Each chapter in a shard of its own, as books of one reader are."""
    results = tmp_path / "results"
    for shard, chapter in enumerate(("01", "02")):
        for name in ("recordings", "utterances", "refined", "words"):
            rows = tables.all_rows(aligned.results, name)
            key = "recording_id" if name == "recordings" else "utterance_id"
            kept = [row for row in rows if f"/{chapter}" in row[key]]
            tables.write(results / name / f"{shard}.parquet", name, kept)
    out = tmp_path / "out"
    assert main(["export", "kaldi", str(results), str(out), *aligned.arguments()]) == 0
    whole = export("kaldi")
    for path in whole.iterdir():
        assert sorted((out / path.name).read_text()) == sorted(path.read_text())
    assert (out / "spk2utt").read_text() == (whole / "spk2utt").read_text()
    assert [line.split()[0] for line in (whole / "spk2utt").read_text().splitlines()] == [
        "118", "O'Hara%202"
    ]  # fmt: skip


def test_a_word_that_a_line_breaks_is_exported_in_one_piece(tmp_path):
    (tmp_path / "books").mkdir()
    text = "The light-\nhouse was\ndark, and the door-\r\n  step wet."
    (tmp_path / "books/b.txt").write_text(text, newline="")
    corpus = write_read(tmp_path, Bookshelf(tmp_path / "books"), [Read("b", "01", 0, len(text))])
    (utterance,) = corpus.aligned()
    assert utterance.written(text) == "The lighthouse was dark, and the doorstep wet"
    assert utterance.written(text, 4, 20) == "lighthouse was"
    words = [word.word for word in utterance.words]
    assert words == "The lighthouse was dark and the doorstep wet".split()


def test_the_language_of_each_book_is_exported(tmp_path):
    (tmp_path / "books").mkdir()
    (tmp_path / "books/a.html").write_text("<html lang='fr-CA'><p>La tour.</p></html>")
    (tmp_path / "books/b.txt").write_text("The tower.")
    shelf = Bookshelf(tmp_path / "books")
    corpus = write_read(tmp_path, shelf, [Read("a", "01", 0, 8), Read("b", "02", 0, 10)])
    export_lhotse(corpus, tmp_path / "lhotse")
    with gzip.open(tmp_path / "lhotse/supervisions.jsonl.gz", "rt") as lines:
        assert [json.loads(line)["language"] for line in lines] == ["French", "English"]
    export_huggingface(corpus, tmp_path / "hf")
    table = pq.read_table(tmp_path / "hf/data/train-0.parquet")
    assert table.column("language").to_pylist() == ["fr-CA", "en"]
    assert "language: [en, fr]" in (tmp_path / "hf/README.md").read_text()
