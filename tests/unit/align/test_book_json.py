import json
import random

import pytest
from prose import by_hand, prose, sentences

from aubert.align.book import Book
from aubert.align.book_json import align_book, align_file


def test_every_utterance_is_placed_whatever_their_order():
    book = Book(prose(random.Random(1), 900))
    spans = sentences(book)
    utterances = [
        {"fname": f"cut/1/2/ch{n // 30}_{n % 30:04}.flac", "utterance": by_hand(book, a, b),
         "speaker_id": "1"}
        for n, (a, b) in enumerate(spans)
    ]  # fmt: skip
    random.Random(2).shuffle(utterances)
    utterances.append({"fname": "cut/1/2/ch0_0099.flac", "utterance": "thank you for listening",
                       "speaker_id": "1"})  # fmt: skip
    out = align_book({"book_name": "b.txt", "utterances": utterances, "raw": book.text})
    assert list(out) == ["book_name", "utterances", "raw"]
    for given, found in zip(utterances, out["utterances"], strict=True):
        assert {key: found[key] for key in given} == given
    *placed, last = out["utterances"]
    assert all(book.text[u["start_idx"] : u["end_idx"]] for u in placed)
    assert sorted(u["start_idx"] for u in placed) == [book.char_start(a) for a, _ in spans]
    assert last["start_idx"] is None and last["reject"].startswith("not_in_book")


def test_a_json_without_the_keys_is_refused():
    with pytest.raises(ValueError, match="the json must be"):
        align_book({"utterances": []})


def test_a_real_reading_agrees_with_the_best_edit_distance_spans(real):
    folder = real / "matching"
    data = json.loads((folder / "master_key.input.json").read_text("utf-8"))
    silver = json.loads((folder / "master_key.silver_match.json").read_text("utf-8"))
    found = align_book(data)["utterances"]
    assert all(u["start_idx"] is not None for u in found)
    licence = data["raw"].index("*** START OF")
    assert min(u["start_idx"] for u in found) > licence
    assert sum(u["similarity"] for u in found) / len(found) >= 0.992
    near = [
        max(abs(u["start_idx"] - s["start_idx"]), abs(u["end_idx"] - s["end_idx"])) <= 5
        for u, s in zip(found, silver, strict=True)
        if s["n_best"] == 1
    ]
    assert sum(near) >= 0.98 * len(near)


def test_a_printed_book_gives_back_the_references_spans(real):
    folder = real / "audiobooks"
    pieces = json.loads((folder / "reference.json").read_text("utf-8"))["lj001_64kb"]
    raw = (folder / "books" / "art_of_printing.txt").read_text("utf-8")
    utterances = [
        {"fname": f"lj001_{n:04}.flac", "utterance": piece["text"], "speaker_id": "1"}
        for n, piece in enumerate(pieces)
    ]
    out = align_book({"book_name": "b", "utterances": utterances, "raw": raw})
    assert [(u["start_idx"], u["end_idx"]) for u in out["utterances"]] == [
        (piece["char_start"], piece["char_end"]) for piece in pieces
    ]


def test_from_file_to_file(tmp_path):
    source, target = tmp_path / "in.json", tmp_path / "out.json"
    text = "The miller went home. He shut the door behind him, and nobody saw him again that day."
    entry = {"fname": "a_0000.flac", "utterance": "he shut the door behind him", "speaker_id": "1"}
    data = {
        "book_name": "b.txt",
        "utterances": [
            {**entry, "utterance": "the miller went home"},
            {**entry, "fname": "a_0001.flac"},
            {**entry, "fname": "a_0002.flac", "utterance": "and nobody saw him again that day"},
        ],
        "raw": text,
    }
    source.write_text(json.dumps(data))
    assert align_file(source, target) == "book: 3 of 3 utterances placed"
    spans = [(u["start_idx"], u["end_idx"]) for u in json.loads(target.read_text())["utterances"]]
    assert [text[start:end] for start, end in spans] == [
        "The miller went home.",
        "He shut the door behind him,",
        "and nobody saw him again that day.",
    ]
    source.write_text("{")
    with pytest.raises(ValueError, match="is not json"):
        align_file(source, target)
