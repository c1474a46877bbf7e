# Every figure of the run, against references where there are any.
rule metrics:
    input:
        tables=[
            expand(results(table, "{shard}.parquet"), shard=SHARDS)
            for table in (
                "recordings",
                "utterances",
                "transcripts",
                "matches",
                "refined",
                "words",
            )
        ],
        rejects=[
            results("rejects", "books.parquet"),
            *(
                expand(rejects(stage), shard=SHARDS)
                for stage in ("index", "cut", "transcribe", "match", "refine", "words")
            ),
        ],
        figures=[*UNIT_FIGURES, *PROBE_FIGURES, *CTC_FIGURES, *SEPARATION_IN_RUN],
        code=code_of("evaluate.dataset"),
    output:
        results("metrics.json"),
    log:
        f"logs/{NAME}/metrics.log",
    benchmark:
        results("benchmarks", "metrics.tsv")
    conda:
        ENV
    params:
        results=subpath(output[0], parent=True),
        shelf=SHELF_FLAGS,
        reference=to_flags({"reference": CORPUS["reference"]}),
    shell:
        "python -m aubert evaluate dataset {params.results:q} {output} {params.shelf} {params.reference} --figures {input.figures:q} 2> {log}"
