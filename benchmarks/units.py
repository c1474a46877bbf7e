"""MFCC, k-means and labelling beside what fairseq's scripts use, in one run.

MFCC: file by file from FLAC, against torchaudio.compliance.kaldi with two compute_deltas
(dump_mfcc_feature); reading alone is the floor. k-means: against scikit-learn's
MiniBatchKMeans with fairseq's settings (learn_kmeans) on the same frames, until the same
inertia, with the peak of anonymous memory; with one start where fairseq's 20 take more than
LIMIT_S. Labelling: against that model's predict, and against distances by numpy, an utterance
at a time (dump_km_label); the product of frames and centroids alone is the floor.

Frames are synthetic: MFCC of real recordings, repeated with noise (39-d), and a mixture in
a subspace (768-d). One thread each: set OMP_NUM_THREADS for more.

    python benchmarks/units.py [mfcc] [39] [768]
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import multiprocessing
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from real_recordings import real_recordings

UTTERANCE_FRAMES = 700
SIZES = {"39": (1_000_000, 39, 100), "768": (200_000, 768, 500)}
REPEATS = 3
FAIRSEQ_INITS = 20
LIMIT_S = 900  # of one fit


def main() -> None:
    wanted = sys.argv[1:] or ["mfcc", *SIZES]
    if "mfcc" in wanted:
        compare_mfcc()
    for name, (num_frames, dim, num_clusters) in SIZES.items():
        if name in wanted:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "frames.npy"
                np.save(path, make_frames(num_frames, dim))
                compare_kmeans(path, num_clusters)


def recordings() -> list[Path]:
    return sorted(
        path
        for folder in ("audiobooks", "librispeech_speakers")
        for path in real_recordings(folder).rglob("*.flac")
    )


# --- MFCC


def compare_mfcc() -> None:
    import torch
    import torchaudio

    from aubert.audio import decode
    from aubert.units.mfcc import mfcc

    def kaldi(samples):
        static = torchaudio.compliance.kaldi.mfcc(torch.from_numpy(samples)[None], use_energy=False)
        first = torchaudio.functional.compute_deltas(static.T)
        second = torchaudio.functional.compute_deltas(first)
        return torch.cat([static.T, first, second]).T.contiguous().numpy()

    paths = recordings()
    sounds = [decode(path) for path in paths]
    seconds = sum(map(len, sounds)) / 16_000
    apart = max(np.abs(mfcc(samples) - kaldi(samples)).max() for samples in sounds)
    alone = fastest({name: each(f, sounds) for name, f in (("kaldi", kaldi), ("aubert", mfcc))})
    read = fastest(
        {
            "reading alone": each(decode, paths),
            "kaldi": each(lambda path: kaldi(decode(path)), paths),
            "aubert": each(lambda path: mfcc(decode(path)), paths),
        }
    )
    print(f"MFCC, {len(paths)} files, {seconds:.0f} s; largest difference {apart:.1e}")
    for title, times in (("from memory", alone), ("with reading", read)):
        for name, took in times.items():
            print(f"  {title:<13} {name:<14} {seconds / took:>8.0f} x real time")
        print(f"  {title:<13} ratio {times['kaldi'] / times['aubert']:.2f}")


def each(f: Callable, items: list) -> Callable[[], None]:
    def over_all():
        for item in items:
            f(item)

    return over_all


def fastest(arms: dict[str, Callable[[], None]]) -> dict[str, float]:
    """The best of REPEATS, the arms taking turns: other load hits all of them."""
    times: dict[str, list[float]] = {name: [] for name in arms}
    for _ in range(REPEATS):
        for name, run in arms.items():
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    return {name: min(taken) for name, taken in times.items()}


# --- k-means


def make_frames(num_frames: int, dim: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    if dim == 39:
        from aubert.audio import decode
        from aubert.units.mfcc import mfcc

        real = np.concatenate([mfcc(decode(path)) for path in recordings()])
        chosen = real[rng.integers(len(real), size=num_frames)]
        return chosen + (0.2 * real.std(axis=0) * rng.standard_normal(chosen.shape)).astype("f4")
    centres = rng.standard_normal((2_000, 64)).astype("f4")
    latent = centres[rng.integers(2_000, size=num_frames)]
    latent += 0.5 * rng.standard_normal(latent.shape, dtype="f4")
    frames = latent @ rng.standard_normal((64, dim)).astype("f4") / 8
    frames += 0.2 * rng.standard_normal(frames.shape, dtype="f4")
    return frames


def compare_kmeans(path: Path, num_clusters: int) -> None:
    num_frames, dim = np.load(path, mmap_mode="r").shape
    print(f"k-means, {num_frames} x {dim}, {num_clusters} clusters")
    peer = apart(fit_sklearn, path, num_clusters, FAIRSEQ_INITS)
    if peer is None:
        print(f"  scikit-learn with {FAIRSEQ_INITS} starts: not done after {LIMIT_S} s", flush=True)
        peer = apart(fit_sklearn, path, num_clusters, 1)
    if peer is None:
        print(f"  scikit-learn with 1 start: not done after {LIMIT_S} s")
        return
    report("scikit-learn", *peer)
    for passes in (0, 1, 2, 5):
        own = apart(fit_aubert, path, num_clusters, passes)
        report(f"aubert, {passes} passes", *own)
        if own[1] <= peer[1]:
            print(
                f"  to equal inertia: ratio {peer[0] / own[0]:.2f}, memory {peer[2] / own[2]:.2f}"
            )
            break
    else:
        print("  aubert does not reach scikit-learn's inertia")
    compare_labelling(path, own[3])


def report(name: str, took: float, inertia: float, memory_mb: float, _) -> None:
    print(
        f"  {name:<18} {took:>7.2f} s, inertia {inertia:.4f}, peak {memory_mb:.0f} MB", flush=True
    )


def fit_sklearn(path: Path, num_clusters: int, num_starts: int) -> np.ndarray:
    from sklearn.cluster import MiniBatchKMeans

    from aubert.units.kmeans import FAIRSEQ_SETTINGS

    model = MiniBatchKMeans(
        num_clusters, random_state=0, **{**FAIRSEQ_SETTINGS, "n_init": num_starts}
    )
    model.fit(np.concatenate([np.load(path, mmap_mode="r")]))  # as fairseq joins its shards
    return model.cluster_centers_


def fit_aubert(path: Path, num_clusters: int, passes: int) -> np.ndarray:
    from aubert.units.kmeans import KMeansOptions, learn_kmeans

    def source():
        frames = np.load(path, mmap_mode="r")
        for start in range(0, len(frames), UTTERANCE_FRAMES):
            yield str(start), frames[start : start + UTTERANCE_FRAMES]

    options = KMeansOptions(passes=passes, device="cpu")
    return learn_kmeans(source, num_clusters, options).centroids


def apart(fit: Callable, *arguments) -> tuple[float, float, float, np.ndarray] | None:
    """Seconds, inertia over all frames, peak of anonymous memory in MB and centroids of a fit
    in a process of its own; None when it takes more than LIMIT_S."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_measured, args=(theirs, fit, arguments))
    process.start()
    measured = ours.recv() if ours.poll(LIMIT_S) else None
    process.kill()
    process.join()
    return measured


def _measured(pipe, fit: Callable, arguments) -> None:
    import sklearn.cluster  # noqa: F401  importing is not fitting
    import torch

    from aubert.units import kmeans  # noqa: F401
    from aubert.units.nearest import Nearest

    before, peak, done = anonymous_mb(), [0.0], threading.Event()

    def watch():
        while not done.wait(0.02):
            peak[0] = max(peak[0], anonymous_mb())

    watcher = threading.Thread(target=watch)
    watcher.start()
    start = time.perf_counter()
    centroids = fit(*arguments)
    took = time.perf_counter() - start
    done.set()
    watcher.join()
    nearest = Nearest(torch.from_numpy(np.ascontiguousarray(centroids, np.float32)))
    frames = torch.from_numpy(np.array(np.load(arguments[0], mmap_mode="r")))
    inertia = float(torch.cat([nearest.distances(part) for part in frames.split(10_000)]).mean())
    pipe.send((took, inertia, peak[0] - before, centroids))


def anonymous_mb() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("/proc/self/status has no RssAnon: this needs Linux")


def compare_labelling(path: Path, centroids: np.ndarray) -> None:
    from sklearn.cluster import MiniBatchKMeans

    from aubert.units.codebook import Codebook
    from aubert.units.shards import FeatureKind

    frames = np.load(path)[:100_000]
    utterances = np.array_split(frames, len(frames) // UTTERANCE_FRAMES)
    book = Codebook(centroids, FeatureKind())
    model = MiniBatchKMeans(len(centroids), n_init=1, max_iter=1).fit(frames[: 3 * len(centroids)])
    model.cluster_centers_ = np.ascontiguousarray(centroids, np.float32)
    transposed, norms = centroids.T, (centroids.T**2).sum(axis=0, keepdims=True)

    def by_numpy(x):
        return ((x**2).sum(axis=1, keepdims=True) - 2 * (x @ transposed) + norms).argmin(axis=1)

    arms = {
        "predict": model.predict, "numpy": by_numpy, "aubert": book.label,
        "product": lambda x: x @ transposed,
    }  # fmt: skip
    times = fastest({name: each(f, utterances) for name, f in arms.items()})
    for name, took in times.items():
        print(f"  labelling, {name:<8} {len(frames) / took / 1e6:>6.2f} M frames/s")
    for peer in ("predict", "numpy"):
        print(f"  labelling against {peer}: ratio {times[peer] / times['aubert']:.2f}")
    most = times["predict"] / times["product"]
    print(f"  against predict with nothing but the matrix product: ratio {most:.2f}")


if __name__ == "__main__":
    main()
