"""Whether the recognisers that a config names read the languages of its books: asked before any
job runs, where the languages are known by then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aubert.corpus.languages import named
from aubert.text.languages import pack_of
from aubert.transcribe import pocketsphinx
from aubert.transcribe.ctc import EmissionOptions

_ENGLISH_MODEL = EmissionOptions().model


def check_languages(config: Mapping[str, Any], languages: Mapping[str, str]) -> list[str]:
    """A sentence for each book that will be rejected, its language not being read.

    config: resolved. languages: name of a book, or key of the config -> BCP 47. Raises ValueError,
    a line for each stage, where no book is read.
    """
    faults: dict[str, list[str]] = {}
    for stage in ("transcribe", "words"):
        unread = _reader(config, stage)
        faults[stage] = [
            f"{what} is {named(tag)}, and {why}"
            for what, tag in languages.items()
            if (why := unread(tag)) is not None
        ]
    none_read = [stage for stage, found in faults.items() if len(found) == len(languages) > 0]
    if none_read:
        first = faults[none_read[0]]
        more = f" ({len(first) - 1} more books likewise)" if len(first) > 1 else ""
        raise ValueError(f"config: {none_read[0]}.backend: {first[0]}{more}; docs/languages.md")
    return list(dict.fromkeys(fault for found in faults.values() for fault in found))


def phones_are_known(config: Mapping[str, Any]) -> bool:
    """Whether pocketsphinx tells the phones of the corpus's language, against which units are
    measured."""
    return pocketsphinx.unread(None, "en", config["corpus"]["language"]) is None


def _reader(config: Mapping[str, Any], stage: str) -> Callable[[str], str | None]:
    section = config[stage]
    default = config["corpus"]["language"]
    if section["backend"] == "pocketsphinx":
        model = section["pocketsphinx"]["model"]
        return lambda tag: pocketsphinx.unread(model, default, tag)
    model = section["ctc"]["model"]

    def unread(tag: str) -> str | None:
        if model != _ENGLISH_MODEL or pack_of(tag).base == "en":
            return None
        return (
            f"{stage}.ctc.model {model} reads English: give a CTC checkpoint that reads "
            f"{pack_of(tag).name}, or train one: model: trained"
        )

    return unread
