"""`aubert hubert import`: weights of torchaudio, fairseq or transformers as a model directory.

A state dict shows sizes. What it does not show (Unseen) comes from the cfg that a checkpoint of
fairseq holds, from the config.json beside Hugging Face's weights, or from flags; it is not guessed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from transformers import HubertConfig, HubertForCTC, HubertModel, Wav2Vec2FeatureExtractor

from aubert.files import complete_directory
from aubert.hubert.ctc_tokens import SPECIALS, read_tokens, save_tokenizer
from aubert.hubert.fairseq_checkpoint import WeightsFile, read_weights
from aubert.hubert.names import CTC_HEAD, EMBEDDINGS, PROJECTION, as_transformers
from aubert.hubert.network import HubertForPretraining, Units, options_of
from aubert.hubert.unseen import PUBLISHED, Unseen, dropouts, joined, pretraining, unseen_of

_PAPER_KERNELS, _PAPER_STRIDES = (10, 3, 3, 3, 3, 2, 2), (5, 2, 2, 2, 2, 2, 2)


def import_weights(
    weights: Path,
    out: Path,
    given: Unseen,
    like: str | None = None,
    tokens: Path | None = None,
) -> str:
    """Writes the Hugging Face directory `out`: the encoder, with the CTC head or the label
    embeddings that the file holds; returns a summary line.

    given: what flags say; where the file says otherwise, it is refused. like: one of PUBLISHED,
    which says it all. tokens: of the CTC head (read_tokens). Raises ValueError for a file that is
    no HuBERT, where something is unknown or `out` is there.
    """
    if out.exists():
        raise ValueError(f"{out} is there already; give a directory that is not")
    file = _with_dictionaries(read_weights(weights), weights.parent)
    try:
        state = as_transformers(file.state)
        config, unseen = _read_as(file, weights, state, given, like)
        head, units = _ctc_head(file, state, tokens), _unit_heads(file, state)
        encoder = encoder_of(state, config)
    except ValueError as error:
        raise ValueError(f"{weights}: {error}") from None
    with complete_directory(out) as part:
        notes = _save(part, encoder, unseen, head, units, file)
    num_weights = sum(weight.numel() for weight in encoder.parameters())
    read = ", ".join(f"{name} {value}" for name, value in asdict(unseen).items())
    return (
        f"import: {config.num_hidden_layers} layers of {config.hidden_size}, "
        f"{num_weights / 1e6:.1f} M weights in {out} ({read}; {notes})"
    )


def _with_dictionaries(file: WeightsFile, folder: Path) -> WeightsFile:
    """With those that stand beside a checkpoint of fairseq which holds none, as its own exports."""
    if file.cfg is None or file.dictionaries is not None:
        return file
    model, task = file.cfg.get("model"), file.cfg.get("task")
    own = task if isinstance(task, Mapping) and isinstance(model, Mapping) else {}
    paths = [folder / f"dict.{name}.txt" for name in own.get("labels") or ()]
    if not paths or not all(path.is_file() for path in paths):
        return file
    lines = [path.read_text(encoding="utf-8-sig").splitlines() for path in paths]
    symbols = [[*SPECIALS, *(line.split()[0] for line in each if line.strip())] for each in lines]
    return replace(file, dictionaries=symbols)


def _read_as(
    file: WeightsFile, path: Path, state: Mapping, given: Unseen, like: str | None
) -> tuple[HubertConfig, Unseen]:
    found = unseen_of(file, path)
    if like is not None:
        found = joined(found, PUBLISHED[like][1])
    unseen = joined(found, given)
    config = _config(state, unseen)
    if like is not None and config.hidden_size != PUBLISHED[like][0]:
        raise ValueError(f"its width is {config.hidden_size}, that of {like} {PUBLISHED[like][0]}")
    config.update(dropouts(file))
    return config, unseen


def encoder_of(state: Mapping[str, torch.Tensor], config: HubertConfig) -> HubertModel:
    """A HubertModel, in evaluation mode, with the weights of a state dict of its names; heads are
    left out. Raises ValueError where a weight is missing or one too many."""
    state = {name: weight for name, weight in state.items() if not _is_head(name)}
    model = HubertModel(config)
    if "masked_spec_embed" not in state:  # of fine-tuned models of torchaudio
        generator = torch.Generator().manual_seed(0)
        state["masked_spec_embed"] = torch.rand(config.hidden_size, generator=generator)
    try:
        missing, unexpected = model.load_state_dict(state, strict=False)
    except RuntimeError as error:
        raise ValueError(f"the state dict is no HuBERT: {error}") from None
    if missing or unexpected:
        faults = {"it lacks": missing, "it has besides": unexpected}
        reasons = "; ".join(
            f"{how} {', '.join(names[:3])}" for how, names in faults.items() if names
        )
        raise ValueError(f"the state dict is no HuBERT of the paper's form: {reasons}")
    return model.eval()


def _is_head(name: str) -> bool:
    return name.startswith((f"{CTC_HEAD}.", f"{PROJECTION}.", EMBEDDINGS))


# --- what they show


def _config(state: Mapping[str, torch.Tensor], unseen: Unseen) -> HubertConfig:
    """The sizes that the weights have. Raises ValueError for what nothing shows."""
    try:
        sizes = _sizes(state)
    except KeyError as error:
        raise ValueError(f"the state dict is no HuBERT: it lacks {error.args[0]}") from None
    strides = unseen.strides
    if strides is None and sizes["conv_kernel"] == _PAPER_KERNELS:
        strides = _PAPER_STRIDES
    unknown = {
        "--num-heads": unseen.num_heads,
        "--pre-norm or --no-pre-norm": unseen.pre_norm,
        "--normalise or --no-normalise": unseen.normalise,
        "--strides": strides,
    }
    missing = [flag for flag, value in unknown.items() if value is None]
    if missing:
        raise ValueError(
            f"weights do not show all that a HuBERT is: give {', '.join(missing)}; for a published "
            f"model --like {' | '.join(PUBLISHED)}"
        )
    if sizes["hidden_size"] % unseen.num_heads:
        raise ValueError(
            f"num_heads is {unseen.num_heads}, which does not divide the width "
            f"{sizes['hidden_size']}"
        )
    if len(strides) != len(sizes["conv_kernel"]):
        raise ValueError(f"{len(strides)} strides for {len(sizes['conv_kernel'])} convolutions")
    return HubertConfig(
        num_attention_heads=unseen.num_heads,
        do_stable_layer_norm=unseen.pre_norm,
        conv_stride=strides,
        **sizes,
    )


def _sizes(state: Mapping[str, torch.Tensor]) -> dict[str, Any]:
    front = "feature_extractor.conv_layers"
    num_convs = len({name.split(".")[2] for name in state if name.startswith(front)})
    convs = [state[f"{front}.{i}.conv.weight"] for i in range(max(1, num_convs))]
    layers = {name.split(".")[2] for name in state if name.startswith("encoder.layers.")}
    intermediate = state["encoder.layers.0.feed_forward.intermediate_dense.weight"]
    hidden_size = len(state["feature_projection.projection.weight"])
    batch_norm = "encoder.pos_conv_embed.batch_norm.weight" in state
    position = "weight" if batch_norm else "parametrizations.weight.original1"
    position = state[f"encoder.pos_conv_embed.conv.{position}"]
    return {
        "hidden_size": hidden_size,
        "num_hidden_layers": len(layers),
        "intermediate_size": len(intermediate),
        "conv_dim": tuple(len(conv) for conv in convs),
        "conv_kernel": tuple(conv.shape[2] for conv in convs),
        "num_feat_extract_layers": len(convs),
        "conv_bias": f"{front}.0.conv.bias" in state,
        "feat_extract_norm": "layer" if f"{front}.1.layer_norm.weight" in state else "group",
        "num_conv_pos_embeddings": position.shape[2],
        "num_conv_pos_embedding_groups": hidden_size // position.shape[1],
        "conv_pos_batch_norm": batch_norm,
    }


# --- heads


@dataclass(frozen=True)
class _CtcHead:
    tokens: Sequence[str]
    weight: torch.Tensor
    bias: torch.Tensor


def _ctc_head(
    file: WeightsFile, state: Mapping[str, torch.Tensor], tokens: Path | None
) -> _CtcHead | None:
    if f"{CTC_HEAD}.weight" not in state:
        return None
    weight, bias = state[f"{CTC_HEAD}.weight"], state[f"{CTC_HEAD}.bias"]
    if tokens is not None:
        return _CtcHead(read_tokens(tokens, len(weight)), weight, bias)
    symbols = file.dictionaries[0] if file.dictionaries else None
    if symbols is None or len(symbols) != len(weight):
        raise ValueError(
            f"it has a CTC head of {len(weight)} tokens and does not name them: give --tokens, "
            f"fairseq's dict.ltr.txt or a file with a token a line, the blank first"
        )
    return _CtcHead([*SPECIALS, *symbols[len(SPECIALS) :]], weight, bias)


@dataclass(frozen=True)
class _UnitHeads:
    """Of each label set: its name, its projection, and its embeddings [K, final_dim]."""

    names: Sequence[str]
    projections: Sequence[tuple[torch.Tensor, torch.Tensor]]
    embeddings: Sequence[torch.Tensor]


def _unit_heads(file: WeightsFile, state: Mapping[str, torch.Tensor]) -> _UnitHeads | None:
    if f"{PROJECTION}.weight" not in state or not len(state.get(EMBEDDINGS, ())):
        return None  # fine-tuned models of fairseq keep their embeddings, not the projection
    embeddings, projection = state[EMBEDDINGS], state[f"{PROJECTION}.weight"]
    bias = state[f"{PROJECTION}.bias"]
    if file.cfg is None:  # torchaudio's: one label set, without special symbols
        return _UnitHeads(["units"], [(projection, bias)], [embeddings])
    _, task = pretraining(file.cfg)
    names = task.get("labels") or ["units"]
    rows = _rows_of_units(file.dictionaries, names, len(embeddings))
    parts = len(rows) if len(projection) == embeddings.shape[1] * len(rows) else 1
    projections = list(zip(projection.chunk(parts), bias.chunk(parts), strict=True))
    if parts == 1:
        projections *= len(rows)
    return _UnitHeads(names, projections, [embeddings[own] for own in rows])


def _rows_of_units(
    dictionaries: list[list[str]] | None, names: Sequence[str], num_rows: int
) -> list[list[int]]:
    """Where the embedding of each unit of each label set stands. Raises ValueError where nothing
    says so."""
    files = ", ".join(f"dict.{name}.txt" for name in names)
    unknown = ValueError(
        f"nothing says whose its {num_rows} label embeddings are: put {files} of its training "
        f"beside it"
    )
    if dictionaries is None or len(dictionaries) != len(names):
        raise unknown
    if sum(map(len, dictionaries)) != num_rows:
        raise unknown
    rows, first = [], 0
    for symbols in dictionaries:
        place = {symbol: first + position for position, symbol in enumerate(symbols)}
        units = [str(unit) for unit in range(len(symbols) - len(SPECIALS))]
        if not all(unit in place for unit in units):
            raise unknown
        rows.append([place[unit] for unit in units])
        first += len(symbols)
    return rows


# --- the directory


def _save(
    part: Path,
    encoder: HubertModel,
    unseen: Unseen,
    head: _CtcHead | None,
    units: _UnitHeads | None,
    file: WeightsFile,
) -> str:
    """Writes the model's files; returns what is beside the encoder."""
    layer_norm = encoder.config.feat_extract_norm == "layer"
    notes = "no head"
    if head is not None:
        _save_ctc(part, encoder, head)
        notes = f"a CTC head of {len(head.tokens)} tokens"
    else:
        encoder.save_pretrained(part)
    extractor = Wav2Vec2FeatureExtractor(
        do_normalize=unseen.normalise, return_attention_mask=layer_norm
    )
    extractor.save_pretrained(part)
    if units is not None and head is None:
        try:
            model = _pretraining_model(encoder, unseen, units, file)
        except ValueError as error:
            return f"label embeddings left out: {error}"
        model.save(part)
        sizes = ", ".join(
            f"{len(one)} {n}" for n, one in zip(units.names, units.embeddings, strict=True)
        )
        notes = f"label embeddings of {sizes}"
    return notes


def _save_ctc(part: Path, encoder: HubertModel, head: _CtcHead) -> None:
    config = encoder.config
    config.update({"vocab_size": len(head.tokens), "pad_token_id": 0})
    config.update({"bos_token_id": None, "eos_token_id": None})
    network = HubertForCTC(config)
    network.hubert.load_state_dict(encoder.state_dict())
    with torch.no_grad():
        network.lm_head.weight.copy_(head.weight)
        network.lm_head.bias.copy_(head.bias)
    network.save_pretrained(part)
    save_tokenizer(part, head.tokens)


def _pretraining_model(
    encoder: HubertModel, unseen: Unseen, units: _UnitHeads, file: WeightsFile
) -> HubertForPretraining:
    """Raises ValueError where HubertOptions do not describe the encoder."""
    changes: dict[str, Any] = {"final_dim": units.embeddings[0].shape[1]}
    if file.cfg is not None:
        model, _ = pretraining(file.cfg)
        names = {
            "temperature": "logit_temp",
            "mask_fraction": "mask_prob",
            "mask_span": "mask_length",
            "feature_grad_scale": "feature_grad_mult",
        }
        changes |= {ours: model[theirs] for ours, theirs in names.items() if theirs in model}
    options = options_of(encoder.config, unseen.normalise, **changes)
    sets = [Units(name, len(own)) for name, own in zip(units.names, units.embeddings, strict=True)]
    model = HubertForPretraining(options, sets)
    model.encoder = encoder
    with torch.no_grad():
        for index, (weight, bias) in enumerate(units.projections):
            model.heads.projections[index].weight.copy_(weight)
            model.heads.projections[index].bias.copy_(bias)
            model.heads.embeddings[index].copy_(units.embeddings[index])
    return model
