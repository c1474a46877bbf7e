"""The run's configuration, checked: a wrong key or type is one clear line."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

SCHEMA = Path(__file__).parents[2] / "workflow" / "schemas" / "config.schema.yaml"


def validate(config: Mapping[str, Any], schema_path: Path = SCHEMA) -> None:
    """Raises ValueError that names every wrong key or value, a line each."""
    import jsonschema
    import yaml

    schema = yaml.safe_load(schema_path.read_text(encoding="utf-8"))
    errors = jsonschema.Draft202012Validator(schema).iter_errors(dict(config))
    lines = sorted({line for error in errors for line in _lines(error)})
    if lines:
        raise ValueError("\n".join(lines))


def _lines(error: Any) -> list[str]:
    where = ".".join(str(part) for part in error.absolute_path)
    if error.validator == "additionalProperties":
        known = list(error.schema["properties"])
        unknown = sorted(set(error.instance) - set(known))
        return [f"config: {_join(where, key)} is not a key{_hint(key, known)}" for key in unknown]
    if error.validator == "required":
        missing = [key for key in error.validator_value if key not in error.instance]
        return [f"config: {_join(where, key)} is missing" for key in missing]
    if error.validator == "type":
        kinds = error.validator_value
        kinds = kinds if isinstance(kinds, str) else " or ".join(kinds)
        return [f"config: {where} is {error.instance!r}; it must be of type {kinds}"]
    if error.validator == "enum":
        choices = ", ".join(map(str, error.validator_value))
        return [f"config: {where} is {error.instance!r}; it must be one of {choices}"]
    if error.validator in ("oneOf", "pattern"):
        return [f"config: {where} is {error.instance!r}; it must be {error.schema['description']}"]
    return [f"config: {where}: {error.message}"]


def _join(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key


def _hint(key: str, known: list[str]) -> str:
    close = get_close_matches(key, known, n=1)
    return f"; did you mean {close[0]}?" if close else f"; the keys are {', '.join(known)}"
