"""`aubert hubert export`: a model directory as a checkpoint of fairseq or torchaudio.

fairseq's is <out>/checkpoint.pt, which load_model_ensemble_and_task and w2v_path take, with a
dictionary for each label set beside it. torchaudio's is <out>/model.safetensors, a state dict, and
model.json, the function and the arguments that build the model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from transformers import (
    AutoConfig,
    AutoModelForCTC,
    AutoTokenizer,
    HubertConfig,
    Wav2Vec2FeatureExtractor,
)

from aubert.encoders.hubert import load_encoder
from aubert.encoders.pretrained import from_pretrained, load_network, load_part
from aubert.files import complete_directory, write_json
from aubert.hubert.ctc_tokens import SPECIALS
from aubert.hubert.names import CTC_HEAD, EMBEDDINGS, PROJECTION, as_fairseq, as_torchaudio
from aubert.hubert.network import HEADS_JSON, HubertForPretraining
from aubert.hubert.options import HubertOptions
from aubert.units.shards import write_dict

_WHAT = "a HuBERT"
_NEVER = -1e4  # a bias: of tokens that fairseq has and the model has not
_LABEL_RATE_HZ = 50


@dataclass(frozen=True)
class _Model:
    """state: of the encoder, by transformers' names. tokens, head: of CTC, or None.
    pretraining: with its label embeddings, or None"""

    config: HubertConfig
    normalise: bool
    state: Mapping[str, torch.Tensor]
    tokens: Sequence[str] | None
    head: tuple[torch.Tensor, torch.Tensor] | None
    pretraining: HubertForPretraining | None


def export_model(name: str, out: Path, to: str) -> str:
    """Writes `out`, a checkpoint of `to`: fairseq or torchaudio; returns a summary line.

    name: a model directory or a Hugging Face id of a HuBERT over the waveform; its CTC head or
    label embeddings go with it. Raises ValueError for another model, for what `to` cannot hold,
    and where `out` is there already."""
    if out.exists():
        raise ValueError(f"{out} is there already; give a directory that is not")
    model = _loaded(name)
    write: Callable = {"fairseq": _write_fairseq, "torchaudio": _write_torchaudio}[to]
    with complete_directory(out) as part:
        notes = write(part, out.resolve(), model)
    return f"export: {name} for {to} in {out}, {notes}"


def _loaded(name: str) -> _Model:
    config = from_pretrained(AutoConfig, name)
    if config.model_type != "hubert":
        raise ValueError(
            f"{name} is a {config.model_type} model; what fairseq and torchaudio have is a HuBERT "
            f"over the waveform"
        )
    extractor = load_part(Wav2Vec2FeatureExtractor, name, _WHAT)
    tokens = head = pretraining = None
    if "HubertForCTC" in (config.architectures or ()):
        network = load_network(AutoModelForCTC, name, _WHAT)
        encoder, tokens = network.hubert, _tokens(name, network.config)
        head = (network.lm_head.weight.detach(), network.lm_head.bias.detach())
    else:
        if (Path(name) / HEADS_JSON).is_file():
            pretraining = HubertForPretraining.load(name)
        encoder = pretraining.encoder if pretraining else load_encoder(name)
    do_normalize = bool(extractor.do_normalize)
    return _Model(config, do_normalize, encoder.state_dict(), tokens, head, pretraining)


def _tokens(name: str, config: HubertConfig) -> list[str]:
    """By their rows; the blank is <pad>, whatever it is called there."""
    vocabulary = load_part(AutoTokenizer, name, _WHAT).get_vocab()
    tokens = [f"<{row}>" for row in range(config.vocab_size)]
    for token, row in vocabulary.items():
        if row < len(tokens):
            tokens[row] = token
    tokens[config.pad_token_id] = SPECIALS[0]
    return tokens


# --- fairseq


def _write_fairseq(part: Path, out: Path, model: _Model) -> str:
    """out: the place where `part` will be: the dictionaries' in the cfg."""
    state = as_fairseq(_encoder_and_units(model, num_specials=len(SPECIALS)))
    own, task = _fairseq_model(model.config, model), _fairseq_task(out, model)
    names = [one.name for one in model.pretraining.units] if model.pretraining else []
    for one in model.pretraining.units if model.pretraining else ():
        write_dict(part / f"dict.{one.name}.txt", one.num_units)
    if model.tokens is not None:
        tokens, weight, bias = _fairseq_head(model)
        state["label_embs_concat"] = _untrained_units(model.config)["label_embs_concat"]
        state = {f"w2v_encoder.w2v_model.{name}": weight for name, weight in state.items()}
        state |= {"w2v_encoder.proj.weight": weight, "w2v_encoder.proj.bias": bias}
        lines = "".join(f"{token} 1\n" for token in tokens[len(SPECIALS) :])
        (part / "dict.ltr.txt").write_text(lines, encoding="utf-8")
        own = _fairseq_ctc(own, task, out)
        task = task | {"fine_tuning": True, "labels": ["ltr"], "label_rate": -1.0}
        names = ["ltr"]
    elif not names:
        state |= _untrained_units(model.config)
    checkpoint = {
        "args": None,
        "cfg": {"_name": None, "model": own, "task": task},
        "model": {name: weight.contiguous() for name, weight in state.items()},
        "criterion": None,
        "optimizer_history": [
            {
                "criterion_name": "HubertCriterion",
                "optimizer_name": "FairseqAdam",
                "lr_scheduler_state": {},
                "num_updates": 0,
            }
        ],
        "task_state": {},
        "extra_state": {"train_iterator": {"epoch": 1, "iterations_in_epoch": 0}},
        "last_optimizer_state": None,
    }
    torch.save(checkpoint, part / "checkpoint.pt")
    return f"with dictionaries of {', '.join(names)}" if names else "no head"


def _encoder_and_units(model: _Model, num_specials: int) -> dict[str, torch.Tensor]:
    """The encoder's state with the label sets' projections and embeddings one below the other.

    num_specials: rows before each set's embeddings, of symbols that are no label. They begin as in
    fairseq, uniform in 0..1."""
    state = dict(model.state)
    if model.pretraining is None:
        return state
    heads = model.pretraining.heads
    generator = torch.Generator().manual_seed(0)
    rows = []
    for own in heads.embeddings:
        if num_specials:
            rows.append(torch.rand(num_specials, own.shape[1], generator=generator))
        rows.append(own.detach())
    state[EMBEDDINGS] = torch.cat(rows)
    for part in ("weight", "bias"):
        values = [getattr(projection, part).detach() for projection in heads.projections]
        state[f"{PROJECTION}.{part}"] = torch.cat(values)
    return state


def _untrained_units(config: HubertConfig) -> dict[str, torch.Tensor]:
    """What fairseq's HubertModel has also without a label set."""
    final_dim = HubertOptions().final_dim
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(final_dim, config.hidden_size, generator=generator) * 0.02
    bias = torch.zeros(final_dim)
    embeddings = torch.zeros(0, final_dim)
    return {"final_proj.weight": weight, "final_proj.bias": bias, "label_embs_concat": embeddings}


def _fairseq_model(config: HubertConfig, model: _Model) -> dict[str, Any]:
    options = model.pretraining.options if model.pretraining else HubertOptions()
    convs = zip(config.conv_dim, config.conv_kernel, config.conv_stride, strict=True)
    every_conv = config.feat_extract_norm == "layer"
    return {
        "_name": "hubert",
        "label_rate": float(_LABEL_RATE_HZ),
        "extractor_mode": "layer_norm" if every_conv else "default",
        "encoder_layers": config.num_hidden_layers,
        "encoder_embed_dim": config.hidden_size,
        "encoder_ffn_embed_dim": config.intermediate_size,
        "encoder_attention_heads": config.num_attention_heads,
        "activation_fn": "gelu",
        "dropout": config.hidden_dropout,
        "attention_dropout": config.attention_dropout,
        "activation_dropout": config.activation_dropout,
        "encoder_layerdrop": config.layerdrop,
        "dropout_input": config.feat_proj_dropout,
        "dropout_features": 0.0,
        "final_dim": options.final_dim,
        "untie_final_proj": bool(model.pretraining) and len(model.pretraining.units) > 1,
        "layer_norm_first": config.do_stable_layer_norm,
        "conv_feature_layers": str([tuple(conv) for conv in convs]),
        "conv_bias": config.conv_bias,
        "logit_temp": options.temperature,
        "feature_grad_mult": options.feature_grad_scale,
        "mask_length": options.mask_span,
        "mask_prob": options.mask_fraction,
        "conv_pos": config.num_conv_pos_embeddings,
        "conv_pos_groups": config.num_conv_pos_embedding_groups,
        "conv_pos_batch_norm": config.conv_pos_batch_norm,
        "skip_nomask": options.masked_weight == 1,
    }


def _fairseq_task(out: Path, model: _Model) -> dict[str, Any]:
    return {
        "_name": "hubert_pretraining",
        "data": str(out),
        "label_dir": str(out),
        "labels": [one.name for one in model.pretraining.units] if model.pretraining else [],
        "label_rate": float(_LABEL_RATE_HZ),
        "sample_rate": 16_000,
        "normalize": model.normalise,
        "fine_tuning": False,
    }


def _fairseq_ctc(own: dict, task: dict, out: Path) -> dict[str, Any]:
    return {
        "_name": "hubert_ctc",
        "w2v_path": "",
        "w2v_args": {"_name": None, "model": own, "task": task},
        "apply_mask": False,
        "normalize": task["normalize"],
        "data": str(out),
        "encoder_embed_dim": own["encoder_embed_dim"],
    }


def _fairseq_head(model: _Model) -> tuple[list[str], torch.Tensor, torch.Tensor]:
    """Tokens, weights and biases with fairseq's four symbols first; one that the model has not
    never comes out."""
    weight, bias = model.head
    row = {token: place for place, token in enumerate(model.tokens)}
    tokens = [*SPECIALS, *(token for token in model.tokens if token not in SPECIALS)]
    never = (torch.zeros_like(weight[0]), torch.full_like(bias[0], _NEVER))
    rows = [(weight[row[t]], bias[row[t]]) if t in row else never for t in tokens]
    return tokens, torch.stack([own for own, _ in rows]), torch.stack([own for _, own in rows])


# --- torchaudio


def _write_torchaudio(part: Path, out: Path, model: _Model) -> str:
    config, units = model.config, model.pretraining
    if config.conv_pos_batch_norm:
        raise ValueError("torchaudio has no batch norm in its positions (conv_pos_batch_norm)")
    arguments = _torchaudio_arguments(config)
    function, notes, state = "wav2vec2_model", "no head", dict(model.state)
    if model.tokens is not None:
        state[f"{CTC_HEAD}.weight"], state[f"{CTC_HEAD}.bias"] = model.head
        notes = f"a CTC head of {len(model.tokens)} tokens"
    elif units and len(units.units) == 1 and units.options.temperature == 0.1:
        state = _encoder_and_units(model, num_specials=0)
        function, notes = "hubert_pretrain_model", f"label embeddings of {units.units[0].name}"
    elif units:
        notes = "without label embeddings: torchaudio has those of one set, at a temperature of 0.1"
    if function == "wav2vec2_model":
        del state["masked_spec_embed"]
        arguments["aux_num_out"] = len(model.tokens) if model.tokens is not None else None
    else:
        arguments |= _torchaudio_masking(units)
    named = as_torchaudio(state)
    if function == "hubert_pretrain_model":
        beside = ("mask_generator.", "logit_generator.")
        named = {
            name if name.startswith(beside) else f"wav2vec2.{name}": weight
            for name, weight in named.items()
        }
    save_file({name: one.contiguous() for name, one in named.items()}, part / "model.safetensors")
    content = {
        "function": f"torchaudio.models.{function}",
        "arguments": arguments,
        "normalise": model.normalise,
        "tokens": model.tokens,
    }
    write_json(part / "model.json", content)
    return notes


def _torchaudio_arguments(config: HubertConfig) -> dict[str, Any]:
    convs = zip(config.conv_dim, config.conv_kernel, config.conv_stride, strict=True)
    return {
        "extractor_mode": "layer_norm" if config.feat_extract_norm == "layer" else "group_norm",
        "extractor_conv_layer_config": [list(conv) for conv in convs],
        "extractor_conv_bias": config.conv_bias,
        "encoder_embed_dim": config.hidden_size,
        "encoder_projection_dropout": config.feat_proj_dropout,
        "encoder_pos_conv_kernel": config.num_conv_pos_embeddings,
        "encoder_pos_conv_groups": config.num_conv_pos_embedding_groups,
        "encoder_num_layers": config.num_hidden_layers,
        "encoder_num_heads": config.num_attention_heads,
        "encoder_attention_dropout": config.attention_dropout,
        "encoder_ff_interm_features": config.intermediate_size,
        "encoder_ff_interm_dropout": config.activation_dropout,
        "encoder_dropout": config.hidden_dropout,
        "encoder_layer_norm_first": config.do_stable_layer_norm,
        "encoder_layer_drop": config.layerdrop,
    }


def _torchaudio_masking(model: HubertForPretraining) -> dict[str, Any]:
    """The rest of hubert_pretrain_model's arguments, as torchaudio.models.hubert_pretrain_base has
    them where our options do not say otherwise."""
    options = model.options
    scale = options.feature_grad_scale
    return {
        "mask_prob": options.mask_fraction,
        "mask_selection": "static",
        "mask_other": 0.0,
        "mask_length": options.mask_span,
        "no_mask_overlap": False,
        "mask_min_space": 1,
        "mask_channel_prob": 0.0,
        "mask_channel_selection": "static",
        "mask_channel_other": 0.0,
        "mask_channel_length": 10,
        "no_mask_channel_overlap": False,
        "mask_channel_min_space": 1,
        "skip_masked": False,
        "skip_nomask": options.masked_weight == 1,
        "num_classes": model.units[0].num_units,
        "final_dim": options.final_dim,
        "feature_grad_mult": scale if 0 < scale < 1 else None,
    }
