"""Mixtures: who may meet whom, how loud they are, and that a list says all of it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tiny_corpus import write_corpus

from aubert.separation.mixtures import (
    MixtureList,
    Pool,
    balanced,
    draw_list,
    loudness,
    read_pieces,
    render,
    write_audio,
)
from aubert.separation.options import SAMPLE_RATE_HZ, ListOptions, MixOptions
from aubert.separation.voices import by_speaker, find_clips

OPTIONS = ListOptions(num_mixtures=6, seconds=1.0, unseen_share=0.3, held_out_share=0.3)


def write_voice(folder: Path, speaker: str, clips: int = 4, seconds=0.7, rate_hz=8_000) -> None:
    """Clips of noise, of another loudness for each speaker."""
    rng = np.random.default_rng(sum(speaker.encode()))
    (folder / speaker).mkdir(parents=True)
    for number in range(clips):
        samples = rng.standard_normal(round(seconds * rate_hz)) * rng.uniform(0.02, 0.2)
        soundfile.write(folder / speaker / f"{number}.flac", samples, rate_hz)


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    """Two collections: six speakers at 8 kHz, and two at 16 kHz whose only clip is long."""
    root = tmp_path_factory.mktemp("voices")
    for speaker in "abcdef":
        write_voice(root / "many", speaker)
    for speaker in "xy":
        write_voice(root / "few", speaker, clips=1, seconds=3, rate_hz=16_000)
    return {"many": root / "many", "few": root / "few"}


@pytest.fixture(scope="module")
def clips(folders):
    return find_clips(None, None, folders)


@pytest.fixture(scope="module")
def drawn(clips) -> MixtureList:
    return draw_list(clips, OPTIONS)


def test_training_uses_nothing_that_is_tested(clips, drawn):
    trained = drawn.trainable(clips)
    speakers, ids = {clip.speaker for clip in trained}, {clip.id for clip in trained}
    tested = Counter()
    for mixture in drawn.mixtures:
        for source in mixture.sources:
            seen = source.speaker in speakers
            assert seen == (mixture.split == "seen")
            assert not ids & {piece.clip for piece in source.pieces}
            tested[seen] += 1
    assert min(tested[True], tested[False]) == 12
    assert len(drawn.unseen_speakers) == 2 and len(speakers) == 6
    assert {"few/x", "few/y"} <= speakers  # two of a collection are not taken from training


def test_speakers_of_a_mixture_differ_and_come_of_one_collection(drawn):
    for mixture in drawn.mixtures:
        speakers = [source.speaker for source in mixture.sources]
        assert len(set(speakers)) == len(speakers) == 2
        assert len({speaker.split("/")[0] for speaker in speakers}) == 1


def test_the_list_says_all_and_comes_out_the_same_again(clips, drawn, tmp_path):
    drawn.save(tmp_path / "list.json")
    again = MixtureList.load(tmp_path / "list.json")
    assert again == drawn == draw_list(list(reversed(clips)), OPTIONS)
    other = draw_list(clips, ListOptions(**{**vars(OPTIONS), "seed": 1}))
    assert other.mixtures != drawn.mixtures
    assert other.unseen_speakers == drawn.unseen_speakers  # by hash, not by seed
    assert [path.name for path in tmp_path.iterdir()] == ["list.json"]  # and no audio
    for mixture in drawn.mixtures:
        sources = render(mixture)
        assert sources.shape == (2, SAMPLE_RATE_HZ)
        assert 0 < np.abs(sources.sum(0)).max() <= 0.9001
        first, second = map(loudness, sources)
        assert abs(20 * np.log10(first / second)) <= 2 * OPTIONS.gain_db + 0.01
    write_audio(drawn.mixtures[:1], tmp_path / "audio")
    parts = {path.stem: soundfile.read(path)[0] for path in (tmp_path / "audio").rglob("*.wav")}
    np.testing.assert_allclose(parts["mixture"], parts["1"] + parts["2"], atol=1e-6)


def test_another_speaker_moves_nobody_to_the_other_side(folders, clips, drawn):
    more = [*clips]
    for clip in clips:
        if clip.speaker == "many/a":
            more.append(clip._replace(id=clip.id.replace("/a/", "/g/"), speaker="many/g"))
    kept = set(draw_list(more, OPTIONS).unseen_speakers) - {"many/g"}
    assert kept <= set(drawn.unseen_speakers)


def test_what_a_training_draws_follows_from_the_generator(clips):
    def drawn(seed):
        pool = Pool(clips)
        return pool.draw(np.random.default_rng(seed), 4000, MixOptions(max_speakers=3), 1.3)

    (sources, samples), (again, same) = drawn(0), drawn(0)
    assert sources == again
    np.testing.assert_array_equal(samples, same)
    numbers = Counter(len(drawn(seed)[0]) for seed in range(40))
    assert set(numbers) == {2, 3}
    # At another speed the sources alone say something else.
    plain = read_pieces(sources[0].pieces, 4000) * sources[0].gain
    assert not np.allclose(plain, samples[0], atol=1e-3)


@pytest.mark.parametrize(("draw_by", "share"), [("collections", 1 / 2), ("speakers", 3 / 4)])
def test_a_large_collection_is_drawn_as_often_as_its_speakers(clips, draw_by, share):
    """Six speakers beside two."""
    pool, rng = Pool(clips), np.random.default_rng(0)
    drawn = [pool.draw(rng, 100, MixOptions(), draw_by=draw_by)[0] for _ in range(400)]
    many = sum(sources[0].speaker.startswith("many/") for sources in drawn)
    # Four standard deviations of 400 draws.
    assert abs(many / 400 - share) < 4 * (share * (1 - share) / 400) ** 0.5


def test_loudness_is_that_of_speech_and_not_of_its_pauses():
    rng = np.random.default_rng(0)
    speech = rng.standard_normal(8_192).astype(np.float32)
    with_pause = np.concatenate([speech, np.zeros(16_384, np.float32)])
    assert loudness(with_pause) == pytest.approx(loudness(speech), rel=1e-6)
    assert loudness(np.zeros(1000, np.float32)) == 0
    factors = balanced([speech, 0.01 * with_pause[:8_192], np.zeros(8_192)], [0, 6, 0])
    levels = [loudness(factors[0] * speech), loudness(factors[1] * 0.01 * speech)]
    assert 20 * np.log10(levels[1] / levels[0]) == pytest.approx(6, abs=1e-3)
    assert factors[2] == 0


def test_utterances_of_a_run_are_voices_too(tmp_path):
    corpus = write_corpus(tmp_path)
    voices = by_speaker(find_clips(corpus.results, corpus.root, {}))
    assert list(voices) == ["corpus/speaker0", "corpus/speaker1"]
    pool = Pool([clip for own in voices.values() for clip in own])
    sources, samples = pool.draw(np.random.default_rng(0), 4000, MixOptions())
    assert samples.shape == (2, 4000) and {source.speaker for source in sources} == set(voices)
    # Utterances that are stitched of slices are read slice by slice.
    stitched = next(clip for clip in voices["corpus/speaker0"] if len(clip.slices) == 2)
    assert stitched.num_samples == sum(end - start for start, end in stitched.slices)


def test_a_file_that_is_no_audio_is_left_out(folders, clips, capsys, tmp_path):
    for speaker in "ab":
        write_voice(tmp_path, speaker, clips=2)
    (tmp_path / "a" / "broken.flac").write_bytes(b"nothing")
    assert len(find_clips(None, None, {"some": tmp_path})) == 4
    assert "left out 'some/a/broken.flac': audio_unreadable" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("speakers", "message"),
    [
        ("", "holds no audio in sub-folders, one for each speaker"),
        ("a", "a mixture needs two speakers of one collection|four speakers of one collection"),
        ("abc", "four speakers of one collection are needed"),
    ],
)
def test_too_few_voices_are_refused(tmp_path, speakers, message):
    for speaker in speakers:
        write_voice(tmp_path, speaker, clips=2)
    with pytest.raises(ValueError, match=message):
        draw_list(find_clips(None, None, {"own": tmp_path}), OPTIONS)


def test_more_speakers_than_there_are_cannot_meet(clips):
    with pytest.raises(ValueError, match="mixtures of 3 unseen speakers cannot be made of 2"):
        draw_list(clips, ListOptions(**{**vars(OPTIONS), "max_speakers": 3}))


def test_what_is_no_list_is_refused(tmp_path):
    (tmp_path / "list.json").write_text('{"mixtures": []}')
    with pytest.raises(ValueError, match="is no list of mixtures"):
        MixtureList.load(tmp_path / "list.json")
    with pytest.raises(ValueError, match="nowhere is not a directory"):
        find_clips(None, None, {"own": tmp_path / "nowhere"})
    with pytest.raises(ValueError, match="there is no voice to mix"):
        find_clips(None, None, {})


@pytest.mark.parametrize(
    "wrong",
    [{"max_speakers": 1}, {"gain_db": -1.0}, {"unseen_share": 1.0}, {"num_mixtures": 0},
     {"seconds": 0.0}],
)  # fmt: skip
def test_options_that_make_no_list_are_refused(wrong):
    with pytest.raises(ValueError, match=rf"\b{next(iter(wrong))}(\n| is )"):
        ListOptions(**wrong)
