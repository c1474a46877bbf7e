"""Published checkpoints: found on the disk or the Hub, read without running code, and whole."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

from safetensors import SafetensorError

# Weights that a checkpoint may lack: what only a training masks with, and a summary of texts that
# no model here looks at.
_OPTIONAL = ("masked_spec_embed", "pooler.dense.weight", "pooler.dense.bias")
_LFS = b"version https://git-lfs"


def from_pretrained(loader, name: str, **arguments: Any):
    """Reads local files first; code from the checkpoint never."""
    import aubert.encoders.logmel  # noqa: F401 - the Auto classes know its models from then on

    arguments |= {"trust_remote_code": False}
    try:
        return loader.from_pretrained(name, local_files_only=True, **arguments)
    except OSError:
        if Path(name).is_dir():
            raise
        return loader.from_pretrained(name, **arguments)


def load_network(loader, name: str, what: str, **arguments: Any):
    """The network of a directory or a Hugging Face id, in evaluation mode and float32, whatever
    its weights are stored in.

    loader: AutoModel, AutoModelForCTC. what: the checkpoint should be, for messages. Weights are
    model.safetensors, else pytorch_model.bin through torch's unpickler of weights, which runs no
    code; both may be in parts. Raises ValueError when it is no such checkpoint, cannot be read,
    or lacks weights of the network.
    """
    # transformers would ask a service on the Hub to convert what is no safetensors file.
    os.environ.setdefault("DISABLE_SAFETENSORS_CONVERSION", "1")
    import torch

    try:
        with _silent_transformers():
            network, found = from_pretrained(
                loader,
                name,
                dtype=torch.float32,
                weights_only=True,
                output_loading_info=True,
                **arguments,
            )
    except (OSError, ValueError, RuntimeError, UnpicklingError, SafetensorError) as error:
        pointer = _lfs_pointer(Path(name))
        if pointer is not None:
            raise ValueError(
                f"{pointer} is a pointer of git-lfs, not the weights; run `git lfs pull` in {name}"
            ) from None
        raise _no_such(name, what, error) from error
    _fill_mask_embedding(network, found["missing_keys"])
    missing = [one for one in sorted(found["missing_keys"]) if not one.endswith(_OPTIONAL)]
    if missing:
        raise ValueError(
            f"{name} lacks weights of {what}: {shortened(missing)}. Its file is not whole, is "
            f"another kind of model's, or names its weights otherwise (`aubert hubert import` "
            f"reads torchaudio's and fairseq's names)"
        )
    return network.eval()


def _fill_mask_embedding(network, missing: Iterable[str]) -> None:
    """A checkpoint without one gets always the same: the network's hash has to tell what it is."""
    import torch

    weights = dict(network.named_parameters())
    for name in missing:
        if name.endswith("masked_spec_embed"):
            with torch.no_grad():
                weights[name].uniform_(generator=torch.Generator().manual_seed(0))


def load_part(loader, name: str, what: str):
    """What stands beside the weights: AutoTokenizer's, AutoFeatureExtractor's. Raises ValueError
    when the checkpoint has none."""
    try:
        return from_pretrained(loader, name)
    except (OSError, ValueError) as error:
        raise _no_such(name, what, error) from error


def _no_such(name: str, what: str, error: Exception) -> ValueError:
    return ValueError(
        f"{name} is not {what} in Hugging Face's layout, or cannot be fetched ({reason_of(error)})"
    )


def shortened(names: Iterable[str], limit: int = 4) -> str:
    """The names in one line, at most `limit` of them."""
    names = list(names)
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def reason_of(error: Exception) -> str:
    """In one line, out of the long messages that torch and transformers have."""
    named = re.search(r"GLOBAL (\S+)", str(error))
    if isinstance(error, UnpicklingError) and named:
        return f"its weights file names {named[1]}, which is no weight and might be code: not read"
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _lfs_pointer(directory: Path) -> Path | None:
    if not directory.is_dir():
        return None
    for path in sorted([*directory.glob("*.safetensors"), *directory.glob("*.bin")]):
        with path.open("rb") as file:
            if file.read(len(_LFS)) == _LFS:
                return path
    return None


@contextmanager
def _silent_transformers() -> Iterator[None]:
    """Without its bar and its report: what is missing is an error here, and other weights, of
    heads that are not asked for, do not matter."""
    from transformers.utils import logging

    verbosity, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bar:
            logging.enable_progress_bar()
