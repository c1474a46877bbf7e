"""`aubert transcribe`: words of audio that is in no table."""

import numpy as np
import pytest
import soundfile
from tiny_checkpoints import save_checkpoint

from aubert import audio
from aubert.cli import main
from aubert.text.languages import pack_of
from aubert.text.lm import build_arpa
from aubert.transcribe.ctc import CtcModel, EmissionOptions
from aubert.transcribe.decode import DecodeOptions, Decoder


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    directory = tmp_path_factory.mktemp("ctc") / "m"
    save_checkpoint(directory, "group")
    return directory


@pytest.fixture
def sounds(tmp_path):
    rng = np.random.default_rng(1)
    folder = tmp_path / "sounds"
    (folder / "deep").mkdir(parents=True)
    soundfile.write(folder / "a.flac", 0.1 * rng.standard_normal(32_000), 16_000)
    soundfile.write(folder / "deep/b.aiff", 0.1 * rng.standard_normal(22_050), 44_100)
    return folder


def expected(model, path, **options) -> str:
    """What emissions and their decoding are by themselves."""
    decode = DecodeOptions(model=str(model), device="cpu", **options)
    network = CtcModel.load(EmissionOptions(model=str(model), device="cpu"))
    pack = pack_of("en").with_letters(network.letters)
    ((_, emission),) = network.emissions([("x", audio.decode(path))])
    return Decoder(network.vocabulary(pack), decode, pack)(emission, decode.lm_path).text


def call(model, *words):
    return main(list(map(str, ["transcribe", *words, "--model", model, "--device=cpu"])))


def test_names_and_texts_are_printed(model, sounds, capsys):
    assert call(model, sounds, "--beam-width=1") == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [name for name, _ in rows] == ["a.flac", "deep/b.aiff"]
    for name, text in rows:
        assert text == expected(model, sounds / name, beam_width=1)
    assert rows[0][1]  # there is something to compare


def test_a_language_model_is_taken(model, sounds, tmp_path, capsys):
    word = expected(model, sounds / "a.flac", beam_width=1).split()[0]
    build_arpa([[word, "to", word], [word]] * 5, tmp_path / "lm.arpa")
    assert call(model, sounds / "a.flac", "--lm", tmp_path / "lm.arpa") == 0
    name, text = capsys.readouterr().out.rstrip("\n").split("\t")
    assert name == "a.flac"
    assert text == expected(model, sounds / "a.flac", lm_path=str(tmp_path / "lm.arpa"))


def test_bad_files_are_named_and_the_others_written(model, sounds, tmp_path, capsys):
    (sounds / "broken.flac").write_bytes(b"fLaC no more")
    soundfile.write(sounds / "short.wav", np.zeros(100), 16_000)
    soundfile.write(sounds / "nan.wav", np.full(16_000, np.nan), 16_000, subtype="FLOAT")
    assert call(model, sounds, "-o", tmp_path / "texts.tsv") == 1
    printed = capsys.readouterr()
    for name, reason in {
        "broken.flac": "audio_unreadable",
        "short.wav": "audio_too_short",
        "nan.wav": "features_not_finite",
    }.items():
        assert f"{name}: {reason}" in printed.err
    assert "transcribe: 2 files, 2 s of audio" in printed.out
    names = [line.split("\t")[0] for line in (tmp_path / "texts.tsv").read_text().splitlines()]
    assert names == ["a.flac", "deep/b.aiff"]


def test_what_is_no_recogniser_is_named(sounds, tmp_path, capsys):
    assert call(tmp_path, sounds) == 1
    assert "is not a CTC checkpoint" in capsys.readouterr().err
