import re

import numpy as np
import pytest
import torch
import torchaudio
from safetensors.torch import save_file

from aubert.cli import main
from aubert.hubert.convert import import_state_dict
from aubert.units.encoder_features import Encoder, EncoderOptions

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
}


def torchaudio_model(kind: str, aux_num_out: int | None = None):
    torch.manual_seed(0)
    model = torchaudio.models.wav2vec2_model(**SIZES, **KINDS[kind], aux_num_out=aux_num_out)
    with torch.no_grad():  # norms that are not the identity, biases that are not zero
        for weight in model.parameters():
            weight.add_(torch.randn_like(weight) * 0.05)
    return model.eval()


def fairseq_names(state: dict) -> dict:
    """The torchaudio names back to fairseq's, as its HubertModel has them."""
    rules = [
        (r"^feature_extractor\.conv_layers\.(\d)\.conv\.", r"feature_extractor.conv_layers.\1.0."),
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
    ]
    renamed = {}
    every_conv = "feature_extractor.conv_layers.1.layer_norm.weight" in state
    for name, tensor in state.items():
        place = "2.1" if every_conv else "2"
        new = re.sub(
            r"^feature_extractor\.conv_layers\.(\d)\.layer_norm\.",
            rf"feature_extractor.conv_layers.\1.{place}.",
            name,
        )
        for pattern, replacement in rules:
            new = re.sub(pattern, replacement, new)
        renamed[new] = tensor
    return renamed


def assert_same_features(reference, imported):
    samples = torch.randn(2, 8000, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        expected, _ = reference.extract_features(samples)
        states = imported(samples, output_hidden_states=True)
    assert len(states.hidden_states) == len(expected) + 1
    for layer, features in enumerate(expected[:-1], start=1):
        torch.testing.assert_close(states.hidden_states[layer], features, atol=1e-4, rtol=0)
    with torch.inference_mode():
        final, _ = reference(samples) if reference.aux is None else (expected[-1], None)
    if reference.aux is None:
        torch.testing.assert_close(states.last_hidden_state, final, atol=1e-4, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_torchaudio_weights_give_the_same_features(kind):
    reference = torchaudio_model(kind)
    assert_same_features(reference, import_state_dict(reference.state_dict(), num_heads=4))


@pytest.mark.parametrize("kind", KINDS)
def test_fairseq_names_give_the_same_features(kind):
    reference = torchaudio_model(kind)
    state = fairseq_names(reference.state_dict())
    assert "encoder.pos_conv.0.weight_g" in state
    assert "encoder.layers.2.self_attn.k_proj.bias" in state
    state |= {
        "mask_emb": torch.full((32,), 0.5),
        "label_embs_concat": torch.zeros(504, 8),
        "final_proj.weight": torch.zeros(8, 32),
        "final_proj.bias": torch.zeros(8),
    }
    imported = import_state_dict(state, num_heads=4)
    assert_same_features(reference, imported)
    assert imported.masked_spec_embed.tolist() == [0.5] * 32


def test_a_fine_tuned_and_wrapped_model_is_unwrapped():
    reference = torchaudio_model("base", aux_num_out=5)
    wrapped = {f"wav2vec2.{name}": tensor for name, tensor in reference.state_dict().items()}
    assert_same_features(reference, import_state_dict(wrapped, num_heads=4))


def test_torchaudios_pretraining_model_brings_its_mask_embedding():
    model = torchaudio.models.wav2vec2.model.hubert_pretrain_model(
        **SIZES,
        **KINDS["base"],
        mask_prob=0.8,
        mask_selection="static",
        mask_other=0.0,
        mask_length=10,
        no_mask_overlap=False,
        mask_min_space=1,
        mask_channel_prob=0.0,
        mask_channel_selection="static",
        mask_channel_other=0.0,
        mask_channel_length=10,
        no_mask_channel_overlap=False,
        mask_channel_min_space=1,
        skip_masked=False,
        skip_nomask=False,
        num_classes=5,
        final_dim=8,
        feature_grad_mult=0.1,
    ).eval()
    imported = import_state_dict(model.state_dict(), num_heads=4)
    assert_same_features(model.wav2vec2, imported)
    assert torch.equal(imported.masked_spec_embed, model.mask_generator.mask_embedding)


def test_the_published_sizes_are_derived_from_the_weights():
    with torch.device("meta"):
        state = torchaudio.models.hubert_large().state_dict()
    from aubert.hubert.convert import _config, _renamed

    config = _config(_renamed(state), None)
    assert (config.hidden_size, config.num_hidden_layers, config.num_attention_heads) == (
        1024,
        24,
        16,
    )
    assert (config.intermediate_size, config.num_conv_pos_embedding_groups) == (4096, 16)
    assert config.do_stable_layer_norm and config.feat_extract_norm == "layer"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("encoder.transformer.layers.1.attention.k_proj.bias"), "lacks"),
        (lambda state: state.update({"quantizer.vars": torch.zeros(1)}), "quantizer.vars"),
        (lambda state: state.pop("feature_extractor.conv_layers.3.conv.weight"), "lacks"),
    ],
)
def test_another_models_weights_are_refused(change, message):
    state = torchaudio_model("base").state_dict()
    change(state)
    with pytest.raises(ValueError, match=message):
        import_state_dict(state, num_heads=4)


@pytest.mark.parametrize("kind", KINDS)
def test_a_safetensors_file_becomes_a_model_directory(kind, tmp_path, capsys):
    reference = torchaudio_model(kind)
    save_file(reference.state_dict(), tmp_path / "weights.safetensors")
    words = ["hubert", "import", str(tmp_path / "weights.safetensors"), str(tmp_path / "model")]
    assert main([*words, "--num-heads", "4"]) == 0
    assert "import: 3 layers of 32, 0.0 M weights" in capsys.readouterr().out

    samples = np.random.default_rng(0).standard_normal(8_000).astype(np.float32)
    encoder = Encoder.load(str(tmp_path / "model"), EncoderOptions(layer=2, device="cpu"))
    ((_, found),) = encoder.run([("x", samples)])
    if kind == "large":  # which takes audio of zero mean and unit variance
        samples = (samples - samples.mean()) / np.sqrt(samples.var() + 1e-7)
    with torch.inference_mode():
        expected, _ = reference.extract_features(torch.from_numpy(samples)[None])
    np.testing.assert_allclose(found, expected[1][0].numpy(), atol=1e-4)

    assert main([*words, "--num-heads", "4"]) == 1
    assert "is there already" in capsys.readouterr().err


def test_pickles_are_refused(tmp_path, capsys):
    torch.save(torchaudio_model("base").state_dict(), tmp_path / "weights.pt")
    assert main(["hubert", "import", str(tmp_path / "weights.pt"), str(tmp_path / "model")]) == 1
    assert "pickles, which can run any code and are not read" in capsys.readouterr().err
    assert not (tmp_path / "model").exists()
