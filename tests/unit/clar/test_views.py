"""Views of a clip: what each alteration does, and that nothing is done in place."""

import numpy as np
import pytest
import torch
from torchaudio.transforms import Fade

from aubert.clar.options import ViewOptions
from aubert.clar.views import (
    Alterations,
    altered,
    coloured_noise,
    draw_alterations,
    draw_stretch,
    placed,
    stretched,
)

RATE = 16_000
ALWAYS = ViewOptions(view_probability=1.0)


def tone(hz: float, seconds: float = 1.0, rate: int = RATE) -> torch.Tensor:
    return torch.sin(2 * torch.pi * hz * torch.arange(round(seconds * rate)) / rate)


def loudest_hz(samples: torch.Tensor, rate: int = RATE) -> float:
    spectrum = torch.fft.rfft(samples * torch.hann_window(len(samples))).abs()
    return float(spectrum.argmax()) * rate / len(samples)


def nothing(rows: int, samples: int) -> dict[str, torch.Tensor]:
    """Fields of alterations that leave rows as they are."""
    zeros = torch.zeros(rows, dtype=torch.int64)
    return {
        "shift": zeros, "fade_in": zeros, "fade_out": zeros, "fade_shape": zeros,
        "noise": torch.randn(rows, samples), "slope": torch.zeros(rows),
        "snr_db": torch.full((rows,), torch.inf), "mask_start": zeros, "mask_length": zeros,
    }  # fmt: skip


@pytest.mark.parametrize("rate", [8_000, RATE])
@pytest.mark.parametrize(
    ("speed", "semitones"), [(1, 12), (1, -15), (1.5, 0), (0.5, 0), (0.7, 7), (1.3, -5)]
)
def test_speed_changes_the_length_and_semitones_the_pitch(speed, semitones, rate):
    found = stretched(tone(440, rate=rate), speed, semitones, rate)
    assert len(found) == round(rate / speed)
    assert loudest_hz(found, rate) == pytest.approx(440 * 2 ** (semitones / 12), rel=0.02)
    # Neighbouring bins may lose their phases to each other: a vocoder's tone is softer.
    assert 0.15 < found.square().mean() < 0.6


def test_a_higher_pitch_brings_no_aliases():
    assert stretched(tone(6_000), 1, 12, RATE)[200:-200].abs().max() < 0.02


@pytest.mark.parametrize("samples", [torch.zeros(900), torch.randn(40), tone(300, 0.02)])
def test_silence_and_clips_shorter_than_a_window(samples):
    for speed, semitones in ((1, 0), (0.5, 15), (1.5, -15)):
        found = stretched(samples, speed, semitones, RATE)
        assert len(found) == round(len(samples) / speed) and torch.isfinite(found).all()
        assert found.data_ptr() != samples.data_ptr()


def test_nothing_is_altered_in_place_and_two_views_are_independent():
    rows = tone(440)[None].repeat(2, 1)
    before = rows.clone()
    how = draw_alterations(np.random.default_rng(0), 2, RATE, ALWAYS)
    found = altered(rows, how)
    assert torch.equal(rows, before)
    assert found.data_ptr() != rows.data_ptr()
    assert not torch.equal(found[0], found[1])
    found[0] = 0.0
    assert torch.equal(rows, before) and found[1].abs().max() > 0
    same = altered(rows, Alterations(**nothing(2, RATE)))
    assert torch.equal(same, rows) and same.data_ptr() != rows.data_ptr()


@pytest.mark.parametrize(
    "only",
    [
        {"shift_share": 0.5},
        {"fade_share": 0.5},
        {"noise": True},
        {"mask_share": 0.125},
    ],
    ids=lambda only: next(iter(only)),
)
def test_each_alteration_alone_makes_two_views(only):
    """Of one clip, a hundred times: never the same object, never twice the same sound."""
    off = {"shift_share": 0.0, "fade_share": 0.0, "noise": False, "mask_share": 0.0}
    options = ViewOptions(view_probability=1.0, **(off | only))
    rng, clip = np.random.default_rng(0), torch.randn(1, 800)
    for _ in range(100):
        first, second = altered(clip.repeat(2, 1), draw_alterations(rng, 2, 800, options))
        assert not torch.equal(first, second)


def test_ranges_are_the_papers():
    rng = np.random.default_rng(0)
    speeds, semitones = zip(*(draw_stretch(rng, ALWAYS) for _ in range(2000)), strict=True)
    assert 0.5 <= min(speeds) < 0.51 and 1.49 < max(speeds) <= 1.5
    assert -15 <= min(semitones) < -14.9 and 14.9 < max(semitones) <= 15
    how = draw_alterations(rng, 2000, 800, ALWAYS)
    assert 95 <= how.mask_length.max() <= 100
    assert how.mask_start.min() == 0 and (how.mask_start + how.mask_length).max() <= 800
    assert 0 < (how.mask_start > 400).float().mean() < 1
    assert -400 <= how.shift.min() < -395 and 395 < how.shift.max() <= 400
    for fade in (how.fade_in, how.fade_out):
        assert 395 < fade.max() <= 400
    assert set(how.fade_shape.tolist()) == {0, 1, 2} and len(set(how.slope.tolist())) == 3
    half = draw_alterations(rng, 2000, 800, ViewOptions())
    assert (half.mask_length > 0).float().mean() == pytest.approx(0.5, abs=0.05)
    assert half.snr_db.isinf().float().mean() == pytest.approx(0.5, abs=0.05)


def test_the_same_seed_gives_the_same_views():
    one, other = (draw_alterations(np.random.default_rng(7), 6, 500, ALWAYS) for _ in range(2))
    rows = torch.randn(6, 500)
    assert torch.equal(altered(rows, one), altered(rows, other))
    few = torch.tensor([4, 1])
    assert torch.equal(altered(rows[few], one.of(few)), altered(rows, one)[few])


@pytest.mark.parametrize("slope", [0.0, -0.5, -1.0])
@pytest.mark.parametrize("snr_db", [0.0, 20.0])
def test_noise_has_the_energy_and_the_slope_that_are_asked_for(slope, snr_db):
    rows = 0.3 * torch.randn(8, RATE)
    noise = coloured_noise(rows, torch.randn(8, RATE), torch.full((8,), slope),
                           torch.full((8,), snr_db))  # fmt: skip
    ratio = rows.square().sum(1) / noise.square().sum(1)
    torch.testing.assert_close(10 * ratio.log10(), torch.full((8,), snr_db), atol=1e-3, rtol=0)
    power = torch.fft.rfft(noise).abs().square().mean(0)
    low, high = power[100:200].mean(), power[1600:3200].mean()  # four octaves apart
    assert float((high / low).log2()) == pytest.approx(8 * slope, abs=0.5)
    below_zero = (noise < 0).float().mean()
    assert 0.3 < below_zero < 0.7  # nothing is clipped away
    silent = torch.zeros(1, RATE)
    one = torch.zeros(1)
    assert not coloured_noise(silent, torch.randn(1, RATE), one, one).any()


@pytest.mark.parametrize(("shape", "name"), [(0, "linear"), (1, "logarithmic"), (2, "exponential")])
def test_fades_are_torchaudios(shape, name):
    rows = torch.ones(1, 1000)
    how = nothing(1, 1000) | {"fade_in": torch.tensor([300]), "fade_out": torch.tensor([200]),
                              "fade_shape": torch.tensor([shape])}  # fmt: skip
    wanted = Fade(300, 200, name)(rows)
    torch.testing.assert_close(altered(rows, Alterations(**how)), wanted, atol=0.02, rtol=0)


def test_a_mask_silences_and_a_shift_rolls():
    rows = torch.arange(1.0, 11.0)[None].repeat(2, 1)
    how = nothing(2, 10) | {"shift": torch.tensor([0, -3]), "mask_start": torch.tensor([2, 0]),
                            "mask_length": torch.tensor([3, 0])}  # fmt: skip
    found = altered(rows, Alterations(**how)).tolist()
    assert found[0] == [1, 2, 0, 0, 0, 6, 7, 8, 9, 10]
    assert found[1] == [4, 5, 6, 7, 8, 9, 10, 1, 2, 3]


def test_clips_of_other_lengths_than_the_window():
    short, long = torch.ones(3), torch.arange(10.0)
    assert placed([short], 6, None).tolist() == [[0, 1, 1, 1, 0, 0]]
    assert placed([long], 4, None).tolist() == [[3, 4, 5, 6]]
    starts = {int(placed([long], 4, np.random.default_rng(i))[0, 0]) for i in range(60)}
    assert starts == set(range(7))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_gives_the_same_views():
    rows = torch.randn(4, RATE)
    how = draw_alterations(np.random.default_rng(0), 4, RATE, ALWAYS)
    found = altered(rows.cuda(), how.to(torch.device("cuda"))).cpu()
    torch.testing.assert_close(found, altered(rows, how), atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"view_probability": 1.5}, r"view_probability\n.*less than or equal to 1 "),
        ({"pitch_semitones": 40}, r"pitch_semitones\n.*less than or equal to 24"),
        ({"stretch_min": 1.2}, "stretch_min"),
        ({"mask_share": 0.7}, r"mask_share\n.*less than or equal to 0\.5"),
        ({"noise_min_db": 40}, "exchange them"),
    ],
)
def test_impossible_views_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        ViewOptions(**values)
