"""What every rule of the workflow declares, and what none may depend on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = [ROOT / "Snakefile", *sorted((ROOT / "workflow/rules").glob("*.smk"))]
RULE = re.compile(r"^( *)rule( \w+)?:$")


def rules_of(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Name, and directive -> its text, of every rule of a file."""
    lines = path.read_text().splitlines()
    for number, line in enumerate(lines):
        if match := RULE.match(line):
            depth, directives, name = len(match[1]) + 4, {}, ""
            for inner in lines[number + 1 :]:
                if inner.strip() and len(inner) - len(inner.lstrip()) < depth:
                    break
                if found := re.match(rf" {{{depth}}}(\w+):(.*)", inner):
                    name, directives[found[1]] = found[1], found[2]
                elif name:
                    directives[name] += inner + "\n"
            yield match[2] or directives["name"], directives


RULES = [pytest.param(each, id=name.strip()) for path in FILES for name, each in rules_of(path)]
JOBS = [rule for rule in RULES if "shell" in rule.values[0]]


def test_every_rule_is_seen():
    assert len(JOBS) >= 35 and len(RULES) - len(JOBS) >= 10


@pytest.mark.parametrize("rule", JOBS)
def test_a_job_declares_its_cores_memory_and_time_or_runs_where_snakemake_runs(rule):
    if "True" in rule.get("localrule", ""):
        return
    assert rule["threads"].strip()
    assert re.search(r"^ +mem_mb=.*\d", rule["resources"], re.M)
    assert re.search(r"^ +runtime=.*\d", rule["resources"], re.M)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_rule_depends_on_the_workflow_that_imports_it(path):
    """basedir is the importing workflow's; localrules names rules before they are renamed; the
    default target would be the module's."""
    assert not re.search(r"workflow\.basedir|^localrules:|default_target:", path.read_text())


@pytest.mark.parametrize("rule", [each for each in JOBS if each.id.endswith("_train")])
def test_a_training_of_a_changed_config_begins_anew_and_never_refuses(rule):
    """Else a run whose config has changed would fail until someone called the command by hand."""
    assert "--restart=changed" in rule["shell"]


LEARN = re.compile(
    r"_train$|^units_(choose|sample|pass|best_layer)$|^(calibrate|pairs|aubert_text)$"
)
LEARNERS = [each for each in JOBS if LEARN.search(each.id) and each.id != "aubert_train"]


@pytest.mark.parametrize("rule", LEARNERS)
def test_what_learns_is_given_what_is_held_out(rule):
    """AuBERT's training reads the split that `pairs` has written."""
    wrapped = {"with_held_out"}
    for path in FILES:
        wrapped |= set(re.findall(r"^([A-Z_]+) = [^\n]*(?:\n(?: |\)|\]).*)*?with_held_out",
                                  path.read_text(), re.M))  # fmt: skip
    assert any(name in rule["params"] for name in wrapped)


def test_all_learners_are_seen():
    assert len(LEARNERS) == 11
