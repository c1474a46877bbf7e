"""Published k-means: centroids out of scikit-learn's models and numpy's arrays.

fairseq, textlesslib and others publish a MiniBatchKMeans as joblib writes it: a pickle with arrays
between its parts. This reader lets arrays and numbers in and nothing else: classes of scikit-learn
stand for an empty one, and any other name ends the reading.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from joblib.numpy_pickle import NumpyArrayWrapper, NumpyUnpickler

from aubert.units.npy import read_npy
from aubert.units.shards import as_float32

# Of numpy: what arrays and numbers are pickled with.
_NUMPY = {
    ("", "ndarray"),
    ("", "dtype"),
    (".core.multiarray", "_reconstruct"),
    (".core.multiarray", "scalar"),
    (".core.numeric", "_frombuffer"),
}
_CLASSES = ("KMeans", "MiniBatchKMeans", "BisectingKMeans")


class _KMeans:
    """In place of scikit-learn's class: it keeps the attributes."""


class _Inert:
    """In place of a random generator's classes: it keeps nothing."""

    def __init__(self, *_arguments: Any):
        pass

    def __setstate__(self, _state: Any) -> None:
        pass


def _bytes(text: str, encoding: str) -> bytes:
    """Bytes, as old protocols of pickle have them."""
    if encoding != "latin1":
        raise ValueError(f"it holds bytes in {encoding}")
    return text.encode(encoding)


class _Array(NumpyArrayWrapper):
    """joblib's, for arrays of numbers alone: one of objects is a pickle inside the pickle."""

    def read_array(self, unpickler: NumpyUnpickler, *arguments: Any) -> np.ndarray:
        if self.dtype.hasobject:
            raise ValueError("it holds an array of objects")
        return super().read_array(unpickler, *arguments)


class _Reader(NumpyUnpickler):
    def find_class(self, module: str, name: str) -> Any:
        house = module.split(".")[0]
        if house == "sklearn" and name in _CLASSES:
            return _KMeans
        if module.endswith("joblib.numpy_pickle") and name == "NumpyArrayWrapper":
            return _Array
        inside = module.removeprefix("numpy").replace("._core.", ".core.")
        if house == "numpy" and (inside, name) in _NUMPY:
            return super().find_class(module, name)
        if (module, name) == ("_codecs", "encode"):
            return _bytes
        if module.startswith("numpy.random"):
            return _Inert
        raise ValueError(f"it names {module}.{name}, which is no k-means and might be code")


def read_centroids(path: str | Path) -> np.ndarray:
    """float32 [num_clusters, dim] of a joblib file or a pickle of scikit-learn's k-means, whatever
    it is called, or of an .npy of centroids.

    Raises ValueError for another file; what is pickled beside arrays and numbers is not read."""
    path = Path(path)
    with path.open("rb") as file:
        is_array = file.read(len(np.lib.format.MAGIC_PREFIX)) == np.lib.format.MAGIC_PREFIX
    centroids = read_npy(path) if is_array else _cluster_centers(path)
    if not isinstance(centroids, np.ndarray) or centroids.ndim != 2 or not centroids.size:
        raise ValueError(f"{path} holds no centroids, an array of [clusters, columns]")
    centroids = as_float32(centroids, path)
    if not np.isfinite(centroids).all():
        raise ValueError(f"{path}: centroids are not finite")
    return np.ascontiguousarray(centroids)


def _cluster_centers(path: Path) -> Any:
    from joblib.numpy_pickle_utils import _validate_fileobject_and_memmap as opened

    try:
        with path.open("rb") as file, opened(file, str(path)) as (content, _):
            model = _Reader(str(path), content, ensure_native_byte_order=True).load()
    except Exception as error:  # what a broken pickle raises is any of a dozen
        raise ValueError(f"{path} is no k-means model that can be read: {error}") from None
    if not isinstance(model, _KMeans):
        raise ValueError(f"{path} holds a {type(model).__name__}, not a k-means model")
    return getattr(model, "cluster_centers_", None)
