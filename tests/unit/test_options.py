import argparse
import shlex
from typing import Annotated, Literal

import pytest
from annotated_types import Interval

from aubert import options


@options.options_class
class Base:
    """What all share.

    depth: how deep, in metres;
      a second line
    """

    depth: int = 3


@options.options_class
class Example(Base):
    """An example.

    name: any text
    ratio: 0 to 1, 50% at first
    quick: leave out the rest
    mode: one of two
    rate_hz: one of two
    path: null for none
    """

    name: str = "a"
    ratio: Annotated[float, Interval(ge=-1, le=2)] = 0.5
    quick: bool = False
    mode: Literal["one", "two"] = "one"
    rate_hz: Literal[8_000, 16_000] = 8_000
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
        {"depth": 7, "ratio": -1e-3, "quick": True, "mode": "two", "rate_hz": 16_000},
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


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--ratio 3", "ratio is 3.0; it must be a number from -1 to 2; leave it out for 0.5"),
    ],
)
def test_a_flag_out_of_range_is_one_line(flags, message):
    with pytest.raises(ValueError) as caught:
        parse(flags)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"ratio": 5}, "ratio is 5; it must be a number from -1 to 2; leave it out for 0.5"),
        ({"depth": 1.5}, "depth is 1.5; it must be a whole number; leave it out for 3"),
        ({"path": 3}, "path is 3; it must be text or null; leave it out for null"),
        ({"quik": True}, "quik is not a key; did you mean quick?"),
        ({"rate_hz": 5}, "rate_hz is 5; it must be one of 8000, 16000; leave it out for 8000"),
    ],
)
def test_a_wrong_value_is_one_line(values, message):
    with pytest.raises(ValueError) as caught:
        options.validated(values, Example)
    assert str(caught.value) == message


def test_options_are_checked_where_they_are_made():
    with pytest.raises(ValueError, match="ratio"):
        Example(ratio=9.0)
    with pytest.raises(ValueError, match="unknown"):
        Example(unknown=1)


def test_help_names_the_range():
    parser = argparse.ArgumentParser()
    options.add_arguments(parser, Example)
    assert "[from -1 to 2]" in parser.format_help()


def test_numbers_that_came_as_text_are_numbers():
    values = {"depth": "7", "ratio": "1e-1", "quick": "true"}
    assert options.validated(values, Example) == Example(depth=7, ratio=0.1, quick=True)
    with pytest.raises(ValueError, match="depth is 'x'"):
        options.validated({"depth": "x"}, Example)
