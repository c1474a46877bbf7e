import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from aubert.text.broken import halves, unbroken
from aubert.text.normalise import readings, spoken_words, tokenize

SPOKEN = {
    "‘’Tis o’clock, the boys' Rob's": "tis o'clock the boys rob's",
    "'Twas the ’em": "twas the em",
    "Café naïve Æsop œuvre": "cafe naive aesop oeuvre",
    "cafe\u0301 co\u00adoperate": "cafe cooperate",
    "12 men": "twelve men",
    "in 1848, 1905, 1900 and 2005": "in eighteen forty eight nineteen oh five nineteen hundred "
    "and two thousand five",
    "2,500": "two thousand five hundred",
    "the 3rd, the 21st, the 2d": "the third the twenty first the second",
    "1/2 or 3/4 or 2½": "one half or three quarters or two and a half",
    "3.5": "three point five",
    "£40, £1, $5.50": "forty pounds one pound five dollars and fifty cents",
    "10%": "ten percent",
    "£5 10s. 6d., 1s 1d and 9d.": (
        "five pounds ten shillings and sixpence one shilling and one penny and ninepence"
    ),
    "5s. on the 2d of May in his 20s": "five shillings on the second of may in his twenties",
    "3 lb. 4 oz, 6 ft. and 2 cwt": "three pounds four ounces six feet and two hundredweight",
    "don`t, don´t, don＇t, it‘s": "don't don't don't it's",
    "The ﬁrst Ｔｈｅ ｏｌｄ 𝐓𝐡𝐞 𝑜𝑙𝑑": "the first the old the old",
    "[a note](https://example.com/x_1) here": "a note here",
    "5:30 and 5:00 and 5:05": "five thirty and five o'clock and five oh five",
    "the 1840s": "the eighteen forties",
    "007": "zero zero seven",
    "CHAPTER IV. Begun": "chapter four begun",
    "Chapter I. I am": "chapter one i am",
    "the part I saw": "the part i saw",
    "Henry VIII and Charles V spoke": "henry the eighth and charles the fifth spoke",
    "a mix of civil and MILD": "a mix of civil and mild",
    "one\nII\ntwo": "one two two",
    "one\nI\ntwo": "one one two",
    "I": "i",
    "Mr. Smith, Mrs Dr. St. Paul": "mister smith missus doctor saint paul",
    "No. 5. No. It": "number five no it",
    "etc. &c. & so": "et cetera et cetera and so",
    "word—word word--word twenty-first": "word word word word twenty first",
    "Wait ... _now_": "wait now",
    "A.M. and U.S.A.": "a m and u s a",
    "note[1] and star* and [Illustration] {12}": "note and star and",
    "* * * * *\n-----\n": "",
    "Ἀρχή": "",
    # HTML that a plain text holds.
    "the <i>old</i> man<br />\n<P ALIGN=center>said <a href='x'>it</a><!-- a note -->": (
        "the old man said it"
    ),
    "don&rsquo;t&nbsp;go&mdash;it&#8217;s &quot;Smith &amp; Son&quot;&hellip;": (
        "don't go it's smith and son"
    ),
    "caf&eacute;s, &Eacute;mile na&#239;f 3&times;4 &#247;": "cafes emile naif three four",
    "<hr noshade>\n<IMG\nsrc='a b.jpg' alt=\"x\" />Then": "then",
    "a < b and c > d, R&D; 3 <4> &c.": "a b and c d r and d three four et cetera",
    "a <b and c> d <i am>": "a b and c d i am",
    # What a layout breaks is one word.
    "The old light-\nhouse, a lan-  \r\n  tern": "the old lighthouse a lantern",
    "LIGHT-\nHOUSE and Fotherin-\ngay": "lighthouse and fotheringay",
    "com-\npre-\nhensive": "comprehensive",
    "ever\u00ad\nmore, drawing¬\nroom": "evermore drawingroom",
    "the drawing-\nroom, twenty-\none and Anglo-\nSaxon": "the drawing room twenty one and "
    "anglo saxon",
    "word --\nand a dash-\n\nThen": "word and a dash then",
    "T\nHE old man": "the old man",
    "One.\n\nM ARGARET Holloway": "one margaret holloway",
    "“I\nT was": "it was",
    "End.\n\nT he old man": "end the old man",
    "A MAN came.\n\nI am he.\nO my": "a man came i am he o my",
    "End.\n\nV\nTHE SEA": "end five the sea",
    "lan\u200btern wai\u2060ted s\ufeffo won\u200d't sa\ufffdw": "lantern waited so won't saw",
}


@pytest.mark.parametrize(("written", "spoken"), SPOKEN.items())
def test_reads_as_a_reader_would(written, spoken):
    assert " ".join(spoken_words(written)) == spoken


def test_tokens_stand_on_what_is_written():
    text = "“Mr. Smith—in 1848—paid £2,500,” [3] he said."
    assert [text[token.char_start : token.char_end] for token in tokenize(text)] == [
        "Mr.", "Smith", "in", "1848", "paid", "£2,500", "he", "said",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("written", "also"),
    [
        ("1848", "one thousand eight hundred and forty eight"),
        ("205", "two hundred and five"),
        ("Dr.", "drive"),
        ("St.", "street"),
        ("IV", "the fourth"),
        ("$5.50", "five fifty"),
        ("10%", "ten per cent"),
        ("i.e.", "that is"),
        ("10s. 6d", "ten and six"),
        ("10s", "tens"),
        ("2d", "twopence"),
        ("6d", "six pence"),
        ("1d", "a penny"),
    ],
)
def test_other_readings(written, also):
    assert tuple(also.split()) in readings(written)
    assert len(set(readings(written))) == len(readings(written))


PIECES = st.sampled_from(
    [
        *"abIVXLCDMivxlcdm0123456789 .,:;'’‘“”—–-_*[]()&%$£½/\n\r\t\u0301\u00adéæßΩ世",
        *("Mr.", "No.", "Chapter", "'tis", "1848", "Henry", "\n\n", "St", "th"),
        *("10s. ", "6d", "<i>", "</p>", "&amp;", "&rsquo;", "-\n12\n", "Ｔ", "𝐓", "lb", "`"),
    ]
)
TEXTS = st.one_of(st.lists(PIECES, max_size=60).map("".join), st.text(max_size=80))


@given(TEXTS)
def test_tokens_are_in_order_inside_the_text_and_spoken_in_ascii(text):
    end = 0
    for token in tokenize(text):
        assert end <= token.char_start < token.char_end <= len(text)
        end = token.char_end
        assert token.spoken and all(re.fullmatch("[a-z]+('[a-z]+)*", w) for w in token.spoken)


@given(TEXTS)
def test_the_default_is_one_of_the_readings(text):
    for token in tokenize(text):
        assert token.spoken in readings(text[token.char_start : token.char_end])


@given(TEXTS, TEXTS)
def test_text_appended_after_a_blank_line_changes_no_token(text, appended):
    assume("\f" not in text + appended)  # what stands alone at a form feed may be a running head
    assume(not any(line.strip(" -[]").isdigit() for line in text.splitlines()))  # page numbers
    assume(not re.search(r"(?:[-\u00ad]|^\W*[A-ZÀ-Þ])\s*\Z", text, re.MULTILINE))  # broken words
    before = tokenize(text)
    assert tokenize(text + "\n\n" + appended)[: len(before)] == before


def test_a_broken_word_is_one_token_that_holds_both_halves():
    text = "The lan-\n\n  12\n\fTHE KEEPER\n\n tern of the light-\nhouse and the drawing-\nroom"
    shown = [text[token.char_start : token.char_end] for token in tokenize(text)]
    assert [unbroken(word) for word in shown] == [
        "The", "lantern", "of", "the", "lighthouse", "and", "the", "drawing", "room"
    ]  # fmt: skip
    assert halves(shown[1]) == ("lan", "tern") and shown[4] == "light-\nhouse"
    assert readings("light-\nhouse") == (("lighthouse",), ("light", "house"))


@given(st.lists(st.text("abcdefg", min_size=1), max_size=20))
def test_spoken_words_are_their_own_reading(words):
    assert spoken_words(" ".join(words)) == words
