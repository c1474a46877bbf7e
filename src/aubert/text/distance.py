"""Levenshtein distances of two texts, relative to the longer one."""

from __future__ import annotations

import Levenshtein


def relative_distance(first: str, second: str) -> float:
    """Levenshtein distance in characters / length of the longer text: 0 to 1.

    Two empty texts have distance 0.
    """
    longer = max(len(first), len(second))
    return Levenshtein.distance(first, second) / longer if longer else 0.0


def text_similarity(first: str, second: str) -> float:
    """1 - relative_distance: 1 for equal texts, 0 for texts that share no character in order."""
    return 1.0 - relative_distance(first, second)
