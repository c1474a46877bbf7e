"""The GPU script, at small sizes on the CPU: where there is a GPU it runs once and must work."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
import gpu
import hubert_step


@pytest.mark.parametrize("side", hubert_step.SIDES[:3])
def test_a_step_of_each_side_is_measured(side, monkeypatch):
    monkeypatch.setitem(hubert_step.SIZES, "tiny", (hubert_step.TINY, 2, 1.0, 10))
    found = hubert_step.measure(Namespace(device="cpu", base=False, steps=1, side=side))
    assert found["step_s"] > 0 and found["mfu"] == 0
    json.dumps(found)


def test_the_other_sections_print_their_figures(tmp_path, capsys):
    model = gpu.written_encoder(tmp_path / "model", hubert_step.TINY)
    gpu.encoding(model, "cpu", layer=2, minutes=0.1)
    gpu.clustering("cpu", 500, 8, 5)
    gpu.equivalence("cpu", hubert_step.TINY)
    printed = capsys.readouterr().out
    assert "s of audio per second" in printed and "inertia" in printed
    assert "relative difference 0.0e+00" in printed
    assert "labels             1.0000 equal" in printed


def test_without_a_gpu_a_message_says_so(monkeypatch):
    monkeypatch.setattr(gpu.torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(sys, "argv", ["gpu.py", "--device", "cuda"])
    with pytest.raises(SystemExit, match="sees no GPU"):
        gpu.parse()
