"""`aubert encode` from the command line: what it writes, leaves alone and refuses."""

import json

import numpy as np
import pytest
import soundfile
import torch
import transformers

from aubert import audio, files
from aubert.cli import MACHINE_FAULT, main
from aubert.units import encode as module
from aubert.units.encoder_features import Encoder, EncoderOptions

NUM_LAYERS, HIDDEN = 2, 16


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    directory = tmp_path_factory.mktemp("encoder")
    torch.manual_seed(0)
    config = transformers.HubertConfig(
        hidden_size=HIDDEN,
        num_hidden_layers=NUM_LAYERS,
        num_attention_heads=2,
        intermediate_size=32,
        conv_dim=(8,) * 7,
        num_conv_pos_embeddings=9,
        num_conv_pos_embedding_groups=2,
    )
    transformers.HubertModel(config).save_pretrained(directory)
    transformers.Wav2Vec2FeatureExtractor().save_pretrained(directory)
    return directory


@pytest.fixture
def corpus(tmp_path):
    """Two files of one stem, of other rates and channels, and one in a folder below."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "corpus"
    (folder / "deep").mkdir(parents=True)
    soundfile.write(folder / "a.flac", 0.1 * rng.standard_normal(16_000), 16_000)
    soundfile.write(folder / "a.wav", 0.1 * rng.standard_normal((22_050, 2)), 44_100)
    soundfile.write(folder / "deep" / "b.ogg", 0.1 * rng.standard_normal(9_600), 8_000)
    (folder / "notes.txt").write_text("not audio")
    return folder


def call(model, out, *inputs, layer=1):
    words = ["encode", *inputs, "--model", model, "--layer", layer, "-o", out, "--device", "cpu"]
    return main(list(map(str, words)))


def features(model, path, layer):
    encoder = Encoder.load(str(model), EncoderOptions(layer=layer, device="cpu"))
    ((_, found),) = encoder.run([("x", audio.decode(path))])
    return found


def written(out):
    return {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}


def test_each_file_gets_its_array_and_what_it_is(model, corpus, tmp_path, capsys):
    out = tmp_path / "out"
    assert call(model, out, corpus) == 0
    names = {"a.flac": 49, "a.wav": 24, "deep/b.ogg": 59}
    assert written(out) == {f"{name}.{kind}" for name in names for kind in ("npy", "json")}
    for name, num_frames in names.items():
        found = np.load(out / f"{name}.npy")
        assert (found.dtype, found.shape) == (np.float32, (num_frames, HIDDEN))
        np.testing.assert_allclose(found, features(model, corpus / name, 1), atol=1e-4)
        notes = json.loads((out / f"{name}.json").read_text())
        assert (notes["layer"], notes["rate_hz"], notes["precision"]) == (1, 50.0, "float32")
    printed = capsys.readouterr().out
    assert "3 files written (132 frames at 50 Hz of 3 s of audio" in printed
    assert "x real time" in printed
    assert printed.rstrip().endswith("1 files are no audio and were passed over (first notes.txt)")


def test_every_format_of_libsndfile_is_encoded(model, tmp_path):
    folder = tmp_path / "formats"
    folder.mkdir()
    sound = 0.1 * np.random.default_rng(0).standard_normal(16_000)
    formats = {"aiff": "AIFF", "AIF": "AIFF", "au": "AU", "sph": "NIST", "w64": "W64", "caf": "CAF",
               "voc": "VOC", "rf64": "RF64", "flac": "FLAC", "wav": "WAV"}  # fmt: skip
    for suffix, form in formats.items():
        soundfile.write(folder / f"x.{suffix}", sound, 16_000, format=form, subtype="PCM_16")
    assert call(model, tmp_path / "out", folder) == 0
    assert written(tmp_path / "out") == {f"x.{s}.{k}" for s in formats for k in ("npy", "json")}
    whole = np.load(tmp_path / "out/x.flac.npy")
    for suffix in formats:
        np.testing.assert_allclose(np.load(tmp_path / f"out/x.{suffix}.npy"), whole, atol=1e-2)


def test_a_folder_whose_files_were_once_passed_over(model, faults, tmp_path):
    assert call(model, tmp_path / "out", faults / "B09-encode-skips-formats") == 0
    arrays = {name for name in written(tmp_path / "out") if name.endswith("npy")}
    assert arrays == {"x.aiff.npy", "x.sph.npy", "x.flac.npy"}


def test_all_layers(model, corpus, tmp_path):
    assert call(model, tmp_path / "out", corpus / "a.flac", layer="all") == 0
    found = np.load(tmp_path / "out/a.flac.npy")
    assert found.shape == (NUM_LAYERS + 1, 49, HIDDEN)
    for layer in range(NUM_LAYERS + 1):
        own = features(model, corpus / "a.flac", layer)
        np.testing.assert_allclose(found[layer], own, atol=1e-4)
    assert json.loads((tmp_path / "out/a.flac.json").read_text())["layer"] == "all"


def test_only_what_changed_is_encoded_again(model, corpus, tmp_path, capsys):
    out = tmp_path / "out"
    call(model, out, corpus)
    before = {name: (out / name).stat().st_mtime_ns for name in written(out)}
    capsys.readouterr()
    assert call(model, out, corpus) == 0
    assert "0 files written" in capsys.readouterr().out
    assert before == {name: (out / name).stat().st_mtime_ns for name in written(out)}

    soundfile.write(corpus / "a.wav", np.zeros(16_000), 16_000)
    (out / "deep/b.ogg.json").unlink()  # as a run leaves it that is killed before the end
    call(model, out, corpus)
    assert "2 files written (108 frames" in capsys.readouterr().out
    assert len(np.load(out / "a.wav.npy")) == 49
    call(model, out, corpus, layer=2)
    assert "3 files written" in capsys.readouterr().out


def test_files_that_cannot_be_encoded_are_named_and_the_others_done(
    model, corpus, tmp_path, capsys
):
    (corpus / "broken.flac").write_bytes(b"fLaC no more")
    (corpus / "empty.wav").touch()
    soundfile.write(corpus / "short.wav", np.zeros(399), 16_000)
    soundfile.write(corpus / "nan.wav", np.full(16_000, np.nan), 16_000, subtype="FLOAT")
    assert call(model, tmp_path / "out", corpus) == 1
    printed = capsys.readouterr()
    assert "3 files written" in printed.out and "4 failed" in printed.out
    for name, reason in {
        "broken.flac": "audio_unreadable",
        "empty.wav": "audio_empty",
        "short.wav": "audio_too_short",
        "nan.wav": "features_not_finite",
    }.items():
        assert f"{name}: {reason}" in printed.err
    assert len(written(tmp_path / "out")) == 6


def test_two_files_of_one_name_are_refused_before_anything_is_done(model, corpus, tmp_path, capsys):
    (corpus / "deep/a.flac").write_bytes((corpus / "a.flac").read_bytes())
    assert call(model, tmp_path / "out", corpus, corpus / "deep/a.flac") == 1
    assert "have the same name here, a.flac" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert call(model, tmp_path / "out", corpus, corpus / "a.flac") == 0  # one file, named twice


@pytest.mark.parametrize(
    ("name", "message"), [("absent", "does not exist"), ("corpus/none", "holds no audio")]
)
def test_inputs_that_hold_nothing_are_refused(model, corpus, tmp_path, capsys, name, message):
    (corpus / "none").mkdir()
    assert call(model, tmp_path / "out", tmp_path / name) == 1
    assert message in capsys.readouterr().err


def test_an_array_without_its_json_is_not_taken_for_whole(
    model, corpus, tmp_path, capsys, monkeypatch
):
    """The disk fills up between the two files, over features of another layer."""
    out, path = tmp_path / "out", corpus / "a.flac"
    call(model, out, path, layer=2)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "write_json", full)
    assert call(model, out, path) == MACHINE_FAULT
    assert "No space left" in capsys.readouterr().err
    monkeypatch.setattr(module, "write_json", files.write_json)
    assert written(out) == {"a.flac.npy"}
    call(model, out, path)
    assert "1 files written" in capsys.readouterr().out
