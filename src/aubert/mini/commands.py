"""`aubert mini`: the miniature corpus."""

from __future__ import annotations

import argparse
from pathlib import Path

from aubert.verbs import add_jobs, add_language, add_verb


def add_mini(groups) -> None:
    mini = add_verb(groups, "mini", "synthesise the miniature corpus", _mini)
    mini.add_argument("root", type=Path, help="directory that it is written to")
    mini.add_argument("--seed", type=int, default=0)
    add_jobs(mini)
    add_language(mini)


def _mini(arguments: argparse.Namespace) -> str:
    from aubert.mini import make_mini

    made = make_mini(
        arguments.root, seed=arguments.seed, jobs=arguments.jobs, language=arguments.language
    )
    return f"mini: {made['num_recordings']} recordings, {made['hours'] * 60:.1f} minutes"
