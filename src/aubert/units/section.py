"""The section `units` of the config: features, k-means and phones."""

from __future__ import annotations

from typing import Literal

from aubert.align.phones import PhonesOptions
from aubert.encoders.network import NetworkOptions
from aubert.options import Device, options_class
from aubert.units.kmeans import KMeansOptions
from aubert.units.random_projection import RandomProjectionOptions


@options_class
class MfccOptions:
    """MFCC, the features of the first iteration.

    normalise_mean: whether each utterance's mean is subtracted, which removes voice and channel;
      fairseq keeps it
    """

    normalise_mean: bool = True


@options_class
class UnitsOptions:
    """Discrete units: features, k-means, and the phones that they are measured against.

    device: of encoders and k-means; auto takes a GPU where there is one
    features: fused computes features for the sample, for each pass and for labelling, and stores
      none; dumped writes them once to units/<feature>/dump, in fairseq's format. `aubert plan`
      shows what each costs
    dump_dtype: type of the numbers of dumped features; float16 takes half the disk
    mfcc: the first iteration's features
    random_projection: of iterations that learn from random_projection
    kmeans: how every codebook is learned, but for those of random projections
    phones: pocketsphinx's phones, where corpus.reference is null; null: units are not measured
    encoder: how hidden states are computed
    """

    device: Device = "auto"
    features: Literal["fused", "dumped"] = "fused"
    dump_dtype: Literal["float32", "float16"] = "float32"
    mfcc: MfccOptions = MfccOptions()
    random_projection: RandomProjectionOptions = RandomProjectionOptions()
    kmeans: KMeansOptions = KMeansOptions()
    phones: PhonesOptions | None = PhonesOptions()
    encoder: NetworkOptions = NetworkOptions()
