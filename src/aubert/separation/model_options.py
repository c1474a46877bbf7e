"""The shape of a deep-clustering network and its loss. Light: no torch here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# Training costs hours, so an edit of code does not train again: raise this when the weights
# would come out different, and the workflow does.
VERSION = 1


@dataclass(frozen=True, kw_only=True)
class DeepClusteringOptions:
    """Deep clustering (Hershey et al. 2016); the defaults are the size of the paper's network.

    hidden_size: of each direction of each BLSTM layer
    num_layers: BLSTM layers
    dropout: between the BLSTM layers
    embedding_dim: of a time-frequency bin; the paper tried 5 to 60: 5 fails, 20 to 60 are alike
    silence_db: bins so far below the loudest of the mixture are not learned from and not clustered
    loss: affinity is |VV' - YY'|^2; whitened compares the subspaces of V and Y, so that large
      clusters weigh no more than small ones (Le Roux et al. 2018: whitened k-means)
    weights: of the bins that are left: equal, or magnitude, their share of the mixture's sum of
      magnitudes
    frame_step: the loss looks at each so manieth frame, all of which the BLSTM goes through;
      neighbours overlap by three quarters, so that 4 teaches almost what 1 does, in half the time
    mask_weight: above 0, a second head predicts masks outright (Chimera, Luo et al. 2017), and
      its loss weighs so much of the sum
    mask_speakers: that the mask head tells apart; no effect without one
    """

    hidden_size: int = 600
    num_layers: int = 2
    dropout: float = 0.3
    embedding_dim: int = 40
    silence_db: float = 40.0
    loss: Literal["affinity", "whitened"] = "affinity"
    weights: Literal["equal", "magnitude"] = "equal"
    frame_step: int = 1
    mask_weight: float = 0.0
    mask_speakers: int = 2

    def __post_init__(self) -> None:
        for name, least in (
            ("hidden_size", 1), ("num_layers", 1), ("embedding_dim", 2), ("frame_step", 1),
            ("mask_speakers", 2),
        ):  # fmt: skip
            if getattr(self, name) < least:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least {least}")
        for name in ("dropout", "mask_weight"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(
                    f"{name} is {getattr(self, name):g}; it must be at least 0 and below 1"
                )
        if self.silence_db <= 0:
            raise ValueError(f"silence_db is {self.silence_db:g}; it must be above 0")
