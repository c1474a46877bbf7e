"""Utterances that a training does not learn from, so that its weights can be compared."""

from __future__ import annotations

import hashlib


def is_held_out(utterance_id: str, share: float) -> bool:
    """Whether an utterance is for validation: by hash, so that more data moves none."""
    digest = hashlib.blake2b(utterance_id.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") < share * 2**64


def check_held_out(share: float, num_held_out: int, num_others: int) -> None:
    """Raises ValueError where validation is asked for, and nothing is there to validate with."""
    if share and not num_held_out:
        raise ValueError(
            f"validation_share {share:g} of {num_others} utterances is none; raise it, or set it "
            f"to 0 to take the last weights"
        )
