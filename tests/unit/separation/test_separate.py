"""A mixture taken apart, by a network whose embeddings are known."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import soundfile
import torch

from aubert.cli import main
from aubert.separation.evaluation import improvement, masked, si_sdr
from aubert.separation.network import DeepClustering
from aubert.separation.options import DeepClusteringOptions, SeparateOptions
from aubert.separation.separate import Separator, _windows, joined

RATE_HZ = 8_000


class ByPitch(DeepClustering):
    """Embeddings that tell bins below 1 kHz, below 2 kHz and above apart; with some noise."""

    def __init__(self):
        super().__init__(DeepClusteringOptions(hidden_size=1, embedding_dim=3))

    def embed(self, mixture):
        group = torch.tensor([0] * 32 + [1] * 32 + [2] * 65)
        axes = torch.nn.functional.one_hot(group, 3).float().expand(*mixture.shape, 3)
        noise = torch.randn(axes.shape, generator=torch.Generator().manual_seed(0))
        return torch.nn.functional.normalize(axes + 0.1 * noise, dim=-1), None


def tones(*frequencies_hz: float, seconds: float = 1.0) -> np.ndarray:
    """float32 [tones, samples]: each hums with eight harmonics inside its band of 400 Hz, and
    swells at times of its own."""
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    rows = []
    for place, frequency in enumerate(frequencies_hz):
        tone = sum(np.sin(2 * np.pi * (frequency + 50 * n) * time_s + n * n) for n in range(8))
        rows.append(0.05 * tone * (0.6 + 0.4 * np.sin(2 * np.pi * (1 + place) * time_s)))
    return np.array(rows, np.float32)


@pytest.mark.parametrize("masks", ["hard", "soft"])
@pytest.mark.parametrize("window_seconds", [0.0, 0.5])
@pytest.mark.parametrize("num_speakers", [2, 3])
def test_each_voice_comes_out(masks, window_seconds, num_speakers):
    sources = tones(300, 1300, 2600)[:num_speakers]
    options = SeparateOptions(
        masks=masks, window_seconds=window_seconds, num_speakers=num_speakers, sharpness=20
    )
    separator = Separator(ByPitch(), options)
    voices = separator(sources.sum(0))
    assert voices.shape == sources.shape and voices.dtype == np.float32
    np.testing.assert_allclose(voices.sum(0), sources.sum(0), atol=1e-4)
    best = max(
        si_sdr(voices[list(order)], sources).min() for order in permutations(range(num_speakers))
    )
    assert best > 15
    assert improvement(voices, sources) > 12
    np.testing.assert_array_equal(separator(sources.sum(0)), voices)


@pytest.mark.parametrize("window_seconds", [0.0, 0.5])
@pytest.mark.parametrize("num_speakers", [1, 2, 3])
def test_speakers_are_counted(window_seconds, num_speakers):
    mixture = tones(300, 1300, 2600)[:num_speakers].sum(0)
    options = SeparateOptions(num_speakers=0, window_seconds=window_seconds)
    separator = Separator(ByPitch(), options)
    assert separator.count(mixture) == num_speakers
    assert len(separator(mixture)) == num_speakers


def test_windows_cover_everything_and_their_voices_are_put_in_order():
    for num_frames, seconds in ((10, 0.0), (10, 4.0), (100, 0.08), (101, 0.08), (7, 0.08)):
        covered = np.zeros(num_frames, int)
        for window in _windows(num_frames, seconds):
            covered[window] += 1
        assert covered.min() >= 1 and covered.max() <= 3
    rng = torch.Generator().manual_seed(0)
    truth = torch.rand(40, 6, 1, generator=rng) > 0.5
    truth = torch.cat([truth, ~truth], dim=-1).float()
    windows = _windows(40, 0.08)
    swapped = [
        truth[window].flip(-1) if number % 3 else truth[window]
        for number, window in enumerate(windows)
    ]
    whole = joined(swapped, windows, torch.rand(40, 6, generator=rng) + 0.1)
    torch.testing.assert_close(whole, truth)


@pytest.mark.parametrize(
    "mixture", [np.zeros(4000, np.float32), np.eye(1, 4000, 99, dtype="f4")[0]]
)
@pytest.mark.parametrize("num_speakers", [0, 2])
def test_silence_and_a_click_are_taken_apart_too(mixture, num_speakers):
    torch.manual_seed(0)
    model = DeepClustering(DeepClusteringOptions(hidden_size=4, embedding_dim=4))
    voices = Separator(model, SeparateOptions(num_speakers=num_speakers))(mixture)
    assert np.isfinite(voices).all()
    np.testing.assert_allclose(voices.sum(0), mixture, atol=1e-5)


def test_a_mask_head_separates_without_clustering():
    torch.manual_seed(0)
    options = DeepClusteringOptions(
        hidden_size=4, embedding_dim=4, mask_weight=0.5, mask_speakers=3
    )
    sources = tones(300, 1300)
    voices = Separator(DeepClustering(options), SeparateOptions(masks="head"))(sources.sum(0))
    assert voices.shape == (3, RATE_HZ)
    with pytest.raises(ValueError, match="the model has no mask head"):
        Separator(ByPitch(), SeparateOptions(masks="head"))


def test_si_sdr_is_its_definition():
    rng = np.random.default_rng(0)
    reference = rng.standard_normal(8_000)
    noise = rng.standard_normal(8_000)
    noise -= reference * (noise @ reference) / (reference @ reference)
    noise *= np.linalg.norm(reference) / np.linalg.norm(noise)
    for db in (-5, 0, 12):
        estimate = 3.7 * (reference + noise * 10 ** (-db / 20))
        assert si_sdr(estimate, reference) == pytest.approx(db, abs=1e-6)
    # Neither a perfect estimate nor silence is infinite.
    assert si_sdr(reference, reference) == pytest.approx(100, abs=1)
    assert np.isfinite(si_sdr(np.zeros(8_000), reference))


def test_improvement_is_that_of_the_best_order_over_the_mixture():
    sources = tones(300, 1300).astype(np.float64)
    same = np.stack([sources.sum(0)] * 2)
    assert improvement(same, sources) == pytest.approx(0, abs=1e-9)
    assert improvement(sources[::-1], sources) == improvement(sources, sources) > 50
    with_third = np.concatenate([same[:1], sources])
    assert improvement(with_third, sources) == improvement(sources, sources)
    assert improvement(sources[:1], sources) < improvement(sources, sources)


def test_ideal_masks_are_above_random_ones():
    sources = tones(300, 500)
    reached = {
        name: improvement(voices, sources)
        for name, voices in masked(sources, np.random.default_rng(0)).items()
    }
    assert reached["random"] < 1
    assert min(reached["ideal_binary"], reached["ideal_ratio"]) > 5
    for voices in masked(sources, np.random.default_rng(0)).values():
        np.testing.assert_allclose(voices.sum(0), sources.sum(0), atol=1e-4)


@pytest.fixture
def model(tmp_path):
    torch.manual_seed(0)
    (tmp_path / "model").mkdir()
    DeepClustering(DeepClusteringOptions(hidden_size=4, embedding_dim=4)).save(tmp_path / "model")
    return tmp_path / "model"


@pytest.mark.parametrize(("rate_hz", "channels"), [(8_000, 1), (16_000, 1), (44_100, 2)])
def test_the_command_takes_any_rate(model, tmp_path, capsys, rate_hz, channels):
    samples = np.random.default_rng(0).standard_normal((rate_hz // 2, channels)) * 0.1
    soundfile.write(tmp_path / "talk.wav", samples, rate_hz)
    arguments = ["separate", str(tmp_path / "talk.wav"), str(tmp_path / "out")]
    assert main([*arguments, "--model", str(model)]) == 0
    assert "2 voices of talk.wav" in capsys.readouterr().out
    voices = [soundfile.read(tmp_path / "out" / f"talk_{number}.wav") for number in (1, 2)]
    assert all(rate == RATE_HZ and len(voice) == RATE_HZ // 2 for voice, rate in voices)


def test_what_cannot_be_separated_is_named(model, tmp_path, capsys):
    soundfile.write(tmp_path / "short.wav", np.zeros(400), 16_000)
    arguments = ["--model", str(model)]
    assert main(["separate", str(tmp_path / "short.wav"), str(tmp_path / "out"), *arguments]) == 1
    assert "short.wav: the mixture has 200 samples at 8000 Hz; it must have at least 256" in (
        capsys.readouterr().err
    )
    assert not (tmp_path / "out").exists()
    assert main(["separate", str(tmp_path / "no.wav"), str(tmp_path / "out"), *arguments]) == 1
    assert "audio_missing" in capsys.readouterr().err
    arguments = ["--model", str(tmp_path)]
    assert main(["separate", str(tmp_path / "short.wav"), str(tmp_path / "out"), *arguments]) == 1
    assert "holds no deep-clustering model" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros(0), "the mixture has 0 samples"),
        (np.zeros(100), "it must have at least 256"),
        (np.full(8_000, np.nan), "samples that are not finite"),
    ],
)
def test_a_bad_file_is_named_and_nothing_is_written(model, tmp_path, capsys, samples, message):
    path = tmp_path / "bad.wav"
    soundfile.write(path, samples, 16_000, subtype="FLOAT")
    assert main(["separate", str(path), str(tmp_path / "out"), f"--model={model}"]) == 1
    printed = capsys.readouterr().err
    assert "bad.wav" in printed and message in printed and "Traceback" not in printed
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "wrong", [{"num_speakers": -1}, {"sharpness": 0.0}, {"window_seconds": 0.1}]
)
def test_options_that_separate_nothing_are_refused(wrong):
    with pytest.raises(ValueError, match=rf"\b{next(iter(wrong))}(\n| is )"):
        SeparateOptions(**wrong)
