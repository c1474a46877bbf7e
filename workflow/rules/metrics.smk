# Every figure of the run, against references where there are any.

# Of the systems that are part of the run: their figures, and stages whose rejects are counted
# beside the dataset's.
SYSTEM_FIGURES = {
    "hubert": [*UNIT_FIGURES, *PROBE_FIGURES],
    "ctc": CTC_FIGURES,
    "aubert": AUBERT_FIGURES,
    "clar": CLAR_FIGURES,
    "separation": SEPARATION_FIGURES,
}
MORE_STAGES = []
if "hubert" in SYSTEMS:
    MORE_STAGES += [
        f"units_{units.name}"
        for units in dict.fromkeys([*PLAN.learned, *PLAN.measured])
    ]
    MORE_STAGES += ["phones"] if PHONES else []
if "aubert" in SYSTEMS:
    MORE_STAGES += ["pairs"]


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
            SYSTEM_FIGURES[system] for system in SYSTEM_FIGURES if system in SYSTEMS
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
    threads: 1
    resources:
        mem_mb=megabytes(8000, mini=500),
        runtime=minutes(240),
    params:
        results=subpath(output[0], parent=True),
        shelf=SHELF_FLAGS,
        reference=to_flags({"reference": CORPUS["reference"]}),
        more_stages=MORE_STAGES,
    shell:
        "python -m aubert evaluate dataset {params.results:q} {output} {params.shelf} {params.reference} --figures {input.figures:q} --stages {params.more_stages} 2> {log}"
