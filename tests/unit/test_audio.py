import numpy as np
import pytest
import soundfile

from aubert import audio


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
