"""Decoding of handmade emissions: greedy, beam search, language models, order."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aubert.corpus.books import Bookshelf
from aubert.stage import Reject
from aubert.text.lm import build_arpa
from aubert.transcribe.decode import CtcOptions, Decoder, _BookModels, _decoded, _pauses
from aubert.transcribe.vocabulary import Vocabulary

# The order of wav2vec 2.0's vocabularies: specials first, the blank not last.
TOKENS = ["<pad>", "<s>", "</s>", "<unk>", "|", *"ETAONIHSRDLUMWCFGYPBVK'XJQZ"]
VOCABULARY = Vocabulary.from_tokens({token: i for i, token in enumerate(TOKENS)}, len(TOKENS), 0)
LOW = 1e-4  # the probability of every token that is not meant


def emission(path, blank="_", sure=0.95, others=()):
    """Log-probabilities of a path such as "HE_LLO|"; others: {frame: {token: probability}}."""
    probabilities = np.full((len(path), len(TOKENS)), LOW)
    for frame, character in enumerate(path):
        token = "<pad>" if character == blank else character
        probabilities[frame, TOKENS.index(token)] = sure
        for other, probability in dict(others).get(frame, {}).items():
            probabilities[frame, TOKENS.index(other)] = probability
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return np.log(probabilities).astype(np.float32)


GREEDY = Decoder(VOCABULARY, CtcOptions(beam_width=1))
BEAM = Decoder(VOCABULARY, CtcOptions(beam_width=20))


@pytest.mark.parametrize("decoder", [GREEDY, BEAM])
@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("HHE_L_LLO|_W_ORLD_", "hello world"),
        ("|_IT'S||_ON_|", "it's on"),
        ("__'TIS|_", "tis"),
        ("____", ""),
        ("|||", ""),
    ],
)
def test_paths_collapse_to_words(decoder, path, text):
    assert decoder(emission(path), None).text == text


@pytest.mark.parametrize("decoder", [GREEDY, BEAM])
def test_no_word_goes_on_over_a_pause(decoder):
    assert decoder(emission("GREY_CHAPTER"), None).text == "greychapter"
    assert decoder(emission("GREY_CHAPTER"), None, [4]).text == "grey chapter"


def test_pauses_are_at_the_joints_of_the_slices():
    class Model:
        sample_rate_hz, stride_samples, receptive_samples = 16_000, 320, 400

        def num_frames(self, num_samples):
            return (num_samples - 400) // 320 + 1

    slices = [(0, 8_000), (16_000, 24_000), (40_000, 40_100)]
    utterance = {"slices": [{"start_sample": a, "end_sample": b} for a, b in slices]}
    # At 8 kHz the joints are 1 s and 2 s behind the start: frames 49 and 99 of 100.
    assert _pauses(utterance, 8_000, Model()) == [49, 99]
    assert _pauses({"slices": utterance["slices"][:1]}, 8_000, Model()) == []


# No letters of Roman numerals: "act cc" is spoken as "act two hundred".
@given(words=st.lists(st.text("abehnst", min_size=1, max_size=6), max_size=5))
@settings(deadline=None, max_examples=30)
def test_greedy_and_beam_recover_any_text(words):
    spelled = "|".join("_".join(word.upper()) for word in words) or "_"
    for decoder in (GREEDY, BEAM):
        assert decoder(emission(spelled), None).text == " ".join(words)


def test_specials_are_no_text():
    log_probs = emission("A__B")
    log_probs[1, :] = np.log(LOW)
    log_probs[1, TOKENS.index("<unk>")] = np.log(0.99)
    for decoder in (GREEDY, BEAM):
        assert decoder(log_probs, None).text == "ab"


def test_score_is_per_frame():
    short, long = emission("AB_"), emission("AB_" * 10)
    for decoder in (GREEDY, BEAM):
        assert decoder(short, None).score == pytest.approx(decoder(long, None).score, abs=2e-3)
        assert -0.1 < decoder(short, None).score < 0
    assert GREEDY(emission("AB_", sure=0.2), None).score < GREEDY(short, None).score


AMBIGUOUS = emission("THE|CET_|SAT", others={4: {"B": 0.5, "C": 0.45}, 5: {"A": 0.4, "E": 0.55}})


@pytest.mark.parametrize("case", [str.lower, str.upper])
def test_language_model_decides_between_like_words(tmp_path, case):
    path = tmp_path / "lm.arpa"
    build_arpa([case("the cat sat").split(), case("a dog ran").split()], path)
    assert BEAM(AMBIGUOUS, None).text == "the bet sat"
    assert BEAM(AMBIGUOUS, str(path)).text == "the cat sat"


NOISY_SENTENCES = [
    "the old man walked down to the sea".split(),
    "his boat lay on the sand where he had left it".split(),
    "a thousand birds flew over the water that morning".split(),
]
# (without a language model, with one). The same with numpy 1.26.4 and kenlm 0.3.0 as with
# numpy 2.4.6, 2.5.5 and ufal-kenlm 26.4.1: pyctcdecode 0.5.0 declares numpy<2, and
# pyproject.toml overrides that.
NOISY_TEXTS = [
    ("he al amucg wyobevdownrto th sa", "he man walked down to the sea"),
    (
        "isbt clapaon the dard wvhee tpgp ha dexft it",
        "his boat lay on the sand where he had left it",
    ),
    (
        "adhoustn uivzsjfbfw ngrjthbzrauteb tha mrn eg",
        "a thousand birds flew the water that morning",
    ),
]


def noisy_emission(words, seed):
    """A path of the words in noise that is often louder than the letters."""
    noise = random.Random(seed).random  # its stream is the same in every version
    path = "".join(letter + "_" * (noise() < 0.6) for letter in "|".join(words).upper())
    logits = np.array([[6 * noise() for _ in TOKENS] for _ in path])
    for frame, letter in enumerate(path):
        logits[frame, TOKENS.index("<pad>" if letter == "_" else letter)] += 3.5
    return (logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))).astype(np.float32)


def test_texts_do_not_depend_on_the_version_of_numpy(tmp_path):
    path = tmp_path / "lm.arpa"
    build_arpa(NOISY_SENTENCES, path)
    texts = []
    for seed, words in enumerate(NOISY_SENTENCES):
        log_probs = noisy_emission(words, seed)
        texts.append((BEAM(log_probs, None).text, BEAM(log_probs, str(path)).text))
    assert texts == NOISY_TEXTS


def test_words_without_backoff_weight_are_known(tmp_path):
    path = tmp_path / "lm.arpa"
    path.write_text(
        "\\data\\\nngram 1=4\nngram 2=1\n\n\\1-grams:\n-99\t<s>\t-0.3\n-1\t</s>\n-1\t<unk>\n"
        "-0.5\tcat\n\n\\2-grams:\n-0.2\t<s> cat\n\n\\end\\\n"
    )
    log_probs = emission("CET", others={1: {"A": 0.4, "E": 0.55}})
    assert BEAM(log_probs, None).text == "cet"
    assert BEAM(log_probs, str(path)).text == "cat"


def test_alternating_models_do_not_mix(tmp_path):
    paths = [str(tmp_path / name) for name in ("cat.arpa", "bet.arpa")]
    for path, word in zip(paths, ("cat", "bet"), strict=True):
        build_arpa([["the", word, "sat"]], path)
    recognised = [BEAM(AMBIGUOUS, path).text for path in paths * 2]
    assert recognised == ["the cat sat", "the bet sat"] * 2


def test_a_file_that_is_no_language_model(tmp_path):
    path = tmp_path / "lm.bin"
    path.write_bytes(b"mmap lm http://kheafield.com/code format version 5\n\0")
    with pytest.raises(ValueError, match="is not an ARPA language model"):
        BEAM(AMBIGUOUS, str(path))


@pytest.mark.parametrize("jobs", [1, 2])
def test_results_come_in_order_from_any_number_of_processes(tmp_path, jobs):
    path = str(tmp_path / "lm.arpa")
    build_arpa([["the", "cat", "sat"]], path)
    emissions = [(f"u{i}", emission("THE|CAT" * (1 + i % 3))) for i in range(12)]
    emissions[4] = Reject("u4", "audio_truncated", "ends early")
    emissions[5] = ("u5", np.zeros((0, len(TOKENS)), np.float32))
    emissions[6] = ("u6", emission("____"))
    results = list(_decoded(emissions, [(BEAM, path, ())] * 12, jobs))
    assert [r.id if isinstance(r, Reject) else r["utterance_id"] for r in results] == [
        f"u{i}" for i in range(12)
    ]
    assert [r.reason for r in results[4:7]] == ["audio_truncated", "no_words", "no_words"]
    alone = BEAM(emissions[7][1], path)
    assert results[7] == {
        "utterance_id": "u7", "text": alone.text, "score": alone.score, "num_frames": 14,
    }  # fmt: skip


def test_book_models(tmp_path):
    (tmp_path / "books").mkdir()
    (tmp_path / "books" / "1.txt").write_text("The cat sat. The cat sat on the mat.")
    shelf = Bookshelf(tmp_path / "books")
    models = _BookModels(shelf, tmp_path, CtcOptions(book_biased=True, lm_path="general.arpa"))
    assert BEAM(AMBIGUOUS, models.path("1", "en", VOCABULARY)).text == "the cat sat"
    assert models.path("1", "en", VOCABULARY) == models.path("1", "en", VOCABULARY)
    assert models.path("missing", "en", VOCABULARY) == "general.arpa"
    assert models.path(None, "en", VOCABULARY) == "general.arpa"
    plain = _BookModels(shelf, tmp_path, CtcOptions(lm_path="general.arpa"))
    assert plain.path("1", "en", VOCABULARY) == "general.arpa"
