"""Hidden states against transformers' own single pass, for the kinds of encoders there are."""

import numpy as np
import pytest
import torch
import transformers

from aubert.units.encoder_features import Encoder, EncoderOptions

KINDS = {
    "hubert": (transformers.HubertConfig, transformers.HubertModel, {}),
    "wav2vec2_large": (
        transformers.Wav2Vec2Config,
        transformers.Wav2Vec2Model,
        {"feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True},
    ),
    "wavlm": (transformers.WavLMConfig, transformers.WavLMModel, {}),
}
NUM_LAYERS = 3


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    root = tmp_path_factory.mktemp("encoders")
    for kind, (config_class, model_class, extra) in KINDS.items():
        torch.manual_seed(0)
        config = config_class(
            hidden_size=16,
            num_hidden_layers=NUM_LAYERS,
            num_attention_heads=2,
            intermediate_size=32,
            conv_dim=(8,) * 7,
            num_conv_pos_embeddings=9,
            num_conv_pos_embedding_groups=2,
            **extra,
        )
        model_class(config).save_pretrained(root / kind)
        transformers.Wav2Vec2FeatureExtractor().save_pretrained(root / kind)
    return root


def load(checkpoints, kind="hubert", layer=2, **options):
    return Encoder.load(
        str(checkpoints / kind), EncoderOptions(layer=layer, device="cpu", **options)
    )


def sounds(*lengths):
    rng = np.random.default_rng(1)
    return [(f"u{n}", (0.1 * rng.standard_normal(n)).astype(np.float32)) for n in lengths]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layer", range(NUM_LAYERS + 1))
def test_layer_is_that_of_transformers(checkpoints, kind, layer):
    encoder = load(checkpoints, kind, layer)
    extractor = transformers.AutoFeatureExtractor.from_pretrained(checkpoints / kind)
    whole = transformers.AutoModel.from_pretrained(checkpoints / kind).eval()
    for (_, features), (_, samples) in zip(
        encoder.run(sounds(9_000, 16_000, 400)), sounds(9_000, 16_000, 400), strict=True
    ):
        inputs = extractor(samples, sampling_rate=16_000, return_tensors="pt")
        with torch.no_grad():
            states = whole(inputs.input_values, output_hidden_states=True).hidden_states
        assert features.shape == ((len(samples) - 400) // 320 + 1, 16)
        np.testing.assert_allclose(features, states[layer][0].numpy(), atol=1e-3)
        for other in set(range(NUM_LAYERS + 1)) - {layer}:  # the comparison tells layers apart
            if len(features) > 1:
                assert np.abs(features - states[other][0].numpy()).max() > 1e-2


@pytest.mark.parametrize("kind", KINDS)
def test_all_layers_come_from_one_pass(checkpoints, kind):
    utterances = sounds(9_000, 399, 16_000)
    encoder = load(checkpoints, kind, layer=None)
    found = {name: encoder.by_layer(features) for name, features in encoder.run(utterances)}
    assert found["u399"].shape == (NUM_LAYERS + 1, 0, 16)
    for layer in range(NUM_LAYERS + 1):
        for name, features in load(checkpoints, kind, layer).run(utterances):
            np.testing.assert_allclose(found[name][layer], features, atol=1e-5)


def test_long_audio_has_the_frames_of_one_pass(checkpoints):
    utterances = sounds(5 * 16_000 + 123)
    ((_, whole),) = load(checkpoints).run(utterances)
    windowed = load(checkpoints, window_seconds=2.0, overlap_seconds=0.8)
    ((_, merged),) = windowed.run(utterances)
    assert merged.shape == whole.shape == ((80_123 - 400) // 320 + 1, 16)
    apart = np.abs(merged - whole).mean()
    assert apart < 0.25 * np.abs(merged[1:] - whole[:-1]).mean()  # what a shift would do


def test_rate_and_hash(checkpoints):
    encoder = load(checkpoints)
    assert encoder.rate_hz == 50
    assert encoder.hash == load(checkpoints, layer=1).hash
    assert encoder.hash != load(checkpoints, "wavlm").hash


def test_unknown_layer_is_refused(checkpoints):
    with pytest.raises(ValueError, match=r"layer is 4, but .* has 3 layers"):
        load(checkpoints, layer=NUM_LAYERS + 1)
    with pytest.raises(ValueError, match=r"layer\n.*greater than or equal to 0"):
        load(checkpoints, layer=-1)


def test_what_is_no_encoder_is_named(tmp_path):
    with pytest.raises(ValueError, match="is not a speech encoder"):
        Encoder.load(str(tmp_path), EncoderOptions())
