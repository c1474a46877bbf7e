"""The `aubert` command: `aubert <group> <verb>`. It parses, calls and prints.

Every command of a stage reads and writes the tables of one shard; its options come from
the stage's dataclass. A command's one-line summary goes to stdout, everything
else to stderr.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback

import shtab

from aubert import __version__, gpus
from aubert.align.commands import add_align
from aubert.align.words_commands import add_words
from aubert.clar.commands import add_clar
from aubert.config.commands import add_config
from aubert.corpus.commands import add_corpus
from aubert.cost.command import add_plan
from aubert.crossmodal.commands import add_aubert
from aubert.crossmodal.use_commands import add_embed, add_score
from aubert.ctc.commands import add_ctc
from aubert.download.commands import add_download
from aubert.evaluate.commands import add_evaluate
from aubert.evaluate.probe_command import add_probe
from aubert.export.command import add_export
from aubert.hubert.commands import add_hubert
from aubert.learn.stop import STOPPED, Stopped
from aubert.learn.torchrun import gpus_here
from aubert.mini.commands import add_mini
from aubert.report.command import add_report
from aubert.separation.commands import add_separate, add_separation
from aubert.transcribe.commands import add_transcribe, add_transcripts
from aubert.units.commands import add_kmeans
from aubert.units.encode_command import add_encode
from aubert.units.stage_commands import add_units

# Every group, in the order of the flow.
GROUPS = {
    "before anything runs": (add_config, add_plan, add_download),
    "the corpus": (add_mini, add_corpus, add_transcripts, add_align, add_words),
    "what learns from it": (add_units, add_hubert, add_ctc, add_aubert, add_clar, add_separation),
    "what comes of it": (add_evaluate, add_report, add_export),
    "by themselves": (
        add_encode,
        add_transcribe,
        add_probe,
        add_score,
        add_embed,
        add_separate,
        add_kmeans,
    ),
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
    arguments = parser().parse_args(argv)
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


def parser() -> argparse.ArgumentParser:
    """Of the whole command. Its help is a map: every group with its verbs, by section."""
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
        there = set(groups.choices)
        for add in adds:
            add(groups)
        lines += ["", f"{section}:"]
        lines += [_line(groups.choices[name]) for name in groups.choices if name not in there]
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
