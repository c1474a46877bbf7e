"""Checkpoints: weights, optimizer and place in the data, whole or not there.

    <directory>/checkpoints/step_00001000/   model.safetensors, optimizer.safetensors, state.json
    <directory>/best/                        model.safetensors, state.json

Nothing is pickled. There is no state of random generators: what is random in a step is seeded
by the run's seed and the step's place in the data.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from aubert.files import complete_directory

STEPS = "checkpoints"
BEST = "best"


class Writer:
    """Writes checkpoints below `directory` while the training goes on: of copies in memory, one
    after the other."""

    def __init__(self, directory: Path, keep: int):
        """keep: checkpoints that stay"""
        self._directory, self._keep = directory, keep
        self._thread = ThreadPoolExecutor(1)
        self._writing: list[Future] = []

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *_) -> None:
        self._thread.shutdown()

    def save(
        self, model: torch.nn.Module, optimizer: torch.optim.Optimizer, state: Mapping[str, Any]
    ) -> None:
        """Begins to write the checkpoint of state["step"]; when it is there, all but the last
        `keep` are removed. Raises as `wait` does."""
        self.wait()
        files = {
            "model.safetensors": _copies(model.state_dict()),
            "optimizer.safetensors": _copies(_optimizer_tensors(model, optimizer)),
        }
        target = self._directory / STEPS / f"step_{state['step']:08}"
        self._begin(target, files, state)

    def save_best(self, model: torch.nn.Module, state: Mapping[str, Any]) -> None:
        """The same of the weights that validation liked best so far."""
        self.wait()
        files = {"model.safetensors": _copies(model.state_dict())}
        self._begin(self._directory / BEST, files, state)

    def _begin(self, target: Path, files: Mapping, state: Mapping[str, Any]) -> None:
        text = json.dumps(state, indent=1) + "\n"
        self._writing.append(self._thread.submit(self._write, target, files, text))

    def _write(self, target: Path, files: Mapping, state: str) -> None:
        with _complete(target) as part:
            for name, tensors in files.items():
                _save_tensors(tensors, part / name)
            (part / "state.json").write_text(state, encoding="utf-8")
        for old in _all(self._directory)[: -self._keep]:
            shutil.rmtree(old)

    @property
    def failed(self) -> bool:
        """Whether something could not be written."""
        return any(one.done() and one.exception() for one in self._writing)

    def wait(self) -> None:
        """Until all is written. Raises OSError when it cannot be, with what to do; earlier
        checkpoints stay as they are."""
        for one in self._writing:
            one.result()
        self._writing.clear()


def _copies(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """In this machine's memory; contiguous, as safetensors takes nothing else."""
    return {
        name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in tensors.items()
    }


def load_best(directory: Path, model: torch.nn.Module) -> None:
    """Reads the best weights into `model`. Raises ValueError when there are none."""
    path = directory / BEST / "model.safetensors"
    if not path.is_file():
        raise ValueError(f"{directory} holds no best weights: the training never validated")
    model.load_state_dict(load_file(path))


def best_step(directory: Path) -> int | None:
    """Of the best weights; None where there are none."""
    path = directory / BEST / "state.json"
    return json.loads(path.read_text(encoding="utf-8"))["step"] if path.is_file() else None


def last_state(directory: Path) -> dict[str, Any] | None:
    """Of the last checkpoint; None where there is none."""
    found = _all(directory)
    return json.loads((found[-1] / "state.json").read_text(encoding="utf-8")) if found else None


def load_last(directory: Path, model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Reads the last checkpoint into model and optimizer."""
    last = _all(directory)[-1]
    model.load_state_dict(load_file(last / "model.safetensors"))
    _load_optimizer(model, optimizer, load_file(last / "optimizer.safetensors"))


def clean(directory: Path) -> None:
    """Removes what a killed process left half written."""
    for place in (directory, directory / STEPS):
        for part in sorted(place.glob(".*.part")) + sorted(place.glob(".*.old")):
            shutil.rmtree(part)


def _all(directory: Path) -> list[Path]:
    """The complete checkpoints, the oldest first."""
    return sorted((directory / STEPS).glob("step_*"), key=lambda path: int(path.name[5:]))


@contextmanager
def _complete(target: Path) -> Iterator[Path]:
    try:
        with complete_directory(target) as part:
            yield part
    except (OSError, SafetensorError) as error:  # the latter when tensors meet a full disk
        raise OSError(
            f"{target} could not be written ({error}); make room and start again: the "
            f"training goes on from its last checkpoint"
        ) from error


def _save_tensors(tensors: dict[str, torch.Tensor], path: Path) -> None:
    save_file(tensors, path)


def _optimizer_tensors(
    model: torch.nn.Module, optimizer: torch.optim.Optimizer
) -> dict[str, torch.Tensor]:
    """`<weight>|<quantity>` -> tensor; weights that were never updated have none."""
    return {
        f"{name}|{key}": value
        for name, weight in model.named_parameters()
        for key, value in optimizer.state.get(weight, {}).items()
    }


def _load_optimizer(
    model: torch.nn.Module, optimizer: torch.optim.Optimizer, tensors: Mapping[str, torch.Tensor]
) -> None:
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    index = {weight: position for position, weight in enumerate(weights)}
    named = dict(model.named_parameters())
    state: dict[int, dict[str, torch.Tensor]] = {}
    for full_name, value in tensors.items():
        name, key = full_name.rsplit("|", 1)
        state.setdefault(index[named[name]], {})[key] = value
    optimizer.load_state_dict(
        {"state": state, "param_groups": optimizer.state_dict()["param_groups"]}
    )


def hash_of_weights(model: torch.nn.Module) -> str:
    """Of everything that a checkpoint of the model would hold."""
    digest = blake2b(digest_size=8)
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()
