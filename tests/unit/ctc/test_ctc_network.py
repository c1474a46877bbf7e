"""The CTC network against transformers' own, and against itself alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given
from hypothesis import strategies as st
from tiny_checkpoints import ENCODERS, save_encoder

from aubert.ctc.network import TOKENS, CtcBatch, CtcNetwork, frames_needed, spell
from aubert.encoders.hubert import load_encoder
from aubert.hubert.network import build_encoder
from aubert.hubert.options import HubertOptions
from aubert.learn.data import padded
from aubert.text.languages import ENGLISH
from aubert.transcribe.ctc import CtcModel, EmissionOptions

TINY = {
    "hidden_size": 16,
    "num_layers": 2,
    "num_heads": 2,
    "intermediate_size": 16,
    "conv_channels": 8,
    "pos_conv_kernel": 4,
    "pos_conv_groups": 2,
}
KINDS = {
    "base": HubertOptions.base(**TINY),
    "large": HubertOptions.large(**TINY),
    "logmel": HubertOptions(front_end="logmel", frame_rate_hz=25, **TINY),
}


def network_of(kind: str, **dropouts) -> CtcNetwork:
    torch.manual_seed(0)
    options = KINDS[kind]
    extractor = transformers.Wav2Vec2FeatureExtractor(
        do_normalize=options.normalise, return_attention_mask=options.conv_norm == "layer"
    )
    network = CtcNetwork(build_encoder(options), extractor, **dropouts)
    with torch.no_grad():  # so that differences are as large as a trained model's
        network.network.lm_head.weight.mul_(30)
    return network.eval()


def rows(*lengths: int) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [(0.1 * rng.standard_normal(n)).astype(np.float32) for n in lengths]


def batch_of(samples: list[np.ndarray], texts: list[str]) -> CtcBatch:
    values, num_samples = padded(samples)
    letters = [spell(text) for text in texts]
    return CtcBatch(
        samples=torch.from_numpy(values),
        num_samples=torch.from_numpy(num_samples),
        letters=torch.from_numpy(np.concatenate(letters)),
        num_letters=torch.tensor([len(each) for each in letters]),
        masked_frames=None,
        masked_channels=None,
        padded=bool(num_samples.min() < num_samples.max()),
    )


def test_letters():
    assert len(set(TOKENS)) == len(TOKENS) == 29
    assert [TOKENS[index] for index in spell("it's a")] == ["i", "t", "'", "s", "|", "a"]


@given(st.text("ab ", min_size=1, max_size=8))
def test_as_many_frames_as_are_needed_and_no_fewer_can_say_it(text):
    letters = spell(text)
    needed = frames_needed(letters)
    for num_frames, finite in ((needed, True), (needed - 1, False)):
        log_probs = torch.zeros(max(1, num_frames), 1, len(TOKENS)).log_softmax(-1)
        loss = torch.nn.functional.ctc_loss(
            log_probs, torch.from_numpy(letters)[None], [num_frames], [len(letters)]
        )
        assert torch.isfinite(loss) == finite


@pytest.mark.parametrize("kind", ["large", "logmel"])
def test_the_loss_is_that_of_transformers(kind):
    """Of the kinds whose rows its padding does not change."""
    network = network_of(kind)
    batch = batch_of(rows(12_000, 16_000), ["ab a", "c"])
    labels = torch.nn.utils.rnn.pad_sequence(
        batch.letters.split(batch.num_letters.tolist()), batch_first=True, padding_value=-100
    )
    seen = torch.arange(16_000) < batch.num_samples[:, None]
    with torch.no_grad():
        loss, num_letters, _ = network(batch)
        theirs = network.network(batch.samples, attention_mask=seen.long(), labels=labels).loss
    assert loss.item() == pytest.approx(theirs.item(), rel=1e-5)
    assert num_letters == 5


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_network_says_the_same_in_batches_and_alone(kind, tmp_path):
    """Here in training's batches, in a transcription's, and in Hugging Face's single pass."""
    network = network_of(kind)
    network.save(tmp_path)
    model = CtcModel.load(EmissionOptions(model=str(tmp_path), device="cpu"))
    hop = KINDS[kind].hop_samples
    assert (model.receptive_samples, model.stride_samples) == (400, hop)
    assert model.vocabulary(ENGLISH).labels == ("", " ", "'", *TOKENS[3:])
    sounds = rows(16_000, 12_345, 7_000, 400)
    extractor = transformers.AutoFeatureExtractor.from_pretrained(tmp_path)
    prepared = [extractor(row, sampling_rate=16_000)["input_values"][0] for row in sounds]
    theirs = transformers.AutoModelForCTC.from_pretrained(tmp_path).eval()
    with torch.inference_mode():
        log_probs, num_frames = network.log_probs(batch_of(prepared, ["a"] * 4))
    emissions = model.emissions((str(n), row) for n, row in enumerate(sounds))
    for index, (_, emission) in enumerate(emissions):
        assert len(emission) == num_frames[index] == KINDS[kind].num_frames(len(sounds[index]))
        with torch.inference_mode():
            alone = theirs(torch.from_numpy(prepared[index])[None]).logits.log_softmax(-1)[0]
        ours = log_probs[index, : num_frames[index]]
        np.testing.assert_allclose(ours, alone, atol=1e-3)
        np.testing.assert_allclose(emission, alone, atol=1e-3)
        # The comparison has something to compare; a lone frame has no band that stands out.
        assert len(emission) == 1 or np.ptp(emission) > 3


@pytest.mark.parametrize("kind", ENCODERS)
def test_any_published_encoder_is_fine_tuned(kind, tmp_path):
    """A row alone has the frames that it has in a batch, and what is saved is transformers' own."""
    save_encoder(kind, tmp_path / "encoder")
    extractor = transformers.AutoFeatureExtractor.from_pretrained(tmp_path / "encoder")
    network = CtcNetwork(load_encoder(tmp_path / "encoder"), extractor).eval()
    with torch.no_grad():
        network.network.lm_head.weight.mul_(30)
    short, long = rows(16_000, 40_000)
    with torch.inference_mode():
        (alone,), _ = network.log_probs(batch_of([short], ["a"]))
        (padded_row, _), _ = network.log_probs(batch_of([short, long], ["a", "b"]))
    np.testing.assert_allclose(padded_row[: len(alone)], alone, atol=1e-4)
    loss, letters, _ = network(batch_of([short, long], ["to", "be"]))
    loss.backward()
    assert letters == 4 and torch.isfinite(loss)
    network.save(tmp_path / "saved")
    plain = transformers.AutoModelForCTC.from_pretrained(tmp_path / "saved").eval()
    assert type(plain).__name__.startswith(network.encoder.config.model_type[:3].title())
    with torch.inference_mode():
        expected = plain(torch.from_numpy(short)[None]).logits.log_softmax(-1)[0]
    np.testing.assert_allclose(alone, expected, atol=1e-4)


def test_transformers_tokenizer_reads_and_writes_the_letters(tmp_path):
    network_of("logmel").save(tmp_path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert tokenizer("it's a").input_ids == spell("it's a").tolist()
    path = [0, *spell("be"), 0, 0, *spell("e a"), 0]
    assert tokenizer.decode(path) == "bee a"


def test_the_encoder_s_weights_and_the_given_dropouts(tmp_path):
    torch.manual_seed(0)
    encoder = build_encoder(KINDS["logmel"])
    extractor = transformers.Wav2Vec2FeatureExtractor(do_normalize=False)
    network = CtcNetwork(encoder, extractor, final_dropout=0.3, hidden_dropout=0.2, layerdrop=0.1)
    copied = network.network.hubert.state_dict()
    assert all(torch.equal(weight, copied[name]) for name, weight in encoder.state_dict().items())
    assert network.network.dropout.p == 0.3
    assert network.network.hubert.encoder.dropout.p == 0.2
    assert (network.network.config.layerdrop, encoder.config.layerdrop) == (0.1, 0.05)


def test_what_lies_under_a_mask_changes_nothing():
    network = network_of("logmel")
    short, long = rows(12_000, 16_000)
    other = short.copy()
    other[4_000:8_000] = 0.5
    frames = torch.zeros(2, KINDS["logmel"].num_frames(16_000), dtype=torch.bool)
    channels = torch.zeros(2, 16, dtype=torch.bool)

    def log_probs_of(row, **masks):
        batch = replace(batch_of([row, long], ["a", "b"]), **masks)
        with torch.inference_mode():
            return network.log_probs(batch)[0]

    plain = log_probs_of(short)
    assert torch.equal(log_probs_of(short, masked_frames=frames, masked_channels=channels), plain)
    frames[0, :] = True
    masked = log_probs_of(short, masked_frames=frames)
    assert torch.equal(masked[0], log_probs_of(other, masked_frames=frames)[0])
    assert not torch.equal(masked[0], plain[0])
    assert torch.equal(masked[1], plain[1])
    channels[1, 3:9] = True
    masked = log_probs_of(short, masked_channels=channels)
    assert torch.equal(masked[0], plain[0])
    assert not torch.allclose(masked[1], plain[1])
