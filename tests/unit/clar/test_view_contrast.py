"""NT-Xent and SupCon, against formulas written out, and where they could break."""

import pytest
import torch
from torch.nn import functional

from aubert.clar.contrast import contrast_views


def everything(vectors, keys, groups=None, temperature=0.5):
    places = torch.arange(len(vectors))
    groups = torch.zeros(len(vectors), dtype=torch.int64) if groups is None else groups
    return contrast_views(vectors, vectors, places, keys, groups, temperature)


def dense(vectors, keys, groups, temperature):
    """SupCon's L_out, a term at a time."""
    unit = [vector / vector.norm() for vector in vectors]
    total = torch.zeros(())
    for i in range(len(unit)):
        others = [a for a in range(len(unit)) if a != i and groups[a] == groups[i]]
        right = [p for p in others if keys[p] == keys[i]]
        below = sum(torch.exp(unit[i] @ unit[a] / temperature) for a in others)
        for p in right:
            total = total - torch.log(torch.exp(unit[i] @ unit[p] / temperature) / below) / len(
                right
            )
    return total


@pytest.mark.parametrize("temperature", [0.5, 0.07])
@pytest.mark.parametrize(
    ("keys", "groups"),
    [
        ([0, 0, 1, 1, 2, 2], [0] * 6),  # NT-Xent
        ([0, 0, 0, 0, 1, 1], [0] * 6),  # SupCon
        ([0, 0, 1, 1, 2, 2], [0, 0, 0, 0, 1, 1]),  # a clip that is alone in its group
        ([0, 0, 0, 0, 1, 2], [0, 0, 1, 1, 1, 1]),  # views without a partner
    ],
)
def test_it_is_the_formula(keys, groups, temperature):
    torch.manual_seed(0)
    vectors = torch.randn(6, 5, dtype=torch.float32, requires_grad=True)
    loss, _ = everything(vectors, torch.tensor(keys), torch.tensor(groups), temperature)
    wanted = dense(vectors, keys, groups, temperature)
    torch.testing.assert_close(loss, wanted)
    (gradient,) = torch.autograd.grad(loss, vectors)
    (other,) = torch.autograd.grad(wanted, vectors)
    torch.testing.assert_close(gradient, other, rtol=1e-4, atol=1e-5)


def test_it_is_the_papers_nt_xent():
    """As a cross-entropy over all pairs, the other view being the class (Chen et al., listing)."""
    torch.manual_seed(1)
    first, second = torch.randn(2, 7, 6).unbind()
    unit = functional.normalize(torch.cat([first, second]), dim=1)
    logits = (unit @ unit.T / 0.5).fill_diagonal_(-1e9)
    wanted = functional.cross_entropy(logits, torch.arange(14).roll(7), reduction="sum")
    found, hits = everything(torch.cat([first, second]), torch.arange(7).repeat(2))
    torch.testing.assert_close(found, wanted)
    assert hits == (logits.argmax(1) == torch.arange(14).roll(7)).sum()


def test_own_rows_of_several_processes_sum_up():
    torch.manual_seed(0)
    vectors, keys = torch.randn(8, 4), torch.arange(4).repeat_interleave(2)
    whole, hits = everything(vectors, keys)
    parts = [
        contrast_views(vectors[own], vectors, own, keys, torch.zeros(8, dtype=torch.int64), 0.5)
        for own in (torch.tensor([0, 1, 6, 7]), torch.tensor([2, 3, 4, 5]))
    ]
    torch.testing.assert_close(sum(loss for loss, _ in parts), whole)
    assert sum(hit for _, hit in parts) == hits


@pytest.mark.parametrize("temperature", [0.5, 0.01, 1e-4])
@pytest.mark.parametrize(
    ("vectors", "keys"),
    [
        (torch.zeros(6, 4), [0, 0, 1, 1, 2, 2]),  # silence
        (torch.ones(6, 4), [0, 0, 1, 1, 2, 2]),  # identical views
        (torch.randn(2, 4), [0, 0]),  # one clip
        (torch.randn(1, 4), [0]),  # one view
        (1e30 * torch.randn(4, 4), [0, 0, 1, 1]),
        (torch.randn(4, 4), [0, 0, 0, 1]),  # a class with a single view
    ],
    ids=["silence", "identical", "one clip", "one view", "large", "single member"],
)
def test_losses_and_gradients_are_finite(vectors, keys, temperature):
    vectors = vectors.clone().requires_grad_()
    loss, _ = everything(vectors, torch.tensor(keys), temperature=temperature)
    (gradient,) = torch.autograd.grad(loss, vectors)
    assert torch.isfinite(loss) and torch.isfinite(gradient).all()


def test_a_right_neighbour_costs_little_and_a_wrong_one_much():
    vectors = torch.eye(3).repeat_interleave(2, 0)
    right, hits = everything(vectors, torch.tensor([0, 0, 1, 1, 2, 2]), temperature=0.05)
    assert hits == 6 and right < 1e-6
    wrong, hits = everything(vectors, torch.tensor([0, 1, 0, 2, 1, 2]), temperature=0.05)
    assert hits == 0 and wrong > 100
