# The miniature corpus: recordings, books and references, synthesised.
if CORPUS["source"] == "mini":

    rule mini:
        input:
            code=code_of("mini"),
        output:
            CORPUS_READY,
        log:
            f"logs/{NAME}/mini.log",
        benchmark:
            results("benchmarks", "mini.tsv")
        conda:
            ENV
        threads: 2
        resources:
            mem_mb=megabytes(1000),
            runtime=minutes(30),
        params:
            root=subpath(output[0], parent=True),
            seed=config["seed"],
            language=to_flags({"language": LANGUAGE}),
        shell:
            "python -m aubert mini {params.root:q} --seed={params.seed} --jobs={threads} {params.language} 2> {log}"
