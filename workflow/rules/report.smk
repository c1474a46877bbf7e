# A page of the run: what came out, what was lost, words to listen to.
import json

# Of the trainings, the page draws the curves; of the rest, the figures are in metrics.json.
REPORTED = {
    "hubert": [results("hubert", model) for model in PLAN.models[1:]],
    "ctc": expand(results("ctc", "{init}"), init=CTC_PLAN.inits),
    "aubert": expand(results("aubert", "{scorer}"), scorer=AUBERT_PLAN.scorers)
    + AUBERT_PICTURES,
}
CAPTION = os.path.relpath(HOUSE / "workflow" / "report" / "page.rst")


rule report:
    input:
        metrics=results("metrics.json"),
        trainings=[REPORTED[system] for system in REPORTED if system in SYSTEMS],
        corpus=CORPUS_READY if CORPUS["source"] == "mini" else FILES_TABLE,
        # The page's own introduction, and its caption in `snakemake --report`.
        caption=CAPTION,
        code=code_of("report.page"),
    output:
        report(
            results("report", "index.html"),
            caption="../report/page.rst",
            category="The run",
            labels={"what": "the whole page"},
        ),
    log:
        f"logs/{NAME}/report.log",
    benchmark:
        results("benchmarks", "report.tsv")
    conda:
        ENV
    threads: 1
    resources:
        mem_mb=megabytes(4000, mini=1500),
        runtime=minutes(120),
    params:
        results=subpath(input.metrics, parent=True),
        root=CORPUS["root"],
        shelf=SHELF_FLAGS,
        reference=to_flags({"reference": CORPUS["reference"]}),
        # With `input` Snakemake does not compare the value: what matters reruns metrics.
        config=lambda wildcards, input: json.dumps(config),
    shell:
        "python -m aubert report {params.results:q} {output:q} --caption {input.caption:q} --root {params.root:q} {params.shelf} {params.reference} --config {params.config:q} 2> {log}"
