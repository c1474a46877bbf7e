"""Pronunciations of words that a dictionary lacks, in the 39 phones of CMUdict.

espeak-ng's voice of the language says the word; its phonemes are mapped to the phones that
pocketsphinx's English model knows. For English they are the word's own. For the languages of
SPOKEN_WITH_CMU they are the nearest that English has, which is enough to find a known text in the
sound, and its words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from aubert.text import espeak
from aubert.text.espeak import EspeakUnavailable as PronounceUnavailable
from aubert.text.languages import pack_of

__all__ = ["SPOKEN_WITH_CMU", "PronounceUnavailable", "pronounce"]

# espeak's en-us phonemes (IPA, stress removed) and the few that foreign words bring.
_CMU = {
    "p": "P", "b": "B", "t": "T", "d": "D", "k": "K", "ɡ": "G", "tʃ": "CH", "dʒ": "JH",
    "f": "F", "v": "V", "θ": "TH", "ð": "DH", "s": "S", "z": "Z", "ʃ": "SH", "ʒ": "ZH",
    "h": "HH", "m": "M", "n": "N", "ŋ": "NG", "l": "L", "ɹ": "R", "j": "Y", "w": "W",
    "iː": "IY", "i": "IY", "ɪ": "IH", "ᵻ": "AH", "eɪ": "EY", "ɛ": "EH", "æ": "AE", "a": "AE",
    "ɑː": "AA", "ɑ": "AA", "ɔː": "AO", "ɔ": "AO", "oʊ": "OW", "ʊ": "UH", "uː": "UW", "u": "UW",
    "ʌ": "AH", "ə": "AH", "ɐ": "AH", "ɜː": "ER", "ɚ": "ER", "aɪ": "AY", "aʊ": "AW", "ɔɪ": "OY",
    "əl": "AH L", "n̩": "AH N", "ɑːɹ": "AA R", "ɔːɹ": "AO R", "oːɹ": "AO R", "ʊɹ": "UH R",
    "ɛɹ": "EH R", "ɪɹ": "IH R", "iə": "IY AH", "aɪə": "AY AH", "aɪɚ": "AY ER",
    "ɾ": "T", "ʔ": "T", "x": "K", "r": "R", "ç": "HH", "ɬ": "L", "ɲ": "N Y", "aː": "AA",
    "ɔ̃": "AO N", "ɑ̃": "AA N", "oː": "OW", "eː": "EY", "e": "EY", "o": "OW", "y": "UW",
}  # fmt: skip
_STRESS = "ˈˌ"
# Of other languages what English has not, or what stands for another sound there. Chosen by word
# error rates of the development halves of real readings (benchmarks/languages.py).
SPOKEN_WITH_CMU: dict[str, dict[str, str]] = {
    "de": {
        "ɜ": "AH", "ts": "T S", "yː": "UW", "ʏ": "UH", "ɔø": "OY", "ɛː": "EH", "œ": "AH",
        "ʊɐ": "UH R", "øː": "ER", "ø": "ER", "pf": "P F", "y": "UW", "ɾ": "AH", "x": "HH",
        "a": "AA", "eː": "IY", "r": "HH",
    },
    "fr": {
        "ʁ": "HH", "ɔ̃": "OW N", "ɑ̃": "AO N", "ɛ̃": "AE N", "œ": "AH", "ø": "ER", "œ̃": "AH N",
        "yː": "UW", "øː": "ER",
    },
    "es": {
        "β": "B", "ɣ": "G", "ʎ": "L Y", "ʝ": "Y", "eʊ": "EH W", "oɪ": "OY", "aʊ": "AW", "x": "HH",
    },
}  # fmt: skip


def pronounce(words: Iterable[str], language: str = "en") -> dict[str, str]:
    """The pronunciation of each word: {"ishmael": "IH SH M EY L"}.

    words: lower-case spoken words. language: BCP 47, English or of SPOKEN_WITH_CMU. A word that
    gets no pronunciation is absent. Raises PronounceUnavailable when espeakng-loader is not
    installed.
    """
    pack = pack_of(language)
    phones_of = {**_CMU, **SPOKEN_WITH_CMU.get(pack.base, {})}
    with espeak.session() as engine:
        spoken = {
            word: _cmu_phones(engine.phonemes(word, pack.voice), phones_of)
            for word in sorted(set(words))
        }
    return {word: " ".join(phones) for word, phones in spoken.items() if phones}


def _cmu_phones(phonemes: list[str], phones_of: Mapping[str, str]) -> list[str]:
    """CMU phones, or none when a phoneme has no counterpart."""
    phones: list[str] = []
    for phoneme in phonemes:
        if phoneme.startswith("("):  # espeak changes the language: "(fr)", "(en-us)"
            continue
        # A dash joins an unstressed word to the next one: "de-".
        phoneme = phoneme.strip(_STRESS + "-")
        mapped = phones_of.get(phoneme) or phones_of.get(phoneme.rstrip("ː"))
        if mapped is None:
            return []
        # CMUdict's ER holds the r that espeak writes a second time: "hurry" is HH ER IY.
        if mapped == "R" and phones and phones[-1] == "ER":
            continue
        phones += mapped.split()
    return phones
