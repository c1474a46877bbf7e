from dataclasses import asdict
from pathlib import Path

import pytest
import yaml

from aubert.crossmodal.options import AubertOptions, AubertTrainOptions
from aubert.crossmodal.pairs import PairsOptions
from aubert.crossmodal.plan import AubertPlan
from aubert.hubert.plan import Plan


@pytest.fixture
def config():
    return yaml.safe_load((Path(__file__).parents[2] / "config.yaml").read_text())


def plan(config, **changes) -> AubertPlan:
    changed = {**config, "aubert": {**config["aubert"], **changes}}
    return AubertPlan(changed, Plan(changed))


def test_encoders_are_the_run_s_own_or_named(config):
    found = plan(config, audio_encoder="ctc", text_encoder="small")
    assert (found.audio, found.text) == (("ctc", config["ctc"]["use"]), None)
    assert plan(config, audio_encoder="hubert").audio == ("hubert", "iter2")
    named = plan(config, audio_encoder="facebook/hubert-base-ls960", text_encoder="models/bert")
    assert (named.audio, named.text) == ("facebook/hubert-base-ls960", "models/bert")


def test_the_first_network_s_figures_have_the_short_keys(config):
    found = plan(config, scorers=["cosine", "mlp"])
    assert [found.key(scorer) for scorer in found.scorers] == ["aubert", "aubert.mlp"]
    assert found.model_fields("mlp")["scorer"] == "mlp"
    assert found.training_fields(how=False)["seed"] == config["seed"]
    assert "device" in found.training_fields(how=True)
    assert "device" not in found.training_fields(how=False)


def test_an_encoder_that_nothing_trains_is_named(config):
    config["corpus"]["labelled"] = None
    with pytest.raises(ValueError, match=r"aubert\.audio_encoder is ctc, but corpus\.labelled is"):
        plan(config, audio_encoder="ctc")
    assert plan(config, audio_encoder="ctc", scorers=[]).scorers == []
    config["hubert"]["iterations"] = []
    with pytest.raises(ValueError, match=r"is hubert, but hubert\.iterations is empty"):
        plan(config, audio_encoder="hubert")


def test_wrong_values_are_found_before_anything_runs(config):
    with pytest.raises(ValueError, match="dropout is 2"):
        plan(config, model={"dropout": 2})


@pytest.mark.parametrize("preset", ["hubert-base", "hubert-large"])
def test_presets_leave_nothing_of_the_miniature_model(config, preset):
    path = Path(__file__).parents[2] / f"workflow/presets/{preset}.yaml"
    overlay = yaml.safe_load(path.read_text())["aubert"]
    for key, value in overlay.items():
        old = config["aubert"][key]
        config["aubert"][key] = {**old, **value} if isinstance(value, dict) else value
    found = AubertPlan(config, Plan(config))
    assert found.text == "bert-base-uncased"
    assert found.model_fields("cosine") == asdict(AubertOptions())
    shares = {"held_out_books_share": 0.02, "held_out_speakers_share": 0.02}
    assert PairsOptions(**config["aubert"]["pairs"]) == PairsOptions(**shares)
    defaults = AubertTrainOptions(num_workers=6, log_every=200, checkpoint_every=5000)
    assert found.training_fields(how=False) | found.training_fields(how=True) == asdict(defaults)
