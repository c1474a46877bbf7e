"""The documentation: its commands can be given, its links, paths and config keys exist."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from test_docs_reference import FIGURES, figure_rows, pattern_of

from aubert import cli
from aubert.config.resolve import BASE, laid_over, read_yaml, resolve
from aubert.config.tree import Config
from aubert.export.command import KINDS
from aubert.options import types_of
from aubert.stage import REASONS

ROOT = Path(__file__).parents[2]
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    ROOT / "benchmarks/README.md",
    *(page for page in DOCS if page.name != "options.md"),
]
RULES = re.compile(r"^ *(?:rule|checkpoint) (\w+):", re.M)
BLOCK = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.M | re.S)
PATH = re.compile(
    r"(?<![\w./<-])(?:src/aubert|workflow|tests|docs|benchmarks|profiles|envs|\.ci)/[\w./-]*"
)
# A key of the previous release in the changelog; notes in the metadata of tables.
NO_KEYS = {"separation.in_run", "aubert.table", "aubert.stage", "aubert.ids_in"}


def blocks(page: Path, *languages: str) -> Iterator[str]:
    """The fenced blocks of a page."""
    for language, block in BLOCK.findall(page.read_text()):
        if language in languages:
            yield block


def words_in_backticks(page: Path) -> Iterator[str]:
    yield from re.findall(r"`([^`\n]+)`", BLOCK.sub("", page.read_text()))


def commands(page: Path) -> Iterator[list[str]]:
    """Those in fenced blocks; a line that ends in a backslash goes on in the next."""
    for block in blocks(page, "", "sh"):
        for line in block.replace("\\\n", " ").splitlines():
            command = re.match(r" *(?:\.venv/bin/)?((?:aubert|snakemake) .*)", line)
            if command:
                yield shlex.split(command[1], comments=True)


def all_commands(name: str) -> list[tuple[str, list[str]]]:
    return [(p.name, words[1:]) for p in PAGES for words in commands(p) if words[0] == name]


def shown(parameters) -> str:
    if isinstance(parameters, Path):
        return str(parameters.relative_to(ROOT))
    return " ".join(parameters) if isinstance(parameters, list) else parameters


@pytest.mark.parametrize(("page", "arguments"), all_commands("aubert"), ids=shown)
def test_an_aubert_command_is_one(page, arguments):
    parsed = cli.parser().parse_args([word.replace("*", "x") for word in arguments])
    assert callable(parsed.run)


@pytest.mark.parametrize(("page", "arguments"), all_commands("snakemake"), ids=shown)
def test_a_snakemake_command_is_one(page, arguments):
    from snakemake.cli import get_argument_parser

    parsed = get_argument_parser().parse_args(arguments)
    sources = [ROOT / "Snakefile", *(ROOT / "workflow/rules").glob("*.smk")]
    rules = {rule for source in sources for rule in RULES.findall(source.read_text())}
    rules |= {f"export_{kind}" for kind in KINDS}
    asked = {*parsed.targets, *(parsed.forcerun or ())}
    assert {one for one in asked if "/" not in one} <= rules
    given = [Path(one) for one in parsed.configfile or ()] + [Path(parsed.workflow_profile or ".")]
    ours = [path for path in given if path.parts[:1] in (("workflow",), ("profiles",))]
    assert all((ROOT / path).exists() for path in ours)


def test_there_are_commands_to_check():
    assert len(all_commands("aubert")) >= 5
    assert len(all_commands("snakemake")) >= 10


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_make_targets_exist(page):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    text = "\n".join([*blocks(page, "", "sh"), *words_in_backticks(page)])
    assert set(re.findall(r"^make ([a-z-]+)", text, re.M)) <= targets


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if target.startswith("https://"):
            continue
        path, _, heading = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        if heading:
            assert heading in map(anchor, re.findall(r"^#+ (.+)$", file.read_text(), re.M)), target


def anchor(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_paths_of_the_checkout_exist(page):
    text = page.read_text()
    made = set(re.findall(r"```python\n# (\S+)\n", text))  # by the page itself
    paths = {found.rstrip(".") for found in PATH.findall(text)} - made
    missing = {path for path in paths if not (ROOT / path).exists()}
    assert not missing


def test_benchmarks_of_the_table_exist():
    rows = re.findall(r"^\| `(\w+\.py)", (ROOT / "benchmarks/README.md").read_text(), re.M)
    scripts = {path.name for path in (ROOT / "benchmarks").glob("*.py")}
    helpers = {
        name for name in scripts if "__main__" not in (ROOT / "benchmarks" / name).read_text()
    }
    assert set(rows) == scripts - helpers


def keys_of(kind: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every key of a config, sections too. kind: of the section at `path`"""
    for name, value in kind.items():
        yield (*path, name)
        if isinstance(value, dict):
            yield from keys_of(value, (*path, name))


CONFIG = {".".join(key) for key in keys_of(resolve(read_yaml(BASE)))}
NAMES = {key.rpartition(".")[2] for key in CONFIG} | {"layer", "encoder", "iteration"}


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_config_keys_are_keys(page):
    rows = figure_rows(FIGURES)
    figures = [pattern_of(key) for row in rows for key in (row.key, row.key.rpartition(".")[0])]
    for words in words_in_backticks(page):
        found = re.fullmatch(r"([a-z_0-9]+(?:\.[a-z_0-9]+)*)(: \S+)?", words)
        if found is None or words in NO_KEYS:
            continue
        key, value = found[1], found[2]
        if "." not in key:
            assert not value or key in NAMES or key in CONFIG, words
        elif key.split(".")[0] in types_of(Config) and not key.endswith(
            (".json", ".parquet", ".py")
        ):
            is_module = (ROOT / "src" / key.replace(".", "/")).is_dir()
            is_figure = any(pattern.match(key) for pattern in figures)
            assert key in CONFIG or is_module or is_figure, f"{words} is no key of the config"


def overlays(page: Path) -> Iterator[dict]:
    yield from map(yaml.safe_load, blocks(page, "yaml"))
    for block in blocks(page, "sh", ""):
        yield from map(yaml.safe_load, re.findall(r'^echo "(.+)" > \w+\.yaml$', block, re.M))


@pytest.mark.parametrize("page", [page for page in PAGES if any(overlays(page))], ids=shown)
def test_config_examples_are_valid(page):
    for values in overlays(page):
        resolve(laid_over(read_yaml(BASE), values))


def test_the_front_page_is_short():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 200
    assert (ROOT / "docs/report.png").stat().st_size < 300_000


def test_every_page_is_in_the_table_of_contents():
    contents = (ROOT / "docs/README.md").read_text()
    assert all(f"]({page.name})" in contents for page in DOCS if page.name != "README.md")


def test_troubleshooting_knows_every_reason():
    text = (ROOT / "docs/troubleshooting.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| (yes|no) \|", text, re.M))
    assert rows == {name: "yes" if reason.fault else "no" for name, reason in REASONS.items()}
