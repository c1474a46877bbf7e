"""What comes from elsewhere is data: nothing that it holds is run."""

from __future__ import annotations

import ast
import json
import os
import pickle
from collections.abc import Iterator
from pathlib import Path

import joblib
import numpy as np
import pytest
import soundfile
import torch
import yaml
from sklearn.cluster import MiniBatchKMeans
from tiny_checkpoints import save_checkpoint
from tiny_corpus import write_corpus

from aubert.cli import main
from aubert.units.codebook import Codebook
from aubert.units.shards import FeatureKind

ROOT = Path(__file__).parents[2]
CODE = sorted(path for top in ("src", "benchmarks") for path in (ROOT / top).rglob("*.py"))
RULES = [ROOT / "Snakefile", *sorted((ROOT / "workflow/rules").glob("*.smk"))]

PICKLES = {"pickle", "_pickle", "dill", "cloudpickle", "shelve", "marshal"}
CALLS = {
    "joblib.load",
    "numpy.core.multiarray.load",
    "pandas.read_pickle",
    "yaml.load",
    "yaml.load_all",
    "yaml.full_load",
    "yaml.unsafe_load",
    "os.system",
    "os.popen",
    "subprocess.getoutput",
    "subprocess.getstatusoutput",
    "eval",
    "exec",
    "__import__",
}
# keyword -> the only value that may be given
ONLY = {"trust_remote_code": False, "allow_pickle": False, "shell": False, "weights_only": True}
HARMLESS = {"pickle.UnpicklingError"}


def faults(source: str) -> Iterator[str]:
    """What in a module could run what a file or a name holds."""
    tree = ast.parse(source)
    names = {}  # as used here -> in full
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    for full in names.values():
        if full.split(".")[0] in PICKLES and full not in HARMLESS:
            yield full
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = full_name(node.func, names)
            given = {keyword.arg: keyword.value for keyword in node.keywords}
            if called in CALLS or (called == "torch.load" and "weights_only" not in given):
                yield called
            yield from forbidden(given)
        elif isinstance(node, ast.Dict):
            keys = {k.value: v for k, v in zip(node.keys, node.values, strict=True) if is_text(k)}
            yield from forbidden(keys)


def full_name(function: ast.expr, names: dict[str, str]) -> str:
    head, *rest = ast.unparse(function).split(".")
    return ".".join([names.get(head, head), *rest])


def is_text(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def forbidden(given: dict[str | None, ast.expr]) -> Iterator[str]:
    for name, only in ONLY.items():
        if name in given and ast.unparse(given[name]) != repr(only):
            yield f"{name}={ast.unparse(given[name])}"


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_runs_what_it_reads(path):
    assert list(faults(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "def f():\n    from pickle import loads",
        "import joblib as j\nj.load(path)",
        "from joblib import load as read\nread(path)",
        "import torch\ntorch.load(path)",
        "from torch import load\nload(path)",
        "import torch\ntorch.load(path, weights_only=False)",
        "import numpy as np\nnp.load(path, allow_pickle=True)",
        "import yaml\nyaml.load(text, yaml.Loader)",
        "import subprocess\nsubprocess.run(line, shell=True)",
        "import os\nos.system(line)",
        "eval(text)",
        "exec(text)",
        "AutoModel.from_pretrained(name, trust_remote_code=True)",
        "arguments = {'trust_remote_code': asked}",
        "AutoModel.from_pretrained(name, weights_only=False)",
    ],
)
def test_that_would_be_seen(source):
    assert list(faults(source))


def test_what_does_no_harm_is_not_seen():
    harmless = "import numpy as np, torch\nmodel.eval()\nnp.load(path)\njoblib.dump(model, path)\n"
    assert list(faults(harmless + "torch.load(path, weights_only=True)")) == []


def test_rules_hold_no_such_thing():
    for path in RULES:
        for word in ("pickle", "trust_remote_code", "os.system", "shell=True", "eval(", "exec("):
            assert word not in path.read_text(), path


# --- crafted files


class Payload:
    """Pickled, it makes the file when it is read."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


class Reduced:
    """Pickled, it is what it is given: a class or a function, called with something."""

    def __init__(self, function, *arguments):
        self.reduced = function, arguments

    def __reduce__(self):
        return self.reduced


@pytest.fixture
def payload(tmp_path) -> Payload:
    return Payload(tmp_path / "ran")


@pytest.fixture
def refused(payload, capsys):
    """Runs a command that must end in one clear line, with nothing run."""

    def run(*words: object) -> str:
        capsys.readouterr()
        assert main([str(word) for word in words]) == 1
        assert not payload.path.exists()
        error = capsys.readouterr().err
        assert error.startswith("aubert: error: ") and "Traceback" not in error
        return error

    return run


def test_the_payload_would_run(payload, tmp_path):
    np.save(tmp_path / "x.npy", np.array([payload], object), allow_pickle=True)
    np.load(tmp_path / "x.npy", allow_pickle=True)
    assert payload.path.exists()


def test_a_codebook_that_is_a_pickle(tmp_path, payload, refused):
    corpus = write_corpus(tmp_path / "corpus")
    kind = FeatureKind("mfcc", 100.0)
    Codebook(np.zeros((2, 39), np.float32), kind).save(tmp_path / "codebook")
    np.save(tmp_path / "codebook.npy", np.array([payload], object), allow_pickle=True)
    flags = ["--codebook", tmp_path / "codebook", "--stage", "units", "--root", corpus.root]
    flags += ["--rejects", tmp_path / "rejects.parquet"]
    assert "codebook.npy" in refused("units", "label", *corpus.shard(0), tmp_path / "out", *flags)


def test_a_joblib_codebook_is_not_read_in_passing(tmp_path, payload, refused):
    joblib.dump(payload, tmp_path / "km.bin")
    kmeans = ["kmeans", "dump-label", tmp_path, "train", tmp_path / "km.bin", 1, 0, tmp_path]
    assert "with `aubert units import`" in refused(*kmeans)


def crafted_k_means(payload, how: str):
    """A k-means of scikit-learn with code in it."""
    model = MiniBatchKMeans(2, n_init=1).fit(np.eye(3))
    if how == "alone":
        return payload
    if how == "attribute":
        model.init = payload
    if how == "objects":  # joblib writes a pickle inside the pickle
        model.cluster_centers_ = np.array([[payload]], object)
    if how == "state":
        model.random_state = Reduced(os.mkdir, str(payload.path))
    return model


@pytest.mark.parametrize("how", ["alone", "attribute", "objects", "state"])
@pytest.mark.parametrize("writer", ["joblib", "pickle"])
def test_k_means_that_hold_code(tmp_path, payload, refused, how, writer):
    content = crafted_k_means(payload, how)
    if writer == "joblib":
        joblib.dump(content, tmp_path / "km.bin")
    else:
        (tmp_path / "km.bin").write_bytes(pickle.dumps(content))
    words = ["units", "import", tmp_path / "km.bin", tmp_path / "book", "--feature=mfcc"]
    assert "km.bin is no k-means model that can be read" in refused(*words)
    joblib.load(tmp_path / "km.bin")
    assert payload.path.exists()


def test_features_that_are_a_pickle(tmp_path, payload, refused):
    np.save(tmp_path / "train_0_1.npy", np.array([payload], object), allow_pickle=True)
    (tmp_path / "train_0_1.len").write_text("1\n")
    assert "train_0_1.npy" in refused("kmeans", "learn", tmp_path, "train", 1, tmp_path / "km", 2)


def test_safetensors_that_are_a_pickle(tmp_path, payload, refused):
    torch.save(payload, tmp_path / "weights.safetensors")
    error = refused("hubert", "import", tmp_path / "weights.safetensors", tmp_path / "model")
    assert "is not a safetensors file" in error


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("inside", [False, True])
def test_checkpoints_that_hold_code(tmp_path, payload, refused, inside, legacy):
    content = {"model": {"w": torch.zeros(1)}, "cfg": payload} if inside else payload
    torch.save(content, tmp_path / "w.pt", _use_new_zipfile_serialization=not legacy)
    error = refused("hubert", "import", tmp_path / "w.pt", tmp_path / "model")
    assert "its weights file names posix.mkdir, which is no weight" in error


def test_a_pickle_without_tensors(tmp_path, payload, refused):
    (tmp_path / "w.bin").write_bytes(pickle.dumps(payload, protocol=2))
    refused("hubert", "import", tmp_path / "w.bin", tmp_path / "model")


def test_classes_of_a_checkpoint_stand_for_nothing(tmp_path, payload, refused):
    """numpy's and others' are let through, and nothing of them is called."""
    from numpy.testing import measure  # runs what it is given

    call = Reduced(measure, f"__import__('os').mkdir({str(payload.path)!r})")
    torch.save({"model": {"w": torch.zeros(1)}, "cfg": call}, tmp_path / "w.pt")
    assert "w is no weight of a HuBERT" in refused(
        "hubert", "import", tmp_path / "w.pt", tmp_path / "model"
    )
    torch.load(tmp_path / "w.pt", weights_only=False)
    assert payload.path.exists()


@pytest.fixture
def sound(tmp_path) -> Path:
    soundfile.write(tmp_path / "a.wav", np.zeros(16_000), 16_000)
    return tmp_path / "a.wav"


def test_a_checkpoint_with_pickled_weights(tmp_path, payload, refused, sound):
    save_checkpoint(tmp_path / "model", "group")
    (tmp_path / "model/model.safetensors").unlink()
    torch.save(payload, tmp_path / "model/pytorch_model.bin")
    flags = ["--model", tmp_path / "model", "--layer", 1, "-o", tmp_path / "out"]
    assert "names posix.mkdir, which is no weight" in refused("encode", sound, *flags)
    transcribe = ["transcripts", "ctc", *write_corpus(tmp_path / "corpus").shard(0)]
    transcribe += [tmp_path / "out", "--rejects", tmp_path / "rejects", "--root", tmp_path]
    transcribe += ["--books-dir", tmp_path, "--model", tmp_path / "model"]
    assert "names posix.mkdir, which is no weight" in refused(*transcribe)


def test_a_checkpoint_that_brings_code(tmp_path, payload, refused, sound):
    model = tmp_path / "model"
    save_checkpoint(model, "group")
    (model / "evil.py").write_text(
        f"import os\nos.mkdir({str(payload.path)!r})\n"
        "from transformers import HubertConfig as Config, HubertModel as Model\n"
    )
    config = json.loads((model / "config.json").read_text())
    config |= {
        "model_type": "evil",
        "auto_map": {"AutoConfig": "evil.Config", "AutoModel": "evil.Model"},
    }
    (model / "config.json").write_text(json.dumps(config))
    refused("encode", sound, "--model", model, "--layer", 1, "-o", tmp_path / "out")


def test_a_config_that_is_code(tmp_path, payload):
    """Snakemake reads --configfile with yaml's safe loader."""
    text = f"name: !!python/object/apply:os.mkdir ['{payload.path}']\n"
    with pytest.raises(yaml.YAMLError):
        yaml.safe_load(text)
    assert pickle and not payload.path.exists()
