"""Published HuBERT weights under other names: torchaudio's and fairseq's state dicts.

Both hold the tensors of transformers.HubertModel. Only names differ, and weight norm's
layout of old; heads are left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers import HubertConfig, HubertModel, Wav2Vec2FeatureExtractor

from aubert.files import complete_directory

# Pattern -> name in transformers.HubertModel; "" for what the encoder has no use for.
_TORCHAUDIO = {
    r"feature_extractor\.(.+)": r"feature_extractor.\1",
    r"encoder\.feature_projection\.(.+)": r"feature_projection.\1",
    r"encoder\.transformer\.(.+)": r"encoder.\1",
    r"mask_generator\.mask_embedding": "masked_spec_embed",
    r"logit_generator\..+|aux\..+": "",
}
_FAIRSEQ = {
    r"feature_extractor\.conv_layers\.(\d+)\.0\.(.+)": r"feature_extractor.conv_layers.\1.conv.\2",
    r"feature_extractor\.conv_layers\.(\d+)\.2\.(?:1\.)?(.+)": (
        r"feature_extractor.conv_layers.\1.layer_norm.\2"
    ),
    r"post_extract_proj\.(.+)": r"feature_projection.projection.\1",
    r"layer_norm\.(.+)": r"feature_projection.layer_norm.\1",
    r"mask_emb": "masked_spec_embed",
    r"encoder\.pos_conv\.0\.(.+)": r"encoder.pos_conv_embed.conv.\1",
    r"encoder\.layer_norm\.(.+)": r"encoder.layer_norm.\1",
    r"encoder\.layers\.(\d+)\.self_attn\.(.+)": r"encoder.layers.\1.attention.\2",
    r"encoder\.layers\.(\d+)\.self_attn_layer_norm\.(.+)": r"encoder.layers.\1.layer_norm.\2",
    r"encoder\.layers\.(\d+)\.fc1\.(.+)": (r"encoder.layers.\1.feed_forward.intermediate_dense.\2"),
    r"encoder\.layers\.(\d+)\.fc2\.(.+)": r"encoder.layers.\1.feed_forward.output_dense.\2",
    r"encoder\.layers\.(\d+)\.final_layer_norm\.(.+)": r"encoder.layers.\1.final_layer_norm.\2",
    r"label_embs_concat|final_proj\..+|proj\..+": "",
}
# Of models that wrap the encoder: HuBERTPretrainModel, and fine-tuned ones of fairseq.
_PREFIXES = r"^(?:wav2vec2\.|w2v_encoder\.|w2v_model\.)+"
_WEIGHT_NORM = {"weight_g": "original0", "weight_v": "original1"}


def import_weights(weights: Path, out: Path, num_heads: int | None = None) -> str:
    """Writes the Hugging Face directory `out` from a state dict in a .safetensors file, which
    import_state_dict describes; returns a summary line.

    Raises ValueError for another file (pickles are never read), and where `out` is there.
    """
    if out.exists():
        raise ValueError(f"{out} is there already; give a directory that is not")
    try:
        state = load_file(weights)
    except (SafetensorError, OSError) as error:
        raise ValueError(
            f"{weights} is not a safetensors file ({error}). torch.save's .pt and .pth files are "
            f"pickles, which can run any code and are not read; where you trust one, save the "
            f"model's state dict with safetensors.torch.save_file first"
        ) from None
    model = import_state_dict(state, num_heads=num_heads)
    config = model.config
    every_conv_normalised = config.feat_extract_norm == "layer"
    with complete_directory(out) as part:
        model.save_pretrained(part)
        # As the published models were trained: BASE on the waveform as it is.
        Wav2Vec2FeatureExtractor(
            do_normalize=every_conv_normalised, return_attention_mask=every_conv_normalised
        ).save_pretrained(part)
    num_weights = sum(weight.numel() for weight in model.parameters())
    return (
        f"import: {config.num_hidden_layers} layers of {config.hidden_size}, "
        f"{num_weights / 1e6:.1f} M weights in {out}"
    )


def import_state_dict(
    state: Mapping[str, torch.Tensor], *, num_heads: int | None = None
) -> HubertModel:
    """A transformers.HubertModel, in evaluation mode, with the weights of a state dict.

    state: of torchaudio.models.hubert_base() and its kin, of HuBERTPretrainModel, or of
    fairseq's HubertModel (`checkpoint["model"]`; read a checkpoint with
    torch.load(weights_only=True)); fine-tuned ones too, whose CTC layer is left out.
    num_heads: of attention, which no weight shows; None: 16 for widths of 1280 (X-LARGE),
    else width / 64, as all published models have it. Strides are the paper's.
    Raises ValueError when a name is unknown, or a weight is missing.
    """
    renamed = _renamed(state)
    try:
        config = _config(renamed, num_heads)
    except KeyError as error:
        raise ValueError(f"the state dict is no HuBERT: it lacks {error.args[0]}") from None
    model = HubertModel(config)
    # Fine-tuned torchaudio checkpoints carry no mask embedding.
    renamed.setdefault("masked_spec_embed", model.masked_spec_embed.detach())
    missing, unexpected = model.load_state_dict(renamed, strict=False)
    if missing or unexpected:
        raise ValueError(
            f"the state dict is no HuBERT of the paper's form: it lacks {missing[:3]} and has "
            f"{unexpected[:3]} besides"
        )
    return model.eval()


def _renamed(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    bare = {re.sub(_PREFIXES, "", name): tensor for name, tensor in state.items()}
    rules = _FAIRSEQ if "post_extract_proj.weight" in bare else _TORCHAUDIO
    renamed = {}
    for name, tensor in bare.items():
        new = _new_name(name, rules)
        if new is None:
            raise ValueError(
                f"{name} is no weight of a HuBERT as torchaudio or fairseq name them; give the "
                f"model's own state dict"
            )
        if new:
            renamed[new] = tensor
    return renamed


def _new_name(name: str, rules: Mapping[str, str]) -> str | None:
    for pattern, replacement in rules.items():
        match = re.fullmatch(pattern, name)
        if match:
            return re.sub(
                r"conv\.(weight_[gv])$",
                lambda old: f"conv.parametrizations.weight.{_WEIGHT_NORM[old[1]]}",
                match.expand(replacement),
            )
    return None


def _config(state: Mapping[str, torch.Tensor], num_heads: int | None) -> HubertConfig:
    """The sizes that the weights have."""
    convs = [state[f"feature_extractor.conv_layers.{i}.conv.weight"] for i in range(7)]
    hidden_size, _ = state["feature_projection.projection.weight"].shape
    layers = {int(name.split(".")[2]) for name in state if name.startswith("encoder.layers.")}
    intermediate, _ = state["encoder.layers.0.feed_forward.intermediate_dense.weight"].shape
    position = state["encoder.pos_conv_embed.conv.parametrizations.weight.original1"]
    every_conv_normalised = "feature_extractor.conv_layers.1.layer_norm.weight" in state
    if num_heads is None:
        num_heads = 16 if hidden_size == 1280 else max(1, hidden_size // 64)
    return HubertConfig(
        hidden_size=hidden_size,
        num_hidden_layers=len(layers),
        num_attention_heads=num_heads,
        intermediate_size=intermediate,
        conv_dim=tuple(len(conv) for conv in convs),
        conv_kernel=tuple(conv.shape[2] for conv in convs),
        conv_bias="feature_extractor.conv_layers.0.conv.bias" in state,
        feat_extract_norm="layer" if every_conv_normalised else "group",
        # The weights do not show where layers are normalised; in every published model the
        # two choices go together.
        do_stable_layer_norm=every_conv_normalised,
        num_conv_pos_embeddings=position.shape[2],
        num_conv_pos_embedding_groups=hidden_size // position.shape[1],
    )
