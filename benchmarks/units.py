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
from figures import cpu_of_children, figure, keep, table
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
                compare_kmeans(name, path, num_clusters)


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

    began, paths, peer = time.process_time(), recordings(), "torchaudio.compliance.kaldi"
    sounds = [decode(path) for path in paths]
    seconds = sum(map(len, sounds)) / 16_000
    apart = max(np.abs(mfcc(samples) - kaldi(samples)).max() for samples in sounds)
    alone = fastest({name: each(f, sounds) for name, f in ((peer, kaldi), ("aubert", mfcc))})
    read = fastest(
        {
            "reading alone": each(decode, paths),
            peer: each(lambda path: kaldi(decode(path)), paths),
            "aubert": each(lambda path: mfcc(decode(path)), paths),
        }
    )
    rows = [
        [name, *(figure(seconds / times[name], digits=0) if name in times else ""
                 for times in (alone, read))]
        for name in read
    ]  # fmt: skip
    ratios = (figure(times[peer] / times["aubert"], digits=2) for times in (alone, read))
    rows.append(["aubert, times as fast as torchaudio", *ratios])
    rows.append(["largest difference", f"{apart:.1e}", ""])
    columns = [f"{len(paths)} files, {seconds:.0f} s", "from memory, times real time",
               "with reading FLAC, times real time"]  # fmt: skip
    keep("units-mfcc", columns, rows, command="python benchmarks/units.py mfcc",
         seconds=time.process_time() - began)  # fmt: skip
    print(table("units-mfcc"))


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


def compare_kmeans(name: str, path: Path, num_clusters: int) -> None:
    began, rows, peer, own = cpu_of_children(), [], None, None
    num_frames, dim = np.load(path, mmap_mode="r").shape
    for num_starts in (FAIRSEQ_INITS, 1):
        peer = apart(fit_sklearn, path, num_clusters, num_starts)
        rows.append([f"scikit-learn, starts: {num_starts}", *cells(peer)])
        if peer:
            break
    for passes in (0, 1, 2, 5) if peer else ():
        own = apart(fit_aubert, path, num_clusters, passes)
        rows.append([f"aubert, passes over all frames: {passes}", *cells(own, peer)])
        if own[1] <= peer[1]:
            break
    columns = [f"{num_frames:,} x {dim}, K = {num_clusters}", "s", "inertia", "peak",
               "times as fast, to equal inertia", "scikit-learn's peak, times this"]  # fmt: skip
    keep(f"units-kmeans-{name}", columns, rows, command=f"python benchmarks/units.py {name}",
         seconds=cpu_of_children() - began)  # fmt: skip
    print(table(f"units-kmeans-{name}"), flush=True)
    if own:
        compare_labelling(name, path, own[3])


def cells(fit: tuple | None, peer: tuple | None = None) -> list:
    """Of what `apart` returned: seconds, inertia and peak, and the ratios of the peer's seconds and
    peak to these where the inertia is no higher than the peer's."""
    if fit is None:
        return [f"over {LIMIT_S}", "", "", "", ""]
    took, inertia, memory_mb, _ = fit
    own = [figure(took, digits=1), figure(inertia, digits=2),
           figure(memory_mb, unit="MB", digits=0)]  # fmt: skip
    if peer is None or inertia > peer[1]:
        return [*own, "", ""]
    return [*own, figure(peer[0] / took, digits=2), figure(peer[2] / memory_mb, digits=2)]


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


def compare_labelling(name: str, path: Path, centroids: np.ndarray) -> None:
    from sklearn.cluster import MiniBatchKMeans

    from aubert.units.codebook import Codebook
    from aubert.units.shards import FeatureKind

    began, frames = time.process_time(), np.load(path)[:100_000]
    utterances = np.array_split(frames, len(frames) // UTTERANCE_FRAMES)
    book = Codebook(centroids, FeatureKind())
    model = MiniBatchKMeans(len(centroids), n_init=1, max_iter=1).fit(frames[: 3 * len(centroids)])
    model.cluster_centers_ = np.ascontiguousarray(centroids, np.float32)
    transposed, norms = centroids.T, (centroids.T**2).sum(axis=0, keepdims=True)

    def by_numpy(x):
        return ((x**2).sum(axis=1, keepdims=True) - 2 * (x @ transposed) + norms).argmin(axis=1)

    arms = {
        "scikit-learn's predict": model.predict, "distances by numpy": by_numpy,
        "aubert": book.label, "the product of frames and centroids alone": lambda x: x @ transposed,
    }  # fmt: skip
    times = fastest({name: each(f, utterances) for name, f in arms.items()})
    rows = [
        [arm, figure(len(frames) / took / 1e6, digits=2),
         *(figure(times[peer] / took, digits=2) for peer in list(arms)[:2])]
        for arm, took in times.items()
    ]  # fmt: skip
    columns = [f"{len(frames):,} x {frames.shape[1]}, K = {len(centroids)}",
               "million frames a second", "times as fast as predict", "as numpy"]  # fmt: skip
    keep(f"units-labelling-{name}", columns, rows, command=f"python benchmarks/units.py {name}",
         seconds=time.process_time() - began)  # fmt: skip
    print(table(f"units-labelling-{name}"))


if __name__ == "__main__":
    main()
