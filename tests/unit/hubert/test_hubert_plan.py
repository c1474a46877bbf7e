"""The plan of units and HuBERT: what follows from a config, and what is refused."""

from pathlib import Path

import pytest
import yaml

from aubert.config import resolve
from aubert.hubert.options import HubertTrainOptions
from aubert.hubert.plan import Plan, Units
from aubert.options import to_flags

MFCC, LATENT = Units("mfcc", 50), Units("iter1_layer4", 50)


@pytest.fixture
def config():
    hubert = {
        "model": {"hidden_size": 192, "num_heads": 4, "num_layers": 6},
        "iterations": [
            {"features": "mfcc", "clusters": [50, 100], "train": {"steps": 7}},
            {"features": {"iteration": 1, "layer": 4}, "clusters": [50]},
        ],
        "compare": {"layer": 4, "clusters": 50},
    }
    return resolve({"corpus": {"source": "mini", "reference": "reference"}, "hubert": hubert})


def test_label_sets_and_figures(config):
    plan = Plan(config)
    assert plan.models == ["untrained", "iter1", "iter2"]
    assert plan.learned_from(1) == [MFCC, Units("mfcc", 100)]
    assert plan.learned_from(2) == [LATENT]
    keys = {units.name: plan.key(units) for units in plan.measured}
    assert keys == {
        "mfcc_k50": "units.mfcc",
        "mfcc_k100": "units.mfcc_k100",
        "iter1_layer4_k50": "hubert.iter1",
        "untrained_layer4_k50": "hubert.untrained",
        "iter2_layer4_k50": "hubert.iter2",
    }
    untrained = Units("untrained_layer4", 50)
    assert {plan.baseline(units) for units in (LATENT, Units("iter2_layer4", 50))} == {untrained}
    assert {plan.baseline(units) for units in (MFCC, Units("mfcc", 100), untrained)} == {None}
    assert plan.features["iter1_layer4"].model == "iter1"
    assert plan.features["iter1_layer4"].options() == {"feature": "hidden", "layer": 4}


def test_what_is_learned_from_and_compared_is_made_once(config):
    names = [units.name for units in Plan(config).measured]
    assert len(names) == len(set(names))


def test_product_k_means_is_three_label_sets_for_each_k(config):
    config["hubert"]["iterations"][0] |= {"features": "mfcc_product", "clusters": [5, 9]}
    names = [units.name for units in Plan(config).learned_from(1)]
    assert names == [
        f"mfcc_{part}_k{k}" for part in ("static", "delta", "delta2") for k in (5, 9)
    ]  # fmt: skip
    assert Plan(config).features["mfcc_delta"].options() == {"feature": "mfcc_delta"}


def test_random_projections_are_drawn_beside_what_is_learned(config):
    config["hubert"]["iterations"][0] |= {"features": "random_projection", "clusters": [8192, 9]}
    plan = Plan(config)
    assert plan.learned_from(1) == [Units("random_projection", k) for k in (8192, 9)]
    feature = plan.features["random_projection"]
    assert feature.options() == {"feature": "random_projection"}
    assert (feature.is_drawn, feature.is_hidden, feature.model) == (True, False, None)
    assert [one.name for one in plan.features.values() if one.is_drawn] == ["random_projection"]
    assert plan.key(Units("random_projection", 9)) == "units.random_projection_k9"
    assert plan.baseline(Units("random_projection", 9)) is None
    assert plan.learned_from(2) == [LATENT]


def test_the_run_s_seed_is_the_projection_s():
    iterations = [{"features": "random_projection", "clusters": [9]}]
    config = {"corpus": {"source": "mini"}, "seed": 3, "hubert": {"iterations": iterations}}
    found = resolve(config)["units"]["random_projection"]
    assert found == {"code_dim": 16, "stacked_frames": 4, "seed": 3}


def test_there_is_no_product_of_random_projections():
    iterations = [{"features": "random_projection_product", "clusters": [9]}]
    with pytest.raises(ValueError, match=r"features is .* mfcc_product, random_projection"):
        resolve({"corpus": {"source": "mini"}, "hubert": {"iterations": iterations}})


def test_an_encoder_of_elsewhere(config):
    features = {"encoder": "facebook/hubert-base-ls960", "layer": 9}
    config["hubert"]["iterations"][0]["features"] = features
    (units, _) = Plan(config).learned_from(1)
    feature = Plan(config).features[units.feature]
    assert units.feature == "facebook-hubert-base-ls960_layer9"
    assert (feature.model, feature.encoder) == (None, "facebook/hubert-base-ls960")


def test_a_layer_that_is_still_to_be_found(config):
    config["hubert"]["iterations"][1]["features"]["layer"] = "auto"
    plan = Plan(config)
    assert plan.learned_from(2) == [Units("iter1_auto", 50)]
    assert plan.features["iter1_auto"].options() == {"feature": "hidden"}
    assert plan.key(Units("iter1_auto", 50)) == "units.iter1_auto_k50"


def test_without_a_reference_nothing_is_measured(config):
    config["corpus"]["reference"] = None
    assert Plan(config).measured == []
    assert Plan(config).learned == [MFCC, Units("mfcc", 100), LATENT]


def test_without_iterations_nothing_is_made(config):
    config["hubert"]["iterations"] = []
    assert (Plan(config).models, Plan(config).learned) == (["untrained"], [])
    assert Plan(config).measured == []


def test_an_iteration_s_settings_go_before_the_shared_ones():
    iterations = [{"features": "mfcc", "clusters": [5], "train": {"steps": 7}}]
    iterations.append({"features": {"iteration": 1, "layer": 1}, "clusters": [5]})
    train = {"steps": 5, "lr": 0.5, "num_workers": 3}
    hubert = {"train": train, "iterations": iterations}
    config = resolve({"corpus": {"source": "mini"}, "seed": 3, "hubert": hubert})
    plan = Plan(config)
    assert (plan.training_fields(1, how=False)["steps"], plan.training_fields(2, False)["lr"]) == (
        7,
        0.5,
    )
    assert plan.training_fields(1, how=True)["num_workers"] == 3
    together = plan.training_fields(1, how=False) | plan.training_fields(1, how=True)
    assert HubertTrainOptions(**together).seed == config["seed"]
    how = plan.training_fields(1, how=True)
    assert {"num_workers", "log_every"} < how.keys()
    # The miniature run's batches of 20 s make a step of 10 s longer.
    assert not {"steps", "lr", "step_seconds", "seed", "batch_seconds"} & how.keys()
    assert "batch_seconds" in HubertTrainOptions.how(together | {"step_seconds": 20.0})


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("iterations", 1, "features", "iteration"), 2, r"iterations\.1\.features\.iteration is 2"),
        (("iterations", 1, "features", "layer"), 7, r"features\.layer is 7, but the model has 6"),
        (("compare", "layer"), 9, r"hubert\.compare\.layer is 9, but the model has 6 layers"),
        (("model", "num_heads"), 5, "hidden_size 192 cannot be divided by num_heads 5"),
        (("iterations", 1, "train", "checkpoint_every"), 7, "multiple of log_every"),
    ],
)
def test_what_cannot_be_is_one_clear_sentence(config, path, value, message):
    section = config["hubert"]
    for key in path[:-1]:
        section = section[key]
    section[path[-1]] = value
    with pytest.raises(ValueError, match=message):
        Plan(config)


def test_who_knows_the_phones(config):
    assert Plan(config).phones == "reference"
    config["corpus"]["reference"] = None
    assert Plan(config).phones is None  # the aligner learned from these very units
    for stage in ("transcribe", "words"):
        config[stage]["backend"] = "pocketsphinx"
    assert Plan(config).phones == "words" and Plan(config).measured
    config["units"]["phones"] = None
    assert Plan(config).phones is None and not Plan(config).measured


def test_a_layer_cannot_be_found_without_phones(config):
    config["corpus"]["reference"] = None
    config["hubert"]["iterations"][1]["features"]["layer"] = "auto"
    with pytest.raises(ValueError, match=r"needs phones: .* corpus\.reference"):
        Plan(config)


def test_the_preset_of_domain_adaptation():
    """The weights and the units are of one encoder; without it no flag says where weights begin."""
    path = Path(__file__).parents[3] / "workflow/presets/hubert-adapt.yaml"
    preset = yaml.safe_load(path.read_text())
    plan = Plan(resolve({"corpus": {"source": "folder", "root": "speech"}, **preset}))
    assert plan.fault is None
    (units,) = plan.learned_from(1)
    encoder = plan.features[units.feature].encoder
    assert f"--init-from={encoder}" in to_flags(plan.model_fields())
    assert (plan.features[units.feature].layer, units.k) == (9, 500)


def test_weights_are_initial_where_no_encoder_is_named(config):
    assert "--init-from" not in to_flags(Plan(config).model_fields())
