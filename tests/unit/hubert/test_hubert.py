import json

import numpy as np
import pytest
import torch
import transformers

from aubert.encoders.hubert import encode, load_encoder
from aubert.encoders.logmel import LogMelHubertForCTC
from aubert.hubert.batch import hubert_batch
from aubert.hubert.network import (
    HubertForPretraining,
    UnitHeads,
    Units,
    _coverage,
    _scale_gradient,
    build_encoder,
)
from aubert.hubert.options import HubertOptions

TINY = {
    "hidden_size": 24,
    "num_layers": 2,
    "num_heads": 2,
    "intermediate_size": 32,
    "conv_channels": 8,
    "pos_conv_kernel": 8,
    "pos_conv_groups": 2,
    "final_dim": 8,
}
FRONT_ENDS = {
    "base": {},
    "large": {"conv_norm": "layer", "pre_norm": True, "normalise": True},
    "logmel25": {"front_end": "logmel", "frame_rate_hz": 25},
    "logmel50": {"front_end": "logmel"},
}
UNITS = (Units("mfcc", 5), Units("layer6", 7))


def options_of(kind: str, **changes) -> HubertOptions:
    return HubertOptions(**(TINY | FRONT_ENDS[kind] | changes))


def model_of(kind: str, **changes) -> HubertForPretraining:
    torch.manual_seed(0)
    return HubertForPretraining(options_of(kind, **changes), UNITS).eval()


def batch_of(options: HubertOptions, lengths=(9000, 7000), seed: int = 0):
    rng = np.random.default_rng(seed)
    samples = [rng.standard_normal(length).astype(np.float32) for length in lengths]
    labels = [
        [rng.integers(0, one.num_units, options.num_frames(length)) for one in UNITS]
        for length in lengths
    ]
    return hubert_batch(samples, labels, options, rng)


@pytest.mark.parametrize("kind", FRONT_ENDS)
def test_a_row_has_the_same_features_alone_and_padded(kind):
    options = options_of(kind)
    encoder = model_of(kind).encoder
    batch = batch_of(options, (12_345, 4_000, 400))
    with torch.inference_mode():
        together, frames = encode(encoder, batch.samples, batch.num_samples)
        assert frames.tolist() == [options.num_frames(n) for n in (12_345, 4_000, 400)]
        for row, (length, count) in enumerate(zip(batch.num_samples, frames, strict=True)):
            alone, _ = encode(encoder, batch.samples[row : row + 1, :length])
            assert alone.shape[1] == count
            torch.testing.assert_close(together[row, :count], alone[0], atol=2e-5, rtol=0)


@pytest.mark.parametrize("width", (64, 192))
@pytest.mark.parametrize("kind", FRONT_ENDS)
def test_initial_weights_have_fairseqs_deviations(kind, width):
    channels = width // 2
    model = model_of(kind, hidden_size=width, conv_channels=channels, intermediate_size=2 * width)
    expected = {
        "feature_projection.projection.weight": (3 * channels) ** -0.5,
        "pos_conv_embed.conv.weight": (4 / (TINY["pos_conv_kernel"] * width)) ** 0.5,
        "layers.1.attention.q_proj.weight": 0.02,
        "layers.1.attention.out_proj.weight": 0.02,
        "layers.1.feed_forward.output_dense.weight": 0.02,
        "masked_spec_embed": 12**-0.5,
    }
    if "logmel" not in kind:
        expected["conv_layers.1.conv.weight"] = (2 / (3 * channels)) ** 0.5
    weights = dict(model.encoder.named_parameters())
    position = model.encoder.encoder.pos_conv_embed.conv.weight
    weights["encoder.pos_conv_embed.conv.weight"] = position
    for end, deviation in expected.items():
        (weight,) = (weight for name, weight in weights.items() if name.endswith(end))
        assert weight.std().item() == pytest.approx(deviation, rel=0.15), end
    for projection in model.heads.projections:
        assert projection.weight.std().item() == pytest.approx((3 * width) ** -0.5, rel=0.15)


@pytest.mark.parametrize("kind", FRONT_ENDS)
def test_it_puts_out_what_transformers_does(kind):
    encoder = model_of(kind).encoder
    samples = batch_of(options_of(kind)).samples[:1]
    with torch.inference_mode():
        assert torch.equal(encode(encoder, samples)[0], encoder(samples).last_hidden_state)


@pytest.mark.parametrize("kind", FRONT_ENDS)
def test_saved_and_loaded_it_is_the_same_model(kind, tmp_path):
    model = model_of(kind)
    batch = batch_of(model.options)
    model.save(tmp_path)
    loaded = HubertForPretraining.load(tmp_path).eval()
    auto = transformers.AutoModel.from_pretrained(tmp_path).eval()
    extractor = transformers.AutoFeatureExtractor.from_pretrained(tmp_path)
    assert extractor.do_normalize == model.options.normalise
    assert not list(tmp_path.glob("*.bin")) + list(tmp_path.glob("*.pt"))
    with torch.inference_mode():
        assert torch.equal(model(batch)[0], loaded(batch)[0])
        samples = batch.samples[:1]
        ours, _ = encode(model.encoder, samples)
        theirs = auto(samples).last_hidden_state
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", ["base", "large"])
def test_the_waveform_model_is_a_plain_hubert(kind, tmp_path):
    model = model_of(kind)
    model.save(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["model_type"] == "hubert"
    plain = transformers.HubertModel.from_pretrained(tmp_path).eval()
    assert type(plain) is transformers.HubertModel
    samples = batch_of(model.options).samples[:1]
    with torch.inference_mode():
        torch.testing.assert_close(
            plain(samples).last_hidden_state, encode(model.encoder, samples)[0], atol=1e-5, rtol=0
        )


def test_a_logmel_ctc_model_is_saved_and_batched_like_any(tmp_path):
    encoder = model_of("logmel25").encoder
    torch.manual_seed(0)
    ctc = LogMelHubertForCTC(encoder.config)
    ctc.hubert.load_state_dict(encoder.state_dict())
    ctc.save_pretrained(tmp_path)
    loaded = transformers.AutoModelForCTC.from_pretrained(tmp_path).eval()
    assert type(loaded) is LogMelHubertForCTC
    batch = batch_of(options_of("logmel25"))
    seen = torch.arange(9000) < batch.num_samples[:, None]
    with torch.inference_mode():
        together = loaded(batch.samples, attention_mask=seen.long()).logits
        alone = loaded(batch.samples[1:, :7000]).logits
        head = loaded.lm_head(encode(encoder, batch.samples[1:, :7000])[0])
    assert (
        loaded._get_feat_extract_output_lengths(7000) == alone.shape[1] == (7000 - 400) // 640 + 1
    )
    torch.testing.assert_close(together[1, : alone.shape[1]], alone[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(alone, head, atol=1e-5, rtol=0)


def test_a_directory_without_heads_or_model_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"heads\.json"):
        HubertForPretraining.load(tmp_path)
    with pytest.raises(ValueError, match="not a model directory"):
        load_encoder(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(ValueError, match="bert model"):
        load_encoder(tmp_path)


def naive_loss(heads: UnitHeads, states, labels, mask, valid, alpha: float):
    """HuBERT's equations 1 to 3, frame by frame and unit by unit; states [batch, frames, dim],
    labels [sets, batch, frames]."""
    total = states.new_zeros((), dtype=torch.float64)
    for index, (projection, embeddings) in enumerate(
        zip(heads.projections, heads.embeddings, strict=True)
    ):
        for row, frame in np.argwhere(valid):
            projected = projection(states[row, frame]).double()
            scores = torch.stack(
                [
                    torch.exp(torch.cosine_similarity(projected, unit.double(), dim=0) / 0.1)
                    for unit in embeddings
                ]
            )
            probability = scores[labels[index, row, frame]] / scores.sum()
            weight = alpha if mask[row, frame] else 1 - alpha
            total = total - weight * torch.log(probability)
    return total


@pytest.mark.parametrize("alpha", [1.0, 0.7])
def test_the_loss_is_the_papers(alpha, monkeypatch):
    model = model_of("base", masked_weight=alpha, feature_penalty=0.0)
    options = model.options
    batch = batch_of(options)
    seen = {}
    forward = model.encoder.encoder.forward

    def spy(hidden, attention_mask):
        seen["out"] = forward(hidden, attention_mask=attention_mask)
        return seen["out"]

    monkeypatch.setattr(model.encoder.encoder, "forward", spy)
    loss, num_targets, _ = model(batch)

    frames = [options.num_frames(int(n)) for n in batch.num_samples]
    valid = np.arange(batch.mask.shape[1]) < np.array(frames)[:, None]
    mask = batch.mask.numpy()
    labels = torch.zeros(2, mask.size, dtype=torch.int64)
    labels[:, batch.counted] = batch.labels
    expected = naive_loss(
        model.heads, seen["out"][0], labels.reshape(2, *mask.shape), mask,
        valid if alpha < 1 else mask, alpha,
    )  # fmt: skip
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    assert num_targets == (valid if alpha < 1 else mask).sum()
    assert (
        torch.sort(batch.counted)[0].numpy() == np.flatnonzero(valid if alpha < 1 else mask)
    ).all()


def test_logits_and_loss_equal_torchaudios():
    """The peer's expanded form: the true unit first, and once more, as -inf, among the others."""
    from torchaudio.models.wav2vec2.components import _compute_logits

    torch.manual_seed(0)
    heads = UnitHeads(16, [Units("one", 9)], 8, 0.1)
    states, labels = torch.randn(30, 16), torch.randint(0, 9, (30,))
    theirs = _compute_logits(heads.projections[0](states), labels, heads.embeddings[0])
    expected = torch.nn.functional.cross_entropy(theirs, torch.zeros(30, dtype=torch.int64))
    ours = torch.nn.functional.cross_entropy(heads.logits(states, 0), labels)
    torch.testing.assert_close(ours, expected, atol=1e-5, rtol=1e-5)


def test_masked_frames_are_not_seen():
    """The prediction at a masked frame does not depend on the features there."""
    model = model_of("logmel50", feature_penalty=0.0)
    batch = batch_of(model.options, (9000,))
    changed = torch.zeros_like(batch.samples)
    projected = model.encoder.feature_projection
    original = projected.forward

    def disturbed(features):
        return original(features) + 100 * batch.mask[..., None]

    with torch.inference_mode():
        before = model(batch)[0]
        projected.forward = disturbed
        assert torch.equal(model(batch)[0], before)
        del projected.forward
        assert model(type(batch)(**{**vars(batch), "samples": changed}))[0] != before


def test_penalty_and_its_scale():
    with_penalty, without = model_of("base"), model_of("base", feature_penalty=0.0)
    batch = batch_of(with_penalty.options)
    loss, num_targets, metrics = with_penalty(batch)
    bare, _, _ = without(batch)
    from aubert.encoders.hubert import features

    values = [
        features(with_penalty.encoder, batch.samples[row : row + 1, :length])[0]
        for row, length in enumerate(batch.num_samples.tolist())
    ]
    square = torch.cat(values).square().mean().item()
    assert metrics["penalty"].item() == pytest.approx(square * num_targets, rel=1e-4)
    assert (loss - bare).item() == pytest.approx(10 * square * num_targets, rel=1e-3)


def test_the_gradient_is_scaled_and_the_value_is_not():
    value = torch.randn(5, requires_grad=True)
    scaled = _scale_gradient(value, 0.1)
    torch.testing.assert_close(scaled, value)
    scaled.sum().backward()
    torch.testing.assert_close(value.grad, torch.full((5,), 0.1))


def test_the_front_end_learns_at_a_tenth():
    """Every gradient of the front end, and only these, is a tenth."""
    grads = {}
    for scale in (1.0, 0.1):
        model = model_of("base", feature_grad_scale=scale)
        model(batch_of(model.options))[0].backward()
        grads[scale] = {name: weight.grad for name, weight in model.named_parameters()}
    for name, gradient in grads[1.0].items():
        factor = 0.1 if "feature_extractor" in name else 1.0
        assert gradient is not None, name
        size = gradient.abs().max().item()
        assert (grads[0.1][name] - factor * gradient).abs().max() <= 1e-4 * size + 1e-6, name


def test_the_metrics_are_means_when_divided():
    model = model_of("base", masked_weight=0.5)
    batch = batch_of(model.options)
    _, num_targets, metrics = model(batch)
    assert 0 <= metrics["mfcc.masked_accuracy"] / num_targets <= 1
    assert 0 < metrics["layer6.masked_nll"] / num_targets < 20
    assert 0 < metrics["mfcc.coverage"] / num_targets <= 1


def test_coverage_is_of_the_units_that_occur():
    labels = torch.tensor([0, 0, 1, 2, 3])
    assert _coverage(torch.tensor([1, 1, 3, 9, 9]), labels, 10) == 0.5
    assert _coverage(labels.flip(0), labels, 10) == 1
    assert _coverage(torch.full((5,), 2), labels, 10) == 0.25


def test_it_learns_its_labels():
    torch.manual_seed(0)
    options = options_of("logmel50", dropout=0.0, attention_dropout=0.0, input_dropout=0.0,
                         layerdrop=0.0)  # fmt: skip
    model = HubertForPretraining(options, UNITS[:1])
    rng = np.random.default_rng(0)
    samples = [rng.standard_normal(6000).astype(np.float32) for _ in range(4)]
    labels = [[np.full(options.num_frames(6000), row)] for row in range(4)]
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    losses = []
    for _ in range(40):
        loss, num_targets, _ = model(hubert_batch(samples, labels, options, rng))
        optimizer.zero_grad()
        (loss / num_targets).backward()
        optimizer.step()
        losses.append(loss.item() / num_targets)
    assert losses[-1] < 0.6 * losses[0]


def test_short_rows_and_wrong_labels_are_refused():
    options = options_of("base")
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="row 0 has 399 samples"):
        hubert_batch([np.zeros(399, np.float32)], [[np.zeros(0, int)]], options, rng)
    with pytest.raises(ValueError, match="1 frames and 2 labels"):
        hubert_batch([np.zeros(400, np.float32)], [[np.zeros(2, int)]], options, rng)
    with pytest.raises(ValueError, match="no label set"):
        HubertForPretraining(options, [])


def test_options_that_cannot_be():
    with pytest.raises(ValueError, match="waveform front end has 50"):
        HubertOptions(frame_rate_hz=25)
    with pytest.raises(ValueError, match="num_heads 7"):
        HubertOptions(num_heads=7)


@pytest.mark.parametrize(
    ("preset", "millions"), [(HubertOptions.base(), 94.4), (HubertOptions.large(), 315.4)]
)
def test_the_presets_have_the_papers_size(preset, millions):
    with torch.device("meta"):
        encoder = build_encoder(preset)
    count = sum(weight.numel() for weight in encoder.parameters())
    assert count / 1e6 == pytest.approx(millions, abs=0.1)
