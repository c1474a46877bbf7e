# The shelf: a sketch of every book, by which speech without a known book finds its own.
rule books:
    input:
        corpus=corpus_ready,
        code=code_of("align.find_book"),
    output:
        books=results("books.parquet"),
        rejects=results("rejects", "books.parquet"),
    log:
        f"logs/{NAME}/books.log",
    benchmark:
        results("benchmarks", "books.tsv")
    params:
        shelf=SHELF_FLAGS,
        fingerprint=shelf_fingerprint,
        account=ACCOUNT_FLAGS,
    conda:
        ENV
    shell:
        "python -m aubert align sketch {output.books} --rejects {output.rejects} {params.shelf} {params.account} 2> {log}"
