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
# Of speech without texts, for which there is no page: what `all` makes.
LEARNED_FROM_SOUND = expand(results("utterances", "{shard}.parquet"), shard=SHARDS)
if "hubert" in SYSTEMS:
    LEARNED_FROM_SOUND += [results("hubert", model) for model in PLAN.models]
for system in SYSTEMS:
    LEARNED_FROM_SOUND += SYSTEM_FIGURES[system]
MORE_STAGES = []
if "hubert" in SYSTEMS:
    MORE_STAGES += [
        f"units_{units.name}"
        for units in dict.fromkeys([*PLAN.learned, *PLAN.measured])
    ]
    MORE_STAGES += ["phones"] if PHONES else []
if "aubert" in SYSTEMS:
    MORE_STAGES += ["pairs"]


# Of each shard the sums that figures are made of, so that none goes over the whole corpus.
rule figures:
    input:
        tables=[
            results(table, "{shard}.parquet")
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
            rejects(stage)
            for stage in ("index", "cut", "transcribe", "match", "refine", "words")
        ],
        code=code_of("evaluate.dataset"),
    output:
        results("figures", "{shard}.json"),
    log:
        log_of("figures"),
    benchmark:
        times_of("figures")
    conda:
        ENV
    threads: 1
    resources:
        mem_mb=megabytes(4000, mini=500),
        runtime=minutes(60),
    params:
        results=subpath(output[0], ancestor=2),
        shelf=SHELF_FLAGS,
        reference=(
            with_held_out(to_flags({"reference": CORPUS["reference"]}))
            if CORPUS["reference"]
            else ""
        ),
    shell:
        "python -m aubert evaluate shard {params.results:q} {wildcards.shard} {output:q} {params.shelf} {params.reference} 2> {log}"


rule metrics:
    input:
        shards=expand(results("figures", "{shard}.json"), shard=SHARDS),
        book_rejects=results("rejects", "books.parquet"),
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
    localrule: True
    conda:
        ENV
    params:
        results=subpath(output[0], parent=True),
        more_stages=MORE_STAGES,
    shell:
        "python -m aubert evaluate dataset {params.results:q} {output} --shards {input.shards:q} --figures {input.figures:q} --stages {params.more_stages} 2> {log}"
