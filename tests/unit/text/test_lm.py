import kenlm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aubert.text.lm import _discounts, arpa_vocabulary, build_arpa

WORDS = ["a", "b", "c", "d", "e"]
SENTENCES = st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=8), min_size=1)


def load(path):
    config = kenlm.Config()
    config.show_progress = False
    return kenlm.Model(str(path), config)


def log10(model, context, word):
    """log10 P(word | context); the context may begin with <s>."""
    state, after = kenlm.State(), kenlm.State()
    if context and context[0] == "<s>":
        model.BeginSentenceWrite(state)
        context = context[1:]
    else:
        model.NullContextWrite(state)
    for previous in context:
        model.BaseScore(state, previous, after)
        state, after = after, kenlm.State()
    return model.BaseScore(state, word, after)


def total(model, context, vocabulary):
    words = [*vocabulary, "</s>", "<unk>"]
    return sum(10 ** log10(model, context, word) for word in words)


@pytest.fixture(scope="session")
def arpa(tmp_path_factory):
    return tmp_path_factory.mktemp("lm") / "lm.arpa"


@settings(max_examples=40, deadline=None)
@given(SENTENCES, st.integers(2, 4), st.lists(st.sampled_from([*WORDS, "zebra"]), max_size=3))
def test_probabilities_sum_to_one_after_any_context(arpa, sentences, order, context):
    build_arpa(sentences, arpa, order=order)
    model = load(arpa)
    seen = {word for sentence in sentences for word in sentence}
    for start in ([], ["<s>"]):
        assert total(model, [*start, *context], seen) == pytest.approx(1, abs=1e-4)


def test_a_corpus_of_one_sentence_by_hand(arpa):
    # No counts of counts: the fallback discount 0.5. Each word has one left neighbour; the
    # uniform share is 1/4 (a, b, </s>, <unk>).
    build_arpa([["a", "b"]], arpa, order=2)
    model = load(arpa)
    unigram = 0.5 / 3 + 0.5 * 3 / 3 / 4
    assert 10 ** log10(model, [], "a") == pytest.approx(unigram, rel=1e-4)
    assert 10 ** log10(model, [], "<unk>") == pytest.approx(0.5 / 4, rel=1e-4)
    assert 10 ** log10(model, ["a"], "b") == pytest.approx(0.5 + 0.5 * unigram, rel=1e-4)
    assert 10 ** log10(model, ["a"], "a") == pytest.approx(0.5 * unigram, rel=1e-4)  # back-off


def test_lower_orders_count_contexts_not_occurrences(arpa):
    # "francisco" is frequent, but follows one word only (Kneser & Ney's example).
    sentences = [["san", "francisco"]] * 5 + [["my", "cat"], ["your", "cat"], ["the", "cat"]]
    build_arpa(sentences, arpa, order=2)
    model = load(arpa)
    assert log10(model, ["cat"], "francisco") < log10(model, ["cat"], "cat")


def test_discounts_follow_the_counts_of_counts():
    counts = np.array([1] * 10 + [2] * 4 + [3] * 2 + [4] * 1)
    y = 10 / (10 + 2 * 4)
    expected = [0, 1 - 2 * y * 4 / 10, 2 - 3 * y * 2 / 4, 3 - 4 * y * 1 / 2]
    assert _discounts(counts) == pytest.approx(expected)
    assert _discounts(np.array([2, 2, 2])) == pytest.approx([0, 0.5, 1, 1.5])


@pytest.mark.parametrize(
    "sentences",
    [[["a"]], [["a", "a", "a"]], [["a", "b", "c"]], [["a", "b"]] * 7, [[], ["a"], []]],
    ids=["one_word", "one_type", "three_words", "no_singletons", "empty_sentences"],
)
def test_degenerate_corpora(arpa, sentences):
    build_arpa(sentences, arpa)
    model = load(arpa)
    seen = {word for sentence in sentences for word in sentence}
    assert total(model, ["a"], seen) == pytest.approx(1, abs=1e-4)
    assert model.score(" ".join(sentences[0] or ["a"])) > -5


def test_no_words_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="at least one word"):
        build_arpa([[]], tmp_path / "lm.arpa")


def test_a_given_vocabulary_is_the_vocabulary(arpa):
    build_arpa([["a", "b", "zebra", "a"]], arpa, vocabulary={"a", "b", "never"})
    assert arpa_vocabulary(arpa) == ["a", "b", "never"]
    model = load(arpa)
    assert total(model, ["b"], ["a", "b", "never"]) == pytest.approx(1, abs=1e-4)
    assert log10(model, [], "never") < log10(model, [], "a")


def test_equal_input_gives_equal_bytes(tmp_path):
    sentences = [["a", "b", "c"], ["c", "a"]]
    for name, vocabulary in (("one", ["a", "b", "c"]), ("two", ["c", "b", "a"])):
        build_arpa(sentences, tmp_path / name, vocabulary=vocabulary)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_pocketsphinx_reads_the_same_probabilities(arpa):
    import pocketsphinx

    build_arpa([["a", "b", "c"], ["a", "b", "d"], ["c", "d"]], arpa)
    decoder = pocketsphinx.Decoder(lm=None, loglevel="FATAL")
    model = pocketsphinx.NGramModel(decoder.config, decoder.logmath, str(arpa))
    found = decoder.logmath.exp(model.prob(["c", "b", "a"]))  # the predicted word comes first
    assert found == pytest.approx(10 ** log10(load(arpa), ["a", "b"], "c"), rel=1e-3)


def test_a_file_that_is_no_arpa(tmp_path):
    (tmp_path / "x").write_text("hello\n")
    with pytest.raises(ValueError, match="not an ARPA"):
        arpa_vocabulary(tmp_path / "x")
