"""Which jobs Snakemake tries again."""

from __future__ import annotations

import subprocess
import sys

SNAKEFILE = """
from aubert.workflow import retry_what_may_help

retry_what_may_help()


rule all:
    input:
        "input", "machine", "killed", "grouped",


rule at_fault:
    output:
        "input",
    log:
        "input.log",
    shell:
        "echo x >> {output}.tries; echo 'aubert: error: give another' > {log}; exit 1"


rule full_disk:
    output:
        "machine",
    log:
        "machine.log",
    shell:
        "echo x >> {output}.tries; echo 'aubert: machine error: no room' > {log}; exit 4"


rule killed:
    output:
        "killed",
    log:
        "killed.log",
    shell:
        "echo x >> {output}.tries; kill -9 $$"


rule grouped:
    output:
        "grouped",
    log:
        "grouped.log",
    group:
        "some"
    shell:
        "echo x >> {output}.tries; echo 'aubert: error: give another' > {log}; exit 1"
"""


def test_what_another_try_cannot_help_is_tried_once(tmp_path):
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    # Of an earlier run: it says nothing of this one.
    (tmp_path / "killed.log").write_text("aubert: error: give another\n")
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--retries", "2", "--keep-going"]
    done = subprocess.run([*command, "--quiet"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode != 0
    tries = {path.stem: len(path.read_text().split()) for path in tmp_path.glob("*.tries")}
    assert tries == {"input": 1, "machine": 3, "killed": 3, "grouped": 1}, done.stderr
