"""Files of arrays: the same content gives the same bytes."""

from __future__ import annotations

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

from aubert.units.npy import sort_metadata


def test_metadata_has_one_order(tmp_path):
    """safetensors draws another each time: of ten names no two writings are alike."""
    notes = {f"näme {number}": "ü" * number for number in range(10)}
    contents = set()
    for number in range(5):
        path = tmp_path / f"{number}.safetensors"
        save_file({"a": np.arange(3.0)}, path, notes)
        sort_metadata(path)
        contents.add(path.read_bytes())
        with safe_open(path, "np") as file:
            assert file.metadata() == notes and (file.get_tensor("a") == np.arange(3.0)).all()
    assert len(contents) == 1
