"""The tokens of a CTC checkpoint, folded to the characters of spoken words.

Checkpoints differ in case, in how they mark the space between words ("|", " ") and in
what else they hold (<s>, <unk>, punctuation). After folding all look alike: one label
for the blank, one for the space, one per lower-case letter, digit and apostrophe.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

BLANK, SPACE = "", " "
_LETTER = re.compile(r"[a-z0-9']")
_SPECIAL = re.compile(r"[<\[].+[>\]]")  # <pad>, <s>, [UNK]


@dataclass(frozen=True)
class Vocabulary:
    """labels: what the columns of a folded emission stand for, the blank first.
    label_of_token: per token of the checkpoint, the index of its label."""

    labels: tuple[str, ...]
    label_of_token: tuple[int, ...]

    @classmethod
    def from_tokens(
        cls, tokens: Mapping[str, int], num_tokens: int, blank: int, delimiter: str | None = None
    ) -> Vocabulary:
        """tokens: token -> its column in the emission, of `num_tokens` columns; blank: the
        blank's column; delimiter: the token between words where it is neither "|" nor " ".

        Tokens that write no letter (specials, punctuation) count as blank. Raises
        ValueError when the tokens are not letters (word pieces, phones).
        """
        folded = [BLANK] * num_tokens
        for token, column in tokens.items():
            if column < num_tokens and column != blank:
                folded[column] = _fold(token, delimiter)
        labels = (BLANK, *sorted(set(folded) - {BLANK}))
        if not any(label.isalpha() for label in labels):
            raise ValueError(
                "the checkpoint's vocabulary holds no Latin letter; choose one that writes English"
            )
        index = {label: position for position, label in enumerate(labels)}
        return cls(labels, tuple(index[label] for label in folded))

    def fold(self, log_probs: np.ndarray) -> np.ndarray:
        """[num_frames, num_tokens] -> [num_frames, num_labels]: the log-probability of each
        label, summed over the tokens that count as it."""
        folded = np.full((len(log_probs), len(self.labels)), -np.inf, np.float32)
        for token, label in enumerate(self.label_of_token):
            np.logaddexp(folded[:, label], log_probs[:, token], out=folded[:, label])
        return folded

    def encode(self, words: str) -> list[int]:
        """The labels of the letters; characters that the vocabulary lacks are left out."""
        return [self.labels.index(c) for c in words if c != SPACE and c in self.labels]


def _fold(token: str, delimiter: str | None) -> str:
    if token in ("|", " ", "▁", delimiter):
        return SPACE
    plain = unicodedata.normalize("NFKD", token.replace("’", "'").lower())
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    if _LETTER.fullmatch(plain):
        return plain
    if len(token) > 1 and not _SPECIAL.fullmatch(token):
        raise ValueError(
            f"the checkpoint has tokens of several letters ({token!r}); choose one whose "
            f"vocabulary holds single letters"
        )
    return BLANK
