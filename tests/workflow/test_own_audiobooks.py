"""A folder of audiobooks from there to read-aloud EPUBs."""

from __future__ import annotations

import shutil

import pytest
import yaml
from epub_reader import XHTML, body, contents, highlights, package, pages
from snakemake_run import ROOT, Run

FAULTS = ("K3", "K7", "K8", "K9", "K21")
LONG = (
    "The Life and Strange Surprising Adventures of the Keeper of the Northern Lighthouse, Who "
    "Lived Forty Years All Alone upon a Cliff near the Mouth of the Great River"
)
CYRILLIC = "Жизнь и удивительные приключения смотрителя северного маяка, рассказанные им самим"


@pytest.fixture(scope="module")
def books(faults, tmp_path_factory):
    """The EPUBs of books that made a run fail, by name; the folder's name has what Snakemake and
    shells read as their own."""
    directory = tmp_path_factory.mktemp("own")
    folder = directory / "b{o}oks, ~ my's"
    for fault in FAULTS:
        (inputs,) = faults.glob(f"{fault}-*/in")
        shutil.copytree(inputs, folder, dirs_exist_ok=True)
    preset = yaml.safe_load((ROOT / "workflow/presets/own-audiobooks.yaml").read_text())
    preset["corpus"]["root"] = folder.name
    overlay = {**preset, "num_shards": 2, "export": {"epub": {"granularity": "sentence"}}}
    run = Run(directory, overlay)
    run.snakemake("dataset", "export_epub", "export_audio", "export_textgrid")
    return {path.stem: path for path in run.results("export/epub").glob("*.epub")}


def test_each_book_bears_its_title(books):
    names = ["T09 crlf", "T10 lines", LONG, "The Lighthouse", f"{CYRILLIC}-Ann"]
    assert sorted(books) == sorted(names)
    for name, path in books.items():
        title = package(path)[0].find(".//{*}title").text
        assert title == name.removesuffix("-Ann")
        assert highlights(path)


@pytest.mark.parametrize("name", ["T09 crlf", "T10 lines"])
def test_paragraphs_are_the_text_s(books, name):
    num = sum(len(list(body(books[name], page).iter(f"{XHTML}p"))) for page in pages(books[name]))
    assert num == {"T09 crlf": 6, "T10 lines": 9}[name]
    assert all(". " not in one.text.rstrip() for one in highlights(books[name]))


def test_discs_are_one_book_in_order(books):
    titles = [title for title, _ in contents(books["The Lighthouse"])]
    discs = [f"CD{disc} - 0{track}" for disc in (1, 2, 10) for track in (1, 2)]
    assert titles[:6] == discs
    assert len({one.audio for one in highlights(books["The Lighthouse"])}) == 6
