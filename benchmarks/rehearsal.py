"""An end-to-end rehearsal at scale: from a tar on a server to words, units and HuBERT, on SLURM,
while jobs are killed and the node fails.

    tests/slurm/one_node.sh install    # once, as root, on a machine without a SLURM
    make demo                          # its CTC network is the recogniser
    python benchmarks/rehearsal.py --hours 20 --shards 64 --folder /tmp/rehearsal

1. Two speakers for each shard read the miniature corpus's twelve books until there are so many
   hours (rehearsal_corpus.py). All is synthesised: each chapter by each speaker anew, with a rate,
   a pitch, slips and a room of its own. Of one in five speakers the jsons hold no voice activity;
   one json in twenty names a book that there is not. 75 books more are read by nobody.
2. The recordings are packed as Libri-Light's publisher packs its, and served on 127.0.0.1 by a
   server that drops connections. `snakemake download` fetches them and the books.
3. The dataset flow, units of MFCC and of a layer of HuBERT, and some HuBERT steps run through
   profiles/slurm on the SLURM of tests/slurm. A share of the submissions is killed, cancelled or
   requeued at a random moment (rehearsal_faults.py); the node goes down with all its jobs. Memory,
   partitions and retries are the profile's, but for what the one node does not have (`profile`).
4. Some shards are made again in the same way without faults, with the codebooks and the
   calibration, which come from all shards: every file must be the same, byte by byte. HuBERT's
   model is taken over.

Rows are counted by the ids in the tables, from the recordings in the tar on. The status is 1 where
a row is lost, a job failed for good, or a file differs. The same command goes on where it was
stopped; what is made stays made.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pyarrow.compute as pc
import yaml
from real_recordings import ROOT
from rehearsal_corpus import (
    ARTEFACT,
    TAR_SUBSET,
    lay_distractors,
    make_corpus,
    recordings_in,
    served,
)
from rehearsal_faults import Watch, one_node
from rehearsal_report import report

from aubert import tables
from aubert.config.resolve import PRESETS, laid_over, read_yaml
from aubert.corpus.shards import shard_names
from aubert.evaluate.dataset import STAGES

NAME, SPEAKERS_PER_SHARD = "rehearsal", 2
TARGETS = ["dataset", "units", "hubert"]
UNITS = {"mfcc": 100, "iter1_layer2": 100}
OF_A_SHARD = ["index", "cut", "transcribe", "books_of_shard", "match", "refine", "words"]
OF_A_SHARD += ["units_sample", "units_label"]
OF_ALL = ["books", "calibrate", "units_choose", "units_learn"]  # and cheap
STEPS = 12


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=float, default=20.0, help="audio, at least")
    parser.add_argument("--shards", type=int, default=64)
    parser.add_argument("--folder", type=Path, required=True, help="for all that is made")
    parser.add_argument("--failures", type=float, default=0.1, help="share of jobs, 0 to 1")
    parser.add_argument("--node-failures", type=int, default=3, help="number")
    parser.add_argument("--compare", type=int, default=3, help="shards that are made twice")
    parser.add_argument("--ctc", type=Path, default=ROOT / "results/mini/ctc/hubert")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    folder, run = arguments.folder.absolute(), arguments.folder.absolute() / "run"
    if not (arguments.ctc / "model.safetensors").is_file():
        raise SystemExit(f"{arguments.ctc} holds no CTC network: run `make demo` first, or --ctc")
    prepare(run, arguments)
    num_speakers = SPEAKERS_PER_SHARD * arguments.shards
    archive = make_corpus(folder / "corpus", arguments.hours, num_speakers, arguments.seed)
    download(folder, run, archive, arguments.seed)
    status = on_slurm(folder, run, arguments)
    if status:
        raise SystemExit(f"Snakemake ended with {status}: {run / 'snakemake.txt'}")
    names = shard_names(arguments.shards)
    lost = lost_rows(run / "results" / NAME, recordings_in(archive))
    struck = Counter(name.split("_")[-1] for _, name in total(notes(folder))["struck"])
    chosen = sorted(names, key=lambda name: -struck[name])[: arguments.compare]
    differing = compare(run, folder / "undisturbed", chosen)
    called = "python benchmarks/rehearsal.py " + " ".join(
        f"--{name} {getattr(arguments, name):g}" for name in ("hours", "shards", "failures")
    )
    compared = len(chosen), len(differing)
    report(run, total(notes(folder)), profile()["groups"], called, lost, *compared)
    for name in differing:
        print(f"differs: {name}")
    sys.exit(bool(sum(lost.values()) or differing))


def prepare(run: Path, arguments: argparse.Namespace) -> None:
    """The run's folder, with its config and the network. Exits where it is another rehearsal's."""
    run.mkdir(parents=True, exist_ok=True)
    wanted = {key: getattr(arguments, key) for key in ("hours", "shards", "seed")}
    settings = run.parent / "settings.json"
    if settings.exists() and json.loads(settings.read_text()) != wanted:
        raise SystemExit(f"{settings} is of other values: choose another --folder")
    settings.write_text(json.dumps(wanted))
    if not (run / "ctc").exists():
        shutil.copytree(arguments.ctc, run / "ctc")
    own = {
        "name": NAME,
        "num_shards": arguments.shards,
        "systems": [],
        "corpus": {
            "source": "librilight",
            "root": "data/librilight",
            "subsets": [TAR_SUBSET],
            "books_dir": "data/books",
            "book_meta": "data/book_meta.json",
        },
        "held_out": {"speakers": [], "books": [], "speakers_share": 0.02, "books_share": 0.02},
        "cut": {"detector": "silero"},
        "transcribe": {"backend": "ctc", "ctc": {"model": "./ctc"}},
        "words": {"backend": "ctc", "ctc": {"model": "./ctc"}},
        "units": {"phones": None},
        "hubert": {
            "train": {"warmup_steps": 2, "log_every": 2, "checkpoint_every": 4},
            "iterations": [
                {"features": "mfcc", "clusters": [100], "train": {"steps": STEPS}},
                {"features": {"iteration": 1, "layer": 2}, "clusters": [100],
                 "train": {"steps": STEPS}},
            ],
        },
    }  # fmt: skip
    sizes = read_yaml(PRESETS / "mini.yaml")
    del sizes["corpus"]
    (run / "overlay.json").write_text(json.dumps(laid_over(sizes, own)))
    (run / "profile").mkdir(exist_ok=True)
    (run / "profile/profile.yaml").write_text(yaml.safe_dump(profile()))


def profile() -> dict:
    """profiles/slurm as its user edits it, for a node of two GPUs that are made up, without an
    accounting database."""
    edited = yaml.safe_load((ROOT / "profiles/slurm/profile.yaml").read_text())
    edited["set-resources"]["hubert_train"] |= {"gpu": 2, "mem_mb": "20000 * attempt"}
    # Two cores do what eight of the node do.
    edited["set-threads"] = {rule: 1 for rule in edited["set-threads"]} | {"hubert_train": 2}
    edited["slurm-status-command"] = "squeue"
    # A disk of this machine: no other node's file is waited for.
    return edited | {"latency-wait": 15, "slurm-init-seconds-before-status-checks": 5}


def download(folder: Path, run: Path, archive: Path, seed: int) -> None:
    """By the workflow, from a server that drops connections."""
    if (run / "data/book_meta.json").exists():  # written last
        return
    lay_distractors(run / "data/books", seed)
    with served(archive, seed) as server:
        source = f"{{out: data, base_url: '{server.address}', artefacts: [{ARTEFACT}]}}"
        local(run, "download", "--config", f"download={source}")
        note(folder, {"requests": len(server.ranges)})


def snakemake(directory: Path, *arguments: str) -> list[str]:
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    command += ["--directory", str(directory), "--configfile", str(directory / "overlay.json")]
    return [*command, *arguments]


def local(directory: Path, *arguments: str) -> None:
    command = snakemake(directory, "--workflow-profile", "none", "--cores", "2", *arguments)
    with (directory / "local.txt").open("w") as output:
        if subprocess.run(command, stdout=output, stderr=output, env=environment()).returncode:
            raise SystemExit((directory / "local.txt").read_text()[-6000:])


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1"}


def on_slurm(folder: Path, run: Path, arguments: argparse.Namespace) -> int:
    """Snakemake's status. What happened is noted."""
    watch = Watch(arguments.failures, arguments.seed, arguments.node_failures)
    started = time.monotonic()
    command = snakemake(run, "--workflow-profile", str(run / "profile"), *TARGETS)
    shutil.rmtree(folder / "node", ignore_errors=True)  # else SLURM knows the jobs of the last call
    with one_node(folder / "node"), (run / "snakemake.txt").open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment())
        try:
            while process.poll() is None:
                watch.look()
                time.sleep(1)
        finally:
            process.wait()
            tries = (run / "snakemake.txt").read_text().count("Trying to restart job")
            seconds = time.monotonic() - started if watch.jobs else 0.0
            note(folder, {"seconds": seconds, "tries": tries, **watch.record()})
    return process.returncode


def note(folder: Path, what: dict) -> None:
    with (folder / "notes.jsonl").open("a") as file:
        file.write(json.dumps(what) + "\n")


def notes(folder: Path) -> list[dict]:
    """Of every call with this folder."""
    return [json.loads(line) for line in (folder / "notes.jsonl").read_text().splitlines()]


# --- what came out


def lost_rows(results: Path, recordings: set[str]) -> dict[str, int]:
    """Stage -> ids that went in and neither came out nor were rejected, or did both, or came from
    nowhere."""
    went_in, lost = {"recording_id": recordings}, {}
    for stage, (table, key) in STAGES.items():
        out, rejected = rows_of(results, table, key), rows_of(results, f"rejects/{stage}", "id")
        lost[stage] = unaccounted(went_in[key], out, rejected)
        went_in[key] = out
        if table == "utterances":
            utterances = went_in["utterance_id"] = rows_of(results, table, "utterance_id")
    for feature, k in UNITS.items():
        lists = (results / f"units/{feature}/k{k}/labels").glob("*/ids.txt")
        out = {line for one in lists for line in one.read_text().splitlines()}
        stage = f"units_{feature}_k{k}"
        rejected = rows_of(results, f"rejects/{stage}", "id")
        lost[stage] = unaccounted(utterances, out, rejected)
    return lost


def rows_of(results: Path, folder: str, column: str) -> set[str]:
    """The values of a column in the tables of all shards."""
    table = folder.split("/")[0]
    found: set[str] = set()
    for path in tables.shards(results, folder):
        found.update(pc.unique(tables.read(path, table, [column])[column]).to_pylist())
    return found


def unaccounted(went_in: set[str], out: set[str], rejected: set[str]) -> int:
    return len(went_in ^ (out | rejected)) + len(out & rejected)


def compare(run: Path, work: Path, shards: list[str]) -> list[str]:
    """Makes these shards again, undisturbed, and what is cheap of all shards; returns the files
    that are not the same."""
    results = run / "results" / NAME
    if not work.exists():
        part = work.with_name(f"{work.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        made_again = {*shards, "books", "ctc_calibration", "choice", "codebook"}

        def without(folder: str, names: list[str]) -> set[str]:
            # The folder books/ has files of all shards.
            return {name for name in names if Path(name).stem in made_again and name != "books"}

        shutil.copytree(results, part / "results" / NAME, ignore=without)
        for name in ("data", "ctc", "overlay.json"):
            (part / name).symlink_to(run / name)
        part.rename(work)
    targets = [f"results/{NAME}/words/{shard}.parquet" for shard in shards]
    targets += [
        f"results/{NAME}/units/{feature}/k{k}/labels/{shard}"
        for feature, k in UNITS.items()
        for shard in shards
    ]
    only = ["--rerun-triggers", "mtime", "--allowed-rules", *OF_A_SHARD, *OF_ALL]
    local(work, *targets, *only)
    again = dict(contents(work / "results" / NAME))
    before = dict(contents(results))
    return sorted(name for name in again.keys() | before if again.get(name) != before.get(name))


def contents(results: Path) -> Iterator[tuple[str, str]]:
    """Files and their hashes; no times, checkpoints or hidden files."""
    for path in sorted(results.rglob("*")):
        parts = path.relative_to(results).parts
        working = any(one[0] == "." or one.endswith(".training") for one in parts)
        if path.is_file() and not working and parts[0] not in ("benchmarks", "download"):
            yield "/".join(parts), hashlib.sha256(path.read_bytes()).hexdigest()


def total(calls: list[dict]) -> dict:
    """Of all calls together."""
    return {
        "jobs": [job for one in calls for job in one.get("jobs", [])],
        "struck": [tuple(each) for one in calls for each in one.get("struck", [])],
        **{key: sum(one.get(key, 0) for one in calls) for key in ("seconds", "tries", "requests")},
    }


if __name__ == "__main__":
    main()
