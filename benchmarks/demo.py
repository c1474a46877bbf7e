"""The demo's figures as tables: what README and benchmarks/README.md show of `make demo`.

make demo && python benchmarks/demo.py && make figures
"""

from __future__ import annotations

import sys
from pathlib import Path

from figures import cpu_of_jobs, figure, keep

from aubert.evaluate.metrics import Figure, read_metrics

RUN = Path("results/mini")
COLUMNS = ("figure", "value (95% interval)", "n", "control")
UNITS = {"_ms_median": ("ms", 1), "_db": ("dB", 2)}  # by the end of the key; others are shares
# (what it is, key, what the control is called, key of the control or its ending)
ROWS = (
    (
        "utterances placed within 5 characters, both ends",
        "match.placed_within_5_chars",
        "the book at an even pace",
        ".baseline",
    ),
    (
        "skipped words found, precision",
        "match.skipped_precision",
        "every word called skipped",
        ".baseline",
    ),
    ("skipped words found, recall", "match.skipped_recall", "", None),
    (
        "added words found, precision",
        "match.extra_precision",
        "every word called added",
        ".baseline",
    ),
    ("added words found, recall", "match.extra_recall", "", None),
    (
        "word starts, median error",
        "words.start_error_ms_median",
        "letters spread evenly",
        ".baseline",
    ),
    ("word starts within 50 ms", "words.start_within_50_ms", "", None),
    ("word ends, median error", "words.end_error_ms_median", "letters spread evenly", ".baseline"),
    ("word ends within 50 ms", "words.end_within_50_ms", "", None),
    (
        "word error rate, held-out books, language model of the book",
        "transcribe.wer",
        "the book at an even pace",
        ".baseline",
    ),
    (
        "the same, unseen voices",
        "transcribe.wer_unseen_voices",
        "the book at an even pace",
        ".baseline",
    ),
    (
        "CTC from HuBERT, word error rate on the dev set, language model of books not held out",
        "ctc.hubert.wer",
        "from initial weights",
        "ctc.scratch.wer",
    ),
    (
        "CTC from HuBERT, word error rate, unseen speakers",
        "ctc.hubert.unseen_wer",
        "from initial weights",
        "ctc.scratch.unseen_wer",
    ),
    (
        "the same, seen voices, greedy",
        "ctc.hubert.wer_greedy",
        "from initial weights",
        "ctc.scratch.wer_greedy",
    ),
    (
        "units of MFCC, PNMI with phones",
        "units.mfcc.pnmi",
        "untrained encoder",
        "hubert.untrained.pnmi",
    ),
    (
        "units of HuBERT iteration 1",
        "hubert.iter1.pnmi",
        "untrained encoder",
        "hubert.untrained.pnmi",
    ),
    (
        "units of HuBERT iteration 2, PNMI with phones",
        "hubert.iter2.pnmi",
        "untrained encoder",
        "hubert.untrained.pnmi",
    ),
    (
        "speaker of an utterance, linear probe, iteration 2",
        "probe.speaker.iter2",
        "untrained encoder",
        "probe.speaker.untrained",
    ),
    (
        "AuBERT: audio of a word to its text, held-out books",
        "aubert.retrieval_top1",
        "mean-pooled encoders",
        ".baseline",
    ),
    (
        "the same, words that no training pair contains",
        "aubert.new_words_top1",
        "mean-pooled encoders",
        ".baseline",
    ),
    (
        "the same as the first, unseen voices",
        "aubert.unseen_retrieval_top1",
        "mean-pooled encoders",
        ".baseline",
    ),
    (
        "AuBERT: text in context to its utterance, of 4 of one token",
        "aubert.same_token_top1",
        "mean-pooled encoders (chance .25)",
        ".baseline",
    ),
    (
        "the same, unseen voices",
        "aubert.unseen_same_token_top1",
        "mean-pooled encoders (chance .25)",
        ".baseline",
    ),
    (
        "AuBERT (mlp): audio of a word to its text",
        "aubert.mlp.retrieval_top1",
        "mean-pooled encoders",
        ".baseline",
    ),
    (
        "AuBERT (mlp): text in context to its utterance",
        "aubert.mlp.same_token_top1",
        "mean-pooled encoders (chance .25)",
        ".baseline",
    ),
    (
        "CLAR joint, 12 keywords, 10% of labels, unseen speakers",
        "clar.joint.accuracy_10",
        "supervised",
        "clar.supervised.accuracy_10",
    ),
    (
        "CLAR contrastive, the same",
        "clar.contrastive.accuracy_10",
        "untrained encoder",
        "clar.untrained.accuracy_10",
    ),
    (
        "two voices, SI-SDR improvement, seen speakers",
        "separation.si_sdri_seen_db",
        "random masks",
        ".chance",
    ),
    (
        "two voices, SI-SDR improvement, unseen speakers",
        "separation.si_sdri_unseen_db",
        "random masks",
        ".chance",
    ),
    ("ideal ratio masks, unseen speakers", "separation.si_sdri_unseen_db.ideal_ratio", "", None),
)
MAIN = {  # those that the README shows
    "match.placed_within_5_chars",
    "match.skipped_precision",
    "words.start_error_ms_median",
    "words.end_error_ms_median",
    "transcribe.wer",
    "ctc.hubert.unseen_wer",
    "hubert.iter2.pnmi",
    "aubert.retrieval_top1",
    "aubert.same_token_top1",
    "clar.joint.accuracy_10",
    "separation.si_sdri_unseen_db",
}


def main() -> None:
    found = read_metrics(RUN / "metrics.json")
    seconds = cpu_of_jobs(RUN / "benchmarks")
    for name, rows in (("demo-main", [one for one in ROWS if one[1] in MAIN]), ("demo", ROWS)):
        keep(name, COLUMNS, [row(found, *one) for one in rows], command="make demo",
             seconds=seconds)  # fmt: skip


def row(found: dict[str, Figure], text: str, key: str, control: str, beside: str | None) -> list:
    """Raises KeyError where the run has no such figure."""
    own = found[key]
    if beside is None:
        return [text, _cell(key, own), own.n, ""]
    other = key + beside if beside.startswith(".") else beside
    value = _cell(other, found[other])
    return [text, _cell(key, own), own.n, {"text": control, **value}]


def _cell(key: str, own: Figure) -> dict:
    unit, digits = next((shown for end, shown in UNITS.items() if end in key), ("", 3))
    return figure(own.value, own.ci95, unit, digits)


if __name__ == "__main__":
    sys.exit(main())
