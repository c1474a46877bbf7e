"""Labelled clips: where they come from, what is refused, how they are divided."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aubert import tables
from aubert.clar.splits import SplitOptions, labels_within, split
from aubert.corpus.clip_options import ClipOptions, read_clips
from aubert.corpus.clips import (
    Clip,
    are_grouped,
    clips_of_folder,
    clips_of_speakers,
    clips_of_table,
    clips_of_words,
    keywords,
    limited,
    usable,
)

RECORDING = {
    "book_id": None, "chapter_index": 0, "sample_rate_hz": 8_000, "num_samples": 40_000,
    "language": None, "snr_db": None, "voice_activity": None,
}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    for name in ("a/x/0.wav", "a/x/1.wav", "a/y/2.wav", "b/3.wav", "b/4.wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(tmp_path / name, np.ones(2_000) / 2, 8_000)
    return tmp_path


def test_class_folders(folder):
    found = clips_of_folder(folder)
    assert [clip.id for clip in found] == ["a/x/0.wav", "a/x/1.wav", "a/y/2.wav", "b/3.wav",
                                           "b/4.wav"]  # fmt: skip
    assert [clip.label for clip in found] == ["a", "a", "a", "b", "b"]
    assert [clip.group for clip in found] == ["x", "x", "y", "b/3.wav", "b/4.wav"]
    assert found[0].path == folder / "a/x/0.wav"
    few = limited(found, max_labels=1, max_per_label=2)
    assert len(few) == 2 and few == limited(found[::-1], 1, 2)
    with pytest.raises(ValueError, match="0 sub-folders with audio"):
        clips_of_folder(folder / "a/x")
    with pytest.raises(ValueError, match="not a directory"):
        clips_of_folder(folder / "c")


@pytest.mark.parametrize(
    ("names", "pattern", "groups"),
    [
        (["a/7_ann_0", "b/8_ann_1", "b/8_bob_1"], None, ["ann", "ann", "bob"]),
        (["a/0a7c2a8d_nohash_0", "b/0a7c2a8d_nohash_1"], None, ["0a7c2a8d"] * 2),
        (["a/19-198-0001", "b/19-227-0002", "b/26-1-0000"], None, ["19", "19", "26"]),
        (["a/ann/0", "a/bob/0", "b/ann/1"], None, ["ann", "bob", "ann"]),
        (["a/ann-x/0", "b/ann-y/1"], r"/(\w+)-", ["ann", "ann"]),
        # One name that does not fit: nothing is guessed.
        (["a/7_ann_0", "b/8_ann"], None, ["a/7_ann_0.wav", "b/8_ann.wav"]),
    ],
)
def test_a_speaker_is_one_group_in_all_classes(tmp_path, names, pattern, groups):
    paths = [tmp_path / f"{name}.wav" for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.ones(2_000) / 2, 8_000)
    found = clips_of_folder(tmp_path, pattern)
    assert [clip.group for clip in found] == groups
    assert are_grouped(found) == (len(set(groups)) < len(groups))
    table = tmp_path / "labels.tsv"
    lines = [f"{name}.wav\t{name[0]}" for name in names]
    table.write_text("\n".join(["path\tlabel", *lines]))
    if not any(name.count("/") > 1 for name in names) or pattern:
        assert [
            clip.group for clip in clips_of_table(table, "path", "label", None, pattern)
        ] == groups


@pytest.mark.parametrize(
    ("pattern", "fault"), [("(no)", "is not in 'a/x/0.wav'"), ("[ab]", "has no group")]
)
def test_a_pattern_that_names_no_speaker_is_refused(folder, pattern, fault):
    with pytest.raises(ValueError, match=fault):
        clips_of_folder(folder, pattern)


@pytest.mark.parametrize(("suffix", "between"), [("csv", ","), ("tsv", "\t")])
def test_tables_of_labels(folder, suffix, between):
    path = folder / f"labels.{suffix}"
    rows = [["file", "who", "what"], ["a/x/0.wav", "ann", "yes"], ["b/3.wav", "", ""]]
    path.write_text("\n".join(between.join(row) for row in rows) + "\n\n")
    first, second = clips_of_table(path, "file", "what", "who")
    assert first == Clip("a/x/0.wav", "yes", "ann", folder / "a/x/0.wav")
    assert second.label is None and second.group == "b/3.wav"
    assert clips_of_table(path, "file", "what")[0].group == "a/x/0.wav"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("path\tlabel\nb/9.wav\tx\n", r"labels.tsv:2: .*9.wav is not there"),
        ("path\tlabel\nb/3.wav\tx\nb/3.wav\ty\n", r"labels.tsv:3: b/3.wav stands above"),
        ("path\tlabel\n\tx\n", r"labels.tsv:2: the column path is empty"),
        ("file\tlabel\nb/3.wav\tx\n", r"no column 'path'; its columns are file, label"),
        ("path,label\nb/3.wav,x\n", r"no column 'path'.* tabs"),
        ("path\tlabel\nb/3.wav\n", None),  # a short row has no label
    ],
)
def test_wrong_tables_are_named_with_their_line(folder, content, message):
    path = folder / "labels.tsv"
    path.write_text(content)
    if message is None:
        assert clips_of_table(path, "path", "label")[0].label is None
        return
    with pytest.raises(ValueError, match=message):
        clips_of_table(path, "path", "label")


def test_tables_that_are_not_text(folder):
    (folder / "t.csv").write_bytes(b"\xff\xfe\x00")
    for name in ("t.csv", "none.csv"):
        with pytest.raises(ValueError, match="cannot be read"):
            clips_of_table(folder / name, "path", "label")


def write_run(results: Path) -> None:
    names = ["s/1/b/x", "s/1/b/y", "s/2/b/z"]
    tables.write(
        results / "recordings/0.parquet", "recordings",
        [{"recording_id": n, "path": f"{n}.flac", "speaker": n[2], "chapter": n[-1], **RECORDING}
         for n in names],
    )  # fmt: skip
    slices = [
        {"start_sample": 800, "end_sample": 1_600},
        {"start_sample": 4_000, "end_sample": 8_000},
    ]
    tables.write(
        results / "utterances/0.parquet", "utterances",
        [{"utterance_id": f"{n}_0000", "recording_id": n, "index": 0, "slices": slices,
          "num_samples": 4_800} for n in names],
    )  # fmt: skip
    words = ["The", "letter", "came", "letter", "Letter"]
    rows = [
        {"utterance_id": f"{n}_0000", "index": i, "word": word, "spoken": word.lower(),
         "char_start": 9 * i, "char_end": 9 * i + len(word), "start_ms": 50 + 100 * i,
         "end_ms": 150 + 100 * i, "recording_start_ms": 0, "confidence": 1.0}
        for n in names for i, word in enumerate(words)
    ]  # fmt: skip
    tables.write(results / "words/0.parquet", "words", rows)


def test_speakers_of_a_run(tmp_path):
    write_run(tmp_path)
    found = clips_of_speakers(tmp_path, Path("root"))
    ends = [(800, 1_600), (4_000, 8_000)]
    assert found[1] == Clip("s/1/b/y_0000", "1", "s/1/b/y", Path("root/s/1/b/y.flac"), ends)
    assert [clip.label for clip in found] == ["1", "1", "2"]


def test_of_a_large_run_some_clips_are_read(tmp_path):
    for shard in range(4):
        write_run(tmp_path / str(shard))
        for name in ("recordings", "utterances", "words"):
            table = tables.read(tmp_path / str(shard) / name / "0.parquet", name)
            own = tmp_path / "all" / name / f"{shard}.parquet"
            rows = [
                {key: value.replace("s/", f"s{shard}/") if key.endswith("_id") and value else
                 f"{shard}{value}" if key == "speaker" else value for key, value in row.items()}
                for row in table.to_pylist()
            ]  # fmt: skip
            tables.write(own, name, rows)
    results = tmp_path / "all"
    whole = clips_of_words(results, Path("root"))
    some = clips_of_words(results, Path("root"), max_clips=len(whole) // 2)
    utterances = {clip.id.split(":")[0] for clip in some}
    assert some == [clip for clip in whole if clip.id.split(":")[0] in utterances]
    assert 0 < len(some) < len(whole)

    speakers = clips_of_speakers(results, Path("root"))
    two = clips_of_speakers(results, Path("root"), max_speakers=2)
    assert limited(two, 2, 9) == limited(speakers, 2, 9)
    assert len({clip.label for clip in two}) == 2
    fewer = clips_of_speakers(results, Path("root"), max_clips=5)
    assert 0 < len(fewer) < len(speakers)


def test_words_of_a_run_are_keywords(tmp_path):
    write_run(tmp_path)
    found = clips_of_words(tmp_path, Path("root"))
    # The first word lies across the joint of two slices.
    assert found[0] == Clip("s/1/b/x_0000:0", "the", "1", Path("root/s/1/b/x.flac"),
                            [(1_200, 1_600), (4_000, 4_400)])  # fmt: skip
    chosen = keywords(found, num_keywords=1, max_per_keyword=5, min_letters=4)
    assert {clip.id[-1] for clip in chosen} == {"1", "2", "3", "4"}  # "the" is too short
    assert [clip.label for clip in chosen].count("letter") == 5
    assert {clip.label for clip in chosen} == {"letter", None}
    options = ClipOptions(num_keywords=2, min_letters=1)
    assert len(read_clips(options, results=tmp_path, root=Path("root"))) == 15


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("words", "--results and --root"),
        ("folder", "need --path"),
        ("table", "need --path"),
        ("reference", "--results and --root and --reference"),
    ],
)
def test_a_message_names_what_a_source_needs(source, message):
    with pytest.raises(ValueError, match=message):
        read_clips(ClipOptions(source=source))


def test_clips_that_cannot_be_used_are_left_out(folder):
    soundfile.write(folder / "a/x/0.wav", np.ones(100) / 2, 8_000)
    (folder / "b/3.wav").write_bytes(b"RIFF no more")
    kept, left_out = usable(clips_of_folder(folder), 0.05)
    assert [clip.id for clip in kept] == ["a/x/1.wav", "a/y/2.wav", "b/4.wav"]
    assert {each.id: each.reason for each in left_out} == {
        "a/x/0.wav": "audio_too_short", "b/3.wav": "audio_unreadable",
    }  # fmt: skip
    assert "0.013 s, less than 0.05 s" in left_out[0].detail
    with pytest.raises(ValueError, match=r"none of 5 clips can be used; the first: .* 9 s"):
        usable(clips_of_folder(folder), 9.0)


def clips(sizes: list[tuple[int, int, int]]) -> list[Clip]:
    """sizes: (group, label, clips)."""
    return [
        Clip(f"{group}-{label}-{i}", f"l{label}" if label else None, f"g{group}", Path("x"))
        for group, label, size in sizes
        for i in range(size)
    ]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.integers(0, 3), st.integers(1, 5)), min_size=4, max_size=25,
        unique_by=lambda row: row[:2],
    ),
    st.integers(2, 3),
)  # fmt: skip
@example([(0, 1, 1), (1, 1, 1), (2, 2, 1)], 3)  # three speakers, and no class of three clips
def test_folds_keep_groups_apart_and_cover_everything(sizes, folds):
    everything, options = clips(sizes), SplitOptions(folds=folds)
    labelled = [clip for clip in everything if clip.label]
    groups = {clip.group for clip in labelled}
    counts = Counter(clip.label for clip in labelled)
    if len(groups) < folds or len(counts) < 2 or max(counts.values()) < folds:
        with pytest.raises(ValueError, match=r"folds; give more|classes; there must be two"):
            split(everything, 0, options)
        return
    tested: list[str] = []
    for fold in range(folds):
        part = split(everything, fold, options)
        assert part == split(everything[::-1], fold, options)._replace(
            train=part.train, test=part.test
        )
        assert not {c.group for c in part.train} & {c.group for c in part.test}
        assert all(clip.label in part.classes for clip in part.test)
        tested += [clip.id for clip in part.test]
    assert len(tested) == len(set(tested)) <= len(labelled)


def test_folds_do_not_depend_on_the_order_of_clips():
    everything = clips([(group, label, 3) for group in range(6) for label in (1, 2)])
    for fold in range(3):
        one, other = (split(own, fold, SplitOptions()) for own in (everything, everything[::-1]))
        assert sorted(one.test) == sorted(other.test) and one.test_hash == other.test_hash
        assert len({clip.group for clip in one.test}) == 2
    assert split(everything, 0, SplitOptions()).test_hash != one.test_hash


@pytest.mark.parametrize("percent", [1, 10, 20, 100])
def test_budgets_are_stratified_nested_and_seeded(percent):
    train = clips([(0, 1, 200), (1, 2, 50), (2, 3, 3), (3, 0, 40)])
    chosen = labels_within(train, percent, draw=0, seed=0)
    count = {label: sum(name.split("-")[1] == label for name in chosen) for label in "123"}
    assert count == {label: max(1, round(size * percent / 100))
                     for label, size in zip("123", (200, 50, 3), strict=True)}  # fmt: skip
    assert len(set(chosen)) == len(chosen)
    assert sorted(chosen) == sorted(labels_within(train[::-1], percent, draw=0, seed=0))
    assert set(labels_within(train, 1, 0, 0)) <= set(chosen)
    if percent < 100:
        assert set(chosen) != set(labels_within(train, percent, draw=1, seed=0))


def test_impossible_splits_are_explained():
    everything = clips([(0, 1, 3), (1, 2, 3)])
    with pytest.raises(ValueError, match=r"of 2 groups .* too few for 3 folds"):
        split(everything, 0, SplitOptions())
    with pytest.raises(ValueError, match="of 1 classes"):
        split(clips([(0, 1, 3), (1, 1, 3)]), 0, SplitOptions(folds=2))
    with pytest.raises(ValueError, match="fold is 2"):
        split(everything, 2, SplitOptions(folds=2))
    with pytest.raises(ValueError, match="a budget is 0%"):
        labels_within(everything, 0, 0, 0)
