"""The JSON schema of config files, and docs/options.md: both from the option dataclasses."""

from __future__ import annotations

import dataclasses
import inspect
import json
from typing import Any

from aubert.config.resolve import SET_BY
from aubert.config.tree import Config
from aubert.options import (
    allowed,
    default_of,
    descriptions,
    json_schema,
    types_of,
    unpacked,
    without_null,
    written,
)

SCHEMA = "workflow/schemas/config.schema.json"
DOCUMENT = "docs/options.md"

_HEAD = """\
# Options

Every key of a config file: type and range, default, and meaning. This page is generated from the
option dataclasses beside the stages: `aubert config options > docs/options.md`.

Lay your own file over `config.yaml` with `--configfile my.yaml`; single keys with
`--config "cut={max_seconds: 20}"`. `aubert config show --configfile my.yaml` prints the values of a
run and where each comes from. A wrong key or value stops the run, a dry run too, with one line that
names the key, the value and the range.

The defaults are for real data: values of the papers, or of the field. The miniature run's values
are in `workflow/presets/mini.yaml`, which is applied where `corpus.source` is `mini`.

"""


def schema_text() -> str:
    """The JSON schema of a config file: every key optional, as files are laid over each other."""
    schema = json_schema(Config)
    schema.pop("required", None)
    for definition in schema["$defs"].values():
        if "source" in definition.get("properties", {}) and "root" in definition["properties"]:
            definition.pop("required", None)
    _trim(schema)
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    return json.dumps(schema, indent=1) + "\n"


def _trim(schema: Any) -> None:
    """Takes out titles, which repeat names, and defaults of sections, which repeat their keys'."""
    for part in schema.values() if isinstance(schema, dict) else schema:
        if isinstance(part, dict | list):
            _trim(part)
    if isinstance(schema, dict) and "properties" in schema:
        for each in [schema, *schema["properties"].values()]:
            each.pop("title", None)
            if isinstance(each.get("default"), dict):
                del each["default"]


def options_text() -> str:
    """docs/options.md: a table for each section."""
    return _HEAD + "\n".join(_tables(Config, (), {})).rstrip() + "\n"


def _tables(kind: type, path: tuple[str, ...], known: dict[type, str]) -> list[str]:
    """known: where a dataclass's table stands already."""
    lines, sections = [], []
    if path:
        title = inspect.cleandoc(kind.__doc__ or "").split("\n\n")[0].replace("\n", " ")
        lines += [f"{'#' * min(len(path) + 1, 4)} `{'.'.join(path)}`", "", title, ""]
    if kind in known:
        return [*lines, f"The keys of `{known[kind]}`.", ""]
    known[kind] = ".".join(path)
    rows = []
    for name, annotation in types_of(kind).items():
        if ".".join((*path, name)) in SET_BY:
            continue
        section = _section_of(annotation)
        if section:
            sections.append((name, section))
            if annotation is not without_null(annotation):
                rows.append(_row(kind, name, annotation, "a section of its own or null"))
        else:
            rows.append(_row(kind, name, annotation))
    if rows:
        lines += ["| key | allowed | default | meaning |", "|---|---|---|---|", *rows, ""]
    for name, section in sections:
        own = dataclasses.is_dataclass(section)
        lines += _tables(
            section if own else section[0], (*path, name if own else f"{name}[]"), known
        )
    return lines


def _section_of(annotation: Any) -> Any:
    """The dataclass of a section; [it] for a list of sections; None for a value."""
    base, _ = unpacked(without_null(annotation))
    if dataclasses.is_dataclass(base):
        return base
    inner = getattr(base, "__args__", (None,))[0]
    return (
        [inner]
        if getattr(base, "__origin__", None) is list and dataclasses.is_dataclass(inner)
        else None
    )


def _row(kind: type, name: str, annotation: Any, values: str = "") -> str:
    default = default_of(kind, name)
    shown = "required" if default is dataclasses.MISSING else f"`{written(default)}`"
    shown = "its keys' defaults" if dataclasses.is_dataclass(default) else shown
    cells = [f"`{name}`", values or allowed(annotation), shown, descriptions(kind)[name]]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
