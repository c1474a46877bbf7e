"""Checkpoint kinds x commands: each cell of docs/use-a-model.md works, or is refused so."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import pytest
import torch
from tiny_checkpoints import ENCODERS, save_checkpoint, save_encoder
from tone_speech import texts, write_labelled

from aubert.cli import main
from aubert.hubert.network import HubertForPretraining, Units
from aubert.hubert.options import HubertOptions

PAGE = Path(__file__).parents[2] / "docs/use-a-model.md"
LOGMEL = HubertOptions(
    front_end="logmel", frame_rate_hz=50, hidden_size=16, num_layers=3, num_heads=2,
    intermediate_size=16, conv_channels=8, pos_conv_kernel=4, pos_conv_groups=2, final_dim=8,
)  # fmt: skip
TRAIN = """--steps=1 --warmup-steps=1 --hold-steps=0 --batch-seconds=8 --step-seconds=4
    --max-seconds=4 --min-seconds=0.1 --validation-share=0 --log-every=1 --checkpoint-every=1
    --validate-every=1 --device=cpu""".split()


def save_logmel(directory: Path) -> None:
    HubertForPretraining(LOGMEL, [Units("km", 5)]).save(directory)


KINDS = {
    **{kind: partial(save_encoder, kind) for kind in ENCODERS},
    "hubert_ctc": partial(save_checkpoint, norm="group"),
    "wav2vec2_ctc": partial(save_checkpoint, norm="layer"),
    "logmel": save_logmel,
}
# Of a model directory, a folder for what comes out, and labelled speech.
COMMANDS = {
    "encode": lambda model, out, speech: [
        "encode", speech, "--model", model, "--layer=2", "-o", out
    ],
    "transcribe": lambda model, out, speech: ["transcribe", speech, "--model", model, "-o", out],
    "ctc train --init": lambda model, out, speech: [
        "ctc", "train", out, "--init", model, "--labelled", speech, *TRAIN
    ],
    "hubert init --init-from": lambda model, out, speech: [
        "hubert", "init", out, "--init-from", model
    ],
    "hubert export --to fairseq": lambda model, out, speech: [
        "hubert", "export", model, out, "--to=fairseq"
    ],
    "hubert export --to torchaudio": lambda model, out, speech: [
        "hubert", "export", model, out, "--to=torchaudio"
    ],
    "hubert import": lambda model, out, speech: [
        "hubert", "import", model / "model.safetensors", out
    ],
}  # fmt: skip


def table() -> tuple[list[str], dict[str, dict[str, str]], dict[str, str]]:
    """(commands, checkpoint -> command -> cell, letter -> words of the refusal) of the page."""
    text = PAGE.read_text(encoding="utf-8").partition("## Which checkpoint goes where")[2]
    rows = [
        [cell.strip(" `") for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("|")
    ]
    (_, *commands), _, *rows = rows
    cells = {name: dict(zip(commands, own, strict=True)) for name, *own in rows}
    return commands, cells, dict(re.findall(r"^- ([a-z]): (.+)$", text, flags=re.M))


COLUMNS, CELLS, REFUSALS = table()


@pytest.fixture(scope="module")
def speech(tmp_path_factory) -> Path:
    return write_labelled(tmp_path_factory.mktemp("labelled"), {"1": texts(3)})


def test_the_page_has_every_kind_and_command():
    assert list(COMMANDS) == COLUMNS
    assert list(KINDS) == list(CELLS)
    stated = {cell for own in CELLS.values() for cell in own.values()}
    assert stated == {"yes", *REFUSALS}


@pytest.mark.parametrize("kind", KINDS)
def test_each_door_opens_or_says_why_not(kind, speech, tmp_path, capsys):
    torch.set_num_threads(1)
    KINDS[kind](tmp_path / "model")
    for number, (command, words) in enumerate(COMMANDS.items()):
        out = tmp_path / str(number)
        capsys.readouterr()
        status = main(list(map(str, words(tmp_path / "model", out, speech))))
        printed, cell = capsys.readouterr().err, CELLS[kind][command]
        if cell == "yes":
            assert status == 0, f"{command}: {printed}"
            assert out.exists()
        else:
            assert status == 1, f"{command}: {printed}"
            assert REFUSALS[cell] in printed and "Traceback" not in printed
            assert not out.exists()
