"""Word alignment by CTC on handmade emissions: the best path, exactly."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aubert import tables
from aubert.align import words_ctc
from aubert.align.script import ScriptItem
from aubert.align.words_ctc import (
    align_script,
    align_tokens,
    emission_with_star,
)
from aubert.text.normalise import Token
from aubert.transcribe.vocabulary import Vocabulary

LETTERS = "abcdefgh"
VOCABULARY = Vocabulary.from_tokens({c: i for i, c in enumerate("_|" + LETTERS)}, 10, 0)
STRIDE_S = 0.02
MODEL = SimpleNamespace(  # what align_script asks of a CtcModel
    vocabulary=lambda language: VOCABULARY,
    sample_rate_hz=16_000,
    stride_samples=320,
    receptive_samples=320,
)


def emission(path, sure=0.9):
    """Log-probabilities of a path of "_", "|" and letters, one character per frame."""
    probabilities = np.full((len(path), 10), (1 - sure) / 9)
    for frame, character in enumerate(path):
        probabilities[frame, ("_|" + LETTERS).index(character)] = sure
    return np.log(probabilities).astype(np.float32)


def script_of(text):
    """ "ab *cd ef": words of the book; those with a star are not in it."""
    return [
        ScriptItem(None if word[0] == "*" else Token(0, 0, (word,)), (word.lstrip("*"),))
        for word in text.split()
    ]


def frames_of(aligned):
    return {
        "".join(aligned.script[item].spoken): (
            round(word.start_s / STRIDE_S),
            round(word.end_s / STRIDE_S),
        )
        for item, word in zip(aligned.items, aligned.spikes, strict=True)
    }


@st.composite
def paths(draw):
    """A CTC path over VOCABULARY's letters, with what it spells and where."""
    tokens = draw(st.lists(st.integers(2, 9), min_size=1, max_size=12))
    path, spans = [], []
    for position, token in enumerate(tokens):
        repeated = position and token == tokens[position - 1]
        path += [0] * draw(st.integers(int(repeated), 4))
        spans.append((len(path), len(path) + draw(st.integers(1, 3))))
        path += [token] * (spans[-1][1] - spans[-1][0])
    return tokens, path + [0] * draw(st.integers(0, 4)), spans


@given(paths())
@settings(deadline=None)
def test_a_known_path_is_recovered(known):
    tokens, path, spans = known
    log_probs = emission("".join(("_|" + LETTERS)[token] for token in path))
    found = align_tokens(log_probs, tokens)
    assert [(span.start, span.end) for span in found] == spans
    assert [span.log_prob for span in found] == pytest.approx([np.log(0.9)] * len(spans))


@given(seed=st.integers(0, 10**6), num_tokens=st.integers(1, 4), num_frames=st.integers(8, 16))
@example(seed=26687, num_tokens=4, num_frames=8)  # a tie of two paths, before the star's slope
@settings(deadline=None)
def test_no_path_through_star_and_letters_is_better(seed, num_tokens, num_frames):
    rng = np.random.default_rng(seed)
    log_probs = torch.from_numpy(3 * rng.standard_normal((num_frames, 10))).log_softmax(-1)
    matrix = emission_with_star(VOCABULARY, log_probs.float().numpy())
    tokens = [int(token) for token in rng.choice([2, 3, 4, matrix.shape[1] - 1], num_tokens)]
    found = align_tokens(matrix, tokens)
    blanks = set(range(num_frames)) - {t for span in found for t in range(span.start, span.end)}
    total = sum(span.log_prob * (span.end - span.start) for span in found)
    total += sum(matrix[frame, 0] for frame in blanks)
    assert total == pytest.approx(_best_path(matrix, tokens), abs=1e-3)


def _best_path(matrix, tokens):
    """The score of the best CTC path, by the textbook recursion."""
    states = [0] + [label for token in tokens for label in (token, 0)]
    scores = np.full(len(states), -np.inf)
    scores[:2] = matrix[0, states[:2]]
    for frame in matrix[1:]:
        one = np.append(-np.inf, scores[:-1])
        two = np.append([-np.inf] * 2, scores[:-2])
        skips = [i > 1 and s and s != states[i - 2] for i, s in enumerate(states)]
        scores = np.maximum(np.maximum(scores, one), np.where(skips, two, -np.inf)) + frame[states]
    return scores[-2:].max()


def test_too_few_frames_are_refused_with_both_numbers():
    align_tokens(emission("aba"), [2, 3, 2])
    align_tokens(emission("a_a"), [2, 2])
    with pytest.raises(ValueError, match="3 frames are needed to say this, the audio has 2"):
        align_tokens(emission("aa"), [2, 2])


def test_star_absorbs_speech_that_the_book_lacks_without_moving_its_neighbours():
    plain = align_script(MODEL, emission("__a_b__|___c_d__"), script_of("ab cd"))
    longer = emission("__a_b__|__g_h__|_ee__f|__c_d_|__c_d__")
    starred = align_script(MODEL, longer, script_of("ab *gh *ef *cd cd"))
    assert frames_of(plain) == {"ab": (2, 5), "cd": (11, 14)}
    assert frames_of(starred) == {"ab": (2, 5), "cd": (32, 35)}
    assert (plain.joined, starred.joined) == ([True], [False])
    assert starred.confidences == pytest.approx([0.9, 0.9], abs=1e-3)


def test_star_takes_nothing_from_words_that_the_model_is_not_sure_of():
    """With the star's probability at 1 it would: "cd" at .3 costs more than no letter."""
    log_probs = emission("__a_b__|__g_h__|_ccc_ddd__", sure=0.3)
    starred = align_script(MODEL, log_probs, script_of("ab *gh cd"))
    assert frames_of(starred) == {"ab": (2, 5), "cd": (17, 24)}


def test_stars_at_the_ends():
    log_probs = emission("_g_a__h|__a_b__|__a_g_")
    assert frames_of(align_script(MODEL, log_probs, script_of("ab"), edge_stars=True)) == {
        "ab": (10, 13)
    }


@pytest.mark.parametrize(
    ("path", "read"),
    [
        ("_a_b__|__c_d__|_e_f___", "ab cd ef"),
        ("_a_b__|_e_f___", "ab ef"),
        ("_aa_bb_|_e_f___", "ab ef"),
        ("abef", "ab ef"),  # no frame is left for another word
    ],
)
def test_an_optional_word_is_there_if_the_audio_holds_it(path, read):
    ab, cd, ef = script_of("ab cd ef")
    aligned = align_script(
        MODEL, emission(path, sure=1 - 1e-6), [ab, cd._replace(optional=True), ef]
    )
    assert [" ".join(item.spoken) for item in aligned.script] == read.split()
    assert list(frames_of(aligned)) == read.split()


def test_a_word_that_the_network_is_not_sure_of_is_kept():
    ab, cd, ef = script_of("ab cd ef")
    log_probs = emission("_a_b__|__c_h__|_e_f___", sure=0.8)
    aligned = align_script(MODEL, log_probs, [ab, cd._replace(optional=True), ef])
    assert len(aligned.script) == 3


def test_characters_and_words_outside_of_the_vocabulary():
    script = script_of("a'b zz cd")
    aligned = align_script(MODEL, emission("_a_b__|_e__f__|_c_d_"), script)
    assert frames_of(aligned) == {"a'b": (1, 4), "cd": (16, 19)}
    assert aligned.items == [0, 2]
    with pytest.raises(ValueError, match="no word of the book"):
        align_script(MODEL, emission("____"), script_of("zz *ab"))


def test_confidence_tells_the_right_word_from_another():
    log_probs = emission("_a_b__|_c_d_")
    aligned = align_script(MODEL, log_probs, script_of("ab ef"))
    assert aligned.confidences == pytest.approx([0.9, 0.0111], abs=1e-3)


def test_calibration_reads_utterances_drawn_from_all_shards(tmp_path, monkeypatch):
    monkeypatch.setattr(words_ctc, "CALIBRATION_UTTERANCES", 5)
    ids = [f"r{number % 3}_{number:04}" for number in range(20)]
    values = {
        "recordings": {"path": "a", "speaker": "1", "chapter": "a", "chapter_index": 0,
                       "book_id": None, "sample_rate_hz": 1, "num_samples": 1, "snr_db": None,
                       "language": None, "voice_activity": None},
        "utterances": {"index": 0, "slices": [], "num_samples": 1},
        "transcripts": {"text": "", "score": 0.0, "num_frames": 1},
        "refined": {"book_id": "1", "char_start": 0, "char_end": 1, "similarity": 1.0,
                    "raw_similarity": 1.0, "status": "ok", "language": "en", "runs": []},
    }  # fmt: skip
    found = []
    for num_shards in (1, 3):
        results = tmp_path / str(num_shards)
        for shard in range(num_shards):
            own = {"recordings": [f"r{number}" for number in range(3)][shard::num_shards]}
            for name, common in values.items():
                rows = [
                    common | {tables.TABLES[name].key[0]: one}
                    | ({"recording_id": one.split("_")[0]} if name == "utterances" else {})
                    for one in own.get(name, ids[shard::num_shards])
                ]  # fmt: skip
                tables.write(results / name / f"{shard}.parquet", name, rows)
        recordings, *others = words_ctc.calibration_tables(results)
        chosen = [sorted(row["utterance_id"] for row in rows) for rows in others]
        assert chosen[0] == chosen[1] == chosen[2] and len(chosen[0]) == 5
        of = {row["recording_id"] for row in others[0]}
        assert {row["recording_id"] for row in recordings} == of
        found.append(chosen[0])
    assert found[0] == found[1] != ids[:5]
