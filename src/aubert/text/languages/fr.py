"""French."""

from __future__ import annotations

import re
from collections.abc import Iterator
from string import ascii_lowercase

from aubert.text.language import Language, Reading
from aubert.text.numbers import Numbers, Sign, distinct, in_words, roman_value


class FrenchNumbers(Numbers):
    """ "le 1er mai 1848 à 17 h 30"; "au XIXe siècle"."""

    language = "fr"
    digits = ("zéro", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf")
    comma, over = "virgule", "sur"
    units = (Sign("%", "pour cent", "pour cent"), Sign("°", "degré", "degrés"))
    money = (
        Sign("€", "euro", "euros", "centime", "centimes"),
        Sign("$", "dollar", "dollars", "cent", "cents"),
        Sign("£", "livre", "livres", "penny", "pence"),
    )
    ordinal = (("ers?|res?|ères?|es?|è|[eè]mes?|ndes?|nds?|d", r"\b"),)
    clock = (
        (r"[0-9]{1,2}[ \u00a0\u202f]?h(?:[ \u00a0\u202f]?[0-9]{2})?", r"\b"),
        ("[0-9]{1,2}:[0-9]{2}", "(?![0-9])"),
    )
    words = (("[IVXL]+(?:er|re|ère|[eè]me|e)", r"\b"),)

    def cardinals(self, value: int) -> list[Reading]:
        spoken = in_words(value, self.language)
        return [spoken, (*spoken[:-1], "une")] if spoken[-1] == "un" else [spoken]

    def ordinals(self, value: int, written: str = "") -> list[Reading]:
        spoken = in_words(value, self.language, "ordinal")
        if value == 1:
            ways = [("premier",), ("première",)]
            return ways[::-1] if written.startswith(("r", "è")) else ways
        if value == 2:
            second = [("second",), ("seconde",)]
            return [*second, spoken] if written in ("nd", "nde", "d") else [spoken, *second]
        return [spoken]

    def years(self, value: int) -> list[Reading]:
        spoken = self.cardinals(value)
        if 1100 <= value < 2000:
            hundreds, rest = divmod(value, 100)
            later = in_words(rest, self.language) if rest else ()
            spoken += [
                ("mil", *spoken[0][1:]),
                (*in_words(hundreds, self.language), "cents" if not rest else "cent", *later),
            ]
        return spoken

    def time(self, hours: int, minutes: int) -> list[Reading]:
        hour = ("une", "heure") if hours == 1 else (*in_words(hours, self.language), "heures")
        later = in_words(minutes, self.language) if minutes else ()
        spoken = {15: ("et", "quart"), 30: ("et", "demie")}.get(minutes)
        return [(*hour, *later), *([(*hour, *spoken)] if spoken else [])]

    def part(self, above: int, below: int) -> list[Reading]:
        one = in_words(above, self.language)
        names = {2: "demi", 3: "tiers", 4: "quart"}
        name = (names[below],) if below in names else in_words(below, self.language, "ordinal")
        if above > 1 and below != 3:
            name = (*name[:-1], name[-1] + "s")
        ways = [(*one, *name)]
        return (
            [*ways, ("une", "demie"), ("demi",), ("demie",)] if (above, below) == (1, 2) else ways
        )

    def mixed(self, whole: str, above: int, below: int) -> list[Reading]:
        parts = [("demi",), ("demie",)] if below == 2 else self.part(above, below)
        return [(*self.whole(whole)[0], "et", *part) for part in parts]

    def regnal(self, value: int) -> Reading:
        return ("premier",) if value == 1 else in_words(value, self.language)

    def roman(self, value: int) -> list[Reading]:
        # "Chapitre I" is the first.
        ways = [*self.cardinals(value), *self.ordinals(value)]
        return distinct([("premier",), *ways] if value == 1 else ways)

    def irregular(self, written: str) -> list[Reading]:
        numeral = re.match(r"[IVXL]+", written)[0]
        return self.ordinals(roman_value(numeral), written[len(numeral) :])


def _chapters(count: int) -> Iterator[str]:
    numbers = FrenchNumbers()
    for number in range(1, count + 1):
        cardinal, ordinal = numbers.cardinals(number)[0], numbers.ordinals(number)[0]
        spoken = " ".join(ordinal if number == 1 else cardinal)
        for heading, of in (("chapitre", "du chapitre"), ("livre", "du livre"),
                            ("section", "de la section"), ("scène", "de la scène"),
                            ("acte", "de l'acte")):  # fmt: skip
            yield f"{heading} {spoken}"
            yield f"fin {of} {spoken}"
        first = "première" if number == 1 else " ".join(ordinal)
        yield f"{first} partie"
        yield f"fin de la {first} partie"


PACK = Language(
    tag="fr",
    name="French",
    letters=ascii_lowercase + "àâæçèéêëîïôœùûüÿ",
    borrowed="áäãåíñóöúßø",
    numbers=FrenchNumbers(),
    digit_rule="a quantity (mille huit cent ...); digit by digit where it begins with 0",
    ampersand="et",
    et_cetera=(("et", "cetera"), ("et", "caetera")),
    abbreviations={
        "av": ("avenue", "avant"), "bd": ("boulevard",), "cf": ("confer",),
        "ch": ("chapitre",), "chap": ("chapitre",), "dr": ("docteur",),
        "ed": ("édition",), "éd": ("édition",), "etc": ("et cetera",), "ex": ("exemple",),
        "fg": ("faubourg",), "fig": ("figure",), "hab": ("habitants",),
        "m": ("monsieur",), "mm": ("messieurs",), "mgr": ("monseigneur",),
        "mlle": ("mademoiselle",), "mlles": ("mesdemoiselles",), "mme": ("madame",),
        "mmes": ("mesdames",), "mr": ("monsieur",), "p": ("page",), "pp": ("pages",),
        "prof": ("professeur",), "st": ("saint",),
        "ste": ("sainte",), "t": ("tome",), "tom": ("tome",), "vol": ("volume",),
        "ms": ("manuscrit",), "env": ("environ",), "apr": ("après",),
    },
    without_point=frozenset(
        {"Mme", "Mlle", "Mmes", "Mlles", "Mgr", "Dr", "St", "Ste", "MM", "etc"}
    ),
    before_number={"no": "numéro"},
    phrases={
        "av. J.-C.": ("avant jésus christ",), "apr. J.-C.": ("après jésus christ",),
        "c.-à-d.": ("c'est à dire",), "c. à d.": ("c'est à dire",), "J.-C.": ("jésus christ",),
        "N. B.": ("nota bene",), "N.-D.": ("notre dame",), "n°": ("numéro",), "N°": ("numéro",),
        "p. ex.": ("par exemple",), "P.-S.": ("post scriptum",), "s. v. p.": ("s'il vous plaît",),
        "S. M.": ("sa majesté",), "§": ("paragraphe",),
    },
    headings=frozenset(
        "acte article chant chapitre chap figure lettre livre numéro page partie planche psaume "
        "scène section siècle sonnet stance tableau tome volume".split()
    ),
    heading=(
        r"(?:chapitre|livre|partie|section|lettre|chant|acte|scène|tome|sonnet)\s+"
        r"(?:[0-9ivxlc]+(?:er)?\b|[a-zàâçèéêëîïôùûü]+\b)"
        r"|(?:premi[eè]re?|seconde?|[a-zà-ÿ-]+ième|[0-9ivxlc]+(?:e|er|re|ème))\s+"
        r"(?:chapitre|livre|partie|section|lettre|chant|acte|scène|tome)\b"
        r"|(?:préface|introduction|prologue|avant-propos|avertissement|au lecteur)\b"
    ),
    not_numerals=frozenset("dix mil mi vil mix di ci li dil lil vi mid cil".split()),
    announcements=(
        "ceci est un enregistrement librivox",
        "tous les enregistrements librivox sont dans le domaine public",
        "tous nos enregistrements appartiennent au domaine public",
        "pour vous renseigner ou participer rendez vous sur librivox point org",
        "lu par",
        "lu pour librivox par",
        "enregistré par",
        "enregistré pour librivox point org par",
        "fin",
    ),
    chapters=_chapters,
    lone_letters=frozenset("aàyô"),
    compounds=frozenset(
        "il ils elle elles on je nous vous là même mêmes être moi toi lui".split()
    ),
    common=frozenset(
        "de la et le les des à un une en du qui que il dans ne pas pour elle ce est sur au se "
        "avec par plus son était".split()
    ),
    voice="fr",
)  # fmt: skip
