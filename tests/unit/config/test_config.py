"""The config of a run: presets, defaults, and one line for each wrong value."""

from __future__ import annotations

import dataclasses
import json

import jsonschema
import pytest
import yaml

from aubert.cli import main
from aubert.config import resolve, resolve_files
from aubert.config.reference import DOCUMENT, SCHEMA, options_text, schema_text
from aubert.config.resolve import HOUSE, PRESETS, SET_BY, laid_over, read_yaml
from aubert.config.tree import Config
from aubert.hubert.options import HubertOptions
from aubert.options import default_of, types_of

OWN = {"corpus": {"source": "folder", "root": "books"}}
# Overlays of an own corpus, alone and with HuBERT's sizes over them.
OTHERS = [
    path for path in sorted(PRESETS.glob("*.yaml")) if not path.stem.startswith(("mini", "h"))
]
SIZES = sorted(PRESETS.glob("hubert-*.yaml"))


def with_value(key: str, value) -> dict:
    for part in reversed(key.split(".")):
        value = {part: value}
    return laid_over(OWN, value)


def leaves(values, path: str = ""):
    if isinstance(values, dict) and values:
        for key, value in values.items():
            yield from leaves(value, f"{path}.{key}".lstrip("."))
    else:
        yield path, values


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("num_shards", "four", "is 'four'; it must be a whole number, 1 or more; leave it out for"),
        ("max_reject_fraction", 2, "is 2; it must be a number from 0 to 1"),
        ("name", "-x", "it must be letters, digits and . _ - without a dash or dot at the front"),
        ("systems", ["hubert", "bert"], "systems.1 is 'bert'; it must be one of hubert, ctc"),
        ("corpus.source", "foldr", "it must be one of mini, librilight, folder"),
        ("corpus.labelled.train", [], "it must be a list, each text, at least 1 entries"),
        ("download.artefacts", ["libri"], "it must be one of librilight-small"),
        ("cut.aggressiveness", 7, "is 7; it must be a whole number from 0 to 3"),
        ("cut.max_second", 1, "cut.max_second is not a key; did you mean max_seconds"),
        ("transcribe.backend", "kaldi", "it must be one of ctc, pocketsphinx"),
        ("transcribe.ctc.beam_width", 0, "is 0; it must be a whole number, 1 or more"),
        ("transcribe.ctc.overlap_seconds", 20, "below half of window_seconds"),
        ("match.min_share", 20, "is 20; it must be a number from 0 to 1"),
        ("refine.min_skipped_words", 1.5, "is 1.5; it must be a whole number, 1 or more"),
        ("words.ctc.edge_stars", "yes", "is 'yes'; it must be true or false"),
        ("units.kmeans.restarts", 0, "is 0; it must be a whole number, 1 or more"),
        ("units.phones.max_minutes", -1, "is -1; it must be a number above 0"),
        ("hubert.model.num_heads", 5, "hidden_size 768 cannot be divided by num_heads 5"),
        ("hubert.train.lr", -1, "hubert.train.lr is -1; it must be a number above 0"),
        ("hubert.iterations", [{"features": "mfccs", "clusters": [5]}], "{iteration, layer} or"),
        ("hubert.iterations", [{"features": "mfcc"}], "clusters is missing: give a list"),
        ("ctc.train.validation_share", 1.0, "from 0 below 1"),
        ("ctc.inits", ["hubert", "hubert"], "holds an entry twice"),
        ("clar.model.width", 12, "a multiple of 8"),
        ("clar.views.stretch_min", 2, "from 0.25 to 1"),
        ("clar.model.loss", "joint", "clar.arms decides"),
        ("aubert.pairs.max_ms", 1, "must not be below min_ms"),
        ("separation.train.checkpoint_every", 7, "must be a multiple of log_every"),
        ("separation.folders", {"a": 1}, "separation.folders.a is 1; it must be text"),
        ("probe", 3, "config: probe is 3; it must be"),
        ("corpus", "{root: b{o}oks, ~my}", 'stands in quotes: {root: "a, b"}'),
        ("corpus.b", None, 'stands in quotes: {root: "a, b"}'),
    ],
)
def test_a_wrong_value_is_one_line_with_key_and_range(key, value, message):
    with pytest.raises(ValueError) as caught:
        resolve(with_value(key, value))
    (line,) = str(caught.value).splitlines()
    assert line.startswith(f"config: {'.'.join(key.split('.')[:2])}") or "; the keys are" in line
    assert message in line


def test_every_fault_has_a_line():
    wrong = {"corpus": {"source": "folder"}, "cut": {"aggressiveness": 7}, "match": {"min": 1}}
    with pytest.raises(ValueError) as caught:
        resolve(wrong)
    lines = str(caught.value).splitlines()
    assert [line.split()[1] for line in lines] == ["corpus.root", "cut.aggressiveness", "match.min"]


def test_what_is_resolved_is_resolved_to_itself():
    for paths in ([], [PRESETS / "librilight-small.yaml", PRESETS / "hubert-large.yaml"]):
        values = resolve_files(paths)
        assert resolve(values) == values


def test_defaults_are_those_of_the_dataclasses():
    values = resolve(OWN)
    assert values["cut"] == dataclasses.asdict(default_of(Config, "cut"))
    assert values["hubert"]["model"] == dataclasses.asdict(HubertOptions.base())
    first, second = values["hubert"]["iterations"]
    assert (first["train"]["steps"], second["train"]["steps"]) == (250_000, 400_000)


def test_shared_values_reach_those_that_leave_them_out():
    hubert = {"train": {"num_workers": 3}, "compare": {"layer": 4}}
    ctc = {"train": {"steps": 7, "lr": 1e-3}, "scratch": {"lr": 1e-2}}
    values = resolve(
        {**OWN, "seed": 5, "hubert": hubert, "ctc": ctc, "clar": {"train": {"seed": 1}}}
    )
    assert [one["train"]["num_workers"] for one in values["hubert"]["iterations"]] == [3, 3]
    assert [one["train"]["seed"] for one in values["hubert"]["iterations"]] == [5, 5]
    assert (values["clar"]["train"]["seed"], values["units"]["kmeans"]["seed"]) == (1, 5)
    assert (values["ctc"]["hubert"]["lr"], values["ctc"]["scratch"]["lr"]) == (1e-3, 1e-2)
    assert (values["ctc"]["scratch"]["steps"], values["probe"]["layer"]) == (7, 4)
    assert values["ctc"]["scratch"]["freeze_encoder_steps"] == 0


def test_the_default_run_is_the_miniature_one():
    values = resolve_files([])
    for path, value in leaves(read_yaml(PRESETS / "mini.yaml")):
        assert dict(leaves(values))[path] == value or path.startswith("hubert.iterations")
    assert [one["train"]["steps"] for one in values["hubert"]["iterations"]] == [500, 500]


@pytest.mark.parametrize("size", [None, *SIZES], ids=lambda path: path and path.stem)
@pytest.mark.parametrize("preset", OTHERS, ids=lambda path: path.stem)
def test_no_toy_value_reaches_another_corpus(preset, size):
    """Each value of a preset is the preset's own, or the dataclasses' default."""
    overlays = [read_yaml(path) for path in (preset, size) if path]
    own = overlays[0] if size is None else laid_over(*overlays)
    given = dict(leaves(own))
    plain = dict(leaves(resolve({"corpus": own["corpus"], "hubert": own.get("hubert", {})})))
    resolved = dict(leaves(resolve_files([path for path in (preset, size) if path])))
    for path, value in resolved.items():
        if path in given:
            assert value == given[path] or path == "hubert.iterations"
        elif not path.startswith(("ctc.hubert", "ctc.scratch")):  # of ctc.train
            assert value == plain[path], path
    toy = dict(leaves(read_yaml(PRESETS / "mini.yaml")["hubert"]["model"]))
    # LARGE's, too.
    same = {"frame_rate_hz", "pre_norm", "layerdrop", "feature_grad_scale", "attention_dropout"}
    for key in toy.keys() - same:
        path = f"hubert.model.{key}"
        assert path in given or resolved[path] != toy[key]


def test_the_committed_schema_and_page_are_the_dataclasses():
    assert (HOUSE / SCHEMA).read_text() == schema_text(), f"aubert config schema > {SCHEMA}"
    assert (HOUSE / DOCUMENT).read_text() == options_text(), f"aubert config options > {DOCUMENT}"


@pytest.mark.parametrize("path", [HOUSE / "config.yaml", *PRESETS.glob("*.yaml")], ids=str)
def test_config_files_fit_the_schema(path):
    schema = json.loads(schema_text())
    jsonschema.Draft202012Validator(schema).validate(read_yaml(path))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"cut": {"aggressiveness": 7}}, schema)


def test_every_key_that_the_workflow_sets_is_one():
    for path in SET_BY:
        kind = Config
        for key in path.split("."):
            kind = types_of(kind)[key]


def test_show_names_the_source_of_each_value(tmp_path, capsys):
    mine = tmp_path / "my.yaml"
    mine.write_text("cut: {aggressiveness: 3}\n")
    assert main(["config", "show", "--configfile", str(mine), "--config", "seed=4"]) == 0
    printed = capsys.readouterr().out
    assert yaml.safe_load(printed) == resolve(
        {"corpus": {"source": "mini"}, "cut": {"aggressiveness": 3}, "seed": 4}
    )
    for key, source in (
        ("aggressiveness: 3", str(mine)),
        ("seed: 4", "--config"),
        ("min_silence_ms: 240", "default"),
        ("source: mini", "config.yaml"),
        ("front_end: logmel", "workflow/presets/mini.yaml"),
    ):
        line = next(line for line in printed.splitlines() if key in line)
        assert line.split("# ")[1] == source


def test_a_file_that_is_no_mapping_is_named(tmp_path):
    (tmp_path / "a.yaml").write_text("- 1\n")
    with pytest.raises(ValueError, match=r"a\.yaml holds no mapping"):
        resolve_files([tmp_path / "a.yaml"])
    (tmp_path / "b.yaml").write_text("a: [\n")
    with pytest.raises(ValueError, match=r"b\.yaml cannot be read as YAML"):
        resolve_files([tmp_path / "b.yaml"])
