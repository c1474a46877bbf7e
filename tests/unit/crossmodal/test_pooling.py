import typing

import pytest
import torch

from aubert.crossmodal.options import Pooling
from aubert.crossmodal.pooling import MlpProjection, Pooler, spans

KINDS = typing.get_args(Pooling)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_behind_a_rows_end_changes_nothing(kind):
    torch.manual_seed(0)
    pooler = Pooler(kind, 4)
    states, lengths = torch.randn(3, 6, 4), torch.tensor([6, 1, 3])
    found = pooler(states, lengths)
    assert found.shape == (3, pooler.out_width)
    for row, length in enumerate(lengths):
        alone = pooler(states[row : row + 1, :length], lengths[row : row + 1])
        torch.testing.assert_close(found[row : row + 1], alone)
    states[1, 1:], states[2, 3:] = torch.inf, 1e9
    if kind != "lstm":  # packing never reads them, the others must not multiply them
        states[1, 1:] = 1e9
    torch.testing.assert_close(pooler(states, lengths), found)


@pytest.mark.parametrize("kind", KINDS)
def test_inside_everything_counts(kind):
    torch.manual_seed(0)
    pooler = Pooler(kind, 4)
    states, lengths = torch.randn(1, 5, 4, requires_grad=True), torch.tensor([4])
    pooler(states, lengths).pow(2).sum().backward()
    touched = states.grad[0].abs().sum(1) > 0
    assert not touched[4]
    if kind == "max":
        assert touched[:4].sum() == len(set(states[0, :4].argmax(0).tolist()))
    else:
        assert touched[:4].all()


def test_means_and_maxima():
    states, lengths = torch.tensor([[[1.0], [5.0], [-9.0]]]), torch.tensor([2])
    assert Pooler("mean", 1)(states, lengths).tolist() == [[3.0]]
    assert Pooler("max", 1)(states, lengths).tolist() == [[5.0]]
    assert Pooler("mean_max", 1)(states, lengths).tolist() == [[3.0, 5.0]]


def test_attention_begins_with_its_weights():
    pooler = Pooler("attention", 1)
    torch.nn.init.zeros_(pooler.query.weight)
    states = torch.tensor([[[1.0], [5.0], [-9.0]]])
    assert pooler(states, torch.tensor([2])).tolist() == [[3.0]]
    torch.nn.init.constant_(pooler.query.weight, 9.0)
    assert pooler(states, torch.tensor([2])).item() == pytest.approx(5.0)


def test_spans_are_cut_out():
    states = torch.arange(12.0).view(2, 6, 1)
    found = spans(states, torch.tensor([1, 4]), torch.tensor([3, 2]))
    assert found[0, :, 0].tolist() == [1, 2, 3]
    assert found[1, :2, 0].tolist() == [10, 11]


def test_the_projection_has_a_residual_and_a_norm():
    projection = MlpProjection(3, 8, dropout=0.0)
    torch.nn.init.zeros_(projection.second.weight)
    torch.nn.init.zeros_(projection.second.bias)
    pooled = torch.randn(2, 3)
    expected = torch.nn.functional.layer_norm(projection.first(pooled), (8,))
    torch.testing.assert_close(projection(pooled), expected)
