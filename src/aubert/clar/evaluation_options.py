"""How encoders of clips are compared. Light: no torch here."""

from __future__ import annotations

from dataclasses import dataclass

SUPERVISED = "supervised"  # the arm that others are compared with


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """How frozen features are read.

    draws: of the labels, for each fold and budget below 100%
    regularisation: C of the logistic regression, over standardised features
    """

    draws: int = 3
    regularisation: float = 0.1

    def __post_init__(self) -> None:
        if self.draws < 1:
            raise ValueError(f"draws is {self.draws}; it must be at least 1")
        if self.regularisation <= 0:
            raise ValueError(f"regularisation is {self.regularisation:g}; it must be above 0")
