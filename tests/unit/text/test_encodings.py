import pytest

from aubert.text.decode import decode

TEXTS = {
    "cp1252": "“It’s a fine day,” said Réné — and the café opened.\n",
    "latin-1": "Der Wächter ging über die große Straße.\nDie Tür schloß sich.\n",
    "cp1250": "Zażółć gęślą jaźń, powiedział żółw i poszedł do łóżka, bo było już późno.\n",
    "cp1251": "Жизнь и приключения смотрителя северного маяка.\n",
    "koi8-r": "Жизнь и приключения смотрителя северного маяка.\n",
    "cp866": "Жизнь и приключения смотрителя северного маяка.\n",
    "cp1253": "Ο φύλακας του φάρου περπατούσε αργά προς τη θάλασσα.\n",
    "shift_jis": "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。\n",
    "gb18030": "灯塔的守护者住在悬崖上四十年，孤身一人。海风吹过，他点亮了灯。\n",
    "utf-16": "“It’s a fine day.”\n",
    "utf-16-le": "It was a fine day, said Réné.\n",
    "utf-16-be": "It was a fine day.\n",
    "utf-32": "It was a fine day.\n",
}


@pytest.mark.parametrize("encoding", TEXTS)
def test_a_text_in_another_encoding_is_decoded_and_the_encoding_noted(encoding):
    text = TEXTS[encoding] * 4
    decoded = decode(text.encode(encoding))
    assert decoded.text.removeprefix("\ufeff") == text
    assert decoded.note.startswith("decoded as ")


def test_few_foreign_characters_in_a_long_text_tell_its_encoding():
    text = "The lantern stood on the sill.\n" * 20_000 + "No café.\n" + "Nobody came.\n" * 20_000
    assert decode(text.encode("cp1252")).text == text


def test_lines_of_an_old_mac():
    text = "“It’s a fine day,” said Réné.\rAnd so the café opened.\r" * 3
    assert decode(text.encode("mac_roman")).text == text


@pytest.mark.parametrize("data", [b"", b"plain\r\n", "\ufeff“é”\r".encode()])
def test_utf8_is_kept_as_it_is(data):
    assert decode(data) == (data.decode(), None)


def test_one_bad_byte_is_one_bad_character():
    good = "“One’s café” — naïve\r\n" * 3
    for bad, shown in ((b"caf\xe9", "café"), (b"it\x92s", "it’s"), (b"a\xe2\x80b", "a\ufffdb")):
        text, note = decode(good.encode() + bad + good.encode())
        assert text == good + shown + good
        assert "1 place is not UTF-8, the first in line 4" in note


def test_bytes_that_are_no_text_have_a_text_too():
    for data in (bytes(range(256)), b"\x81\x8d\x8f" * 50, b"\xff\xfe\x00\xd8"):
        assert decode(data) == decode(data)
