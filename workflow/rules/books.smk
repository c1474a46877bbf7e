# The shelf: a sketch of every book, by which speech without a known book finds its own.
rule books:
    input:
        corpus=FILES_TABLE or SHARD_READY,
        code=code_of("align.find_book"),
    output:
        books=results("books.parquet"),
        rejects=results("rejects", "books.parquet"),
    log:
        f"logs/{NAME}/books.log",
    benchmark:
        results("benchmarks", "books.tsv")
    conda:
        ENV
    threads: 1
    resources:
        mem_mb=megabytes(2000, mini=500),
        runtime=minutes(120),
    params:
        shelf=SHELF_FLAGS,
        fingerprint=shelf_fingerprint,
        account=ACCOUNT_FLAGS,
    shell:
        "python -m aubert align sketch {output.books} --rejects {output.rejects} {params.shelf} {params.account} 2> {log}"
