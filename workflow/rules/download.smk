# Libri-Light and what goes with it, from the publishers. Only `snakemake download` asks for it;
# what is on the way lies beside its place, and the next `snakemake download` goes on with it.
if CORPUS["source"] == "librilight":
    DOWNLOAD = config["download"]
    RECORDINGS = [
        name for name in DOWNLOAD["artefacts"] if name.startswith("librilight-")
    ]

    # Where the network is: not in jobs of a cluster.
    rule fetch:
        output:
            # No directory of the data itself: Snakemake would delete it before it runs again.
            touch(results("download", "{artefact}")),
        log:
            f"logs/{NAME}/download/{{artefact}}.log",
        localrule: True
        conda:
            ENV
        params:
            place=to_flags({key: DOWNLOAD[key] for key in ("out", "base_url")}),
        shell:
            "python -m aubert download {wildcards.artefact} {params.place} 2> {log}"

    rule fetch_books:
        input:
            [results("download", name) for name in RECORDINGS],
        output:
            touch(results("download", "books")),
        log:
            f"logs/{NAME}/download/books.log",
        localrule: True
        conda:
            ENV
        params:
            place=to_flags({key: DOWNLOAD[key] for key in ("out", "base_url")}),
            root=CORPUS["root"],
            subsets=CORPUS["subsets"],
        shell:
            "python -m aubert download books {params.place} --root {params.root:q} --subsets {params.subsets:q} 2> {log}"

    rule download:
        input:
            [results("download", name) for name in DOWNLOAD["artefacts"]],
            results("download", "books") if RECORDINGS else [],
