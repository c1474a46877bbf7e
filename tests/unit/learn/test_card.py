"""README.md of a trained model."""

from __future__ import annotations

from aubert.hubert.options import HubertOptions
from aubert.learn.card import Card, changed, write_card
from aubert.learn.options import TrainOptions


def test_only_what_is_not_a_default_counts():
    model, train = HubertOptions(hidden_size=96, num_heads=8), TrainOptions(steps=10, device="cpu")
    assert changed((model, train)) == {"hidden_size": 96, "num_heads": 8, "steps": 10}
    assert changed((HubertOptions(), TrainOptions())) == {}


def test_a_card_has_data_use_limits_figures_and_options(tmp_path):
    lines = ['{"step": 5, "loss": 9.0}', '{"step": 10, "lr": 0.1, "loss": 2.34567}',
             '{"step": 10, "validation.loss": 2.5}']  # fmt: skip
    (tmp_path / "train.jsonl").write_text("\n".join(lines))
    card = Card(
        title="HuBERT",
        what="Speech goes in, frames come out.",
        data="292.1 minutes in 4,403 utterances",
        usage="aubert encode speech.flac --model MODEL",
        limits="It knows read English.",
        options=(TrainOptions(steps=10),),
    )
    write_card(tmp_path, card, steps=10)
    text = (tmp_path / "README.md").read_text()
    assert text.startswith("---\nlibrary_name: aubert\ntags: [audio, speech]\n---\n\n# HuBERT\n")
    assert "Learned from 292.1 minutes in 4,403 utterances, in 10 steps" in text
    assert "| `loss` | 2.346 |" in text and "lr" not in text
    assert "| `validation.loss` | 2.5 |" in text
    assert "| `steps` | 10 |" in text
    assert "It knows read English." in text


def test_without_differences_it_says_none(tmp_path):
    (tmp_path / "train.jsonl").write_text("")
    card = Card("CTC", "a", "b", "c", "d", (TrainOptions(),))
    write_card(tmp_path, card, steps=1)
    assert (tmp_path / "README.md").read_text().endswith("from the defaults\n\nnone\n")
