"""Every sample of a file is decoded, whatever its header says."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from aubert import audio, decoder, ffmpeg

RATE_HZ = 22_050
SECONDS = 6


def speech() -> np.ndarray:
    time_s = np.arange(SECONDS * RATE_HZ) / RATE_HZ
    tone = np.sin(2 * np.pi * 300 * time_s) * (1.1 + np.sin(2 * np.pi * 3 * time_s)) / 5
    return tone + 0.01 * np.random.default_rng(0).standard_normal(len(tone))


def written(path: Path, samples: np.ndarray | None = None, rate_hz: int = RATE_HZ) -> bytes:
    soundfile.write(path, speech() if samples is None else samples, rate_hz)
    return path.read_bytes()


def samples_of(path: Path) -> np.ndarray:
    return np.concatenate([np.zeros(0), *decoder.in_order(path)[1]])


@pytest.mark.parametrize("suffix", [".flac", ".wav", ".ogg", ".mp3", ".aiff"])
def test_a_file_with_a_right_header_is_read_as_libsndfile_does(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    written(path)
    assert audio.probe(path) == audio.measure(path) == audio.Header(RATE_HZ, SECONDS * RATE_HZ)
    plain = soundfile.read(path, dtype="float32")[0]
    whole = samples_of(path)
    assert len(whole) == len(plain) and np.abs(whole - plain).max() < 1e-6
    assert np.array_equal(audio.decode(path, None, RATE_HZ), whole)


# --- headers that count wrong


def flac_counts(data: bytes, count: int) -> bytes:
    fields = int.from_bytes(data[18:26], "big") >> 36 << 36 | count
    return data[:18] + fields.to_bytes(8, "big") + data[26:]


def wav_counts(data: bytes, count: int) -> bytes:
    at = data.index(b"data") + 4
    return data[:at] + struct.pack("<I", count) + data[at + 4 :]


def mp3_counts(data: bytes, times: float) -> bytes:
    at = re.search(b"Xing|Info", data).start() + 8
    frames = struct.unpack(">I", data[at : at + 4])[0]
    return data[:at] + struct.pack(">I", int(frames * times)) + data[at + 4 :]


def without_count(data: bytes) -> bytes:
    """An MP3 without the frame that counts the others."""
    mark = re.search(b"Xing|Info", data).start()
    return data[data.index(data[:2], mark) :]


def ogg_counts(data: bytes, count: int) -> bytes:
    at = data.rindex(b"OggS")
    page = bytearray(data[at:])
    page[6:14], page[22:26] = struct.pack("<q", count), bytes(4)
    page[22:26] = struct.pack("<I", ogg_checksum(page))
    return data[:at] + bytes(page)


def ogg_checksum(page: bytes) -> int:
    value = 0
    for byte in page:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ (0x04C11DB7 if value & 1 << 31 else 0)) & 0xFFFFFFFF
    return value


WRONG: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "a FLAC that was written to a pipe": (".flac", lambda data: flac_counts(data, 0)),
    "a FLAC that counts too few": (".flac", lambda data: flac_counts(data, 2 * RATE_HZ)),
    "a WAV that was never closed": (".wav", lambda data: wav_counts(data, 0)),
    "a WAV that was written to a pipe": (".wav", lambda data: wav_counts(data, 0xFFFFFFFF)),
    "a WAV that counts too few": (".wav", lambda data: wav_counts(data, 2 * RATE_HZ)),
    "a WAV that counts too many": (".wav", lambda data: wav_counts(data, 100 * RATE_HZ)),
    "an Ogg that counts too few": (".ogg", lambda data: ogg_counts(data, 2 * RATE_HZ)),
    "an Ogg that counts too many": (".ogg", lambda data: ogg_counts(data, 100 * RATE_HZ)),
    "an MP3 that counts too few": (".mp3", lambda data: mp3_counts(data, 0.4)),
    "an MP3 that counts too many": (".mp3", lambda data: mp3_counts(data, 3)),
    "an MP3 that counts nothing": (".mp3", without_count),
}


@pytest.mark.parametrize("case", WRONG)
def test_the_length_is_that_of_the_sound(tmp_path, case):
    suffix, spoil = WRONG[case]
    path = tmp_path / f"a{suffix}"
    path.write_bytes(spoil(written(path)))
    header = audio.probe(path)
    # What stands at the ends of an MP3 and an Ogg is a matter of their counts alone.
    around = 0 if suffix in (".flac", ".wav") else 0.15
    assert header.num_samples / RATE_HZ == pytest.approx(SECONDS, abs=around)
    assert audio.measure(path).num_samples == header.num_samples
    whole = audio.decode(path, None, RATE_HZ)
    assert len(whole) == header.num_samples
    # The last second is the sound's, and slices are of the same clock as the whole.
    assert np.abs(whole[-RATE_HZ:]).max() > 0.2
    for start in (RATE_HZ, 5 * RATE_HZ):
        piece = audio.decode(path, [(start, start + 5000)], RATE_HZ)
        # Where libsndfile enters an MP3, a frame or two go by until it decodes exactly.
        assert np.abs(piece - whole[start : start + 5000])[2304:].max() < 1e-3


def test_the_length_that_a_header_states_is_returned(tmp_path):
    path = tmp_path / "a.flac"
    path.write_bytes(flac_counts(written(path), 2 * RATE_HZ))
    assert audio.probe(path) == audio.Header(RATE_HZ, SECONDS * RATE_HZ, 2 * RATE_HZ)


def test_a_file_that_ends_early_is_measured_to_its_end(tmp_path):
    for suffix in (".flac", ".wav", ".ogg", ".mp3"):
        path = tmp_path / f"a{suffix}"
        data = written(path)
        path.write_bytes(data[: len(data) * 2 // 3])
        header = audio.measure(path)
        assert header.num_samples / RATE_HZ == pytest.approx(SECONDS * 2 / 3, abs=0.5)
        assert len(samples_of(path)) == header.num_samples
    assert audio.measure(tmp_path / "a.flac").num_announced == SECONDS * RATE_HZ


# --- files joined byte by byte


@pytest.mark.parametrize("suffix", [".flac", ".wav", ".ogg", ".mp3"])
@pytest.mark.parametrize("second_rate_hz", [RATE_HZ, 16_000])
def test_files_that_were_joined_are_read_to_the_end_of_the_last(tmp_path, suffix, second_rate_hz):
    first, second = tmp_path / f"1{suffix}", tmp_path / f"2{suffix}"
    num_second = 2 * second_rate_hz
    joined = written(first) + written(second, speech()[:num_second], second_rate_hz)
    first.write_bytes(joined)
    header = audio.probe(first)
    assert header.sample_rate_hz == RATE_HZ
    assert header.num_samples / RATE_HZ == pytest.approx(SECONDS + 2, abs=0.3)
    whole = samples_of(first)
    assert len(whole) == header.num_samples
    # The second file's sound is there, at the first's rate.
    assert np.abs(whole[-RATE_HZ:]).max() > 0.2


@pytest.mark.parametrize(
    "seconds", [(2, 2), (2, 2, 2), (1, 6), (6, 1), (3, 2, 4), (2,) * 5, (4, 0.05), (0.05, 4)]
)
def test_a_count_is_not_taken_of_flacs_that_were_joined(tmp_path, seconds):
    """Of any lengths: libsndfile seeks into the second stream while it looks for the end."""
    parts = [
        written(tmp_path / f"{number}.flac", speech()[: int(each * RATE_HZ)])
        for number, each in enumerate(seconds)
    ]
    joined = tmp_path / "joined.flac"
    joined.write_bytes(b"".join(parts))
    assert not decoder.is_counted_right(joined)
    header = audio.probe(joined)
    assert header.num_samples == sum(int(each * RATE_HZ) for each in seconds)
    with audio.Reader(joined, RATE_HZ) as reader:
        end = reader.decode([(header.num_samples - 500, header.num_samples)])
    assert np.array_equal(end, samples_of(joined)[-500:])


@pytest.mark.parametrize("num_samples", [1, 100, 4096, 5000, 40_000, SECONDS * RATE_HZ])
@pytest.mark.parametrize("sound", ["speech", "silence", "noise", "half"])
def test_the_count_of_a_whole_flac_is_taken(tmp_path, sound, num_samples):
    noise = np.random.default_rng(1).uniform(-1, 1, SECONDS * RATE_HZ)
    silent = np.zeros(SECONDS * RATE_HZ)
    half = np.where(np.arange(len(noise)) < num_samples // 2, silent, noise)
    samples = {"speech": speech(), "silence": silent, "noise": noise, "half": half}[sound]
    path = tmp_path / "a.flac"
    data = written(path, samples[:num_samples])
    assert decoder.is_counted_right(path)
    path.write_bytes(data + b"TAG".ljust(128, b"\0"))
    assert audio.probe(path).num_samples == num_samples


def test_a_tag_in_front_and_one_behind_are_no_sound(tmp_path):
    tag = b"ID3\x04\x00\x00\x00\x00\x10\x00" + b"Xing Info fLaC OggS".ljust(2048, b"\0")
    path = tmp_path / "a.mp3"
    path.write_bytes(tag + written(path) + b"TAG".ljust(128, b"\0"))
    assert audio.probe(path).num_samples == SECONDS * RATE_HZ


def test_the_faults_that_were_reported(faults):
    joined = faults / "K1-concat-mp3/in/Concat/whole.mp3"
    assert audio.probe(joined).num_samples / RATE_HZ == pytest.approx(56.2, abs=0.1)
    without = faults / "K2-vbr-no-header/in/NoXing/01.mp3"
    header = audio.probe(without)
    assert header.num_samples / RATE_HZ == pytest.approx(28.8, abs=0.05)
    assert header.num_announced / RATE_HZ == pytest.approx(180.84, abs=0.01)


# --- damage


def spoilt(data: bytes, share: float = 0.5, size: int = 300) -> bytes:
    at = int(share * len(data))
    return data[:at] + np.random.default_rng(2).bytes(size) + data[at + size :]


@pytest.mark.skipif(ffmpeg.command() is None, reason="ffmpeg is not installed")
@pytest.mark.parametrize("suffix", [".flac", ".ogg", ".mp3"])
def test_what_follows_damage_is_decoded(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(spoilt(written(path)))
    whole = samples_of(path)
    assert len(whole) / RATE_HZ == pytest.approx(SECONDS, abs=1.3 if suffix == ".ogg" else 0.6)
    assert np.abs(whole[-RATE_HZ:]).max() > 0.2
    assert audio.measure(path).num_samples == len(whole)


def test_a_damaged_flac_is_no_whole_one_where_all_of_it_is_asked_for(tmp_path):
    path = tmp_path / "a.flac"
    path.write_bytes(spoilt(written(path)))
    assert audio.probe(path).num_samples == SECONDS * RATE_HZ
    with pytest.raises(audio.AudioError, match="ends at sample") as caught:
        audio.decode(path)
    assert caught.value.reason == "audio_truncated"


def test_damage_ends_a_file_where_there_is_no_ffmpeg(tmp_path, monkeypatch):
    path = tmp_path / "a.flac"
    path.write_bytes(spoilt(written(path)))
    monkeypatch.setattr(ffmpeg, "command", lambda: None)
    assert 0.2 * SECONDS < len(samples_of(path)) / RATE_HZ < 0.55 * SECONDS


@pytest.mark.skipif(ffmpeg.command() is None, reason="ffmpeg is not installed")
def test_an_mp3_with_something_else_in_front_is_decoded(tmp_path):
    path = tmp_path / "a.mp3"
    path.write_bytes(np.random.default_rng(3).bytes(5000) + written(path))
    assert audio.probe(path).num_samples / RATE_HZ == pytest.approx(SECONDS, abs=0.1)


@pytest.mark.parametrize(
    ("count", "announced"), [(20 * RATE_HZ, 10 * RATE_HZ), (0, None), (0xFFFFFFFF, None)]
)
def test_a_wav_s_own_count_is_known(tmp_path, count, announced):
    path = tmp_path / "a.wav"
    path.write_bytes(wav_counts(written(path), count))
    assert decoder.announced(path) == announced


@pytest.mark.parametrize(
    ("suffix", "format"),
    [
        (".wav", "WAV"), (".wav", "WAVEX"), (".rf64", "RF64"), (".w64", "W64"), (".aiff", "AIFF"),
        (".au", "AU"), (".sph", "NIST"), (".flac", "FLAC"),
    ],
)  # fmt: skip
def test_a_file_that_was_cut_off_is_known_by_its_own_count(tmp_path, suffix, format):
    path = tmp_path / f"a{suffix}"
    soundfile.write(path, speech(), RATE_HZ, format=format)
    assert decoder.announced(path) == SECONDS * RATE_HZ
    assert not audio.is_cut_off(path, audio.measure(path))
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    header = audio.measure(path)
    assert header.num_samples / RATE_HZ == pytest.approx(SECONDS * 2 / 3, abs=0.5)
    assert header.num_announced / RATE_HZ == pytest.approx(SECONDS, abs=0.01)
    assert audio.is_cut_off(path, header)


# --- by blocks


@pytest.mark.parametrize("rate_hz", [RATE_HZ, 16_000])
@pytest.mark.parametrize("slices", [None, [(100, 50_000), (60_000, 100_000)]])
def test_blocks_are_what_is_decoded_at_once(tmp_path, rate_hz, slices):
    path = tmp_path / "a.flac"
    written(path)
    blocks = list(audio.blocks(path, slices, rate_hz, seconds=0.5))
    assert len(blocks) > 2 and max(map(len, blocks)) <= 1 << 16
    assert np.array_equal(np.concatenate(blocks), audio.decode(path, slices, rate_hz))
