"""Messages about languages before any job runs."""

import pytest

from aubert.config import resolve
from aubert.config.languages import check_languages, phones_are_known


def config(backend: str, language: str = "en", **ctc) -> dict:
    stages = {stage: {"backend": backend, "ctc": ctc} for stage in ("transcribe", "words")}
    return resolve({"corpus": {"source": "folder", "root": "x", "language": language}, **stages})


def test_a_run_that_reads_no_book_stops():
    with pytest.raises(ValueError, match=r"^config: transcribe\.backend: book 'A' is Russian"):
        check_languages(config("pocketsphinx"), {"book 'A'": "ru"})
    with pytest.raises(ValueError, match=r"\(1 more books likewise\); docs/languages\.md$"):
        check_languages(config("pocketsphinx"), {"book 'A'": "ru", "book 'B'": "it"})
    with pytest.raises(ValueError, match=r"hubert-large-ls960-ft reads English: give a CTC"):
        check_languages(config("ctc", "de"), {"corpus.language": "de"})


def test_a_book_that_is_not_read_is_named():
    books = {"book 'A'": "de", "book 'B'": "ru", "book 'C'": "en"}
    (line,) = check_languages(config("pocketsphinx"), books)
    assert line.startswith("book 'B' is Russian (ru), and pocketsphinx's own model reads English")
    assert len(check_languages(config("ctc"), books)) == 4  # two books at two stages


def test_what_is_read():
    assert check_languages(config("pocketsphinx", "de"), {"corpus.language": "de"}) == []
    assert check_languages(config("ctc", "ru", model="my/russian"), {"corpus.language": "ru"}) == []
    assert check_languages(config("ctc", "fr", model="trained"), {"corpus.language": "fr"}) == []
    assert check_languages(config("ctc"), {}) == []
    assert phones_are_known(config("ctc", "de")) and not phones_are_known(config("ctc", "ru"))
