"""The language of each recording, and the message where it is not read."""

import json

import pytest
from tiny_epub import page, write_epub

from aubert.corpus.books import Bookshelf
from aubert.corpus.languages import Languages, other_language

GERMAN = (
    "Der alte Leuchtturm stand auf der Klippe, und jeden Abend stieg der Wärter mit einer Laterne "
    "die schmale Treppe hinauf. Er zählte die Stufen laut, wie es schon sein Vater getan hatte, "
    "und kam doch nie auf dieselbe Zahl. Unten im Dorf flickten die Fischer ihre Netze. "
)
ENGLISH = (
    "The old lighthouse stood on the cliff, and he went up the stairs with a lamp in his hand. "
)
RUSSIAN = "Старый маяк стоял на скале, и каждый вечер сторож поднимался по узкой лестнице. "


@pytest.mark.parametrize(
    ("text", "tag", "what"),
    [
        (GERMAN * 2, "en", "German (de)"),
        (GERMAN * 2, "de", None),
        (GERMAN * 2, "fr", "German (de)"),
        (ENGLISH * 6, "en", None),
        (ENGLISH * 6, "en-GB", None),
        (ENGLISH * 6, "de", "English (en)"),
        (ENGLISH * 6, "it", "English (en)"),
        (RUSSIAN * 6, "en", "written in Cyrillic letters"),
        (RUSSIAN * 6, "ru", None),
        (GERMAN[:60], "en", None),  # too few words to tell
        (ENGLISH * 20 + GERMAN, "en", None),  # a passage of it
    ],
)
def test_the_language_of_a_text_is_identified_where_it_is_evident(text, tag, what):
    other = other_language(text, tag)
    assert (other and other.what) == what


@pytest.fixture
def shelf(tmp_path):
    books = tmp_path / "books"
    books.mkdir()
    (books / "plain.txt").write_text(GERMAN * 2, encoding="utf-8")
    (books / "tagged.txt").write_text(GERMAN * 2, encoding="utf-8")
    (books / "page.html").write_text('<html lang="es"><body><p>El faro.</p></body></html>')
    write_epub(books / "own.epub", {"1.xhtml": page("<p>Le phare.</p>")}, language="fr_CA")
    meta = {"t": {"url": "", "name": "tagged.txt", "language": "German"},
            "e": {"url": "", "name": "own.epub"}}  # fmt: skip
    (tmp_path / "meta.json").write_text(json.dumps(meta))
    return Bookshelf(books, tmp_path / "meta.json", "it")


def test_the_book_says_its_language_before_its_recordings_do(shelf):
    stated = {"language": "nl", "book_id": None}
    assert shelf.language("t", stated) == "de"
    assert shelf.language("e", stated) == "fr-CA"
    assert shelf.language("page", stated) == "es"
    assert shelf.language("plain", stated) == "nl"
    assert shelf.language(None, stated) == "nl"
    assert shelf.language("plain") == shelf.language("plain", {"language": None}) == "it"


def test_what_is_not_read_is_a_fault_that_says_what_to_do(shelf):
    languages = Languages(shelf, lambda tag: None if tag in ("en", "it") else f"no {tag} here")
    rows = [
        {"recording_id": "a", "book_id": "t", "language": None},
        {"recording_id": "b", "book_id": None, "language": "en"},
        {"recording_id": "c", "book_id": "plain", "language": "en"},
    ]
    assert [languages.of(row) for row in rows] == ["de", "en", "en"]
    rejects = languages.rejects(rows)
    assert sorted(rejects) == ["a", "c"]
    assert {reject.reason for reject in rejects.values()} == {"language_unread"}
    assert rejects["a"].detail == "book 't' is German (de), and no de here"
    assert rejects["c"].detail.startswith("the text of book 'plain' is German (de), and was to be")
    assert "set corpus.language to de" in rejects["c"].detail
    assert rejects["c"].detail.endswith("; no de here")
