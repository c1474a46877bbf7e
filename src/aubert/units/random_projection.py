"""Random-projection targets: units that nothing is learned for.

BEST-RQ (Chiu et al. 2022, section 3.1): log-mel frames with zero mean and unit variance, some of
them stacked, go through a random matrix A; the unit is the vector of a random codebook C that is
nearest to the result, both l2-normalised: argmin_i || norm(c_i) - norm(A x) ||. NEST (Huang et al.
2024) takes the same quantiser.

Mean and variance are of each band of the utterance, as in SpeechBrain's recipe of BEST-RQ and
NeMo's of NEST. So a unit depends on its utterance alone: nothing has to be known of the corpus, for
any number of shards and for new audio, and the gain and channel of a recording fall away, as with
MFCC whose mean is subtracted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from functools import cache

import numpy as np

from aubert.audio import SAMPLE_RATE_HZ
from aubert.encoders import WINDOW_SAMPLES
from aubert.encoders.mel import MEL_HOP_SAMPLES, MEL_RATE_HZ, NUM_MELS, log_mel, window_and_filters
from aubert.options import NaturalInt, PositiveInt, options_class
from aubert.stage import Reject
from aubert.units.codebook import Codebook
from aubert.units.labels import MOST_CLUSTERS
from aubert.units.shards import FeatureKind

NAME = "random_projection"
_VARIANCE_FLOOR = 1e-3  # of a band in nats squared; keeps a silent utterance at zero
_BLOCK_FRAMES = 1024  # of spectra at a time, so that memory does not grow with the audio


@options_class
class RandomProjectionOptions:
    """Random-projection targets (BEST-RQ), features of an iteration for which nothing is learned.

    code_dim: dimensions of the projection and of the codebook
    stacked_frames: log-mel frames of 10 ms around a unit's own that it is made of; as many as the
      encoder makes a frame of in BEST-RQ (4) and NEST (8)
    seed: of the projection and its codebooks
    """

    code_dim: PositiveInt = 16
    stacked_frames: PositiveInt = 4
    seed: NaturalInt = 0


class RandomProjection:
    """Projected log-mel frames as an Extractor: float32 [num_frames, code_dim], of unit length, at
    100 Hz; frame t begins where the t-th of MFCC does."""

    sample_rate_hz = SAMPLE_RATE_HZ

    def __init__(self, options: RandomProjectionOptions):
        self._matrix = projection(options)
        self.kind = FeatureKind(NAME, MEL_RATE_HZ, encoder=_hash(self._matrix))

    def run(
        self, utterances: Iterable[tuple[str, np.ndarray] | Reject]
    ) -> Iterator[tuple[str, np.ndarray] | Reject]:
        """As Extractor.run."""
        import torch

        for item in utterances:
            if isinstance(item, Reject):
                yield item
                continue
            with torch.inference_mode():
                bands = standardised(_log_mel(item[1]))
                yield item[0], projected(bands, self._matrix)


def drawn_codebook(num_clusters: int, options: RandomProjectionOptions) -> Codebook:
    """The random codebook of a projection: vectors from a standard normal, l2-normalised. Raises
    ValueError for a number of vectors that no label set holds."""
    if not 0 < num_clusters <= MOST_CLUSTERS:
        raise ValueError(f"{num_clusters} clusters; label sets hold 1 to {MOST_CLUSTERS}")
    rng = np.random.default_rng([options.seed, num_clusters])
    vectors = rng.standard_normal((num_clusters, options.code_dim))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    kind = RandomProjection(options).kind
    return Codebook(vectors.astype(np.float32), kind, projection=asdict(options))


def projection_of(book: Codebook) -> RandomProjection:
    """What a drawn codebook's features come from. Raises ValueError where that is not known, or
    this machine draws another one."""
    if book.projection is None:
        raise ValueError(
            "the codebook names no random projection; draw one with `aubert units draw`"
        )
    found = RandomProjection(RandomProjectionOptions(**book.projection))
    if found.kind != book.kind:
        raise ValueError(
            f"numpy {np.__version__} draws another random projection than the codebook's from its "
            f"seed; draw the codebook again with `aubert units draw`, and label with it"
        )
    return found


def projection(options: RandomProjectionOptions) -> np.ndarray:
    """The matrix A, float32 [stacked_frames x 80, code_dim]: uniform in +-sqrt(6 / (rows +
    columns)), Xavier's initialisation (Glorot and Bengio 2010, eq. 16)."""
    shape = (options.stacked_frames * NUM_MELS, options.code_dim)
    limit = (6 / sum(shape)) ** 0.5
    rng = np.random.default_rng([options.seed, 0])
    return rng.uniform(-limit, limit, shape).astype(np.float32)


def standardised(bands):
    """Log-mel energies, a tensor [num_frames, bands], with zero mean and unit variance of each
    band."""
    centred = bands - bands.mean(dim=0)
    return centred / (centred.square().mean(dim=0) + _VARIANCE_FLOOR).sqrt()


def projected(bands, matrix: np.ndarray) -> np.ndarray:
    """float32 [num_frames, code_dim] of unit length, of a tensor [num_frames, bands].

    matrix: [stacked x bands, code_dim], the earliest frame's rows first. The stack of frame t is
    centred at it, (stacked - 1) // 2 frames before and stacked // 2 after; ends are repeated. A
    frame whose stack is zero stays zero.
    """
    import torch

    stacked, num_frames = len(matrix) // bands.shape[1], len(bands)
    if not num_frames:
        return np.empty((0, matrix.shape[1]), np.float32)
    before, after = (stacked - 1) // 2, stacked // 2
    edged = torch.cat([bands[:1]] * before + [bands] + [bands[-1:]] * after)
    rows = torch.from_numpy(matrix).split(bands.shape[1])
    # As the product with all stacked frames in one row, which would be as many times as large.
    codes = sum(edged[i : i + num_frames] @ own for i, own in enumerate(rows))
    return torch.nn.functional.normalize(codes, dim=1).numpy()


def _log_mel(samples: np.ndarray):
    """A tensor [num_frames, 80] of mono samples at 16 kHz in [-1, 1]."""
    import torch

    wave = torch.from_numpy(np.ascontiguousarray(samples, np.float32))
    num_frames = max(0, (len(wave) - WINDOW_SAMPLES) // MEL_HOP_SAMPLES + 1)
    bands = torch.empty(num_frames, NUM_MELS)
    for start in range(0, num_frames, _BLOCK_FRAMES):
        end = min(start + _BLOCK_FRAMES, num_frames)
        own = wave[start * MEL_HOP_SAMPLES : (end - 1) * MEL_HOP_SAMPLES + WINDOW_SAMPLES]
        bands[start:end] = log_mel(own, *_constants())
    return bands


@cache
def _constants():
    return window_and_filters()


def _hash(matrix: np.ndarray) -> str:
    head = f"{NAME} {matrix.shape}".encode()
    return hashlib.blake2b(head + matrix.astype("<f4").tobytes(), digest_size=8).hexdigest()
