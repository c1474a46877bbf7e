import pytest

from aubert.config import resolve
from aubert.crossmodal.plan import AubertPlan
from aubert.hubert.plan import Plan


@pytest.fixture
def config():
    return resolve({"corpus": {"source": "mini"}})


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
    found = plan(config, audio_encoder="ctc")
    assert "aubert.audio_encoder is ctc, but corpus.labelled is null" in found.fault
    assert found.scorers == []
    assert "aubert.scorers is empty" in plan(config, scorers=[]).fault
    config["hubert"]["iterations"] = []
    fault = plan(config, audio_encoder="hubert").fault
    assert "is hubert, but hubert.iterations is empty" in fault


def test_audio_around_that_no_contrast_holds_is_named(config):
    model = config["aubert"]["model"] | {"audio_context_seconds": 30.0}
    found = plan(config, model=model)
    assert "aubert.train: batch_seconds is 80; it must hold three pairs" in found.fault
    assert found.scorers == []
