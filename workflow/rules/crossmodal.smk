# Text and audio of the same word in the same context: pairs, both encoders, what they retrieve.
from aubert.crossmodal.options import VERSION as AUBERT_VERSION

AUBERT = config["aubert"]
AUDIO_ENCODER = (
    AUBERT_PLAN.audio
    if isinstance(AUBERT_PLAN.audio, str)
    else results(*AUBERT_PLAN.audio)
)
TEXT_ENCODER = AUBERT_PLAN.text or results("aubert", "text")
# What the run makes itself; others are directories or names at Hugging Face.
OWN_ENCODERS = {
    "audio": AUDIO_ENCODER if not isinstance(AUBERT_PLAN.audio, str) else [],
    "text": TEXT_ENCODER if AUBERT_PLAN.text is None else [],
}
PAIRS = expand(results("pairs", "{shard}.parquet"), shard=SHARDS)
# The networks' figures are part of the run's.
AUBERT_FIGURES = expand(results("aubert", "{scorer}.json"), scorer=AUBERT_PLAN.scorers)
AUBERT_PICTURES = expand(
    results("aubert", "{scorer}.{picture}.{kind}"),
    scorer=AUBERT_PLAN.scorers,
    picture=["similarity", "map"],
    kind=["png", "svg"],
)


rule pairs:
    input:
        recordings=results("recordings", "{shard}.parquet"),
        utterances=results("utterances", "{shard}.parquet"),
        refined=results("refined", "{shard}.parquet"),
        words=results("words", "{shard}.parquet"),
        code=code_of("crossmodal.pairs"),
    output:
        pairs=results("pairs", "{shard}.parquet"),
        rejects=rejects("pairs"),
    log:
        log_of("pairs"),
    benchmark:
        times_of("pairs")
    conda:
        ENV
    threads: 1
    resources:
        mem_mb=megabytes(2000, mini=500),
        runtime=minutes(60),
    params:
        root=CORPUS["root"],
        shelf=SHELF_FLAGS,
        options=with_held_out(to_flags(AUBERT["pairs"])),
        account=ACCOUNT_FLAGS,
    shell:
        "python -m aubert aubert pairs {input.recordings} {input.utterances} {input.refined} {input.words} {output.pairs} --rejects {output.rejects} --root {params.root:q} {params.shelf} {params.options} {params.account} 2> {log}"


rule aubert_text:
    input:
        corpus=CORPUS_READY if CORPUS["source"] == "mini" else [],
    output:
        directory(results("aubert", "text")),
    log:
        f"logs/{NAME}/aubert_text.log",
    benchmark:
        results("benchmarks", "aubert_text.tsv")
    conda:
        ENV
    threads: 1
    resources:
        mem_mb=megabytes(8000, mini=1500),
        runtime=minutes(120),
    params:
        shelf=SHELF_FLAGS,
        books=shelf_fingerprint,
        version=AUBERT_VERSION,
        options=with_held_out(to_flags(AUBERT["small_bert"])),
    shell:
        "python -m aubert aubert text {output:q} {params.shelf} {params.options} 2> {log}"


rule aubert_train:
    input:
        **OWN_ENCODERS,
        recordings=learned_from(
            expand(results("recordings", "{shard}.parquet"), shard=SHARDS),
            "aubert_train",
        ),
        utterances=learned_from(
            expand(results("utterances", "{shard}.parquet"), shard=SHARDS),
            "aubert_train",
        ),
        pairs=learned_from(PAIRS, "aubert_train"),
    output:
        directory(results("aubert", "{scorer}")),
    log:
        f"logs/{NAME}/aubert_train/{{scorer}}.log",
    benchmark:
        results("benchmarks", "aubert_train", "{scorer}.tsv")
    wildcard_constraints:
        scorer="mlp|cosine",
    conda:
        ENV
    threads: 1 + AUBERT["train"]["num_workers"]
    resources:
        mem_mb=megabytes(16000, mini=2000),
        runtime=1440,
        gpu=GPU,
        nodes=1,
    params:
        results=subpath(output[0], ancestor=2),
        encoders=to_flags({"text": TEXT_ENCODER, "audio": AUDIO_ENCODER}),
        root=CORPUS["root"],
        shelf=SHELF_FLAGS,
        version=AUBERT_VERSION,
        model=lambda wildcards: to_flags(AUBERT_PLAN.model_fields(wildcards.scorer)),
        options=to_flags(AUBERT_PLAN.training_fields(how=False)),
        # With `input` Snakemake does not compare the value: where and how a training runs
        # does not make it another one.
        how=lambda wildcards, input: to_flags(AUBERT_PLAN.training_fields(how=True)),
    shell:
        "exec python -m aubert --gpus={resources.gpu} aubert train {params.results:q} {output:q} {params.encoders} --root={params.root:q} {params.shelf} --processes={resources.gpu} --nodes={resources.nodes} {params.model} {params.options} {params.how} --restart=changed 2> {log}"


rule aubert_evaluate:
    input:
        **OWN_ENCODERS,
        recordings=expand(results("recordings", "{shard}.parquet"), shard=SHARDS),
        utterances=expand(results("utterances", "{shard}.parquet"), shard=SHARDS),
        pairs=PAIRS,
        model=results("aubert", "{scorer}"),
        code=code_of("crossmodal.retrieval"),
    output:
        figures=results("aubert", "{scorer}.json"),
        pictures=results("aubert", "{scorer}.pictures.json"),
    log:
        f"logs/{NAME}/aubert_evaluate/{{scorer}}.log",
    benchmark:
        results("benchmarks", "aubert_evaluate", "{scorer}.tsv")
    wildcard_constraints:
        scorer="mlp|cosine",
    conda:
        ENV
    threads: 1
    resources:
        mem_mb=megabytes(8000, mini=1500),
        runtime=minutes(240),
        gpu=gpu_unless(AUBERT["evaluate"].get("device")),
    params:
        results=subpath(output.figures, ancestor=2),
        key=lambda wildcards: AUBERT_PLAN.key(wildcards.scorer),
        encoders=to_flags({"text": TEXT_ENCODER, "audio": AUDIO_ENCODER}),
        root=CORPUS["root"],
        shelf=SHELF_FLAGS,
        version=AUBERT_VERSION,
        options=to_flags(AUBERT["evaluate"]),
    shell:
        "python -m aubert --gpus={resources.gpu} aubert evaluate {params.results:q} {input.model:q} {output.figures:q} {output.pictures:q} --key={params.key} {params.encoders} --root={params.root:q} {params.shelf} {params.options} 2> {log}"


rule aubert_draw:
    input:
        pictures=results("aubert", "{scorer}.pictures.json"),
        code=code_of("crossmodal.draw"),
    output:
        similarity=multiext(results("aubert", "{scorer}.similarity"), ".png", ".svg"),
        map=multiext(results("aubert", "{scorer}.map"), ".png", ".svg"),
    log:
        f"logs/{NAME}/aubert_draw/{{scorer}}.log",
    benchmark:
        results("benchmarks", "aubert_draw", "{scorer}.tsv")
    wildcard_constraints:
        scorer="mlp|cosine",
    localrule: True
    conda:
        ENV
    shell:
        "python -m aubert aubert draw {input.pictures:q} --similarity {output.similarity:q} --map {output.map:q} 2> {log}"
