"""Names of languages: BCP 47 tags, and what tags of audio files and jsons say instead."""

from __future__ import annotations

import re

TAG = r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*"

# ISO 639-2's codes, which ID3 has, and names of the languages that most audiobooks are in.
_NAMES = {
    "ar": "ara arabic", "ca": "cat catalan català", "cs": "ces cze czech", "da": "dan danish",
    "de": "deu ger german deutsch", "el": "ell gre greek", "en": "eng english",
    "eo": "epo esperanto", "es": "spa spanish español castellano", "fi": "fin finnish",
    "fr": "fra fre french français", "he": "heb hebrew", "hu": "hun hungarian",
    "it": "ita italian italiano", "ja": "jpn japanese", "ko": "kor korean", "la": "lat latin",
    "nl": "nld dut dutch nederlands", "no": "nor norwegian", "pl": "pol polish polski",
    "pt": "por portuguese português", "ro": "ron rum romanian", "ru": "rus russian русский",
    "sv": "swe swedish", "tr": "tur turkish", "uk": "ukr ukrainian", "zh": "zho chi chinese",
}  # fmt: skip
_CODES = {name: short for short, names in _NAMES.items() for name in names.split()}


def bcp47(language: str | None) -> str | None:
    """A language as BCP 47 has it, two letters where ISO 639 has them: of "eng", "English" or
    "en_GB"; None where the text is no language code and no common name of one."""
    if language is None:
        return None
    code, _, rest = language.strip().replace("_", "-").partition("-")
    short = _CODES.get(code.casefold())
    if short is None and not re.fullmatch(r"[a-zA-Z]{2,3}", code):
        return None
    found = "-".join(filter(None, (short or code.lower(), rest)))
    if found in ("und", "mul", "zxx") or not re.fullmatch(TAG, found):
        return None
    return found


def english_name(tag: str) -> str:
    """ "German" of "de" or "de-AT"; the tag itself where its name is not known here."""
    names = _NAMES.get(tag.partition("-")[0].lower())
    if names is None:
        return tag
    return next(name for name in names.split() if len(name) > 3).capitalize()
