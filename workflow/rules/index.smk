# Which recordings there are. Only headers and jsons are read.


rule index:
    input:
        corpus=SHARD_READY,
        code=code_of("corpus.index"),
    output:
        recordings=results("recordings", "{shard}.parquet"),
        rejects=rejects("index"),
        # Audio that a manifest holds itself.
        embedded=(
            directory(results("corpus", "audio", "{shard}"))
            if CORPUS["source"] == "manifest"
            else []
        ),
    log:
        log_of("index"),
    benchmark:
        times_of("index")
    conda:
        ENV
    threads: 1
    resources:
        mem_mb=megabytes(1000, mini=500),
        runtime=minutes(60),
    params:
        fingerprint=corpus_fingerprint,
        root=CORPUS["root"],
        num_shards=config["num_shards"],
        listing=listing_of_shard,
        account=ACCOUNT_FLAGS,
    shell:
        "python -m aubert corpus index {output.recordings} --rejects {output.rejects} --root {params.root:q} {params.listing} --shard {wildcards.shard} --num-shards {params.num_shards} {params.account} 2> {log}"
