"""Spanish."""

from __future__ import annotations

from collections.abc import Iterator
from string import ascii_lowercase

from aubert.text.language import Language, Reading
from aubert.text.numbers import Numbers, Sign, distinct, in_words


class SpanishNumbers(Numbers):
    """ "el 1.º de mayo de 1848 a las 17:30"; "Felipe II", "Alfonso XIII"."""

    language = "es"
    digits = ("cero", "uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve")
    comma, over = "coma", "partido"
    units = (Sign("%", "por ciento", "por ciento"), Sign("°", "grado", "grados"))
    money = (
        Sign("€", "euro", "euros", "céntimo", "céntimos"),
        Sign("$", "dólar", "dólares", "centavo", "centavos"),
        Sign("£", "libra", "libras", "penique", "peniques"),
    )
    ordinal = ((r"\.?(?:[ºª]|er|er[oa]|d[oa]|t[oa])", r"(?!\w)"),)

    def cardinals(self, value: int) -> list[Reading]:
        spoken = in_words(value, self.language)
        ways = [spoken]
        if spoken[-1].endswith("uno"):
            short = "veintiún" if spoken[-1] == "veintiuno" else "un"
            ways += [(*spoken[:-1], short), (*spoken[:-1], spoken[-1][:-1] + "a")]
        feminine = tuple(w[:-2] + "as" if w.endswith("cientos") else w for w in spoken)
        return distinct([*ways, feminine])

    def ordinals(self, value: int, written: str = "") -> list[Reading]:
        spoken = in_words(value, self.language, "ordinal")
        feminine = tuple(word[:-1] + "a" if word.endswith("o") else word for word in spoken)
        ways = [spoken, feminine]
        if written.strip(".") in ("ª", "a", "era", "da", "ta"):
            ways = ways[::-1]
        if spoken[-1] in ("primero", "tercero"):
            short = (*spoken[:-1], spoken[-1][:-1])
            ways.insert(0 if written.strip(".") == "er" else 2, short)
        return distinct(ways)

    def before_name(self, value: int) -> list[Reading]:
        found = self.cardinals(value)
        return found[1:] if found[0][-1].endswith("uno") else found

    def time(self, hours: int, minutes: int) -> list[Reading]:
        hour = ("una",) if hours == 1 else in_words(hours, self.language)
        if not minutes:
            return [hour, (*hour, "en", "punto")]
        later = in_words(minutes, self.language)
        spoken = {15: "cuarto", 30: "media"}.get(minutes)
        ways = [(*hour, *later), (*hour, "y", *later)]
        return [*ways, *([(*hour, "y", spoken)] if spoken else [])]

    def part(self, above: int, below: int) -> list[Reading]:
        names = {2: "medio", 3: "tercio"}
        if below > 10 and below not in names:
            return []
        name = names.get(below) or in_words(below, self.language, "ordinal")[0]
        one = ("un",) if above == 1 else in_words(above, self.language)
        ways = [(*one, name if above == 1 else name + "s")]
        return (
            [*ways, ("medio",), ("media",), ("una", "media")] if (above, below) == (1, 2) else ways
        )

    def mixed(self, whole: str, above: int, below: int) -> list[Reading]:
        parts = [("medio",), ("media",)] if below == 2 else self.part(above, below)
        return [(*self.whole(whole)[0], "y", *part) for part in parts]

    def regnal(self, value: int) -> Reading:
        to = "ordinal" if value <= 10 else "cardinal"
        return in_words(value, self.language, to)


def _chapters(count: int) -> Iterator[str]:
    numbers = SpanishNumbers()
    for number in range(1, count + 1):
        cardinal = " ".join(numbers.cardinals(number)[0])
        masculine, feminine, *_ = (" ".join(each) for each in numbers.ordinals(number))
        for heading, of in (("capítulo", "del capítulo"), ("libro", "del libro"),
                            ("canto", "del canto"), ("acto", "del acto")):  # fmt: skip
            for spoken in dict.fromkeys((cardinal, masculine)):
                yield f"{heading} {spoken}"
                yield f"fin {of} {spoken}"
        yield f"sección {cardinal}"
        yield f"fin de la sección {cardinal}"
        yield f"{feminine} parte"
        yield f"fin de la {feminine} parte"


PACK = Language(
    tag="es",
    name="Spanish",
    letters=ascii_lowercase + "áéíñóúü",
    borrowed="àâäãåæçèêëîïôöœùûß",
    numbers=SpanishNumbers(),
    digit_rule="a quantity (mil ochocientos ...); digit by digit where it begins with 0",
    ampersand="y",
    et_cetera=(("etcétera",),),
    abbreviations={
        "art": ("artículo",), "av": ("avenida",), "avda": ("avenida",), "cap": ("capítulo",),
        "cía": ("compañía",), "d": ("don",), "dña": ("doña",),
        "dr": ("doctor",), "dra": ("doctora",), "etc": ("etcétera",), "exc": ("excelencia",),
        "excmo": ("excelentísimo",), "fr": ("fray",), "gral": ("general",),
        "ilmo": ("ilustrísimo",), "lic": ("licenciado",), "núm": ("número",), "pág": ("página",),
        "págs": ("páginas",), "prof": ("profesor",), "pta": ("peseta",), "ptas": ("pesetas",),
        "rvdo": ("reverendo",), "s": ("san",), "sr": ("señor",), "sra": ("señora",),
        "sres": ("señores",), "srta": ("señorita",), "sta": ("santa",), "sto": ("santo",),
        "tte": ("teniente",), "ud": ("usted",), "uds": ("ustedes",), "vd": ("usted",),
        "vds": ("ustedes",), "vol": ("volumen",),
    },
    without_point=frozenset({"Sr", "Sra", "Dr", "Dra", "Srta", "Sres", "Ud", "Uds", "Vd", "Vds"}),
    phrases={
        "a. C.": ("antes de cristo",), "a. de C.": ("antes de cristo",),
        "d. C.": ("después de cristo",), "D.ª": ("doña",), "Dª": ("doña",),
        "EE. UU.": ("estados unidos",), "M.ª": ("maría",), "Mª": ("maría",),
        "n.º": ("número",), "N.º": ("número",), "nº": ("número",), "Nº": ("número",),
        "p. ej.": ("por ejemplo",), "P. D.": ("posdata",), "S. M.": ("su majestad",),
        "V. E.": ("vuecencia",), "V. M.": ("vuestra majestad",), "§": ("párrafo",),
    },
    headings=frozenset(
        "acto artículo canto capítulo cap carta cuadro escena jornada lámina libro número página "
        "parte salmo sección siglo soneto tomo volumen".split()
    ),
    heading=(
        r"(?:capítulo|capitulo|libro|parte|sección|carta|canto|acto|escena|jornada|tomo)\s+"
        r"(?:[0-9ivxlc]+\b|[a-záéíóúñü]+\b)"
        r"|(?:primer[oa]?|segund[oa]|tercer[oa]?|cuart[oa]|quint[oa]|sext[oa]|séptim[oa]"
        r"|octav[oa]|noven[oa]|décim[oa])\s+"
        r"(?:capítulo|libro|parte|sección|carta|canto|acto|escena|jornada|tomo)\b"
        r"|(?:prefacio|introducción|prólogo|al lector)\b"
    ),
    not_numerals=frozenset("mil mi di vi vil mix lid dil mid ilícito civil".split()),
    announcements=(
        "esta es una grabación de librivox",
        "todas las grabaciones de librivox están en el dominio público",
        "para más información o para ser voluntario por favor visite librivox punto org",
        "leído por",
        "grabado por",
        "leído para librivox punto org por",
        "fin",
    ),
    chapters=_chapters,
    lone_letters=frozenset("aeouy"),
    common=frozenset(
        "de la que el y en a los se no un las por con su una del lo para al como más había le "
        "pero era sus me ya".split()
    ),
    voice="es",
)  # fmt: skip
