from hypothesis import given
from hypothesis import strategies as st

from aubert.corpus import shards


@given(st.text(min_size=1), st.integers(1, 500))
def test_a_speaker_has_one_shard(speaker, num_shards):
    assert 0 <= shards.shard_of(speaker, num_shards) < num_shards
    assert shards.shard_of(speaker, num_shards) == shards.shard_of(speaker, num_shards)


def test_shards_do_not_change_between_versions():
    # Results of earlier runs are found by these numbers.
    assert [shards.shard_of(name, 256) for name in ("100", "9001", "Zoë")] == [222, 0, 154]


def test_speakers_spread_evenly():
    counts = [0] * 16
    for speaker in range(7_439):
        counts[shards.shard_of(str(speaker), 16)] += 1
    assert min(counts) > 380 and max(counts) < 550  # 465 +- 4 standard deviations


def test_names_sort_as_numbers_do():
    assert shards.shard_names(4) == ["0", "1", "2", "3"]
    assert shards.shard_names(11)[:2] == ["00", "01"]
    assert shards.shard_names(256) == sorted(shards.shard_names(256))


def make(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"x")


def test_every_file_is_in_exactly_one_shard(tmp_path):
    paths = [f"small/{speaker}/book/{c}.flac" for speaker in range(20) for c in "ab"]
    make(tmp_path, *paths, "small/7/book/a.json", "small/stray.txt")
    found = [
        file.path for shard in range(3) for file in shards.scan_shard(tmp_path, ["small"], shard, 3)
    ]
    assert sorted(found) == sorted([*paths, "small/7/book/a.json"])


def test_a_change_changes_the_fingerprint_of_its_shard_only(tmp_path):
    make(tmp_path, *(f"small/{speaker}/book/a.flac" for speaker in range(20)))
    before = shards.fingerprints(tmp_path, ["small"], 4)
    assert shards.fingerprints(tmp_path, ["small"], 4) == before
    (tmp_path / "small/3/book/a.flac").write_bytes(b"other")
    make(tmp_path, "small/new speaker/book/a.flac")
    after = shards.fingerprints(tmp_path, ["small"], 4)
    changed = {shard for shard in range(4) if before[shard] != after[shard]}
    assert changed == {shards.shard_of("3", 4), shards.shard_of("new speaker", 4)}


def test_chapters_sort_naturally():
    names = ["ch10", "ch2", "ch1b", "ch1", "10", "9"]
    assert sorted(names, key=shards.natural_key) == ["9", "10", "ch1", "ch1b", "ch2", "ch10"]
