"""ABX of a corpus's utterances: by MFCC, by the layers of an encoder, by units."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge

from aubert.corpus.clips import drawn
from aubert.corpus.held_out import NOTHING, HeldOut
from aubert.evaluate.abx import (
    MODES,
    Cells,
    Token,
    cells,
    error_rate,
    frames_within,
    monophones,
    triphones,
)
from aubert.evaluate.metrics import Figure, count
from aubert.evaluate.unit_quality import phones_of_shards, phones_of_utterances
from aubert.files import room_for
from aubert.options import PositiveInt, options_class
from aubert.progress import progress
from aubert.stage import Reject
from aubert.units.encoder_features import Encoder
from aubert.units.features import Mfcc, features, shards_of_corpus
from aubert.units.labels import Labels

_CHANCE = 0.5


@options_class
class AbxOptions:
    """Which phones are compared.

    context: within compares phones between the same two neighbours, by frames of all three, as
      ZeroSpeech does; any compares phones alone, whatever stands beside them, for little speech
    max_speakers: most speakers, drawn by hash
    max_per_speaker: most utterances of each, drawn by hash
    max_tokens: most tokens of one phone, context and speaker, drawn by hash; Libri-Light has 10
    """

    context: Literal["within", "any"] = "within"
    max_speakers: PositiveInt = 20
    max_per_speaker: PositiveInt = 30
    max_tokens: Annotated[int, Ge(2)] = 10


@dataclass(frozen=True)
class Stored:
    """Frames of utterances, in a file for each layer.

    layers: their names -> a file of [frames of all utterances, dim]
    spans: utterance -> (first frame, number)
    dtype: float32 of features, an integer of units
    """

    rate_hz: float
    layers: dict[str, Path]
    spans: dict[str, tuple[int, int]]
    dtype: type

    def frames_of(self, token: Token) -> slice:
        """Of a token, in its utterance."""
        num_frames = self.spans[token.utterance_id][1]
        return frames_within(token.start_s, token.end_s, self.rate_hz, num_frames)

    def has(self, token: Token) -> bool:
        if token.utterance_id not in self.spans:
            return False
        own = self.frames_of(token)
        return own.start < own.stop

    def read(self, layer: str) -> np.ndarray:
        """[frames of all utterances, dim], mapped."""
        num_frames = sum(number for _, number in self.spans.values())
        return np.memmap(self.layers[layer], self.dtype, "r").reshape(num_frames, -1)


def abx(
    results: Path,
    corpus_root: Path,
    reference: Path | None,
    options: AbxOptions,
    *,
    encoder: Encoder | None = None,
    labels: Labels | None = None,
    held_out: HeldOut = NOTHING,
) -> dict[str, Figure]:
    """Error rates: `abx.<layer>.within` and `abx.<layer>.across` of mfcc, with `.chance`, of each
    layer of the encoder (layer00, ...) and of units, with `.baseline`, MFCC's, and
    `.over_baseline`, the difference; and how many tokens, phones, speakers and cells there were.

    reference: as `phones_of_utterances` takes it. encoder: that reads one layer or all. labels:
    units, compared as `unlike` does. held_out: what is left
    out. A mode without a cell has no figure. Raises ValueError where neither has one. The frames
    of all layers lie in a temporary folder meanwhile; memory is needed for the tokens of one layer.
    """
    chosen = _chosen(results, reference, options, held_out)
    with TemporaryDirectory(prefix="aubert-abx-") as folder:
        stores = [_of_mfcc(results, corpus_root, chosen, Path(folder))]
        if encoder is not None:
            stores.append(_of_encoder(results, corpus_root, chosen, Path(folder), encoder))
        if labels is not None:
            stores.append(_of_units(results, chosen, Path(folder), labels))
        tokens = _tokens(results, reference, chosen, stores, options)
        if not tokens:
            raise _nothing(tokens)
        layers = [(store, layer) for store in stores for layer in store.layers]
        found, mfcc = _counts(tokens), None
        for store, layer in progress(layers, what="abx", total=len(layers), unit="layer"):
            own = _cells(store, layer, tokens)
            mfcc = mfcc or own  # the first
            found |= _figures(layer, own, mfcc)
    return found


def _chosen(
    results: Path, reference: Path | None, options: AbxOptions, held_out: HeldOut
) -> frozenset[str]:
    """Utterances with phones."""
    if reference is None and not (results / "phones").is_dir():
        raise ValueError(
            f"{results / 'phones'} is not there; give --reference, where phones.parquet lies, "
            f"or run `snakemake hubert`, which times phones of corpora that have texts"
        )
    of_speaker: dict[str, list[str]] = defaultdict(list)
    for shard, utterances in phones_of_shards(results, reference):
        unread = held_out.utterances_of(*shard)
        for name, speaker, _ in utterances:
            if name not in unread:
                of_speaker[speaker].append(name)
    if not of_speaker:
        raise ValueError(
            "no utterance has phones; check that phones and run are of the same recordings, and "
            "that not all is held out"
        )
    speakers = drawn(of_speaker, options.max_speakers)
    return frozenset(
        name for one in speakers for name in drawn(of_speaker[one], options.max_per_speaker)
    )


def _tokens(
    results: Path,
    reference: Path | None,
    chosen: frozenset[str],
    stores: Sequence[Stored],
    options: AbxOptions,
) -> list[Token]:
    """Tokens that all stores have frames of."""
    tokens_of = triphones if options.context == "within" else monophones
    groups: dict[tuple, list[Token]] = defaultdict(list)
    for name, speaker, phones in phones_of_utterances(results, reference):
        if name in chosen:
            for token in tokens_of(name, speaker, phones):
                if all(store.has(token) for store in stores):
                    groups[token.speaker, token.phone, token.context].append(token)
    return [
        token
        for key in sorted(groups)  # the same for any number of shards
        for token in sorted(groups[key], key=_place)[: options.max_tokens]
    ]


def _place(token: Token) -> tuple[bytes, Token]:
    name = f"{token.utterance_id} {token.start_s:.6f}"
    return blake2b(name.encode("utf-8", "surrogateescape"), digest_size=8).digest(), token


def _cells(store: Stored, layer: str, tokens: Sequence[Token]) -> dict[str, Cells]:
    frames = store.read(layer)

    def frames_of(token: Token) -> np.ndarray:
        first, number = store.spans[token.utterance_id]
        return frames[first : first + number][store.frames_of(token)]

    found = cells(tokens, frames_of)
    if not any(map(len, found.values())):
        raise _nothing(tokens)
    return found


def _figures(layer: str, own: dict[str, Cells], mfcc: dict[str, Cells]) -> dict[str, Figure]:
    """mfcc: the same cells by MFCC; `own` itself for MFCC's figures."""
    figures: dict[str, Figure] = {}
    for mode in MODES:
        key, rate, baseline = f"abx.{layer}.{mode}", error_rate(own[mode]), mfcc[mode]
        figures[f"abx.cells_{mode}"] = count(len(baseline), baseline.num_triples)
        if rate is None:
            continue
        figures[key] = rate
        if own is mfcc:
            figures[f"{key}.chance"] = count(_CHANCE, rate.n)
        else:
            lead = replace(own[mode], errors=own[mode].errors - baseline.errors)
            figures[f"{key}.baseline"] = error_rate(baseline)
            figures[f"{key}.over_baseline"] = error_rate(lead)
    return figures


def _counts(tokens: Sequence[Token]) -> dict[str, Figure]:
    return {
        f"abx.{name}s": count(len({getattr(token, name) for token in tokens}), len(tokens))
        for name in ("speaker", "phone")
    } | {"abx.tokens": count(len(tokens), len(tokens))}


def _nothing(tokens: Sequence[Token]) -> ValueError:
    speakers = len({token.speaker for token in tokens})
    return ValueError(
        f"nothing can be compared: among {len(tokens)} tokens by {speakers} speakers, no speaker "
        f"has two phones in one context of which one comes again there; raise --max-per-speaker, "
        f"give more utterances with phones, or --context=any"
    )


# --- frames


def _of_mfcc(results: Path, root: Path, chosen: frozenset[str], folder: Path) -> Stored:
    extractor = Mfcc(normalise_mean=False)
    items = features(extractor, shards_of_corpus(results), root, only=chosen)
    whole = (one if isinstance(one, Reject) else (one[0], one[1][None]) for one in items)
    return _stored(folder, ["mfcc"], extractor.kind.rate_hz, _shown(whole, "mfcc", chosen))


def _of_encoder(
    results: Path, root: Path, chosen: frozenset[str], folder: Path, encoder: Encoder
) -> Stored:
    items = features(encoder, shards_of_corpus(results), root, only=chosen)
    apart = (
        one if isinstance(one, Reject) else (one[0], encoder.by_layer(one[1])) for one in items
    )
    names = [f"layer{layer:02}" for layer in encoder.layers]
    return _stored(folder, names, encoder.rate_hz, _shown(apart, "encoder", chosen))


def _of_units(results: Path, chosen: frozenset[str], folder: Path, labels: Labels) -> Stored:
    def items() -> Iterator[tuple[str, np.ndarray]]:
        for shard in shards_of_corpus(results):
            own = labels.shard(shard.utterances.stem)
            for name in sorted(chosen) if own is not None else ():
                if name in own:
                    yield name, own.of(name)[None, :, None]

    return _stored(folder, ["units"], labels.rate_hz, items(), np.int32)


def _shown(items: Iterable, what: str, chosen: frozenset[str]) -> Iterable:
    return progress(items, what=f"abx, {what}", total=len(chosen), unit="utterance")


def _stored(
    folder: Path,
    names: Sequence[str],
    rate_hz: float,
    items: Iterable[tuple | Reject],
    dtype: type = np.float32,
) -> Stored:
    """items: (utterance, frames [layers, num_frames, dim]), or a reject, which is left out."""
    layers, spans, first = {name: folder / name for name in names}, {}, 0
    with room_for(folder), ExitStack() as opened:
        files = [opened.enter_context(path.open("wb")) for path in layers.values()]
        for item in items:
            if isinstance(item, Reject):
                print(f"left out {item.id!r}: {item.reason}: {item.detail}", file=sys.stderr)
                continue
            name, frames = item
            for file, own in zip(files, frames, strict=True):
                file.write(np.ascontiguousarray(own, dtype))
            spans[name] = first, frames.shape[1]
            first += frames.shape[1]
    return Stored(rate_hz, layers, spans, dtype)
