"""The probe: what it may learn from, what it finds, what it leaves out."""

import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from tiny_hubert import save_tiny_hubert

from aubert.cli import main
from aubert.corpus.clips import Clip, clips_of_folder
from aubert.evaluate import probe as module
from aubert.evaluate.probe import ProbeOptions


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return save_tiny_hubert(tmp_path_factory.mktemp("encoder") / "untrained")


def tone(hz, seed, seconds=0.6):
    """A tone with a seed's own noise."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(16_000 * seconds)) / 16_000
    return 0.3 * np.sin(2 * np.pi * hz * time) + 0.02 * rng.standard_normal(len(time))


@pytest.fixture
def folder(tmp_path):
    """Three classes, tones of three pitches; one class has directories of its own."""
    for index, hz in enumerate((200, 700, 1_500)):
        for take in range(6):
            deep = f"take{take % 2}" if index == 0 else ""
            path = tmp_path / "tones" / f"class{index}" / deep / f"{take}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, tone(hz, 10 * index + take), 16_000)
    return tmp_path / "tones"


def examples(groups):
    """groups: (label, number of examples) of each group."""
    return [
        Clip(f"{group}_{i}", f"label{label}", f"group{group}", Path("none"))
        for group, (label, size) in enumerate(groups)
        for i in range(size)
    ]


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 4)), min_size=2, max_size=20))
def test_what_is_tested_shares_no_recording_with_what_was_learned(groups):
    everything = module._testable(examples(groups))
    folds = module._folds(everything)
    num_groups = defaultdict(set)
    for one in everything:
        num_groups[one.label].add(one.group)
    for fold in set(folds.tolist()):
        learned = [one for one, own in zip(everything, folds, strict=True) if own != fold]
        for one, own in zip(everything, folds, strict=True):
            if own != fold:
                continue
            assert one.label in {other.label for other in learned}
            if len(num_groups[one.label]) > 1:
                assert one.group not in {other.group for other in learned}


def test_recognising_the_recording_does_not_help():
    """Every recording has vectors of its own, which say nothing of its label."""
    rng = np.random.default_rng(0)
    everything = examples([(label, 5) for label in range(4) for _ in range(5)])
    place = {one.group: rng.standard_normal(40) for one in everything}
    vectors = {one.id: place[one.group] + 0.01 * rng.standard_normal(40) for one in everything}
    assert module._correct(everything, vectors).sum() < 0.6 * len(everything)
    alone = [one._replace(group=one.id) for one in everything]
    assert module._correct(alone, vectors).sum() == len(everything)


def test_classes_of_a_folder_are_distinguished(folder, encoder, tmp_path, capsys):
    out = tmp_path / "figures.json"
    words = ["evaluate", "probe", out, f"--encoder=own={encoder}", f"--folder=tones={folder}"]
    assert main([*map(str, words), "--layer=1", "--device=cpu"]) == 0
    figures = json.loads(out.read_text())
    assert set(figures) == {f"probe.tones.own{end}" for end in ("", ".baseline", ".chance")}
    assert figures["probe.tones.own.baseline"]["value"] > 0.9
    assert figures["probe.tones.own.chance"]["value"] == pytest.approx(1 / 3, abs=1e-5)
    assert {figure["n"] for figure in figures.values()} == {18}
    assert "probe.tones.own.baseline 1.000" in capsys.readouterr().out
    first = out.read_bytes()
    main([*map(str, words), "--layer=1", "--device=cpu"])
    assert out.read_bytes() == first


def test_an_utterance_is_the_mean_and_the_spread_of_its_frames(folder, encoder):
    from aubert.units.encoder_features import Encoder, EncoderOptions

    loaded = Encoder.load(str(encoder), EncoderOptions(layer=1, device="cpu"))
    found = module._pooled(loaded, clips_of_folder(folder))
    samples, _ = soundfile.read(folder / "class1/2.wav", dtype="float32")
    ((_, frames),) = loaded.run([("x", samples)])
    expected = [*frames.mean(axis=0), *frames.std(axis=0)]
    np.testing.assert_allclose(found["class1/2.wav"], expected, atol=1e-4)


def test_noise_tells_nothing(tmp_path, encoder):
    for index in range(24):
        path = tmp_path / "noise" / f"class{index % 4}" / f"{index}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, tone(0, index, 0.2), 16_000)
    found = run(clips_of_folder(tmp_path / "noise"), encoder)
    assert found["probe.x.own"].value < 0.6
    assert found["probe.x.own"].ci95[0] < 0.25


def run(these, encoder):
    from aubert.encoders.network import NetworkOptions

    options = ProbeOptions(layer=1)
    return module.probe("x", these, {"own": encoder}, options, NetworkOptions(device="cpu"))


def test_what_cannot_be_used_is_left_out(folder, encoder, capsys):
    (folder / "class0/take0/0.wav").write_bytes(b"RIFF no more")
    soundfile.write(folder / "class1/0.wav", tone(700, 0, 0.01), 16_000)
    for take in range(1, 6):
        (folder / f"class2/{take}.wav").unlink()  # one is left, which cannot be learned and tested
    found = run(clips_of_folder(folder), encoder)
    assert found["probe.x.own"].n == 10
    printed = capsys.readouterr().err
    assert "audio_unreadable" in printed and "audio_too_short" in printed
    for take in range(6):
        (folder / f"class1/{take}.wav").unlink()
    assert run(clips_of_folder(folder), encoder) == {}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--folder", "x={tmp}"], "holds 0 sub-folders with audio"),
        ([], "there is nothing to probe"),
        (["--results", "{tmp}"], "give --root"),
    ],
)
def test_wrong_calls_are_one_clear_line(words, message, tmp_path, capsys):
    flags = [word.format(tmp=tmp_path) for word in words]
    assert main(["evaluate", "probe", str(tmp_path / "o"), "--encoder", "a=b", *flags]) == 1
    assert message in capsys.readouterr().err


def test_a_folder_in_one_line(folder, encoder, tmp_path, capsys):
    """`aubert probe` says what `aubert evaluate probe` writes."""
    words = [f"--model={encoder}", "--layer=1", "--device=cpu"]
    assert main(["probe", str(folder), *words, "-o", str(tmp_path / "one.json")]) == 0
    printed = capsys.readouterr().out
    words = [f"--encoder=model={encoder}", "--layer=1", "--device=cpu", f"--folder=tones={folder}"]
    assert main(["evaluate", "probe", str(tmp_path / "two.json"), *words]) == 0
    one, two = (json.loads((tmp_path / name).read_text()) for name in ("one.json", "two.json"))
    assert one == two
    value = one["probe.tones.model"]["value"]
    assert printed.startswith(f"probe: {value:.3f} (") and "of 18 files by layer 1 of" in printed
    assert f"{one['probe.tones.model.chance']['value']:.3f} by the most frequent class" in printed


def test_a_folder_of_too_few(tmp_path, encoder, capsys):
    for name in "ab":
        (tmp_path / name).mkdir()
        soundfile.write(tmp_path / name / "x.wav", tone(300, 0), 16_000)
    assert main(["probe", str(tmp_path), f"--model={encoder}", "--layer=1"]) == 1
    assert "fewer than two classes of two files" in capsys.readouterr().err


def test_intervals_resample_speakers_or_what_shares_a_voice():
    """Files whose speakers are not known stand for themselves."""
    everything = examples([(label, 2) for label in range(3) for _ in range(2)])
    speakers = module._owners(everything, by_label=True)
    assert speakers["speakers"] == [one.label for one in everything]
    assert list(module._owners(everything, by_label=False)) == ["groups", "utterances"]
    alone = [one._replace(group=one.id) for one in everything]
    assert list(module._owners(alone, by_label=False)) == ["utterances"]
