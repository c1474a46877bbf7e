# Chapters into utterances: voice activity, stitched.
rule cut:
    input:
        recordings=results("recordings", "{shard}.parquet"),
        code=code_of("corpus.cut"),
    output:
        utterances=results("utterances", "{shard}.parquet"),
        rejects=rejects("cut"),
    log:
        log_of("cut"),
    benchmark:
        times_of("cut")
    conda:
        ENV
    threads: 1
    resources:
        mem_mb=megabytes(1000, mini=500),
        runtime=minutes(120),
    params:
        root=CORPUS["root"],
        options=to_flags(config["cut"]),
        account=ACCOUNT_FLAGS,
    shell:
        "python -m aubert corpus cut {input.recordings} {output.utterances} --rejects {output.rejects} --root {params.root:q} {params.options} {params.account} 2> {log}"
