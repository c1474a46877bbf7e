"""From words to pairs, both scorers' networks, their figures and pictures, with tiny encoders:
what they retrieve means nothing here, but every rule, option and file is the real one."""

from __future__ import annotations

import json

import pytest
from snakemake_run import Run
from tiny_aubert import save_encoders
from tiny_run import chapters_run
from transformers import AutoModel

from aubert import tables

# One voice, a book to learn from and one that is held out.
RECORDINGS = ["61/the_platform_clock_*/*_01_*", "61/the_chess_players_of_lindow_*/*_01_*"]
TRAIN = {"steps": 3, "warmup_steps": 1, "freeze_audio_steps": 1, "log_every": 1,
         "checkpoint_every": 1, "validate_every": 3}  # fmt: skip
NETWORKS = [f"aubert_{stage} {scorer}" for stage in ("draw", "evaluate", "train")
            for scorer in ("cosine", "mlp")]  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory, mini_corpus) -> Run:
    directory = tmp_path_factory.mktemp("aubert")
    save_encoders(directory / "encoders")
    overlay = {
        "name": "tiny",
        "systems": ["aubert"],
        "aubert": {
            "scorers": ["cosine", "mlp"],
            "audio_encoder": "encoders/audio",
            "small_bert": {"hidden_size": 16, "num_layers": 1, "intermediate_size": 16},
            "model": {"projection_dim": 8, "scorer_hidden": 8},
            "train": TRAIN,
        },
    }
    run = chapters_run(directory, mini_corpus, RECORDINGS, overlay, seconds=60)
    run.snakemake("aubert", "results/tiny/metrics.json")
    return run


def test_every_utterance_with_words_makes_pairs_or_is_rejected(run):
    pairs = tables.read(run.results("pairs", "0.parquet"), "pairs")
    rejects = tables.read(run.results("rejects", "pairs", "0.parquet"), "rejects")
    words = tables.read(run.results("words", "0.parquet"), "words")
    accounted = {*pairs["utterance_id"].to_pylist(), *rejects["id"].to_pylist()}
    assert accounted == set(words["utterance_id"].to_pylist())
    books = {row["book_id"]: row["split"] for row in pairs.to_pylist()}
    figures = json.loads(run.results("metrics.json").read_text())
    rejected = figures["rejects.pairs"]
    assert (rejected["value"], rejected["n"]) == (rejects.num_rows, len(accounted))
    assert books == {"2302": "train", "712": "held_out_book"}


@pytest.mark.parametrize(("scorer", "key"), [("cosine", "aubert"), ("mlp", "aubert.mlp")])
def test_each_network_has_its_figures_pictures_and_model(run, scorer, key):
    figures = json.loads(run.results("metrics.json").read_text())
    for name in ("retrieval_top1", "same_token_top1", "text_to_audio_mrr"):
        for control in ("", ".chance", ".baseline", ".over_baseline"):
            figure = figures[f"{key}.{name}{control}"]
            assert figure["n"] > 20 and len(figure["ci95"]) == 2
    assert figures[f"{key}.same_token_top1.chance"]["value"] == 0.25
    for picture in ("similarity", "map"):
        assert run.results("aubert", f"{scorer}.{picture}.png").read_bytes()[1:4] == b"PNG"
        assert "<svg" in run.results("aubert", f"{scorer}.{picture}.svg").read_text()
    data = json.loads(run.results("aubert", f"{scorer}.pictures.json").read_text())
    size = len(data["similarity"]["texts"])
    assert size > 3 and [len(row) for row in data["similarity"]["scores"]] == [size] * size
    assert f"[{data['similarity']['ngram']}]" in data["similarity"]["texts"][0].lower()
    assert len({(point["x"], point["y"]) for point in data["map"]["points"]}) > 3

    import aubert.encoders.logmel  # noqa: F401 - AutoModel knows its models from then on

    directory = run.results("aubert", scorer)
    assert AutoModel.from_pretrained(directory / "text").config.hidden_size == 16
    assert AutoModel.from_pretrained(directory / "audio").config.hidden_size == 32
    assert len((directory / "train.jsonl").read_text().splitlines()) == TRAIN["steps"]
    assert not list(run.results("aubert").glob("*.training"))


def test_what_reruns(run):
    def jobs(**changes):
        return run.with_config(aubert=changes).jobs("aubert")

    assert jobs() == []
    # Where and how a training runs is no other training.
    assert jobs(train={**TRAIN, "num_workers": 1, "keep": 1, "device": "cpu"}) == []
    assert jobs(train={**TRAIN, "steps": 4}) == ["aubert", *NETWORKS]
    drawn = [job for job in NETWORKS if "train" not in job]
    assert jobs(evaluate={"k": 3}) == ["aubert", *drawn]
    assert jobs(pairs={"max_words": 1}) == ["aubert", *NETWORKS, "pairs 0"]
    bert = {**run.overlay["aubert"]["small_bert"], "vocab_size": 80}
    assert jobs(small_bert=bert) == ["aubert", *NETWORKS[:4], "aubert_text", *NETWORKS[4:]]


def test_the_run_s_own_encoders_need_what_trains_them(run):
    for audio, message in (
        ("ctc", "aubert.audio_encoder is ctc, but corpus.labelled is null"),
        ("hubert", "aubert.audio_encoder is hubert, but hubert.iterations is empty"),
    ):
        changed = run.with_config(aubert={"audio_encoder": audio}, hubert={"iterations": []})
        output = changed.snakemake("--dry-run", "aubert", check=False)
        assert f"config: {message}" in output and "Traceback" not in output
