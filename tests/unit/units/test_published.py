"""Published k-means become codebooks, and ours are published."""

import bz2
import json
import pickle

import joblib
import numpy as np
import pytest
import soundfile
from sklearn.cluster import KMeans, MiniBatchKMeans
from tiny_checkpoints import save_encoder

from aubert.cli import main
from aubert.units.codebook import Codebook
from aubert.units.encoder_features import Encoder, EncoderOptions
from aubert.units.labels import Labels
from aubert.units.published import read_centroids
from aubert.units.shards import FeatureKind, write_tsv

FRAMES = np.random.default_rng(0).standard_normal((500, 16)).astype(np.float32)


def fitted(kind=MiniBatchKMeans, frames=FRAMES, **settings):
    return kind(8, random_state=0, n_init=1, **settings).fit(frames)


def dump_pickle(model, path, protocol):
    path.write_bytes(pickle.dumps(model, protocol=protocol))


WRITTEN = {
    "joblib": joblib.dump,
    "compressed": lambda model, path: joblib.dump(model, path, compress=3),
    "joblib, protocol 2": lambda model, path: joblib.dump(model, path, protocol=2),
    "pickle": lambda model, path: dump_pickle(model, path, 5),
    "pickle, protocol 2": lambda model, path: dump_pickle(model, path, 2),
    "npy": lambda model, path: np.save(path.open("wb"), model.cluster_centers_),
}


@pytest.mark.parametrize("kind", [MiniBatchKMeans, KMeans])
@pytest.mark.parametrize("how", WRITTEN)
def test_centroids_are_read_however_they_were_written(tmp_path, how, kind):
    model = fitted(kind)
    WRITTEN[how](model, tmp_path / "km.bin")
    found = read_centroids(tmp_path / "km.bin")
    assert found.dtype == np.float32 and found.flags.c_contiguous
    np.testing.assert_array_equal(found, model.cluster_centers_)


@pytest.mark.parametrize("dtype", ["f8", ">f4", "f2"])
def test_centroids_of_other_dtypes(tmp_path, dtype):
    model = fitted()
    model.cluster_centers_ = model.cluster_centers_.astype(dtype)
    joblib.dump(model, tmp_path / "km.bin")
    expected = model.cluster_centers_.astype(np.float32)
    np.testing.assert_array_equal(read_centroids(tmp_path / "km.bin"), expected)


def test_a_generator_of_random_numbers_may_be_inside(tmp_path):
    model = fitted()
    model.random_state_ = np.random.RandomState(3)
    model.random_state = np.random.default_rng(3)
    joblib.dump(model, tmp_path / "km.bin")
    assert read_centroids(tmp_path / "km.bin").shape == (8, 16)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (FRAMES, "holds a ndarray, not a k-means model"),
        ({"cluster_centers_": FRAMES}, "holds a dict"),
        (MiniBatchKMeans(8), "holds no centroids"),
        ("text", "holds a str"),
    ],
)
def test_what_is_no_k_means_is_named(tmp_path, content, message):
    joblib.dump(content, tmp_path / "km.bin")
    with pytest.raises(ValueError, match=message):
        read_centroids(tmp_path / "km.bin")


def test_broken_files_are_named(tmp_path):
    joblib.dump(fitted(), tmp_path / "km.bin")
    whole = (tmp_path / "km.bin").read_bytes()
    for broken in (whole[:100], whole[:-100], b"", b"PK\x03\x04 no pickle", bz2.compress(b"x")):
        (tmp_path / "km.bin").write_bytes(broken)
        with pytest.raises(ValueError, match=r"km\.bin is no k-means model that can be read"):
            read_centroids(tmp_path / "km.bin")
    model = fitted()
    model.cluster_centers_[3, 2] = np.nan
    joblib.dump(model, tmp_path / "km.bin")
    with pytest.raises(ValueError, match="centroids are not finite"):
        read_centroids(tmp_path / "km.bin")


@pytest.fixture
def encoder(tmp_path):
    save_encoder("hubert", tmp_path / "m")
    return tmp_path / "m"


def test_a_published_k_means_labels_like_the_model_that_it_is(tmp_path, encoder, capsys):
    samples = 0.1 * np.random.default_rng(1).standard_normal(16_000)
    soundfile.write(tmp_path / "a.wav", samples, 16_000)
    write_tsv(tmp_path / "train.tsv", tmp_path, [("a.wav", 16_000)])
    feats = tmp_path / "feats"
    words = ["kmeans", "dump-features", tmp_path, "train", encoder, 2, 1, 0, feats, "--device=cpu"]
    assert main([str(word) for word in words]) == 0
    frames = np.load(feats / "train_0_1.npy")
    model = fitted(frames=frames)
    joblib.dump(model, tmp_path / "hubert_L2_km8.bin")

    words = ["units", "import", tmp_path / "hubert_L2_km8.bin", tmp_path / "book"]
    words += ["--feature=hidden", "--layer=2", f"--model={encoder}", "--device=cpu"]
    assert main([str(word) for word in words]) == 0
    assert f"import: 8 clusters of layer 2 of {encoder}" in capsys.readouterr().out
    words = ["kmeans", "dump-label", feats, "train", tmp_path / "book", 1, 0, tmp_path / "lab"]
    assert main([str(word) for word in words]) == 0
    units = [int(unit) for unit in (tmp_path / "lab/train_0_1.km").read_text().split()]
    assert units == model.predict(frames).tolist()

    book = Codebook.load(tmp_path / "book")
    expected = Encoder.load(str(encoder), EncoderOptions(layer=2, device="cpu")).kind
    assert book.kind == expected and json.loads((tmp_path / "book.json").read_text())["dim"] == 16


def test_mfcc_centroids(tmp_path):
    np.save(tmp_path / "c.npy", np.zeros((5, 39)))
    words = ["units", "import", str(tmp_path / "c.npy"), str(tmp_path / "book")]
    assert main([*words, "--feature=mfcc"]) == 0
    assert Codebook.load(tmp_path / "book").kind == FeatureKind("mfcc", 100.0)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--feature=hidden"], "give --model and --layer"),
        (["--feature=mfcc"], "has centroids of 16 columns, mfcc has 39"),
    ],
)
def test_import_says_what_is_missing(tmp_path, capsys, flags, message):
    joblib.dump(fitted(), tmp_path / "km.bin")
    words = ["units", "import", str(tmp_path / "km.bin"), str(tmp_path / "book"), *flags]
    assert main(words) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "book.npy").exists()


def test_another_width_than_the_model_s(tmp_path, encoder, capsys):
    np.save(tmp_path / "c.npy", np.zeros((5, 39)))
    words = ["units", "import", str(tmp_path / "c.npy"), str(tmp_path / "book")]
    assert main([*words, "--feature=hidden", "--layer=1", f"--model={encoder}"]) == 1
    assert "has centroids of 39 columns, layer 1 of" in capsys.readouterr().err


def test_ours_is_read_by_joblib_and_comes_back(tmp_path):
    book = Codebook(FRAMES[:8], FeatureKind("mfcc", 100.0))
    book.save(tmp_path / "book")
    words = ["units", "export", str(tmp_path / "book"), str(tmp_path / "km.bin")]
    assert main(words) == 0
    model = joblib.load(tmp_path / "km.bin")
    assert model.predict(FRAMES).tolist() == book.label(FRAMES).tolist()
    np.testing.assert_array_equal(read_centroids(tmp_path / "km.bin"), book.centroids)
    Codebook(FRAMES[:8, :13], FeatureKind("mfcc", 100.0), (0, 13)).save(tmp_path / "part")
    words = ["units", "export", str(tmp_path / "part"), str(tmp_path / "other.bin")]
    assert main(words) == 1 and not (tmp_path / "other.bin").exists()


def test_labels_of_a_tsv_and_its_km_files(tmp_path, capsys):
    soundfile.write(tmp_path / "b.wav", np.zeros(8_000), 8_000)  # one second, of no count
    (tmp_path / "train.tsv").write_text(f"{tmp_path}\na/a.flac\t32000\nb.wav\n")
    (tmp_path / "0.km").write_text(" ".join(["3"] * 99) + "\n")
    (tmp_path / "1.km").write_text(" ".join(["5"] * 49) + "\n")
    words = ["units", "import-km", tmp_path / "out", tmp_path / "0.km", tmp_path / "1.km"]
    words += [f"--tsv={tmp_path / 'train.tsv'}", "--rate-hz=50"]
    assert main([str(word) for word in words]) == 0
    labels = Labels.below("mine", tmp_path / "out")
    assert (labels.num_units, labels.rate_hz, len(labels)) == (6, 50.0, 2)
    assert labels.labels("a/a.flac").tolist() == [3] * 99
    assert labels.labels("b.wav").tolist() == [5] * 49
    assert main([str(word) for word in words[:-1]] + ["--rate-hz=100"]) == 1
    assert "99 labels for a/a.flac, which has 2.00 s" in capsys.readouterr().err


def test_a_published_k_means_that_was_once_refused(faults, tmp_path):
    found = read_centroids(faults / "B06-published-codebook/km.bin")
    assert found.shape == (20, 64) and len(np.unique(found, axis=0)) == 20
