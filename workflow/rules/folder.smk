# A folder of audiobooks in the layout that the other rules read: the books of each shard, and
# beside them a table of what became of every file.
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
            mem_mb=megabytes(1000),
            runtime=minutes(240),
        params:
            # A path, not text: Snakemake takes braces in text for wildcards.
            folder=Path(config["corpus"]["root"]),
            root=subpath(output[0], ancestor=2),
            num_shards=config["num_shards"],
            fingerprint=corpus_fingerprint,
        shell:
            "python -m aubert corpus folder-shard {params.folder:q} {params.root:q} {output:q} --shard {wildcards.shard} --num-shards {params.num_shards} 2> {log}"

    # The one job that removes what is no longer in the folder, when no other writes there.
    rule folder_files:
        input:
            shards=expand(SHARD_READY, shard=SHARDS),
            code=code_of("corpus.folder"),
        output:
            FILES_TABLE,
        log:
            f"logs/{NAME}/folder_files.log",
        benchmark:
            results("benchmarks", "folder_files.tsv")
        conda:
            ENV
        threads: 1
        resources:
            mem_mb=megabytes(1000),
            runtime=minutes(60),
        params:
            # A path, not text: Snakemake takes braces in text for wildcards.
            folder=Path(config["corpus"]["root"]),
            root=subpath(output[0], parent=True),
            num_shards=config["num_shards"],
            fingerprint=folder_fingerprint,
        shell:
            "python -m aubert corpus folder-finish {params.folder:q} {params.root:q} --num-shards {params.num_shards} 2> {log}"
