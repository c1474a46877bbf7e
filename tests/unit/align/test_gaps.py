from hypothesis import given
from hypothesis import strategies as st

from aubert.align.anchors import Block, steady
from aubert.align.gaps import MAX_CELLS, align_gap

WORDS = st.lists(st.sampled_from(["a", "the", "cat", "cats", "sat", "mat", "tonight", "to"]))


@given(WORDS, WORDS, st.booleans(), st.booleans())
def test_steps_lead_through_both_sides_in_order(text, book, head, tail):
    steps = align_gap(text, book, free_head=head, free_tail=tail)
    t = b = 0
    for step in steps:
        assert (step.text, step.book) == (t, b)
        assert step.text < step.text_end or step.book < step.book_end
        t, b = step.text_end, step.book_end
    assert (t, b) == (len(text), len(book))


@given(WORDS)
def test_equal_words_lie_opposite_each_other(words):
    assert all(step.cost == 0.0 for step in align_gap(words, words))


def pairs(text, book, **free):
    text, book = text.split(), book.split()
    return [
        (" ".join(text[s.text : s.text_end]), " ".join(book[s.book : s.book_end]))
        for s in align_gap(text, book, **free)
    ]


def test_misrecognised_words_are_pairs():
    assert pairs("the kat sit", "the cat sat") == [("the", "the"), ("kat", "cat"), ("sit", "sat")]


def test_a_misrecognised_stretch_is_pairs():
    """Not an addition opposite something left out."""
    text = "gate believe three that with it whole running home"
    found = pairs(text, "gate only strangers were ever caught running home")
    assert found[-2:] == [("running", "running"), ("home", "home")]
    assert sum(bool(recognised and written) for recognised, written in found) == 8
    assert all(recognised for recognised, _ in found)


def test_two_words_may_be_one():
    assert ("to night", "tonight") in pairs("not to night sir", "not tonight sir")
    assert ("tonight", "to night") in pairs("not tonight sir", "not to night sir")
    assert ("in", "") in pairs("saw in nearer they", "saw nearer they")


def test_a_skipped_passage_is_one_gap():
    found = pairs("i came then left", "i came and the old man wept bitterly then left")
    assert found[2:8] == [("", w) for w in "and the old man wept bitterly".split()]


def test_free_ends_take_the_best_place():
    found = pairs("old man", "and the old man wept", free_head=True, free_tail=True)
    assert found == [("", "and"), ("", "the"), ("old", "old"), ("man", "man"), ("", "wept")]


def test_passages_too_long_to_compare_are_unrelated():
    size = int(MAX_CELLS**0.5) + 1
    assert all(step.cost == 1.0 for step in align_gap(["a"] * size, ["a"] * size))


def test_a_weak_stretch_far_off_is_dropped():
    reading = [Block(10, 1010, 40), Block(52, 1052, 30)]
    assert steady([Block(0, 200, 5), *reading]) == reading
    assert steady([*reading, Block(90, 1390, 60)]) == [*reading, Block(90, 1390, 60)]
