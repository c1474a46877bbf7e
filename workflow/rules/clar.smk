# Encoders of clips from views of them, and what they know in voices that were left out.
from aubert.clar.options import VERSION as CLAR_VERSION

# The encoders' figures are part of the run's.
CLAR_FIGURES = [results("clar.json")] if CLAR_PLAN.arms else []
CLAR_TABLES = [
    results(table, f"{shard}.parquet") for table in CLAR_PLAN.tables for shard in SHARDS
]
CLAR_CLIPS = with_held_out(
    to_flags(
        {
            **CLAR_PLAN.clip_fields(),
            "results": results() if CLAR_TABLES else None,
            "root": CORPUS["root"] if CLAR_TABLES else None,
            "reference": CORPUS["reference"] if CLAR_TABLES else None,
        }
    )
)


rule clar_train:
    input:
        tables=learned_from(CLAR_TABLES, "clar_train"),
        corpus=CORPUS_READY if CORPUS["source"] == "mini" else [],
    output:
        directory(results("clar", "{arm}")),
    log:
        f"logs/{NAME}/clar_train/{{arm}}.log",
    benchmark:
        results("benchmarks", "clar_train", "{arm}.tsv")
    conda:
        ENV
    threads: 1 + config["clar"]["train"]["num_workers"]
    resources:
        mem_mb=megabytes(16000, mini=2000),
        runtime=1440,
        gpu=GPU,
        nodes=1,
    params:
        clips=CLAR_CLIPS,
        fingerprint=labelled_fingerprint(CLAR_PLAN.watched),
        version=CLAR_VERSION,
        options=lambda wildcards: to_flags(
            CLAR_PLAN.training_fields(wildcards.arm, how=False)
        ),
        # With `input` Snakemake does not compare the value: where and how a training runs
        # does not make it another one.
        how=lambda wildcards, input: to_flags(
            CLAR_PLAN.training_fields(wildcards.arm, how=True)
        ),
    shell:
        "exec python -m aubert --gpus={resources.gpu} clar train {output:q} --processes={resources.gpu} --nodes={resources.nodes} {params.clips} {params.options} {params.how} --restart=changed 2> {log}"


rule clar_evaluate:
    input:
        models=[results("clar", arm) for arm in CLAR_PLAN.arms],
        tables=CLAR_TABLES,
        code=code_of("clar.evaluation"),
    output:
        results("clar.json"),
    log:
        f"logs/{NAME}/clar_evaluate.log",
    benchmark:
        results("benchmarks", "clar_evaluate.tsv")
    conda:
        ENV
    threads: 1
    resources:
        mem_mb=megabytes(8000, mini=1500),
        runtime=minutes(240),
    params:
        clips=CLAR_CLIPS,
        budgets=" ".join(map(str, config["clar"]["budgets"])),
        options=to_flags(config["clar"]["read"]),
    shell:
        "python -m aubert clar evaluate {output:q} {input.models:q} --budgets {params.budgets} {params.clips} {params.options} 2> {log}"
