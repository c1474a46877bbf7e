"""`aubert evaluate abx` over a corpus of tones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_corpus import Corpus, write_corpus
from tiny_hubert import save_tiny_hubert

from aubert import tables
from aubert.cli import main
from aubert.evaluate.metrics import Figure, read_metrics
from aubert.evaluate.unit_quality import phones_of_utterances
from aubert.units.labels import write_labels
from aubert.units.shards import FeatureKind


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Corpus:
    return write_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def encoder(tmp_path_factory) -> Path:
    return save_tiny_hubert(tmp_path_factory.mktemp("encoder") / "untrained")


def run(corpus: Corpus, out: Path, *flags) -> int:
    where = ["--root", str(corpus.root), *map(str, flags)]
    return main(["evaluate", "abx", str(corpus.results), str(out), *where])


def measured(corpus: Corpus, out: Path, *flags) -> dict[str, Figure]:
    assert run(corpus, out, f"--reference={corpus.reference}", *flags) == 0
    return read_metrics(out)


def test_every_layer_stands_beside_mfcc(corpus, encoder, tmp_path, capsys):
    figures = measured(corpus, tmp_path / "abx.json", f"--encoder={encoder}")
    printed = capsys.readouterr().out
    layers = ["layer00", "layer01", "layer02"]
    for mode in ("within", "across"):
        mfcc = figures[f"abx.mfcc.{mode}"]
        assert mfcc.value < 0.15  # tones of four pitches
        assert figures[f"abx.mfcc.{mode}.chance"].value == 0.5
        for layer in layers:
            assert figures[f"abx.{layer}.{mode}.baseline"] == mfcc
            rate, lead = (figures[f"abx.{layer}.{mode}{end}"] for end in ("", ".over_baseline"))
            assert rate.n == lead.n == mfcc.n  # of the same triples
            assert lead.value == pytest.approx(rate.value - mfcc.value, abs=1e-5)
            assert 0 <= figures[f"abx.{layer}.{mode}"].value < 0.5
        assert figures[f"abx.cells_{mode}"].n == mfcc.n
        assert f"{mode} speakers mfcc {mfcc.value:.3f}, layer00" in printed
    assert (figures["abx.speakers"].value, figures["abx.phones"].value) == (2, 4)
    keys = {key.split(".")[1] for key in figures}
    assert keys == {"mfcc", *layers, "cells_within", "cells_across", "tokens", "phones", "speakers"}


def test_more_phones_are_compared_without_their_neighbours(corpus, tmp_path):
    within = measured(corpus, tmp_path / "a.json", "--max-tokens=100")
    alone = measured(corpus, tmp_path / "b.json", "--max-tokens=100", "--context=any")
    for figure in ("abx.tokens", "abx.mfcc.within", "abx.mfcc.across"):
        assert alone[figure].n > within[figure].n
    assert alone["abx.cells_within"].value == 2 * 4 * 3  # speakers, phones, others
    assert alone["abx.cells_across"].value == 2 * 4 * 3


def test_units_are_compared_as_they_are(corpus, tmp_path):
    """Units that are the phone make no error; units that are all the same tell nothing."""
    rows = {
        row["utterance_id"]: row["num_samples"]
        for row in tables.all_rows(corpus.results, "utterances")
    }
    for name, of_phone in (("phones", "abcd".index), ("same", lambda _: 0)):
        units: dict[str, np.ndarray] = {}
        for utterance, _, phones in phones_of_utterances(corpus.results, corpus.reference):
            middles = (np.arange(rows[utterance] // 320) + 0.5) / 50
            units[utterance] = np.full(len(middles), 4)
            for row in phones:
                inside = (middles >= row["start_s"]) & (middles <= row["end_s"])
                units[utterance][inside] = of_phone(row["phone"])
        for shard in range(2):
            own = [item for item in units.items() if f"speaker{shard}" in item[0]]
            write_labels(tmp_path / name / str(shard), own, FeatureKind("mfcc", 50.0), 5, None)
        flags = ["--context=any", f"--labels={tmp_path / name}"]
        figures = measured(corpus, tmp_path / "abx.json", *flags)
        for mode in ("within", "across"):
            expected = 0.0 if name == "phones" else 0.5
            assert figures[f"abx.units.{mode}"].value == expected
            assert figures[f"abx.units.{mode}.baseline"] == figures[f"abx.mfcc.{mode}"]


def test_limits_are_kept(corpus, tmp_path):
    all_of_it = measured(corpus, tmp_path / "a.json", "--context=any")
    few = measured(corpus, tmp_path / "b.json", "--context=any", "--max-tokens=3")
    assert few["abx.tokens"].value == 2 * 4 * 3  # speakers, phones
    assert few["abx.tokens"].value < all_of_it["abx.tokens"].value
    fewer = measured(corpus, tmp_path / "c.json", "--context=any", "--max-per-speaker=1")
    assert fewer["abx.tokens"].value < all_of_it["abx.tokens"].value


def test_one_speaker_has_no_figure_across(corpus, tmp_path, capsys):
    figures = measured(corpus, tmp_path / "abx.json", "--context=any", "--max-speakers=1")
    assert "abx.mfcc.within" in figures
    assert "abx.mfcc.across" not in figures
    assert figures["abx.cells_across"].value == 0
    assert "across speakers nothing can be compared" in capsys.readouterr().out


def test_what_is_held_out_is_left_out(corpus, tmp_path):
    figures = measured(
        corpus, tmp_path / "abx.json", "--context=any", "--held-out-speaker=speaker0"
    )
    assert figures["abx.speakers"].value == 1


def test_shards_make_no_difference(tmp_path):
    """The same two speakers in two shards and in one."""
    two = write_corpus(tmp_path / "two")
    one = Corpus(two.root, tmp_path / "one", two.reference)
    for name in Corpus.TABLES:
        rows = [*tables.all_rows(two.results, name)]
        tables.write(one.results / name / "0.parquet", name, rows[::-1])
    figures = [measured(own, tmp_path / f"{own.results.name}.json") for own in (one, two)]
    assert figures[0] == figures[1]


@pytest.mark.parametrize(("num_phones", "num_tokens"), [(2, 0), (5, 1)])
def test_too_little_speech_is_an_error(corpus, tmp_path, capsys, num_phones, num_tokens):
    rows = [*tables.rows(corpus.reference / "phones.parquet", "reference_phones")][:num_phones]
    few = Corpus(corpus.root, corpus.results, tmp_path / "reference")
    tables.write(few.reference / "phones.parquet", "reference_phones", rows)
    assert run(few, tmp_path / "abx.json", f"--reference={few.reference}") == 1
    message = capsys.readouterr().err
    assert f"nothing can be compared: among {num_tokens} tokens by {min(num_tokens, 1)}" in message
    assert "raise --max-per-speaker" in message
    assert not (tmp_path / "abx.json").exists()


def test_no_phones_is_an_error(corpus, tmp_path, capsys):
    (tmp_path / "reference").mkdir()
    tables.write(tmp_path / "reference" / "phones.parquet", "reference_phones", [])
    assert run(corpus, tmp_path / "abx.json", f"--reference={tmp_path / 'reference'}") == 1
    assert "no utterance has phones; check that" in capsys.readouterr().err
    assert run(corpus, tmp_path / "abx.json") == 1
    assert f"{corpus.results / 'phones'} is not there; give --reference" in capsys.readouterr().err


def test_an_utterance_without_features_is_named(corpus, tmp_path, capsys):
    root = tmp_path / "audio"
    rows = [*tables.all_rows(corpus.results, "recordings")]
    for row in rows[1:]:
        path = root / row["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((corpus.root / row["path"]).read_bytes())
    broken = Corpus(root, corpus.results, corpus.reference)
    figures = measured(broken, tmp_path / "abx.json", "--context=any")
    assert f"left out '{rows[0]['recording_id']}_0000': audio_missing" in capsys.readouterr().err
    assert np.isfinite(figures["abx.mfcc.within"].value)
