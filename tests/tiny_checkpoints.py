"""CTC checkpoints of a few thousand random weights, saved as Hugging Face saves them."""

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
