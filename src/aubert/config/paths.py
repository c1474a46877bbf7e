"""Paths of the config that must be there before a run starts: no rule makes them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from aubert.hubert.plan import takes_own_ctc


class GivenPath(NamedTuple):
    """A file or folder that the config names.

    keys: of the sections, and places in lists, that lead to it
    kind: folder or file
    remedy: what the user does where it is not there
    """

    keys: tuple[str | int, ...]
    path: str
    kind: str
    remedy: str

    @property
    def key(self) -> str:
        """The config's key: corpus.labelled.train."""
        return ".".join(key for key in self.keys if isinstance(key, str))


def given_paths(config: Mapping[str, Any], systems: Collection[str]) -> Iterator[GivenPath]:
    """The paths that a run reads, but for the corpus's recordings and books.

    config: resolved. systems: names of the methods that run.
    """
    if config["corpus"]["source"] != "mini":  # whose rule makes its reference and labelled speech
        yield from _of_corpus(config, systems)
    yield from _of_stages(config, systems)
    yield from _of_systems(config, systems)


def _of_corpus(config: Mapping[str, Any], systems: Collection[str]) -> Iterator[GivenPath]:
    corpus = config["corpus"]
    if corpus["reference"]:
        remedy = "correct it, or let it be null where there is no reference"
        yield GivenPath(("corpus", "reference"), corpus["reference"], "folder", remedy)
    own_ctc = any(takes_own_ctc(config[stage]) for stage in ("transcribe", "words"))
    if corpus["labelled"] and ("ctc" in systems or own_ctc):
        remedy = (
            "correct it; LibriSpeech's is fetched by: aubert download librispeech-finetuning; "
            "corpus.labelled: null where there is no labelled speech"
        )
        for number, folder in enumerate(corpus["labelled"]["train"]):
            keys = ("corpus", "labelled", "train", number)
            yield GivenPath(keys, folder, "folder", remedy)
        for name, folder in corpus["labelled"]["dev"].items():
            if folder:
                keys = ("corpus", "labelled", "dev", name)
                yield GivenPath(keys, folder, "folder", remedy)


def _of_stages(config: Mapping[str, Any], systems: Collection[str]) -> Iterator[GivenPath]:
    if config["container"] and "://" not in config["container"]:
        remedy = "make it from the Dockerfile: docs/containers.md"
        yield GivenPath(("container",), config["container"], "file", remedy)
    backend = config["transcribe"]["backend"]
    # The error rates of ctc are measured with the decoder of transcribe.ctc.
    for name in sorted({backend, "ctc"} if "ctc" in systems else {backend}):
        lm_path = config["transcribe"][name]["lm_path"]
        if lm_path:
            remedy = "LibriSpeech's 3-gram model is fetched by: aubert download lm-3gram"
            yield GivenPath(("transcribe", name, "lm_path"), lm_path, "file", remedy)
    if config["words"]["backend"] == "ctc" and config["words"]["ctc"]["calibration"]:
        keys = ("words", "ctc", "calibration")
        remedy = "correct it, or let it be null: it is then measured on this corpus"
        yield GivenPath(keys, config["words"]["ctc"]["calibration"], "file", remedy)
    for stage in ("transcribe", "words"):
        if config[stage]["backend"] == "pocketsphinx":
            for key, kind in (("model", "folder"), ("dictionary", "file")):
                if path := config[stage]["pocketsphinx"][key]:
                    remedy = "correct it, or let it be null: English's is carried"
                    yield GivenPath((stage, "pocketsphinx", key), path, kind, remedy)
        if config[stage]["backend"] == "ctc":
            yield from _model((stage, "ctc", "model"), config[stage]["ctc"]["model"])


def _of_systems(config: Mapping[str, Any], systems: Collection[str]) -> Iterator[GivenPath]:
    folders: dict[tuple[str, ...], Mapping[str, str]] = {}
    if "hubert" in systems:
        folders["corpus", "classes"] = config["corpus"]["classes"]
        for number, iteration in enumerate(config["hubert"]["iterations"]):
            if isinstance(iteration["features"], Mapping) and "encoder" in iteration["features"]:
                keys = ("hubert", "iterations", number, "features", "encoder")
                yield from _model(keys, iteration["features"]["encoder"])
    if "ctc" in systems and config["ctc"]["vocabulary"] not in ("letters", "transcripts"):
        remedy = "let it be letters or transcripts, or correct the path"
        yield GivenPath(("ctc", "vocabulary"), config["ctc"]["vocabulary"], "file", remedy)
    if "separation" in systems:
        folders["separation", "folders"] = config["separation"]["folders"]
    for keys, named in folders.items():
        for name, folder in named.items():
            yield GivenPath((*keys, name), folder, "folder", "correct it, or leave its name out")
    if "aubert" in systems:
        for key in ("audio_encoder", "text_encoder"):
            yield from _model(("aubert", key), config["aubert"][key])
    clar = config["clar"]
    if "clar" in systems and clar["path"] and clar["clips"]["source"] in ("folder", "table"):
        kind = {"folder": "folder", "table": "file"}[clar["clips"]["source"]]
        yield GivenPath(("clar", "path"), clar["path"], kind, "give the clips' path")


def _model(keys: tuple[str | int, ...], name: str) -> Iterator[GivenPath]:
    """A model's directory. `owner/name` may be one, or an id at Hugging Face: it is not asked."""
    if name.startswith((".", "/", "~")) or name.count("/") > 1:
        yield GivenPath(keys, name, "folder", "give a model's directory or its Hugging Face id")
