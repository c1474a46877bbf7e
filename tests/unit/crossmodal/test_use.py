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
    pairs = corpus.split(HELD_OUT_BOOK)[:4]
    references = recording_references(corpus.recordings, corpus.utterances, corpus.root, model)
    examples = AubertExamples(
        pairs, corpus.recordings, corpus.root, corpus.shelf, model, AubertTrainOptions(), references
    )
    texts, files = [], []
    for index, row in enumerate(pairs):
        book = corpus.shelf.text(row["book_id"])
        places = ("context_start", "char_start", "char_end", "context_end")
        a, b, c, d = (row[place] for place in places)
        texts.append(f"{book[a:b]}[{book[b:c]}]{book[c:d]}")
        (piece,) = row["slices"]
        path = corpus.root / corpus.recordings[row["recording_id"]]["path"]
        said = decode(path, [(piece["start_sample"], piece["end_sample"])])
        files.append(root / f"{index}.wav")
        soundfile.write(files[-1], said, RATE_HZ, subtype="FLOAT")
    soundfile.write(root / "reference.wav", references["b"], RATE_HZ, subtype="FLOAT")
    found = features(model, trained_embeddings(model), examples)
    return root / "model", found, texts, files, root / "reference.wav"


def test_files_give_what_the_tables_give(used):
    directory, found, texts, files, reference = used
    model = AubertModel.load(directory)
    np.testing.assert_allclose(embed_texts(model, texts), found.text, atol=1e-4)
    np.testing.assert_allclose(embed_audio(model, files, reference), found.audio, atol=1e-4)
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
    expected = score(AubertModel.load(directory), texts[:1], files, reference)[0]
    assert [float(value) for value, _ in printed] == pytest.approx(expected.tolist(), abs=1e-3)
    out = tmp_path / "vectors"
    assert main(["embed", *map(str, files), "--text", texts[1], "-o", str(out), *common]) == 0
    np.testing.assert_allclose(np.load(out / "text.npy"), found.text[1:2], atol=1e-4)
    np.testing.assert_allclose(np.load(out / "audio.npy"), found.audio, atol=1e-4)
    assert main(["embed", "-o", str(out), *common]) == 1
    assert "there is nothing to embed" in capsys.readouterr().err
