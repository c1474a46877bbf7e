import os
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from aubert import audio, decoder


@pytest.fixture
def tone(tmp_path):
    """One second of 440 Hz at 16 kHz."""
    samples = 0.5 * np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)
    path = tmp_path / "tone.flac"
    soundfile.write(path, samples, 16_000, subtype="PCM_16")
    return path


def test_slices_are_joined(tone):
    whole = audio.decode(tone)
    joined = audio.decode(tone, [(100, 300), (8_000, 8_500)])
    assert np.array_equal(joined, np.concatenate([whole[100:300], whole[8_000:8_500]]))
    assert joined.dtype == np.float32


def test_stereo_at_another_rate_becomes_mono_16_khz(tmp_path):
    seconds = np.arange(44_100) / 44_100
    left = 0.5 * np.sin(2 * np.pi * 440 * seconds)
    path = tmp_path / "stereo.wav"
    soundfile.write(path, np.stack([left, np.zeros_like(left)], axis=1), 44_100)
    assert audio.probe(path) == audio.Header(sample_rate_hz=44_100, num_samples=44_100)
    mono = audio.decode(path)
    assert len(mono) == 16_000
    expected = 0.25 * np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)
    assert np.abs(mono - expected)[200:-200].max() < 1e-3


def test_a_truncated_file_says_so(tone):
    data = tone.read_bytes()
    tone.write_bytes(data[: len(data) // 2])
    assert audio.probe(tone).num_samples == 16_000  # the header still promises all
    with pytest.raises(audio.AudioError) as caught:
        audio.decode(tone)
    assert caught.value.reason == "audio_truncated"
    assert "tone.flac" in caught.value.detail


def test_slices_past_the_end_say_so(tone):
    with pytest.raises(audio.AudioError) as caught:
        audio.decode(tone, [(15_000, 20_000)])
    assert caught.value.reason == "audio_truncated"


@pytest.mark.parametrize("content", [b"this is no audio", b"fLaC\x00\x00"])
def test_what_is_no_audio_says_so(tmp_path, content):
    path = tmp_path / "text.flac"
    path.write_bytes(content)
    for function in (audio.probe, audio.decode):
        with pytest.raises(audio.AudioError) as caught:
            function(path)
        assert caught.value.reason == "audio_unreadable"


def test_no_samples(tmp_path):
    soundfile.write(tmp_path / "samples.wav", np.zeros(0), 16_000)
    (tmp_path / "bytes.flac").touch()
    for path in tmp_path.iterdir():
        with pytest.raises(audio.AudioError) as caught:
            audio.probe(path)
        assert caught.value.reason == "audio_empty"


def test_a_file_that_was_removed_says_so(tmp_path):
    for read in (audio.probe, audio.decode):
        with pytest.raises(audio.AudioError, match="is not there any more") as caught:
            read(tmp_path / "gone.flac")
        assert caught.value.reason == "audio_missing"


# --- slices of compressed files


def syllables(seconds, rate_hz):
    """Bursts of harmonics between pauses: what makes an MP3's frames borrow bits of others."""
    clock = np.arange(int(seconds * rate_hz)) / rate_hz
    voiced = sum(np.sin(2 * np.pi * 130 * n * clock) / n for n in range(1, 20))
    noise = np.random.default_rng(0).standard_normal(len(clock))
    return 0.2 * (voiced + 0.3 * noise) * (np.sin(2 * np.pi * 3 * clock) > 0.3)


COMPRESSED = {
    "lowest.mp3": {"bitrate_mode": "CONSTANT", "compression_level": 0.95},
    "constant.mp3": {"bitrate_mode": "CONSTANT", "compression_level": 0.5},
    "average.mp3": {"bitrate_mode": "AVERAGE", "compression_level": 0.7},
    "variable.mp3": {"bitrate_mode": "VARIABLE", "compression_level": 0.8},
    "vorbis.ogg": {"subtype": "VORBIS"},
    "opus.ogg": {"subtype": "OPUS"},
    "plain.flac": {},
}
RATE_HZ = 24_000


@pytest.fixture(params=COMPRESSED)
def compressed(tmp_path, request):
    path = tmp_path / request.param
    soundfile.write(path, syllables(20, RATE_HZ), RATE_HZ, **COMPRESSED[path.name])
    return path


def test_slices_are_exact_wherever_they_begin(compressed):
    """To the sample; of Opus, whose decoder settles, to a ten-thousandth."""
    whole = audio.decode(compressed, None, RATE_HZ)
    allowed = 2e-4 if "opus" in compressed.name else 1e-6
    for start in np.random.default_rng(1).integers(0, len(whole) - 4000, 40):
        found = audio.decode(compressed, [(start, start + 4000)], RATE_HZ)
        assert np.abs(found - whole[start : start + 4000]).max() <= allowed


def test_a_reader_gives_what_decoding_all_gives(compressed):
    whole = audio.decode(compressed, None, RATE_HZ)
    slices = [(0, 0), (100, 9000), (9000, 9001), (70_000, 200_000), (250_000, len(whole)), (5, 50)]
    with audio.Reader(compressed, RATE_HZ) as reader:
        for start, end in slices:  # the last one goes back
            found = reader.decode([(start, end)])
            assert np.abs(found - whole[start:end]).max(initial=0) <= 1e-6
        joined = reader.decode([(100, 200), (500, 900)])
    assert np.abs(joined - np.concatenate([whole[100:200], whole[500:900]])).max() <= 1e-6


def test_a_reader_decodes_an_mp3_once(tmp_path, monkeypatch):
    path = tmp_path / "a.mp3"
    soundfile.write(path, syllables(20, 16_000), 16_000)
    begun = []
    in_order = decoder.in_order
    monkeypatch.setattr(decoder, "in_order", lambda path: begun.append(path) or in_order(path))
    with audio.Reader(path, 8_000) as reader:
        for start in range(0, 300_000, 10_000):
            assert len(reader.decode([(start, start + 5_000)])) == 2_500
    assert begun == [path]


@pytest.mark.parametrize("suffix", [".flac", ".mp3", ".wav"])
def test_a_reader_goes_on_after_what_is_not_there(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    soundfile.write(path, syllables(4, 16_000), 16_000)
    with audio.Reader(path) as reader:
        for slices in ([(60_000, 70_000)], [(80_000, 80_010)]):
            with pytest.raises(audio.AudioError) as caught:
                reader.decode(slices)
            assert caught.value.reason == "audio_truncated"
        assert len(reader.decode([(1_000, 2_000)])) == 1_000
        path.unlink()
    with audio.Reader(path) as reader, pytest.raises(audio.AudioError, match="not there any more"):
        reader.decode([(0, 100)])


# --- what libsndfile does not read


@pytest.fixture
def ffmpeg(tmp_path, monkeypatch) -> str:
    """Alone in the PATH."""
    binary = pytest.importorskip("imageio_ffmpeg").get_ffmpeg_exe()
    (tmp_path / "bin").mkdir()
    os.symlink(binary, tmp_path / "bin/ffmpeg")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return binary


@pytest.mark.parametrize("name", ["x.m4a", "x.webm", "x.wma", "x.mka", "x"])
def test_other_formats_go_through_ffmpeg(tone, tmp_path, ffmpeg, name):
    path = tmp_path / name
    form = ["-f", "mp4"] if name == "x" else []
    command = [ffmpeg, "-loglevel", "error", "-i", tone, *form, path]
    subprocess.run(list(map(str, command)), check=True)
    header = audio.probe(path)
    assert header.num_announced is None
    whole = audio.decode(path)
    assert abs(len(whole) - 16_000) < 3_000 and whole.dtype == np.float32  # with a codec's padding
    spectrum = np.abs(np.fft.rfft(whole[4_000:12_000]))
    assert np.argmax(spectrum) == 220  # 440 Hz
    assert 0.4 < np.abs(whole[4_000:12_000]).max() < 0.6
    span = [(round(0.25 * header.sample_rate_hz), round(0.5 * header.sample_rate_hz))]
    part = audio.decode(path, span)
    np.testing.assert_allclose(part[500:-500], whole[4_500:7_500], atol=2e-2)


def test_without_ffmpeg_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    (tmp_path / "x.m4a").write_bytes(b"no sound")
    (tmp_path / "x.flac").write_bytes(b"no sound")
    with pytest.raises(audio.AudioError, match=r"audio_unreadable: x\.m4a: it needs ffmpeg"):
        audio.decode(tmp_path / "x.m4a")
    with pytest.raises(audio.AudioError, match=r"audio_unreadable: x\.flac: (?!it needs)"):
        audio.decode(tmp_path / "x.flac")


def test_what_ffmpeg_does_not_read_either(tmp_path, ffmpeg):
    (tmp_path / "x.m4a").write_bytes(b"no sound")
    with pytest.raises(
        audio.AudioError, match=r"audio_unreadable: x\.m4a: ffmpeg: .*[Ii]nvalid data"
    ):
        audio.decode(tmp_path / "x.m4a")
