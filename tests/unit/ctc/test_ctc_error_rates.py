"""Error rates of a checkpoint whose mistakes are known: its emissions are made up."""

import json

import numpy as np
import pytest
from tone_speech import write_labelled

from aubert.cli import main
from aubert.corpus.books import Bookshelf
from aubert.corpus.held_out import HeldOut
from aubert.ctc import evaluation as module
from aubert.ctc.evaluation import evaluate_ctc
from aubert.ctc.network import TOKENS, spell
from aubert.evaluate.wer import character_errors
from aubert.text.lm import build_arpa
from aubert.transcribe.decode import DecodeOptions
from aubert.transcribe.vocabulary import Vocabulary

# Spoken words, and what the checkpoint recognises: its scores of "bad" and "bat" are nearly equal.
RECOGNISED = {"a bad cab": "a bat cab", "bad": "bad", "dab": ""}
BOOK = "A bad cab. Bad! Dab; a bad, bad cab."


class Checkpoint:
    """CtcModel's stand-in: it recognises RECOGNISED, and finds d as good as t."""

    sample_rate_hz = 16_000
    letters = "".join(TOKENS[3:])
    recognised = iter(())

    @classmethod
    def load(cls, options):
        return cls()

    def vocabulary(self, pack):
        tokens = {token: i for i, token in enumerate(TOKENS)}
        return Vocabulary.from_tokens(tokens, 29, 0, language=pack)

    def emissions(self, utterances):
        for (utterance_id, samples), text in zip(utterances, self.recognised, strict=False):
            assert len(samples) > 0
            yield utterance_id, self._emission(text)

    def _emission(self, text):
        scores = np.full((2 * len(text), len(TOKENS)), -9.0, np.float32)
        for position, letter in enumerate(spell(text)):
            scores[2 * position, letter] = 0
            scores[2 * position + 1, 0] = 0  # a blank
            if TOKENS[letter] in "td":
                other = TOKENS.index("d" if TOKENS[letter] == "t" else "t")
                scores[2 * position, other] = -0.1
        return scores - np.log(np.exp(scores).sum(1, keepdims=True))


@pytest.fixture
def folders(tmp_path, monkeypatch):
    write_labelled(tmp_path / "seen", {"1": list(RECOGNISED)})
    write_labelled(tmp_path / "other", {"2": ["bad"]})
    (tmp_path / "books").mkdir()
    (tmp_path / "books/b.txt").write_text(BOOK)
    monkeypatch.setattr(module, "CtcModel", Checkpoint)
    monkeypatch.setattr(Checkpoint, "recognised", iter([*RECOGNISED.values(), "bad"]))
    return tmp_path


def test_greedy_and_with_the_language_model_of_the_books(folders):
    figures = evaluate_ctc(
        {"seen": folders / "seen", "other": folders / "other"},
        DecodeOptions(),
        Bookshelf(folders / "books"),
    )
    values = {key: (round(figure.value, 4), figure.n) for key, figure in figures.items()}
    assert values == {
        "wer_greedy": (round(2 / 5, 4), 5),  # bat, and a word that was missed
        "cer_greedy": (round(4 / 15, 4), 15),
        "wer": (round(1 / 5, 4), 5),  # the book knows no "bat"
        "other_wer_greedy": (0.0, 1),
        "other_cer_greedy": (0.0, 3),
        "other_wer": (0.0, 1),
    }
    assert figures["wer_greedy"].ci95[0] <= 0.4 <= figures["wer_greedy"].ci95[1]


def test_without_a_book_there_is_no_language_model(folders):
    """Where all are held out, too."""
    held_out = HeldOut(books=["b"])
    found = evaluate_ctc(
        {"seen": folders / "seen"}, DecodeOptions(), Bookshelf(folders / "books"), held_out=held_out
    )
    assert set(found) == {"wer_greedy", "cer_greedy"}


def test_an_arpa_file_is_taken_before_the_books(folders):
    build_arpa([["bat"], ["a", "bat", "cab"]] * 3, folders / "bats.arpa")
    options = DecodeOptions(lm_path=str(folders / "bats.arpa"), alpha=2.0)
    figures = evaluate_ctc({"seen": folders / "seen"}, options, Bookshelf(folders / "books"))
    assert figures["wer"].value == 3 / 5


def test_without_books_there_are_greedy_figures_only(folders):
    assert sorted(evaluate_ctc({"seen": folders / "seen"}, DecodeOptions())) == [
        "cer_greedy",
        "wer_greedy",
    ]


def test_character_errors_count_spaces():
    assert character_errors(["ab", "c"], ["abc"]) == 1
    assert character_errors(["ab"], []) == 2


def test_the_command_writes_figures_under_its_key(folders, capsys):
    out = folders / "out.json"
    arguments = ["ctc", "evaluate", str(out), "--key=ctc.hubert", f"--folder=seen={folders}/seen"]
    assert main([*arguments, f"--books-dir={folders}/books"]) == 0
    figures = json.loads(out.read_text())
    assert sorted(figures) == ["ctc.hubert.cer_greedy", "ctc.hubert.wer", "ctc.hubert.wer_greedy"]
    assert "wer 0.200, wer_greedy 0.400" in capsys.readouterr().out


def test_bad_input_is_named(folders, capsys):
    with pytest.raises(SystemExit):
        main(["ctc", "evaluate", "x.json", "--folder", "seen"])
    assert "'seen' is not NAME=PATH" in capsys.readouterr().err
    for path in (folders / "seen").rglob("*.flac"):
        path.write_bytes(b"no audio")
    with pytest.raises(ValueError, match=r"seen: none of its utterances can be measured on"):
        evaluate_ctc({"seen": folders / "seen"}, DecodeOptions())


def test_a_file_that_was_cut_off_is_left_out_with_its_path(folders):
    path = folders / "seen/1/7/1-7-0000.flac"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    Checkpoint.recognised = iter([*RECOGNISED.values()][1:])
    with pytest.warns(UserWarning, match=r"1 utterances are left out: .*1-7-0000\.flac"):
        figures = evaluate_ctc({"seen": folders / "seen"}, DecodeOptions())
    assert figures["wer_greedy"].n == 2 and figures["wer_greedy"].value == 0.5
