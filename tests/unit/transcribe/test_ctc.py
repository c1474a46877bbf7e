"""Emissions of tiny checkpoints with random weights: shapes, equality, order, windows."""

from itertools import pairwise

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given
from hypothesis import strategies as st
from tiny_checkpoints import KINDS, TOKENS, save_checkpoint

from aubert.encoders import network as network_module
from aubert.encoders.windows import merge, windows
from aubert.stage import Reject
from aubert.transcribe.ctc import CtcModel, EmissionOptions
from aubert.transcribe.vocabulary import Vocabulary

RATE_HZ = 16_000


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    """A directory per kind of feature norm: BASE models have "group", LARGE ones "layer"."""
    root = tmp_path_factory.mktemp("checkpoints")
    for norm in KINDS:
        save_checkpoint(root / norm, norm)
    return root


def load(checkpoints, norm="group", **options):
    return CtcModel.load(EmissionOptions(model=str(checkpoints / norm), device="cpu", **options))


def sounds(*lengths):
    rng = np.random.default_rng(1)
    return [
        (f"u{i}", (0.1 * rng.standard_normal(n) + 0.01 * i).astype(np.float32))
        for i, n in enumerate(lengths)
    ]


@pytest.mark.parametrize("norm", KINDS)
def test_emission_is_that_of_the_utterance_alone(checkpoints, norm):
    """Not of its batch, and the same as Hugging Face's own single pass."""
    model = load(checkpoints, norm, batch_seconds=20)
    utterances = sounds(16_000, 9_000, 33_333, 12_345, 16_000, 400)
    extractor = transformers.AutoFeatureExtractor.from_pretrained(checkpoints / norm)
    network = transformers.AutoModelForCTC.from_pretrained(checkpoints / norm).eval()
    for (name, log_probs), (wanted, samples) in zip(
        model.emissions(utterances), utterances, strict=True
    ):
        inputs = extractor(samples, sampling_rate=RATE_HZ, return_tensors="pt")
        with torch.no_grad():
            reference = network(inputs.input_values).logits.log_softmax(-1)[0].numpy()
        assert name == wanted
        assert log_probs.dtype == np.float32
        assert log_probs.shape == (model.num_frames(len(samples)), len(TOKENS))
        np.testing.assert_allclose(log_probs, reference, atol=1e-3)
        assert np.ptp(reference) > 5  # the comparison has something to compare


def test_padded_batches_are_used_where_they_change_nothing(checkpoints, monkeypatch):
    model = load(checkpoints)
    sizes = []
    monkeypatch.setattr(model, "_forward", _counting(model._forward, sizes))
    list(model.emissions(sounds(9_000, 16_000, 12_345)))
    assert sizes == [3]


def test_without_the_masked_group_norm_only_equal_lengths_share_a_batch(checkpoints, monkeypatch):
    monkeypatch.setattr(network_module, "_normalise_rows_apart", lambda model: None)
    model = load(checkpoints)
    sizes = []
    monkeypatch.setattr(model, "_forward", _counting(model._forward, sizes))
    list(model.emissions(sounds(9_000, 16_000, 9_000, 12_345)))
    assert sizes == [1, 1, 2]


def _counting(forward, sizes):
    def counted(rows):
        sizes.append(len(rows))
        return forward(rows)

    return counted


@pytest.mark.parametrize("batch_seconds", [0.1, 2.0])
def test_order_is_that_of_the_input(checkpoints, monkeypatch, batch_seconds):
    monkeypatch.setattr(CtcModel, "pool_batches", 2)
    model = load(checkpoints, batch_seconds=batch_seconds)
    utterances = sounds(*np.random.default_rng(0).integers(3_000, 12_000, 20))
    utterances.insert(3, Reject("broken", "audio_unreadable", "no header"))
    names = [r.id if isinstance(r, Reject) else r[0] for r in model.emissions(iter(utterances))]
    assert names == [u.id if isinstance(u, Reject) else u[0] for u in utterances]


def test_look_ahead_is_bounded(checkpoints, monkeypatch):
    monkeypatch.setattr(CtcModel, "pool_batches", 2)
    model = load(checkpoints, batch_seconds=1.0)
    taken = []
    stream = model.emissions(taken.append(u) or u for u in sounds(*[8_000] * 50))
    next(stream)
    assert len(taken) == 4  # two batches of one second


@pytest.mark.parametrize("norm", KINDS)
def test_windows_keep_the_frames_of_one_pass(checkpoints, norm):
    utterances = sounds(5 * RATE_HZ + 123)
    ((_, whole),) = load(checkpoints, norm).emissions(utterances)
    windowed = load(checkpoints, norm, window_seconds=2.0, overlap_seconds=0.8)
    ((_, merged),) = windowed.emissions(utterances)
    assert merged.shape == whole.shape
    # Attention sees the window only, so the two differ a little everywhere; a shift by one
    # frame would differ a lot.
    apart = np.abs(merged - whole).mean()
    assert apart < 0.25 * np.abs(merged[1:] - whole[:-1]).mean()


def test_frame_grid_comes_from_the_model(checkpoints):
    model = load(checkpoints)
    assert (model.receptive_samples, model.stride_samples) == (400, 320)
    for num_samples in (0, 399, 400, 719, 720, 190_800):
        assert model.num_frames(num_samples) == max(0, (num_samples - 400) // 320 + 1)


class _Spectral(torch.nn.Module):
    """A front end at 25 frames a second that is no stack of waveform convolutions."""

    def forward(self, samples):
        spectra = torch.stft(samples, 400, 640, window=torch.ones(400), center=False,
                             return_complex=True)  # fmt: skip
        return (spectra.abs() + 1).log()[:, :8]


def test_another_front_end_at_another_rate(checkpoints):
    def frames(num_samples):
        return torch.div(num_samples - 400, 640, rounding_mode="floor") + 1

    network = transformers.AutoModelForCTC.from_pretrained(checkpoints / "group").eval()
    network.hubert.feature_extractor = _Spectral()
    network._get_feat_extract_output_lengths = frames
    network.hubert._get_feat_extract_output_lengths = frames
    model = CtcModel(
        network,
        transformers.AutoFeatureExtractor.from_pretrained(checkpoints / "group"),
        transformers.AutoTokenizer.from_pretrained(checkpoints / "group"),
        EmissionOptions(device="cpu", window_seconds=2.0, overlap_seconds=0.8),
    )
    assert (model.receptive_samples, model.stride_samples) == (400, 640)
    shapes = [log_probs.shape for _, log_probs in model.emissions(sounds(16_000, 9_000, 80_000))]
    assert shapes == [(25, len(TOKENS)), (14, len(TOKENS)), (125, len(TOKENS))]


def test_audio_below_the_receptive_field_has_no_frame(checkpoints):
    model = load(checkpoints)
    shapes = [log_probs.shape for _, log_probs in model.emissions(sounds(399, 0, 400))]
    assert shapes == [(0, len(TOKENS)), (0, len(TOKENS)), (1, len(TOKENS))]


def test_out_of_memory_halves_the_batch(checkpoints, monkeypatch):
    model = load(checkpoints)
    utterances = sounds(9_000, 8_000, 7_000, 6_000, 5_000)
    expected = dict(model.emissions(utterances))
    sizes = []
    forward = model._forward

    def small_gpu(rows):
        sizes.append(len(rows))
        if len(rows) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(rows)

    monkeypatch.setattr(model, "_forward", small_gpu)
    for name, log_probs in model.emissions(utterances):
        np.testing.assert_allclose(log_probs, expected[name], atol=1e-3)
    assert sizes == [5, 2, 3, 1, 2]


def test_one_utterance_too_many_says_what_to_do(checkpoints, monkeypatch):
    model = load(checkpoints)

    def no_gpu(rows):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(model, "_forward", no_gpu)
    with pytest.raises(ValueError, match="lower window_seconds"):
        list(model.emissions(sounds(9_000)))


def test_bfloat16_is_close(checkpoints):
    utterances = sounds(16_000, 9_000)
    for (_, exact), (_, rough) in zip(
        load(checkpoints).emissions(utterances),
        load(checkpoints, dtype="bfloat16").emissions(utterances),
        strict=True,
    ):
        assert rough.dtype == np.float32
        assert 0 < np.abs(exact - rough).mean() < 0.2


def test_what_is_no_checkpoint_is_named(tmp_path):
    with pytest.raises(ValueError, match="is not a CTC checkpoint"):
        CtcModel.load(EmissionOptions(model=str(tmp_path)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_seconds": 0.0}, "batch_seconds\n.*greater than 0"),
        ({"overlap_seconds": 15.0}, "it must be below half of window_seconds"),
        ({"overlap_seconds": -1.0}, "overlap_seconds\n.*greater than or equal to 0"),
    ],
)
def test_options_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        EmissionOptions(**options)


@given(
    num_frames=st.integers(1, 500),
    size=st.integers(1, 60),
    share=st.floats(0, 0.99),
)
def test_windows_cover_every_frame_once(num_frames, size, share):
    overlap = int(size * share)
    parts = windows(num_frames, size, overlap)
    frames = np.arange(num_frames, dtype=np.float32)[:, None]
    merged = merge([(part, frames[part.start : part.end]) for part in parts], num_frames, 1)
    np.testing.assert_array_equal(merged, frames)
    for part in parts:
        assert 0 <= part.start <= part.keep_start < part.keep_end <= part.end <= num_frames
        assert part.end - part.start == min(size, num_frames)
    for part, later in pairwise(parts):
        assert part.end - later.start >= overlap


def test_vocabulary_folds_case_specials_and_delimiters():
    tokens = {"<pad>": 0, "|": 1, "A": 2, "É": 3, "a": 4, "’": 5, "<unk>": 6, ".": 7, "b": 8}
    vocabulary = Vocabulary.from_tokens(tokens, num_tokens=10, blank=0)
    assert vocabulary.labels == ("", " ", "'", "a", "b", "e")
    probabilities = np.array([[0.1, 0.2, 0.05, 0.1, 0.15, 0.1, 0.04, 0.03, 0.2, 0.03]])
    folded = np.exp(vocabulary.fold(np.log(probabilities)))
    np.testing.assert_allclose(folded, [[0.2, 0.2, 0.1, 0.2, 0.2, 0.1]], rtol=1e-5)
    assert vocabulary.encode("a be'x") == [3, 4, 5, 2]


@pytest.mark.parametrize("delimiter", ["|", " ", "[SPACE]"])
def test_delimiters(delimiter):
    tokens = {"[PAD]": 2, delimiter: 0, "x": 1}
    assert Vocabulary.from_tokens(tokens, 3, 2, delimiter).labels == ("", " ", "x")


def test_word_pieces_are_refused():
    with pytest.raises(ValueError, match="tokens of several letters \\('▁the'\\)"):
        Vocabulary.from_tokens({"<pad>": 0, "▁the": 1}, 2, 0)
    with pytest.raises(ValueError, match="no Latin letter"):
        Vocabulary.from_tokens({"<pad>": 0, "ж": 1}, 2, 0)
