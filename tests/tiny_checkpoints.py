"""Checkpoints of a few thousand random weights, saved as Hugging Face saves them."""

from __future__ import annotations

import json
from pathlib import Path

import torch
import transformers

TOKENS = ["<pad>", "<s>", "</s>", "<unk>", "|", *"ETAONIHSRDLUMWCFGYPBVK'XJQZ"]
KINDS = {
    "group": (transformers.HubertConfig, transformers.HubertForCTC),
    "layer": (transformers.Wav2Vec2Config, transformers.Wav2Vec2ForCTC),
}


# Encoders of HuBERT's form: name -> class, and what differs in its config.
ENCODERS = {
    "hubert": (transformers.HubertModel, {}),
    "hubert_pre_norm": (
        transformers.HubertModel,
        {"feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True},
    ),
    "mhubert_25hz": (
        transformers.HubertModel,
        {
            "conv_pos_batch_norm": True,
            "conv_dim": (8,) * 8,
            "conv_kernel": (10, 3, 3, 3, 3, 2, 2, 2),
            "conv_stride": (5, 2, 2, 2, 2, 2, 2, 2),
            "num_feat_extract_layers": 8,
        },
    ),
    "wav2vec2": (transformers.Wav2Vec2Model, {}),
    "wavlm": (transformers.WavLMModel, {}),
    "data2vec": (
        transformers.Data2VecAudioModel,
        {"feat_extract_norm": "layer", "num_conv_pos_embeddings": 3, "conv_pos_kernel_size": 5},
    ),
}


def tiny_encoder(kind: str) -> transformers.PreTrainedModel:
    """One of ENCODERS: 3 layers of 16, in evaluation mode."""
    model, changes = ENCODERS[kind]
    torch.manual_seed(0)
    shape = {
        "hidden_size": 16,
        "num_hidden_layers": 3,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "conv_dim": (8,) * 7,
        "num_conv_pos_embeddings": 9,
        "num_conv_pos_embedding_groups": 2,
        "vocab_size": len(TOKENS),
    }
    network = model(model.config_class(**{**shape, **changes}))
    with torch.no_grad():  # as after a training: no norm is the identity
        for name, weight in network.named_parameters():
            if "norm" in name or name.endswith("bias"):
                weight.add_(0.2 * torch.randn_like(weight))
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm1d):
                module.running_mean.normal_()
                module.running_var.uniform_(0.5, 2)
    return network.eval()


def save_encoder(kind: str, directory: Path, **how) -> None:
    """how: of save_pretrained."""
    network = tiny_encoder(kind)
    network.save_pretrained(directory, **how)
    layer_norm = network.config.feat_extract_norm == "layer"
    transformers.Wav2Vec2FeatureExtractor(
        do_normalize=layer_norm, return_attention_mask=layer_norm
    ).save_pretrained(directory)


def save_checkpoint(directory: Path, norm: str) -> None:
    """norm: "group", as BASE models have it, or "layer", as LARGE ones do."""
    config_class, network_class = KINDS[norm]
    torch.manual_seed(0)
    config = config_class(
        vocab_size=len(TOKENS),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        conv_dim=(8,) * 7,
        num_conv_pos_embeddings=9,
        num_conv_pos_embedding_groups=2,
        feat_extract_norm=norm,
        pad_token_id=0,
    )
    network = network_class(config)
    with torch.no_grad():  # so that differences are as large as a trained model's
        network.lm_head.weight.mul_(30)
    network.save_pretrained(directory)
    vocabulary = directory.with_suffix(".json")
    vocabulary.write_text(json.dumps({token: i for i, token in enumerate(TOKENS)}))
    tokenizer = transformers.Wav2Vec2CTCTokenizer(vocabulary)
    extractor = transformers.Wav2Vec2FeatureExtractor(return_attention_mask=norm == "layer")
    transformers.Wav2Vec2Processor(extractor, tokenizer).save_pretrained(directory)
