"""Archives as a hostile or careless publisher would make them."""

from __future__ import annotations

import gzip
import io
import os
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from aubert.download.extract import LONGEST_HEADER, extract

ENOUGH = 1 << 20


def tar(path: Path, *members: tarfile.TarInfo, contents: bytes = b"", mode: str = "w") -> Path:
    """An archive of these members; those that are files hold `contents`."""
    with tarfile.open(path, mode) as archive:
        for member in members:
            if member.isreg():
                member.size = len(contents)
            archive.addfile(member, io.BytesIO(contents))
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mtime = kind, link, 1_000_000_000
    return info


def files_below(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def target(tmp_path) -> Path:
    """Two levels deep, so that what escapes by one or two is seen."""
    return tmp_path / "outer" / "target"


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_tar_of_any_compression(tmp_path, target, mode):
    names = ["small/14/book/chapter.flac", "small/Zoë; touch x/--help"]
    folder = member("small", tarfile.DIRTYPE)
    files = [member(name) for name in names]
    archive = tar(tmp_path / "a.tar", folder, *files, contents=b"audio", mode=mode)
    assert extract(archive, target, max_bytes=ENOUGH) == 2
    assert files_below(target) == dict.fromkeys(names, b"audio")
    assert (target / names[0]).stat().st_mtime == 1_000_000_000


def test_a_zip(tmp_path, target):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("empty")
        archive.writestr(zipfile.ZipInfo("books/one.txt", (2001, 9, 9, 1, 46, 40)), "a text")
    assert extract(tmp_path / "a.zip", target, max_bytes=ENOUGH) == 1
    assert files_below(target) == {"books/one.txt": b"a text"}
    assert (target / "empty").is_dir()
    assert (target / "books/one.txt").stat().st_mtime == 1_000_000_000


HOSTILE = {
    "absolute": [member("/tmp/aubert_escaped")],
    "dots": [member("a/../../escaped")],
    "dots that stay inside": [member("a/../b")],
    "a directory outside": [member("../escaped", tarfile.DIRTYPE)],
    "link to an absolute path": [member("l", tarfile.SYMTYPE, "/etc/passwd")],
    "link out": [member("l", tarfile.SYMTYPE, "../..")],
    "link in": [member("l", tarfile.SYMTYPE, "a")],
    "file through a link": [member("l", tarfile.SYMTYPE, ".."), member("l/escaped")],
    "hard link out": [member("l", tarfile.LNKTYPE, "../escaped")],
    "character device": [member("d", tarfile.CHRTYPE)],
    "block device": [member("d", tarfile.BLKTYPE)],
    "fifo": [member("d", tarfile.FIFOTYPE)],
}


@pytest.mark.parametrize("members", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_tar_is_refused(tmp_path, target, members):
    archive = tar(tmp_path / "a.tar", member("first"), *members, contents=b"x")
    before = {*tmp_path.rglob("*")}
    with pytest.raises(ValueError, match=r"a\.tar: the member .*fetch the archive"):
        extract(archive, target, max_bytes=ENOUGH)
    assert files_below(target) == {"first": b"x"}
    new = {*tmp_path.rglob("*")} - before
    assert new <= {target.parent, target, *target.rglob("*")}
    assert not any(path.is_symlink() for path in new)
    assert not Path("/tmp/aubert_escaped").exists()


@pytest.mark.parametrize("name", ["/tmp/aubert_escaped", "../escaped", "a/../../escaped"])
def test_a_zip_that_escapes_is_refused(tmp_path, target, name):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(name, "x")
    with pytest.raises(ValueError, match="the member"):
        extract(tmp_path / "a.zip", target, max_bytes=ENOUGH)
    assert not files_below(target)


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_a_zip_of_links_and_devices_is_refused(tmp_path, target, kind):
    info = zipfile.ZipInfo("link")
    info.external_attr = (kind | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(ValueError, match="is a link or a device"):
        extract(tmp_path / "a.zip", target, max_bytes=ENOUGH)
    assert not any(target.iterdir())


def test_a_link_that_lies_in_the_directory_leads_nobody_out(tmp_path, target):
    target.mkdir(parents=True)
    (target / "out").symlink_to(tmp_path)
    archive = tar(tmp_path / "a.tar", member("out/escaped"))
    with pytest.raises(ValueError, match=r"the member .out/escaped. .*outside"):
        extract(archive, target, max_bytes=ENOUGH)
    assert not (tmp_path / "escaped").exists()


@pytest.mark.parametrize("suffix", ["tar.gz", "zip"])
def test_a_bomb_stops_at_the_limit(tmp_path, target, suffix):
    """50 MB of zeros, in an archive of 50 kB, where 1 MB was announced."""
    zeros, path = bytes(50 << 20), tmp_path / f"a.{suffix}"
    if suffix == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("bomb", zeros)
    else:
        tar(path, member("bomb"), contents=zeros, mode="w:gz")
    assert path.stat().st_size < 100_000
    with pytest.raises(ValueError, match="past 1048576 bytes"):
        extract(path, target, max_bytes=ENOUGH)
    assert not any(target.iterdir())


def test_a_zip_that_lies_about_a_size_stops_there(tmp_path, target):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb", bytes(5 << 20))
    honest = (5 << 20).to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(honest, (100).to_bytes(4, "little")))
    with pytest.raises(ValueError, match="is damaged"):
        extract(path, target, max_bytes=ENOUGH)
    assert not any(target.iterdir())


def test_empty_members_have_their_price(tmp_path, target):
    archive = tar(tmp_path / "a.tar.gz", *(member(str(i)) for i in range(3000)), mode="w:gz")
    with pytest.raises(ValueError, match="past 1048576 bytes"):
        extract(archive, target, max_bytes=ENOUGH)
    assert len(files_below(target)) == ENOUGH // 512


def test_a_header_that_fills_the_memory_is_refused(tmp_path, target):
    info = member("x")
    info.pax_headers = {"comment": "a" * LONGEST_HEADER}
    with tarfile.open(tmp_path / "a.tar", "w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(info)
    with pytest.raises(ValueError, match="is a header of"):
        extract(tmp_path / "a.tar", target, max_bytes=ENOUGH)


def test_headers_upon_headers_are_damage(tmp_path, target):
    info = member("x", tarfile.XHDTYPE)
    (tmp_path / "a.tar").write_bytes(info.tobuf() * 5000)
    with pytest.raises(ValueError, match="is damaged"):
        extract(tmp_path / "a.tar", target, max_bytes=ENOUGH)


def test_a_sparse_file_is_refused(tmp_path, target):
    (tmp_path / "a.tar").write_bytes(member("x", tarfile.GNUTYPE_SPARSE).tobuf() + bytes(1024))
    with pytest.raises(ValueError, match="sparse"):
        extract(tmp_path / "a.tar", target, max_bytes=ENOUGH)


@pytest.mark.parametrize("compressed", [False, True])
def test_an_archive_that_breaks_off_anywhere_says_so(tmp_path, target, compressed):
    """tarfile itself takes most of these for the end."""
    whole = tar(tmp_path / "whole", member("a"), member("b"), contents=b"x" * 600).read_bytes()
    content = whole[: 2 * (512 + 1024) + 512]  # one block of zeros at the end
    for end in (0, 100, 512, 513, 1100, 1535, 1536, 1600, 2048, 2600, len(content) - 512):
        part = content[:end]
        path = tmp_path / "part.tar"
        path.write_bytes(gzip.compress(part) if compressed else part)
        with pytest.raises(ValueError, match="is damaged"):
            extract(path, target, max_bytes=ENOUGH)
        assert all(found == b"x" * 600 for found in files_below(target).values())
    path.write_bytes(content)
    assert extract(path, target, max_bytes=ENOUGH) == 2


@pytest.mark.parametrize("place", [0, 130, 148, 1536 + 5])
def test_a_byte_of_a_header_turned_over_is_damage(tmp_path, target, place):
    """The second header too, where tarfile itself would see the end."""
    content = bytearray(
        tar(tmp_path / "a.tar", member("a"), member("b"), contents=b"x" * 600).read_bytes()
    )
    content[place] ^= 0x55
    (tmp_path / "a.tar").write_bytes(content)
    with pytest.raises(ValueError, match="is damaged"):
        extract(tmp_path / "a.tar", target, max_bytes=ENOUGH)


def test_no_archive_at_all(tmp_path, target):
    for name in ("a.tar", "a.zip"):
        (tmp_path / name).write_bytes(b"<html>not found</html>" * 100)
        with pytest.raises(ValueError, match="is damaged"):
            extract(tmp_path / name, target, max_bytes=ENOUGH)


def test_what_is_there_is_not_written_again_and_what_is_partial_is(tmp_path, target):
    archive = tar(tmp_path / "a.tar", member("whole"), member("partial"), contents=b"audio")
    extract(archive, target, max_bytes=ENOUGH)
    whole, partial = (target / name for name in ("whole", "partial"))
    inode, old = whole.stat().st_ino, partial.stat().st_ino
    partial.write_bytes(b"aud")
    assert extract(archive, target, max_bytes=ENOUGH) == 2
    assert whole.stat().st_ino == inode
    assert partial.read_bytes() == b"audio" and partial.stat().st_ino != old
    assert sorted(os.listdir(target)) == ["partial", "whole"]
