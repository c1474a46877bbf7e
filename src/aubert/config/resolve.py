"""From config files to the values of a run: presets, files laid over each other, defaults."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

from aubert.config.tree import Config
from aubert.ctc.section import OWN_TRAINING
from aubert.hubert.options import HubertOptions
from aubert.hubert.section import PAPER_ITERATIONS, CompareOptions
from aubert.options import types_of, validated

HOUSE = Path(__file__).parents[3]
BASE = HOUSE / "config.yaml"
PRESETS = HOUSE / "workflow" / "presets"

# Keys of the dataclasses that a run does not have, and what decides in their place.
SET_BY = {
    "units.kmeans.device": "units.device",
    "units.encoder.device": "units.device",
    "clar.model.loss": "clar.arms",
    "aubert.model.scorer": "aubert.scorers",
    "separation.separate.num_speakers": "the number of each mixture",
}


def resolve(given: Mapping[str, Any]) -> dict[str, Any]:
    """Every value of a run, as plain dicts; what it gives is resolved to itself.

    given: the config as Snakemake merges it from config.yaml, --configfile and --config. Below it
    lie the miniature preset, where `corpus.source` is mini, and the dataclasses' defaults.
    Raises ValueError with a line for each fault: key, value, allowed range, remedy.
    """
    values = with_preset(given)
    for path, instead in SET_BY.items():
        *above, key = path.split(".")
        if key in section(values, above):
            raise ValueError(f"config: {path} is no key of a run: {instead} decides; leave it out")
    try:
        resolved = asdict(validated(_spread(values), Config, "config: "))
    except ValueError as error:
        raise ValueError("\n".join(_without_copies(str(error).splitlines()))) from None
    for path in SET_BY:
        *above, key = path.split(".")
        del section(resolved, above)[key]
    return resolved


def with_preset(given: Mapping[str, Any]) -> dict[str, Any]:
    """The given values, over those of the miniature preset where the corpus is mini, in its
    language."""
    corpus = section(given, ["corpus"])
    if corpus.get("source") != "mini":
        return laid_over({}, given)
    values = read_yaml(PRESETS / "mini.yaml")
    own = PRESETS / f"mini-{str(corpus.get('language')).partition('-')[0].lower()}.yaml"
    return laid_over(laid_over(values, read_yaml(own)) if own.is_file() else values, given)


def resolve_files(paths: Iterable[Path], overrides: Mapping[str, Any] | None = None) -> dict:
    """`resolve` of config.yaml with files laid over it, in turn, as --configfile does."""
    values = read_yaml(BASE)
    for path in paths:
        values = laid_over(values, read_yaml(path))
    return resolve(laid_over(values, overrides or {}))


def read_yaml(path: Path) -> dict[str, Any]:
    """Raises ValueError that names a file that is no YAML mapping."""
    import yaml

    try:
        values = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"config: {path} cannot be read as YAML: {error}") from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ValueError(f"config: {path} holds no mapping of keys to values")
    return values


def laid_over(base: Mapping[str, Any], top: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with the values of `top`; sections are merged, all else is replaced."""
    merged = copy.deepcopy(dict(base))
    for key, value in top.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = laid_over(merged[key], value) if both else copy.deepcopy(value)
    return merged


def _spread(values: dict[str, Any]) -> dict[str, Any]:
    """Gives values that hold for several sections to those that leave them out."""
    if "seed" in values:
        _seed(values, Config, values["seed"])
    hubert = values.setdefault("hubert", {})
    if isinstance(hubert, dict):
        if hubert.get("size") == "large":
            _defaults(hubert, "model", asdict(HubertOptions.large()))
        iterations = hubert.setdefault("iterations", copy.deepcopy(PAPER_ITERATIONS))
        for iteration in iterations if isinstance(iterations, list) else []:
            if isinstance(iteration, dict):
                _defaults(iteration, "train", section(hubert, ["train"]))
    ctc = values.setdefault("ctc", {})
    if isinstance(ctc, dict):
        for init, own in OWN_TRAINING.items():
            _defaults(ctc, init, {**section(ctc, ["train"]), **own})
    layer = section(hubert, ["compare"]).get("layer", CompareOptions().layer)
    _defaults(values, "probe", {"layer": layer})
    return values


def section(values: Any, path: Iterable[str]) -> dict[str, Any]:
    """A section of a section, or an empty one."""
    for key in path:
        values = values.get(key) if isinstance(values, Mapping) else None
    return values if isinstance(values, dict) else {}


def _defaults(values: dict[str, Any], key: str, defaults: Mapping[str, Any]) -> None:
    """Lays values[key] over `defaults`, where it is a section or absent."""
    if isinstance(values.get(key, {}), dict):
        values[key] = laid_over(defaults, values.get(key, {}))


def _seed(values: dict[str, Any], kind: type, seed: Any) -> None:
    """The run's seed for each section that has a seed."""
    for name, annotation in types_of(kind).items():
        if name == "seed":
            values.setdefault("seed", seed)
        elif is_dataclass(annotation) and isinstance(values.setdefault(name, {}), dict):
            _seed(values[name], annotation, seed)


def _without_copies(lines: Iterable[str]) -> list[str]:
    """Of lines about a value that was given to several sections, the one of the shortest key."""
    kept: dict[tuple[str, str], str] = {}
    for line in sorted(lines, key=lambda line: (line.count("."), ".train." not in line, line)):
        key, _, rest = line.removeprefix("config: ").partition(" ")
        kept.setdefault((f"{key.split('.')[0]} {key.split('.')[-1]}", rest), line)
    return sorted(kept.values())
