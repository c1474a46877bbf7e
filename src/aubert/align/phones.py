"""Times of phones, for corpora without labels: pocketsphinx, held to the words.

Units are measured against such phones as HuBERT's authors measured them against a forced
alignment (Hsu et al. 2021, section IV-D).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from aubert import audio
from aubert.align.words_pocketsphinx import shared_aligner
from aubert.options import PositiveFloat, options_class
from aubert.processes import in_processes
from aubert.stage import Reject


@options_class
class PhonesOptions:
    """Of how much speech the phones are timed.

    max_minutes: of a shard; figures of units need hours, not a whole corpus
    """

    max_minutes: PositiveFloat = 60.0


class Script(NamedTuple):
    """The script of an utterance: spoken words, as the words table has them, in order."""

    recording: dict
    utterance: dict
    spoken: list[str]

    @property
    def minutes(self) -> float:
        return self.utterance["num_samples"] / self.recording["sample_rate_hz"] / 60


def choose_scripts(
    recordings: Iterable[dict],
    utterances: Iterable[dict],
    words: Iterable[dict],
    options: PhonesOptions,
) -> list[Script]:
    """The utterances whose phones are timed: all that have words, or as many as `max_minutes`
    holds. Which they are follows from their ids alone, in no order of reader or book."""
    recording_of = {row["recording_id"]: row for row in recordings}
    spoken: dict[str, list[str]] = {}
    for row in words:
        spoken.setdefault(row["utterance_id"], []).extend(row["spoken"].split())
    scripts = [
        Script(recording_of[row["recording_id"]], row, spoken[row["utterance_id"]])
        for row in utterances
        if row["utterance_id"] in spoken
    ]
    scripts.sort(key=lambda script: blake2b(script.utterance["utterance_id"].encode()).digest())
    minutes, chosen = 0.0, []
    for script in scripts:
        minutes += script.minutes
        if minutes > options.max_minutes and chosen:
            break
        chosen.append(script)
    return chosen


def phones(
    scripts: list[Script], corpus_root: str | Path, jobs: int = 1, language: str = "en"
) -> Iterator[dict | Reject]:
    """Yields rows of `phones`, or one reject (alignment_failed, or audio's reasons), for each
    script, in their order, whatever the number of `jobs` (processes). language: BCP 47, of
    recordings that do not say theirs."""
    work = partial(_phones_of_utterance, root=Path(corpus_root), language=language)
    for results in in_processes(work, scripts, jobs):
        yield from results


def _phones_of_utterance(script: Script, root: Path, language: str) -> list[dict | Reject]:
    name = script.utterance["utterance_id"]
    slices = [(piece["start_sample"], piece["end_sample"]) for piece in script.utterance["slices"]]
    try:
        samples = audio.decode(root / script.recording["path"], slices)
    except audio.AudioError as error:
        return [Reject(name, error.reason, error.detail)]
    aligner = shared_aligner(script.recording.get("language") or language)
    words = aligner.align(samples, script.spoken, with_phones=True)
    if words is None:
        return [Reject(name, "alignment_failed", f"no path says {' '.join(script.spoken)[:200]}")]
    found = (phone for word in words for phone in word.phones)
    return [
        {"utterance_id": name, "index": index, **phone._asdict()}
        for index, phone in enumerate(found)
    ]
