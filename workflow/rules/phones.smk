# Times of phones by pocketsphinx, where there is no reference: what units
# are measured against.
PHONES = (
    expand(results("phones", "{shard}.parquet"), shard=SHARDS)
    if PLAN.measured and PLAN.phones == "words"
    else []
)


rule phones:
    input:
        recordings=results("recordings", "{shard}.parquet"),
        utterances=results("utterances", "{shard}.parquet"),
        words=results("words", "{shard}.parquet"),
        code=code_of("align.phones"),
    output:
        phones=results("phones", "{shard}.parquet"),
        rejects=rejects("phones"),
    log:
        log_of("phones"),
    benchmark:
        times_of("phones")
    conda:
        ENV
    threads: 1
    resources:
        mem_mb=megabytes(1000),
        runtime=minutes(240),
    params:
        root=CORPUS["root"],
        options=to_flags({**(UNITS["phones"] or {}), "language": LANGUAGE}),
        account=ACCOUNT_FLAGS,
    shell:
        "python -m aubert words phones {input.recordings} {input.utterances} {input.words} {output.phones} --rejects {output.rejects} --root {params.root:q} --jobs {threads} {params.options} {params.account} 2> {log}"
