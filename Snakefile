# aubert: from audiobooks to speech representations. Types of work are in workflow/rules,
# parameters in config.yaml, machines in profiles/.
from snakemake.utils import min_version

min_version("9.27")


configfile: f"{workflow.basedir}/config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/mini.smk"
include: "workflow/rules/index.smk"
include: "workflow/rules/cut.smk"
include: "workflow/rules/books.smk"
include: "workflow/rules/transcribe.smk"
include: "workflow/rules/match.smk"
include: "workflow/rules/refine.smk"
include: "workflow/rules/words.smk"
include: "workflow/rules/metrics.smk"


localrules:
    all,
    corpus,
    dataset,


rule all:
    default_target: True
    input:
        results("metrics.json"),


# The cut recordings.
rule corpus:
    input:
        expand(results("utterances", "{shard}.parquet"), shard=SHARDS),


# The word-aligned corpus.
rule dataset:
    input:
        expand(results("words", "{shard}.parquet"), shard=SHARDS),
