"""The letters that a CTC network learns to write."""

import json

import pytest
from tone_speech import write_labelled

from aubert.corpus.labelled import read_labelled
from aubert.ctc.alphabet import alphabet, notes


@pytest.fixture
def folder(tmp_path):
    folder = write_labelled(tmp_path, {"1": ["abc"] * 3})
    lines = "1-7-0000 Привет мир\n1-7-0001 call 1848\n1-7-0002 plain words\n"
    (folder / "1/7/1-7.trans.txt").write_text(lines, encoding="utf-8")
    return folder


def test_letters_are_those_of_the_pack():
    assert alphabet("letters", "en", []).letters == "abcdefghijklmnopqrstuvwxyz"
    assert alphabet("letters", "de-AT", []).letters.endswith("zäöüß")
    with pytest.raises(ValueError, match=r"no language pack for Italian .* let it be transcripts"):
        alphabet("letters", "it", [])


def test_letters_of_the_transcripts_and_of_their_numbers(folder):
    letters = alphabet("transcripts", "en", [folder]).letters
    assert letters == "".join(sorted({*"приветмир", *"callplainwords", *"eighteenfortyeight"}))
    pack = alphabet("transcripts", "en", [folder])
    found = [(each.text, each.unwritten) for each in read_labelled([folder], pack)]
    assert found == [
        ("привет мир", ""), ("call eighteen forty eight", ""), ("plain words", "")
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["vocab.json", "letters.txt"])
def test_letters_of_a_file(tmp_path, name):
    path = tmp_path / name
    tokens = ["<pad>", "|", "B", "ß", "A", "'"]
    text = json.dumps({token: number for number, token in enumerate(tokens)})
    path.write_text(text if name.endswith("json") else "\n".join(tokens), encoding="utf-8")
    assert alphabet(str(path), "de", []).letters == "bßa"
    path.write_text("{}" if name.endswith("json") else "<pad>\n")
    with pytest.raises(ValueError, match="holds no letter"):
        alphabet(str(path), "de", [])
    with pytest.raises(ValueError, match="cannot be read"):
        alphabet(str(tmp_path / "absent"), "de", [])


def test_what_is_left_out_is_counted_and_named(folder):
    pack = alphabet("letters", "en", [folder])
    letters, digits = notes(read_labelled([folder], pack), pack)
    assert letters.startswith("1 utterances are left out") and "п (1), р (1)" in letters
    assert "transcripts learns letters" in letters
    assert digits.startswith("1 transcripts hold digits") and "eighteen forty eight" in digits
