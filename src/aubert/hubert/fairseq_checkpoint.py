"""What a file of weights holds: its tensors, and fairseq's cfg and dictionaries.

A .pt is a pickle. torch's weights-only unpickler builds its tensors, lists and dicts and runs no
code; fairseq's and omegaconf's classes stand for an empty one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from aubert.encoders.pretrained import reason_of

_HOUSES = ("argparse", "collections", "enum", "fairseq", "numpy", "omegaconf", "pathlib", "typing")


class _Inert:
    """In place of a class of a checkpoint: it does nothing, and keeps what it is made of."""

    def __new__(cls, *arguments):
        made = super().__new__(cls)
        made.state = arguments[0] if arguments else None  # an enumeration's value
        return made

    def __setstate__(self, state):
        self.state = state


@dataclass(frozen=True)
class WeightsFile:
    """state: name -> tensor, as the file has them. cfg: fairseq's, in plain dicts, or None.
    dictionaries: the symbols of each of its dictionaries, fairseq's own four first, or None"""

    state: Mapping[str, torch.Tensor]
    cfg: Mapping[str, Any] | None = None
    dictionaries: list[list[str]] | None = None


def read_weights(path: Path) -> WeightsFile:
    """A .safetensors file, a state dict of torch.save, a checkpoint of fairseq or of lightning.

    Raises ValueError for another file, and for one that holds code."""
    if path.suffix == ".safetensors":
        try:
            return WeightsFile(load_file(path))
        except (SafetensorError, OSError) as error:
            raise ValueError(f"{path} is not a safetensors file ({error})") from None
    content = _unpickled(path)
    if not isinstance(content, Mapping):
        raise ValueError(f"{path} holds a {type(content).__name__}, not a state dict")
    state = content.get("model", content.get("state_dict", content))
    tensors = {name: one for name, one in state.items() if isinstance(one, torch.Tensor)}
    if not tensors:
        raise ValueError(f"{path} holds no weights; its entries: {', '.join(map(str, content))}")
    cfg = _plain(content.get("cfg") or content.get("args"))
    cfg = cfg if isinstance(cfg, Mapping) else None
    return WeightsFile(tensors, cfg, _symbols(content.get("task_state")))


def _unpickled(path: Path) -> Any:
    try:
        names = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    except (ValueError, RuntimeError):  # as torch saved before 1.6
        names = ["argparse.Namespace", "fairseq.data.dictionary.Dictionary"]
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error})") from None
    inert = [(_Inert, name) for name in names if name.split(".")[0] in _HOUSES]
    try:
        with torch.serialization.safe_globals(inert):
            return torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, EOFError, RuntimeError, ValueError, KeyError, UnpicklingError) as error:
        raise ValueError(
            f"{path} is not a file of weights that can be read ({reason_of(error)}); give a state "
            f"dict as .safetensors or .bin, or a checkpoint of fairseq"
        ) from None


def _plain(value: Any) -> Any:
    """Dicts and lists in place of Namespaces and of omegaconf's containers and leaves."""
    if isinstance(value, _Inert):
        state = value.state
        if isinstance(state, Mapping) and not state.keys().isdisjoint(("_content", "_val")):
            state = state.get("_content", state.get("_val"))
        return _plain(state)
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value


def _symbols(task_state: Any) -> list[list[str]] | None:
    """Of the state of fairseq's hubert_pretraining or audio_finetuning task."""
    if not isinstance(task_state, Mapping):
        return None
    found = task_state.get("dictionaries") or [task_state.get("target_dictionary")]
    states = [one.state if isinstance(one, _Inert) else None for one in found]
    if not all(isinstance(state, Mapping) and "symbols" in state for state in states):
        return None
    return [list(state["symbols"]) for state in states]
