"""Voices taken apart, in the report: figures beside their bounds, and sounds to compare."""

import numpy as np
import soundfile
import torch
import written_run

from aubert.evaluate.metrics import write_metrics
from aubert.report import page, separation
from aubert.separation.evaluation import figures, outcomes
from aubert.separation.mixtures import draw_list
from aubert.separation.network import DeepClustering
from aubert.separation.options import DeepClusteringOptions, ListOptions, SeparateOptions
from aubert.separation.voices import find_clips


def test_a_mixture_of_each_kind_is_played_whole_separated_and_by_ideal_masks(tmp_path):
    run = written_run.write_run(tmp_path)
    assert separation.section(run) is None
    voices, rng = tmp_path / "voices", np.random.default_rng(0)
    for speaker in "abcdef":
        (voices / speaker).mkdir(parents=True)
        for clip in range(3):
            samples = 0.1 * rng.standard_normal(8_000)
            soundfile.write(voices / speaker / f"{clip}.flac", samples, 8_000)
    clips = find_clips(None, None, {"noise": voices})
    shares = {"unseen_share": 0.4, "held_out_share": 0.4}
    drawn = draw_list(clips, ListOptions(num_mixtures=2, seconds=1.0, **shares))
    model = run.results / "separation/model"
    model.mkdir(parents=True)
    drawn.save(run.results / "separation/mixtures.json")
    torch.manual_seed(0)
    DeepClustering(DeepClusteringOptions(hidden_size=4, embedding_dim=4)).save(model)
    found = figures(outcomes(drawn.mixtures, model, SeparateOptions()))
    measured = {f"separation.{name}": figure for name, figure in found.items()}
    write_metrics(run.results / "separation/figures.json", measured)

    made = separation.section(written_run.opened(run))
    chart, player = made.blocks
    rows = {row[0]: row for row in chart.table.rows}
    assert set(rows) == {"seen speakers", "unseen speakers"}
    random_masks, _, ideal = (float(cell) for cell in rows["seen speakers"][3:6])
    assert random_masks < ideal
    names = [spoken.name for spoken in player.utterances]
    sounds = ["mixture", "estimate 1", "estimate 2", "ideal mask 1", "ideal mask 2"]
    assert names == [f"2 {split} speakers: {s}" for split in ("seen", "unseen") for s in sounds]
    assert all(abs(spoken.seconds - 1) < 0.1 for spoken in player.utterances)
    assert page.render("tiny", "", [made]).count("<audio") == len(names)
