"""The four commands, called as fairseq's scripts are, and files that those scripts read."""

import joblib
import numpy as np
import pytest
import soundfile
import torch
import transformers
from sklearn.cluster import MiniBatchKMeans

from aubert.cli import main
from aubert.units.mfcc import mfcc

LENGTHS = (16_000, 300, 24_000, 9_000, 20_000)


@pytest.fixture
def corpus(tmp_path):
    rng = np.random.default_rng(0)
    lines = [str(tmp_path / "audio")]
    (tmp_path / "audio").mkdir()
    for index, num_samples in enumerate(LENGTHS):
        tone = np.sin(np.arange(num_samples) * 0.02 * (1 + index))
        samples = 0.1 * tone + 0.05 * rng.standard_normal(num_samples)
        soundfile.write(tmp_path / "audio" / f"{index}.flac", samples, 16_000)
        lines.append(f"{index}.flac\t{num_samples}")
    (tmp_path / "train.tsv").write_text("\n".join(lines) + "\n")
    return tmp_path


def call(*words):
    return main(["--debug", "kmeans", *map(str, words)])


def dump_and_learn(corpus, nshard):
    feats, km = corpus / f"feat{nshard}", corpus / f"km{nshard}"
    for rank in range(nshard):
        assert call("dump-mfcc", corpus, "train", nshard, rank, feats) == 0
    assert call("learn", feats, "train", nshard, km, 8, "--device", "cpu") == 0
    for rank in range(nshard):
        call("dump-label", feats, "train", km, nshard, rank, corpus / f"lab{nshard}")
    return feats, km, corpus / f"lab{nshard}"


def test_from_tsv_to_labels(corpus, capsys):
    feats, km, labels = dump_and_learn(corpus, 2)
    assert (feats / "train_0_2.len").read_text() == "98\n0\n"
    assert (feats / "train_1_2.len").read_text() == "148\n54\n123\n"
    samples, _ = soundfile.read(corpus / "audio" / "0.flac", dtype="float32")
    np.testing.assert_array_equal(np.load(feats / "train_0_2.npy"), mfcc(samples))

    model = joblib.load(km)  # as fairseq's dump_km_label does
    distances = ((mfcc(samples)[:, None] - model.cluster_centers_[None]) ** 2).sum(axis=2)
    first, second = (labels / "train_0_2.km").read_text().splitlines()
    assert [int(unit) for unit in first.split()] == distances.argmin(axis=1).tolist()
    assert second == ""
    assert len((labels / "train_1_2.km").read_text().splitlines()) == 3
    assert (labels / "dict.km.txt").read_text() == "".join(f"{unit} 1\n" for unit in range(8))

    capsys.readouterr()
    assert call("dump-mfcc", corpus, "train", 2, 0, feats) == 0
    assert "is there already" in capsys.readouterr().out


def test_any_number_of_shards_gives_the_same(corpus):
    _, km, labels = dump_and_learn(corpus, 1)
    _, other_km, other_labels = dump_and_learn(corpus, 3)
    assert np.load(f"{km}.npy").tobytes() == np.load(f"{other_km}.npy").tobytes()
    whole = (labels / "train_0_1.km").read_text()
    assert whole == "".join((other_labels / f"train_{r}_3.km").read_text() for r in range(3))


def learn_kmeans_of_fairseq(feats, nshard, num_clusters, seed, percent=-1.0, **settings):
    """What its learn_kmeans.py does: the global generator draws utterances, then starts."""
    np.random.seed(seed)
    drawn = []
    for rank in range(nshard):
        frames = np.load(feats / f"train_{rank}_{nshard}.npy")
        lengths = [int(n) for n in (feats / f"train_{rank}_{nshard}.len").read_text().split()]
        parts = np.split(frames, np.cumsum(lengths)[:-1])
        if percent >= 0:
            wanted = int(np.ceil(len(parts) * percent))
            parts = [parts[i] for i in np.random.choice(len(parts), wanted, replace=False)]
        drawn += parts
    defaults = {
        "init": "k-means++", "max_iter": 100, "batch_size": 10_000, "tol": 0.0,
        "max_no_improvement": 100, "n_init": 20, "reassignment_ratio": 0.0,
    }  # fmt: skip
    model = MiniBatchKMeans(num_clusters, compute_labels=False, **{**defaults, **settings})
    frames = np.concatenate(drawn)
    return model.fit(frames).cluster_centers_, -model.score(frames) / len(frames)


@pytest.mark.parametrize(
    ("flags", "settings"),
    [
        (["--method=sklearn"], {}),
        (["--percent=0.5", "--method=sklearn"], {"percent": 0.5}),
        (["--n_init=2", "--init", "random"], {"n_init": 2, "init": "random"}),
        (
            ["--batch_size=64", "--max_iter=3", "--max_no_improvement=5", "--tol=0.1",
             "--reassignment_ratio=0.01", "--percent", "0.7"],
            {"batch_size": 64, "max_iter": 3, "max_no_improvement": 5, "tol": 0.1,
             "reassignment_ratio": 0.01, "percent": 0.7},
        ),
    ],
)  # fmt: skip
def test_learn_kmeans_py_is_called_as_it_is(corpus, capsys, flags, settings):
    """Its options and its draws give its centroids, with its joblib file beside them."""
    feats, *_ = dump_and_learn(corpus, 2)
    capsys.readouterr()
    call("learn", feats, "train", 2, corpus / "km", 8, "--seed=3", *flags)
    expected, inertia = learn_kmeans_of_fairseq(feats, 2, 8, 3, **settings)
    np.testing.assert_array_equal(np.load(corpus / "km.npy"), expected)
    np.testing.assert_array_equal(joblib.load(corpus / "km").cluster_centers_, expected)
    assert f"inertia {inertia:.5f}" in capsys.readouterr().out


def test_percent_is_a_share_of_each_shard(corpus, capsys):
    feats, *_ = dump_and_learn(corpus, 2)
    capsys.readouterr()
    call("learn", feats, "train", 2, corpus / "km", 4, "--device=cpu", "--percent=0.5", "--seed=1")
    num_frames = int(capsys.readouterr().out.split(" frames")[0].split()[-1])
    random = np.random.RandomState(1)
    drawn = [random.choice(2, 1, replace=False), random.choice(3, 2, replace=False)]
    assert num_frames == sum(np.array([98, 0])[drawn[0]]) + sum(np.array([148, 54, 123])[drawn[1]])
    with pytest.raises(ValueError, match=r"percent is 30; it is a share"):
        call("learn", feats, "train", 2, corpus / "km", 4, "--percent=30")


def test_features_of_an_encoder(corpus, tmp_path):
    torch.manual_seed(0)
    config = transformers.HubertConfig(
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        conv_dim=(8,) * 7,
        num_conv_pos_embeddings=9,
        num_conv_pos_embedding_groups=2,
    )
    transformers.HubertModel(config).save_pretrained(tmp_path / "encoder")
    transformers.Wav2Vec2FeatureExtractor().save_pretrained(tmp_path / "encoder")
    feats, device = corpus / "hidden", ("--device", "cpu")
    call("dump-features", corpus, "train", tmp_path / "encoder", 1, 1, 0, feats, *device)
    lengths = [max(0, (n - 400) // 320 + 1) for n in LENGTHS]
    assert (feats / "train_0_1.len").read_text() == "".join(f"{n}\n" for n in lengths)
    assert np.load(feats / "train_0_1.npy").shape == (sum(lengths), 16)
    with pytest.raises(ValueError, match="holds other features"):
        call("dump-features", corpus, "train", tmp_path / "encoder", 2, 1, 0, feats, *device)

    mfccs, km, _ = dump_and_learn(corpus, 1)
    with pytest.raises(ValueError, match="use the features of the codebook"):
        call("dump-label", feats, "train", km, 1, 0, corpus / "no")
    call("dump-mfcc", corpus, "train", 1, 0, corpus / "normalised", "--normalise-mean")
    with pytest.raises(ValueError, match="use the features of the codebook"):
        call("dump-label", corpus / "normalised", "train", km, 1, 0, corpus / "no")
    assert mfccs.exists()


def test_faults_are_named(corpus, capsys):
    assert main(["kmeans", "dump-mfcc", str(corpus), "train", "2", "2", str(corpus / "f")]) == 1
    assert "rank is 2" in capsys.readouterr().err
    assert main(["kmeans", "learn", str(corpus), "train", "1", str(corpus / "km"), "8"]) == 1
    assert "dump shard 0 first" in capsys.readouterr().err
    (corpus / "audio" / "3.flac").write_bytes(b"fLaC no more")
    assert main(["kmeans", "dump-mfcc", str(corpus), "train", "1", "0", str(corpus / "f")]) == 1
    assert "3.flac" in capsys.readouterr().err
    assert not (corpus / "f").exists() or not list((corpus / "f").iterdir())


@pytest.mark.parametrize("verb", ["dump-mfcc", "dump-features", "learn", "dump-label"])
def test_every_verb_has_help(verb, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["kmeans", verb, "--help"])
    assert caught.value.code == 0
    assert f"aubert kmeans {verb}" in capsys.readouterr().out


def test_audio_that_is_not_as_long_as_the_manifest_counts_is_named(corpus, capsys):
    tsv = corpus / "train.tsv"
    tsv.write_text(tsv.read_text().replace("\t16000", "\t20000"), encoding="utf-8-sig")
    words = ["kmeans", "dump-mfcc", corpus, "train", 1, 0, corpus / "feat"]
    assert main([*map(str, words)]) == 1
    assert "0.flac, which has 16000" in capsys.readouterr().err
