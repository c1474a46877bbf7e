"""Batch normalisation over processes: the formula, with one process as if it were one of two."""

import pytest
import torch
from torch import nn

from aubert.clar import batch_norm
from aubert.clar.batch_norm import BatchNorm


@pytest.mark.parametrize("shape", [(6, 4), (6, 4, 5), (6, 4, 3, 5)])
def test_it_is_torchs(shape, monkeypatch):
    torch.manual_seed(0)
    rows, weights = 3 + torch.randn(shape), torch.randn(shape)
    kind = (nn.BatchNorm1d, nn.BatchNorm1d, nn.BatchNorm2d)[len(shape) - 2]
    found = []
    for module in (kind(4), BatchNorm(4)):
        own = rows.clone().requires_grad_()
        out = module(own)
        (out * weights).sum().backward()
        found.append([out, own.grad, module.weight.grad, module.running_mean, module.running_var])
        monkeypatch.setattr(batch_norm.distributed, "is_initialized", lambda: True)
        monkeypatch.setattr(batch_norm.distributed, "get_world_size", lambda: 2)
        monkeypatch.setattr(batch_norm, "all_reduce", lambda tensor: tensor)
    for wanted, other in zip(*found, strict=True):
        torch.testing.assert_close(other, wanted, rtol=1e-4, atol=1e-5)


def test_one_number_for_a_channel_is_normalised_by_what_was_seen():
    norm, row = BatchNorm(3), torch.randn(1, 3)
    torch.testing.assert_close(norm(row), row)
    assert torch.equal(norm.running_var, torch.ones(3))
