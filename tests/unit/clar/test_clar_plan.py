import pytest

from aubert.clar.plan import ClarPlan
from aubert.config import resolve


@pytest.fixture
def config():
    return resolve({"corpus": {"source": "mini"}})


def test_every_arm_by_name(config):
    config["clar"] |= {"arms": ["contrastive", "joint"], "folds": [0, 2], "budgets": [1, 100],
                       "read": {"draws": 2}}  # fmt: skip
    plan = ClarPlan(config)
    assert list(plan.arms) == [
        "contrastive_fold0", "contrastive_fold2",
        "joint1_fold0_draw0", "joint1_fold0_draw1", "joint100_fold0_draw0",
        "joint1_fold2_draw0", "joint1_fold2_draw1", "joint100_fold2_draw0",
    ]  # fmt: skip
    fields = plan.training_fields("joint1_fold2_draw1", how=False)
    chosen = {name: fields[name] for name in ("loss", "fold", "budget", "draw", "seed")}
    assert chosen == {"loss": "joint", "fold": 2, "budget": 1, "draw": 1, "seed": config["seed"]}
    assert "device" not in fields and "device" in plan.training_fields("joint1_fold2_draw1", True)


def test_without_a_reference_nothing_is_trained(config):
    config["corpus"]["reference"] = None
    plan = ClarPlan(config)
    assert not plan.arms and "corpus.reference is null" in plan.fault
    config["clar"]["clips"]["source"] = "words"
    plan = ClarPlan(config)
    assert plan.arms and plan.tables == ["recordings", "utterances", "words"]


def test_what_cannot_be_done_is_one_sentence(config, tmp_path):
    config["clar"]["clips"]["source"] = "folder"
    assert "clar.path is null" in ClarPlan(config).fault
    config["clar"]["path"] = str(tmp_path / "none")
    plan = ClarPlan(config)
    assert plan.tables == [] and plan.watched == [str(tmp_path / "none")]
    config["clar"]["folds"] = [3]
    with pytest.raises(ValueError, match=r"clar\.folds has 3"):
        ClarPlan(config)
