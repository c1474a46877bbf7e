import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aubert import workflow


def names(module):
    return {Path(path).name for path in workflow.code_of(module)}


def test_the_code_of_a_stage_is_what_it_imports():
    assert {"cut.py", "vad.py", "audio.py", "stage.py", "tables.py"} <= names("corpus.cut")
    assert not {"cli.py", "index.py", "workflow.py"} & names("corpus.cut")
    assert all(Path(path).is_file() for path in workflow.code_of("corpus.cut"))


def test_imports_inside_functions_count(tmp_path, monkeypatch):
    (tmp_path / "a.py").write_text("def f():\n    from aubert import b\n    import aubert.sub.c\n")
    (tmp_path / "b.py").write_text("import os\nfrom aubert.a import f\n")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "__init__.py").write_text("")
    (tmp_path / "sub" / "c.py").write_text("")
    monkeypatch.setattr(workflow, "SOURCE", tmp_path)
    workflow.code_of.cache_clear()
    assert names("a") == {"a.py", "b.py", "c.py"}
    workflow.code_of.cache_clear()


@pytest.fixture
def corpus(tmp_path):
    books = tmp_path / "books"
    books.mkdir()
    for name in ("a", "b"):
        (books / f"{name}.txt").write_text(f"text of {name}")
    return {"root": tmp_path, "subsets": [], "books_dir": str(books), "book_meta": None}


def books_digest(corpus, tmp_path, book_ids):
    path = str(tmp_path / "recordings.parquet")
    pq.write_table(pa.table({"book_id": pa.array(book_ids, pa.string())}), path)
    return workflow.Fingerprints(corpus, 1).of_books(path)


def test_only_an_edit_of_the_shard_s_own_books_is_seen(corpus, tmp_path):
    before = {ids: books_digest(corpus, tmp_path, ids) for ids in [("a",), ("b",), (None, "a")]}
    (Path(corpus["books_dir"]) / "b.txt").write_text("another text of b")
    after = {ids: books_digest(corpus, tmp_path, ids) for ids in before}
    assert after[("a",)] == before[("a",)]
    assert after[("b",)] != before[("b",)]
    assert after[(None, "a")] != before[(None, "a")]  # an unknown book may be any


def test_a_table_that_is_not_made_yet_is_named(corpus, tmp_path):
    missing = str(tmp_path / "missing.parquet")
    with pytest.raises(FileNotFoundError) as caught:
        workflow.Fingerprints(corpus, 1).of_books(missing)
    assert caught.value.filename == missing  # by this Snakemake knows to ask again


def test_every_change_of_the_shelf_is_seen(corpus):
    digests = [workflow.Fingerprints(corpus, 1).of_shelf()]
    books = Path(corpus["books_dir"])
    (books / "c.txt").write_text("c")
    digests.append(workflow.Fingerprints(corpus, 1).of_shelf())
    os.utime(books / "a.txt", ns=(1, 1))
    digests.append(workflow.Fingerprints(corpus, 1).of_shelf())
    assert len(set(digests)) == 3


def test_every_change_of_labelled_speech_is_seen(corpus, tmp_path):
    folder = tmp_path / "labelled/1/2"
    folder.mkdir(parents=True)
    digests = []
    for name in ("1-2.trans.txt", "1-2-0.flac", "1-2-0.flac"):
        with (folder / name).open("a") as file:
            file.write("more")
        digests.append(workflow.Fingerprints(corpus, 1).of_labelled(str(tmp_path / "labelled")))
    assert len(set(digests)) == 3
