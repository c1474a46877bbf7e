# Every figure of the run, against references where there are any.

# Whose rejects are counted beside the dataset's.
MORE_STAGES = [
    *(
        f"units_{units.name}"
        for units in dict.fromkeys([*PLAN.learned, *PLAN.measured])
    ),
    *(["phones"] if PHONES else []),
    *(["pairs"] if AUBERT_PLAN.scorers else []),
]


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
        more_rejects=[
            expand(results("rejects", stage, "{shard}.parquet"), shard=SHARDS)
            for stage in MORE_STAGES
        ],
        figures=[
            *UNIT_FIGURES,
            *PROBE_FIGURES,
            *CTC_FIGURES,
            *AUBERT_FIGURES,
            *CLAR_FIGURES,
            *SEPARATION_IN_RUN,
        ],
        code=code_of("evaluate.dataset"),
    output:
        report(
            results("metrics.json"),
            caption="../report/metrics.rst",
            category="The run",
            labels={"what": "its figures"},
        ),
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
        more_stages=MORE_STAGES,
    shell:
        "python -m aubert evaluate dataset {params.results:q} {output} {params.shelf} {params.reference} --figures {input.figures:q} --stages {params.more_stages} 2> {log}"
