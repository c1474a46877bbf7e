"""Books, readers, chapters and their order, from the names of folders and files and from tags."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from aubert.corpus.folder_layout import Book, chapters, short_name
from aubert.corpus.folder_texts import flat_name, texts_of
from aubert.corpus.tags import Tags


def paths(*names: str) -> list[PurePosixPath]:
    return [PurePosixPath(name) for name in names]


def placed(*names: str, tags: dict[str, Tags] | None = None) -> list[tuple[str, str, str]]:
    given = {PurePosixPath(name): tag for name, tag in (tags or {}).items()}
    return [(*one.book, one.name) for one in chapters(paths(*names), "shelf", given)]


def test_readers_books_and_chapters_are_read_off_the_folders():
    found = placed("01.mp3", "Emma/02.m4b", "Ann/Emma/CD1/03.ogg", "Ann/Emma/CD2/03.ogg")
    assert found == [
        ("shelf", "shelf", "01"),
        ("Emma", "Emma", "02"),
        ("Ann", "Emma", "CD1 - 03"),
        ("Ann", "Emma", "CD2 - 03"),
    ]


@pytest.mark.parametrize(
    ("names", "found"),
    [
        # Discs are parts of the book around them, in the order of their numbers.
        (
            ["Light/CD10/01.mp3", "Light/CD2/01.mp3", "Light/CD1/02.mp3", "Light/CD1/01.mp3"],
            [
                ("Light", "Light", "CD1 - 01"),
                ("Light", "Light", "CD1 - 02"),
                ("Light", "Light", "CD2 - 01"),
                ("Light", "Light", "CD10 - 01"),
            ],
        ),
        (
            ["Ann/Emma/Part Two/1.mp3", "Ann/Emma/Part Three/1.mp3", "Ann/Emma/Part One/1.mp3"],
            [
                ("Ann", "Emma", "Part One - 1"),
                ("Ann", "Emma", "Part Two - 1"),
                ("Ann", "Emma", "Part Three - 1"),
            ],
        ),
        (
            ["E/Volume IX/1.mp3", "E/Volume V/1.mp3", "E/Volume I/1.mp3"],
            [("E", "E", "Volume I - 1"), ("E", "E", "Volume V - 1"), ("E", "E", "Volume IX - 1")],
        ),
        (["Disc 2 of 2/1.mp3", "Disc 1 of 2/1.mp3"],
         [("shelf", "shelf", "Disc 1 of 2 - 1"), ("shelf", "shelf", "Disc 2 of 2 - 1")]),
        # Discs beside each other that bear the book's name.
        (["Jane/Emma CD2/1.mp3", "Jane/Emma (CD 1)/1.mp3", "Jane/Persuasion/1.mp3"],
         [("Jane", "Emma", "Emma (CD 1) - 1"), ("Jane", "Emma", "Emma CD2 - 1"),
          ("Jane", "Persuasion", "1")]),
        # A title that only looks like a disc's.
        (["Discworld 3/1.mp3"], [("Discworld 3", "Discworld 3", "1")]),
        # Author, series, title; two titles alike keep their series.
        (["Jane/Novels/Emma/1.mp3", "Jane/Novels/Persuasion/1.mp3"],
         [("Jane", "Emma", "1"), ("Jane", "Persuasion", "1")]),
        (["Jane/Short/Emma/1.mp3", "Jane/Full/Emma/1.mp3"],
         [("Jane", "Short - Emma", "1"), ("Jane", "Full - Emma", "1")]),
        # Folders that say what kind of files they hold.
        (["Emma/audio/1.mp3"], [("Emma", "Emma", "1")]),
        (["Ann/Emma/emma_64kb/1.mp3", "Ann/Emma/64kb_mp3/2.mp3"],
         [("Ann", "emma_64kb", "1"), ("Ann", "Emma", "2")]),
        # Books of one file each in one folder.
        (["Emma.m4b", "Persuasion.m4b"],
         [("Emma", "Emma", "Emma"), ("Persuasion", "Persuasion", "Persuasion")]),
        (["Jane/Emma part 2.m4b", "Jane/Emma part 1.m4b", "Jane/Persuasion.m4b"],
         [("Jane", "Emma", "Emma part 1"), ("Jane", "Emma", "Emma part 2"),
          ("Jane", "Persuasion", "Persuasion")]),
        (["Emma part 2.m4b", "Emma part 1.m4b"],
         [("shelf", "shelf", "Emma part 1"), ("shelf", "shelf", "Emma part 2")]),
        # Two formats of one name that are not the same sound.
        (["Emma/2.mp3", "Emma/2.flac"],
         [("Emma", "Emma", "2 (flac)"), ("Emma", "Emma", "2 (mp3)")]),
    ],
)  # fmt: skip
def test_layouts(names, found):
    assert placed(*names) == found


def test_tags_order_chapters_and_part_books():
    tags = {
        "b.mp3": Tags(album="Emma", track=1),
        "a.mp3": Tags(album="Emma", track=2),
        "c.mp3": Tags(album="Persuasion", track=1),
        "d.mp3": Tags(album="Persuasion", track=2),
    }
    assert placed(*tags, tags=tags) == [
        ("Emma", "Emma", "b"),
        ("Emma", "Emma", "a"),
        ("Persuasion", "Persuasion", "c"),
        ("Persuasion", "Persuasion", "d"),
    ]
    # Tracks that are numbered anew on each disc.
    tags = {
        "E/CD2/x.mp3": Tags(track=1),
        "E/CD1/z.mp3": Tags(track=1),
        "E/CD1/y.mp3": Tags(track=2),
    }
    assert [name for _, _, name in placed(*tags, tags=tags)] == ["CD1 - z", "CD1 - y", "CD2 - x"]
    # Numbers that not every file has tell nothing, nor do albums of single files.
    tags = {"2.mp3": Tags(track=1, album="One"), "1.mp3": Tags(album="Two")}
    assert placed(*tags, tags=tags) == [("shelf", "shelf", "1"), ("shelf", "shelf", "2")]


def test_readers_that_tags_name_count_where_no_folder_does():
    narrator = Tags(narrator="Ann Smith")
    tags = {"Emma/1.mp3": narrator, "Persuasion/1.mp3": narrator}
    assert placed(*tags, tags=tags) == [
        ("Ann Smith", "Emma", "1"),
        ("Ann Smith", "Persuasion", "1"),
    ]
    # A folder is one reader, unless all its books name theirs: no voice has two names.
    tags = {"Ann/Emma/1.mp3": narrator, "Ann/Persuasion/1.mp3": Tags()}
    assert {reader for reader, _, _ in placed(*tags, tags=tags)} == {"Ann"}
    tags["Ann/Persuasion/1.mp3"] = Tags(narrator="Zoe")
    assert {reader for reader, _, _ in placed(*tags, tags=tags)} == {"Ann Smith", "Zoe"}


@pytest.mark.parametrize("letter", ["a", "я", "語", "𝒂"])
def test_names_of_any_length_and_script_fit_a_file_system(tmp_path, letter):
    long, other = letter * 250, letter * 249 + "b"
    for name in (short_name(long), flat_name(PurePosixPath(long, f"{long}.txt"))):
        (tmp_path / f".{name} - 001.flac.4194304.part").touch()
    assert short_name(long) != short_name(other)
    assert short_name(long) == short_name(long)
    assert short_name("Emma") == "Emma"
    for odd in ("..", ".hidden", "a/b", " ", "{shard}", 'it\'s ~a, "book"'):
        (tmp_path / short_name(odd)).touch()
        assert not short_name(odd).startswith(".")


# --- texts

EMMA = ("Ann/Emma/2.mp3", "Ann/Emma/10.mp3")


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (["emma.txt", "other.txt"], ["emma.txt"]),  # by its name
        (["Jane Austen - Emma (1815).txt", "other.txt"], ["Jane Austen - Emma (1815).txt"]),
        (["Ann/Emma/book.txt", "emma.txt"], ["Ann/Emma/book.txt"]),  # in its folder
        (["Ann/Emma/notes/a.txt", "Ann/Emma/b.txt"], None),  # two: by what is read
        (["Ann/Emma/2.txt", "Ann/Emma/10.txt", "Ann/Emma/about.txt"],
         ["Ann/Emma/2.txt", "Ann/Emma/10.txt"]),  # of chapters, in reading order
        (["Ann/Emma/2.txt", "Ann/Emma/whole book.txt"],
         ["Ann/Emma/whole book.txt"]),  # of some chapters, beside the whole
        (["Ann/Emma/2.txt", "Ann/Emma/10.txt", "Ann/Emma/emma.epub"],
         ["Ann/Emma/2.txt", "Ann/Emma/10.txt"]),
        (["Ann/Emma/emma.epub", "Ann/Emma/emma.txt", "Ann/Emma/readme.txt"],
         ["Ann/Emma/emma.epub"]),  # one text in two formats
        (["Ann/Emma/text/two.xhtml", "Ann/Emma/text/one.xhtml"],
         ["Ann/Emma/text/one.xhtml", "Ann/Emma/text/two.xhtml"]),  # as many as chapters
        (["Ann/Emma/text/p10.html", "Ann/Emma/text/p9.html", "Ann/Emma/text/p1.html"],
         ["Ann/Emma/text/p1.html", "Ann/Emma/text/p9.html", "Ann/Emma/text/p10.html"]),
        (["Ann/book.txt", "other.txt"], ["Ann/book.txt"]),  # alone above the one book
        (["Ann/texts/emma.txt", "Ann/texts/other.txt"], ["Ann/texts/emma.txt"]),
        (["anything.txt"], ["anything.txt"]),  # one book, one text
        (["one.txt", "two.txt"], None),
    ],
)  # fmt: skip
def test_the_text_is_the_one_that_folders_and_names_tell(texts, found):
    audio = chapters(paths(*EMMA), "shelf")
    assert texts_of(audio, paths(*texts)) == ({audio[0].book: paths(*found)} if found else {})


def test_books_of_one_folder_have_texts_of_their_names():
    audio = chapters(paths("Emma.m4b", "Persuasion.m4b", "Northanger.m4b"), "shelf")
    texts = paths("Emma.epub", "Persuasion.txt", "else.txt")
    assert texts_of(audio, texts) == {
        Book("Emma", "Emma"): paths("Emma.epub"),
        Book("Persuasion", "Persuasion"): paths("Persuasion.txt"),
    }
    # What tags call a book counts as its name.
    audio = chapters(paths("Ann/x/1.mp3", "Ann/y/1.mp3"), "shelf")
    found = texts_of(audio, paths("emma.txt", "z.txt"), {audio[0].book: ["Emma"]})
    assert found == {audio[0].book: paths("emma.txt")}
