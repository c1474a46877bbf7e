# Deep clustering: mixtures of the corpus's voices, and a network that takes them apart.
import shlex

from aubert.learn.options import part
from aubert.separation.options import VERSION as SEPARATION_VERSION
from aubert.separation.options import SeparationTrainOptions

SEPARATION = config["separation"]
SEPARATION_TRAIN = SeparationTrainOptions(**SEPARATION["train"])
SEPARATION_MODEL = results("separation", "model")
SEPARATION_TABLES = expand(
    results("{table}", "{shard}.parquet"),
    table=["recordings", "utterances"],
    shard=SHARDS,
)
SEPARATION_FIGURES = [results("separation", "figures.json")]
VOICE_FLAGS = " ".join(
    [
        shlex.join(
            f"--folder={name}={path}" for name, path in SEPARATION["folders"].items()
        ),
        with_held_out(to_flags({"results": results(), "root": CORPUS["root"]})),
    ]
)


rule separation_mix:
    input:
        tables=learned_from(SEPARATION_TABLES, "separation_mix"),
        corpus=CORPUS_READY if CORPUS["source"] == "mini" else [],
        code=code_of("separation.mixtures"),
    output:
        results("separation", "mixtures.json"),
    log:
        f"logs/{NAME}/separation_mix.log",
    benchmark:
        results("benchmarks", "separation_mix.tsv")
    conda:
        ENV
    threads: 1
    resources:
        mem_mb=megabytes(2000, mini=500),
        runtime=minutes(60),
    params:
        voices=VOICE_FLAGS,
        fingerprint=labelled_fingerprint(SEPARATION["folders"].values()),
        options=to_flags(SEPARATION["list"]),
    shell:
        "python -m aubert separation mix {output} {params.voices} {params.options} 2> {log}"


rule separation_train:
    input:
        mixtures=results("separation", "mixtures.json"),
        tables=learned_from(SEPARATION_TABLES, "separation_train"),
        corpus=CORPUS_READY if CORPUS["source"] == "mini" else [],
    output:
        directory(SEPARATION_MODEL),
    log:
        f"logs/{NAME}/separation_train.log",
    benchmark:
        results("benchmarks", "separation_train.tsv")
    conda:
        ENV
    threads: 1 + SEPARATION["train"]["num_workers"]
    resources:
        mem_mb=megabytes(16000, mini=2000),
        runtime=1440,
        gpu=GPU,
        nodes=1,
    params:
        voices=VOICE_FLAGS,
        fingerprint=labelled_fingerprint(SEPARATION["folders"].values()),
        version=SEPARATION_VERSION,
        options=" ".join(
            [
                to_flags(SEPARATION["model"]),
                to_flags(part(SEPARATION_TRAIN, how=False)),
            ]
        ),
        # With `input` Snakemake does not compare the value: where and how a training runs
        # does not make it another one.
        how=lambda wildcards, input: to_flags(part(SEPARATION_TRAIN, how=True)),
    shell:
        "exec python -m aubert --gpus={resources.gpu} separation train {output:q} --mixtures={input.mixtures:q} {params.voices} --processes={resources.gpu} --nodes={resources.nodes} {params.options} {params.how} --restart=changed 2> {log}"


rule separation_evaluate:
    input:
        model=SEPARATION_MODEL,
        mixtures=results("separation", "mixtures.json"),
        corpus=CORPUS_READY if CORPUS["source"] == "mini" else [],
        code=code_of("separation.evaluation"),
    output:
        SEPARATION_FIGURES,
    log:
        f"logs/{NAME}/separation_evaluate.log",
    benchmark:
        results("benchmarks", "separation_evaluate.tsv")
    conda:
        ENV
    threads: 1
    resources:
        mem_mb=megabytes(8000, mini=1500),
        runtime=minutes(240),
        gpu=gpu_unless(SEPARATION["separate"]["device"]),
    params:
        options=to_flags(SEPARATION["separate"]),
    shell:
        "python -m aubert --gpus={resources.gpu} separation evaluate {output} --model={input.model:q} --mixtures={input.mixtures:q} {params.options} 2> {log}"
