# Masked prediction of units: iterations, each from its own label sets, and an untrained control.
import shlex

from aubert.hubert.options import VERSION as HUBERT_VERSION

UNTRAINED_HUBERT = results("hubert", PLAN.models[0])
LAST_HUBERT = results("hubert", PLAN.models[-1])


rule hubert_init:
    output:
        directory(results("hubert", "untrained")),
    log:
        f"logs/{NAME}/hubert/untrained.log",
    benchmark:
        results("benchmarks", "hubert", "untrained.tsv")
    conda:
        ENV
    threads: 1
    resources:
        mem_mb=megabytes(8000, mini=1500),
        runtime=minutes(30),
    params:
        version=HUBERT_VERSION,
        model=to_flags(PLAN.model_fields()),
        seed=config["seed"],
    shell:
        "python -m aubert hubert init {output:q} --seed={params.seed} {params.model} 2> {log}"


rule hubert_train:
    input:
        recordings=learned_from(
            expand(results("recordings", "{shard}.parquet"), shard=SHARDS),
            "hubert_train",
        ),
        utterances=learned_from(
            expand(results("utterances", "{shard}.parquet"), shard=SHARDS),
            "hubert_train",
        ),
        labels=learned_from(
            lambda wildcards: [
                os.path.join(labels, shard)
                for labels in labels_of(wildcards.iteration).values()
                for shard in SHARDS
            ],
            "hubert_train",
        ),
        # A new codebook trains again, with retrain: on_demand too: its labels are others.
        codebooks=lambda wildcards: [
            results("units", units.feature, f"k{units.k}", "codebook.json")
            for units in PLAN.learned_from(int(wildcards.iteration))
        ],
    output:
        directory(results("hubert", "iter{iteration}")),
    log:
        f"logs/{NAME}/hubert/iter{{iteration}}.log",
    benchmark:
        results("benchmarks", "hubert", "iter{iteration}.tsv")
    wildcard_constraints:
        iteration=r"\d+",
    conda:
        ENV
    threads: hubert_threads
    resources:
        mem_mb=megabytes(16000, mini=2000),
        runtime=2880,
        gpu=GPU,
        nodes=1,
    params:
        results=subpath(output[0], ancestor=2),
        root=CORPUS["root"],
        labels=lambda wildcards: shlex.join(
            f"--labels={name}={path}"
            for name, path in labels_of(wildcards.iteration).items()
        ),
        version=HUBERT_VERSION,
        model=to_flags(PLAN.model_fields()),
        options=lambda wildcards: with_held_out(
            to_flags(PLAN.training_fields(int(wildcards.iteration), how=False))
        ),
        # With `input` Snakemake does not compare the value: where and how a training runs
        # does not make it another one.
        how=lambda wildcards, input: to_flags(
            PLAN.training_fields(int(wildcards.iteration), how=True)
        ),
    shell:
        "exec python -m aubert --gpus={resources.gpu} hubert train {params.results:q} {output:q} {params.labels} --root={params.root:q} --processes={resources.gpu} --nodes={resources.nodes} {params.model} {params.options} {params.how} --restart=changed 2> {log}"
