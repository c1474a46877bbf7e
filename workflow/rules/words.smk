# When each word of the book was said.
ALIGNER = config["words"]["backend"]


rule words:
    input:
        recordings=results("recordings", "{shard}.parquet"),
        utterances=results("utterances", "{shard}.parquet"),
        transcripts=results("transcripts", "{shard}.parquet"),
        refined=results("refined", "{shard}.parquet"),
        code=code_of(f"align.words_{ALIGNER}"),
    output:
        words=results("words", "{shard}.parquet"),
        rejects=rejects("words"),
    log:
        log_of("words"),
    benchmark:
        times_of("words")
    conda:
        ENV
    params:
        backend=ALIGNER,
        root=CORPUS["root"],
        shelf=SHELF_FLAGS,
        options=to_flags(config["words"][ALIGNER]),
        account=ACCOUNT_FLAGS,
    shell:
        "python -m aubert words {params.backend} {input.recordings} {input.utterances} {input.transcripts} {input.refined} {output.words} --rejects {output.rejects} --root {params.root:q} {params.shelf} --jobs {threads} {params.options} {params.account} 2> {log}"
