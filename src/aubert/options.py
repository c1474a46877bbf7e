"""Config dataclasses as command-line flags, and back.

A stage's options are one dataclass beside the stage. Its docstring describes each
field on a line `name: text`; the command's help, its flags and the workflow's
shell lines all come from it, so there is one place to add an option.
"""

from __future__ import annotations

import argparse
import dataclasses
import re
import shlex
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

T = TypeVar("T")


def add_arguments(parser: argparse.ArgumentParser, options: type) -> None:
    """Adds one flag per field of the dataclass `options` to `parser`."""
    descriptions = _descriptions(options)
    hints = typing.get_type_hints(options)
    for field in dataclasses.fields(options):
        kind = _plain(hints[field.name])
        arguments: dict[str, Any] = {"default": field.default, "help": descriptions[field.name]}
        if typing.get_origin(kind) is typing.Literal:
            arguments["choices"] = typing.get_args(kind)
        elif kind is bool:
            arguments["action"] = argparse.BooleanOptionalAction
        else:
            arguments["type"] = kind
            arguments["metavar"] = kind.__name__.upper()
        parser.add_argument(_flag(field.name), **arguments)


def from_arguments(arguments: argparse.Namespace, options: type[T]) -> T:
    """The options that the parsed flags give."""
    return options(
        **{field.name: getattr(arguments, field.name) for field in dataclasses.fields(options)}
    )


def to_flags(section: Mapping[str, Any]) -> str:
    """A config section as shell-quoted flags; keys that are null are left to their default."""
    words: list[str] = []
    for name, value in section.items():
        if value is None:
            continue
        if isinstance(value, bool):
            words.append(_flag(name) if value else _flag(f"no_{name}"))
        else:
            words.append(f"{_flag(name)}={value}")  # one word: the value may begin with a dash
    return shlex.join(words)


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _plain(kind: Any) -> Any:
    """X for X | None."""
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        (kind,) = (part for part in typing.get_args(kind) if part is not type(None))
    return kind


def _descriptions(options: type) -> dict[str, str]:
    """field -> its text in the docstring (a line `name: text`, continued by indented lines)."""
    found: dict[str, str] = {}
    for cls in reversed(options.__mro__[:-1]):  # inherited fields are described where they stand
        name = ""
        for line in (cls.__doc__ or "").splitlines():
            start = re.match(r"    (\w+): (.+)", line)
            if start:
                name = start[1]
                found[name] = start[2]
            elif name and line.startswith("      "):
                found[name] += " " + line.strip()
            else:
                name = ""
    missing = {field.name for field in dataclasses.fields(options)} - found.keys()
    assert not missing, f"{options.__name__}'s docstring does not describe {sorted(missing)}"
    return {key: text.replace("%", "%%") for key, text in found.items()}
