"""Codebooks of shards: the same bits for any number of them, computed or dumped."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_corpus import Corpus, write_corpus
from unit_commands import label, learn, place, shards

from aubert import tables
from aubert.cli import main
from aubert.units.choice import Choice, choose
from aubert.units.codebook import Codebook
from aubert.units.features import Computed, Mfcc, ShardTables
from aubert.units.kmeans import KMeansOptions
from aubert.units.labels import LabelSet
from aubert.units.sample import draw, merged, survey


@pytest.fixture(scope="module")
def many(tmp_path_factory) -> Corpus:
    return write_corpus(tmp_path_factory.mktemp("many"), num_shards=16)


def joined(corpus: Corpus, directory: Path, num_shards: int) -> Corpus:
    """The same corpus in fewer shards."""
    for name in Corpus.TABLES:
        rows = [
            list(tables.rows(corpus.results / name / f"{number}.parquet", name))
            for number in range(16)
        ]
        for number in range(num_shards):
            own = [row for part in rows[number::num_shards] for row in part]
            tables.write(directory / name / f"{number}.parquet", name, own)
    return Corpus(corpus.root, directory, corpus.reference)


def dumped(corpus: Corpus, directory: Path, *flags) -> Path:
    for number, inputs in enumerate(shards(corpus)):
        command = ["units", "dump", *inputs, str(directory), *place(corpus, number, None)]
        assert main([*command, f"--root={corpus.root}", *flags]) == 0
    return directory


def passes(corpus: Corpus, book: Path, number: int, dump: Path | None = None) -> Path:
    """The codebook after passes over all shards."""
    samples = sorted(map(str, book.with_name(f"{book.name}.work").glob("*.safetensors")))
    for step in range(1, number + 1):
        after = book.with_name(f"{book.name.split('-')[0]}-{step}")
        sums = []
        for shard, inputs in enumerate(shards(corpus)):
            sums.append(str(after) + f".{shard}.sums")
            command = ["units", "pass", *inputs, sums[-1], f"--codebook={book}"]
            assert main([*command, f"--root={corpus.root}", *place(corpus, shard, dump)]) == 0
        command = ["units", "merge", str(after), f"--codebook={book}"]
        assert main([*command, "--sums", *sums, "--samples", *samples]) == 0
        book = after
    return book


def content(book: Path) -> bytes:
    return b"".join(Path(f"{book}{suffix}").read_bytes() for suffix in (".npy", ".json"))


def test_codebooks_are_the_same_to_the_bit_for_1_4_and_16_shards_and_dumped(many, tmp_path):
    found = {}
    for number in (1, 4, 16):
        corpus = joined(many, tmp_path / f"results{number}", number)
        book = tmp_path / f"book{number}"
        assert learn(corpus, book) == 0
        found[number] = content(book), content(passes(corpus, book, 1))
    dump = dumped(corpus, tmp_path / "dump")
    assert learn(corpus, tmp_path / "dumped", dump=dump) == 0
    again = passes(corpus, tmp_path / "dumped", 1, dump)
    found["dumped"] = content(tmp_path / "dumped"), content(again)
    assert len(set(found.values())) == 1
    first, last = (Codebook.load(path) for path in (tmp_path / "book16", again))
    assert last.inertia < first.inertia  # a pass over all frames only improves it
    assert last.num_frames == sum(len(one) for one in frames_of(many))


def frames_of(corpus: Corpus):
    for inputs in shards(corpus):
        features = Computed(ShardTables(*map(Path, inputs)), corpus.root, Mfcc(True))
        yield from (frames for _, frames in features.items())


def test_labels_of_dumped_features_are_those_of_computed_ones(corpus, labelled, tmp_path):
    dump = dumped(corpus, tmp_path / "dump")
    for number in range(2):
        flags = [f"--dump={dump}", f"--shard={number}", "--num-shards=2"]
        shutil.copy(labelled / "codebook.npy", tmp_path)
        shutil.copy(labelled / "codebook.json", tmp_path)
        assert label(corpus, tmp_path, number, *flags) == 0
        one, other = (LabelSet.open(each / "labels" / str(number)) for each in (labelled, tmp_path))
        assert list(one.ids) == list(other.ids)
        np.testing.assert_array_equal(one.labels, other.labels)


def test_half_precision_dumps_are_learned_from_in_single(corpus, tmp_path):
    dump = dumped(corpus, tmp_path / "dump", "--dump-dtype=float16")
    assert np.load(next(dump.glob("*.npy"))).dtype == np.float16
    assert learn(corpus, tmp_path / "half", dump=dump) == 0
    assert learn(corpus, tmp_path / "single") == 0
    half, single = (Codebook.load(tmp_path / name) for name in ("half", "single"))
    assert half.inertia == pytest.approx(single.inertia, rel=0.01)


def test_what_a_dump_rejects_is_rejected_by_what_reads_it(broken, tmp_path):
    dump = dumped(broken, tmp_path / "dump")
    assert learn(broken, tmp_path / "codebook", dump=dump) == 0
    flags = [f"--dump={dump}", "--shard=0", "--num-shards=2"]
    assert label(broken, tmp_path, 0, *flags) == 0
    rejects = {row["reason"] for row in tables.rows(tmp_path / "rejects0.parquet", "rejects")}
    assert rejects == {"audio_missing", "features_not_finite", "audio_too_short"}


def test_as_much_audio_is_chosen_as_the_sample_needs(many, tmp_path):
    rows = list(tables.all_rows(many.results, "utterances"))
    seconds = sum(row["num_samples"] for row in rows) / 16_000
    for share in (0.25, 0.5):
        options = KMeansOptions(sample_hours=share * seconds / 3600, sample_frames=500)
        choice = choose(many.results, options)
        chosen = [row for row in rows if row["utterance_id"] in choice]
        assert len(chosen) == choice.num_utterances < choice.of_utterances == len(rows)
        chosen_s = sum(row["num_samples"] for row in chosen) / 16_000
        longest = max(row["num_samples"] for row in rows) / 16_000
        assert share * seconds <= chosen_s <= share * seconds + longest
        for number in (1, 4):
            other = joined(many, tmp_path / f"{share}{number}", number)
            assert choose(other.results, options) == choice
    everything = choose(many.results, KMeansOptions())
    assert (everything.num_utterances, everything.share) == (len(rows), 1.0)
    choice.save(tmp_path / "choice.json")
    assert Choice.load(tmp_path / "choice.json") == choice


def test_frames_of_a_choice_are_those_with_the_smallest_hashes(many, tmp_path):
    """The sample is that of one process that has all the chosen utterances before it."""
    from aubert.units.choice import choose
    from aubert.units.features import Computed, Mfcc, ShardTables
    from aubert.units.kmeans import KMeansOptions

    options = KMeansOptions(sample_hours=0.01, sample_frames=400, seed=3)
    choice = choose(many.results, options)
    assert choice.share < 1

    def parts():
        for inputs in shards(many):
            yield Computed(ShardTables(*map(Path, inputs)), many.root, Mfcc(True))

    samples = [draw(lambda one=one: one.items(choice), 400, 3, choice.share) for one in parts()]
    whole = survey(lambda: (item for one in parts() for item in one.items(choice)), 400, 3)
    assert sum(len(sample.keys) for sample in samples) < 6 * 400 < whole.num_frames
    np.testing.assert_array_equal(merged(samples, 400).frames, whole.frames)


def test_a_settled_codebook_needs_no_further_pass(corpus, tmp_path):
    assert learn(corpus, tmp_path / "codebook") == 0
    settled = replace(Codebook.load(tmp_path / "codebook"), is_settled=True)
    settled.save(tmp_path / "codebook")
    after = passes(corpus, tmp_path / "codebook", 1)
    assert content(after) == content(tmp_path / "codebook")


def test_samples_of_different_features_are_not_merged(corpus, tmp_path, capsys):
    learn(corpus, tmp_path / "one")
    learn(corpus, tmp_path / "two", "--no-normalise-mean")
    samples = [str(tmp_path / f"{name}.work/0.safetensors") for name in ("one", "two")]
    assert main(["units", "learn", str(tmp_path / "x"), *samples, "--num-clusters=3"]) == 1
    assert "draw both alike" in capsys.readouterr().err
