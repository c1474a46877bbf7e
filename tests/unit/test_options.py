import argparse
import shlex
from dataclasses import dataclass
from typing import Literal

import pytest

from aubert import options


@dataclass(frozen=True, kw_only=True)
class Base:
    """What all share.

    depth: how deep, in metres;
      a second line
    """

    depth: int = 3


@dataclass(frozen=True, kw_only=True)
class Example(Base):
    """An example.

    name: any text
    ratio: 0 to 1, 50% at first
    quick: leave out the rest
    mode: one of two
    path: null for none
    """

    name: str = "a"
    ratio: float = 0.5
    quick: bool = False
    mode: Literal["one", "two"] = "one"
    path: str | None = None


def parse(flags: str) -> Example:
    parser = argparse.ArgumentParser()
    options.add_arguments(parser, Example)
    return options.from_arguments(parser.parse_args(shlex.split(flags)), Example)


def test_defaults_are_the_dataclass_s():
    assert parse("") == Example()


@pytest.mark.parametrize(
    "section",
    [
        {"depth": 7, "ratio": -1e-3, "quick": True, "mode": "two"},
        {"name": "--odd; $(touch x) 'name'", "quick": False, "path": "a b"},
        {"path": None, "ratio": 2},
    ],
)
def test_a_config_section_survives_the_shell(section):
    assert parse(options.to_flags(section)) == Example(**section)


def test_unknown_choices_are_refused():
    with pytest.raises(SystemExit):
        parse("--mode three")


def test_help_comes_from_the_docstring():
    parser = argparse.ArgumentParser()
    options.add_arguments(parser, Example)
    text = " ".join(parser.format_help().split())
    assert "how deep, in metres; a second line" in text
    assert "50% at first" in text
