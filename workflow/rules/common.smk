# What the rules share: the checked config, names of shards and paths, what makes a job rerun.
import os
import shlex
import sys
from pathlib import Path

# The folder of the Snakefile, whichever workflow imports it as a module.
HOUSE = Path(str(workflow.current_basedir)).parents[1]
if not (HOUSE / "src" / "aubert").is_dir():
    raise WorkflowError(
        "aubert needs its whole checkout: git clone it, and give the module the path of its "
        "Snakefile"
    )
sys.path.insert(0, str(HOUSE / "src"))

from aubert import gpus
from aubert.crossmodal.plan import AubertPlan
from aubert.clar.plan import ClarPlan
from aubert.config import resolve
from aubert.config.checks import check_paths, has_texts, needs_words, systems_of
from aubert.config.languages import check_languages, phones_are_known
from aubert.corpus.held_out import held_out_flags
from aubert.corpus.shards import shard_names
from aubert.ctc.plan import CtcPlan
from aubert.hubert.plan import TRAINED, Plan
from aubert.options import to_flags
from aubert.workflow import (
    code_of,
    corpus_of,
    fingerprints_of,
    let_jobs_find_aubert,
    look_for_jobs_when_one_ends,
    retry_what_may_help,
    with_home,
)

let_jobs_find_aubert()
retry_what_may_help()
look_for_jobs_when_one_ends()

try:
    # Every value of the run stands in `config` from here on.
    config = resolve(config)
    config["corpus"]["root"] = with_home(config["corpus"]["root"])
    # A job on a cluster does not look at the corpus: its rules are there in any case.
    HAS_TEXTS = not workflow.is_main_process or has_texts(config["corpus"])
    # Phones are known of the audio of words, and of languages that pocketsphinx reads.
    if not HAS_TEXTS or not phones_are_known(config):
        config["units"]["phones"] = None
    PLAN = Plan(config)
    CTC_PLAN = CtcPlan(config, PLAN)
    AUBERT_PLAN = AubertPlan(config, PLAN)
    CLAR_PLAN = ClarPlan(config)
    PLANS = {"hubert": PLAN, "ctc": CTC_PLAN, "aubert": AUBERT_PLAN, "clar": CLAR_PLAN}
    SYSTEMS = config["systems"]  # that are part of `snakemake` without a target
    if workflow.is_main_process:
        targets = {
            target
            for target in (
                "all",
                "download",
                "corpus",
                "dataset",
                "units",
                *PLANS,
                "separation",
            )
            if workflow.modifier.modify_rulename(target) in sys.argv
        }
        check_paths(config, targets, HAS_TEXTS)
        for system in PLANS.keys() & systems_of(config, targets):
            if PLANS[system].fault:
                raise ValueError(PLANS[system].fault)
except ValueError as error:
    raise WorkflowError(str(error))

SHARDS = shard_names(config["num_shards"])
NAME = config["name"]
CORPUS = corpus_of(config)
if "{" in CORPUS["root"]:
    # A path, not text: Snakemake takes braces in text for wildcards.
    CORPUS = {**CORPUS, "root": Path(CORPUS["root"])}
ENV = "../../envs/aubert.yaml"


# Of a job that computes on GPUs: one, where this machine has any. What a cluster gives, and
# more than one for a training, stands in a profile.
GPU = min(1, len(gpus.visible()))


def gpu_unless(device):
    """GPUs of a job with a device in its config: none where that is the CPU."""
    return 0 if device == "cpu" else GPU


def megabytes(number, mini=None, per_core=0):
    """mem_mb of a job; a retry gets as much again. mini: in the miniature run; per_core: of each
    core but the first"""
    if mini and CORPUS["source"] == "mini":
        number = mini

    def needed(wildcards, attempt, threads):
        return (number + per_core * (threads - 1)) * attempt

    return needed


def minutes(number):
    """runtime of a job; a retry gets as much again"""
    return lambda wildcards, attempt: number * attempt


def asked_for(system, files):
    """The files of a system's target. Raises WorkflowError where the config lets none be made."""

    def inputs(wildcards):
        fault = PLANS[system].fault
        if fault:
            raise WorkflowError(fault)
        return files

    return inputs


wildcard_constraints:
    shard=r"\d+",
    artefact=r"(librilight|librispeech|lm)-[\w-]+",


def results(*parts):
    return os.path.join(config["results_dir"], NAME, *parts)


def rejects(stage):
    return results("rejects", stage, "{shard}.parquet")


def log_of(stage):
    return f"logs/{NAME}/{stage}/{{shard}}.log"


def times_of(stage):
    return results("benchmarks", stage, "{shard}.tsv")


# The recordings are there when this file is, where a rule makes the corpus.
CORPUS_READY = str(Path(CORPUS["root"]).parent / "manifest.json")
# Of a folder there is one for each shard, so that a change of it concerns no other.
SHARD_READY = {
    "mini": CORPUS_READY,
    "folder": results("corpus", "shards", "{shard}.json"),
}.get(CORPUS["source"], [])

# What no job makes is watched by `params`, by a function of the wildcards alone (of one that
# takes `input`, Snakemake does not compare the value). Where it opens an input that is not
# made yet, Snakemake asks again before the job.
FINGERPRINTS = fingerprints_of(config, CORPUS)

if workflow.is_main_process and HAS_TEXTS and needs_words(targets):
    try:
        for line in check_languages(config, FINGERPRINTS.languages()):
            print(f"Its recordings will be rejected: {line}", file=sys.stderr)
    except ValueError as error:
        raise WorkflowError(str(error))


def listing_of_shard(wildcards):
    """Flags that tell where a shard's recordings are listed: a manifest, what was made of a folder,
    or the corpus's directories."""
    if CORPUS["source"] == "manifest":
        embedded = results("corpus", "audio", wildcards.shard)
        return to_flags({"manifest": config["corpus"]["root"], "embedded": embedded})
    if CORPUS["source"] == "folder":
        return to_flags({"listed": SHARD_READY.format(shard=wildcards.shard)})
    return shlex.join(["--subsets", *CORPUS["subsets"]])


def corpus_fingerprint(wildcards):
    """The shard's files. None in a cluster job, which must not walk the corpus again."""
    if not workflow.is_main_process:
        return None
    if CORPUS["source"] == "mini":
        open(CORPUS_READY).close()
    return FINGERPRINTS.of_shard(wildcards.shard)


def book_fingerprint(wildcards):
    """The books that the shard's recordings were read from."""
    if not workflow.is_main_process:
        return None
    return FINGERPRINTS.of_books(results("recordings", f"{wildcards.shard}.parquet"))


def shelf_fingerprint(wildcards):
    """Every book; a manifest has none."""
    if not workflow.is_main_process or CORPUS["books_dir"] is None:
        return None
    if CORPUS["source"] == "mini":
        open(CORPUS_READY).close()
    return FINGERPRINTS.of_shelf()


# What became of every file of a folder.
FILES_TABLE = results("corpus", "files.json") if CORPUS["source"] == "folder" else []


def threads_of_shard(wildcards):
    """Cores of a job that goes over the utterances of a shard: where a folder's books are in fewer
    shards than there are cores, the rest help."""
    if CORPUS["source"] != "folder" or not workflow.is_main_process:
        return 1
    busy = FINGERPRINTS.busy_shards()
    if int(wildcards.shard) not in busy:
        return 1
    return max(1, (workflow.cores or 1) // len(busy))


def folder_fingerprint(wildcards):
    """Every file of a folder of audiobooks."""
    return FINGERPRINTS.of_folder() if workflow.is_main_process else None


def labelled_fingerprint(folders):
    """A function of the wildcards: every file of these labelled folders."""

    def fingerprint(wildcards):
        if not workflow.is_main_process:
            return None
        if CORPUS["source"] == "mini":
            open(CORPUS_READY).close()
        return FINGERPRINTS.of_labelled(*folders)

    return fingerprint


# What is trained on demand takes the corpus's tables as they were: newer ones start no training.
# When it is forced it takes new ones, since Snakemake passes over a forced job behind one that
# runs when all between them is ancient.
def learned_from(files, rule):
    """The input function of `rule`, of a list of files or another input function."""
    name = workflow.modifier.modify_rulename(rule)  # another one where this is a module

    def is_forced(wildcards):
        made, _ = workflow.get_rule(name).expand_output(dict(wildcards.items()))
        return not workflow.dag_settings.forcerun.isdisjoint([name, *map(str, made)])

    def inputs(wildcards):
        found = files(wildcards) if callable(files) else files
        on_demand = config["retrain"] == "on_demand" and not is_forced(wildcards)
        return ancient(found) if on_demand else found

    return inputs


# The run's own CTC checkpoint, where a stage takes it.
OWN_CTC = results("ctc", CTC_PLAN.own) if CTC_PLAN.own else []


def with_own_ctc(section):
    """A stage's config with the path of the run's own checkpoint, where that is asked for."""
    return {**section, "model": OWN_CTC} if section.get("model") == TRAINED else section


# English is the commands' default: a flag more would make every job another one.
LANGUAGE = None if CORPUS["language"] == "en" else CORPUS["language"]
SHELF_FLAGS = to_flags(
    {
        "books_dir": CORPUS["books_dir"],
        "book_meta": CORPUS["book_meta"],
        "language": LANGUAGE,
    }
)
ACCOUNT_FLAGS = to_flags({"max_reject_fraction": config["max_reject_fraction"]})
HELD_OUT = held_out_flags(config["held_out"])


def with_held_out(flags):
    """The flags of a job that learns, with what is held out of it."""
    return f"{flags} {HELD_OUT}" if HELD_OUT else flags
