"""The tokens of a CTC checkpoint, folded to the characters of spoken words.

Checkpoints differ in case, in how they mark the space between words ("|", " ") and in
what else they hold (<s>, <unk>, punctuation). After folding all look alike: one label
for the blank, one for the space, one per digit, apostrophe and small letter of the language.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from aubert.text.language import Language, plain_letters
from aubert.text.languages import ENGLISH

BLANK, SPACE = "", " "
_OTHER = re.compile(r"[0-9']")
_SPECIAL = re.compile(r"[<\[].+[>\]]")  # <pad>, <s>, [UNK]


@dataclass(frozen=True)
class Vocabulary:
    """labels: what the columns of a folded emission stand for, the blank first.
    label_of_token: per token of the checkpoint, the index of its label."""

    labels: tuple[str, ...]
    label_of_token: tuple[int, ...]

    @classmethod
    def from_tokens(
        cls,
        tokens: Mapping[str, int],
        num_tokens: int,
        blank: int,
        delimiter: str | None = None,
        language: Language = ENGLISH,
    ) -> Vocabulary:
        """tokens: token -> its column in the emission, of `num_tokens` columns; blank: the
        blank's column; delimiter: the token between words where it is neither "|" nor " ".

        A letter that the language's pack lacks counts as the one that it is made of (é as e in
        English). Tokens that write no letter (specials, punctuation) count as blank. Raises
        ValueError when the tokens are not letters (word pieces, phones), or none is the
        language's.
        """
        folded = [BLANK] * num_tokens
        for token, column in tokens.items():
            if column < num_tokens and column != blank:
                folded[column] = _fold(token, delimiter, language)
        labels = (BLANK, *sorted(set(folded) - {BLANK}))
        if not any(label.isalpha() for label in labels):
            script = "Latin letter" if "a" in language.letters else "letter"
            raise ValueError(
                f"the checkpoint's vocabulary holds no {script}; choose one that writes "
                f"{language.name}"
            )
        index = {label: position for position, label in enumerate(labels)}
        return cls(labels, tuple(index[label] for label in folded))

    @property
    def letters(self) -> str:
        """Those that it writes."""
        return "".join(label for label in self.labels if label.isalpha())

    def fold(self, log_probs: np.ndarray) -> np.ndarray:
        """[num_frames, num_tokens] -> [num_frames, num_labels]: the log-probability of each
        label, summed over the tokens that count as it."""
        folded = np.full((len(log_probs), len(self.labels)), -np.inf, np.float32)
        for token, label in enumerate(self.label_of_token):
            np.logaddexp(folded[:, label], log_probs[:, token], out=folded[:, label])
        return folded

    def encode(self, words: str) -> list[int]:
        """The labels of the letters; what `spelled` leaves is left out."""
        index = self._index
        return [index[c] for c in self.spelled(words) if c != SPACE and c in index]

    def spelled(self, words: str) -> str:
        """The words with letters that the vocabulary lacks as those that they are made of: "ä" as
        a, "ß" as ss."""
        return "".join(c if c in self._index or c == SPACE else plain_letters(c) for c in words)

    @cached_property
    def _index(self) -> dict[str, int]:
        return {label: position for position, label in enumerate(self.labels)}


def _fold(token: str, delimiter: str | None, language: Language) -> str:
    if token in ("|", " ", "▁", delimiter):
        return SPACE
    plain = unicodedata.normalize("NFC", token.replace("’", "'").lower())
    if _OTHER.fullmatch(plain):
        return plain
    plain = language.fold(plain) if len(plain) == 1 and plain.isalpha() else ""
    if len(plain) == 1:
        return plain
    if len(token) > 1 and not _SPECIAL.fullmatch(token):
        raise ValueError(
            f"the checkpoint has tokens of several letters ({token!r}); choose one whose "
            f"vocabulary holds single letters"
        )
    return BLANK
