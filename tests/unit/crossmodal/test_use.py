"""A saved model used from files says what it says of the same pairs in the tables."""

import dataclasses

import numpy as np
import pytest
import soundfile
from tiny_aubert import RATE_HZ, ToyCorpus, save_encoders

from aubert.audio import decode
from aubert.cli import main
from aubert.crossmodal.evaluation import features, trained_embeddings
from aubert.crossmodal.examples import AubertExamples, recording_references
from aubert.crossmodal.network import AubertModel
from aubert.crossmodal.options import AubertOptions, AubertTrainOptions
from aubert.crossmodal.pairs import HELD_OUT_BOOK
from aubert.crossmodal.task import aubert_model
from aubert.crossmodal.use import embed_audio, embed_texts, score
from aubert.learn.utterances import VirtualUtterances

OPTIONS = AubertOptions(projection_dim=16, scorer_hidden=8, max_tokens=24, reference_seconds=0.2)


@pytest.fixture(scope="module", params=["cosine", "mlp"])
def used(request, tmp_path_factory):
    """(model directory, rows of pairs, what the tables give, texts, files, the reference)"""
    root = tmp_path_factory.mktemp("use")
    encoders = save_encoders(root)
    corpus = ToyCorpus(root / "corpus", num_sentences=3)
    options = dataclasses.replace(OPTIONS, scorer=request.param)
    model = aubert_model(*encoders, options, seed=0).eval()
    model.save(root / "model")
    recordings, utterances, table = corpus.columns(HELD_OUT_BOOK)
    table, pairs = table.slice(0, 4), table.slice(0, 4).to_pylist()
    references = recording_references(recordings, [utterances], corpus.root, model)
    examples = AubertExamples(
        table, recordings, corpus.root, corpus.shelf, model, AubertTrainOptions(), references
    )
    texts, files = [], []
    for index, row in enumerate(pairs):
        book = corpus.shelf.text(row["book_id"])
        places = ("context_start", "char_start", "char_end", "context_end")
        a, b, c, d = (row[place] for place in places)
        texts.append(f"{book[a:b]}[{book[b:c]}]{book[c:d]}")
        (piece,) = row["slices"]
        path = corpus.root / corpus.recordings[row["recording_id"]]["path"]
        samples = decode(path, [(piece["start_sample"], piece["end_sample"])])
        files.append(root / f"{index}.wav")
        soundfile.write(files[-1], samples, RATE_HZ, subtype="FLOAT")
    soundfile.write(root / "reference.wav", references["b"].read(), RATE_HZ, subtype="FLOAT")
    found = features(model, trained_embeddings(model), examples)
    return root / "model", found, texts, files, root / "reference.wav"


def test_files_give_what_the_tables_give(used):
    directory, found, texts, files, reference = used
    model = AubertModel.load(directory)
    np.testing.assert_allclose(embed_texts(model, texts), found.text, atol=1e-4)
    np.testing.assert_allclose(embed_audio(model, files, reference), found.audio, atol=1e-4)
    small = embed_audio(model, files[::-1], reference, batch_seconds=0.1)  # a file a batch
    np.testing.assert_allclose(small[::-1], found.audio, atol=1e-4)
    with pytest.raises(ValueError, match="name a file that holds some with --reference"):
        embed_audio(model, files)
    with pytest.raises(ValueError, match="has 2 spans in brackets"):
        embed_texts(model, ["[ab] ba [cad]"])
    for text in ("ab [ba", "ab ba]", "ab [] ba", "[[ab] ba"):
        with pytest.raises(ValueError, match="bracket that encloses no span"):
            embed_texts(model, [text])


def test_the_commands(used, tmp_path, capsys):
    directory, found, texts, files, reference = used
    common = ["--model", str(directory), "--reference", str(reference)]
    assert main(["score", texts[0], *map(str, files), *common]) == 0
    printed = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [path for _, path in printed] == list(map(str, files))
    expected = np.concatenate(score(AubertModel.load(directory), texts[:1], files, reference))
    assert [float(value) for value, _ in printed] == pytest.approx(expected, abs=1e-3)
    out = tmp_path / "vectors"
    assert main(["embed", *map(str, files), "--text", texts[1], "-o", str(out), *common]) == 0
    np.testing.assert_allclose(np.load(out / "text.npy"), found.text[1:2], atol=1e-4)
    np.testing.assert_allclose(np.load(out / "audio.npy"), found.audio, atol=1e-4)
    assert (out / "audio.txt").read_text().split("\n")[:-1] == list(map(str, files))
    assert main(["embed", "-o", str(out), *common]) == 1
    assert "there is nothing to embed" in capsys.readouterr().err


@pytest.mark.parametrize("around", [0.0, 0.1])
def test_a_span_in_a_longer_file_is_that_of_the_tables(tmp_path, capsys, around):
    encoders = save_encoders(tmp_path)
    corpus = ToyCorpus(tmp_path / "corpus", num_sentences=3)
    options = dataclasses.replace(OPTIONS, reference_seconds=0.0, audio_context_seconds=around)
    model = aubert_model(*encoders, options, seed=0).eval()
    recordings, _, table = corpus.columns(HELD_OUT_BOOK)
    table = table.slice(0, 4)
    columns = (table, recordings, corpus.root, corpus.shelf, model, AubertTrainOptions())
    expected = features(model, trained_embeddings(model), AubertExamples(*columns)).audio
    slices = [row["slices"][0].values() for row in table.to_pylist()]
    spans = [(start / RATE_HZ, end / RATE_HZ) for start, end in slices]
    files = [corpus.root / "b.flac"] * len(spans)
    np.testing.assert_allclose(embed_audio(model, files, spans=spans), expected, atol=1e-4)

    model.save(tmp_path / "model")
    words = ["score", "ab", str(files[0]), "--model", str(tmp_path / "model")]
    assert main([*words, "--span", *map(str, spans[0])]) == 0
    assert main(words) == (1 if around else 0)
    assert not around or "attends to 0.1 s of audio on each side" in capsys.readouterr().err
    assert main([*words, "--span", "0", "1", "--span", "1", "2"]) == 1
    assert "1 files have 2 spans" in capsys.readouterr().err
    assert main([*words, "--span", "2", "1"]) == 1
    assert "the span from 2 to 1 s is none" in capsys.readouterr().err
    assert main([*words, "--span", "900", "901"]) == 1
    assert "s goes on behind the end" in capsys.readouterr().err
    assert main([*words, "--span", "0.5", "0.51"]) == 1
    assert "s holds no frame" in capsys.readouterr().err
    assert main([*words, "--span", "0", "inf"]) == 1
    assert "the span from 0 to inf s is none" in capsys.readouterr().err

    # A file may be named for each of its spans, and no row is lost.
    out = tmp_path / "vectors"
    chosen = [word for span in spans[:2] for word in ("--span", *map(str, span))]
    embed = ["embed", "--model", str(tmp_path / "model"), "-o", str(out), *chosen]
    assert main([*embed, *map(str, files[:2])]) == 0
    np.testing.assert_allclose(np.load(out / "audio.npy"), expected[:2], atol=1e-4)
    lines = [line.split("\t") for line in (out / "audio.txt").read_text().splitlines()]
    assert [line[0] for line in lines] == list(map(str, files[:2]))
    assert [tuple(map(float, line[1:])) for line in lines] == pytest.approx(spans[:2], abs=1e-3)
    capsys.readouterr()
    assert main([*embed, "--text", "ab"]) == 1
    assert "0 files have 2 spans" in capsys.readouterr().err


@pytest.fixture
def bad_files(tmp_path) -> dict[str, str]:
    """Files that hold no word, and the reasons."""
    (tmp_path / "none.wav").touch()
    (tmp_path / "broken.flac").write_bytes(b"fLaC no more")
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), 16_000)
    soundfile.write(tmp_path / "short.wav", np.zeros(100), 16_000)
    soundfile.write(tmp_path / "nan.wav", np.full(8_000, np.nan), 16_000, subtype="FLOAT")
    reasons = "audio_empty audio_unreadable audio_empty audio_too_short features_not_finite"
    names = "none.wav broken.flac empty.wav short.wav nan.wav"
    return dict(zip((str(tmp_path / n) for n in names.split()), reasons.split(), strict=True))


def test_bad_files_are_named_and_the_others_done(used, bad_files, tmp_path, capsys):
    directory, found, texts, files, reference = used
    mixed = [*list(bad_files)[:2], str(files[0]), *list(bad_files)[2:], str(files[1])]
    common = ["--model", str(directory), "--reference", str(reference)]
    assert main(["score", texts[0], *mixed, *common]) == 1
    printed = capsys.readouterr()
    assert [line.split("\t")[1] for line in printed.out.splitlines()] == list(map(str, files[:2]))
    assert "nan\t" not in printed.out
    out = tmp_path / "vectors"
    assert main(["embed", *mixed, "-o", str(out), *common]) == 1
    np.testing.assert_allclose(np.load(out / "audio.npy"), found.audio[:2], atol=1e-4)
    assert (out / "audio.txt").read_text().split("\n")[:-1] == list(map(str, files[:2]))
    embed_printed = capsys.readouterr().err
    for name, reason in bad_files.items():
        assert f"{name}: {reason}" in printed.err and f"{name}: {reason}" in embed_printed


def test_a_bad_reference_is_named(used, bad_files, capsys):
    directory, _, texts, files, _ = used
    for name in bad_files:
        words = ["score", texts[0], str(files[0]), "--model", str(directory), "--reference", name]
        assert main(words) == 1
        printed = capsys.readouterr()
        assert f"the reference {name}" in printed.err and not printed.out


def test_files_that_once_scored_nan(used, faults, capsys):
    directory, _, texts, _, reference = used
    folder = faults / "B13-embed-nan-empty"
    files = [str(folder / name) for name in ("0_george_0.flac", "empty.wav", "nan.wav")]
    words = ["score", texts[0], *files, "--model", str(directory), "--reference", str(reference)]
    assert main(words) == 1
    printed = capsys.readouterr()
    assert [line.split("\t")[1] for line in printed.out.splitlines()] == files[:1]
    assert "empty.wav: audio_empty" in printed.err and "nan.wav: features_not_finite" in printed.err


def test_each_shard_s_references_cost_its_own_recordings(tmp_path, monkeypatch):
    """A thousand shards went over all recordings a thousand times."""
    corpus = ToyCorpus(tmp_path / "corpus", num_sentences=3)
    model = aubert_model(*save_encoders(tmp_path), OPTIONS, seed=0)
    recordings, utterances, _ = corpus.columns(HELD_OUT_BOOK)
    of = np.array(utterances["recording_id"].to_pylist())
    shards = [utterances.filter(of == name) for name in np.unique(of)]
    whole = recording_references(recordings, [utterances], corpus.root, model)
    looked_at = []

    class Counted(VirtualUtterances):
        def __init__(self, own, *others):
            looked_at.append(len(own))
            super().__init__(own, *others)

    monkeypatch.setattr("aubert.crossmodal.examples.VirtualUtterances", Counted)
    assert recording_references(recordings, shards, corpus.root, model) == whole
    assert len(shards) > 1 and looked_at == [1] * len(shards)
