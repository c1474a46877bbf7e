# What was said: pocketsphinx, or a CTC checkpoint with beam search.
BACKEND = config["transcribe"]["backend"]


rule transcribe:
    input:
        recordings=results("recordings", "{shard}.parquet"),
        utterances=results("utterances", "{shard}.parquet"),
        code=code_of(f"transcribe.{BACKEND}"),
    output:
        transcripts=results("transcripts", "{shard}.parquet"),
        rejects=rejects("transcribe"),
    log:
        log_of("transcribe"),
    benchmark:
        times_of("transcribe")
    conda:
        ENV
    params:
        backend=BACKEND,
        root=CORPUS["root"],
        shelf=SHELF_FLAGS,
        books=book_fingerprint if config["transcribe"][BACKEND]["book_biased"] else "",
        options=to_flags(config["transcribe"][BACKEND]),
        account=ACCOUNT_FLAGS,
    shell:
        "python -m aubert transcribe {params.backend} {input.recordings} {input.utterances} {output.transcripts} --rejects {output.rejects} --root {params.root:q} {params.shelf} --jobs {threads} {params.options} {params.account} 2> {log}"
