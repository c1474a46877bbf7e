"""Speech without texts: a folder, or what a manifest lists, trains HuBERT and CTC, and nothing else
runs."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest
import soundfile
from snakemake_run import MINI_SIZES, Run
from tiny_run import CTC_TRAIN, HUBERT
from tone_speech import RATE_HZ, say, write_labelled

from aubert import tables
from aubert.config.resolve import laid_over

TINY = {
    "name": "speech",
    "num_shards": 2,
    "systems": ["hubert", "ctc", "aubert"],  # as hubert-base has them: the target alone counts
    "hubert": laid_over(MINI_SIZES["hubert"], HUBERT),
    "ctc": {"inits": ["hubert"], "train": CTC_TRAIN | {"validation_share": 0.0}},
    "units": MINI_SIZES["units"],
    "cut": {"detector": "webrtcvad"},  # tones are no speech to silero
}
READERS = ("ann", "bob", "eve")


@pytest.fixture
def speech(tmp_path) -> Path:
    """Six files of tones of three speakers."""
    for reader in READERS:
        for number in range(2):
            path = tmp_path / f"speech/{reader}/day/{number}.flac"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, say("abc cab bca abc"), RATE_HZ)
    return tmp_path / "speech"


def tsv_of(speech: Path) -> Path:
    path = speech.parent / "train.tsv"
    files = sorted(speech.rglob("*.flac"))
    lines = [f"{file.relative_to(speech)}\t{soundfile.info(file).frames}" for file in files]
    path.write_text("\n".join([str(speech), *lines]) + "\n")
    return path


def cuts_of(speech: Path) -> Path:
    path = speech.parent / "cuts.jsonl.gz"
    with gzip.open(path, "wt") as lines:
        for number, file in enumerate(sorted(speech.rglob("*.flac"))):
            info = soundfile.info(file)
            recording = {
                "id": f"r{number}",
                "sources": [{"type": "file", "channels": [0], "source": str(file)}],
                "sampling_rate": info.samplerate,
                "num_samples": info.frames,
                "duration": info.duration,
            }
            cut = {
                "id": f"c{number}", "type": "MonoCut", "start": 0.0, "duration": info.duration,
                "channel": 0, "recording": recording,
                "supervisions": [{"speaker": file.parts[-3]}],
            }  # fmt: skip
            lines.write(json.dumps(cut) + "\n")
    return path


def run_of(speech: Path, **corpus) -> Run:
    return Run(speech.parent, laid_over(TINY, {"corpus": corpus}))


def test_a_folder_without_texts_trains_hubert_from_sound_alone(speech):
    run = run_of(speech, source="folder", root=str(speech))
    jobs = Counter(job["rule"] for job in run.job_list("hubert"))
    learned = {
        "folder": 2, "index": 2, "cut": 2, "units_choose": 1, "units_sample": 4, "units_learn": 2,
        "units_label": 4, "hubert_init": 1, "hubert_train": 2,
    }  # fmt: skip
    assert jobs == {**learned, "hubert": 1}
    # Without a target, `systems` says what is learned; the probe of its speakers comes with it.
    of_systems = Run(speech.parent, laid_over(run.overlay, {"systems": ["hubert"]}))
    jobs = Counter(job["rule"] for job in of_systems.job_list())
    assert jobs == {**learned, "probe": 1, "all": 1}


def test_a_manifest_trains_hubert_and_ctc_and_a_changed_file_is_one_shard(speech):
    manifest = tsv_of(speech)
    write_labelled(speech.parent / "labelled", {"1": ["a bad cab", "bad"], "2": ["a cab"]})
    labelled = {"train": ["labelled"], "dev": {"unseen": "labelled"}}
    run = run_of(speech, source="manifest", root=str(manifest), labelled=labelled)
    run.snakemake("hubert", "ctc")
    assert (run.results("hubert", "iter2") / "model.safetensors").is_file()
    rates = json.loads(run.results("ctc", "hubert.json").read_text())
    assert "ctc.hubert.unseen_cer_greedy" in rates and "ctc.hubert.unseen_wer" not in rates
    rows = list(tables.all_rows(run.results(), "recordings"))
    assert sorted({row["speaker"] for row in rows}) == list(READERS)
    assert run.jobs("hubert") == []

    soundfile.write(speech / "ann/day/0.flac", say("cab abc cab abc abc"), RATE_HZ)
    rerun = [job for job in run.jobs("corpus") if job.startswith(("index", "cut"))]
    assert len(rerun) == 2 and len({job.split()[1] for job in rerun}) == 1


def test_lhotses_cuts_are_cut_as_they_say(speech):
    run = run_of(speech, source="manifest", root=str(cuts_of(speech)))
    run.snakemake("corpus")
    rows = {row["recording_id"]: row for row in tables.all_rows(run.results(), "recordings")}
    assert len(rows) == 6 and all(row["voice_activity"] for row in rows.values())
    for row in tables.all_rows(run.results(), "utterances"):
        recording = rows[row["recording_id"]]
        seconds = row["num_samples"] / recording["sample_rate_hz"]
        assert seconds == pytest.approx(recording["voice_activity"][0]["end_s"], abs=0.01)


@pytest.mark.parametrize("source", ["folder", "manifest"])
def test_what_needs_texts_is_one_clear_line_that_names_what_does_not(speech, source):
    root = speech if source == "folder" else tsv_of(speech)
    run = run_of(speech, source=source, root=str(root))
    output = run.snakemake("--dry-run", "dataset", check=False)
    (line,) = (line for line in output.splitlines() if "without texts ask for one of:" in line)
    assert "hubert" in line and "Traceback" not in output


def test_a_manifest_that_is_not_there_is_one_clear_line(tmp_path):
    run = Run(tmp_path, laid_over(TINY, {"corpus": {"source": "manifest", "root": "train.tsv"}}))
    output = run.snakemake("--dry-run", "hubert", check=False)
    assert "corpus.root: train.tsv is not there" in output and "Traceback" not in output
