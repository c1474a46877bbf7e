# What a linear classifier reads off the encoders, untrained and trained to the end.
import shlex

PROBE_LAYER = config["probe"]["layer"]
if PROBE_LAYER > PLAN.model.num_layers:
    raise WorkflowError(
        f"config: probe.layer is {PROBE_LAYER}, but the model has {PLAN.model.num_layers} layers"
    )
PROBED = [UNTRAINED_HUBERT, LAST_HUBERT] if config["hubert"]["iterations"] else []
PROBE_FIGURES = [results("probe.json")] if PROBED else []


rule probe:
    input:
        tables=[
            expand(results(table, "{shard}.parquet"), shard=SHARDS)
            for table in ("recordings", "utterances")
        ],
        encoders=PROBED,
        corpus=CORPUS_READY if CORPUS["source"] == "mini" else [],
        code=code_of("evaluate.probe"),
    output:
        results("probe.json"),
    log:
        f"logs/{NAME}/probe.log",
    benchmark:
        results("benchmarks", "probe.tsv")
    conda:
        ENV
    threads: 1
    resources:
        mem_mb=megabytes(8000, mini=1500),
        runtime=minutes(240),
        gpu=GPU,
    params:
        results=subpath(output[0], parent=True),
        root=CORPUS["root"],
        encoders=shlex.join(f"--encoder={Path(model).name}={model}" for model in PROBED),
        classes=shlex.join(
            f"--folder={name}={folder}" for name, folder in CORPUS["classes"].items()
        ),
        fingerprint=labelled_fingerprint(CORPUS["classes"].values()),
        options=to_flags({**config["probe"], **config["units"]["encoder"]}),
    shell:
        "python -m aubert --gpus={resources.gpu} evaluate probe {output:q} --results {params.results:q} --root {params.root:q} {params.encoders} {params.classes} {params.options} 2> {log}"
