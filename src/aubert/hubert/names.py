"""The names of HuBERT's weights in transformers, torchaudio and fairseq.

All three hold the same tensors. Names differ, and the layout of weight norm; fairseq has no
projection where its front end is as wide as its transformer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import torch

# Of heads, beside the names of transformers.HubertModel.
CTC_HEAD = "lm_head"
PROJECTION, EMBEDDINGS = "final_proj", "label_embeddings"

# (their name, transformers'): {n} is a number, {w} the rest of the name. Theirs are tried in order.
_TRANSFORMERS = (
    ("feature_extractor.{w}", "feature_extractor.{w}"),
    ("feature_projection.{w}", "feature_projection.{w}"),
    ("encoder.{w}", "encoder.{w}"),
    ("masked_spec_embed", "masked_spec_embed"),
    ("lm_head.{w}", f"{CTC_HEAD}.{{w}}"),
)
_TORCHAUDIO = (
    ("feature_extractor.{w}", "feature_extractor.{w}"),
    ("encoder.feature_projection.{w}", "feature_projection.{w}"),
    ("encoder.transformer.{w}", "encoder.{w}"),
    ("mask_generator.mask_embedding", "masked_spec_embed"),
    ("aux.{w}", f"{CTC_HEAD}.{{w}}"),
    ("logit_generator.label_embeddings", EMBEDDINGS),
    ("logit_generator.final_proj.{w}", f"{PROJECTION}.{{w}}"),
)
_FAIRSEQ = (
    ("feature_extractor.conv_layers.{n}.0.{w}", "feature_extractor.conv_layers.{n}.conv.{w}"),
    (
        "feature_extractor.conv_layers.{n}.2.1.{w}",
        "feature_extractor.conv_layers.{n}.layer_norm.{w}",
    ),
    ("feature_extractor.conv_layers.{n}.2.{w}", "feature_extractor.conv_layers.{n}.layer_norm.{w}"),
    ("post_extract_proj.{w}", "feature_projection.projection.{w}"),
    ("layer_norm.{w}", "feature_projection.layer_norm.{w}"),
    ("mask_emb", "masked_spec_embed"),
    ("encoder.pos_conv.0.running_{w}", "encoder.pos_conv_embed.batch_norm.running_{w}"),
    ("encoder.pos_conv.0.num_{w}", "encoder.pos_conv_embed.batch_norm.num_{w}"),
    ("encoder.pos_conv.0.{w}", "encoder.pos_conv_embed.conv.{w}"),
    ("encoder.layer_norm.{w}", "encoder.layer_norm.{w}"),
    ("encoder.layers.{n}.self_attn.{w}", "encoder.layers.{n}.attention.{w}"),
    ("encoder.layers.{n}.self_attn_layer_norm.{w}", "encoder.layers.{n}.layer_norm.{w}"),
    ("encoder.layers.{n}.fc1.{w}", "encoder.layers.{n}.feed_forward.intermediate_dense.{w}"),
    ("encoder.layers.{n}.fc2.{w}", "encoder.layers.{n}.feed_forward.output_dense.{w}"),
    ("encoder.layers.{n}.final_layer_norm.{w}", "encoder.layers.{n}.final_layer_norm.{w}"),
    ("proj.{w}", f"{CTC_HEAD}.{{w}}"),
    ("label_embs_concat", EMBEDDINGS),
    ("final_proj.{w}", f"{PROJECTION}.{{w}}"),
)
# With batch norm before the positional convolution (conv_pos_batch_norm) that one moves on.
_FAIRSEQ_BATCH_NORM = (
    ("encoder.pos_conv.0.{w}", "encoder.pos_conv_embed.batch_norm.{w}"),
    ("encoder.pos_conv.1.{w}", "encoder.pos_conv_embed.conv.{w}"),
    *(pair for pair in _FAIRSEQ if not pair[0].startswith("encoder.pos_conv.")),
)
# Of models that wrap the encoder: HubertForCTC, HuBERTPretrainModel, a lightning module around it,
# and fine-tuned models of fairseq.
_PREFIXES = r"^(?:model\.|hubert\.|wav2vec2\.|w2v_encoder\.|w2v_model\.)+"
_WEIGHT_NORM = {"weight_g": "original0", "weight_v": "original1"}


def as_transformers(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The state dict of any of the three under transformers' names, with CTC_HEAD, PROJECTION and
    EMBEDDINGS where it has such heads. Raises ValueError for an unknown name."""
    bare = {re.sub(_PREFIXES, "", name): tensor for name, tensor in state.items()}
    pairs = _pairs_of(bare)
    renamed = {}
    for name, tensor in bare.items():
        new = _renamed(name, pairs)
        if new is None:
            raise ValueError(
                f"{name} is no weight of a HuBERT as transformers, torchaudio or fairseq name "
                f"them; give the model's own state dict"
            )
        new = re.sub(r"conv\.(weight_[gv])$", _of_new_weight_norm, new)
        renamed[new] = tensor
    _project_as_it_is(renamed)
    return renamed


def _pairs_of(names: Iterable[str]) -> tuple[tuple[str, str], ...]:
    names = set(names)
    if any(name.startswith("encoder.transformer.") for name in names):
        return _TORCHAUDIO
    if any(".self_attn." in name for name in names):
        return _FAIRSEQ_BATCH_NORM if "encoder.pos_conv.0.running_mean" in names else _FAIRSEQ
    return _TRANSFORMERS


def _of_new_weight_norm(old: re.Match) -> str:
    return f"conv.parametrizations.weight.{_WEIGHT_NORM[old[1]]}"


def _project_as_it_is(state: dict[str, torch.Tensor]) -> None:
    """fairseq leaves the projection out where it changes no width; transformers has one."""
    norm = state.get("feature_projection.layer_norm.weight")
    behind = state.get("encoder.layer_norm.weight")
    if "feature_projection.projection.weight" in state or norm is None or behind is None:
        return
    if len(norm) == len(behind):
        state["feature_projection.projection.weight"] = torch.eye(len(norm), dtype=norm.dtype)
        state["feature_projection.projection.bias"] = torch.zeros_like(norm)


def as_torchaudio(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The state dict of transformers' names under torchaudio's: of torchaudio.models.Wav2Vec2Model,
    and what HuBERTPretrainModel has beside its `wav2vec2`."""
    return _in_house(state, _TORCHAUDIO)


def as_fairseq(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The same under the names of fairseq's HubertModel, its projection left out where it is the
    identity between like widths. Raises ValueError for another one between like widths."""
    batch_norm = "encoder.pos_conv_embed.batch_norm.weight" in state
    every_conv_normalised = "feature_extractor.conv_layers.1.layer_norm.weight" in state
    unwanted = "conv_layers.{n}.2.{w}" if every_conv_normalised else "conv_layers.{n}.2.1.{w}"
    pairs = _FAIRSEQ_BATCH_NORM if batch_norm else _FAIRSEQ
    named = _in_house(state, [pair for pair in pairs if not pair[0].endswith(unwanted)])
    for old, new in (("original0", "weight_g"), ("original1", "weight_v")):
        name = f"encoder.pos_conv.0.parametrizations.weight.{old}"
        if name in named:
            named[f"encoder.pos_conv.0.{new}"] = named.pop(name)
    projection = named["post_extract_proj.weight"]
    if projection.shape[0] == projection.shape[1]:
        identity = torch.equal(projection, torch.eye(len(projection), dtype=projection.dtype))
        if not identity or named["post_extract_proj.bias"].any():
            raise ValueError(
                f"fairseq has no projection between a front end and a transformer of the same "
                f"width ({len(projection)}), and this model has learned one"
            )
        del named["post_extract_proj.weight"], named["post_extract_proj.bias"]
    return named


def _in_house(
    state: Mapping[str, torch.Tensor], pairs: Iterable[tuple[str, str]]
) -> dict[str, torch.Tensor]:
    turned = [(ours, theirs) for theirs, ours in pairs]
    named = {_renamed(name, turned): tensor for name, tensor in state.items()}
    assert None not in named, sorted(state)
    return named


def _renamed(name: str, pairs: Iterable[tuple[str, str]]) -> str | None:
    """By the first pair whose left template fits; None: none does."""
    for left, right in pairs:
        pattern = re.escape(left).replace(r"\{n\}", r"(?P<n>\d+)").replace(r"\{w\}", r"(?P<w>.+)")
        match = re.fullmatch(pattern, name)
        if match:
            return right.format(**match.groupdict())
    return None
