"""Fine-tuning for CTC of a tiny network, on speech of tones that it learns in seconds."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
import transformers
from tone_speech import LETTER_SAMPLES, texts, write_labelled

from aubert.corpus.labelled import read_labelled
from aubert.ctc.evaluation import evaluate_ctc
from aubert.ctc.examples import CtcExamples, Shape
from aubert.ctc.network import spell
from aubert.ctc.options import CtcTrainOptions
from aubert.ctc.task import CtcTask, ctc_network, train_ctc
from aubert.encoders.hubert import load_encoder
from aubert.hubert.network import HubertForPretraining, Units
from aubert.hubert.options import HubertOptions
from aubert.learn.data import Piece
from aubert.learn.validation import is_held_out
from aubert.transcribe.decode import DecodeOptions

ENCODER = HubertOptions(
    front_end="logmel",
    frame_rate_hz=25,
    hidden_size=32,
    num_layers=2,
    num_heads=2,
    intermediate_size=32,
    conv_channels=32,
    pre_norm=True,
    pos_conv_kernel=4,
    pos_conv_groups=2,
    final_dim=8,
)
TRAIN = CtcTrainOptions(
    steps=200,
    lr=1e-2,
    schedule="constant",
    warmup_steps=10,
    batch_seconds=10,
    step_seconds=10,
    max_seconds=4,
    min_seconds=0.1,
    train_front_end=True,
    freeze_encoder_steps=0,
    mask_time_prob=0,
    mask_feature_prob=0,
    activation_dropout=0.3,  # 28 utterances are soon known by heart
    layerdrop=0,
    validation_share=0,
    log_every=10,
    checkpoint_every=50,
    validate_every=50,
    device="cpu",
)


def options(**changes) -> CtcTrainOptions:
    return dataclasses.replace(TRAIN, **changes)


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def init(tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp("init")
    torch.manual_seed(0)
    HubertForPretraining(ENCODER, [Units("mfcc", 4)]).save(directory)
    return directory


@pytest.fixture(scope="module")
def labelled(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("labelled")
    write_labelled(root / "train", {"1": texts(14), "2": texts(14, seed=1)})
    write_labelled(root / "dev", {"3": texts(6, seed=2)})
    return root


def train(init, labelled, out, **changes):
    return train_ctc(out, init, [labelled / "train"], options(**changes))


def test_it_learns_and_writes_what_transcription_reads(init, labelled, tmp_path):
    out = tmp_path / "ctc/scratch"
    summary, left_out = train(init, labelled, out)
    assert summary == "ctc: 200 steps over 28 utterances (0.5 minutes)"
    assert left_out == []
    assert (out / "train.jsonl").is_file()
    assert sorted(path.name for path in out.parent.iterdir()) == ["scratch"]
    decode = DecodeOptions(model=str(out), device="cpu")
    figures = evaluate_ctc({"seen": labelled / "train", "unseen": labelled / "dev"}, decode)
    assert sorted(figures) == ["cer_greedy", "unseen_cer_greedy", "unseen_wer_greedy", "wer_greedy"]
    assert figures["wer_greedy"].value <= 0.05
    assert figures["unseen_cer_greedy"].value <= 0.3


def test_it_learns_the_letters_of_the_transcripts(init, labelled, tmp_path):
    """Russian and German letters, which English's vocabulary lacks; nothing is learned without
    a word of what is left out."""
    for path in sorted((labelled / "train").rglob("*.trans.txt")):
        lines = path.read_text().splitlines()
        of = str.maketrans({"A": "П", "B": "Р", "C": "И", "D": "ß"})
        folder = tmp_path / "train" / path.parent.relative_to(labelled / "train")
        shutil.copytree(path.parent, folder)
        named = (line.partition(" ") for line in lines)
        text = "".join(f"{name} {transcript.translate(of)}\n" for name, _, transcript in named)
        (folder / path.name).write_text(text, encoding="utf-8")
    out = tmp_path / "ctc"
    arguments = (out, init, [tmp_path / "train"], TRAIN)
    with (
        pytest.warns(UserWarning, match=r"28 utterances are left out.* п \(25\)"),
        pytest.raises(ValueError, match=r"28 with letters or signs .*ctc.vocabulary: transcripts"),
    ):
        train_ctc(*arguments)
    summary, left_out = train_ctc(*arguments, language="ru", vocabulary="transcripts")
    assert "over 28 utterances" in summary and not left_out
    vocab = json.loads((out / "vocab.json").read_text())
    assert sorted(vocab, key=vocab.get) == ["<pad>", "|", "'", "ß", "и", "п", "р"]
    decode = DecodeOptions(model=str(out), device="cpu")
    figures = evaluate_ctc({"seen": tmp_path / "train"}, decode, language="ru")
    assert figures["wer_greedy"].value <= 0.1
    assert json.loads((out / "config.json").read_text())["aubert_language"] == "ru"


def changed(init, out: Path, used: CtcTrainOptions) -> set[str]:
    """The parts of the network whose weights training has changed."""
    before = ctc_network(init, used).network.state_dict()
    after = transformers.AutoModelForCTC.from_pretrained(out).state_dict()
    assert before.keys() == after.keys()
    return {
        ".".join(name.split(".")[:2])
        for name, weight in before.items()
        if not torch.equal(weight, after[name])
    }


@pytest.mark.parametrize(
    ("options_of_freezing", "expected"),
    [
        (
            {"train_front_end": False, "freeze_encoder_steps": 2},
            {
                "hubert.feature_projection",
                "hubert.masked_spec_embed",
                "hubert.encoder",
                "lm_head.weight",
                "lm_head.bias",
            },
        ),
        (
            {"train_front_end": False, "freeze_encoder_steps": 3},
            {"lm_head.weight", "lm_head.bias"},
        ),
        (
            {"train_front_end": True, "freeze_encoder_steps": 0},
            {
                "hubert.feature_extractor",
                "hubert.feature_projection",
                "hubert.masked_spec_embed",
                "hubert.encoder",
                "lm_head.weight",
                "lm_head.bias",
            },
        ),
    ],
)
def test_what_is_frozen_stays_as_it_is(options_of_freezing, expected, init, labelled, tmp_path):
    used = {"steps": 3, "mask_time_prob": 0.3, **options_of_freezing}
    train(init, labelled, tmp_path / "out", **used)
    assert changed(init, tmp_path / "out", options(**used)) == expected


def test_the_weights_that_validated_best_are_kept(init, labelled, tmp_path):
    """The rate is too high by far: what is best comes early or late, by chance."""
    used = {"steps": 40, "lr": 0.05, "validation_share": 0.3, "validate_every": 10}
    summary, _ = train(init, labelled, tmp_path / "out", **used)
    lines = [json.loads(line) for line in (tmp_path / "out/train.jsonl").read_text().splitlines()]
    losses = {line["step"]: line["validation.loss"] for line in lines if "validation.loss" in line}
    assert sorted(losses) == [10, 20, 30, 40]
    best = min(losses, key=losses.get)
    assert f"at step {best}" in summary
    utterances = read_labelled([labelled / "train"])
    held_out = [each for each in utterances if is_held_out(each.utterance_id, 0.3)]
    assert f"over {len(utterances) - len(held_out)} utterances" in summary
    network = ctc_network(tmp_path / "out", TRAIN).eval()
    trained = transformers.AutoModelForCTC.from_pretrained(tmp_path / "out")
    network.network.load_state_dict(trained.state_dict())
    examples = CtcExamples(held_out, Shape.of(network), TRAIN)
    pieces = [Piece(index, 0, int(n)) for index, n in enumerate(examples.num_samples)]
    with torch.inference_mode():
        loss, num_letters, _ = network(examples.batch(pieces, None))
    assert loss.item() / num_letters == pytest.approx(losses[best], rel=1e-4)


def test_a_file_that_was_cut_off_is_left_out_with_its_path(init, labelled, tmp_path):
    """The header is whole, and counts samples that are not there, a WAV's too; one is no audio."""
    shutil.copytree(labelled / "train", tmp_path / "train")
    cut, none, short, *_ = sorted((tmp_path / "train").rglob("*.flac"))
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    none.write_bytes(b"no audio")
    samples, rate_hz = soundfile.read(short)
    short.unlink()
    wav = short.with_suffix(".wav")
    soundfile.write(wav, samples, rate_hz)
    wav.write_bytes(wav.read_bytes()[: wav.stat().st_size // 2])
    used = options(steps=2, log_every=1, checkpoint_every=2, validate_every=2)
    summary, left_out = train_ctc(tmp_path / "out", init, [tmp_path / "train"], used)
    assert "over 25 utterances" in summary and "3 whose audio cannot be decoded" in summary
    assert [each.utterance_id for each in left_out] == [cut.stem, none.stem, wav.stem]
    assert left_out[0].detail.startswith(f"{cut}: audio_truncated")
    assert left_out[1].detail.startswith(f"{none}: audio_unreadable")
    assert left_out[2].detail.startswith(f"{wav}: audio_truncated")


def test_killed_it_goes_on_with_other_log_lines_and_steps_or_names_what_differs(
    init, labelled, tmp_path, monkeypatch, capsys
):
    used = {"steps": 8, "log_every": 2, "checkpoint_every": 2, "batch_seconds": 10}
    started = []

    def stop(self, step, start_step=CtcTask.start_step):
        started.append(step)
        if started == [1, 2, 3, 4, 5]:
            raise KeyboardInterrupt
        start_step(self, step)

    with monkeypatch.context() as patch:
        patch.setattr(CtcTask, "start_step", stop)
        with pytest.raises(KeyboardInterrupt):
            train(init, labelled, tmp_path / "out", **used)
        with pytest.raises(ValueError, match=r"train\.lr was 0\.01 and is 0\.02"):
            train(init, labelled, tmp_path / "out", **used | {"lr": 2e-2})
        with pytest.raises(ValueError, match=r"train\.batch_seconds was 10\.0 and is 20\.0"):
            train(init, labelled, tmp_path / "out", **used | {"batch_seconds": 20})
        changes = {"log_every": 1, "batch_seconds": 5, "steps": 9}
        train(init, labelled, tmp_path / "out", **used | changes)
    assert started[5:] == [5, 6, 7, 8, 9]
    assert "batch_seconds was 10 and is 5" in capsys.readouterr().err


def test_interrupted_it_goes_on_to_the_same_weights(init, labelled, tmp_path, monkeypatch):
    used = {"steps": 4, "log_every": 1, "checkpoint_every": 1, "mask_time_prob": 0.3}
    train(init, labelled, tmp_path / "whole", **used)
    started = []

    def stop(self, step, start_step=CtcTask.start_step):
        started.append(step)
        if started == [1, 2, 3]:
            raise KeyboardInterrupt
        start_step(self, step)

    monkeypatch.setattr(CtcTask, "start_step", stop)
    with pytest.raises(KeyboardInterrupt):
        train(init, labelled, tmp_path / "out", **used)
    assert not (tmp_path / "out").exists()
    train(init, labelled, tmp_path / "out", **used)
    assert started == [1, 2, 3, 3, 4]
    for name in ("model.safetensors", "train.jsonl"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "whole"]


def test_the_held_out_share_depends_on_the_id_alone():
    ids = [f"{speaker}-7-{index:04}" for speaker in range(50) for index in range(40)]
    held_out = [each for each in ids if is_held_out(each, 0.1)]
    assert 0.07 < len(held_out) / len(ids) < 0.13
    assert set(held_out) <= {each for each in ids if is_held_out(each, 0.2)}
    assert not any(is_held_out(each, 0) for each in ids)


def examples_of(init, folder: Path, **changes) -> CtcExamples:
    shape = Shape.of(ctc_network(init, TRAIN))
    return CtcExamples(read_labelled([folder]), shape, options(**changes))


def test_what_ctc_cannot_learn_from_is_left_out_with_its_reason(init, labelled, tmp_path):
    folder = write_labelled(tmp_path, {"5": ["abcd " * 12, "ab", "abcd", "bcda", "e"]})
    # Half a second has 12 frames: "abcdabcdabcd" needs 12, "bbbbbbbb" 8 and 7 blanks.
    lines = (folder / "5/7/5-7.trans.txt").read_text()
    lines = lines.replace(" ABCD\n", " ABCDABCDABCD\n").replace(" BCDA\n", " BBBBBBBB\n")
    (folder / "5/7/5-7.trans.txt").write_text(lines)
    for index in (2, 3):
        soundfile.write(folder / f"5/7/5-7-{index:04}.flac", np.zeros(8_000), 16_000)
    soundfile.write(folder / "5/7/5-7-0004.flac", np.zeros(4_410), 44_100)
    examples = examples_of(init, folder, min_seconds=0.2)
    assert [each.utterance_id for each in examples.utterances] == ["5-7-0001", "5-7-0002"]
    assert [tuple(each) for each in examples.left_out] == [
        ("5-7-0000", "longer than max_seconds", "5.0 s"),
        ("5-7-0003", "fewer frames than its text needs", "12 frames, 15 needed"),
        ("5-7-0004", "shorter than min_seconds", "0.10 s"),
    ]
    assert len(examples.num_samples) == 2


def test_a_batch_holds_whole_utterances_and_their_letters(init, labelled):
    examples = examples_of(init, labelled / "train", mask_time_prob=0.5, mask_feature_prob=0.3)
    pieces = [Piece(index, 0, int(examples.num_samples[index])) for index in (4, 0)]
    batch = examples.batch(pieces, np.random.default_rng(0))
    transcripts = [examples.utterances[index].text for index in (4, 0)]
    assert batch.letters.tolist() == [*spell(transcripts[0]), *spell(transcripts[1])]
    assert batch.num_letters.tolist() == [len(text) for text in transcripts]
    assert batch.num_samples.tolist() == [LETTER_SAMPLES * (len(text) + 2) for text in transcripts]
    frames = [ENCODER.num_frames(n) for n in batch.num_samples.tolist()]
    assert batch.masked_frames.shape == (2, max(frames))
    assert batch.masked_channels.shape == (2, 32)
    for row, length in enumerate(frames):
        assert 0 < batch.masked_frames[row, :length].sum() < length
        assert not batch.masked_frames[row, length:].any()
        assert 0 < batch.masked_channels[row].sum() < 32
    again = examples.batch(pieces, np.random.default_rng(0))
    assert torch.equal(batch.masked_frames, again.masked_frames)
    plain = examples.batch(pieces, None)
    assert plain.masked_frames is None and plain.masked_channels is None
    with pytest.raises(AssertionError):
        examples.batch([Piece(0, 0, 8_000)], None)


def test_audio_goes_in_as_the_encoder_wants_it(init, labelled, tmp_path):
    """Of zero mean and unit variance where its feature extractor says so."""
    torch.manual_seed(0)
    large = HubertOptions.large(
        hidden_size=16, num_layers=1, num_heads=2, intermediate_size=16, conv_channels=8,
        pos_conv_kernel=4, pos_conv_groups=2, final_dim=8,
    )  # fmt: skip
    HubertForPretraining(large, [Units("mfcc", 4)]).save(tmp_path / "large")
    piece = None
    for directory, deviation in ((init, 0.2), (tmp_path / "large", 1.0)):
        examples = examples_of(directory, labelled / "train")
        piece = Piece(0, 0, int(examples.num_samples[0]))
        samples = examples.batch([piece], None).samples
        assert (samples.std().item() > 0.9) == (deviation == 1.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_seconds": 0.3}, "28 longer than max_seconds"),
        ({"validation_share": 1e-6}, "validation_share 1e-06 of 28 utterances is none; raise it"),
    ],
)
def test_nothing_to_learn_from_says_what_to_do(changes, message, init, labelled, tmp_path):
    with pytest.raises(ValueError, match=message):
        train(init, labelled, tmp_path / "out", **changes)
    assert not (tmp_path / "out").exists()


def test_an_encoder_that_is_none_is_refused(init, labelled, tmp_path):
    with pytest.raises(ValueError, match="is not a model directory"):
        train(tmp_path, labelled, tmp_path / "out")
    load_encoder(init).save_pretrained(tmp_path / "bare")
    with pytest.raises(ValueError, match="bare is not a speech encoder in"):
        train(tmp_path / "bare", labelled, tmp_path / "out")


def test_options_that_cannot_be():
    with pytest.raises(ValueError, match=r"validation_share\n.*less than 1"):
        options(validation_share=1)
    with pytest.raises(ValueError, match=r"mask_time_prob\n.*less than or equal to 1 "):
        options(mask_time_prob=1.5)
    with pytest.raises(ValueError, match=r"mask_feature_length\n.*greater than or equal to 1"):
        options(mask_feature_length=0)
