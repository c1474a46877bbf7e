"""What a run's config resolves to, and where each value comes from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from aubert.config.resolve import BASE, PRESETS, laid_over, read_yaml, resolve, section

Layers = list[tuple[str, Mapping[str, Any]]]


def layers_of(paths: Iterable[Path], overrides: Mapping[str, Any]) -> Layers:
    """(source, values) of each layer, the one that is laid over the others last."""
    layers = [("config.yaml", read_yaml(BASE))]
    layers += [(str(path), read_yaml(path)) for path in paths]
    layers += [("--config", overrides)] if overrides else []
    given: dict[str, Any] = {}
    for _, values in layers:
        given = laid_over(given, values)
    if section(given, ["corpus"]).get("source") == "mini":
        layers.insert(0, ("workflow/presets/mini.yaml", read_yaml(PRESETS / "mini.yaml")))
    return layers


def show(layers: Layers) -> str:
    """The resolved config as YAML, a comment behind each value: its source.

    A value that no layer gives is a default, or what another key implies: an iteration's training
    takes what hubert.train gives, a section's seed the run's. Raises ValueError as `resolve` does.
    """
    given: dict[str, Any] = {}
    for _, values in layers:
        given = laid_over(given, values)
    lines = []
    for path, key, value in _leaves(resolve(given)):
        text = "  " * (len(path) - 1) + f"{key}:"
        if value is _SECTION:
            lines.append(text)
        else:
            lines.append(
                f"{text} {_yaml(value):<{max(1, 46 - len(text))}} # {_source(layers, path)}"
            )
    return "\n".join(lines)


_SECTION = object()


def _leaves(values: Mapping[str, Any], above: tuple = ()) -> Iterator[tuple[tuple, str, Any]]:
    for key, value in values.items():
        path = (*above, key)
        if isinstance(value, Mapping) and value:
            yield path, key, _SECTION
            yield from _leaves(value, path)
        else:
            yield path, key, value


def _yaml(value: Any) -> str:
    import yaml

    text = yaml.safe_dump(value, default_flow_style=True, width=10**6, sort_keys=False)
    return text.removesuffix("\n").removesuffix("...").strip()


def _source(layers: Layers, path: tuple) -> str:
    for source, values in reversed(layers):
        for key in path[:-1]:
            values = values.get(key) if isinstance(values, Mapping) else None
        if isinstance(values, Mapping) and path[-1] in values:
            return source
    return "default"
