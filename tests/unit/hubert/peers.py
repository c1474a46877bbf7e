"""Tiny HuBERTs of torchaudio, and their weights under fairseq's names and in its checkpoints."""

from __future__ import annotations

import re
import sys
from argparse import Namespace
from pathlib import Path
from types import ModuleType

import torch
import torchaudio

SIZES = {
    "extractor_conv_layer_config": [(16, 10, 5)] + [(16, 3, 2)] * 4 + [(16, 2, 2)] * 2,
    "extractor_conv_bias": False,
    "encoder_embed_dim": 32,
    "encoder_projection_dropout": 0.1,
    "encoder_pos_conv_kernel": 16,
    "encoder_pos_conv_groups": 4,
    "encoder_num_layers": 3,
    "encoder_num_heads": 4,
    "encoder_attention_dropout": 0.1,
    "encoder_ff_interm_features": 48,
    "encoder_ff_interm_dropout": 0.1,
    "encoder_dropout": 0.1,
    "encoder_layer_drop": 0.1,
}
KINDS = {
    "base": {"extractor_mode": "group_norm", "encoder_layer_norm_first": False},
    "large": {"extractor_mode": "layer_norm", "encoder_layer_norm_first": True},
    # what the weights alone take for the first
    "pre_norm": {"extractor_mode": "group_norm", "encoder_layer_norm_first": True},
}
MASKING = {
    "mask_prob": 0.8,
    "mask_selection": "static",
    "mask_other": 0.0,
    "mask_length": 10,
    "no_mask_overlap": False,
    "mask_min_space": 1,
    "mask_channel_prob": 0.0,
    "mask_channel_selection": "static",
    "mask_channel_other": 0.0,
    "mask_channel_length": 10,
    "no_mask_channel_overlap": False,
    "mask_channel_min_space": 1,
    "skip_masked": False,
    "skip_nomask": False,
}


def torchaudio_model(kind: str, aux_num_out: int | None = None, **sizes):
    torch.manual_seed(0)
    arguments = {**SIZES, **KINDS[kind], **sizes}
    return perturbed(torchaudio.models.wav2vec2_model(**arguments, aux_num_out=aux_num_out))


def torchaudio_pretraining(num_classes: int = 5):
    torch.manual_seed(0)
    return perturbed(
        torchaudio.models.hubert_pretrain_model(
            **SIZES,
            **KINDS["base"],
            **MASKING,
            num_classes=num_classes,
            final_dim=8,
            feature_grad_mult=0.1,
        )
    )


def perturbed(model: torch.nn.Module) -> torch.nn.Module:
    """As after a training: no norm is the identity, no bias zero."""
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn_like(weight) * 0.05)
    return model.eval()


def fairseq_names(state: dict) -> dict:
    """torchaudio's names as fairseq's HubertModel has them."""
    every_conv = "feature_extractor.conv_layers.1.layer_norm.weight" in state
    rules = [
        (r"^feature_extractor\.conv_layers\.(\d)\.conv\.", r"feature_extractor.conv_layers.\1.0."),
        (
            r"^feature_extractor\.conv_layers\.(\d)\.layer_norm\.",
            rf"feature_extractor.conv_layers.\1.{'2.1' if every_conv else '2'}.",
        ),
        (r"^encoder\.feature_projection\.projection\.", "post_extract_proj."),
        (r"^encoder\.feature_projection\.layer_norm\.", "layer_norm."),
        (r"^encoder\.transformer\.pos_conv_embed\.conv\.", "encoder.pos_conv.0."),
        (r"^encoder\.transformer\.layer_norm\.", "encoder.layer_norm."),
        (r"(layers\.\d+)\.layer_norm\.", r"\1.self_attn_layer_norm."),
        (r"^encoder\.transformer\.layers\.", "encoder.layers."),
        (r"\.attention\.", ".self_attn."),
        (r"\.feed_forward\.intermediate_dense\.", ".fc1."),
        (r"\.feed_forward\.output_dense\.", ".fc2."),
        (r"parametrizations\.weight\.original0", "weight_g"),
        (r"parametrizations\.weight\.original1", "weight_v"),
        (r"^aux\.", "proj."),
    ]
    renamed = {}
    for name, tensor in state.items():
        for pattern, replacement in rules:
            name = re.sub(pattern, replacement, name)
        renamed[name] = tensor
    return renamed


def fairseq_cfg(kind: str, **model) -> dict:
    """What a checkpoint's cfg says of SIZES and a kind."""
    own = {
        "_name": "hubert",
        "encoder_attention_heads": 4,
        "layer_norm_first": KINDS[kind]["encoder_layer_norm_first"],
        "conv_feature_layers": "[(16, 10, 5)] + [(16, 3, 2)] * 4 + [(16,2,2)] * 2",
        "layer_type": "transformer",
        "activation_fn": "gelu",
        "dropout": 0.2,
        "encoder_layerdrop": 0.05,
        "logit_temp": 0.2,
        "mask_prob": 0.65,
        **model,
    }
    task = {"_name": "hubert_pretraining", "labels": ["km"], "normalize": kind == "large"}
    return {"_name": None, "model": own, "task": task}


class Dictionary:
    """In place of fairseq.data.dictionary.Dictionary: its state is what a checkpoint holds."""

    def __init__(self, symbols):
        self.symbols = ["<s>", "<pad>", "</s>", "<unk>", *symbols]
        self.count = [1] * len(self.symbols)
        self.indices = {symbol: place for place, symbol in enumerate(self.symbols)}


Dictionary.__module__ = "fairseq.data.dictionary"


def save_fairseq(path: Path, monkeypatch, state: dict, **entries) -> None:
    """A checkpoint as fairseq's trainer writes it, with its class where there is none installed."""
    module = ModuleType("fairseq.data.dictionary")
    module.Dictionary = Dictionary
    content = {
        "args": None,
        "cfg": None,
        "model": state,
        "criterion": {},
        "optimizer_history": [{"num_updates": 3}],
        "task_state": {},
        "extra_state": {"train_iterator": {"epoch": 1}},
        "last_optimizer_state": None,
        **entries,
    }
    with monkeypatch.context() as patch:
        for name in ("fairseq", "fairseq.data"):
            patch.setitem(sys.modules, name, ModuleType(name))
        patch.setitem(sys.modules, module.__name__, module)
        torch.save(content, path)


def as_namespace(cfg: dict) -> Namespace:
    """As fairseq had it before hydra: one Namespace of all settings."""
    return Namespace(
        **{**cfg["task"], **cfg["model"], "arch": "hubert", "task": "hubert_pretraining"}
    )


def assert_same_features(reference, imported) -> None:
    """reference: of torchaudio; imported: a transformers.HubertModel."""
    samples = torch.randn(2, 8000, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        expected, _ = reference.extract_features(samples)
        states = imported(samples, output_hidden_states=True).hidden_states
    assert len(states) == len(expected) + 1
    for layer, features in enumerate(expected, start=1):
        torch.testing.assert_close(states[layer], features, atol=1e-5, rtol=0)
        for other in set(range(1, 4)) - {layer}:  # the comparison tells layers apart
            assert (states[other] - features).abs().max() > 1e-2
