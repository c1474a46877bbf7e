from pathlib import Path

import pytest
import yaml

from aubert.clar.plan import ClarPlan


@pytest.fixture
def config():
    return yaml.safe_load((Path(__file__).parents[2] / "config.yaml").read_text())


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
    told = {name: fields[name] for name in ("loss", "fold", "budget", "draw", "seed")}
    assert told == {"loss": "joint", "fold": 2, "budget": 1, "draw": 1, "seed": config["seed"]}
    assert "device" not in fields and "device" in plan.training_fields("joint1_fold2_draw1", True)


def test_without_a_reference_nothing_is_trained(config):
    config["corpus"]["reference"] = None
    assert not ClarPlan(config).arms
    config["clar"]["clips"]["source"] = "words"
    plan = ClarPlan(config)
    assert plan.arms and plan.tables == ["recordings", "utterances", "words"]


def test_what_cannot_be_done_is_one_sentence(config, tmp_path):
    config["clar"]["clips"]["source"] = "folder"
    with pytest.raises(ValueError, match=r"clar\.path is null"):
        ClarPlan(config)
    config["clar"]["path"] = str(tmp_path / "none")
    plan = ClarPlan(config)
    assert plan.tables == [] and plan.watched == [str(tmp_path / "none")]
    with pytest.raises(ValueError, match=r"clar\.path: .*none is not there"):
        plan.check_paths()
    config["clar"]["folds"] = [3]
    with pytest.raises(ValueError, match=r"clar\.folds has 3"):
        ClarPlan(config)
