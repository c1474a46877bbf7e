"""The export rules, on the default run's corpus."""

from __future__ import annotations

import pytest

from aubert import tables

pytestmark = pytest.mark.xdist_group("mini_run")


def test_an_export_is_made_once_and_holds_every_word(mini_run):
    lhotse = pytest.importorskip("lhotse")
    mini_run.snakemake("export_lhotse")
    assert "Nothing to be done" in mini_run.snakemake("export_lhotse")
    out = mini_run.results("export", "lhotse")
    num_words = num_cuts = 0
    for cut in lhotse.load_manifest_lazy(out / "cuts.jsonl.gz"):
        num_cuts += 1
        num_words += sum(len(one.alignment["word"]) for one in cut.supervisions)
    assert num_words == sum(1 for _ in tables.all_rows(mini_run.results(), "words"))
    assert num_cuts == len(
        {row["utterance_id"] for row in tables.all_rows(mini_run.results(), "words")}
    )


def test_every_kind_has_its_rule_and_none_runs_by_itself(mini_run):
    from aubert.export.command import KINDS

    assert not [job for job in mini_run.jobs() if job.startswith("export")]
    exports = sorted(f"export_{kind}" for kind in KINDS)
    assert mini_run.jobs(*exports, "--forcerun", *exports) == exports
