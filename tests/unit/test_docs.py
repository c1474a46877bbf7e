"""The documentation: its commands are such as can be given, its links lead somewhere."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from aubert import cli
from aubert.export.command import KINDS
from aubert.stage import REASONS

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "benchmarks/README.md", *sorted((ROOT / "docs").glob("*.md"))]
RULES = re.compile(r"^ *(?:rule|checkpoint) (\w+):", re.M)


def commands(page: Path) -> Iterator[list[str]]:
    """Those in fenced blocks; a line that ends in a backslash goes on in the next."""
    for language, block in re.findall(r"^ *```(\w*)\n(.*?)^ *```", page.read_text(), re.M | re.S):
        for line in block.replace("\\\n", " ").splitlines():
            command = re.match(r" *(?:\.venv/bin/)?((?:aubert|snakemake) .*)", line)
            if language in ("", "sh") and command:
                yield shlex.split(command[1], comments=True)


def all_commands(name: str) -> list[tuple[str, list[str]]]:
    return [(p.name, words[1:]) for p in PAGES for words in commands(p) if words[0] == name]


def shown(parameters) -> str:
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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        path, _, heading = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        if heading:
            headings = re.findall(r"^#+ (.+)$", file.read_text(), re.M)
            assert heading in {
                re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings
            }


def anchor(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-")


def test_every_page_is_in_the_table_of_contents():
    contents = (ROOT / "docs/README.md").read_text()
    assert all(f"]({page.name})" in contents for page in PAGES[2:] if page.name != "README.md")


def test_troubleshooting_knows_every_reason():
    text = (ROOT / "docs/troubleshooting.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| (yes|no) \|", text, re.M))
    assert rows == {name: "yes" if reason.fault else "no" for name, reason in REASONS.items()}
