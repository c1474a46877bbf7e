# Exact boundaries, and what was read, skipped and added.
rule refine:
    input:
        matches=results("matches", "{shard}.parquet"),
        transcripts=results("transcripts", "{shard}.parquet"),
        code=code_of("align.refine"),
    output:
        refined=results("refined", "{shard}.parquet"),
        rejects=rejects("refine"),
    log:
        log_of("refine"),
    benchmark:
        times_of("refine")
    conda:
        ENV
    threads: 1
    resources:
        mem_mb=megabytes(2000, mini=500),
        runtime=minutes(120),
    params:
        shelf=SHELF_FLAGS,
        options=to_flags(config["refine"]),
        account=ACCOUNT_FLAGS,
    shell:
        "python -m aubert align refine {input.matches} {input.transcripts} {output.refined} --rejects {output.rejects} {params.shelf} {params.options} {params.account} 2> {log}"
