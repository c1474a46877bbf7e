# Times of each word of the book.
from aubert.align.words_ctc import VERSION as WORDS_CTC_VERSION

ALIGNER = config["words"]["backend"]
WORDS = with_own_ctc(config["words"][ALIGNER])
# CTC spikes stand late by a constant of the checkpoint. It is measured on this corpus,
# once, unless a file with it is given.
CALIBRATION = WORDS.get("calibration") or results("ctc_calibration.json")


rule words:
    input:
        recordings=results("recordings", "{shard}.parquet"),
        utterances=results("utterances", "{shard}.parquet"),
        transcripts=results("transcripts", "{shard}.parquet"),
        refined=results("refined", "{shard}.parquet"),
        calibration=CALIBRATION if ALIGNER == "ctc" else [],
        model=OWN_CTC if WORDS.get("model") == OWN_CTC else [],
        code=code_of("align.words_pocketsphinx") if ALIGNER == "pocketsphinx" else [],
    output:
        words=results("words", "{shard}.parquet"),
        rejects=rejects("words"),
    log:
        log_of("words"),
    benchmark:
        times_of("words")
    conda:
        ENV
    threads: threads_of_shard if ALIGNER == "pocketsphinx" else 1
    resources:
        mem_mb=megabytes(8000 if ALIGNER == "ctc" else 1000, mini=1500, per_core=400),
        runtime=minutes(480),
        gpu=gpu_unless(WORDS.get("device", "cpu")),
    params:
        backend=ALIGNER,
        root=CORPUS["root"],
        shelf=SHELF_FLAGS,
        version=WORDS_CTC_VERSION if ALIGNER == "ctc" else None,
        options=to_flags(
            {**WORDS, **({"calibration": CALIBRATION} if ALIGNER == "ctc" else {})}
        ),
        account=ACCOUNT_FLAGS,
    shell:
        "python -m aubert --gpus={resources.gpu} words {params.backend} {input.recordings} {input.utterances} {input.transcripts} {input.refined} {output.words} --rejects {output.rejects} --root {params.root:q} {params.shelf} --jobs {threads} {params.options} {params.account} 2> {log}"


if ALIGNER == "ctc" and not WORDS["calibration"]:

    rule calibrate:
        input:
            # Ancient: a shard that is new or changed does not move every word of the corpus.
            tables=[
                ancient(expand(results(table, "{shard}.parquet"), shard=SHARDS))
                for table in ("recordings", "utterances", "transcripts", "refined")
            ],
            model=OWN_CTC if WORDS.get("model") == OWN_CTC else [],
        output:
            CALIBRATION,
        log:
            f"logs/{NAME}/calibrate.log",
        benchmark:
            results("benchmarks", "calibrate.tsv")
        conda:
            ENV
        threads: 1
        resources:
            mem_mb=megabytes(8000, mini=1500),
            runtime=minutes(240),
            gpu=gpu_unless(WORDS["device"]),
        params:
            results=subpath(output[0], parent=True),
            root=CORPUS["root"],
            shelf=SHELF_FLAGS,
            version=WORDS_CTC_VERSION,
            options=with_held_out(to_flags(WORDS)),
        shell:
            "python -m aubert --gpus={resources.gpu} words calibrate {params.results:q} {output} --root {params.root:q} {params.shelf} {params.options} 2> {log}"
