"""English."""

from __future__ import annotations

from collections.abc import Iterator
from string import ascii_lowercase

from aubert.text.language import Language
from aubert.text.languages.en_numbers import EnglishNumbers

_ANNOUNCED = ("chapter", "section", "part", "book", "letter", "act", "scene", "story", "poem")


def _chapters(count: int) -> Iterator[str]:
    for heading in _ANNOUNCED:
        for number in range(1, count + 1):
            numbered = " ".join([heading, *_NUMBERS.readings(str(number))[0]])
            yield numbered
            yield f"end of {numbered}"


_NUMBERS = EnglishNumbers()

PACK = Language(
    tag="en",
    name="English",
    letters=ascii_lowercase,
    borrowed="àáâäçèéêëíîïñóôöúùûüæœ",
    numbers=_NUMBERS,
    digit_rule="a quantity, or a year where it may be one; digit by digit where it begins with 0",
    ampersand="and",
    et_cetera=(("et", "cetera"), ("and", "so", "on")),
    abbreviations={
        "adm": ("admiral",), "ave": ("avenue",), "bros": ("brothers",), "capt": ("captain",),
        "cf": ("compare",), "ch": ("chapter",), "chap": ("chapter",), "co": ("company", "county"),
        "col": ("colonel",), "dept": ("department",), "dr": ("doctor", "drive"),
        "esq": ("esquire",), "etc": ("et cetera",), "gen": ("general",), "gov": ("governor",),
        "hon": ("honorable",), "inc": ("incorporated",), "jr": ("junior",),
        "lieut": ("lieutenant",), "lt": ("lieutenant",), "ltd": ("limited",), "maj": ("major",),
        "messrs": ("messieurs",), "mlle": ("mademoiselle",), "mme": ("madame",),
        "mr": ("mister",), "mrs": ("missus",), "mt": ("mount",), "pp": ("pages",),
        "prof": ("professor",), "rev": ("reverend",), "sergt": ("sergeant",),
        "sgt": ("sergeant",), "sr": ("senior",), "st": ("saint", "street"),
        "supt": ("superintendent",), "viz": ("namely", "viz"), "vol": ("volume",),
        "vols": ("volumes",), "vs": ("versus",),
        # Units, most of them behind a number.
        "cwt": ("hundredweight",), "ft": ("feet", "foot"), "hrs": ("hours",),
        "lb": ("pounds", "pound"), "lbs": ("pounds",), "oz": ("ounces", "ounce"),
        "yds": ("yards",),
    },
    # British printing leaves the point out where the last letter is kept; units have none today.
    without_point=frozenset(
        "Mr Mrs Dr St Mme Mlle Messrs Jr lb lbs oz ft yds cwt hrs".split()
    ),
    before_number={"no": "number"},
    initials={"i.e.": ("that is",), "e.g.": ("for example",), "viz.": ("namely",)},
    elisions=frozenset(
        "tis twas twere twill twould tisn't twasn't em til till bout cause gainst neath "
        "mongst".split()
    ),
    headings=frozenset(
        "act appendix article book canto chap chapter division lecture letter number page part "
        "plate psalm scene section sonnet stave table vol volume".split()
    ),
    heading=(
        r"(?:chapter|part|book|section|letter|canto|stave|act|sonnet)\s+"
        r"(?:[0-9ivxlc]+\b|[a-z]+\b)|(?:preface|introduction|prologue|foreword)\b"
    ),
    not_numerals=frozenset({"mix"}),
    regnal_letters="V",
    announcements=(
        "this is a librivox recording",
        "all librivox recordings are in the public domain",
        "for more information or to volunteer please visit librivox dot org",
        "read by",
        "recording by",
        "read for librivox dot org by",
        "the end",
    ),
    chapters=_chapters,
    lone_letters=frozenset("ao"),
    common=frozenset(
        "the of and to a in that he was it his i with as had for you her not but she at on be "
        "is him they which said".split()
    ),
    voice="en-us",
)  # fmt: skip
