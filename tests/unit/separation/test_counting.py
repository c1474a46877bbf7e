"""The number of speakers, by threshold and by a regression that is learned."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from aubert.separation.counting import SpeakerCounter, above_threshold, spectrum
from aubert.separation.network import DeepClustering
from aubert.separation.options import DeepClusteringOptions


def test_the_number_of_speakers_is_the_rank_of_the_affinities():
    axes = torch.eye(5)
    for num_speakers in (1, 2, 4):
        assert above_threshold(axes[torch.arange(400) % num_speakers]) == num_speakers
    few = torch.cat([axes[0].expand(390, 5), axes[1].expand(10, 5)])
    assert above_threshold(few) == 1  # ten bins of 400 are no speaker


def blurred(num_speakers: int, seed: int, dim: int = 8) -> torch.Tensor:
    """Embeddings [400, dim] of a network that draws its speakers towards one another, so that the
    later eigenvalues are far below a tenth."""
    generator = torch.Generator().manual_seed(seed)
    centres = torch.eye(dim)[:num_speakers] + 3 * torch.eye(dim)[-1]
    rows = centres[torch.arange(400) % num_speakers]
    rows = rows + 0.1 * torch.randn(400, dim, generator=generator)
    return torch.nn.functional.normalize(rows, dim=-1)


@pytest.mark.parametrize("numbers", [(1, 2), (1, 2, 3, 4)])
def test_a_counter_learns_what_a_network_makes_of_speakers(numbers):
    drawn = [(number, seed) for number in numbers for seed in range(20)]
    counter = SpeakerCounter.learned(
        [spectrum(blurred(number, seed)) for number, seed in drawn], [each for each, _ in drawn]
    )
    fresh = [(number, seed) for number in numbers for seed in range(100, 110)]
    hits = [counter(blurred(number, seed)) == number for number, seed in fresh]
    fixed = [above_threshold(blurred(number, seed)) == number for number, seed in fresh]
    assert np.mean(hits) > 0.95 > 0.6 > np.mean(fixed)  # the control


def test_a_spectrum_of_few_dimensions_is_filled_up():
    found = spectrum(torch.eye(2)[torch.arange(10) % 2])
    np.testing.assert_allclose(found, [np.log(0.5)] * 2 + [np.log(1e-4)] * 4)


def test_a_model_keeps_its_counter(tmp_path):
    model = DeepClustering(DeepClusteringOptions(hidden_size=2, embedding_dim=8))
    assert model.count_speakers(blurred(3, 0)) == 1  # by the threshold
    drawn = [(number, seed) for number in (1, 2, 3) for seed in range(20)]
    model.counter = SpeakerCounter.learned(
        [spectrum(blurred(number, seed)) for number, seed in drawn], [each for each, _ in drawn]
    )
    model.save(tmp_path)
    loaded = DeepClustering.load(tmp_path)
    assert loaded.counter == model.counter and loaded.count_speakers(blurred(3, 99)) == 3
    content = json.loads((tmp_path / "config.json").read_text())
    del content["counter"]["biases"]
    (tmp_path / "config.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match="holds no deep-clustering model"):
        DeepClustering.load(tmp_path)
