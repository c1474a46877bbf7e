"""German."""

from __future__ import annotations

from collections.abc import Iterator
from string import ascii_lowercase

from aubert.text.language import Language, Reading
from aubert.text.numbers import Numbers, Sign, distinct, in_words, roman_value

_MONTHS = (
    "Januar|Jänner|Februar|Feber|März|April|Mai|Juni|Juli|August|September|Oktober|November"
    "|Dezember"
)
_COUNTED = (
    "Kapitel|Teil|Buch|Band|Abschnitt|Akt|Aufzug|Auftritt|Szene|Gesang|Brief|Strophe|Jahrhundert"
    "|Jahrhunderts|Jahrtausend|Stock|Klasse|Tag|Tage|Auflage"
)


class GermanNumbers(Numbers):
    """ "am 3. Mai 1848 um 17.30 Uhr": the point makes an ordinal where a small letter, a month or
    what is counted follows."""

    language = "de"
    thousands = ". \u00a0\u202f’'"
    digits = ("null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun")
    comma, by_digit, over = "komma", True, "durch"
    units = (Sign("%", "prozent", "prozent"), Sign("°", "grad", "grad"))
    money = (
        Sign("€", "euro", "euro", "cent", "cent"),
        Sign("$", "dollar", "dollar", "cent", "cent"),
        Sign("£", "pfund", "pfund", "penny", "pence"),
    )
    ordinal = (
        (r"\.", rf"(?=[ \u00a0\u202f]?(?:[a-zäöü]|(?:{_MONTHS}|{_COUNTED})\b))"),
        ("ten|te[rnms]?", r"\b"),
    )
    clock = (
        (r"[0-9]{1,2}[.:][0-9]{2}[ \u00a0\u202f]Uhr", r"\b"),
        ("[0-9]{1,2}:[0-9]{2}", "(?![0-9])"),
    )
    words = ((r"[IVXL]+\.", rf"(?=[ \u00a0\u202f](?:{_COUNTED})\b)"),)

    def cardinals(self, value: int) -> list[Reading]:
        spoken = in_words(value, self.language)
        ways = [spoken]
        if spoken[-1] == "eins":
            ways += [(*spoken[:-1], each) for each in ("ein", "eine", "einen", "einem", "einer")]
        ways += [(word.removeprefix("ein"), *rest) for word, *rest in [spoken]
                 if word.startswith(("einhundert", "eintausend"))]  # fmt: skip
        return distinct(ways)

    def ordinals(self, value: int, written: str = "") -> list[Reading]:
        *first, last = in_words(value, self.language, "ordinal")
        ends = {"ter": "r", "tes": "s", "ten": "n", "tem": "m", "te": ""}
        known = [ends[written]] if written in ends else []
        return distinct([(*first, last + end) for end in (*known, "n", "", "r", "s", "m")])

    def years(self, value: int) -> list[Reading]:
        return [in_words(value, self.language, "year")] if 1100 <= value < 2000 else []

    def before_name(self, value: int) -> list[Reading]:
        found = self.cardinals(value)
        return found[1:] if value == 1 else found

    def time(self, hours: int, minutes: int) -> list[Reading]:
        hour = "ein" if hours == 1 else in_words(hours, self.language)[0]
        if not minutes:
            return [(hour, "uhr"), (hour,)]
        later = in_words(minutes, self.language)
        return [(hour, "uhr", *later), (hour, *later)]

    def part(self, above: int, below: int) -> list[Reading]:
        one = "ein" if above == 1 else in_words(above, self.language)[0]
        if below == 2:
            return [(one, "halb"), ("halb",), (one, "halbe"), ("eine", "halbe")]
        name = in_words(below, self.language, "ordinal")[0].removesuffix("te") + "tel"
        return [(one, name), (one + name,)]

    def mixed(self, whole: str, above: int, below: int) -> list[Reading]:
        number = self.whole(whole)[0]
        if below == 2:
            return (
                [("anderthalb",), ("eineinhalb",)]
                if whole == "1"
                else [(*number[:-1], number[-1] + "einhalb")]
            )
        return [
            (*number, *joint, *part) for joint in ((), ("und",)) for part in self.part(above, below)
        ]

    def roman(self, value: int) -> list[Reading]:
        ordinals = self.ordinals(value)
        return distinct([*self.cardinals(value), *(("der", *each) for each in ordinals), *ordinals])

    def regnal(self, value: int) -> Reading:
        return ("der", *in_words(value, self.language, "ordinal"))

    def irregular(self, written: str) -> list[Reading]:
        return self.ordinals(roman_value(written.rstrip(".")))


def _chapters(count: int) -> Iterator[str]:
    numbers = GermanNumbers()
    for number in range(1, count + 1):
        cardinal = " ".join(numbers.cardinals(number)[0])
        (stem,) = in_words(number, "de", "ordinal")
        for heading in ("kapitel", "abschnitt", "teil", "buch"):
            yield f"{heading} {cardinal}"
            yield f"ende von {heading} {cardinal}"
        for heading, genitive, neuter in (("kapitel", "kapitels", True), ("teil", "teils", False),
                                          ("buch", "buches", True)):  # fmt: skip
            yield f"{stem}{'s' if neuter else 'r'} {heading}"
            yield f"ende des {stem}n {genitive}"


PACK = Language(
    tag="de",
    name="German",
    letters=ascii_lowercase + "äöüß",
    borrowed="àáâçèéêëíîïñóôúûæœø",
    numbers=GermanNumbers(),
    digit_rule="a quantity, or a year where it may be one (achtzehnhundert...); digit by digit "
    "where it begins with 0",
    ampersand="und",
    et_cetera=(("et", "cetera"), ("und", "so", "weiter")),
    abbreviations={
        "abb": ("abbildung",), "abs": ("absatz",), "bd": ("band",), "bzw": ("beziehungsweise",),
        "ca": ("circa",), "dr": ("doktor",), "etc": ("et cetera",), "ev": ("evangelisch",),
        "frl": ("fräulein",), "geb": ("geboren", "geborene"), "gest": ("gestorben",),
        "ggf": ("gegebenenfalls",), "hl": ("heiliger", "heilige", "heiligen"),
        "hr": ("herr", "herrn"), "hrn": ("herrn",), "hrsg": ("herausgeber", "herausgegeben"),
        "jh": ("jahrhundert",), "jhdt": ("jahrhundert",), "mio": ("millionen",),
        "mrd": ("milliarden",), "nr": ("nummer",), "od": ("oder",),
        "pf": ("pfennig",), "pfd": ("pfund",), "prof": ("professor",), "st": ("sankt",),
        "std": ("stunde", "stunden"),
        "str": ("straße",), "tel": ("telefon",), "tlr": ("taler",), "usf": ("und so fort",),
        "usw": ("und so weiter",), "vgl": ("vergleiche",), "verf": ("verfasser",),
    },
    before_number={"kap": "kapitel"},
    without_point=frozenset({"Dr", "St", "usw", "bzw", "etc", "ca"}),
    phrases={
        "a. a. O.": ("am angegebenen ort",), "d. h.": ("das heißt",), "d. i.": ("das ist",),
        "d. J.": ("dieses jahres",), "i. e.": ("id est",), "n. Chr.": ("nach christus",),
        "o. ä.": ("oder ähnliches",), "s. o.": ("siehe oben",), "s. u.": ("siehe unten",),
        "u. a.": ("unter anderem", "und andere"), "u. dgl.": ("und dergleichen",),
        "u. s. f.": ("und so fort",), "u. s. w.": ("und so weiter",),
        "v. Chr.": ("vor christus",), "z. B.": ("zum beispiel",), "z. T.": ("zum teil",),
        "z. Zt.": ("zur zeit",), "§": ("paragraph",),
    },
    elisions=frozenset(
        "s n ne nen nem ner nes m rauf raus rein ran rum rüber runter mal".split()
    ),
    headings=frozenset(
        "abschnitt akt anhang artikel auftritt aufzug band brief buch gesang heft kapitel lied "
        "nummer seite szene tafel teil theil vers".split()
    ),
    heading=(
        r"(?:kapitel|capitel|teil|theil|buch|abschnitt|brief|gesang|akt|aufzug|szene)\s+"
        r"(?:[0-9ivxlc]+\b|[a-zäöüß]+\b)"
        r"|(?:[0-9]{1,3}\.|[ivxlc]+\.|[a-zäöüß]+(?:te[rs]?|ste[rs]?))\s+"
        r"(?:kapitel|capitel|teil|theil|buch|abschnitt|brief|gesang|akt|aufzug|szene)\b"
        r"|(?:vorwort|einleitung|prolog|vorrede|vorspiel)\b"
    ),
    not_numerals=frozenset({"mil", "mi", "di", "vi", "li", "mix"}),
    announcements=(
        "dies ist eine librivox aufnahme",
        "alle librivox aufnahmen sind lizenzfrei und in öffentlichem besitz",
        "weitere informationen und hinweise zur beteiligung an diesem projekt gibt es bei "
        "librivox punkt org",
        "gelesen von",
        "aufgenommen von",
        "gelesen für librivox punkt org von",
        "ende",
    ),
    chapters=_chapters,
    lone_letters=frozenset("o"),
    compounds=frozenset({"und", "oder", "bis", "bzw", "wie", "noch"}),
    common=frozenset(
        "der die und das nicht ich sie er in es den zu ein mit dem sich ist war von auf auch so "
        "eine des als wie aber im noch nur".split()
    ),
    voice="de",
)  # fmt: skip
