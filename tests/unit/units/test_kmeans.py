"""k-means: what it finds, that it is the same however the frames come, what it refuses."""

import numpy as np
import pytest
import torch

from aubert.units import sample
from aubert.units.codebook import MFCC_PARTS, Codebook, learn_codebook
from aubert.units.kmeans import KMeansOptions, learn_kmeans
from aubert.units.nearest import Nearest, Sums
from aubert.units.sample import survey
from aubert.units.shards import FeatureKind
from aubert.units.workers import Processes

KIND = FeatureKind("mfcc", 100.0)
OPTIONS = KMeansOptions(sample_frames=2_000, device="cpu")


def utterances(num=40, dim=7, seed=0, spread=0.5):
    """Frames around 8 centres, in utterances of different lengths."""
    rng = np.random.default_rng(seed)
    centres = 5 * np.random.default_rng(99).standard_normal((8, dim))
    for index in range(num):
        labels = rng.integers(8, size=int(rng.integers(0, 300)))
        frames = centres[labels] + spread * rng.standard_normal((len(labels), dim))
        yield f"utterance{index}", frames.astype(np.float32)


def source_of(items):
    items = list(items)
    return lambda: iter(items)


def inertia(centroids, items):
    frames = np.concatenate([frames for _, frames in items])
    apart = ((frames[:, None].astype(np.float64) - centroids[None]) ** 2).sum(axis=2)
    return apart.min(axis=1).mean()


@pytest.mark.parametrize("method", ["lloyd", "minibatch", "sklearn"])
def test_is_as_good_as_sklearn(method):
    from sklearn.cluster import KMeans  # not at the top: child processes import this file

    items = list(utterances(spread=2.0))
    found = learn_kmeans(source_of(items), 20, KMeansOptions(method=method, device="cpu"))
    frames = np.concatenate([frames for _, frames in items])
    reference = KMeans(20, n_init=3, random_state=0).fit(frames).inertia_ / len(frames)
    assert found.centroids.dtype == np.float32
    assert found.num_frames == len(frames)
    assert inertia(found.centroids, items) < 1.05 * reference
    assert found.inertia == pytest.approx(inertia(found.centroids, items), rel=0.02)


def test_finds_separate_clusters():
    items = list(utterances(spread=0.1))
    assert learn_kmeans(source_of(items), 8, OPTIONS).inertia == pytest.approx(7 * 0.01, rel=0.05)


def test_same_bits_in_any_order_and_grouping():
    items = list(utterances(spread=3.0))
    expected = learn_kmeans(source_of(items), 30, OPTIONS)
    assert expected.num_frames > 2 * OPTIONS.sample_frames  # the sample is not all there is
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(items))
        again = learn_kmeans(source_of([items[i] for i in order]), 30, OPTIONS)
        assert again.centroids.tobytes() == expected.centroids.tobytes()
        assert again.inertia == expected.inertia


def test_same_bits_on_another_batch_size(monkeypatch):
    from aubert.units import kmeans, nearest

    items = list(utterances(spread=3.0))
    expected = learn_kmeans(source_of(items), 30, OPTIONS)
    monkeypatch.setattr(kmeans, "_BATCH_FRAMES", 77)
    monkeypatch.setitem(nearest._ROWS, "cpu", 13)
    again = learn_kmeans(source_of(items), 30, OPTIONS)
    assert again.centroids.tobytes() == expected.centroids.tobytes()


def _one_of_two(rank, items, path):
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{path}.store", rank=rank, world_size=2
    )
    own = source_of(items[:5] if rank == 0 else items[5:])
    found = learn_kmeans(own, 30, OPTIONS, Processes())
    np.save(f"{path}.{rank}.npy", found.centroids)
    torch.distributed.destroy_process_group()


def test_same_bits_in_two_processes(tmp_path):
    items = list(utterances(spread=3.0))
    expected = learn_kmeans(source_of(items), 30, OPTIONS)
    torch.multiprocessing.spawn(_one_of_two, (items, str(tmp_path / "km")), nprocs=2)
    for rank in range(2):
        assert np.load(tmp_path / f"km.{rank}.npy").tobytes() == expected.centroids.tobytes()


def test_sample_is_uniform_over_frames_and_bounded():
    items = [
        ("long", np.zeros((30_000, 1), np.float32)),
        ("short", np.ones((10_000, 1), np.float32)),
    ]
    known = survey(source_of(items), 4_000, seed=0)
    assert known.frames.shape == (4_000, 1)
    assert known.frames.mean() == pytest.approx(0.25, abs=0.03)
    assert known.frames[:400].mean() == pytest.approx(0.25, abs=0.08)  # its order is random
    assert (known.num_frames, known.peak.tolist(), known.sum_of_squares) == (40_000, [1.0], 10_000)
    assert survey(source_of(items), 4_000, seed=1).frames.tobytes() != known.frames.tobytes()


@pytest.mark.parametrize("size", [1, 30, 1_000, 100_000])
def test_sample_holds_the_frames_with_the_smallest_keys_in_their_order(size):
    items = list(utterances(dim=40))
    keys = np.concatenate([sample._keys(name, len(frames), 3) for name, frames in items])
    expected = np.concatenate([frames for _, frames in items])[np.argsort(keys)][:size]
    np.testing.assert_array_equal(survey(source_of(items), size, seed=3).frames, expected)


def test_labels_of_long_and_of_mapped_features_are_the_nearest(tmp_path):
    rng = np.random.default_rng(0)
    np.save(tmp_path / "x.npy", rng.standard_normal((2_500, 7)).astype(np.float32))
    frames = np.load(tmp_path / "x.npy", mmap_mode="r")
    book = Codebook(rng.standard_normal((20, 5)).astype(np.float32), KIND, columns=(1, 6))
    apart = ((frames[:, None, 1:6].astype(np.float64) - book.centroids) ** 2).sum(axis=2)
    np.testing.assert_array_equal(book.label(frames), apart.argmin(axis=1))


def test_near_ties_are_settled_exactly():
    """Centroids closer than float32 can tell in a product of matrices."""
    rng = np.random.default_rng(0)
    centroids = torch.from_numpy((1000 + 1e-2 * rng.standard_normal((50, 39))).astype(np.float32))
    frames = torch.from_numpy((1000 + 1e-2 * rng.standard_normal((3_000, 39))).astype(np.float32))
    exact = torch.cdist(
        frames.double(), centroids.double(), compute_mode="donot_use_mm_for_euclid_dist"
    )
    assert (Nearest(centroids)(frames) == exact.argmin(dim=1)).all()
    twins = torch.cat([centroids, centroids])
    assert (Nearest(twins)(frames) == exact.argmin(dim=1)).all()  # of equals the first


def test_sums_are_exact_at_any_scale():
    rng = np.random.default_rng(0)
    frames = (rng.standard_normal((5_000, 3)) * [1e-6, 1, 1e6]).astype(np.float32)
    labels = torch.from_numpy(rng.integers(0, 4, 5_000))
    sums = Sums(4, np.abs(frames).max(axis=0).astype(np.float64), "cpu")
    sums.add(torch.from_numpy(frames), labels)
    total, counts = sums.result()
    for label in range(4):
        own = frames[labels.numpy() == label].astype(np.float64)
        assert counts[label] == len(own)
        error = np.abs(total[label].numpy() - own.sum(axis=0)) / np.abs(frames).max(axis=0)
        assert error.max() < 3e-8 * len(own)


def test_empty_clusters_are_repaired():
    """Few distinct frames and unlucky starts: every cluster ends with frames of its own."""
    rng = np.random.default_rng(0)
    points = rng.standard_normal((12, 2)).astype(np.float32)
    items = [("u", points[rng.integers(0, 12, 3_000)])]
    for seed in range(5):
        found = learn_kmeans(
            source_of(items), 12, KMeansOptions(seed=seed, restarts=1, device="cpu")
        )
        labels = Nearest(torch.from_numpy(found.centroids))(torch.from_numpy(points))
        assert len(set(labels.tolist())) == 12


def test_more_clusters_than_frames_are_refused():
    items = [("u", np.random.default_rng(0).standard_normal((9, 3)).astype(np.float32))]
    with pytest.raises(ValueError, match="10 clusters cannot be learned from 9 frames"):
        learn_kmeans(source_of(items), 10, OPTIONS)
    with pytest.raises(ValueError, match="no frames"):
        learn_kmeans(source_of([("u", items[0][1][:0])]), 1, OPTIONS)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_frames_that_are_not_finite_are_refused(value):
    items = list(utterances(5))
    items[3][1][7, 2] = value
    with pytest.raises(ValueError, match=r"utterance3: .* of 1 of \d+ frames \(the first is 7\)"):
        learn_kmeans(source_of(items), 4, OPTIONS)


def test_codebook_comes_back_and_is_what_fairseq_reads(tmp_path):
    import joblib

    items = list(utterances(10))
    book = learn_codebook(source_of(items), 8, KIND, OPTIONS)
    book.save(tmp_path / "km")
    again = Codebook.load(tmp_path / "km")
    assert again.centroids.tobytes() == book.centroids.tobytes()
    assert (again.hash, again.kind, again.inertia) == (book.hash, KIND, book.inertia)

    book.export_joblib(tmp_path / "km.bin")
    model = joblib.load(tmp_path / "km.bin")
    frames = items[0][1] if len(items[0][1]) else items[1][1]
    np.testing.assert_array_equal(model.predict(frames), book.label(frames))


def test_codebooks_that_are_not_whole_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"km\.npy is missing: .* `aubert units import`"):
        Codebook.load(tmp_path / "km")
    np.save(tmp_path / "km.npy", np.ones((2, 3), np.float32))
    for content in ('{"num_clusters": 2, "dim": 3}', "[]", "{"):
        (tmp_path / "km.json").write_text(content)
        with pytest.raises(ValueError, match=r"km\.json is no codebook's json"):
            Codebook.load(tmp_path / "km")
    Codebook(np.zeros((2, 3), np.float32), KIND).save(tmp_path / "km")
    np.save(tmp_path / "km.npy", np.ones((2, 3), np.float32))
    with pytest.raises(ValueError, match="different codebooks"):
        Codebook.load(tmp_path / "km")


def test_labels_of_other_or_broken_features_are_refused():
    book = Codebook(np.zeros((2, 3), np.float32), KIND)
    with pytest.raises(ValueError, match="have 4 columns, the codebook 3"):
        book.label(np.zeros((5, 4)))
    with pytest.raises(ValueError, match="not finite"):
        book.label(np.full((5, 3), np.nan))
    assert book.label(np.zeros((0, 3))).shape == (0,)


def test_product_codebooks_look_at_their_columns():
    items = list(utterances(10, dim=39))
    books = [
        learn_codebook(source_of(items), 8, KIND, OPTIONS, columns=part) for part in MFCC_PARTS
    ]
    assert [book.centroids.shape for book in books] == [(8, 13)] * 3
    assert len({book.hash for book in books}) == 3
    frames = np.concatenate([frames for _, frames in items])
    other = frames.copy()
    other[:, 26:] = 0
    for book, unchanged in zip(books, [True, True, False], strict=True):
        assert (book.label(frames) == book.label(other)).all() == unchanged


def test_a_message_says_that_no_gpu_is_there(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="torch sees no GPU"):
        learn_kmeans(source_of(utterances(5)), 4, KMeansOptions(device="cuda"))
