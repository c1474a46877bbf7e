import math

import pytest
import torch
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from aubert.crossmodal import contrast as module
from aubert.crossmodal.contrast import CosineScorer, MlpScorer, contrast, may_contrast


def naive(scorer: MlpScorer, text: torch.Tensor, audio: torch.Tensor) -> torch.Tensor:
    """The MLP as it is drawn: over a tensor of every joined pair."""
    pairs = torch.cat(
        [text[:, None].expand(-1, len(audio), -1), audio[None].expand(len(text), -1, -1)], -1
    )
    weight = torch.cat([scorer.text.weight, scorer.audio.weight], 1)
    return scorer.out(functional.gelu(pairs @ weight.T + scorer.text.bias)).squeeze(-1)


def rows(num_texts=7, num_audios=5, width=6):
    torch.manual_seed(0)
    shapes = ((num_texts, width), (num_audios, width))
    return [torch.randn(*shape, dtype=torch.float64, requires_grad=True) for shape in shapes]


@pytest.mark.parametrize("largest", [1, 60, 1 << 22])
def test_the_mlp_is_that_of_the_joined_pairs(largest, monkeypatch):
    monkeypatch.setattr(module, "MAX_CHUNK", largest)
    text, audio = rows()
    scorer = MlpScorer(6, 4).double()
    expected = naive(scorer, text, audio)
    found = scorer(text, audio)
    assert found.shape == (7, 5) and len(set(found.detach().flatten().tolist())) == 35
    torch.testing.assert_close(found, expected.float())
    weights = [text, audio, *scorer.parameters()]
    weight_of_pair = torch.randn(7, 5)
    wanted = torch.autograd.grad((expected * weight_of_pair).sum(), weights)
    gradients = torch.autograd.grad((found * weight_of_pair).sum(), weights)
    for gradient, other in zip(gradients, wanted, strict=True):
        torch.testing.assert_close(gradient, other, rtol=1e-5, atol=1e-6)


class Largest(TorchDispatchMode):
    """How many numbers the largest tensor has that is made."""

    def __init__(self):
        super().__init__()
        self.numbers = 0

    def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
        out = function(*arguments, **(keywords or {}))
        storages = [t.untyped_storage().nbytes() // t.element_size()
                    for t in (out if isinstance(out, (list, tuple)) else [out])
                    if isinstance(t, torch.Tensor)]  # fmt: skip
        self.numbers = max([self.numbers, *storages])
        return out


def test_the_joined_pairs_are_never_in_memory(monkeypatch):
    monkeypatch.setattr(module, "MAX_CHUNK", 1 << 13)
    text, audio = torch.randn(64, 32, requires_grad=True), torch.randn(64, 32, requires_grad=True)
    scorer = MlpScorer(32, 32)
    with Largest() as largest:
        scorer(text, audio).sum().backward()
    assert largest.numbers <= 1 << 13 < 64 * 64 * 2 * 32
    with Largest() as largest:
        naive(scorer, text, audio)
    assert largest.numbers >= 64 * 64 * 2 * 32


def test_the_cosine_and_its_temperature():
    text, audio = (row.float() for row in rows())
    scorer = CosineScorer()
    cosines = functional.cosine_similarity(text[:, None], audio[None], dim=-1)
    torch.testing.assert_close(scorer(text, audio), cosines / 0.07)
    scorer.log_scale.data.fill_(9.0)
    torch.testing.assert_close(scorer(text, audio), cosines * 100)
    assert scorer(10 * text, audio).isclose(scorer(text, audio)).all()


def symmetric_loss(scores: torch.Tensor) -> float:
    targets = torch.arange(len(scores))
    forth = functional.cross_entropy(scores, targets, reduction="sum")
    return ((forth + functional.cross_entropy(scores.T, targets, reduction="sum")) / 2).item()


def everything(num: int):
    return torch.arange(num), torch.ones(num, num, dtype=torch.bool)


def test_the_loss_is_the_symmetric_cross_entropy():
    text, audio = (row.detach().float() for row in rows(6, 6))
    scorer = CosineScorer()
    found = contrast(scorer, text, audio, *everything(6))
    assert found.loss.item() == pytest.approx(symmetric_loss(scorer(text, audio)), rel=1e-5)
    assert found.num_targets == 6
    right = contrast(scorer, text, text, *everything(6))
    assert (right.text_to_audio_hits, right.audio_to_text_hits) == (6, 6)
    same = contrast(scorer, text[:1].repeat(6, 1), audio, *everything(6))
    assert same.loss.item() > 6 * math.log(6) / 2


@pytest.mark.parametrize("scorer", [CosineScorer(), MlpScorer(6, 4)])
def test_shares_add_up_to_the_whole(scorer):
    """Each process scores its own rows against all: the sum over processes, and its gradient."""
    text, audio = (row.detach().float().requires_grad_() for row in rows(7, 7))
    groups, texts = torch.tensor([0, 0, 1, 1, 1, 2, 0]), torch.tensor([0, 1, 2, 3, 2, 4, 5])

    def total(shares):
        parts = []
        for own in shares:
            allowed = may_contrast(groups, texts, own, same_group=True)
            parts.append(contrast(scorer, text, audio, own, allowed))
        loss = sum(part.loss for part in parts)
        gradients = torch.autograd.grad(loss, [text, audio, *scorer.parameters()])
        return loss, gradients, sum(part.num_targets for part in parts)

    order = torch.arange(7)
    whole, parts = total([order]), total([order[0::3], order[1::3], order[2::3]])
    torch.testing.assert_close(parts[0], whole[0])
    for gradient, other in zip(parts[1], whole[1], strict=True):
        torch.testing.assert_close(gradient, other)
    assert parts[2] == whole[2] == 6  # the only one of its group has nothing to differ from


def test_what_is_contrasted_with_what():
    groups, texts = torch.tensor([0, 0, 1, 0, 1]), torch.tensor([0, 1, 2, 0, 3])
    own = torch.tensor([0, 4])
    # 3 is a reading of the same place as 0: both are right.
    assert may_contrast(groups, texts, own, same_group=False).tolist() == [
        [True, True, True, False, True], [True, True, True, True, True],
    ]  # fmt: skip
    assert may_contrast(groups, texts, own, same_group=True).tolist() == [
        [True, True, False, False, False], [False, False, True, False, True],
    ]  # fmt: skip


def test_within_groups_the_loss_is_that_of_each_group():
    text, audio = (row.detach().float() for row in rows(6, 6))
    groups, texts = torch.tensor([0, 0, 1, 1, 1, 2]), torch.arange(6)
    scorer, own = CosineScorer(), torch.arange(6)
    found = contrast(scorer, text, audio, own, may_contrast(groups, texts, own, True))
    scores = scorer(text, audio)
    expected = symmetric_loss(scores[:2, :2]) + symmetric_loss(scores[2:5, 2:5])
    assert found.loss.item() == pytest.approx(expected, rel=1e-5)
    assert found.num_targets == 5


def test_nothing_to_contrast_is_no_target_and_no_nan():
    text, audio = rows(1, 1)
    found = contrast(CosineScorer(), text.float(), audio.float(), *everything(1))
    assert (found.loss.item(), found.num_targets) == (0.0, 0)
    found.loss.backward()
    assert text.grad.abs().sum() == 0


@pytest.mark.parametrize("scorer", [CosineScorer(), MlpScorer(6, 4)])
def test_bfloat16_comes_near(scorer):
    text, audio = (row.detach().float().requires_grad_() for row in rows(6, 6))
    found = []
    for dtype in (torch.float32, torch.bfloat16):
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
            loss = contrast(scorer, text.to(dtype), audio.to(dtype), *everything(6)).loss
        assert loss.dtype == torch.float32
        found.append([loss, *torch.autograd.grad(loss, [text, audio])])
    for exact, rounded in zip(*found, strict=True):
        torch.testing.assert_close(rounded, exact, rtol=0.05, atol=0.05)
