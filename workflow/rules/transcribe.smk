# Transcripts: pocketsphinx, or a CTC checkpoint with beam search.
from aubert.transcribe.decode import VERSION as TRANSCRIBE_CTC_VERSION

BACKEND = config["transcribe"]["backend"]
TRANSCRIBE = with_own_ctc(config["transcribe"][BACKEND])


rule transcribe:
    input:
        recordings=results("recordings", "{shard}.parquet"),
        utterances=results("utterances", "{shard}.parquet"),
        lm=TRANSCRIBE["lm_path"] or [],
        model=OWN_CTC if TRANSCRIBE.get("model") == OWN_CTC else [],
        code=code_of("transcribe.pocketsphinx") if BACKEND == "pocketsphinx" else [],
    output:
        transcripts=results("transcripts", "{shard}.parquet"),
        rejects=rejects("transcribe"),
    log:
        log_of("transcribe"),
    benchmark:
        times_of("transcribe")
    conda:
        ENV
    threads: threads_of_shard if BACKEND == "pocketsphinx" else 1
    resources:
        mem_mb=megabytes(8000 if BACKEND == "ctc" else 1000, mini=1500, per_core=400),
        runtime=minutes(480),
        gpu=gpu_unless(TRANSCRIBE.get("device", "cpu")),
    params:
        backend=BACKEND,
        root=CORPUS["root"],
        shelf=SHELF_FLAGS,
        books=book_fingerprint if TRANSCRIBE["book_biased"] else None,
        version=TRANSCRIBE_CTC_VERSION if BACKEND == "ctc" else None,
        options=to_flags(TRANSCRIBE),
        account=ACCOUNT_FLAGS,
    shell:
        "python -m aubert --gpus={resources.gpu} transcripts {params.backend} {input.recordings} {input.utterances} {output.transcripts} --rejects {output.rejects} --root {params.root:q} {params.shelf} --jobs {threads} {params.options} {params.account} 2> {log}"
