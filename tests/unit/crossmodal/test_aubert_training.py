import dataclasses
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
import toy_aubert
from safetensors.torch import load_file
from toy_aubert import MODEL, TRAIN, main, prepare, toy_examples, toy_model
from two_processes import run_two, starting

from aubert import tables
from aubert.audio import decode
from aubert.crossmodal.batch import TextWindows
from aubert.crossmodal.evaluation import (
    evaluate_pairs,
    features,
    mean_pooled,
    model_scorer,
    trained_embeddings,
)
from aubert.crossmodal.examples import ngrams_of, read_pairs
from aubert.crossmodal.retrieval import LinearBaseline
from aubert.learn.data import Piece


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    root = tmp_path_factory.mktemp("toy")
    return root, prepare(root)


def lines(directory: Path) -> list[dict]:
    return [json.loads(line) for line in (directory / "metrics.jsonl").read_text().splitlines()]


def test_a_batch_is_the_texts_and_what_was_spoken(toy):
    root, corpus = toy
    model = toy_model(root)
    examples = toy_examples(root, corpus, model, TRAIN)
    micro = examples.plan(0)[0]
    # What goes to a worker knows nothing of the other pairs.
    reader, work = pickle.loads(pickle.dumps((examples.reader, examples.work(micro.pieces))))
    batch = reader.batch(work, np.random.default_rng(0))
    rows = [corpus.split("train")[piece.index] for piece in micro.pieces]
    assert batch.segment_lengths.tolist() == [row["num_samples"] for row in rows]
    for row, samples, start in zip(rows, batch.samples, batch.segment_starts, strict=True):
        (place,) = row["slices"]
        path = corpus.root / corpus.recordings[row["recording_id"]]["path"]
        alone = decode(path, [(place["start_sample"], place["end_sample"])])
        assert start == 3_200  # 0.2 s of other speech, the same for all
        assert np.array_equal(samples[:start], batch.samples[0, :start]) and samples[:start].any()
        assert np.array_equal(samples[start : start + len(alone)], alone)
        assert not samples[start + len(alone) :].any()  # nothing of what stands around the word
    assert batch.places.tolist() == list(range(len(rows))) and batch.num_pairs == len(rows)
    for row, ids, start, length in zip(
        rows, batch.ids, batch.span_starts, batch.span_lengths, strict=True
    ):
        spoken = model.tokenizer.decode(ids[start : start + length]).replace(" ", "")
        assert spoken == row["ngram"]
        book = corpus.shelf.text(row["book_id"])
        context = book[row["context_start"] : row["context_end"]]
        whole = model.tokenizer.decode(ids, skip_special_tokens=True)
        assert whole.replace(" ", "") == context.replace(" ", "")
    ngrams = [row["ngram"] for row in rows]
    for first, group in zip(ngrams, batch.groups, strict=True):
        alike = batch.groups == group
        assert [ngram == first for ngram in ngrams] == alike.tolist()
    bare = toy_examples(root, corpus, model, TRAIN, with_context=False)
    text = bare.batch(micro.pieces, np.random.default_rng(0))
    assert (text.num_tokens == text.span_lengths + 2).all()


def test_shares_of_a_contrast(toy):
    root, corpus = toy
    model = toy_model(root)
    pieces = toy_examples(root, corpus, model, TRAIN).plan(0)[0].pieces[:4]
    shares = [
        toy_examples(root, corpus, model, TRAIN, rank=rank, world_size=6).batch(
            pieces, np.random.default_rng(0)
        )
        for rank in range(6)
    ]
    assert [share.places.tolist() for share in shares] == [[0], [1], [2], [3], [], []]
    assert {len(share.ids) for share in shares} == {1}  # those without a share run a row too
    assert {share.num_pairs for share in shares} == {4}


@pytest.mark.parametrize("scorer", ["cosine", "mlp"])
def test_it_learns_words_and_what_the_context_tells(toy, tmp_path, scorer):
    """On a book that it never saw: which word was spoken, and, among utterances of one word, which
    stood in a question."""
    root, corpus = toy
    options = dataclasses.replace(TRAIN, steps=320, lr=4e-3, batch_pairs=24, log_every=40,
                                  checkpoint_every=320, validate_every=320)  # fmt: skip
    kind = dataclasses.replace(MODEL, scorer=scorer, reference_seconds=0.0)
    model = main(root, tmp_path, corpus, options, kind).model
    held_out = corpus.split("held_out_book")
    arguments = (root, corpus, model, options)
    examples = toy_examples(*arguments, split="held_out_book")
    bare = toy_examples(*arguments, split="held_out_book", with_context=False)
    untrained = toy_model(root, kind)
    learned_from = features(untrained, mean_pooled(untrained), toy_examples(*arguments))
    baseline = (
        features(untrained, mean_pooled(untrained), examples),
        LinearBaseline(learned_from.text, learned_from.audio),
    )
    found = evaluate_pairs(
        "aubert.", held_out, features(model, trained_embeddings(model), examples, bare),
        model_scorer(model), baseline, {row["ngram"] for row in corpus.split("train")}, k=2,
    )  # fmt: skip
    assert found["aubert.retrieval_top1"].value > 0.85
    assert found["aubert.text_to_audio_top1"].value > 0.85
    assert found["aubert.retrieval_top1.majority"].value < 0.3
    assert found["aubert.new_words_top1"] is None
    # Of two utterances one stood in a question every other time: .75 is all there is.
    assert found["aubert.same_token_top1"].ci95[0] > 0.5
    assert found["aubert.same_token_top1.over_baseline"].ci95[0] > 0
    assert found["aubert.same_token_no_context_top1"].value < 0.58
    assert found["aubert.context_helps"].ci95[0] > 0


def test_features_do_not_depend_on_the_batch(toy):
    root, corpus = toy
    model = toy_model(root)
    examples = toy_examples(root, corpus, model, TRAIN, split="held_out_book")
    one, many = (
        features(model, trained_embeddings(model), examples, batch_pairs=n) for n in (1, 64)
    )
    np.testing.assert_allclose(one.text, many.text, atol=1e-4)
    np.testing.assert_allclose(one.audio, many.audio, atol=1e-4)
    assert len(one.text) == len(corpus.split("held_out_book"))


def test_nothing_is_masked_where_nothing_is_learned(toy):
    root, corpus = toy
    model = toy_model(root, dataclasses.replace(MODEL, mlm_weight=1.0, mlm_share=0.5))
    masking = toy_examples(root, corpus, model, TRAIN)
    batch = masking.batch(masking.plan(0)[0].pieces, np.random.default_rng(0))
    assert (batch.ids == model.tokenizer.mask_token_id).any()
    found = features(model, trained_embeddings(model), masking)
    plain = toy_examples(root, corpus, toy_model(root), TRAIN)
    expected = features(model, trained_embeddings(model), plain)
    assert np.array_equal(found.text, expected.text)


def test_the_audio_encoder_waits_and_its_front_end_stays(toy, tmp_path):
    root, corpus = toy
    before = toy_model(root).state_dict()
    options = dataclasses.replace(TRAIN, steps=2, freeze_audio_steps=2)
    waiting = main(root, tmp_path / "a", corpus, options).model.state_dict()
    options = dataclasses.replace(options, freeze_audio_steps=1)
    learning = main(root, tmp_path / "b", corpus, options).model.state_dict()
    for name, weight in before.items():
        if name.startswith("audio_encoder."):
            assert torch.equal(waiting[name], weight), name
        if name.startswith("audio_encoder.feature_extractor."):
            assert torch.equal(learning[name], weight), name
    for name in (
        "audio_encoder.encoder.layer_norm.weight",
        "text_encoder.embeddings.LayerNorm.bias",
    ):
        assert not torch.equal(learning[name], before[name]), name


class Interrupted(Exception):
    pass


def test_interrupted_it_ends_with_the_same_weights(toy, tmp_path, monkeypatch):
    root, corpus = toy
    kind = dataclasses.replace(MODEL, mlm_weight=0.5, mlm_share=0.3, dropout=0.1)
    main(root, tmp_path / "whole", corpus, model=kind)
    task = toy_aubert.AubertTask
    original = task.start_step

    def stop(self, step):
        if step == 6:
            raise Interrupted
        original(self, step)

    with monkeypatch.context() as patch, pytest.raises(Interrupted):
        patch.setattr(task, "start_step", stop)
        main(root, tmp_path / "stopped", corpus, model=kind)
    main(root, tmp_path / "stopped", corpus, model=kind)
    for name in ("final.safetensors", "metrics.jsonl"):
        assert (tmp_path / "stopped" / name).read_bytes() == (
            tmp_path / "whole" / name
        ).read_bytes()
    assert all(line["mlm"] > 0 for line in lines(tmp_path / "whole"))


def test_processes_make_one_contrast(toy, tmp_path):
    """Two processes encode half of each contrast: the same losses, the same weights."""
    root, corpus = toy
    with starting("toy_aubert") as start:
        run_two(start, toy_aubert.one_of_two, root, tmp_path / "two", corpus)
    for negatives in ("same_token", "mixed"):
        for scorer in ("cosine", "mlp"):
            options = dataclasses.replace(TRAIN, negatives=negatives, steps=4, freeze_audio_steps=0)
            kind = dataclasses.replace(MODEL, scorer=scorer)
            alone = tmp_path / "one" / negatives / scorer
            main(root, alone, corpus, options, kind)
            two = tmp_path / "two" / negatives / scorer
            for line, other in zip(lines(alone), lines(two), strict=True):
                for name, value in line.items():
                    assert other[name] == pytest.approx(value, rel=1e-3, abs=1e-4), name
            weights = load_file(two / "final.safetensors")
            for name, weight in load_file(alone / "final.safetensors").items():
                torch.testing.assert_close(weights[name], weight, rtol=1e-2, atol=2e-3)


def test_a_missing_book_and_missing_audio_are_named(toy):
    root, corpus = toy
    model = toy_model(root)
    examples = toy_examples(root, corpus, model, TRAIN)
    recordings, _, pairs = corpus.columns(None)
    place = recordings.column_names.index("path")
    lost = recordings.set_column(place, "path", [["lost.flac"] * len(recordings)])
    silent = toy_aubert.AubertExamples(pairs, lost, corpus.root, corpus.shelf, model, TRAIN)
    piece = Piece(0, 0, int(examples.num_samples[0]))
    with pytest.raises(ValueError, match=r"audio_missing: lost.flac"):
        silent.batch([piece], np.random.default_rng(0))


def write_pairs(results: Path, rows: list[dict], num_shards: int) -> None:
    for shard in range(num_shards):
        own = [row for row in rows if int(row["speaker"]) % num_shards == shard]
        tables.write(results / "pairs" / f"{shard}.parquet", "pairs", own)


def test_pairs_are_read_in_one_order_and_whole_groups_where_there_are_more(toy, tmp_path):
    _, corpus = toy
    rows = [
        {**row, "speaker": str(speaker), "utterance_id": f"{speaker}_{row['utterance_id']}"}
        for speaker in range(6) for row in corpus.pairs
    ]  # fmt: skip
    found = []
    for num_shards in (1, 4):
        write_pairs(tmp_path / str(num_shards), rows, num_shards)
        whole, some = (
            read_pairs(tmp_path / str(num_shards), "train", most).to_pylist()
            for most in (len(rows), len(rows) // 3)
        )
        found.append((whole, some))
    assert found[0] == found[1]
    in_order = sorted(
        (row for row in rows if row["split"] == "train"),
        key=lambda row: (row["utterance_id"], row["char_start"], row["char_end"]),
    )
    assert whole == in_order
    groups = {(row["speaker"], row["ngram"]) for row in some}
    assert some == [row for row in whole if (row["speaker"], row["ngram"]) in groups]
    assert 0.1 < len(some) / len(rows) < 0.5
    assert ngrams_of(tmp_path / "4", "train") == {row["ngram"] for row in whole}


def test_a_window_is_that_of_the_whole_books_tokens(toy):
    root, _ = toy
    windows = TextWindows(toy_model(root).tokenizer, 24)
    random = np.random.default_rng(0)
    text = "".join(random.choice(["ab", "cad", "Bé", "d", ".", "? ", " ", "\n", "“"], 2_000))
    whole = windows.tokens(text)
    for start in random.integers(0, len(text) - 1, 300).tolist():
        span = (start, start + int(random.integers(1, 9)))
        context = (max(0, start - int(random.integers(60))), span[1] + int(random.integers(60)))
        try:
            expected = windows.window(whole, span, context)
        except ValueError:
            with pytest.raises(ValueError, match="no token for characters"):
                windows.around(text, span, context)
        else:
            assert windows.around(text, span, context) == expected
