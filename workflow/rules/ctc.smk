# From a HuBERT to a recogniser of letters, and how much it gets wrong.
import shlex

from aubert.ctc.options import VERSION as CTC_VERSION

# The networks' figures are part of the run's.
CTC_FIGURES = expand(results("ctc", "{init}.json"), init=CTC_PLAN.inits)


rule ctc_train:
    input:
        init=lambda wildcards: results("hubert", CTC_PLAN.encoder(wildcards.init)),
        corpus=CORPUS_READY if CORPUS["source"] == "mini" else [],
    output:
        directory(results("ctc", "{init}")),
    log:
        f"logs/{NAME}/ctc_train/{{init}}.log",
    benchmark:
        results("benchmarks", "ctc_train", "{init}.tsv")
    wildcard_constraints:
        init="hubert|scratch",
    conda:
        ENV
    threads: lambda wildcards: 1 + config["ctc"][wildcards.init]["num_workers"]
    resources:
        mem_mb=megabytes(16000, mini=2000),
        runtime=1440,
        gpu=GPU,
        nodes=1,
    params:
        labelled=CTC_PLAN.labelled,
        letters=to_flags(
            {
                "language": LANGUAGE,
                # The default is the command's: a flag more would start every training again.
                "vocabulary": (
                    None
                    if config["ctc"]["vocabulary"] == "letters"
                    else config["ctc"]["vocabulary"]
                ),
            }
        ),
        fingerprint=labelled_fingerprint(CTC_PLAN.labelled),
        version=CTC_VERSION,
        options=lambda wildcards: with_held_out(
            to_flags(CTC_PLAN.training_fields(wildcards.init, how=False))
        ),
        # With `input` Snakemake does not compare the value: where and how a training runs
        # does not make it another one.
        how=lambda wildcards, input: to_flags(
            CTC_PLAN.training_fields(wildcards.init, how=True)
        ),
    shell:
        "exec python -m aubert --gpus={resources.gpu} ctc train {output:q} --init={input.init:q} --labelled {params.labelled:q} --processes={resources.gpu} --nodes={resources.nodes} {params.letters} {params.options} {params.how} --restart=changed 2> {log}"


rule ctc_evaluate:
    input:
        model=results("ctc", "{init}"),
        corpus=CORPUS_READY if CORPUS["source"] == "mini" else [],
        lm=config["transcribe"]["ctc"]["lm_path"] or [],
        code=code_of("ctc.evaluation"),
    output:
        results("ctc", "{init}.json"),
    log:
        f"logs/{NAME}/ctc_evaluate/{{init}}.log",
    benchmark:
        results("benchmarks", "ctc_evaluate", "{init}.tsv")
    wildcard_constraints:
        init="hubert|scratch",
    conda:
        ENV
    threads: 1
    resources:
        mem_mb=megabytes(8000, mini=1500),
        runtime=minutes(240),
        gpu=gpu_unless(config["transcribe"]["ctc"]["device"]),
    params:
        folders=shlex.join(
            f"--folder={name}={path}" for name, path in CTC_PLAN.dev.items()
        ),
        fingerprint=labelled_fingerprint(CTC_PLAN.dev.values()),
        shelf=SHELF_FLAGS,
        books=shelf_fingerprint,
        # As transcription decodes, but without a book: it is not known.
        options=with_held_out(
            to_flags(
                {
                    name: value
                    for name, value in config["transcribe"]["ctc"].items()
                    if name not in ("model", "book_biased")
                }
            )
        ),
    shell:
        "python -m aubert --gpus={resources.gpu} ctc evaluate {output:q} --key=ctc.{wildcards.init} --model={input.model:q} {params.folders} {params.shelf} {params.options} 2> {log}"
