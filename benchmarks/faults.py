"""Jobs killed at random moments: is anything lost, half there, or different afterwards?

A tiny run of every stage (two chapters to two minutes each, networks of some thousand weights,
and the miniature corpus's own synthesis) is done once, undisturbed. Then round by round: a copy
of it makes one stage's job again, and at a random moment of the job SIGKILL goes to

    run   Snakemake and everything below it, as when a machine fails
    job   the job's processes alone, as when memory runs out
    main  Snakemake alone: its job runs on, beside that of the next Snakemake

Right behind it no file under a final name may differ from the undisturbed run's; after a
second Snakemake the whole tree must be the same, byte by byte, with no temporary file left.
What jobs write about their own time (benchmarks/, logs/) is left out.

    python benchmarks/faults.py [ROUNDS [SEED]]
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import psutil
from figures import keep, table
from real_recordings import ROOT

from aubert.config.resolve import PRESETS, laid_over, read_yaml
from aubert.mini import make_mini

CHAPTERS = ["118/a_light_at_st_orrin_*/*_01_*", "14/the_well_of_oran_*/*_01_*"]
HELD_OUT = "2301"  # the book of the second
NETWORK = {"hidden_size": 16, "num_layers": 2, "num_heads": 2, "intermediate_size": 16}
NETWORK |= {"conv_channels": 16, "pos_conv_kernel": 8, "final_dim": 8}
LOGGED = {"log_every": 2, "checkpoint_every": 2}
PACE = {**LOGGED, "batch_seconds": 5.0, "step_seconds": 5.0}
CTC_PACE = {"steps": 12, "warmup_steps": 2, "hold_steps": 4, "validate_every": 4}
AUTO = {"features": {"iteration": 1, "layer": "auto"}, "clusters": [6], "train": {"steps": 6}}
OWN = {
    "name": "faults",
    "num_shards": 1,
    "max_reject_fraction": 1.0,
    "corpus": {
        "source": "librilight",
        "root": "librilight",
        "books_dir": "books",
        "book_meta": "book_meta.json",
        "reference": "reference",
        "labelled": {"train": ["labelled/1h"], "dev": {"seen": None, "unseen": "labelled/dev"}},
    },
    "held_out": {"speakers": [], "books": [HELD_OUT]},
    "units": {"kmeans": {"sample_frames": 2000, "restarts": 1}},
    "hubert": {
        "model": NETWORK,
        "train": {**PACE, "max_seconds": 5.0},
        "iterations": [{"features": "mfcc", "clusters": [6], "train": {"steps": 30}}, AUTO],
        "compare": {"layer": 1, "clusters": 6},
    },
    "probe": {"layer": 1},
    "ctc": {"train": {**PACE, **CTC_PACE, "batch_seconds": 16.0, "validation_share": 0.3}},
    "transcribe": {"backend": "pocketsphinx"},
    "aubert": {
        "scorers": ["cosine"],
        "small_bert": {"hidden_size": 16, "num_layers": 1, "intermediate_size": 16},
        "model": {"projection_dim": 8},
        "train": {"steps": 8, "warmup_steps": 1, "freeze_audio_steps": 4, **LOGGED},
    },
    "clar": {
        "arms": ["joint"],
        "clips": {"num_keywords": 4},
        "splits": {"folds": 2},
        "budgets": [100],
        "model": {"width": 8},
        "train": {"steps": 8, "warmup_steps": 1, "batch_clips": 16, "versions": 1, **LOGGED},
    },
    "separation": {
        "folders": {"voices": "voices"},
        "list": {"num_mixtures": 2, "seconds": 1.0, "unseen_share": 0.4},
        "model": {"hidden_size": 8, "embedding_dim": 4},
        "train": {"steps": 20, "warmup_steps": 1, **LOGGED},
    },
}
# The miniature run's values, which apply to its own corpus alone, with smaller ones over them.
PRESET = {key: value for key, value in read_yaml(PRESETS / "mini.yaml").items() if key != "corpus"}
OVERLAY = laid_over(PRESET, OWN)
# stage -> (what its job makes, the file of the job's time)
STAGES = {
    "index": ("recordings/0.parquet", "index/0"),
    "cut": ("utterances/0.parquet", "cut/0"),
    "books": ("books.parquet", "books"),
    "units_choose": ("units/choice.json", "units_choose"),
    "units_sample": ("units/mfcc/sample/0.safetensors", "units_sample/mfcc/0"),
    "units_learn": ("units/mfcc/k6/codebook.npy", "units_learn/mfcc_k6"),
    "units_label": ("units/mfcc/k6/labels/0", "units_label/mfcc_k6/0"),
    "units_quality": ("units/mfcc/k6/quality.json", "units_quality/mfcc_k6"),
    "units_best_layer": ("units/iter1_auto/layers.json", "units_best_layer/iter1_auto"),
    "units_sample, network": (
        "units/iter1_auto/sample/0.safetensors",
        "units_sample/iter1_auto/0",
    ),
    "units_learn, network": ("units/iter1_auto/k6/codebook.npy", "units_learn/iter1_auto_k6"),
    "units_label, network": ("units/iter1_auto/k6/labels/0", "units_label/iter1_auto_k6/0"),
    "hubert_init": ("hubert/untrained", "hubert/untrained"),
    "hubert_train": ("hubert/iter1", "hubert/iter1"),
    "ctc_train": ("ctc/hubert", "ctc_train/hubert"),
    "ctc_evaluate": ("ctc/hubert.json", "ctc_evaluate/hubert"),
    "probe": ("probe.json", "probe"),
    "transcribe": ("transcripts/0.parquet", "transcribe/0"),
    "match": ("matches/0.parquet", "match/0"),
    "refine": ("refined/0.parquet", "refine/0"),
    "calibrate": ("ctc_calibration.json", "calibrate"),
    "words": ("words/0.parquet", "words/0"),
    "pairs": ("pairs/0.parquet", "pairs/0"),
    "aubert_text": ("aubert/text", "aubert_text"),
    "aubert_train": ("aubert/cosine", "aubert_train/cosine"),
    "aubert_evaluate": ("aubert/cosine.json", "aubert_evaluate/cosine"),
    "clar_train": ("clar/joint100_fold0_draw0", "clar_train/joint100_fold0_draw0"),
    "clar_evaluate": ("clar.json", "clar_evaluate"),
    "separation_mix": ("separation/mixtures.json", "separation_mix"),
    "separation_train": ("separation/model", "separation_train"),
    "separation_evaluate": ("separation/figures.json", "separation_evaluate"),
    "metrics": ("metrics.json", "metrics"),
}
MINI = "mini"  # the synthesis, in a directory of its own with the default config
HOWS = {"run": "Snakemake and its jobs", "job": "the job alone", "main": "Snakemake alone"}
KILLED = "killed while it ran"
REFUSED = "killed, the next refused to train beside it"
LATE = "ended before it was killed"


def main() -> None:
    stages = [*STAGES, MINI]
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 2 * len(stages)
    chance = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    with tempfile.TemporaryDirectory(prefix="aubert_faults_") as directory:
        make_mini(Path(directory) / "corpus")
        undisturbed = Undisturbed(Path(directory), Path(directory) / "corpus", stages)
        outcomes = play(undisturbed, stages, range(rounds), chance)
    rows = [
        [whom, *(outcomes[how, outcome] for outcome in (KILLED, REFUSED, LATE))]
        for how, whom in HOWS.items()
    ]  # fmt: skip
    columns = [f"SIGKILL to, in {len(stages)} stages; all files equal afterwards",
               KILLED, REFUSED, LATE]  # fmt: skip
    keep("faults", columns, rows, seconds=sum(os.times()[:4]),
         command=" ".join(["python benchmarks/faults.py", *sys.argv[1:]]))  # fmt: skip
    print(table("faults"))


def play(
    undisturbed: Undisturbed, stages: Sequence[str], rounds: Iterable[int], chance: random.Random
) -> Counter[tuple[str, str]]:
    """Plays these rounds; a stage whose job ended before it could be killed, again. Returns how
    often each of HOWS had which outcome."""
    outcomes: Counter[tuple[str, str]] = Counter()
    pace = 1.0  # of the machine, now faster than when the undisturbed run was timed
    for number in rounds:
        turn, place = divmod(number, len(stages))
        stage, how = stages[place], list(HOWS)[(place + turn) % len(HOWS)]
        while True:
            outcome = disturb(undisturbed, stage, how, pace * chance.random())
            outcomes[how, outcome] += 1
            print(f"round {number + 1}: {stage}, SIGKILL to {how}: {outcome}", flush=True)
            if outcome != LATE:
                break
            pace *= 0.7
    return outcomes


class Undisturbed:
    """The finished runs, each in a folder, that the rounds take copies of."""

    def __init__(self, directory: Path, mini: Path, stages: Sequence[str]):
        """mini: the miniature corpus, from which the tiny one is taken."""
        self._directory = directory
        take_corpus(mini, directory / "tiny")
        finish(self.folder("tiny"), *(target(stage) for stage in stages if stage != MINI))
        if MINI in stages:
            (directory / MINI).mkdir()
            finish(self.folder(MINI), target(MINI))

    def folder(self, stage: str) -> Path:
        return self._directory / (MINI if stage == MINI else "tiny")

    def seconds(self, stage: str) -> float:
        """How long the stage's job ran."""
        name = (
            f"mini/benchmarks/{MINI}" if stage == MINI else f"faults/benchmarks/{STAGES[stage][1]}"
        )
        text = (self.folder(stage) / f"results/{name}.tsv").read_text()
        return float(text.splitlines()[1].split()[0])

    def copy(self, stage: str) -> Path:
        """Beside the original: paths in Snakemake's records are relative."""
        work = self._directory / "work"
        shutil.rmtree(work, ignore_errors=True)
        subprocess.run(["cp", "-a", str(self.folder(stage)), str(work)], check=True)
        return work


def disturb(undisturbed: Undisturbed, stage: str, how: str, moment: float) -> str:
    """One round. moment: 0..1 of the job's time. Returns what became of it; AssertionError says
    what was lost."""
    whole = contents(undisturbed.folder(stage))
    work = undisturbed.copy(stage)
    snakemake = start(work, "--nolock", "--force", target(stage))
    jobs = wait_for_job(snakemake)
    time.sleep(moment * undisturbed.seconds(stage))
    alive = any(job.is_running() for job in jobs)
    if how == "run":
        kill(family(snakemake.pid))
    elif how == "job":
        kill([process for job in jobs for process in family(job.pid)])
    else:
        snakemake.kill()
    failed = snakemake.wait() != 0
    assert failed or not alive or how == "job", f"{stage}: Snakemake outlived SIGKILL"
    check_partial(work / target(stage), contents(work), whole)

    outcome = KILLED if alive else LATE
    if how == "main":
        if start(work, "--nolock", target(stage)).wait():
            output = (work / "snakemake.txt").read_text()
            assert "by another process" in output and "Traceback" not in output, output
            outcome = REFUSED
        psutil.wait_procs(jobs)
    finish(work, "--nolock", target(stage))
    assert contents(work) == whole, f"{stage}: not what the undisturbed run made"
    hidden = (work / "results").rglob(".*")
    kept = (".snakemake_timestamp", ".contents")  # what recordings held, beside their tables
    left = [path for path in hidden if path.name not in kept]
    assert not left, f"{stage}: temporary files are left: {left}"
    return outcome


def check_partial(made: Path, found: dict[str, str], whole: dict[str, str]) -> None:
    """What a kill leaves under final names is whole: each file, and the directory `made`."""
    changed = [name for name, content in found.items() if whole.get(name) != content]
    assert not changed, f"half written: {changed}"
    if made.is_dir():
        name = f"/{made.name}/"
        missing = [path for path in whole.keys() - found.keys() if name in path]
        assert not missing, f"half there: {made} lacks {missing}"


def contents(directory: Path) -> dict[str, str]:
    """Hashes of all that a run makes, by path; no temporary file, checkpoint, log or time."""
    found = {}
    for top in ("results", "data"):
        for path in sorted((directory / top).rglob("*")):
            parts = path.relative_to(directory).parts
            working = any(part[0] == "." or part.endswith(".training") for part in parts)
            if path.is_file() and not working and "benchmarks" not in parts:
                found["/".join(parts)] = hashlib.sha256(path.read_bytes()).hexdigest()
    assert found, directory
    return found


def wait_for_job(snakemake: subprocess.Popen) -> list[psutil.Process]:
    """The processes `python -m aubert` that run below Snakemake, as soon as there is one."""
    while snakemake.poll() is None:
        jobs = [p for p in family(snakemake.pid) if command(p)[1:3] == ["-m", "aubert"]]
        if jobs:
            return jobs
        time.sleep(0.02)
    raise AssertionError(f"no job ran: {snakemake.args}")


def family(pid: int) -> list[psutil.Process]:
    """The process and all below it."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


def kill(processes: Sequence[psutil.Process]) -> None:
    """At once: first all are stopped, so that none sees another die."""
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)


def take_corpus(mini: Path, directory: Path) -> None:
    for pattern in CHAPTERS:
        for path in (mini / "librilight/small").glob(pattern):
            taken = directory / path.relative_to(mini)
            taken.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, taken)
    shutil.copytree(mini / "librispeech_finetuning/1h/0", directory / "labelled/1h")
    for part in ("clean", "other"):  # of five speakers
        shutil.copytree(directory / "labelled/1h" / part, directory / "voices", dirs_exist_ok=True)
    speaker = min((mini / "librispeech/dev-unseen").iterdir())
    shutil.copytree(min(speaker.iterdir()), directory / "labelled/dev")
    for name in ("books", "reference"):
        shutil.copytree(mini / name, directory / name)
    shutil.copy(mini / "book_meta.json", directory)


def target(stage: str) -> str:
    return "data/mini/manifest.json" if stage == MINI else f"results/faults/{STAGES[stage][0]}"


def start(directory: Path, *arguments: str, log: str = "snakemake.txt") -> subprocess.Popen:
    """Snakemake; what it prints goes to the file `log`."""
    is_mini = (directory / "data").exists() or directory.name == MINI
    overlay = directory / "overlay.json"
    overlay.write_text(json.dumps({} if is_mini else OVERLAY))
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    command += ["--directory", str(directory), "--workflow-profile", "none", "--cores", "2"]
    command += ["--rerun-incomplete", "--show-failed-logs", *arguments]
    with (directory / log).open("w") as output:
        return subprocess.Popen(
            [*command, "--configfile", str(overlay)], stdout=output, stderr=subprocess.STDOUT
        )


def finish(directory: Path, *arguments: str) -> None:
    failed = start(directory, *arguments).wait()
    assert not failed, (directory / "snakemake.txt").read_text()[-6000:]


if __name__ == "__main__":
    main()
