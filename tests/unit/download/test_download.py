"""Downloads from a server that drops, lies, stalls and forgets."""

from __future__ import annotations

import gzip
import hashlib
import io
import random
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections import namedtuple
from dataclasses import replace

import pytest
from flaky_server import serving

from aubert.download import fetch as module
from aubert.download.artefacts import ARTEFACTS, Artefact
from aubert.download.fetch import download
from aubert.download.remote import Remote, RemoteOptions

CONTENT = random.Random(0).randbytes(300_000)
QUICK = RemoteOptions(tries=3, pause_s=0.0, timeout_s=5.0)
FILE = Artefact(
    url="http://absent.invalid/model.txt",
    target="lm/model.txt",
    about="",
    checksum=f"md5:{hashlib.md5(CONTENT).hexdigest()}",
)
MEMBERS = {
    "small/1/book/01.flac": CONTENT[:100_000],
    "small/1/book/01.json": b"{}",
    "small/1/empty.txt": b"",
    "small/2/" + "a long title " * 12 + "/01.flac": CONTENT[:1024],  # whole blocks, a long name
    "small/2/book/02.flac": CONTENT[100_000:299_999],
}


def tar_of(members: dict[str, bytes], mode: str = "w") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(content), 1_500_000_000
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


TAR = tar_of(MEMBERS)
ARCHIVE = Artefact(
    url="http://absent.invalid/small.tar",
    target="librilight",
    about="",
    contents=("small",),
    checksum=f"sha256:{hashlib.sha256(TAR).hexdigest()}",
)


def fetched(out) -> dict[str, bytes]:
    root = out / "librilight"
    return {
        str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


@pytest.mark.parametrize(
    "faults",
    [
        [],
        [("drop", 100_000), ("drop", 0), ("drop", 1), ("drop", 150_000)],
        [("status", 503), ("drop", 10), ("status", 500)],
        [("drop", 70_000), "no_range"],
        [("drop", 70_000), "other_range", "slow"],
        [("longer", 500)],
    ],
)
def test_whatever_happens_to_the_connection_the_file_comes_whole(tmp_path, faults):
    with serving(model__txt=CONTENT, small__tar=TAR) as server:
        # A wrong length is sent once; what was announced is compared with what came.
        server.faults = list(faults)
        if faults == [("longer", 500)]:
            with pytest.raises(ValueError, match="changed its size"):
                download(FILE, tmp_path, server.address, QUICK)
            shutil.rmtree(tmp_path / ".model.txt")
        message = download(FILE, tmp_path, server.address, QUICK)
        assert (tmp_path / "lm/model.txt").read_bytes() == CONTENT
        assert "300000 bytes, md5 as published" in message
        server.faults = list(faults) if faults != [("longer", 500)] else []
        download(ARCHIVE, tmp_path, server.address, QUICK)
        assert fetched(tmp_path) == MEMBERS
    assert sorted(path.name for path in tmp_path.iterdir()) == ["librilight", "lm"]


def test_it_gives_up_keeps_what_came_and_goes_on_with_it(tmp_path):
    with serving(model__txt=CONTENT) as server:
        server.faults = [("drop", 1000), *[("drop", 0)] * 3]
        with pytest.raises(ConnectionError, match=r"at byte 1000 of 300000, 3 times in a row"):
            download(FILE, tmp_path, server.address, QUICK)
        assert not (tmp_path / "lm").exists()
        download(FILE, tmp_path, server.address, QUICK)
        assert server.ranges[-1] == "bytes=1000-"
        assert (tmp_path / "lm/model.txt").read_bytes() == CONTENT
        number = len(server.ranges)
        assert "is there" in download(FILE, tmp_path, server.address, QUICK)
        assert len(server.ranges) == number


def test_it_waits_longer_each_time_and_as_long_as_the_server_asks(tmp_path):
    waited: list[float] = []
    with serving(model__txt=CONTENT) as server:
        server.faults = [("drop", 0)] * 4 + [("status", 503)]
        options = RemoteOptions(tries=9, pause_s=0.5)
        remote = Remote(f"{server.address}/model.txt", 0, options, sleep=waited.append)
        assert remote.read(10) == CONTENT[:10]
    assert waited == [0.5, 1.0, 2.0, 4.0, 8.0]
    with serving(model__txt=CONTENT) as server:
        server.faults = [("status", 429)]
        remote = Remote(f"{server.address}/model.txt", 0, options, sleep=waited.append)
        remote.open()
    assert waited[-1] == 7.0


@pytest.mark.parametrize("artefact", [FILE, ARCHIVE])
def test_a_wrong_checksum_is_named_and_nothing_takes_the_file_s_name(tmp_path, artefact):
    algorithm = artefact.checksum.split(":")[0]
    wrong = replace(artefact, checksum=f"{algorithm}:0123")
    with (
        serving(model__txt=CONTENT, small__tar=TAR) as server,
        pytest.raises(
            ValueError, match=rf"its {algorithm} is \w+, the publisher's is 0123. Delete"
        ),
    ):
        download(wrong, tmp_path, server.address, QUICK)
    assert [path.name for path in tmp_path.iterdir()] == [f".{artefact.file_name}"]


def test_a_body_shorter_than_the_file_is_found_by_its_checksum(tmp_path):
    with serving(model__txt=CONTENT) as server:
        server.faults = [("shorter", 500)]
        with pytest.raises(ValueError, match="the publisher's is"):
            download(FILE, tmp_path, server.address, QUICK)


def test_a_size_that_is_known_is_compared_before_anything_is_fetched(tmp_path):
    with (
        serving(model__txt=CONTENT) as server,
        pytest.raises(
            ValueError, match=r"300000 bytes, where model\.txt has 17: it is another file"
        ),
    ):
        download(replace(FILE, num_bytes=17), tmp_path, server.address, QUICK)


def test_a_file_that_is_not_there_says_so_at_once(tmp_path):
    with serving() as server, pytest.raises(ValueError, match="404 Not Found; if the publisher"):
        download(FILE, tmp_path, server.address, QUICK)
    assert len(server.ranges) == 1


def test_a_disk_too_small_is_named_before_anything_is_fetched(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(module.shutil, "disk_usage", lambda path: usage(0, 0, 100_000))
    with (
        serving(small__tar=TAR) as server,
        pytest.raises(ValueError, match=r"has 0\.1 MB free, and 0\.3 MB are needed: make room"),
    ):
        download(ARCHIVE, tmp_path, server.address, QUICK)
    assert not list((tmp_path / ".small.tar").rglob("*.flac"))


def test_a_killed_download_of_a_tar_goes_on_and_is_checked_as_a_whole(tmp_path):
    program = (
        "import sys; sys.path.insert(0, 'tests/unit/download'); sys.path.insert(0, 'tests')\n"
        "from pathlib import Path; import test_download as t\n"
        "t.download(t.ARCHIVE, Path(sys.argv[1]), sys.argv[2], t.QUICK)"
    )
    with serving(small__tar=TAR) as server:
        for stop in (110_000, 0, 60_000):
            server.faults, _ = [("stall", stop)], server.stalled.clear()
            command = [sys.executable, "-c", program, str(tmp_path), server.address]
            process = subprocess.Popen(command)
            assert server.stalled.wait(60)
            journal = tmp_path / ".small.tar/journal"  # the server sends ahead of what is unpacked
            for _ in range(6_000):
                if journal.exists() and journal.read_text("utf-8"):
                    break
                time.sleep(0.01)
            process.send_signal(signal.SIGKILL)
            process.wait()
            # No archive beside what is unpacked.
            files = [path for path in (tmp_path / ".small.tar").rglob("*") if path.is_file()]
            assert sum(path.stat().st_size for path in files) < len(TAR)
        message = download(ARCHIVE, tmp_path, server.address, QUICK)
        starts = [int((asked or "bytes=0-")[6:-1]) for asked in server.ranges]
        assert starts[0] == 0 and all(start > 100_000 for start in starts[1:])
    assert "sha256 as published" in message
    assert fetched(tmp_path) == MEMBERS


def test_what_was_unpacked_and_then_changed_is_noticed(tmp_path):
    with serving(small__tar=TAR) as server:
        server.faults = [("drop", 150_000), *[("drop", 0)] * 3]
        with pytest.raises(ConnectionError):
            download(ARCHIVE, tmp_path, server.address, QUICK)
        path = tmp_path / ".small.tar/files/small/1/book/01.flac"
        path.write_bytes(b"x" * 100_000)
        with pytest.raises(ValueError, match="its sha256 is"):
            download(ARCHIVE, tmp_path, server.address, QUICK)
        path.unlink()  # then it is fetched again from there on
        assert "sha256 as published" in download(ARCHIVE, tmp_path, server.address, QUICK)
    assert fetched(tmp_path) == MEMBERS


def test_compressed_archives_and_models_are_unpacked(tmp_path):
    tgz, model = tar_of(MEMBERS, "w:gz"), gzip.compress(b"\\data\\\n")
    labelled = replace(ARCHIVE, url="x/small.tgz", checksum=None)
    lm = replace(FILE, url="x/lm.arpa.gz", target="lm/lm.arpa", checksum=None)
    with serving(small__tgz=tgz, lm__arpa__gz=model) as server:
        server.faults = [("drop", 50_000)]
        assert "the publisher gives no checksum" in download(
            labelled, tmp_path, server.address, QUICK
        )
        download(lm, tmp_path, server.address, QUICK)
        server.files["lm.arpa.gz"] = model[:-4] + b"abcd"
        (tmp_path / "lm/lm.arpa").unlink()
        with pytest.raises(ValueError, match="is damaged"):
            download(lm, tmp_path, server.address, QUICK)
    assert fetched(tmp_path) == MEMBERS
    assert not (tmp_path / "lm/lm.arpa").exists()


def test_no_member_leaves_the_folder(tmp_path):
    evil = tar_of({"small/1.txt": b"a", "../../evil.txt": b"b"})
    artefact = replace(ARCHIVE, checksum=None)
    with (
        serving(small__tar=evil) as server,
        pytest.raises(ValueError, match=r"'\.\./\.\./evil\.txt'"),
    ):
        download(artefact, tmp_path / "out", server.address, QUICK)
    assert not list(tmp_path.rglob("evil.txt"))


def test_the_table_is_well_formed():
    for name, artefact in ARTEFACTS.items():
        assert artefact.url.startswith("https://") and artefact.about, name
        if artefact.checksum:
            algorithm, digest = artefact.checksum.split(":")
            assert len(digest) == 2 * hashlib.new(algorithm).digest_size, name
    assert len({artefact.file_name for artefact in ARTEFACTS.values()}) == len(ARTEFACTS)
