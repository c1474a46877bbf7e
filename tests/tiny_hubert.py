"""An untrained HuBERT of a few thousand weights."""

from __future__ import annotations

from pathlib import Path

from aubert.hubert.options import HubertOptions

TINY = HubertOptions(
    front_end="logmel",
    frame_rate_hz=25,
    hidden_size=16,
    num_layers=2,
    num_heads=2,
    intermediate_size=16,
    conv_channels=16,
    pos_conv_kernel=4,
    pos_conv_groups=2,
)


def save_tiny_hubert(directory: Path, options: HubertOptions = TINY, seed: int = 0) -> Path:
    from aubert.hubert.task import init_hubert

    init_hubert(directory, options, seed=seed)
    return directory
