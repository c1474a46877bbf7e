# aubert: from audiobooks to speech representations. Types of work are in workflow/rules,
# parameters in config.yaml, machines in profiles/.
from snakemake.utils import min_version

min_version("9.27")


configfile: f"{workflow.current_basedir}/config.yaml"


include: "workflow/rules/common.smk"


container: config["container"]


include: "workflow/rules/mini.smk"
include: "workflow/rules/download.smk"
include: "workflow/rules/folder.smk"
include: "workflow/rules/index.smk"
include: "workflow/rules/cut.smk"
include: "workflow/rules/books.smk"
include: "workflow/rules/unit_inputs.smk"
include: "workflow/rules/phones.smk"
include: "workflow/rules/units.smk"
include: "workflow/rules/hubert.smk"
include: "workflow/rules/ctc.smk"
include: "workflow/rules/clar.smk"
include: "workflow/rules/probe.smk"
include: "workflow/rules/separation.smk"
include: "workflow/rules/transcribe.smk"
include: "workflow/rules/match.smk"
include: "workflow/rules/refine.smk"
include: "workflow/rules/words.smk"
include: "workflow/rules/crossmodal.smk"
include: "workflow/rules/metrics.smk"
include: "workflow/rules/export.smk"
include: "workflow/rules/report.smk"


# The page of the run; of speech without texts what its systems learn, and their figures.
rule all:
    input:
        results("report", "index.html") if HAS_TEXTS else LEARNED_FROM_SOUND,


# The cut recordings.
rule corpus:
    input:
        expand(results("utterances", "{shard}.parquet"), shard=SHARDS),
        FILES_TABLE,


# The word-aligned corpus.
rule dataset:
    input:
        expand(results("words", "{shard}.parquet"), shard=SHARDS),
        FILES_TABLE,


# The units that every iteration of HuBERT learns from, and how good they are.
rule units:
    input:
        [
            results("units", units.feature, f"k{units.k}", "labels", shard)
            for units in PLAN.learned
            for shard in SHARDS
        ],
        [quality_of(units) for units in PLAN.learned if units in PLAN.measured],


# Every iteration of HuBERT, and how good the units of each are.
rule hubert:
    input:
        asked_for(
            "hubert",
            [results("hubert", model) for model in PLAN.models] + UNIT_FIGURES,
        ),


# Networks fine-tuned on labelled speech, and their error rates.
rule ctc:
    input:
        asked_for("ctc", CTC_FIGURES),


# Text and audio encoders of words in context, what they retrieve, and pictures of it.
rule aubert:
    input:
        asked_for("aubert", AUBERT_FIGURES + AUBERT_PICTURES),


# Encoders of clips from views of them, and what they know in voices that were left out.
rule clar:
    input:
        asked_for("clar", CLAR_FIGURES),


# A network that takes mixtures of voices apart, and how well it does.
rule separation:
    input:
        SEPARATION_FIGURES,


# Everything is made of the books and the labelled speech: their contents may be recorded.
onsuccess:
    if workflow.is_main_process:
        FINGERPRINTS.record()
