import copy
import dataclasses
from importlib import import_module
from pathlib import Path

import pytest
import yaml

from aubert.config import validate

ROOT = Path(__file__).parents[2]


@pytest.fixture
def config():
    return yaml.safe_load((ROOT / "config.yaml").read_text())


def test_the_default_config_is_valid(config):
    validate(config)


@pytest.mark.parametrize("preset", sorted((ROOT / "workflow/presets").glob("*.yaml")))
def test_presets_are_valid_overlays(config, preset):
    def overlay(base, top):
        for key, value in top.items():
            if isinstance(value, dict) and isinstance(base.get(key), dict):
                overlay(base[key], value)
            else:
                base[key] = value

    merged = copy.deepcopy(config)
    overlay(merged, yaml.safe_load(preset.read_text()))
    validate(merged)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("cut", "max_second"), 1, "config: cut.max_second is not a key; did you mean max_seconds"),
        (("num_shards",), "four", "config: num_shards is 'four'; it must be of type integer"),
        (("transcribe", "backend"), "kaldi", "it must be one of pocketsphinx, ctc"),
        (("max_reject_fraction",), 2, "config: max_reject_fraction: 2 is greater than"),
    ],
)
def test_a_wrong_entry_is_one_clear_line(config, path, value, message):
    section = config
    for key in path[:-1]:
        section = section[key]
    section[path[-1]] = value
    with pytest.raises(ValueError) as caught:
        validate(config)
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_missing_entry_is_named(config):
    del config["corpus"]["root"]
    with pytest.raises(ValueError, match=r"config: corpus\.root is missing"):
        validate(config)


@pytest.mark.parametrize(
    ("section", "module", "options"),
    [
        ("cut", "corpus.cut", "CutOptions"),
        ("probe", "evaluate.probe", "ProbeOptions"),
        ("transcribe.pocketsphinx", "transcribe.pocketsphinx", "PocketsphinxOptions"),
        ("transcribe.ctc", "transcribe.decode", "CtcOptions"),
        ("match", "align.match", "MatchOptions"),
        ("refine", "align.refine", "RefineOptions"),
        ("words.pocketsphinx", "align.words_pocketsphinx", "WordsPocketsphinxOptions"),
        ("words.ctc", "align.words_ctc", "WordsCtcOptions"),
    ],
)
def test_config_and_schema_hold_exactly_the_options_of_the_stage(config, section, module, options):
    fields = {
        f.name for f in dataclasses.fields(getattr(import_module(f"aubert.{module}"), options))
    }
    schema = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())
    for key in section.split("."):
        config, schema = config[key], schema["properties"][key]
    assert set(config) == fields
    assert set(schema["properties"]) == fields


@pytest.mark.parametrize(
    ("section", "module", "options"),
    [
        ("hubert.model", "hubert.options", "HubertOptions"),
        ("hubert.train", "learn.options", "TrainOptions"),
        ("ctc.train", "ctc.options", "CtcTrainOptions"),
        ("ctc.hubert", "ctc.options", "CtcTrainOptions"),
        ("ctc.scratch", "ctc.options", "CtcTrainOptions"),
        ("clar.clips", "corpus.clip_options", "ClipOptions"),
        ("clar.splits", "clar.splits", "SplitOptions"),
        ("clar.read", "clar.options", "ReadOptions"),
        ("clar.model", "clar.options", "ClarOptions"),
        ("clar.views", "clar.options", "ViewOptions"),
        ("clar.train", "clar.options", "ClarTrainOptions"),
        ("separation.list", "separation.options", "ListOptions"),
        ("separation.model", "separation.options", "DeepClusteringOptions"),
        ("separation.train", "separation.options", "SeparationTrainOptions"),
    ],
)
def test_a_training_s_section_holds_options_of_the_training(config, section, module, options):
    """The config has those that matter here, the schema every one but the run's seed, and CLAR's
    loss, which is the arm's."""
    kind = getattr(import_module(f"aubert.{module}"), options)
    fields = {field.name for field in dataclasses.fields(kind)} - {"seed"}
    fields -= {"loss"} if section == "clar.model" else set()
    schema = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())
    for key in section.split("."):
        config, schema = config[key], schema["properties"][key]
    assert set(config) <= fields
    assert set(schema["properties"]) == fields


@pytest.mark.parametrize(
    ("section", "module", "options"),
    [
        ("kmeans", "units.kmeans", "KMeansOptions"),
        ("encoder", "encoders.network", "NetworkOptions"),
    ],
)
def test_units_share_seed_and_device(config, section, module, options):
    kind = getattr(import_module(f"aubert.{module}"), options)
    fields = {field.name for field in dataclasses.fields(kind)} - {"seed", "device"}
    schema = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())
    units = schema["properties"]["units"]["properties"]
    assert set(config["units"][section]) == set(units[section]["properties"]) == fields
    assert "device" in config["units"] and "device" in units


@pytest.mark.parametrize(
    "features", ["mfccs", {"iteration": 1}, {"iteration": 1, "layer": "best"}, {"layer": 3}]
)
def test_features_that_are_none_are_one_clear_line(config, features):
    config["hubert"]["iterations"][0]["features"] = features
    with pytest.raises(ValueError) as caught:
        validate(config)
    assert str(caught.value) == (
        f"config: hubert.iterations.0.features is {features!r}; it must be mfcc, mfcc_product, "
        "{iteration, layer} or {encoder, layer}"
    )
