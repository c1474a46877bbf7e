"""What the tensors of a HuBERT do not show, and who says it: a cfg, a config.json, or flags."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from aubert.hubert.fairseq_checkpoint import WeightsFile


@dataclass(frozen=True, kw_only=True)
class Unseen:
    """What the tensors of a HuBERT do not show; None: unknown.

    num_heads: of attention. pre_norm: layer normalisation before attention and feed-forward.
    normalise: audio of zero mean and unit variance goes in. strides: of the front end's
    convolutions; unknown, the paper's where the kernels are the paper's
    """

    num_heads: int | None = None
    pre_norm: bool | None = None
    normalise: bool | None = None
    strides: tuple[int, ...] | None = None


# As published: width -> what its weights do not show.
PUBLISHED = {
    "base": (768, Unseen(num_heads=12, pre_norm=False, normalise=False)),
    "large": (1024, Unseen(num_heads=16, pre_norm=True, normalise=True)),
    "xlarge": (1280, Unseen(num_heads=16, pre_norm=True, normalise=True)),
}


def unseen_of(file: WeightsFile, path: Path) -> Unseen:
    """From fairseq's cfg, or from the config.json and preprocessor_config.json beside."""
    if file.cfg is not None:
        return _of_fairseq(*pretraining(file.cfg))
    config, preprocessor = (
        _json(path.with_name(name)) for name in ("config.json", "preprocessor_config.json")
    )
    strides = config.get("conv_stride")
    return Unseen(
        num_heads=config.get("num_attention_heads"),
        pre_norm=config.get("do_stable_layer_norm"),
        normalise=preprocessor.get("do_normalize"),
        strides=None if strides is None else tuple(strides),
    )


def _json(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def pretraining(cfg: Mapping[str, Any]) -> tuple[Mapping, Mapping]:
    """The model's and the task's settings of pre-training, those of a fine-tuned model too. Before
    hydra all stood in one Namespace."""
    model = cfg.get("model")
    model = cfg if not isinstance(model, Mapping) else model
    inner = model.get("w2v_args") or cfg
    own = inner.get("model")
    own = inner if not isinstance(own, Mapping) else own
    task = inner.get("task")
    return own, inner if not isinstance(task, Mapping) else task


def _of_fairseq(model: Mapping, task: Mapping) -> Unseen:
    kind = model.get("_name") or model.get("arch")
    if kind not in (None, "hubert"):
        raise ValueError(f"its cfg describes a {kind} model, not a HuBERT")
    known = {"layer_type": "transformer", "activation_fn": "gelu"}
    for name, wanted in known.items():
        if model.get(name, wanted) != wanted:
            raise ValueError(f"its cfg has {name} {model[name]}; what is read is {wanted}")
    layers = model.get("conv_feature_layers")
    return Unseen(
        num_heads=model.get("encoder_attention_heads"),
        pre_norm=model.get("layer_norm_first"),
        normalise=task.get("normalize"),
        strides=None if layers is None else tuple(stride for _, _, stride in _convs(layers)),
    )


def _convs(text: str) -> list[tuple[int, int, int]]:
    """fairseq's "[(512, 10, 5)] + [(512, 3, 2)] * 4": Python there, sums and products of literals
    here."""

    def value(node: ast.expr):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return value(node.left) + value(node.right)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            left, right = value(node.left), value(node.right)
            if isinstance(right, int) and right <= 100:
                return left * right
        return ast.literal_eval(node)

    try:
        return [
            (int(dim), int(kernel), int(stride))
            for dim, kernel, stride in value(ast.parse(text, mode="eval").body)
        ]
    except (ValueError, TypeError, SyntaxError):
        raise ValueError(f"its cfg has conv_feature_layers {text!r}, which are none") from None


def joined(found: Unseen, given: Unseen) -> Unseen:
    """What the file says, else what flags say. Raises ValueError where they differ."""
    both = {}
    for name, ours in asdict(found).items():
        theirs = getattr(given, name)
        if ours is not None and theirs is not None and ours != theirs:
            raise ValueError(f"{name} is {ours} in the file, and {theirs} is given: leave it out")
        both[name] = theirs if ours is None else ours
    return Unseen(**both)


def dropouts(file: WeightsFile) -> dict[str, float]:
    """Of pre-training, where a cfg has them."""
    if file.cfg is None:
        return {}
    model, _ = pretraining(file.cfg)
    names = {
        "hidden_dropout": "dropout",
        "attention_dropout": "attention_dropout",
        "activation_dropout": "activation_dropout",
        "feat_proj_dropout": "dropout_input",
        "layerdrop": "encoder_layerdrop",
    }
    return {ours: model[theirs] for ours, theirs in names.items() if theirs in model}
