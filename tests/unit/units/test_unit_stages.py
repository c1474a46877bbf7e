"""`aubert units` on a corpus of seconds: what comes out, and what is said of bad input."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tiny_corpus import RECORDINGS_PER_SHARD, Corpus, write_corpus

from aubert import tables
from aubert.cli import main
from aubert.evaluate.metrics import read_metrics
from aubert.hubert.options import HubertOptions
from aubert.units import labels as labels_module
from aubert.units.codebook import Codebook
from aubert.units.labels import Labels, LabelSet

TINY = HubertOptions(
    front_end="logmel",
    frame_rate_hz=25,
    hidden_size=16,
    num_layers=3,
    num_heads=2,
    intermediate_size=16,
    conv_channels=16,
    pos_conv_kernel=4,
    pos_conv_groups=2,
)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Corpus:
    return write_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def encoder(tmp_path_factory) -> Path:
    from aubert.hubert.task import init_hubert

    directory = tmp_path_factory.mktemp("encoder") / "untrained"
    init_hubert(directory, TINY, seed=0)
    return directory


def learn(corpus: Corpus, out: Path, *flags, k: int = 6, dump: Path | None = None) -> int:
    """Chooses, samples each shard and learns `<out>.npy`; the exit status of the first that fails.
    flags: of the features. dump: a directory of `dumped`, whose features are read."""
    work = out.with_name(f"{out.name}.work")
    work.mkdir(parents=True, exist_ok=True)
    flags = ["--root", str(corpus.root), *map(str, flags)]
    status = main(["units", "choose", str(corpus.results), str(work / "choice.json")])
    samples = []
    for number, (recordings, utterances) in enumerate(shards(corpus)):
        samples.append(str(work / f"{number}.safetensors"))
        more = [f"--choice={work / 'choice.json'}"]
        more += place(corpus, number, dump)
        command = ["units", "sample", recordings, utterances, samples[-1], *more, *flags]
        status = status or main(command)
    return status or main(["units", "learn", str(out), *samples, f"--num-clusters={k}"])


def shards(corpus: Corpus) -> list[list[str]]:
    numbers = sorted(int(path.stem) for path in (corpus.results / "recordings").glob("*.parquet"))
    return [corpus.shard(number) for number in numbers]


def place(corpus: Corpus, number: int, dump: Path | None) -> list[str]:
    flags = [f"--shard={number}", f"--num-shards={len(shards(corpus))}"]
    return [*flags, f"--dump={dump}"] if dump else flags


def label(corpus: Corpus, folder: Path, shard: int, *flags) -> int:
    flags = ["--root", str(corpus.root), f"--codebook={folder / 'codebook'}", *map(str, flags)]
    flags += [f"--rejects={folder / f'rejects{shard}.parquet'}", "--stage=units_x"]
    out = folder / "labels" / str(shard)
    return main(["units", "label", *corpus.shard(shard), str(out), *flags])


@pytest.fixture(scope="module")
def labelled(corpus, tmp_path_factory) -> Path:
    """A folder with codebook and labels/<shard> of MFCC."""
    folder = tmp_path_factory.mktemp("labelled")
    assert learn(corpus, folder / "codebook") == 0
    for shard in range(2):
        assert label(corpus, folder, shard) == 0
    return folder


def test_one_codebook_of_all_shards_and_labels_of_each(corpus, labelled):
    book = Codebook.load(labelled / "codebook")
    assert (book.num_clusters, book.kind.name) == (6, "mfcc_normalised")
    joined = Labels.below("mfcc", labelled / "labels")
    rows = list(tables.all_rows(corpus.results, "utterances"))
    assert book.num_frames == sum((row["num_samples"] - 400) // 160 + 1 for row in rows)
    for row in rows:
        labels = joined.labels(row["utterance_id"])
        assert len(labels) == (row["num_samples"] - 400) // 160 + 1
    assert len(LabelSet.open(labelled / "labels" / "0")) == 2 * RECORDINGS_PER_SHARD
    for shard in range(2):
        assert not list(tables.rows(labelled / f"rejects{shard}.parquet", "rejects"))


def test_the_codebook_does_not_depend_on_the_shards(corpus, labelled, tmp_path):
    joined = tmp_path / "results"
    for name in corpus.TABLES:
        tables.write(joined / name / "0.parquet", name, tables.all_rows(corpus.results, name))
    other = Corpus(corpus.root, joined, corpus.reference)
    learn(other, tmp_path / "codebook")
    for suffix in (".npy", ".json"):
        assert (tmp_path / f"codebook{suffix}").read_bytes() == (
            labelled / f"codebook{suffix}"
        ).read_bytes()


def test_thirds_of_the_mfcc_have_codebooks_of_their_own(corpus, tmp_path):
    learn(corpus, tmp_path / "codebook", "--feature=mfcc_delta", "--no-normalise-mean")
    book = Codebook.load(tmp_path / "codebook")
    assert (book.columns, book.centroids.shape, book.kind.name) == ((13, 26), (6, 13), "mfcc")
    assert label(corpus, tmp_path, 0) == 0


def test_units_of_an_encoder_know_it(corpus, encoder, tmp_path, capsys):
    flags = ["--feature=hidden", f"--encoder={encoder}", "--layer=2"]
    assert learn(corpus, tmp_path / "codebook", *flags) == 0
    assert label(corpus, tmp_path, 0, f"--encoder={encoder}") == 0
    found = LabelSet.open(tmp_path / "labels" / "0")
    assert (found.kind.layer, found.kind.rate_hz) == (2, 25.0)

    from aubert.hubert.task import init_hubert

    init_hubert(tmp_path / "other", TINY, seed=1)
    capsys.readouterr()
    shutil.rmtree(tmp_path / "labels")
    assert label(corpus, tmp_path, 0, f"--encoder={tmp_path / 'other'}") == 1
    assert "give its encoder" in capsys.readouterr().err
    assert label(corpus, tmp_path, 0) == 1
    assert "need an encoder" in capsys.readouterr().err
    assert not (tmp_path / "labels").exists()


def test_the_best_layer_is_found_and_taken(corpus, encoder, tmp_path):
    flags = ["--root", str(corpus.root), "--reference", str(corpus.reference)]
    flags += [f"--encoder={encoder}", "--num-clusters=6"]
    assert main(["evaluate", "layers", str(corpus.results), str(tmp_path / "l.json"), *flags]) == 0
    found = json.loads((tmp_path / "l.json").read_text())
    assert sorted(found["pnmi"]) == ["0", "1", "2", "3"]
    assert found["pnmi"][str(found["layer"])] == max(found["pnmi"].values())
    learn(
        corpus,
        tmp_path / "codebook",
        "--feature=hidden",
        f"--encoder={encoder}",
        f"--layer-from={tmp_path / 'l.json'}",
    )
    assert Codebook.load(tmp_path / "codebook").kind.layer == found["layer"]


def quality(corpus, labelled, out, *flags) -> int:
    flags = [f"--labels={labelled / 'labels'}", f"--reference={corpus.reference}", *flags]
    return main(["evaluate", "units", str(corpus.results), str(out), *map(str, flags)])


def test_quality_against_the_reference(corpus, labelled, tmp_path):
    assert quality(corpus, labelled, tmp_path / "q.json", "--key=units.mfcc") == 0
    figures = read_metrics(tmp_path / "q.json")
    names = "pnmi phone_purity cluster_purity dead_clusters mean_unit_ms speaker_nmi".split()
    assert set(figures) == {f"units.mfcc.{name}" for name in names}
    pnmi = figures["units.mfcc.pnmi"]
    assert pnmi.value > 0.5  # tones of four pitches, six clusters
    assert pnmi.ci95[0] < pnmi.value < pnmi.ci95[1]
    joined = Labels.below("mfcc", labelled / "labels")
    num_frames = sum(
        len(joined.labels(row["utterance_id"]))
        for row in tables.all_rows(corpus.results, "utterances")
    )
    assert 0.5 * num_frames < pnmi.n < num_frames  # silence has no phone

    out = tmp_path / "r.json"
    assert quality(corpus, labelled, out, "--key=x", f"--baseline={tmp_path / 'q.json'}") == 0
    assert read_metrics(out)["x.pnmi.baseline"] == pnmi


def test_a_baseline_without_pnmi_is_refused(corpus, labelled, tmp_path, capsys):
    (tmp_path / "empty.json").write_text("{}")
    assert quality(corpus, labelled, tmp_path / "q", f"--baseline={tmp_path / 'empty.json'}") == 1
    assert "holds no pnmi" in capsys.readouterr().err


# --- bad input


@pytest.fixture
def broken(corpus, tmp_path) -> Corpus:
    """Of shard 0, one recording is not there, one holds NaN and a piece that is too short."""
    root = tmp_path / "audio"
    shutil.copytree(corpus.root, root)
    results = tmp_path / "results"
    shutil.copytree(corpus.results, results)
    recordings = list(tables.rows(results / "recordings/0.parquet", "recordings"))
    (root / recordings[0]["path"]).unlink()
    samples, rate_hz = soundfile.read(root / recordings[1]["path"])
    samples[5_000] = np.nan
    recordings[1]["path"] = "broken.wav"
    soundfile.write(root / "broken.wav", samples, rate_hz, subtype="FLOAT")
    tables.write(results / "recordings/0.parquet", "recordings", recordings)
    utterances = list(tables.rows(results / "utterances/0.parquet", "utterances"))
    utterances[-1] |= {"slices": [{"start_sample": 0, "end_sample": 399}], "num_samples": 399}
    tables.write(results / "utterances/0.parquet", "utterances", utterances)
    return Corpus(root, results, corpus.reference)


def test_what_has_no_features_is_rejected_with_its_reason(broken, tmp_path, capsys):
    assert learn(broken, tmp_path / "codebook") == 0
    assert "0 utterances (4 without features)" in capsys.readouterr().out
    assert label(broken, tmp_path, 0) == 0
    assert label(broken, tmp_path, 1) == 0
    rejects = list(tables.rows(tmp_path / "rejects0.parquet", "rejects"))
    chapters = [f"small/speaker0/book/chapter{number}" for number in (0, 1)]
    assert {row["id"]: row["reason"] for row in rejects} == {
        f"{chapters[0]}_0000": "audio_missing",
        f"{chapters[0]}_0001": "audio_missing",
        f"{chapters[1]}_0000": "features_not_finite",
        f"{chapters[1]}_0001": "audio_too_short",
    }
    assert {row["stage"] for row in rejects} == {"units_x"}
    assert len(LabelSet.open(tmp_path / "labels" / "0")) == 0
    assert len(Labels.below("x", tmp_path / "labels")) == 2 * RECORDINGS_PER_SHARD


def test_too_many_faults_stop_the_labels(broken, tmp_path, capsys):
    learn(broken, tmp_path / "codebook")
    assert label(broken, tmp_path, 0, "--max-reject-fraction=0.5") == 1
    assert "more than max_reject_fraction 0.5 allows" in capsys.readouterr().err
    assert [path.name for path in sorted(tmp_path.glob("[!.]*"))] == [
        "audio", "codebook.json", "codebook.npy", "codebook.work", "labels", "results",
    ]  # fmt: skip
    assert not list((tmp_path / "labels").iterdir())


@pytest.mark.parametrize(
    ("k", "flags", "message"),
    [
        (9999, [], "9999 clusters cannot be learned from"),
        (6, ["--feature=hidden"], "need an encoder"),
        (6, ["--feature=hidden", "--encoder=ENCODER", "--layer=4"], "layer is 4, but"),
        (6, ["--feature=hidden", "--encoder=ENCODER/.."], "is not a speech encoder"),
    ],
)
def test_what_cannot_be_learned_is_one_clear_line(
    corpus, encoder, tmp_path, capsys, k, flags, message
):
    flags = [flag.replace("ENCODER", str(encoder)) for flag in flags]
    assert learn(corpus, tmp_path / "codebook", *flags, k=k) == 1
    printed = capsys.readouterr().err.splitlines()
    assert printed[-1].startswith("aubert: error: ") and message in printed[-1]
    assert not list(tmp_path.glob("codebook.[jn]*"))


def test_no_audio_at_all_is_said(corpus, tmp_path, capsys):
    absent = Corpus(tmp_path / "absent", corpus.results, corpus.reference)
    assert learn(absent, tmp_path / "codebook") == 1
    assert "every chosen utterance is empty" in capsys.readouterr().err


def test_a_full_disk_leaves_the_labels_that_were_there(
    corpus, labelled, tmp_path, monkeypatch, capsys
):
    folder = tmp_path / "folder"
    shutil.copytree(labelled, folder)
    before = (folder / "labels/0/labels.npy").read_bytes()

    def full(path, *_):
        Path(path).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(labels_module, "write_npy", full)
    assert label(corpus, folder, 0) == 1
    assert "No space left" in capsys.readouterr().err
    assert (folder / "labels/0/labels.npy").read_bytes() == before
    assert not list(folder.rglob("*.part"))


# --- shards, dumps and passes


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
    from aubert.units.features import Computed, Mfcc, ShardTables

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
    from aubert.units.choice import Choice, choose
    from aubert.units.kmeans import KMeansOptions

    rows = list(tables.all_rows(many.results, "utterances"))
    seconds = sum(row["num_samples"] for row in rows) / 16_000
    for share in (0.25, 0.5):
        options = KMeansOptions(sample_hours=share * seconds / 3600, sample_frames=500)
        choice = choose(many.results, options)
        chosen = [row for row in rows if row["utterance_id"] in choice]
        assert len(chosen) == choice.num_utterances < choice.of_utterances == len(rows)
        heard = sum(row["num_samples"] for row in chosen) / 16_000
        longest = max(row["num_samples"] for row in rows) / 16_000
        assert share * seconds <= heard <= share * seconds + longest
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
    from aubert.units.sample import draw, merged, survey

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
    from dataclasses import replace

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
