"""Word and character error rate."""

from __future__ import annotations

from collections.abc import Sequence

import Levenshtein


def word_errors(reference: Sequence[str], hypothesis: Sequence[str]) -> int:
    """Substitutions + deletions + insertions of the best alignment of the two word lists."""
    return Levenshtein.distance(reference, hypothesis)


def character_errors(reference: Sequence[str], hypothesis: Sequence[str]) -> int:
    """The same of the characters of two word lists, spaces counted."""
    return Levenshtein.distance(" ".join(reference), " ".join(hypothesis))


def aligned_pairs(reference: Sequence[str], hypothesis: Sequence[str]) -> list[tuple[int, int]]:
    """(reference index, hypothesis index) of the words that stand opposite each other."""
    pairs = []
    for tag, ref, ref_end, hyp, hyp_end in Levenshtein.opcodes(reference, hypothesis):
        if tag in ("equal", "replace"):
            pairs += list(zip(range(ref, ref_end), range(hyp, hyp_end), strict=True))
    return pairs
