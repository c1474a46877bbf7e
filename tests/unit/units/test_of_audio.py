"""`aubert units encode` and aubert.Units: units of audio that is in no table."""

import itertools
import json

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile
from tiny_checkpoints import save_encoder

from aubert import Units, audio
from aubert.cli import main
from aubert.units.codebook import Codebook
from aubert.units.encoder_features import Encoder, EncoderOptions
from aubert.units.of_audio import joined_runs
from aubert.units.shards import FeatureKind, read_km, read_tsv

LAYER = 2


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """An encoder, and a codebook of what it puts out."""
    folder = tmp_path_factory.mktemp("units")
    save_encoder("hubert", folder / "m")
    encoder = Encoder.load(str(folder / "m"), EncoderOptions(layer=LAYER, device="cpu"))
    rng = np.random.default_rng(0)
    ((_, frames),) = encoder.run([("x", rng.standard_normal(40_000).astype(np.float32))])
    Codebook(frames[::15].copy(), encoder.kind).save(folder / "book")
    return folder


@pytest.fixture
def sounds(tmp_path):
    rng = np.random.default_rng(1)
    folder = tmp_path / "sounds"
    (folder / "deep").mkdir(parents=True)
    soundfile.write(folder / "a b.flac", 0.1 * rng.standard_normal(16_000), 16_000)
    soundfile.write(folder / "c.aiff", 0.1 * rng.standard_normal((22_050, 2)), 44_100)
    soundfile.write(folder / "deep/d.wav", 0.1 * rng.standard_normal(9_600), 8_000)
    (folder / "notes.txt").write_text("none")
    return folder


NAMES = ("a b.flac", "c.aiff", "deep/d.wav")


def call(model, out, *inputs, flags=()):
    words = ["units", "encode", *inputs, "--codebook", model / "book", "--model", model / "m"]
    return main([*map(str, [*words, "-o", out, "--device=cpu"]), *flags])


def expected(model, path) -> list[int]:
    """What features and the nearest centroid are by themselves."""
    encoder = Encoder.load(str(model / "m"), EncoderOptions(layer=LAYER, device="cpu"))
    ((_, frames),) = encoder.run([("x", audio.decode(path))])
    centroids = Codebook.load(model / "book").centroids
    return ((frames[:, None] - centroids[None]) ** 2).sum(2).argmin(1).tolist()


def test_names_and_units(model, sounds, tmp_path, capsys):
    assert call(model, tmp_path / "units.tsv", sounds) == 0
    rows = [line.split("\t") for line in (tmp_path / "units.tsv").read_text().splitlines()]
    assert [name for name, _ in rows] == list(NAMES)
    for name, units in rows:
        assert [int(unit) for unit in units.split()] == expected(model, sounds / name)
    printed = capsys.readouterr().out
    assert "encode: 132 units of 3 files, 3 s of audio" in printed
    assert "1 files are no audio and were passed over (first notes.txt)" in printed
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sounds", "units.tsv"]


def test_runs_are_joined_with_their_durations(model, sounds, tmp_path):
    assert call(model, tmp_path / "u.tsv", sounds, flags=["--deduplicate"]) == 0
    for line in (tmp_path / "u.tsv").read_text().splitlines():
        name, units, durations = line.split("\t")
        units, durations = ([int(n) for n in column.split()] for column in (units, durations))
        assert all(a != b for a, b in itertools.pairwise(units))
        assert np.repeat(units, durations).tolist() == expected(model, sounds / name)
    assert joined_runs(np.array([3, 3, 0, 3]))[1].tolist() == [2, 1, 1]
    assert [own.tolist() for own in joined_runs(np.zeros(0, np.int64))] == [[], []]


def test_fairseqs_files(model, sounds, tmp_path):
    assert call(model, tmp_path / "u.km", sounds / "deep", sounds / "c.aiff") == 0
    root, names, lengths = read_tsv(tmp_path / "u.tsv")
    assert root == sounds and names == ["deep/d.wav", "c.aiff"] and lengths == [19_200, 8_000]
    for name, units in zip(names, read_km(tmp_path / "u.km"), strict=True):
        assert units.tolist() == expected(model, root / name)


@pytest.mark.parametrize("flags", [[], ["--deduplicate"]])
def test_json_lines_and_parquet_say_the_same(model, sounds, tmp_path, flags):
    assert call(model, tmp_path / "u.jsonl", sounds, flags=flags) == 0
    assert call(model, tmp_path / "u", sounds, flags=[*flags, "--format=parquet"]) == 0
    rows = [json.loads(line) for line in (tmp_path / "u.jsonl").read_text().splitlines()]
    table = pq.read_table(tmp_path / "u")
    assert table.schema.metadata[b"rate_hz"] == b"50"
    for row, other in zip(rows, table.to_pylist(), strict=True):
        assert ("durations" in row) is bool(flags)
        assert {"durations": None, **row} == other
        assert np.repeat(row["units"], row.get("durations") or 1).tolist() == expected(
            model, sounds / row["name"]
        )


def test_three_lines_of_python(model, sounds):
    units = Units(model / "book", model / "m")
    found = units(sounds / "c.aiff")
    assert found.tolist() == expected(model, sounds / "c.aiff")
    assert units(audio.decode(sounds / "c.aiff")).tolist() == found.tolist()
    assert (units.num_units, units.rate_hz, units.sample_rate_hz) == (9, 50.0, 16_000)
    assert [one.name for one in units.encode([sounds], deduplicate=True)] == list(NAMES)
    with pytest.raises(ValueError, match="samples: audio_too_short"):
        units(np.zeros(100, np.float32))


def test_bad_files_are_named_and_the_others_done(model, sounds, tmp_path, capsys):
    (sounds / "broken.flac").write_bytes(b"fLaC no more")
    (sounds / "empty.wav").touch()
    soundfile.write(sounds / "none.wav", np.zeros(0), 16_000)
    soundfile.write(sounds / "short.wav", np.zeros(100), 16_000)
    soundfile.write(sounds / "nan.wav", np.full(16_000, np.nan), 16_000, subtype="FLOAT")
    assert call(model, tmp_path / "u.km", sounds) == 1
    printed = capsys.readouterr()
    assert "of 3 files" in printed.out and "5 failed" in printed.out
    for name, reason in {
        "broken.flac": "audio_unreadable",
        "empty.wav": "audio_empty",
        "none.wav": "audio_too_short",
        "short.wav": "audio_too_short",
        "nan.wav": "features_not_finite",
    }.items():
        assert f"{name}: {reason}" in printed.err
    assert len(list(read_km(tmp_path / "u.km"))) == len(read_tsv(tmp_path / "u.tsv")[1]) == 3


def test_batches_do_not_change_units(model, sounds, tmp_path):
    for seconds in ("0.1", "100"):
        call(model, tmp_path / f"{seconds}.tsv", sounds, flags=["--batch-seconds", seconds])
    assert (tmp_path / "0.1.tsv").read_text() == (tmp_path / "100.tsv").read_text()


def test_another_model_than_the_codebook_s_is_refused(model, sounds, tmp_path, capsys):
    save_encoder("wav2vec2", tmp_path / "other")
    words = ["units", "encode", str(sounds), f"--codebook={model / 'book'}", "-o", "u.tsv"]
    assert main([*words, f"--model={tmp_path / 'other'}"]) == 1
    assert "give its encoder, or learn the codebook again" in capsys.readouterr().err
    assert main(words) == 1
    assert "hidden features need an encoder" in capsys.readouterr().err


def test_mfcc_need_no_model(sounds, tmp_path):
    Codebook(np.random.default_rng(0).standard_normal((4, 39)), FeatureKind("mfcc", 100.0)).save(
        tmp_path / "book"
    )
    words = ["units", "encode", str(sounds), f"--codebook={tmp_path / 'book'}"]
    assert main([*words, "-o", str(tmp_path / "u.tsv")]) == 0
    assert len((tmp_path / "u.tsv").read_text().splitlines()) == 3


def test_a_name_without_a_format_is_asked_about(model, sounds, tmp_path, capsys):
    assert call(model, tmp_path / "units.txt", sounds) == 1
    assert "give --format" in capsys.readouterr().err
    assert call(model, tmp_path / "units.tsv", sounds, flags=["--format=km"]) == 1
    assert "is where the manifest goes" in capsys.readouterr().err
    assert not (tmp_path / "units.tsv").exists()


def test_a_file_that_once_took_three_steps(model, faults, tmp_path):
    assert call(model, tmp_path / "u.tsv", faults / "B12-units-of-new-audio/c8k.wav") == 0
    assert (tmp_path / "u.tsv").read_text().startswith("c8k.wav\t")
