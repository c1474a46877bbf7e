"""Losses against their definitions, and what silence, one mixture and odd labels do to them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from aubert.separation.losses import affinity_loss, mask_loss, whitened_loss
from aubert.separation.network import (
    HOP,
    WINDOW,
    DeepClustering,
    MixtureBatch,
    levels,
    spectra,
    waveforms,
)
from aubert.separation.options import DeepClusteringOptions

TINY = {"hidden_size": 6, "embedding_dim": 4, "dropout": 0.0}


def vectors(bins: int = 30, dim: int = 5, batch: int = 2, seed: int = 0):
    """Embeddings, labels and weights of doubles."""
    generator = torch.Generator().manual_seed(seed)
    found = torch.randn(batch, bins, dim, generator=generator, dtype=torch.float64)
    labels = torch.randint(3, (batch, bins), generator=generator)
    weights = torch.rand(batch, bins, generator=generator, dtype=torch.float64)
    return torch.nn.functional.normalize(found, dim=-1), labels, weights


def dense(embeddings, labels, weights):
    """The affinity matrices themselves."""
    members = torch.nn.functional.one_hot(labels).double()
    apart = embeddings @ embeddings.mT - members @ members.mT
    pairs = weights[:, :, None] * weights[:, None, :]
    return (pairs * apart.square()).sum((1, 2)) / weights.sum(1).square()


def test_the_low_rank_form_is_the_dense_one():
    embeddings, labels, weights = vectors()
    for own in (weights, (weights > 0.5).double()):
        low_rank = affinity_loss(embeddings, labels, own)
        torch.testing.assert_close(low_rank, dense(embeddings, labels, own))


@pytest.mark.parametrize("loss", [affinity_loss, whitened_loss])
def test_the_loss_does_not_grow_with_the_number_of_bins(loss):
    embeddings, labels, weights = vectors()
    four = [torch.cat([each] * 4, dim=1) for each in (embeddings, labels, weights)]
    torch.testing.assert_close(loss(*four), loss(embeddings, labels, weights))


@pytest.mark.parametrize("loss", [affinity_loss, whitened_loss])
def test_names_of_speakers_do_not_matter(loss):
    embeddings, labels, weights = vectors()
    odd = torch.tensor([0, 2, 5])[labels]  # 1, 3 and 4 occur nowhere
    torch.testing.assert_close(
        loss(embeddings, odd, weights), loss(embeddings, labels, weights), rtol=1e-9, atol=1e-9
    )


def test_the_whitened_loss_is_its_formula():
    embeddings, labels, weights = vectors(batch=1)
    members = torch.nn.functional.one_hot(labels[0]).double()
    diagonal, v = torch.diag(weights[0]), embeddings[0]
    inverse = torch.linalg.inv(v.T @ diagonal @ v)
    counts = torch.linalg.inv(members.T @ diagonal @ members)
    cross = v.T @ diagonal @ members
    expected = 3 - torch.trace(inverse @ cross @ counts @ cross.T)
    # The ridge that keeps it solvable costs a little.
    torch.testing.assert_close(
        whitened_loss(embeddings, labels, weights)[0], expected, rtol=2e-3, atol=2e-3
    )


@pytest.mark.parametrize("loss", [affinity_loss, whitened_loss])
def test_an_axis_for_each_speaker_costs_nothing(loss):
    labels = torch.tensor([[0, 0, 2, 2, 2]])
    perfect = torch.nn.functional.one_hot(labels, 4).double()
    weights = torch.ones_like(labels, dtype=torch.float64)
    assert loss(perfect, labels, weights).item() == pytest.approx(0, abs=1e-3)
    wrong = torch.tensor([[0, 2, 0, 2, 0]])
    assert loss(perfect, wrong, weights).item() > 0.4


def test_the_mask_loss_finds_the_order_and_takes_fewer_sources():
    generator = torch.Generator().manual_seed(0)
    sources = torch.randn(1, 2, 7, 9, dtype=torch.complex64, generator=generator)
    sources[:, 0, :, :4] = 0
    sources[:, 1, :, 4:] = 0
    spectrum = sources.sum(1)
    masks = torch.stack([*(sources.abs() > 0).float().unbind(1)], dim=-1)
    for order in ([0, 1], [1, 0]):
        assert mask_loss(masks[..., order], spectrum, sources).item() == pytest.approx(0, abs=1e-5)
    third = torch.cat([torch.zeros_like(masks[..., :1]), masks], dim=-1)
    assert mask_loss(third, spectrum, sources).item() == pytest.approx(0, abs=1e-5)
    even = torch.full_like(masks, 0.5)
    assert mask_loss(even, spectrum, sources).item() == pytest.approx(1, abs=1e-5)
    silent = torch.zeros_like(sources)
    assert mask_loss(even, silent.sum(1), silent).item() == 0


def test_spectra_can_be_turned_back():
    samples = torch.randn(2, 3, 1000, generator=torch.Generator().manual_seed(0))
    spectrum = spectra(samples)
    assert spectrum.shape == (2, 3, 1000 // HOP + 1, WINDOW // 2 + 1)
    torch.testing.assert_close(waveforms(spectrum, 1000), samples, rtol=1e-4, atol=1e-5)
    # A full-scale sine is its own loudest bin; digital silence has no level.
    sine = torch.sin(2 * torch.pi * 1000 / 8000 * torch.arange(4000))
    level = levels(spectra(sine))
    assert level.max() == 0 and int(level[20].argmax()) == 32
    assert torch.isneginf(levels(spectra(torch.zeros(4000)))).all()


@pytest.mark.parametrize(
    "options",
    [{}, {"loss": "whitened"}, {"weights": "magnitude"}, {"mask_weight": 0.3, "mask_speakers": 3}],
)
@pytest.mark.parametrize("rows", ["silent", "one", "silent and one", "one speaker of two"])
def test_gradients_are_finite_and_silence_is_no_target(options, rows):
    torch.manual_seed(0)
    model = DeepClustering(DeepClusteringOptions(**TINY, **options))
    sound = torch.randn(1, 2, 800)
    alone = sound.clone()
    alone[:, 1] = 0
    silent = torch.zeros(1, 2, 800)
    batch = {
        "silent": silent,
        "one": sound,
        "silent and one": torch.cat([silent, sound]),
        "one speaker of two": alone,
    }[rows]
    loss, num_targets, _ = model(MixtureBatch(batch))
    loss.backward()
    gradients = [weight.grad for weight in model.parameters()]
    assert all(torch.isfinite(gradient).all() for gradient in gradients)
    assert num_targets == (0 if rows == "silent" else 1)
    assert torch.isfinite(loss)
    if rows == "silent":
        assert loss.item() == 0
    if rows == "silent and one":
        only, _, _ = model(MixtureBatch(sound))
        torch.testing.assert_close(loss, only)


@pytest.mark.parametrize(("weights", "step"), [("equal", 1), ("magnitude", 1), ("equal", 3)])
def test_the_network_s_loss_is_that_of_the_bins_that_count(weights, step):
    torch.manual_seed(0)
    model = DeepClustering(DeepClusteringOptions(**TINY, weights=weights, frame_step=step)).eval()
    sources = torch.randn(2, 2, 800)
    sources[1] *= torch.linspace(0, 1, 800)  # another number of bins counts
    found, num_targets, _ = model(MixtureBatch(sources))
    spectrum = spectra(sources)
    mixture = spectrum.sum(1)
    counted = model.counted(mixture)
    assert 0 < counted[1].sum() < counted[0].sum()
    masses = (mixture.abs() if weights == "magnitude" else 1) * counted.double()
    embeddings, masks = model.embed(mixture)
    assert masks is None and num_targets == 2
    arguments = (embeddings.double(), spectrum.abs().argmax(1), masses)
    expected = dense(*(each[:, ::step].flatten(1, 2) for each in arguments))
    torch.testing.assert_close(found.double(), expected.sum(), rtol=1e-4, atol=1e-5)


def test_loudness_of_the_mixture_does_not_matter():
    torch.manual_seed(0)
    model = DeepClustering(DeepClusteringOptions(**TINY, mask_weight=0.5)).eval()
    mixture = spectra(torch.randn(1, 800))
    for quiet, loud in zip(model.embed(mixture / 100), model.embed(mixture), strict=True):
        torch.testing.assert_close(quiet, loud, rtol=1e-3, atol=1e-4)


def test_a_model_comes_back_as_it_was(tmp_path):
    torch.manual_seed(0)
    model = DeepClustering(DeepClusteringOptions(**TINY, mask_weight=0.1)).eval()
    model.save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "model.safetensors"]
    again = DeepClustering.load(tmp_path)
    assert again.options == model.options
    mixture = spectra(torch.from_numpy(np.random.default_rng(0).standard_normal((1, 900), "f4")))
    for before, after in zip(model.embed(mixture), again.embed(mixture), strict=True):
        torch.testing.assert_close(before, after)
    (tmp_path / "config.json").write_text('{"model_type": "hubert", "options": {}}')
    with pytest.raises(ValueError, match="holds no deep-clustering model"):
        DeepClustering.load(tmp_path)


@pytest.mark.parametrize(
    "wrong",
    [{"hidden_size": 0}, {"embedding_dim": 1}, {"dropout": 1.0}, {"silence_db": 0.0},
     {"mask_weight": 1.0}, {"mask_speakers": 1}],
)  # fmt: skip
def test_options_that_make_no_network_are_refused(wrong):
    with pytest.raises(ValueError, match=rf"\b{next(iter(wrong))}(\n| is )"):
        DeepClusteringOptions(**wrong)
