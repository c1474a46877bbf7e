# A folder of audiobooks and texts, in the layout that the other rules read.
if CORPUS["source"] == "folder":

    rule folder:
        input:
            code=code_of("corpus.folder"),
        output:
            CORPUS_READY,
        log:
            f"logs/{NAME}/folder.log",
        benchmark:
            results("benchmarks", "folder.tsv")
        conda:
            ENV
        params:
            folder=config["corpus"]["root"],
            root=subpath(output[0], parent=True),
            fingerprint=folder_fingerprint,
        shell:
            "python -m aubert corpus folder {params.folder:q} {params.root:q} 2> {log}"
