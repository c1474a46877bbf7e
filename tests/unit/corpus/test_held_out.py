"""What is held out of everything that learns: by name, by share, and as flags."""

from __future__ import annotations

import argparse
import shlex
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_corpus import write_corpus

from aubert.cli import main
from aubert.config.resolve import resolve
from aubert.corpus.held_out import HeldOut, add_held_out, held_out_flags, held_out_of
from aubert.mini.cast import CASTS

NAMES = st.lists(st.text(min_size=1, max_size=8), max_size=3)
SHARES = st.sampled_from([0.0, 0.1, 0.5])


@given(NAMES, NAMES, SHARES, SHARES, st.integers(0, 2**31))
def test_a_config_section_survives_the_shell(speakers, books, of_speakers, of_books, seed):
    section = asdict(
        HeldOut(
            speakers=speakers,
            books=books,
            speakers_share=of_speakers,
            books_share=of_books,
            seed=seed if of_speakers or of_books else 0,
        )
    )
    parser = argparse.ArgumentParser()
    add_held_out(parser)
    flags = held_out_flags(section)
    assert asdict(held_out_of(parser.parse_args(shlex.split(flags)))) == section
    assert bool(HeldOut(**section)) == bool(flags)


def test_a_share_is_a_property_of_the_id():
    ids = [str(number) for number in range(2_000)]
    one, other = (HeldOut(speakers_share=0.1, seed=seed) for seed in (0, 1))
    drawn = {name for name in ids if one.has_speaker(name)}
    assert 0.07 < len(drawn) / len(ids) < 0.13
    assert drawn != {name for name in ids if other.has_speaker(name)}
    assert drawn <= {name for name in ids if HeldOut(speakers_share=0.2).has_speaker(name)}
    assert not any(one.has_book(name) for name in ids)


def test_an_unknown_book_is_not_held_out():
    held_out = HeldOut(books=["a"], books_share=0.999)
    assert held_out.has("1", "a") and not held_out.has("1", None)


def test_a_share_out_of_range_is_refused():
    parser = argparse.ArgumentParser()
    add_held_out(parser)
    with pytest.raises(ValueError, match=r"held_out: books_share is 1\.5"):
        held_out_of(parser.parse_args(["--held-out-books-share=1.5"]))


def test_utterances_of_a_shard(tmp_path):
    corpus = write_corpus(tmp_path)
    first, second = (corpus.shard(number) for number in range(2))
    held_out = HeldOut(speakers=["speaker1"])
    assert held_out.utterances_of(*first) == frozenset()
    assert len(held_out.utterances_of(*second)) == 4
    assert HeldOut().utterances_of("nowhere", "nowhere") == frozenset()


def test_names_that_no_recording_has_are_shown(tmp_path, capsys):
    corpus = write_corpus(tmp_path)
    flags = ["--held-out-speaker=speaker1", "--held-out-speaker=speaker9", "--held-out-book=none"]
    choose = ["units", "choose", str(corpus.results), str(tmp_path / "choice.json")]
    assert main([*choose, *flags]) == 0
    assert "held_out names what no recording has: none, speaker9" in capsys.readouterr().out
    assert main([*choose, flags[0]]) == 0
    assert "held_out" not in capsys.readouterr().out


@pytest.mark.parametrize("language", CASTS)
def test_the_miniature_run_holds_out_what_its_reference_names(language):
    held_out = resolve({"corpus": {"source": "mini", "language": language}})["held_out"]
    cast = CASTS[language]
    assert held_out["speakers"] == list(cast.unseen_speakers)
    assert held_out["books"] == list(cast.held_out_books)
