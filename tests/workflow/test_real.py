"""Real LibriVox readings through the whole flow: the path of everyone with an audiobook,
its text and a laptop."""

from __future__ import annotations

import pytest
import real_audiobooks


@pytest.fixture(scope="module")
def figures(real, tmp_path_factory) -> dict[str, tuple[float, int]]:
    results = real_audiobooks.run_preset(tmp_path_factory.mktemp("real"), {})
    return real_audiobooks.figures(results)


@pytest.mark.parametrize(
    ("figure", "most"),
    [("printing book: word error rate", 0.08), ("sonnets: word error rate", 0.16)],
)
def test_errors_are_few(figures, figure, most):
    value, n = figures[figure]
    assert value <= most and n >= 300


@pytest.mark.parametrize(
    ("figure", "least"),
    [
        ("printing book: utterances inside +-60 chars", 1.0),
        ("printing book: pieces that words fall into", 1.0),
        ("printing book: words inside their piece's time", 0.97),
        ("printing book: words timed per spoken word", 0.97),
        ("sonnets: words timed per spoken word", 0.97),
    ],
)
def test_text_and_speech_come_together(figures, figure, least):
    assert figures[figure][0] >= least
