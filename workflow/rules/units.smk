# Discrete units: a codebook from all shards, labels of each, and what they tell of the phones.
import re

from aubert.units.encoder_features import VERSION as ENCODER_VERSION

UNIT_FIGURES = [quality_of(units) for units in PLAN.measured]


wildcard_constraints:
    feature="|".join(map(re.escape, PLAN.features)),
    k=r"\d+",


rule units_best_layer:
    input:
        recordings=learned_from(
            expand(results("recordings", "{shard}.parquet"), shard=SHARDS)
        ),
        utterances=learned_from(
            expand(results("utterances", "{shard}.parquet"), shard=SHARDS)
        ),
        phones=PHONES,
        model=own_model,
    output:
        results("units", "{feature}", "layers.json"),
    log:
        f"logs/{NAME}/units_best_layer/{{feature}}.log",
    benchmark:
        results("benchmarks", "units_best_layer", "{feature}.tsv")
    conda:
        ENV
    threads: 1
    resources:
        mem_mb=megabytes(16000, mini=2000),
        runtime=minutes(480),
        gpu=gpu_unless(UNITS["device"]),
    params:
        results=subpath(output[0], ancestor=3),
        root=CORPUS["root"],
        reference=to_flags({"reference": CORPUS["reference"]}),
        num_clusters=config["hubert"]["compare"]["clusters"],
        version=ENCODER_VERSION,
        encoder=encoder_flags,
        kmeans=kmeans_flags,
    shell:
        "python -m aubert --gpus={resources.gpu} evaluate layers {params.results:q} {output:q} --num-clusters={params.num_clusters} --root={params.root:q} {params.reference} {params.encoder} {params.kmeans} 2> {log}"


rule units_learn:
    input:
        recordings=learned_from(
            expand(results("recordings", "{shard}.parquet"), shard=SHARDS)
        ),
        utterances=learned_from(
            expand(results("utterances", "{shard}.parquet"), shard=SHARDS)
        ),
        model=own_model,
        layers=own_layers,
        code=units_code,
    output:
        centroids=results("units", "{feature}", "k{k}", "codebook.npy"),
        notes=results("units", "{feature}", "k{k}", "codebook.json"),
    log:
        f"logs/{NAME}/units_learn/{{feature}}_k{{k}}.log",
    benchmark:
        results("benchmarks", "units_learn", "{feature}_k{k}.tsv")
    conda:
        ENV
    threads: 1
    resources:
        mem_mb=megabytes(16000, mini=2000),
        runtime=minutes(480),
        gpu=gpu_unless(UNITS["device"]),
    params:
        results=subpath(output.centroids, ancestor=4),
        out=subpath(output.centroids, strip_suffix=".npy"),
        root=CORPUS["root"],
        version=units_version,
        encoder=encoder_flags,
        feature=feature_flags,
        kmeans=kmeans_flags,
    shell:
        "python -m aubert --gpus={resources.gpu} units learn {params.results:q} {params.out:q} --num-clusters={wildcards.k} --root={params.root:q} {params.encoder} {params.feature} {params.kmeans} 2> {log}"


rule units_label:
    input:
        recordings=results("recordings", "{shard}.parquet"),
        utterances=results("utterances", "{shard}.parquet"),
        centroids=results("units", "{feature}", "k{k}", "codebook.npy"),
        notes=results("units", "{feature}", "k{k}", "codebook.json"),
        model=own_model,
        code=units_code,
    output:
        labels=directory(results("units", "{feature}", "k{k}", "labels", "{shard}")),
        rejects=rejects("units_{feature}_k{k}"),
    log:
        log_of("units_label/{feature}_k{k}"),
    benchmark:
        times_of("units_label/{feature}_k{k}")
    conda:
        ENV
    threads: 1
    resources:
        mem_mb=megabytes(8000, mini=1500),
        runtime=minutes(480),
        gpu=encoder_gpu,
    params:
        codebook=subpath(input.centroids, strip_suffix=".npy"),
        stage="units_{feature}_k{k}",
        root=CORPUS["root"],
        version=units_version,
        encoder=encoder_flags,
        account=ACCOUNT_FLAGS,
    shell:
        "python -m aubert --gpus={resources.gpu} units label {input.recordings} {input.utterances} {output.labels:q} --rejects {output.rejects:q} --codebook={params.codebook:q} --stage={params.stage} --root={params.root:q} {params.encoder} {params.account} 2> {log}"


rule units_quality:
    input:
        recordings=expand(results("recordings", "{shard}.parquet"), shard=SHARDS),
        utterances=expand(results("utterances", "{shard}.parquet"), shard=SHARDS),
        labels=expand(
            results("units", "{{feature}}", "k{{k}}", "labels", "{shard}"),
            shard=SHARDS,
        ),
        phones=PHONES,
        baseline=baseline_of,
        code=code_of("evaluate.unit_quality"),
    output:
        results("units", "{feature}", "k{k}", "quality.json"),
    log:
        f"logs/{NAME}/units_quality/{{feature}}_k{{k}}.log",
    benchmark:
        results("benchmarks", "units_quality", "{feature}_k{k}.tsv")
    conda:
        ENV
    threads: 1
    resources:
        mem_mb=megabytes(4000, mini=500),
        runtime=minutes(120),
    params:
        results=subpath(output[0], ancestor=4),
        units=subpath(output[0], parent=True),
        reference=to_flags({"reference": CORPUS["reference"]}),
        key=lambda wildcards: PLAN.key(units_of(wildcards)),
        baseline=lambda wildcards: to_flags(
            {"baseline": baseline_of(wildcards) or None}
        ),
    shell:
        "python -m aubert evaluate units {params.results:q} {output:q} --labels={params.units:q}/labels --key={params.key} {params.reference} {params.baseline} 2> {log}"
