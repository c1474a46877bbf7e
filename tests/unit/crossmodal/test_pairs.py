from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aubert import stage, tables
from aubert.corpus.books import Bookshelf
from aubert.corpus.held_out import NOTHING, HeldOut
from aubert.corpus.slices import slices_within
from aubert.crossmodal.pairs import PairsOptions, pairs
from aubert.stage import Reject
from aubert.text.normalise import tokenize

LINE = 'the cat saw the dog and the cat ran. "The cat," said the dog, "is late."\n'
TEXT = f"\ufeffThe Book\n\n{LINE}{LINE}\n{LINE}"
WORD_MS, RATE_HZ = 200, 8_000


class Shard:
    """Two chapters by speaker 1, one by speaker 2; one utterance of `size` words after another,
    each word of 200 ms, a pause of a second after each third word cut out of the slices."""

    def __init__(self, root, size=7):
        books = root / "books"
        books.mkdir()
        for name in ("a", "b"):
            (books / f"{name}.txt").write_text(TEXT, encoding="utf-8", newline="")
        self.root, self.shelf = root, Bookshelf(books)
        self.recordings, self.utterances, self.refined, self.words = [], [], [], []
        for speaker, book in (("1", "a"), ("1", "b"), ("2", "a")):
            recording = f"small/{speaker}/{book}/{book}"
            path = f"{recording}.flac"
            (root / path).parent.mkdir(parents=True)
            (root / path).touch()
            self.recordings.append(
                {"recording_id": recording, "speaker": speaker, "book_id": book, "path": path,
                 "sample_rate_hz": RATE_HZ}
            )  # fmt: skip
            tokens = tokenize(TEXT)[2:]
            for index in range(0, len(tokens), size):
                self._add(f"{recording}_{index // size:04}", recording, book,
                          tokens[index : index + size])  # fmt: skip

    def _add(self, utterance_id, recording, book, tokens):
        step = WORD_MS * RATE_HZ // 1000
        starts = [1_000 + step * i + RATE_HZ * (i // 3) for i in range(len(tokens))]
        slices = [{"start_sample": at, "end_sample": at + step} for at in starts]
        self.utterances.append(
            {"utterance_id": utterance_id, "recording_id": recording, "slices": slices,
             "num_samples": step * len(tokens)}
        )  # fmt: skip
        start, end = tokens[0].char_start, tokens[-1].char_end
        self.refined.append(
            {"utterance_id": utterance_id, "book_id": book, "language": "en",
             "runs": [{"label": "READ", "char_start": start, "char_end": end}]}
        )  # fmt: skip
        for index, token in enumerate(tokens):
            self.words.append(
                {"utterance_id": utterance_id, "index": index,
                 "word": TEXT[token.char_start : token.char_end],
                 "spoken": " ".join(token.spoken),
                 "char_start": token.char_start, "char_end": token.char_end,
                 "start_ms": index * WORD_MS, "end_ms": (index + 1) * WORD_MS}
            )  # fmt: skip

    def pairs(self, held_out=NOTHING, **changes):
        values = {"min_occurrences": 1, "max_occurrences": 0, "max_ngrams": 0, "context_chars": 20,
                  "min_utterances": 1, "min_ms": 1} | changes  # fmt: skip
        found = list(
            pairs(
                self.recordings, self.utterances, self.refined, self.words, self.root, self.shelf,
                PairsOptions(**values), held_out=held_out,
            )
        )  # fmt: skip
        rows = [row for row in found if not isinstance(row, Reject)]
        return rows, {row.id: row for row in found if isinstance(row, Reject)}


@pytest.fixture
def shard(tmp_path):
    return Shard(tmp_path)


def test_a_pair_is_what_the_book_says_and_where_it_sounds(shard):
    rows, rejects = shard.pairs()
    assert not rejects
    assert {row["num_words"] for row in rows} == {1, 2, 3, 4}
    slices = {row["utterance_id"]: row["slices"] for row in shard.utterances}
    for row in rows:
        written = TEXT[row["char_start"] : row["char_end"]]
        assert (
            " ".join(part for token in tokenize(written) for part in token.spoken) == row["ngram"]
        )
        assert len(row["ngram"].split()) == row["num_words"]
        low, high = row["context_start"], row["context_end"]
        assert low <= row["char_start"] < row["char_end"] <= high
        assert row["char_start"] - low <= 20 and high - row["char_end"] <= 20
        for cut in (low, high):
            assert cut in (0, len(TEXT)) or TEXT[cut - 1].isspace() or TEXT[cut].isspace()
        first, count = row["word_index"], row["num_words"]
        assert row["slices"] == slices[row["utterance_id"]][first : first + count]
        assert row["num_samples"] == count * WORD_MS * RATE_HZ // 1000


def test_contexts_within_a_sentence_are_parts_of_those_that_go_on(shard):
    wide, narrow = shard.pairs()[0], shard.pairs(within_sentence=True)[0]
    cut = 0
    for row, within in zip(wide, narrow, strict=True):
        edges = {"context_start": within["context_start"], "context_end": within["context_end"]}
        assert within == {**row, **edges}
        low, high = edges.values()
        start, end = row["char_start"], row["char_end"]
        assert row["context_start"] <= low <= start < end <= high <= row["context_end"]
        for around in (TEXT[low:start], TEXT[end:high]):
            assert 'ran. "The' not in around and "\n\n" not in around
        cut += within != row
    assert cut > len(wide) / 4


def test_rows_are_a_valid_table_and_the_accounts_balance(shard, tmp_path):
    options = PairsOptions(min_occurrences=4, min_utterances=1, min_ms=1)
    results = pairs(shard.recordings, shard.utterances, shard.refined, shard.words, shard.root,
                    shard.shelf, options)  # fmt: skip
    ids = list(dict.fromkeys(row["utterance_id"] for row in shard.words))
    stage.run("pairs", "pairs", results, ids=ids, id_column="utterance_id",
              out=tmp_path / "pairs.parquet", rejects=tmp_path / "rejects.parquet",
              max_reject_fraction=0)  # fmt: skip
    rows = list(tables.rows(tmp_path / "pairs.parquet", "pairs"))
    counts = Counter((row["speaker"], row["ngram"]) for row in rows)
    assert min(counts.values()) >= 4 and counts["1", "cat"] == 18


def test_caps_are_by_speaker_and_split(shard):
    rows, rejects = shard.pairs(max_occurrences=3, max_ngrams=5)
    ngrams = {speaker: {r["ngram"] for r in rows if r["speaker"] == speaker} for speaker in "12"}
    assert [len(found) for found in ngrams.values()] == [5, 5]
    assert max(Counter((row["speaker"], row["ngram"]) for row in rows).values()) == 3
    assert {reject.reason for reject in rejects.values()} <= {"no_pairs"}
    rows, _ = shard.pairs(HeldOut(books=["b"], speakers=["2"]), max_occurrences=3)
    places = {(row["speaker"], row["book_id"]): row["split"] for row in rows}
    assert places == {
        ("1", "a"): "train", ("1", "b"): "held_out_book", ("2", "a"): "held_out_speaker",
    }  # fmt: skip
    assert {n for (_, _, ngram), n in Counter(
        (row["speaker"], row["split"], row["ngram"]) for row in rows
    ).items() if ngram == "the"} == {3}  # fmt: skip


def test_what_is_drawn_hangs_on_no_order_of_rows(shard):
    expected, _ = shard.pairs(max_occurrences=2, max_ngrams=6)
    for table in (shard.words, shard.utterances, shard.refined, shard.recordings):
        table.reverse()
    found, _ = shard.pairs(max_occurrences=2, max_ngrams=6)
    assert sorted(map(str, found)) == sorted(map(str, expected))
    other, _ = shard.pairs(max_occurrences=2, max_ngrams=6, seed=1)
    assert sorted(map(str, other)) != sorted(map(str, expected))


def test_how_speakers_are_spread_over_shards_does_not_matter(shard):
    together, _ = shard.pairs(max_occurrences=2, max_ngrams=6)
    everything = shard.words
    apart = []
    for speaker in "12":
        shard.words = [row for row in everything if f"/{speaker}/" in row["utterance_id"]]
        apart += shard.pairs(max_occurrences=2, max_ngrams=6)[0]
    assert apart == together and len(apart) > 20


def test_a_recording_that_states_a_held_out_book_is_held_out_wherever_it_was_found(shard):
    for row in shard.recordings:
        row["book_id"] = "stated"
    rows, _ = shard.pairs(HeldOut(books=["stated"]))
    assert {row["split"] for row in rows} == {"held_out_book"}
    assert {row["book_id"] for row in rows} == {"a", "b"}


def test_an_ngram_does_not_cross_what_was_skipped_or_added(shard):
    refined = shard.refined[0]
    cut = shard.words[2]["char_end"]
    (run,) = refined["runs"]
    refined["runs"] = [
        {**run, "char_end": cut},
        {"label": "EXTRA", "char_start": cut, "char_end": cut},
        {**run, "char_start": cut},
    ]
    del shard.words[4]  # no row, whatever the reason
    rows, _ = shard.pairs()
    own = [row for row in rows if row["utterance_id"] == refined["utterance_id"]]
    ends = {(row["word_index"], row["word_index"] + row["num_words"] - 1) for row in own}
    assert not {(a, b) for a, b in ends if a <= 2 < b}
    assert not {(a, b) for a, b in ends if a <= 4 <= b}
    assert (0, 2) in ends and (5, 6) in ends


def test_an_ngram_does_not_cross_a_jump_in_the_book(shard):
    """The second half of the first utterance's words is read before the first half."""
    refined, own = shard.refined[0], shard.words[:7]
    times = [(word["start_ms"], word["end_ms"]) for word in own]
    (run,) = refined["runs"]
    cut = own[3]["char_start"]
    refined["runs"] = [{**run, "char_start": cut}, {**run, "char_end": cut}]
    for index, (word, (start_ms, end_ms)) in enumerate(
        zip([*own[3:], *own[:3]], times, strict=True)
    ):
        word |= {"index": index, "start_ms": start_ms, "end_ms": end_ms}
    rows, rejects = shard.pairs()
    assert refined["utterance_id"] not in rejects
    spans = {
        (row["char_start"], row["char_end"])
        for row in rows
        if row["utterance_id"] == refined["utterance_id"]
    }
    assert {
        (own[3]["char_start"], own[6]["char_end"]),
        (own[0]["char_start"], own[2]["char_end"]),
    } <= spans
    assert all(start < end for start, end in spans)


def test_spoken_words_are_what_counts(shard):
    shard.words[3]["spoken"] = "eighteen forty eight"
    rows, _ = shard.pairs()
    sizes = {
        row["ngram"]: row["num_words"]
        for row in rows
        if "forty" in row["ngram"]
    }  # fmt: skip
    assert sizes == {
        "eighteen forty eight": 3, "saw eighteen forty eight": 4, "eighteen forty eight dog": 4,
    }  # fmt: skip


def test_length_of_the_audio(shard):
    rows, _ = shard.pairs(min_ms=400, max_ms=600)
    assert {row["num_words"] for row in rows} == {2, 3}
    rows, rejects = shard.pairs(min_ms=5_000, max_ms=5_000)
    assert not rows and {r.reason for r in rejects.values()} == {"no_pairs"}


def test_a_speaker_with_too_little_is_left_out(shard):
    num = len([row for row in shard.utterances if "/2/" in row["utterance_id"]])
    rows, rejects = shard.pairs(min_utterances=num + 1)
    assert {row["speaker"] for row in rows} == {"1"}
    assert {reject.reason for reject in rejects.values()} == {"too_little_speech"}
    assert len(rejects) == num and f"{num} utterances" in next(iter(rejects.values())).detail


def test_a_corrupt_words_table_costs_its_utterances_and_nothing_else(shard):
    whole, _ = shard.pairs()
    ids = [row["utterance_id"] for row in shard.utterances]
    first = {row["utterance_id"]: row for row in reversed(shard.words)}
    first[ids[0]]["char_end"] = len(TEXT) + 1
    first[ids[1]]["end_ms"] = first[ids[1]]["start_ms"]
    first[ids[2]]["char_start"] -= 1
    last = {row["utterance_id"]: row for row in shard.words}
    last[ids[3]]["end_ms"] += 1  # behind the end of the utterance
    gone = shard.recordings.pop()  # of speaker 2
    (shard.root / shard.recordings[1]["path"]).unlink()
    shard.refined = [row for row in shard.refined if row["utterance_id"] != ids[4]]
    rows, rejects = shard.pairs()

    assert rejects[ids[0]].reason == "span_not_in_book"
    assert f"the book has {len(TEXT)} characters" in rejects[ids[0]].detail
    assert rejects[ids[1]].reason == "word_without_audio"
    assert "0-0 ms" in rejects[ids[1]].detail
    assert rejects[ids[2]].reason == "span_not_in_book"
    assert rejects[ids[3]].reason == "word_without_audio"
    assert rejects[ids[4]].reason == "row_missing" and "refined" in rejects[ids[4]].detail
    absent = {i for i in ids if i.startswith(shard.recordings[1]["recording_id"])}
    missing = {i for i in ids if i.startswith(gone["recording_id"])}
    assert {rejects[i].reason for i in absent} == {"audio_missing"}
    assert {rejects[i].reason for i in missing} == {"row_missing"}
    assert rejects.keys() == {*ids[:5], *absent, *missing}
    assert rows == [row for row in whole if row["utterance_id"] not in rejects]


def test_a_book_that_is_gone(shard):
    (shard.shelf.books_dir / "b.txt").unlink()
    rows, rejects = shard.pairs()
    assert {row["book_id"] for row in rows} == {"a"}
    assert {reject.reason for reject in rejects.values()} == {"book_missing"}


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 30)), min_size=1), st.data())
@settings(max_examples=60, deadline=None)
def test_slices_of_an_interval_are_its_samples(gaps, data):
    at, slices, samples = 0, [], []
    for gap, length in gaps:
        slices.append({"start_sample": at + gap, "end_sample": at + gap + length})
        samples += range(at + gap, at + gap + length)
        at += gap + length
    start = data.draw(st.integers(0, len(samples)))
    end = data.draw(st.integers(start, len(samples)))
    parts = slices_within(slices, start, end)
    found = [np.arange(part["start_sample"], part["end_sample"]) for part in parts]
    assert np.concatenate([[], *found]).tolist() == samples[start:end]
    assert all(len(part) for part in found)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_words": 0}, r"max_words\n.*greater than or equal to 1"),
        ({"min_ms": 500, "max_ms": 400}, "not be below min_ms 500"),
        ({"context_chars": -1}, r"context_chars\n.*greater than or equal to 0"),
    ],
)
def test_options_that_cannot_be(changes, message):
    with pytest.raises(ValueError, match=message):
        PairsOptions(**changes)
