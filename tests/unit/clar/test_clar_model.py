"""CLAR's encoders and losses: shapes, what the joint form is, and finite gradients."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from aubert.clar.network import UNLABELLED, ClarBatch, ClarModel, Spectrogram, standardised
from aubert.clar.options import ClarOptions, ViewOptions
from aubert.clar.views import altered, draw_alterations

OPTIONS = ClarOptions(width=8, sample_rate_hz=8_000, clip_seconds=0.2, head_dim=8)
LOSSES = ("contrastive", "joint", "supcon", "supervised")
SAMPLES = 1_600


def batch(rows: torch.Tensor, labels: list[int], seed: int = 0) -> ClarBatch:
    """Of clips, two views each."""
    own = len(labels)
    how = draw_alterations(np.random.default_rng(seed), 2 * own, rows.shape[1], ViewOptions())
    return ClarBatch(
        rows=rows.repeat_interleave(2, 0), how=how, labels=torch.tensor(labels),
        clips=torch.arange(own), groups=torch.zeros(own, dtype=torch.int64),
        places=torch.arange(own), num_clips=own,
        num_labelled=sum(label != UNLABELLED for label in labels),
    )  # fmt: skip


def model(loss: str = "contrastive", encoder: str = "time_frequency") -> ClarModel:
    torch.manual_seed(0)
    return ClarModel(dataclasses.replace(OPTIONS, loss=loss, encoder=encoder), ["a", "b"])


@pytest.mark.parametrize(("encoder", "width"), [("time_frequency", 64), ("raw", 64)])
def test_paper_sizes(encoder, width):
    """ResNet-18 of 512 features and its known number of weights (3 x 3: 11.2 M without a class
    layer)."""
    network = ClarModel(ClarOptions(encoder=encoder, width=width), ["a", "b"])
    assert network.network.num_features == 512
    weights = sum(weight.numel() for weight in network.network.parameters())
    wanted = 11_176_512 if encoder == "time_frequency" else None
    assert wanted is None or weights == wanted
    assert network.encode(torch.randn(2, 16_000)).shape == (2, 512)


def test_three_channels():
    spectrogram = Spectrogram(16_000)
    tone = torch.sin(2 * torch.pi * 1_000 * torch.arange(16_000) / 16_000)
    magnitude, phase, mel = spectrogram(tone[None])[0]
    assert magnitude.shape == phase.shape == mel.shape == (128, 126)  # 16 ms windows every 8 ms
    assert magnitude[:, 60].argmax() == 16  # 62.5 Hz apart
    assert phase.abs().max() <= 1
    for channel in (magnitude, mel):
        assert channel.mean().abs() < 1e-4 and channel.std() == pytest.approx(1, abs=1e-2)
    assert (spectrogram.filters.sum(0) > 0).all()  # no band is empty
    for silence in (torch.zeros(1, 16_000), -torch.zeros(1, 16_000)):  # -0.0 has an angle of pi
        assert spectrogram(silence).abs().max() < 1e-2


def test_loudness_tells_nothing():
    network = model().eval()
    rows = torch.randn(3, SAMPLES)
    torch.testing.assert_close(network.encode(rows), network.encode(rows / 4), atol=1e-3, rtol=1e-2)


@pytest.mark.parametrize("encoder", ["time_frequency", "raw"])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(
    ("rows", "labels"),
    [
        (torch.zeros(4, SAMPLES), [0, 1, 0, UNLABELLED]),
        (torch.ones(1, SAMPLES).repeat(4, 1), [0, 0, 0, 1]),
        (torch.randn(1, SAMPLES), [1]),
        (torch.randn(2, SAMPLES), [UNLABELLED] * 2),
    ],
    ids=["silence", "one sound, a class with a single member", "one clip", "no labels"],
)
def test_gradients_are_finite(rows, labels, loss, encoder):
    network = model(loss, encoder)
    found, num, metrics = network(batch(rows, labels))
    found.backward()
    assert num == len(labels) and math.isfinite(found.item())
    assert all(math.isfinite(value) for value in metrics.values())
    for name, weight in network.named_parameters():
        assert weight.grad is None or torch.isfinite(weight.grad).all(), name


def test_the_joint_form_is_clars():
    """NT-Xent + CE(view 1) + CE(view 2), the latter over labelled clips, per clip."""
    network, rows = model("joint"), torch.randn(6, SAMPLES)
    labels = [0, UNLABELLED, 1, 1, UNLABELLED, 0]
    own = batch(rows, labels)
    found, _, _ = network(own)
    views = network.encode(altered(own.rows, own.how))
    unit = functional.normalize(network.head(views), dim=1)
    logits = (unit @ unit.T / 0.5).fill_diagonal_(-1e9)
    partners = torch.arange(12).view(6, 2).flip(1).flatten()
    wanted = functional.cross_entropy(logits, partners)
    known = [place for place, label in enumerate(labels) if label != UNLABELLED]
    predicted = network.classifier(views).unflatten(0, (6, 2))[known]
    for view in range(2):
        wanted = wanted + functional.cross_entropy(predicted[:, view], own.labels[known])
    torch.testing.assert_close(found / 6, wanted, rtol=1e-4, atol=1e-4)


def test_unlabelled_clips_do_not_move_the_classifier():
    network, rows = model("joint"), torch.randn(4, SAMPLES)
    network(batch(rows, [UNLABELLED] * 4))[0].backward()
    assert not network.classifier.weight.grad.any()
    network = model("supervised")
    alone = network(batch(rows, [0, 1, UNLABELLED, UNLABELLED]))[2]["classified"]
    assert 0 <= alone <= 4


def test_groups_that_are_not_contrasted():
    network = model()
    own = batch(torch.randn(4, SAMPLES), [0, 1, 0, 1])
    network.options = dataclasses.replace(network.options, same_group=True)
    together = network(own)[0].item()
    apart = network(dataclasses.replace(own, groups=torch.arange(4)))[0].item()
    assert together > 0 and apart == pytest.approx(0, abs=1e-5)


def test_what_is_saved_is_what_is_loaded(tmp_path):
    network = model("joint")
    network(batch(torch.randn(4, SAMPLES), [0, 1, 0, 1]))  # moves the running statistics
    network.eval().save(tmp_path, {"more": 1})
    loaded, rows = ClarModel.load(tmp_path), torch.randn(2, SAMPLES)
    assert loaded.options == network.options and loaded.classes == ("a", "b")
    assert torch.equal(loaded.encode(rows), network.encode(rows))
    assert standardised(torch.full((1, 9), 3.0)).tolist() == [[0.0] * 9]
    (tmp_path / "clar.json").unlink()
    with pytest.raises(ValueError, match="not a CLAR model"):
        ClarModel.load(tmp_path)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"width": 12}, "multiple of 8"),
        ({"sample_rate_hz": 44_100}, "8000 or 16000"),
        ({"encoder": "hubert", "sample_rate_hz": 8_000}, "hubert wants 16000"),
        ({"temperature": 0}, r"temperature\n.*greater than 0"),
    ],
)
def test_impossible_models_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        ClarOptions(**values)
