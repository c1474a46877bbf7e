import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_aubert import WORDS, save_encoders
from transformers import AutoModel, AutoTokenizer

from aubert.crossmodal.batch import (
    NO_REFERENCE,
    AubertBatch,
    Segments,
    TextWindows,
    audio_columns,
    text_columns,
)
from aubert.crossmodal.network import AubertModel
from aubert.crossmodal.options import AubertOptions
from aubert.encoders.hubert import load_encoder

OPTIONS = AubertOptions(projection_dim=8, scorer_hidden=8, max_tokens=16)


@pytest.fixture(scope="module")
def encoders(tmp_path_factory):
    return save_encoders(tmp_path_factory.mktemp("encoders"))


@pytest.fixture(scope="module")
def tokenizer(encoders):
    return AutoTokenizer.from_pretrained(encoders[0])


def make(encoders, **changes) -> AubertModel:
    torch.manual_seed(0)
    return AubertModel.from_encoders(*encoders, dataclasses.replace(OPTIONS, **changes)).eval()


def cut(tokenizer, max_tokens, texts, spans):
    windows = TextWindows(tokenizer, max_tokens)
    return [
        windows.window(windows.tokens(text), span, (0, len(text)))
        for text, span in zip(texts, spans, strict=True)
    ]


def batch(model: AubertModel, rows=range(5), mask_share=0.0) -> AubertBatch:
    texts = ["ab ba. cad", "dac", "ab ab ab ab?", "“bed” deb", "ba cad dac bed deb ab"]
    spans = [(3, 5), (0, 3), (6, 8), (1, 4), (7, 18)]
    rng = np.random.default_rng(0)
    references = [
        rng.standard_normal(length).astype(np.float32) for length in (0, 320, 0, 640, 320)
    ]
    segments = [rng.standard_normal(900 + 700 * row).astype(np.float32) for row in range(5)]
    rows = list(rows)
    chosen = ([texts[row] for row in rows], [spans[row] for row in rows])
    found = cut(model.tokenizer, OPTIONS.max_tokens, *chosen)
    return AubertBatch(
        **text_columns(found, 0, model.tokenizer.mask_token_id, mask_share, rng),
        **audio_columns(
            [segments[row] for row in rows], [references[row] for row in rows], normalise=False
        ),
        groups=torch.zeros(len(rows), dtype=torch.long),
        texts=torch.tensor(rows),
        places=torch.arange(len(rows)),
        num_pairs=len(rows),
        same_group=False,
    )


@pytest.mark.parametrize("pooling", ["mean", "max", "mean_max", "lstm", "attention"])
def test_a_pair_is_the_same_in_any_batch(encoders, pooling):
    model = make(encoders, pooling=pooling)
    with torch.no_grad():
        whole = batch(model)
        text, audio = model.embed_text(whole), model.embed_audio(whole)
        assert text.shape == audio.shape == (5, 8)
        for row in range(5):
            alone = batch(model, [row])
            for found, other in (
                (text, model.embed_text(alone)),
                (audio, model.embed_audio(alone)),
            ):
                torch.testing.assert_close(found[row : row + 1], other, rtol=1e-4, atol=1e-5)
    assert len({tuple(row.tolist()) for row in text.round(decimals=3)}) == 5


def test_the_transformer_gets_the_segment_only(encoders):
    """Its reference changes how the front end normalises, and nothing else."""
    model = make(encoders)
    rng = np.random.default_rng(0)
    segment, reference, other = rng.standard_normal((3, 3200)).astype(np.float32)

    def embedded(before):
        with torch.no_grad():
            columns = audio_columns([segment], [before], normalise=False)
            states, lengths = model.audio_states(Segments(**columns))
        assert lengths.tolist() == [9] == [(3200 - 400) // 320 + 1]
        return states

    alone, beside = embedded(NO_REFERENCE), embedded(reference)
    assert beside.shape == alone.shape and (beside - alone).abs().max() > 1e-3
    # The same statistics, in another order.
    turned = embedded(np.ascontiguousarray(reference[::-1]))
    assert (turned - beside).abs().max() < (embedded(9 * other) - beside).abs().max()
    short = Segments(**audio_columns([segment[:10]], [reference], normalise=False))
    assert model.audio_states(short)[1].tolist() == [1]


def test_all_layers_count_where_they_are_asked_for(encoders):
    model = make(encoders, audio_layers="all")
    rows = batch(model)
    before = model.embed_audio(rows)
    with torch.no_grad():
        model.heads["layers"].weights[0] += 5
    assert (model.embed_audio(rows) - before).abs().max() > 1e-3
    model.embed_audio(rows).sum().backward()
    assert model.heads["layers"].weights.grad.abs().min() > 0


def test_the_text_around_the_span_counts(encoders):
    model = make(encoders)
    base = batch(model, [0])
    for changed, span in (("ab ba? cad", (3, 5)), ("ab cad. cad", (3, 6))):
        other = text_columns(
            cut(model.tokenizer, 16, [changed], [span]), 0, 0, 0.0, np.random.default_rng(0)
        )
        with torch.no_grad():
            difference = model.embed_text(base) - model.embed_text(
                dataclasses.replace(base, **other)
            )
        assert difference.abs().max() > 1e-4


def words_of(tokenizer, window):
    ids = window.ids[window.span_start : window.span_start + window.span_length]
    return tokenizer.decode(ids).replace(" ", "")


@given(st.lists(st.sampled_from([*WORDS, "ab.", "“bed”", "cad-dac"]), min_size=1, max_size=30),
       st.data(), st.integers(12, 40))  # fmt: skip
@settings(max_examples=80, deadline=None)
def test_windows_hold_the_span_and_what_is_nearest(tokenizer, words, data, max_tokens):
    text = " ".join(words)
    first = data.draw(st.integers(0, len(words) - 1))
    start = len(" ".join(words[:first])) + (first > 0)
    end = start + len(words[first])
    (window,) = cut(tokenizer, max_tokens, [text], [(start, end)])
    assert len(window.ids) <= max_tokens
    assert (window.ids[0], window.ids[-1]) == (tokenizer.cls_token_id, tokenizer.sep_token_id)
    span = tokenizer(text[start:end], add_special_tokens=False)["input_ids"]
    assert window.ids[window.span_start :][: window.span_length] == span
    everything = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert len(window.ids) == min(max_tokens, len(everything) + 2)
    before = window.span_start - 1
    after = len(window.ids) - 1 - window.span_start - window.span_length
    if before + len(span) + after < len(everything):  # what is cut off is farther than what stays
        left = len(tokenizer(text[:start], add_special_tokens=False)["input_ids"])
        right = len(everything) - left - len(span)
        assert before >= min(left, after - 1) and after >= min(right, before - 1)


def test_a_span_that_is_longer_than_the_window_is_cut(tokenizer):
    (window,) = cut(tokenizer, 6, ["ab " * 20], [(0, 59)])
    assert len(window.ids) == 6 and window.span_length == 4 and window.span_start == 1


def test_a_span_without_a_token_is_named(tokenizer):
    with pytest.raises(ValueError, match="no token for characters 2:3"):
        cut(tokenizer, 8, ["ab ba"], [(2, 3)])


def test_a_window_of_a_book_is_that_of_its_context_alone(tokenizer):
    book = "“ab ba,” cad dac. Bed deb?\n\nab “ba” cad-dac bed, deb. ab"
    windows = TextWindows(tokenizer, 16)
    tokens = windows.tokens(book)
    for start in range(0, 30, 3):
        low = book.rfind(" ", 0, start) + 1
        high = book.find(" ", start + 18)
        first = book.find(" ", low + 3) + 1
        last = book.find(" ", first)
        alone = windows.tokens(book[low:high])
        expected = windows.window(alone, (first - low, last - low), (0, high - low))
        assert windows.window(tokens, (first, last), (low, high)) == expected
    bare = windows.window(tokens, (1, 3), (1, 3))
    assert tokenizer.decode(bare.ids, skip_special_tokens=True) == "ab"


def test_masks_leave_the_span_and_the_edges(tokenizer):
    windows = cut(tokenizer, 24, ["ab ba cad dac bed deb ab ba cad"] * 50, [(6, 9)] * 50)
    masked = text_columns(windows, 0, tokenizer.mask_token_id, 0.4, np.random.default_rng(0))
    plain = text_columns(windows, 0, tokenizer.mask_token_id, 0.0, np.random.default_rng(0))
    rows, places = np.divmod(masked["masked"].numpy(), masked["ids"].shape[1])
    assert set(np.bincount(rows)) == {int(0.4 * (len(windows[0].ids) - 2 - windows[0].span_length))}
    window = windows[0]
    free = set(range(1, len(window.ids) - 1))
    free -= set(range(window.span_start, window.span_start + window.span_length))
    assert set(places) == free
    assert (masked["ids"].flatten()[masked["masked"]] == tokenizer.mask_token_id).all()
    restored = masked["ids"].flatten().clone()
    restored[masked["masked"]] = masked["masked_ids"]
    assert torch.equal(restored.view_as(plain["ids"]), plain["ids"]) and not len(plain["masked"])


def test_normalised_audio():
    segment, nothing = np.array([1, 2, 3], np.float32), np.zeros(0, np.float32)
    (row,) = audio_columns([segment], [nothing], normalise=True)["samples"]
    assert row.mean().abs() < 1e-6 and row.var(correction=0) == pytest.approx(1, rel=1e-4)


@pytest.mark.parametrize("scorer", ["cosine", "mlp"])
def test_a_saved_model_is_the_same(encoders, tmp_path, scorer):
    model = make(encoders, scorer=scorer, pooling="attention", mlm_weight=0.5)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.01 * torch.randn_like(weight))
    model.save(tmp_path / "model")
    loaded = AubertModel.load(tmp_path / "model")
    assert loaded.options == model.options and not loaded.training
    for name, weight in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], weight), name
    row = batch(model)
    with torch.no_grad():
        scores = model.score(model.embed_text(row), model.embed_audio(row))
        again = loaded.score(loaded.embed_text(row), loaded.embed_audio(row))
    assert torch.equal(scores, again)
    # Each half is a Hugging Face directory of its own.
    assert type(AutoModel.from_pretrained(tmp_path / "model" / "text")).__name__ == "BertModel"
    assert AutoTokenizer.from_pretrained(tmp_path / "model" / "text").is_fast
    load_encoder(tmp_path / "model" / "audio")
    assert not list(tmp_path.rglob("*.bin")) + list(tmp_path.rglob("*.pt"))


def test_another_directory_is_refused(encoders, tmp_path):
    with pytest.raises(ValueError, match="is not an AuBERT model directory"):
        AubertModel.load(encoders[0])


def test_the_front_end_is_frozen_and_the_audio_encoder_when_asked(encoders):
    model = make(encoders)

    def learns(name):
        return {n: w.requires_grad for n, w in model.named_parameters() if name in n}

    assert not any(learns("audio_encoder.feature_extractor.").values())
    assert learns("audio_encoder.encoder.")["audio_encoder.encoder.layer_norm.weight"]
    model.freeze_audio(True)
    assert not any(learns("audio_encoder.").values())
    assert all(learns("text_encoder.").values()) and all(learns("heads.").values())
    loss, _, _ = model(batch(model))
    loss.backward()
    assert all(weight.grad is None for weight in model.audio_encoder.parameters())
    model.freeze_audio(False)
    assert not any(learns("audio_encoder.feature_extractor.").values())
    assert learns("audio_encoder.encoder.")["audio_encoder.encoder.layer_norm.weight"]


def test_the_masked_language_model_loss_is_added(encoders):
    model = make(encoders, mlm_weight=0.5)
    row = batch(model, mask_share=0.5)
    loss, num_targets, metrics = model(row)
    assert num_targets == 5 and len(row.masked) > 3
    assert loss.item() == pytest.approx(
        (metrics["contrast"] + 0.5 * metrics["mlm"]).item(), rel=1e-5
    )
    num_tokens = len(model.tokenizer)
    assert metrics["mlm"].item() / 5 == pytest.approx(np.log(num_tokens), rel=0.3)
    plain = batch(model)
    assert "mlm" not in model(plain)[2]


def test_more_tokens_than_the_encoder_takes(encoders):
    with pytest.raises(ValueError, match="max_tokens is 25; the text encoder takes 24 at most"):
        make(encoders, max_tokens=25)


def test_options_that_cannot_be():
    with pytest.raises(ValueError, match=r"max_tokens\n.*greater than or equal to 3"):
        AubertOptions(max_tokens=2)
    with pytest.raises(ValueError, match=r"mlm_share\n.*less than 1"):
        AubertOptions(mlm_share=1.0)
    with pytest.raises(ValueError, match=r"mlm_weight\n.*greater than or equal to 0"):
        AubertOptions(mlm_weight=-1.0)
