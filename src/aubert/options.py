"""Option dataclasses: the one definition of every option of the project.

A stage's options are one dataclass beside the stage, made by `options_class`. Its annotations
give type and range, its docstring describes each field on a line `name: text`. From it come the
check of the config, the JSON schema, docs/options.md, the commands' flags and their help.
"""

from __future__ import annotations

import argparse
import copy
import dataclasses
import inspect
import json
import re
import shlex
import types
import typing
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal, TypeVar, dataclass_transform

import annotated_types
from annotated_types import Ge, Gt, Interval, Lt
from pydantic import AfterValidator, ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked_dataclass

T = TypeVar("T")

# Ranges that many options share. PositiveInt and the like exclude zero.
PositiveInt = Annotated[int, Ge(1)]
NaturalInt = Annotated[int, Ge(0)]
PositiveFloat = Annotated[float, Gt(0)]
NaturalFloat = Annotated[float, Ge(0)]
Share = Annotated[float, Interval(ge=0, le=1)]
ShareBelowOne = Annotated[float, Ge(0), Lt(1)]
Device = Literal["auto", "cpu", "cuda"]


def _distinct(values: list) -> list:
    if len(set(values)) < len(values):
        raise ValueError(f"{values} holds an entry twice: remove one")
    return values


distinct = AfterValidator(_distinct)  # of a list


@dataclass_transform(kw_only_default=True, frozen_default=True)
def options_class(cls: type[T]) -> type[T]:
    """A frozen, keyword-only dataclass whose values are checked when it is made.

    Making one raises pydantic's ValidationError, a ValueError, for an unknown name, a wrong type
    or a value out of range. `__post_init__` checks what concerns several fields.
    """
    config = ConfigDict(
        extra="forbid", strict=True, allow_inf_nan=False, json_schema_extra=_add_descriptions
    )
    return checked_dataclass(frozen=True, kw_only=True, config=config)(cls)


def _add_descriptions(schema: dict[str, Any], cls: type) -> None:
    schema["description"] = inspect.cleandoc(cls.__doc__ or "").split("\n\n")[0]
    for name, text in descriptions(cls).items():
        if name in schema.get("properties", {}):
            schema["properties"][name]["description"] = text


@cache
def descriptions(options: type) -> dict[str, str]:
    """field -> its text in the docstring (a line `name: text`, continued by indented lines)."""
    found: dict[str, str] = {}
    for cls in reversed(options.__mro__[:-1]):  # inherited fields are described where they stand
        name = ""
        for line in inspect.cleandoc(cls.__doc__ or "").splitlines():
            start = re.match(r"(\w+): (.+)", line)
            if start:
                name = start[1]
                found[name] = start[2]
            elif name and line.startswith("  "):
                found[name] += " " + line.strip()
            else:
                name = ""
    missing = {field.name for field in dataclasses.fields(options)} - found.keys()
    assert not missing, f"{options.__name__}'s docstring does not describe {sorted(missing)}"
    return found


@cache
def types_of(options: type) -> dict[str, Any]:
    """field -> its annotation, with ranges."""
    hints = typing.get_type_hints(options, include_extras=True)
    return {field.name: hints[field.name] for field in dataclasses.fields(options)}


def default_of(options: type, name: str) -> Any:
    """A field's default, or dataclasses.MISSING."""
    field = next(each for each in dataclasses.fields(options) if each.name == name)
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


_PLAIN = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}


def allowed(kind: Any) -> str:
    """What values a type has, in words: "a whole number from 0 to 3"."""
    base, bounds = unpacked(kind)
    origin = typing.get_origin(base)
    if origin is Literal:
        return "one of " + ", ".join(map(str, typing.get_args(base)))
    if origin in (typing.Union, types.UnionType):
        parts = [allowed(part) for part in typing.get_args(base) if part is not type(None)]
        null = ["null"] if type(None) in typing.get_args(base) else []
        return " or ".join(parts + null)
    if origin in (list, tuple):
        return f"a list, each {allowed(typing.get_args(base)[0])}{_range(bounds, 'entries')}"
    if origin is dict:
        return f"a mapping of names, each to {allowed(typing.get_args(base)[1])}"
    if dataclasses.is_dataclass(base):
        if len(types_of(base)) > 3:
            return "a section with keys of its own"
        return "{" + ", ".join(types_of(base)) + "}"
    pattern = next((b.pattern for b in bounds if getattr(b, "pattern", None)), None)
    note = next((b.description for b in bounds if getattr(b, "description", None)), None)
    if note or pattern:
        return note or f"text that matches {pattern}"
    return _PLAIN.get(base, getattr(base, "__name__", str(base))) + _range(bounds)


def unpacked(kind: Any) -> tuple[Any, list[Any]]:
    """A type without Annotated, and its bounds."""
    if typing.get_origin(kind) is not Annotated:
        return kind, []
    base, *notes = typing.get_args(kind)
    bounds = []
    for note in notes:
        grouped = isinstance(note, annotated_types.GroupedMetadata)
        bounds += list(note) if grouped else [note, *getattr(note, "metadata", [])]
    return base, bounds


def _range(bounds: list[Any], unit: str = "") -> str:
    low = next((f"from {b.ge:g}" for b in bounds if getattr(b, "ge", None) is not None), "")
    low = next((f"above {b.gt:g}" for b in bounds if getattr(b, "gt", None) is not None), low)
    high = next((f"to {b.le:g}" for b in bounds if getattr(b, "le", None) is not None), "")
    high = next((f"below {b.lt:g}" for b in bounds if getattr(b, "lt", None) is not None), high)
    if low.startswith("from") and not high:
        low = f", {low.removeprefix('from ')} or more"
    if not low:
        high = high.replace("to", "at most")
    steps = [f"a multiple of {b.multiple_of:g}" for b in bounds if hasattr(b, "multiple_of")]
    least = [f"at least {b.min_length} {unit}" for b in bounds if getattr(b, "min_length", None)]
    text = ", ".join(part for part in (" ".join(filter(None, (low, high))), *steps, *least) if part)
    if not text or text.startswith(","):
        return text
    return f"{', ' if unit else ' '}{text}"


_QUOTES = '; a text with one of {}[],:# stands in quotes: {root: "a, b"}'


def error_lines(error: ValidationError, options: type, values: Any, prefix: str = "") -> list[str]:
    """One line for each fault: key, value, allowed range, remedy. values: what was given;
    prefix: before each key."""
    return sorted({_error_line(each, options, values, prefix) for each in error.errors()})


def _error_line(error: Mapping[str, Any], options: type, values: Any, prefix: str) -> str:
    kind, path, owner = options, [], None
    is_branch = False
    for step in error["loc"]:
        base, _ = unpacked(without_null(kind))
        if dataclasses.is_dataclass(base) and step in types_of(base):
            owner, name, kind = base, step, types_of(base)[step]
        elif typing.get_origin(base) in (list, tuple) and isinstance(step, int):
            owner, kind = None, typing.get_args(base)[0]
        elif typing.get_origin(base) is dict and error["type"] != "unexpected_keyword_argument":
            owner, kind = None, typing.get_args(base)[1]
        elif error["type"] == "unexpected_keyword_argument" and step == error["loc"][-1]:
            quotes = _QUOTES if error["input"] is None else ""  # {root: a, b} has the keys root, b
            return f"{prefix}{_join(path, step)} is not a key{_hint(step, base)}{quotes}"
        else:
            is_branch = True  # of a union: it is the whole that fits none
            break
        path.append(step)
        values = values.get(step) if isinstance(values, Mapping) else values[step]
    key = prefix + _join(path[:-1], path[-1]) if path else ""
    if is_branch:
        return f"{key} is {values!r}; it must be {allowed(kind)}"
    if error["type"] == "missing":
        return f"{key} is missing: give {allowed(kind)}"
    if error["type"] == "value_error":
        return f"{key or prefix.rstrip(': ')}: {error['ctx']['error']}".removeprefix(": ")
    line = f"{key} is {error['input']!r}; it must be {allowed(kind)}"
    if str(error["input"]).startswith("{"):  # what YAML cannot read is text
        line += _QUOTES
    default = default_of(owner, name) if owner else dataclasses.MISSING
    if default is dataclasses.MISSING or dataclasses.is_dataclass(default):
        return line
    return f"{line}; leave it out for {written(default)}"


def _join(path: list[Any], last: Any) -> str:
    return ".".join(str(step) for step in [*path, last])


def _hint(name: str, options: Any) -> str:
    from difflib import get_close_matches

    if not dataclasses.is_dataclass(options):
        return ""
    known = list(types_of(options))
    close = get_close_matches(str(name), known, n=1)
    return f"; did you mean {close[0]}?" if close else f"; the keys are {', '.join(known)}"


def written(value: Any) -> str:
    """As YAML writes it."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return f"{value:g}" if isinstance(value, float) else str(value)


def add_arguments(parser: argparse.ArgumentParser, options: type) -> None:
    """Adds one flag per field of the dataclass `options` to `parser`."""
    for name, annotation in types_of(options).items():
        kind, bounds = unpacked(without_null(annotation))
        text = descriptions(options)[name].replace("%", "%%")
        limits = _range(bounds).strip(", ")
        arguments: dict[str, Any] = {
            "default": default_of(options, name),
            "help": f"{text} [{limits}]" if limits else text,
        }
        if typing.get_origin(kind) is Literal:
            arguments["choices"] = choices = typing.get_args(kind)
            arguments["type"] = type(choices[0])
        elif kind is bool:
            arguments["action"] = argparse.BooleanOptionalAction
        else:
            arguments["type"] = kind
            arguments["metavar"] = kind.__name__.upper()
        parser.add_argument(_flag(name), **arguments)


def from_arguments(arguments: argparse.Namespace, options: type[T]) -> T:
    """The options that the parsed flags give. Raises ValueError with a line for each fault."""
    values = {field.name: getattr(arguments, field.name) for field in dataclasses.fields(options)}
    try:
        return options(**values)
    except ValidationError as error:
        raise ValueError("; ".join(error_lines(error, options, values))) from None


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


def validated(values: Any, options: type[T], prefix: str = "") -> T:
    """Plain values, as YAML or JSON gives them, as a dataclass of options.

    Raises ValueError with a line for each fault: key, value, allowed range, remedy.
    """
    adapter = TypeAdapter(options)
    try:  # of JSON strict types take sections as dataclasses and lists as tuples
        return adapter.validate_json(json.dumps(values, default=str))
    except ValidationError as error:
        values = _with_numbers(values, error)
    try:
        return adapter.validate_json(json.dumps(values, default=str))
    except ValidationError as error:
        raise ValueError("\n".join(error_lines(error, options, values, prefix))) from None


def _with_numbers(values: Any, error: ValidationError) -> Any:
    """The values with numbers that came as text: YAML takes 1e-3 for text, and Snakemake all that
    --config gives inside of braces."""
    values = copy.deepcopy(values)
    for each in error.errors():
        if each["type"] not in ("int_type", "float_type", "bool_type"):
            continue
        try:
            section = values
            for step in each["loc"][:-1]:
                section = section[step]
            number = json.loads(section[each["loc"][-1]])
        except (KeyError, IndexError, TypeError, ValueError):
            continue  # a branch of a union, or no number
        if isinstance(number, int | float):
            section[each["loc"][-1]] = number
    return values


def json_schema(options: type) -> dict[str, Any]:
    """The JSON schema of a dataclass of options, with descriptions and defaults."""
    return TypeAdapter(options).json_schema()


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def without_null(kind: Any) -> Any:
    """X for X | None; with Annotated, its bounds stay."""
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        parts = [part for part in typing.get_args(kind) if part is not type(None)]
        return parts[0] if len(parts) == 1 else kind
    return kind
