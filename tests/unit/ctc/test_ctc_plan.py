import pytest

from aubert.config import resolve
from aubert.ctc.plan import CtcPlan
from aubert.hubert.plan import Plan

OWN = {"backend": "ctc", "ctc": {"model": "trained"}}


@pytest.fixture
def config():
    config = resolve({"corpus": {"source": "mini"}})
    for stage in ("transcribe", "words"):
        config[stage] = {"backend": "pocketsphinx", "ctc": {"model": "trained"}}
    return config


def plan(config, **changes) -> CtcPlan:
    changed = {**config, **changes}
    return CtcPlan(changed, Plan(changed))


def without(config, key: str) -> dict:
    return {**config["corpus"], key: None}


def test_both_inits_with_what_is_theirs(config):
    found = plan(config)
    assert (found.inits, found.own) == (["hubert", "scratch"], None)
    assert (found.encoder("hubert"), found.encoder("scratch")) == ("iter2", "untrained")
    assert found.training_fields("hubert", how=False)["freeze_encoder_steps"] == 50
    scratch = found.training_fields("scratch", how=False)
    assert scratch["freeze_encoder_steps"] == 0 and scratch["seed"] == config["seed"]
    assert scratch["steps"] == config["ctc"]["train"]["steps"]
    assert "device" not in scratch
    assert "device" in found.training_fields("scratch", how=True)


def test_a_stage_takes_the_run_s_own(config):
    assert plan(config, words=OWN).own == "hubert"
    assert plan(config, words={**OWN, "ctc": {"model": "facebook/x"}}).own is None


def test_without_labelled_speech_nothing_is_trained(config):
    found = plan(config, corpus=without(config, "labelled"))
    assert (found.inits, found.labelled, found.dev) == ([], [], {})
    assert "corpus.labelled is null" in found.fault
    with pytest.raises(ValueError, match=r"transcribe\.ctc\.model is trained, but corpus\.label"):
        plan(config, corpus=without(config, "labelled"), transcribe=OWN)


def test_without_a_folder_to_count_errors_in_nothing_is_reported(config):
    labelled = {**config["corpus"]["labelled"], "dev": {"seen": None, "unseen": None}}
    corpus = {**config["corpus"], "labelled": labelled}
    found = plan(config, corpus=corpus, words=OWN)
    assert "corpus.labelled.dev has neither seen nor unseen" in found.fault
    assert (found.inits, found.own) == ([], "hubert")


def test_without_hubert_there_is_scratch(config):
    nothing = {**config["hubert"], "iterations": []}
    with pytest.raises(ValueError, match=r"but hubert\.iterations is empty"):
        plan(config, hubert=nothing, words=OWN)
    assert "but hubert.iterations is empty" in plan(config, hubert=nothing).fault
    scratch = {**config["ctc"], "inits": ["scratch"], "use": "scratch"}
    assert plan(config, hubert=nothing, ctc=scratch, words=OWN).own == "scratch"
    found = plan(config, ctc={**config["ctc"], "inits": []})
    assert found.inits == [] and "ctc.inits is empty" in found.fault


def test_options_that_cannot_be(config):
    section = {"scratch": {"validation_share": 1.0}}
    with pytest.raises(ValueError, match=r"ctc\.scratch\.validation_share is 1"):
        resolve({"corpus": config["corpus"], "ctc": section})
