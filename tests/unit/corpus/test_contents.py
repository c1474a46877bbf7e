"""A file whose time alone is new does not make its shard another."""

import os

import pytest

from aubert.corpus.contents import Contents, digest
from aubert.corpus.shards import fingerprints, scan_shard

SUBSETS = ["small"]


@pytest.fixture
def corpus(tmp_path):
    root = tmp_path / "corpus"
    for number in range(2):
        path = root / f"small/1/book/chapter{number}.flac"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes([number]) * (3 << 20 if number else 100))
    return root


def fingerprint(corpus, record) -> str:
    contents = Contents(record)
    (found,) = fingerprints(corpus, SUBSETS, 1, lambda _, file: contents.as_recorded(corpus, file))
    contents.save_times()
    return found


def chapter(corpus, number=1):
    return corpus / f"small/1/book/chapter{number}.flac"


def later(path):
    os.utime(path, ns=(path.stat().st_mtime_ns + 10**9,) * 2)


def test_a_touched_file_is_the_same_and_a_changed_one_is_not(corpus, tmp_path):
    record = tmp_path / "record.json"
    first = fingerprint(corpus, record)
    Contents(record).record(corpus, scan_shard(corpus, SUBSETS, 0, 1))
    assert fingerprint(corpus, record) == first  # what is recorded changes nothing
    for number in range(2):
        later(chapter(corpus, number))
    assert fingerprint(corpus, record) == first
    Contents(record).record(corpus, scan_shard(corpus, SUBSETS, 0, 1))  # indexed for other reasons
    assert fingerprint(corpus, record) == first
    data = bytearray(chapter(corpus).read_bytes())
    data[-1] ^= 1
    chapter(corpus).write_bytes(data)
    later(chapter(corpus))
    assert fingerprint(corpus, record) != first


def test_a_file_is_read_once_for_its_new_time(corpus, tmp_path, monkeypatch):
    record = tmp_path / "record.json"
    Contents(record).record(corpus, scan_shard(corpus, SUBSETS, 0, 1))
    later(chapter(corpus))
    first = fingerprint(corpus, record)

    def unread(path):
        raise AssertionError(f"{path} is read again")

    monkeypatch.setattr("aubert.corpus.contents.digest", unread)
    assert fingerprint(corpus, record) == first


def test_the_digest_covers_both_ends_and_the_size(tmp_path):
    path = tmp_path / "a"
    found = set()
    for data in (b"a" * (2 << 20), b"b" + b"a" * ((2 << 20) - 1), b"a" * ((2 << 20) - 1) + b"b",
                 b"a" * ((2 << 20) + 1), b"a"):  # fmt: skip
        path.write_bytes(data)
        found.add(digest(path))
    assert len(found) == 5
