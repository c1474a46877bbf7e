# Which recordings there are. Only headers and jsons are read.
rule index:
    input:
        corpus=SHARD_READY,
        code=code_of("corpus.index"),
    output:
        recordings=results("recordings", "{shard}.parquet"),
        rejects=rejects("index"),
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
        subsets=CORPUS["subsets"],
        num_shards=config["num_shards"],
        # What a folder's books are is in its shards' manifests.
        manifest=lambda wildcards, input: (
            f"--manifest {shlex.quote(str(input.corpus))}"
            if CORPUS["source"] == "folder"
            else ""
        ),
        account=ACCOUNT_FLAGS,
    shell:
        "python -m aubert corpus index {output.recordings} --rejects {output.rejects} --root {params.root:q} --subsets {params.subsets:q} --shard {wildcards.shard} --num-shards {params.num_shards} {params.manifest} {params.account} 2> {log}"
