# The state of the books that a shard reads, in a job of its own: when a book is edited, `books`
# runs, and of what is below a job that runs Snakemake looks at no parameter or code, but expects
# it to be run as well. `match` then follows from here.
rule books_of_shard:
    input:
        recordings=results("recordings", "{shard}.parquet"),
        code=code_of("align.match"),
    output:
        results("books", "{shard}.txt"),
    log:
        log_of("books_of_shard"),
    benchmark:
        times_of("books_of_shard")
    localrule: True
    conda:
        ENV
    params:
        fingerprint=book_fingerprint,
    shell:
        "echo {params.fingerprint} > {output:q} 2> {log}"


# Where in its book each utterance was read.
rule match:
    input:
        recordings=results("recordings", "{shard}.parquet"),
        utterances=results("utterances", "{shard}.parquet"),
        transcripts=results("transcripts", "{shard}.parquet"),
        # Ancient: another book's edit makes new sketches, but concerns no shard that did
        # not read it.
        books=ancient(results("books.parquet")),
        books_of_shard=results("books", "{shard}.txt"),
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
    threads: 1
    resources:
        mem_mb=megabytes(2000, mini=500),
        runtime=minutes(120),
    params:
        shelf=SHELF_FLAGS,
        options=to_flags(config["match"]),
        account=ACCOUNT_FLAGS,
    shell:
        "python -m aubert align match {input.recordings} {input.utterances} {input.transcripts} {input.books} {output.matches} --rejects {output.rejects} {params.shelf} {params.options} {params.account} 2> {log}"
