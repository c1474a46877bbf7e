# Discrete units: a codebook from all shards, labels of each, and their quality.
from aubert.units.choice import VERSION as CHOICE_VERSION
from aubert.units.encoder_features import VERSION as ENCODER_VERSION

UNIT_FIGURES = [quality_of(units) for units in PLAN.measured]


wildcard_constraints:
    feature=named(PLAN.features.values()),
    k=r"\d+",


rule units_best_layer:
    input:
        recordings=learned_from(
            expand(results("recordings", "{shard}.parquet"), shard=SHARDS),
            "units_best_layer",
        ),
        utterances=learned_from(
            expand(results("utterances", "{shard}.parquet"), shard=SHARDS),
            "units_best_layer",
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
        kmeans=lambda wildcards: with_held_out(kmeans_flags(wildcards)),
    shell:
        "python -m aubert --gpus={resources.gpu} evaluate layers {params.results:q} {output:q} --num-clusters={params.num_clusters} --root={params.root:q} {params.reference} {params.encoder} {params.kmeans} 2> {log}"


rule units_choose:
    input:
        recordings=learned_from(
            expand(results("recordings", "{shard}.parquet"), shard=SHARDS),
            "units_choose",
        ),
        utterances=learned_from(
            expand(results("utterances", "{shard}.parquet"), shard=SHARDS),
            "units_choose",
        ),
    output:
        results("units", "choice.json"),
    log:
        f"logs/{NAME}/units_choose.log",
    benchmark:
        results("benchmarks", "units_choose.tsv")
    conda:
        ENV
    threads: 1
    resources:
        mem_mb=megabytes(4000, mini=500),
        runtime=minutes(60),
    params:
        results=subpath(output[0], ancestor=2),
        version=CHOICE_VERSION,
        options=with_held_out(to_flags(KMEANS)),
    shell:
        "python -m aubert units choose {params.results:q} {output:q} {params.options} 2> {log}"


rule units_dump:
    input:
        recordings=results("recordings", "{shard}.parquet"),
        utterances=results("utterances", "{shard}.parquet"),
        model=own_model,
        layers=own_layers,
        code=units_code,
    output:
        multiext(
            results("units", "{feature}", "dump", f"corpus_{{shard}}_{len(SHARDS)}"),
            ".npy",
            ".len",
            ".ids",
            ".json",
            ".rejects.parquet",
        ),
    log:
        log_of("units_dump/{feature}"),
    benchmark:
        times_of("units_dump/{feature}")
    conda:
        ENV
    threads: 1
    resources:
        mem_mb=megabytes(8000, mini=1500),
        runtime=minutes(480),
        gpu=encoder_gpu,
    params:
        out=subpath(output[0], parent=True),
        place=shard_flags,
        root=CORPUS["root"],
        version=units_version,
        encoder=encoder_flags,
        feature=feature_flags,
        account=ACCOUNT_FLAGS,
        dtype=UNITS["dump_dtype"],
    shell:
        "python -m aubert --gpus={resources.gpu} units dump {input.recordings} {input.utterances} {params.out:q} {params.place} --dump-dtype={params.dtype} --root={params.root:q} {params.encoder} {params.feature} {params.account} 2> {log}"


rule units_sample:
    input:
        recordings=learned_from(
            results("recordings", "{shard}.parquet"), "units_sample"
        ),
        utterances=learned_from(
            results("utterances", "{shard}.parquet"), "units_sample"
        ),
        choice=results("units", "choice.json"),
        dump=learned_from(dump_of_shard, "units_sample"),
        model=own_model,
        layers=own_layers,
        code=units_code,
    output:
        results("units", "{feature}", "sample", "{shard}.safetensors"),
    log:
        log_of("units_sample/{feature}"),
    benchmark:
        times_of("units_sample/{feature}")
    conda:
        ENV
    threads: 1
    resources:
        mem_mb=megabytes(8000, mini=1500),
        runtime=minutes(120),
        gpu=encoder_gpu,
    params:
        place=shard_flags,
        root=CORPUS["root"],
        version=units_version,
        encoder=encoder_flags,
        feature=feature_flags,
        kmeans=with_held_out(to_flags(KMEANS)),
        dump=dump_flags,
    shell:
        "python -m aubert --gpus={resources.gpu} units sample {input.recordings} {input.utterances} {output:q} --choice={input.choice:q} {params.place} {params.dump} --root={params.root:q} {params.encoder} {params.feature} {params.kmeans} 2> {log}"


rule units_learn:
    input:
        samples=expand(
            results("units", "{{feature}}", "sample", "{shard}.safetensors"),
            shard=SHARDS,
        ),
        code=units_code,
    output:
        multiext(results("units", "{feature}", "k{k}", STEPS[0]), ".npy", ".json"),
    log:
        f"logs/{NAME}/units_learn/{{feature}}_k{{k}}.log",
    benchmark:
        results("benchmarks", "units_learn", "{feature}_k{k}.tsv")
    wildcard_constraints:
        feature=LEARNED,
    conda:
        ENV
    threads: 1
    resources:
        mem_mb=megabytes(16000, mini=2000),
        runtime=minutes(240),
        gpu=gpu_unless(UNITS["device"]),
    params:
        out=subpath(output[0], strip_suffix=".npy"),
        kmeans=kmeans_flags,
    shell:
        "python -m aubert --gpus={resources.gpu} units learn {params.out:q} {input.samples:q} --num-clusters={wildcards.k} {params.kmeans} 2> {log}"


rule units_draw:
    input:
        code=units_code,
    output:
        multiext(results("units", "{feature}", "k{k}", "codebook"), ".npy", ".json"),
    log:
        f"logs/{NAME}/units_draw/{{feature}}_k{{k}}.log",
    benchmark:
        results("benchmarks", "units_draw", "{feature}_k{k}.tsv")
    wildcard_constraints:
        feature=DRAWN,
    conda:
        ENV
    threads: 1
    resources:
        mem_mb=megabytes(1000, mini=500),
        runtime=minutes(10),
    params:
        out=subpath(output[0], strip_suffix=".npy"),
        projection=to_flags(UNITS["random_projection"]),
    shell:
        "python -m aubert units draw {params.out:q} --num-clusters={wildcards.k} {params.projection} 2> {log}"


# Passes over all frames, where units.kmeans.passes asks for them: a shard's sums, then a merge.
rule units_pass:
    input:
        recordings=learned_from(results("recordings", "{shard}.parquet"), "units_pass"),
        utterances=learned_from(results("utterances", "{shard}.parquet"), "units_pass"),
        codebook=results("units", "{feature}", "k{k}", "{step}.npy"),
        notes=results("units", "{feature}", "k{k}", "{step}.json"),
        dump=learned_from(dump_of_shard, "units_pass"),
        model=own_model,
    output:
        results("units", "{feature}", "k{k}", "{step}.sums", "{shard}.safetensors"),
    log:
        log_of("units_pass/{feature}_k{k}_{step}"),
    benchmark:
        times_of("units_pass/{feature}_k{k}_{step}")
    wildcard_constraints:
        step=r"pass\d+",
    conda:
        ENV
    threads: 1
    resources:
        mem_mb=megabytes(8000, mini=1500),
        runtime=minutes(480),
        gpu=encoder_gpu,
    params:
        codebook=subpath(input.codebook, strip_suffix=".npy"),
        place=shard_flags,
        root=CORPUS["root"],
        encoder=encoder_flags,
        kmeans=with_held_out(to_flags(KMEANS)),
        dump=dump_flags,
    shell:
        "python -m aubert --gpus={resources.gpu} units pass {input.recordings} {input.utterances} {output:q} --codebook={params.codebook:q} {params.place} {params.dump} --root={params.root:q} {params.encoder} {params.kmeans} 2> {log}"


rule units_merge:
    input:
        codebook=lambda wildcards: results(
            "units", "{feature}", "k{k}", f"{step_before(wildcards.step)}.npy"
        ),
        sums=lambda wildcards: expand(
            results(
                "units",
                "{{feature}}",
                "k{{k}}",
                f"{step_before(wildcards.step)}.sums",
                "{shard}.safetensors",
            ),
            shard=SHARDS,
        ),
        samples=expand(
            results("units", "{{feature}}", "sample", "{shard}.safetensors"),
            shard=SHARDS,
        ),
    output:
        multiext(results("units", "{feature}", "k{k}", "{step}"), ".npy", ".json"),
    log:
        f"logs/{NAME}/units_merge/{{feature}}_k{{k}}_{{step}}.log",
    benchmark:
        results("benchmarks", "units_merge", "{feature}_k{k}_{step}.tsv")
    wildcard_constraints:
        feature=LEARNED,
        step="|".join(STEPS[1:]) or "none",
    conda:
        ENV
    threads: 1
    resources:
        mem_mb=megabytes(16000, mini=2000),
        runtime=minutes(60),
        gpu=gpu_unless(UNITS["device"]),
    params:
        out=subpath(output[0], strip_suffix=".npy"),
        codebook=subpath(input.codebook, strip_suffix=".npy"),
        kmeans=kmeans_flags,
    shell:
        "python -m aubert --gpus={resources.gpu} units merge {params.out:q} --codebook={params.codebook:q} --sums {input.sums:q} --samples {input.samples:q} {params.kmeans} 2> {log}"


rule units_label:
    input:
        recordings=results("recordings", "{shard}.parquet"),
        utterances=results("utterances", "{shard}.parquet"),
        centroids=results("units", "{feature}", "k{k}", "codebook.npy"),
        notes=results("units", "{feature}", "k{k}", "codebook.json"),
        dump=dump_of_shard,
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
        place=shard_flags,
        root=CORPUS["root"],
        version=units_version,
        encoder=encoder_flags,
        dump=dump_flags,
        account=ACCOUNT_FLAGS,
    shell:
        "python -m aubert --gpus={resources.gpu} units label {input.recordings} {input.utterances} {output.labels:q} --rejects {output.rejects:q} --codebook={params.codebook:q} --stage={params.stage} {params.place} {params.dump} --root={params.root:q} {params.encoder} {params.account} 2> {log}"


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
