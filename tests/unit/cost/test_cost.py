"""What a run will cost, estimated from its config."""

from __future__ import annotations

import re
from collections import namedtuple
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile
import yaml
from tiny_corpus import write_corpus

from aubert.cli import main
from aubert.config import resolve_files
from aubert.cost import command, jobs
from aubert.cost.corpus_size import corpus_size
from aubert.cost.disk import parts
from aubert.cost.estimate import Cost, Estimate
from aubert.cost.jobs import Job, count_jobs, jobs_of_one_shard
from aubert.cost.profile import Profile
from aubert.cost.schedule import Timed, schedule, spread
from aubert.cost.shards import shares_of_shards
from aubert.cost.times import Times
from aubert.cost.trained import blstm_weights, num_weights, resnet_weights, trainings
from aubert.hubert.options import HubertOptions
from aubert.separation.options import DeepClusteringOptions

ROOT = Path(__file__).parents[3]
RATES = yaml.safe_load(command.RATES.read_text())
PRESETS = ROOT / "workflow/presets"


def config_of(*presets: str, **changes) -> dict:
    return {**resolve_files([PRESETS / f"{name}.yaml" for name in presets]), **changes}


@pytest.fixture(scope="module")
def base_jobs() -> list[Job]:
    return jobs_of_one_shard(config_of("librilight-small", "hubert-base"))


def costs(config, hours, jobs) -> dict[str, Cost]:
    return Estimate(config, hours, RATES).costs(jobs)


def test_jobs_are_snakemake_s_own_though_no_data_is_there(base_jobs):
    counts = count_jobs(base_jobs, 64)
    assert counts["index"] == counts["words"] == 64
    assert counts["units_label"] == 6 * 64  # two that are learned from, four that are measured
    assert counts["hubert_train"] == 2
    assert counts["metrics"] == 1
    (cut,) = (job for job in base_jobs if job.rule == "cut")
    assert [base_jobs[need].rule for need in cut.needs] == ["index"]
    assert (cut.wildcards, cut.threads, cut.mem_mb, cut.runtime_min) == (
        {"shard": "0"},
        1,
        1000,
        120,
    )
    second = next(job for job in base_jobs if job.wildcards.get("iteration") == "2")
    needs = {"index", "cut", "units_learn", "units_label"}
    assert {base_jobs[need].rule for need in second.needs} == needs


def test_every_rate_is_of_a_rule(base_jobs):
    rules = {
        rule
        for path in (ROOT / "workflow/rules").glob("*.smk")
        for rule in re.findall(r"^ *rule (\w+):", path.read_text(), re.M)
    }
    assert set(RATES["rules"]) <= rules


def test_the_paper_s_trainings_cost_what_was_published(base_jobs):
    config = config_of("librilight-small", "hubert-base")
    hours = costs(config, 960, base_jobs)["hubert_train"].gpu_s / 3600
    assert hours == pytest.approx(2000, rel=0.03)


def test_twice_the_audio_costs_twice_but_for_trainings_and_starts(base_jobs):
    config = config_of("librilight-small", "hubert-base")
    one, two, none = (costs(config, hours, base_jobs) for hours in (500, 1000, 0))
    for rule in ("transcribe", "match", "units_label"):
        assert two[rule].cpu_s - none[rule].cpu_s == pytest.approx(
            2 * (one[rule].cpu_s - none[rule].cpu_s)
        )
        assert one[rule].cpu_s > 1.2 * none[rule].cpu_s > 0
    assert two["hubert_train"] == one["hubert_train"]


def test_random_projections_need_no_sample_and_no_pass():
    iterations = [
        {"features": "random_projection", "clusters": [8192]},
        {"features": {"iteration": 1, "layer": 6}, "clusters": [500]},
    ]
    config = config_of("librilight-small", "hubert-base")
    config["hubert"]["iterations"] = [
        {**given, **own}
        for given, own in zip(config["hubert"]["iterations"], iterations, strict=True)
    ]
    config["units"]["kmeans"]["passes"] = 2
    config["units"]["features"] = "dumped"
    found = jobs_of_one_shard(config)
    drawn = [job for job in found if job.wildcards.get("feature") == "random_projection"]
    rules = {job.rule for job in drawn}
    assert rules - {"units_quality"} == {"units_draw", "units_dump", "units_label"}
    (label,) = (job for job in drawn if job.rule == "units_label")
    assert {found[need].rule for need in label.needs} == {
        "index",
        "cut",
        "units_draw",
        "units_dump",
    }
    learned = {job.wildcards["feature"] for job in found if job.rule == "units_learn"}
    assert "iter1_layer6" in learned and "random_projection" not in learned
    assert {job.rule for job in found} >= {"units_pass", "units_merge"}
    (train,) = (job for job in found if job.wildcards.get("iteration") == "1")
    assert "units_label" in {found[need].rule for need in train.needs}
    estimate = Estimate(config, 100, RATES)
    assert all(estimate.cost(job).known and not estimate.cost(job).gpu_s for job in drawn)
    rules = {"units_label", "units_dump"}
    other = config_of("librilight-small", "hubert-base")
    other["units"]["features"] = "dumped"
    with_it, without = (
        {part.what: part.num_bytes for part in parts(one, rules, 0)}["units/*/dump"]
        for one in (estimate, Estimate(other, 100, RATES))
    )  # whose MFCC are dumped too, to be compared
    assert with_it - without == pytest.approx(4 * 16 * 100 * 3600 * 100)


def test_a_rule_without_a_rate_is_shown_as_unknown():
    some = [Job("index", {"shard": "0"}), Job("something_new", {"shard": "0"})]
    config = config_of(num_shards=3)
    found = costs(config, 1, some)
    assert not found["something_new"].known
    times = Times(Estimate(config, 1, RATES), some, np.full(3, 1 / 3), Profile())
    table = command._table(count_jobs(some, 3), found, times)
    assert re.search(r"something_new +3 +\? +\?", table)


@pytest.mark.parametrize(
    ("model", "millions"), [(HubertOptions.base(), 94.4), (HubertOptions.large(), 315.4)]
)
def test_weights_of_published_sizes(model, millions):
    """As Hugging Face counts facebook/hubert-base-ls960 and hubert-large-ll60k."""
    assert num_weights(model) / 1e6 == pytest.approx(millions, rel=0.01)


def test_hours_of_the_index_go_before_those_of_the_files(tmp_path):
    corpus = write_corpus(tmp_path, num_shards=2)
    paths = [corpus.results / "recordings" / f"{shard}.parquet" for shard in range(2)]
    samples = sum(sum(pq.read_table(path)["num_samples"].to_pylist()) for path in paths)
    hours = samples / 16_000 / 3600
    config = config_of(num_shards=2, results_dir=str(tmp_path), name="results")
    config["corpus"] = {**config["corpus"], "source": "librilight", "root": str(corpus.root)}
    indexed = corpus_size(config, {}, None)
    assert (indexed.hours, indexed.source) == (pytest.approx(hours), "the run's index")
    of_files = corpus_size({**config, "name": "new"}, {}, None)
    assert of_files.hours == pytest.approx(hours)
    assert of_files.source == "sizes of 4 files and headers of 4"
    assert corpus_size(config, {}, 7.0).hours == 7.0


def test_hours_of_a_manifest_are_those_of_its_files(tmp_path):
    lines = [str(tmp_path)]
    for number, seconds in enumerate((1, 2)):
        soundfile.write(tmp_path / f"{number}.wav", np.zeros(16_000 * seconds), 16_000)
        lines.append(f"{number}.wav\t{16_000 * seconds}")
    manifest = tmp_path / "train.tsv"
    manifest.write_text("\n".join(lines))
    config = {**config_of(), "results_dir": str(tmp_path / "results")}
    config["corpus"] = {**config["corpus"], "source": "manifest", "root": str(manifest)}
    size = corpus_size(config, {}, None)
    assert (size.hours, size.source) == (pytest.approx(3 / 3600), "headers of 2 of 2 files")


def test_hours_of_a_folder_of_audiobooks_are_those_of_its_headers(tmp_path):
    config = config_of("own-audiobooks", results_dir=str(tmp_path))
    config["corpus"] = {**config["corpus"], "root": str(tmp_path / "books")}
    for number in range(4):
        path = tmp_path / f"books/Ann/Emma/{number}.flac"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.zeros(1600 * 9), 1600)
    assert corpus_size(config, RATES["published"], None).hours == pytest.approx(36 / 3600)


def test_published_hours_where_nothing_is_there(tmp_path):
    config = config_of()
    absent = {"source": "librilight", "root": str(tmp_path), "subsets": ["small", "medium"]}
    config["corpus"] = {**config["corpus"], **absent}
    size = corpus_size({**config, "results_dir": str(tmp_path)}, RATES["published"], None)
    assert size.hours == 577 + 5193
    assert size.to_fetch_bytes == 356e9
    config["corpus"]["subsets"] = ["mine"]
    with pytest.raises(ValueError, match=r"how many hours mine hold is not known.*give --hours"):
        corpus_size({**config, "results_dir": str(tmp_path)}, RATES["published"], None)


@pytest.mark.parametrize("rule", ["aubert_train", "clar_train", "separation_train"])
def test_every_training_s_network_takes_disk(rule):
    config = config_of()
    with_it, without = (
        sum(part.num_bytes for part in parts(Estimate(config, 1.0, RATES), rules, 0))
        for rules in (["hubert_train", rule], ["hubert_train"])
    )
    weights = sum(each.weights for each in trainings(config, 1.0) if each.rule == rule)
    # And checkpoints, where it is the largest network.
    assert with_it - without >= 4 * weights > 0


def test_a_disk_that_is_too_small_is_noted_and_refused_where_the_plan_is_checked(
    monkeypatch, tmp_path, capsys
):
    monkeypatch.chdir(tmp_path)
    some = [Job("index", {"shard": "0"}), Job("hubert_train", {"iteration": "1"})]
    monkeypatch.setattr(jobs, "jobs_of_one_shard", lambda config: some)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(command.shutil, "disk_usage", lambda path: usage(0, 0, 10_000_000))
    small = "the disk of results is too small: the run needs 0."
    assert main(["plan"]) == 0
    assert f"note: {small}" in capsys.readouterr().out
    assert main(["plan", "--check"]) == 1
    printed = capsys.readouterr()
    assert re.search(r"^hubert_train +1 ", printed.out, re.M)  # what it would cost comes first
    assert small in printed.err
    monkeypatch.setattr(command.shutil, "disk_usage", lambda path: usage(0, 0, 10**12))
    assert main(["plan", "--check"]) == 0


def assert_all_known(config, jobs, *rules):
    found = costs(config, 577, jobs)
    assert set(rules) <= set(found)
    assert [rule for rule, cost in found.items() if not cost.known and rule != "all"] == []
    for rule, number in count_jobs(jobs, 1).items():
        if rule.endswith("_train"):  # more than the start
            start_s = RATES["rules"][rule]["start_s"]
            assert found[rule].cpu_s + found[rule].gpu_s > 2 * start_s * number


def test_every_rule_of_a_default_run_with_separation_has_a_rate():
    config = config_of()
    assert_all_known(config, jobs_of_one_shard(config), "mini", "clar_train", "separation_train")


def test_every_rule_of_libri_light_has_a_rate(base_jobs):
    config = config_of("librilight-small", "hubert-base")
    assert_all_known(config, base_jobs, "phones", "ctc_train", "aubert_train", "report")


def test_every_rule_of_one_s_own_audiobooks_has_a_rate():
    config = config_of("own-audiobooks")
    assert_all_known(config, jobs_of_one_shard(config), "folder", "report")


def test_trainings_use_what_their_steps_use():
    config = config_of()
    for section, steps in (("aubert", 200), ("clar", 100), ("separation", 150)):
        config[section] = {**config[section], "train": {**config[section]["train"], "steps": steps}}
    config["aubert"]["train"] |= {"batch_pairs": 40, "batch_seconds": 900.0}  # pairs end it
    found = {training.rule: training for training in trainings(config, 0.145)}
    assert found["aubert_train"].hours == pytest.approx(200 * 40 * 0.145 * 2.5 / 3600)
    assert found["clar_train"].hours == pytest.approx(100 * 64 * 2 * 0.5 / 3600)
    assert found["separation_train"].hours == pytest.approx(150 * 12.8 / 3600)
    config["aubert"]["train"]["batch_seconds"] = 10.0
    (short, *others) = [t for t in trainings(config, 0.145) if t.rule == "aubert_train"]
    assert short.hours == pytest.approx(200 * 10 / 3600)
    assert len(others) == 1  # a training for each scorer


def test_phones_take_no_more_audio_than_the_config_says():
    config = config_of()
    hour_s = RATES["rules"]["phones"]["hour_s"]
    for hours, used in ((1, 1), (500, 4)):
        cost = costs(config, hours, [Job("phones", {"shard": "0"})])["phones"]
        assert cost.cpu_s == pytest.approx(4 * RATES["rules"]["phones"]["start_s"] + used * hour_s)


def timed(rule: str, seconds: float, *needs: int, gpus: int = 0, cores: int = 1) -> Timed:
    return Timed(Job(rule, {}), seconds, cores, gpus, needs)


def test_a_schedule_waits_for_jobs_cores_and_gpus():
    chain = [timed("a", 10), timed("b", 5, 0), timed("c", 1)]
    assert schedule(chain, 9, 9, 9).seconds == 15
    assert [one.job.rule for one in schedule(chain, 9, 9, 9).critical] == ["a", "b"]
    assert schedule(chain, 1, 9, 9).seconds == 16
    on_gpus = [timed("a", 10, gpus=2), timed("b", 4, gpus=1), timed("c", 4, gpus=1)]
    assert schedule(on_gpus, 9, 9, 4).seconds == 10
    assert schedule(on_gpus, 9, 9, 2).seconds == 14
    assert schedule(on_gpus, 9, 9, 1).seconds == 18  # one that asks for more runs alone
    wide = [timed("a", 3, cores=2), timed("b", 3, cores=2)]
    assert schedule(wide, 9, 2, 0).seconds == 6


def test_jobs_of_a_shard_wait_for_their_own_and_others_for_all():
    some = [
        Job("index", {"shard": "0"}), Job("learn", {}, needs=(0,)),
        Job("label", {"shard": "0"}, needs=(0, 1)),
    ]  # fmt: skip
    found = spread(some, 3, lambda job, shard: Timed(job, 1.0, 1, 0, ()))
    assert [one.job.rule for one in found] == ["index"] * 3 + ["learn"] + ["label"] * 3
    assert [one.needs for one in found] == [(), (), (), (0, 1, 2), (0, 3), (1, 3), (2, 3)]


def test_a_profile_says_what_jobs_get():
    profile = Profile(ROOT / "profiles/slurm")
    assert profile.is_cluster and profile.jobs == 100
    training = profile.limits(Job("hubert_train", {}, 7, 16_000, 2880))
    assert (training.threads, training.gpus, training.turns) == (16, 4, True)
    assert (training.mem_mb, training.runtime_min) == (64_000, 480)
    books = profile.limits(Job("books", {}, 1, 2000, 120))
    assert books == (1, None, 2000, 120, False, 1)
    with pytest.raises(ValueError, match="is no profile"):
        Profile(ROOT / "absent")


def test_a_job_that_outlasts_its_time_is_refused_but_for_trainings_that_take_turns(
    base_jobs, tmp_path, monkeypatch, capsys
):
    full = 0
    monkeypatch.setattr(jobs, "jobs_of_one_shard", lambda config: base_jobs)
    monkeypatch.setattr(command, "_too_small", lambda disks: ["a disk is too small"][:full])
    plan = ["plan", "--hours=577", "--check", "--profile", str(tmp_path / "profile.yaml")]
    plan += [
        "--configfile",
        *(str(PRESETS / f"{x}.yaml") for x in ("librilight-small", "hubert-base")),
    ]
    given = yaml.safe_load((ROOT / "profiles/slurm/profile.yaml").read_text())
    (tmp_path / "profile.yaml").write_text(yaml.safe_dump(given))
    assert main(plan) == 0
    printed = capsys.readouterr().out
    assert re.search(r"^hubert_train +2 .* h +8\.0 h in turns$", printed, re.M)
    given["set-resources"]["transcribe"]["runtime"] = 1
    del given["set-resources"]["hubert_train"]["slurm_extra"]
    (tmp_path / "profile.yaml").write_text(yaml.safe_dump(given))
    full = 1  # what is wrong with the times is printed all the same
    assert main(plan) == 1
    refused = capsys.readouterr().err
    assert "transcribe: its longest job takes" in refused and "hubert_train: its" in refused
    assert "words" not in refused and "a disk is too small" in refused


def test_the_largest_shard_is_known_from_the_index_or_drawn(tmp_path):
    corpus = write_corpus(tmp_path, num_shards=2)
    config = config_of(num_shards=2, results_dir=str(tmp_path), name="results")
    config["corpus"] = {**config["corpus"], "source": "librilight", "root": str(tmp_path / "no")}
    held = [
        sum(pq.read_table(corpus.results / f"recordings/{n}.parquet")["num_samples"].to_pylist())
        for n in range(2)
    ]
    shares = shares_of_shards(config, {})
    assert shares == pytest.approx(np.array(held) / sum(held))
    large = config_of("librilight-large")
    drawn = shares_of_shards(large, RATES["published"])
    assert len(drawn) == 1024 and drawn.sum() == pytest.approx(1) and drawn.max() > 2 / 1024


def test_weights_are_those_of_the_networks():
    from aubert.clar.resnet import ResNet18
    from aubert.separation.network import DeepClustering

    def of(network):
        return sum(weight.numel() for weight in network.parameters())

    for options in (DeepClusteringOptions(), DeepClusteringOptions(hidden_size=32, num_layers=3)):
        assert blstm_weights(options) == pytest.approx(of(DeepClustering(options)), rel=0.03)
    for width in (16, 64):
        assert resnet_weights(width) == pytest.approx(of(ResNet18(2, 3, width, kernel=3)), rel=0.03)
