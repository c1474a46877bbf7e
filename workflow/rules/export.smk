# The word-aligned corpus for other tools: nothing asks for these but their own names.
EXPORTED = [
    expand(results(table, "{shard}.parquet"), shard=SHARDS)
    for table in ("recordings", "utterances", "refined", "words")
]
# What fairseq learns from: the newest units.
EXPORTED_UNITS = PLAN.learned[-1:] if "hubert" in SYSTEMS else []

WRITE_AUDIO = ("fairseq", "audio", "epub")  # in processes
HAS_SPLITS = ("fairseq", "huggingface")  # of which one is what is held out


for KIND in (
    "lhotse",
    "huggingface",
    "fairseq",
    "kaldi",
    "textgrid",
    "epub",
    "aubert",
    "audio",
):

    rule:
        name:
            f"export_{KIND}"
        input:
            tables=EXPORTED,
            labels=(
                [
                    results("units", units.feature, f"k{units.k}", "labels", shard)
                    for units in EXPORTED_UNITS
                    for shard in SHARDS
                ]
                if KIND == "fairseq"
                else []
            ),
            code=code_of(f"export.{KIND}"),
        output:
            directory(results("export", KIND)),
        log:
            f"logs/{NAME}/export/{KIND}.log",
        benchmark:
            results("benchmarks", "export", f"{KIND}.tsv")
        conda:
            ENV
        threads: 4 if KIND in WRITE_AUDIO else 1
        resources:
            mem_mb=megabytes(8000, mini=1000),
            runtime=minutes(480),
        params:
            kind=KIND,
            results=subpath(output[0], ancestor=2),
            root=CORPUS["root"],
            shelf=SHELF_FLAGS,
            labels=(
                " ".join(
                    f"--labels km={shlex.quote(results('units', units.feature, f'k{units.k}', 'labels'))}"
                    for units in EXPORTED_UNITS
                )
                if KIND == "fairseq"
                else ""
            ),
            options=to_flags(config["export"].get(KIND, {})),
            held_out=HELD_OUT if KIND in HAS_SPLITS else "",
            jobs=lambda wildcards, threads, kind=KIND: (
                f"--jobs {threads}" if kind in WRITE_AUDIO else ""
            ),
        shell:
            "python -m aubert export {params.kind} {params.results:q} {output:q} --root {params.root:q} {params.shelf} {params.labels} {params.options} {params.held_out} {params.jobs} 2> {log}"
