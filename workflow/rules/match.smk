# Where in its book each utterance was read.
rule match:
    input:
        recordings=results("recordings", "{shard}.parquet"),
        utterances=results("utterances", "{shard}.parquet"),
        transcripts=results("transcripts", "{shard}.parquet"),
        # Ancient: another book's edit makes new sketches, but concerns no shard that did
        # not read it; the fingerprint says when it does.
        books=ancient(results("books.parquet")),
        code=code_of("align.match"),
    output:
        matches=results("matches", "{shard}.parquet"),
        rejects=rejects("match"),
    log:
        log_of("match"),
    benchmark:
        times_of("match")
    conda:
        ENV
    params:
        shelf=SHELF_FLAGS,
        fingerprint=book_fingerprint,
        options=to_flags(config["match"]),
        account=ACCOUNT_FLAGS,
    shell:
        "python -m aubert align match {input.recordings} {input.utterances} {input.transcripts} {input.books} {output.matches} --rejects {output.rejects} {params.shelf} {params.options} {params.account} 2> {log}"
