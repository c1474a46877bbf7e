"""No learner reads a held-out speaker or book: each is asked where it chooses its rows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import soundfile
from tiny_checkpoints import ENCODERS, tiny_encoder
from tiny_corpus import Corpus, write_corpus
from tone_speech import RATE_HZ, say, texts, write_labelled

from aubert import tables
from aubert.align import words_ctc
from aubert.cli import main
from aubert.corpus.books import Bookshelf
from aubert.corpus.clip_options import ClipOptions, read_clips
from aubert.corpus.held_out import HeldOut
from aubert.ctc import evaluation as ctc_evaluation
from aubert.ctc import task as ctc_task
from aubert.ctc.options import CtcTrainOptions
from aubert.evaluate import unit_quality
from aubert.learn.utterances import VirtualUtterances
from aubert.separation.mixtures import draw_list
from aubert.separation.options import ListOptions
from aubert.separation.voices import find_clips
from aubert.units.choice import Choice, choose
from aubert.units.kmeans import KMeansOptions, PassSums
from aubert.units.labels import Labels
from aubert.units.sample import Sample

BOOKS = ("kept", "gone")
# speaker0 and speaker1 read the book that is kept in shard 0 and 1; speaker0 the other one too.
HELD_OUT = HeldOut(speakers=["speaker1"], books=["gone"])
FLAGS = ["--held-out-speaker=speaker1", "--held-out-book=gone"]
LEARNED = {f"small/speaker0/book/chapter0_{index:04}" for index in range(2)}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Corpus:
    """Of two speakers; chapter 1 of each is of the book that is held out."""
    corpus = write_corpus(tmp_path_factory.mktemp("corpus"))
    for shard in range(2):
        path = corpus.shard(shard)[0]
        rows = [{**row, "book_id": BOOKS[row["chapter_index"]]} for row in _rows(path)]
        tables.write(path, "recordings", rows)
    return corpus


def _rows(path: str) -> list[dict]:
    return list(tables.rows(path, "recordings"))


def test_the_choice_for_codebooks(corpus):
    choice = choose(corpus.results, KMeansOptions(), HELD_OUT)
    assert (choice.num_utterances, choice.of_utterances) == (2, 2)
    assert choose(corpus.results, KMeansOptions()).of_utterances == 8


def test_the_sample_of_a_codebook(corpus, tmp_path):
    """Not even where the choice, a limit of hashes, holds the utterance."""
    everything = Choice(0, 2**64 - 1, 12, 1.0, 12, 1.0, 1.0)
    everything.save(tmp_path / "choice.json")
    common = [f"--choice={tmp_path / 'choice.json'}", f"--root={corpus.root}"]
    frames = []
    for shard in range(2):
        for flags in ([], FLAGS):
            out = tmp_path / "sample"
            assert main(["units", "sample", *corpus.shard(shard), str(out), *common, *flags]) == 0
            frames.append(Sample.load(out)[0].num_frames)
    assert 0 < frames[1] < 0.7 * frames[0] and frames[2] > 0 and frames[3] == 0


def test_a_pass_over_all_frames(corpus, tmp_path):
    Choice(0, 2**64 - 1, 12, 1.0, 12, 1.0, 1.0).save(tmp_path / "choice.json")
    root, sample = f"--root={corpus.root}", str(tmp_path / "sample")
    chosen = f"--choice={tmp_path / 'choice.json'}"
    assert main(["units", "sample", *corpus.shard(0), sample, chosen, root]) == 0
    assert main(["units", "learn", str(tmp_path / "book"), sample, "--num-clusters=4"]) == 0
    for shard, is_any in ((0, True), (1, False)):
        out = tmp_path / "sums"
        common = [str(out), f"--codebook={tmp_path / 'book'}", root, *FLAGS]
        assert main(["units", "pass", *corpus.shard(shard), *common]) == 0
        assert bool(PassSums.of_parts([out]).num_frames) == is_any


def test_the_choice_of_a_layer(corpus, monkeypatch):
    read = set()

    def features(encoder, shards, root, only):
        read.update(only)
        return iter(())

    monkeypatch.setattr(unit_quality, "features", features)
    encoder = type("Encoder", (), {"num_columns": 4})
    arguments = (corpus.results, corpus.root, encoder, corpus.reference, 4, KMeansOptions())
    for held_out, expected in ((HELD_OUT, LEARNED), (HeldOut(), None)):
        read.clear()
        with pytest.raises(ValueError, match="no frames to learn from"):
            unit_quality.best_layer(*arguments, held_out)
        assert read == expected if expected else len(read) == 8


def test_hubert(corpus, monkeypatch):
    from aubert.hubert import task

    read = []

    def train_hubert(out, utterances, *rest, **more):
        read.extend(utterances.ids.to_pylist())
        return "hubert"

    monkeypatch.setattr(task, "train_hubert", train_hubert)
    monkeypatch.setattr(Labels, "below", lambda name, directory: name)
    labels = f"--labels=mfcc={corpus.results}"
    common = ["hubert", "train", str(corpus.results), "out", labels, f"--root={corpus.root}"]
    assert main([*common, *FLAGS]) == 0
    assert set(read) == LEARNED
    assert len(VirtualUtterances.of_corpus(corpus.results, corpus.root).ids) == 8


def test_hubert_of_a_manifest_cannot_know_what_is_held_out(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(Labels, "below", lambda name, directory: name)
    (tmp_path / "train.tsv").write_text("/\n")
    labels = f"--labels=mfcc={tmp_path}"
    assert main(["hubert", "train", str(tmp_path / "train.tsv"), "out", labels, *FLAGS]) != 0
    assert "names no speakers and no books" in capsys.readouterr().err


def _mls(folder: Path, names: list[str]) -> Path:
    lines = []
    for number, name in enumerate(names):
        speaker, book, _ = name.split("_")
        path = folder / f"audio/{speaker}/{book}/{name}.flac"
        path.parent.mkdir(parents=True, exist_ok=True)
        (text,) = texts(1, seed=number)
        soundfile.write(path, say(text), RATE_HZ)
        lines.append(f"{name}\t{text}\n")
    (folder / "transcripts.txt").write_text("".join(lines))
    return folder


def test_ctc(tmp_path, monkeypatch):
    """Speakers of LibriSpeech's layout; speakers and books of MLS's, which names books."""
    folders = [
        write_labelled(tmp_path / "librispeech", {"1": texts(3), "2": [*texts(2), "xyz"]}),
        _mls(tmp_path / "mls", ["1_gone_0", "1_kept_0", "2_kept_0"]),
    ]
    encoder = tmp_path / "encoder"
    tiny_encoder(next(iter(ENCODERS))).save_pretrained(encoder)
    (encoder / "preprocessor_config.json").write_text(json.dumps({"do_normalize": False}))
    read = []

    def train_model(out, task, examples, options, **more):
        read.extend(each.utterance_id for each in examples.utterances)
        raise KeyboardInterrupt

    monkeypatch.setattr(ctc_task, "train_model", train_model)
    held_out = HeldOut(speakers=["2"], books=["gone"])
    options = CtcTrainOptions(validation_share=0, min_seconds=0.1)
    with pytest.raises(KeyboardInterrupt):
        ctc_task.train_ctc(tmp_path / "out", encoder, folders, options, held_out=held_out)
    assert read == ["1-7-0000", "1-7-0001", "1-7-0002", "1_kept_0"]
    letters = ctc_task.alphabet("transcripts", "en", folders, held_out).letters
    assert set(letters) == set("abcd")


def test_the_language_model_of_ctc_s_error_rates(tmp_path):
    """Its dev sets may be of held-out books."""
    for book in BOOKS:
        (tmp_path / f"{book}.txt").write_text(f"The book {book}.\n" * 9)
    shelf = Bookshelf(tmp_path)
    assert len(list(ctc_evaluation._texts(shelf, "en", HeldOut()))) == 2
    (text,) = ctc_evaluation._texts(shelf, "en", HELD_OUT)
    assert "kept" in text


def test_the_small_bert_of_the_books(tmp_path, monkeypatch):
    from aubert.crossmodal import small_bert

    read = []

    def save_small_bert(out, found, options):
        read.extend(found)
        return []

    monkeypatch.setattr(small_bert, "save_small_bert", save_small_bert)
    for book in BOOKS:
        (tmp_path / f"{book}.txt").write_text(f"The book {book}.\n" * 9)
    assert main(["aubert", "text", "out", f"--books-dir={tmp_path}", *FLAGS]) == 0
    assert len(read) == 1 and "kept" in read[0]


def test_the_calibration_of_word_edges(corpus, tmp_path):
    results = tmp_path / "results"
    for shard in range(2):
        for name in ("recordings", "utterances"):
            path = corpus.results / name / f"{shard}.parquet"
            tables.write(results / name / path.name, name, tables.rows(path, name))
        ids = [row["utterance_id"] for row in tables.rows(path, "utterances")]
        refined = [_refined(name) for name in ids]
        tables.write(results / f"refined/{shard}.parquet", "refined", refined)
        tables.write(results / f"transcripts/{shard}.parquet", "transcripts", [])
    for held_out, expected in ((HELD_OUT, LEARNED), (HeldOut(), None)):
        *_, found = words_ctc.calibration_tables(results, held_out)
        names = {row["utterance_id"] for row in found}
        assert names == expected if expected else len(names) == 8


def _refined(utterance_id: str) -> dict:
    schema = tables.TABLES["refined"].schema
    plain = {"string": "en", "int64": 0, "double": 1.0, "float": 1.0, "bool": False}
    row = {field.name: plain.get(str(field.type), []) for field in schema}
    return {**row, "utterance_id": utterance_id}


def test_clar_s_clips_of_a_run(corpus, tmp_path):
    spoken = [
        {"recording_id": row["recording_id"], "index": 0, "spoken": "letter", "start_s": 0.0,
         "end_s": 0.5, "word": "letter", "label": "READ", "book_id": "kept", "char_start": 0,
         "char_end": 6}
        for shard in range(2) for row in _rows(corpus.shard(shard)[0])
    ]  # fmt: skip
    schema = tables.TABLES["reference_words"].schema
    rows = [{name: row.get(name) for name in schema.names} for row in spoken]
    tables.write(tmp_path / "words.parquet", "reference_words", rows)
    where = (None, corpus.results, corpus.root, tmp_path)
    for source in ("speakers", "reference"):
        options = ClipOptions(source=source)
        clips = read_clips(options, *where, held_out=HELD_OUT)
        assert {clip.id.rsplit("/", 1)[1][:8] for clip in clips} == {"chapter0"}
        assert {clip.path.parts[-3] for clip in clips} == {"speaker0"}
        assert len(read_clips(options, *where)) == 4 * len(clips)


def test_clar_s_aligned_words(corpus, tmp_path):
    results = tmp_path / "results"
    for shard in range(2):
        for name in ("recordings", "utterances"):
            path = corpus.results / name / f"{shard}.parquet"
            tables.write(results / name / path.name, name, tables.rows(path, name))
        words = [
            {"utterance_id": row["utterance_id"], "index": 0, "word": "letter", "spoken": "letter",
             "char_start": 0, "char_end": 6, "start_ms": 0, "end_ms": 100,
             "recording_start_ms": 0, "confidence": 1.0}
            for row in tables.rows(path, "utterances")
        ]  # fmt: skip
        tables.write(results / f"words/{shard}.parquet", "words", words)
    found = read_clips(ClipOptions(), None, results, corpus.root, held_out=HELD_OUT)
    assert {clip.id.split(":")[0] for clip in found} == LEARNED


def test_clar_s_clips_of_files(tmp_path):
    for label in ("yes", "no"):
        for name in ("1-7-0000", "2-7-0000"):
            (tmp_path / label).mkdir(exist_ok=True)
            soundfile.write(tmp_path / label / f"{name}.flac", say("ab"), RATE_HZ)
    found = read_clips(ClipOptions(source="folder"), tmp_path, held_out=HeldOut(speakers=["2"]))
    assert [clip.group for clip in found] == ["1", "1"]


def test_separation(tmp_path):
    """The speakers that the run holds out are the unseen ones, as far as the share wants; clips
    of held-out books are tested on with the seen."""
    corpus = write_corpus(tmp_path, num_shards=6)
    for shard in range(6):
        path = corpus.shard(shard)[0]
        tables.write(
            path,
            "recordings",
            [{**row, "book_id": BOOKS[row["chapter_index"]]} for row in _rows(path)],
        )
    held_out = HeldOut(speakers=["speaker1", "speaker4"], books=["gone"])
    clips = find_clips(corpus.results, corpus.root, {}, held_out)
    listed = draw_list(clips, ListOptions(num_mixtures=2, seconds=0.5))
    assert set(listed.unseen_speakers) == {"corpus/speaker1", "corpus/speaker4"}
    trained = listed.trainable(clips)
    assert {clip.speaker[-1] for clip in trained} == set("0235")
    assert all("/chapter0_" in clip.id for clip in trained)
    assert all("/chapter1_" in name for name in listed.held_out_clips)
    # A list of another run, without what this one holds out, does not let it in.
    other = draw_list(
        find_clips(corpus.results, corpus.root, {}), ListOptions(num_mixtures=2, seconds=0.5)
    )
    assert not any(clip.held_out for clip in other.trainable(clips))
