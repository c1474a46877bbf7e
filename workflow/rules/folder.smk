# The readers of a shard of a folder of audiobooks, and the texts, in the layout that the other rules read.
if CORPUS["source"] == "folder":

    rule folder:
        input:
            code=code_of("corpus.folder"),
        output:
            SHARD_READY,
        log:
            log_of("folder"),
        benchmark:
            times_of("folder")
        conda:
            ENV
        threads: 1
        resources:
            mem_mb=megabytes(2000),
            runtime=minutes(240),
        params:
            folder=config["corpus"]["root"],
            root=subpath(output[0], ancestor=2),
            num_shards=config["num_shards"],
            fingerprint=corpus_fingerprint,
        shell:
            "python -m aubert corpus folder {params.folder:q} {params.root:q} --manifest {output:q} --shard {wildcards.shard} --num-shards {params.num_shards} 2> {log}"
