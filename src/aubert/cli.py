"""The `aubert` command: `aubert <group> <verb>`. It parses, calls and prints.

Every command of a stage reads and writes the tables of one shard; its options come from
the stage's dataclass. A command's one-line summary goes to stdout, everything
else to stderr.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import traceback
from collections.abc import Collection

import shtab

from aubert import __version__, gpus
from aubert.learn.stop import STOPPED, Stopped
from aubert.learn.torchrun import gpus_here

# Every group, in the order of the flow, and the function that adds it. A module is imported when
# its group is asked for: all of them take half a second, in every job of a run.
GROUPS = {
    "before anything runs": {
        "config": "config.commands.add_config",
        "plan": "cost.command.add_plan",
        "download": "download.commands.add_download",
    },
    "the corpus": {
        "mini": "mini.commands.add_mini",
        "corpus": "corpus.commands.add_corpus",
        "transcripts": "transcribe.commands.add_transcripts",
        "align": "align.commands.add_align",
        "words": "align.words_commands.add_words",
    },
    "what learns from it": {
        "units": "units.stage_commands.add_units",
        "hubert": "hubert.commands.add_hubert",
        "ctc": "ctc.commands.add_ctc",
        "aubert": "crossmodal.commands.add_aubert",
        "clar": "clar.commands.add_clar",
        "separation": "separation.commands.add_separation",
    },
    "what comes of it": {
        "evaluate": "evaluate.commands.add_evaluate",
        "report": "report.command.add_report",
        "export": "export.command.add_export",
    },
    "by themselves": {
        "encode": "units.encode_command.add_encode",
        "transcribe": "transcribe.commands.add_transcribe",
        "probe": "evaluate.probe_command.add_probe",
        "score": "crossmodal.use_commands.add_score",
        "embed": "crossmodal.use_commands.add_embed",
        "separate": "separation.commands.add_separate",
        "kmeans": "units.commands.add_kmeans",
    },
}

# And argparse's 2: a wrong command line.
DONE, INPUT_FAULT, OWN_FAULT, MACHINE_FAULT, INTERRUPTED = 0, 1, 3, 4, 130
_WRONG_PATHS = (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError)
_EXIT = """\
exit status: 0 done; 1 the input is at fault, and the message names the remedy; 2 wrong command
line; 3 a fault of aubert itself, with its traceback; 4 the machine is at fault (disk, memory,
network): another try may help; 75 a training was asked to stop, and the same command goes on;
130 interrupted"""


def main(argv: list[str] | None = None) -> int:
    """Runs one command; returns the exit status."""
    argv = sys.argv[1:] if argv is None else argv
    arguments = parser(_asked_for(argv)).parse_args(argv)
    try:
        if (number := gpus_here(arguments)) is not None:
            gpus.take(number)
        print(arguments.run(arguments), flush=True)
    except BrokenPipeError:  # `| head` has enough; Python would complain once more at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (ValueError, OSError) as error:
        if arguments.debug:
            raise
        is_input = isinstance(error, (ValueError, *_WRONG_PATHS))
        print(f"aubert: {'' if is_input else 'machine '}error: {error}", file=sys.stderr)
        return INPUT_FAULT if is_input else MACHINE_FAULT
    except Stopped as stopped:
        print(f"aubert: {stopped}", file=sys.stderr)
        return STOPPED
    except KeyboardInterrupt:
        print("aubert: interrupted", file=sys.stderr)
        return INTERRUPTED
    except Exception:
        traceback.print_exc()
        print(
            "aubert: this is a fault of aubert, not of its input: please report it with the "
            "lines above",
            file=sys.stderr,
        )
        return OWN_FAULT
    return DONE


def _asked_for(argv: Collection[str]) -> set[str]:
    """The group of a command line: its first word; all groups where that is none."""
    known = {name for section in GROUPS.values() for name in section}
    return known & {next((word for word in argv if not word.startswith("-")), "")} or known


def parser(names: Collection[str] | None = None) -> argparse.ArgumentParser:
    """Of these groups; None: of the whole command. Its help is a map: every group with its verbs,
    by section."""
    front = argparse.ArgumentParser(
        prog="aubert",
        usage="aubert [--debug] [--gpus N] GROUP [VERB] ...",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=_EXIT,
    )
    front.add_argument("--version", action="version", version=f"aubert {__version__}")
    front.add_argument("--debug", action="store_true", help="show where an error comes from")
    front.add_argument(
        "--gpus", type=int, help="wait for so many free ones and use no others; none: all of them"
    )
    completion = "print what the shell has to source, to complete commands"
    shtab.add_argument_to(front, "--completion", completion)
    parser = argparse.ArgumentParser(prog="aubert", parents=[front], add_help=False)
    groups = parser.add_subparsers(required=True, metavar="GROUP")
    lines = ["From audiobooks to speech representations. In the order of the flow:"]
    for section, adds in GROUPS.items():
        lines += ["", f"{section}:"]
        for name, add in adds.items():
            if names is None or name in names:
                module, _, function = add.rpartition(".")
                getattr(importlib.import_module(f"aubert.{module}"), function)(groups)
                lines.append(_line(groups.choices[name]))
    front.description = "\n".join(
        [*lines, "", "More: aubert GROUP --help, aubert GROUP VERB --help"]
    )
    parser.format_help = front.format_help  # argparse's own list has no sections
    return parser


def _line(group: argparse.ArgumentParser) -> str:
    name = group.prog.split()[-1]
    verbs = group.get_default("verbs")
    inside = f" ({', '.join(verbs.choices)})" if verbs else ""
    return f"  {name:<12}{group.description}{inside}"
