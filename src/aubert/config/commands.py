"""`aubert config`: the values of a run, and the reference of all options."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from aubert.verbs import add_group, add_verb


def add_config(groups) -> None:
    verbs = add_group(groups, "config", "values of a run, and the reference of all options")
    show = add_verb(verbs, "show", "print a run's resolved config, each value's source", _show)
    add_configfiles(show)
    show.add_argument(
        "--config", nargs="+", default=[], metavar="KEY=VALUE", help="as Snakemake takes them"
    )
    add_verb(verbs, "schema", "print the JSON schema of config files, for editors", _schema)
    add_verb(verbs, "options", "print the page of all options, as Markdown", _options)


def add_configfiles(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--configfile",
        type=Path,
        nargs="+",
        default=[],
        help="laid over config.yaml, in turn",
    )


def _show(arguments: argparse.Namespace) -> str:
    from aubert.config.show import layers_of, show

    return show(layers_of(arguments.configfile, _overrides(arguments.config)))


def _overrides(entries: list[str]) -> dict[str, Any]:
    import yaml

    values = {}
    for entry in entries:
        key, separator, value = entry.partition("=")
        if not separator:
            raise ValueError(f"--config {entry!r} is not KEY=VALUE")
        values[key] = yaml.safe_load(value)
    return values


def _schema(arguments: argparse.Namespace) -> str:
    from aubert.config.reference import schema_text

    return schema_text().rstrip()


def _options(arguments: argparse.Namespace) -> str:
    from aubert.config.reference import options_text

    return options_text().rstrip()
