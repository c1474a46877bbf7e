"""A Kaldi data directory ("Data preparation" in Kaldi's documentation).

A Kaldi segment is one stretch of a recording, so the pauses between an utterance's slices
are inside. Utterances with speech that is not in the book are left out:
their text would not be all of their speech.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path

from aubert.audio import SAMPLE_RATE_HZ
from aubert.export.corpus import Corpus, Utterance
from aubert.export.ctm import ctm, safe_id
from aubert.files import complete_directory

FILES = ("wav.scp", "reco2dur", "segments", "text", "utt2spk")


def export_kaldi(corpus: Corpus, out: Path) -> str:
    """wav.scp (decoded by ffmpeg to 16 kHz mono), reco2dur, segments, text (capital letters, as
    LibriSpeech has it), utt2spk, spk2utt and ctm (times in the recording), sorted as Kaldi
    demands. Ids are the run's, the speaker before them, %-escaped."""
    num_utterances = num_extra = 0
    with complete_directory(out) as part:
        with ExitStack() as stack:
            files = {
                name: stack.enter_context((part / name).open("w", encoding="utf-8"))
                for name in (*FILES, "ctm")
            }
            for _, utterances in corpus.by_shard():
                aligned = [u for u in utterances if u.words]
                kept = [u for u in aligned if not u.has_extra]
                num_extra += len(aligned) - len(kept)
                num_utterances += len(kept)
                for name, lines in _lines(corpus, kept).items():
                    files[name].writelines(lines)
                files["ctm"].writelines(ctm(u, in_recording=True) for u in kept)
        for name in FILES:
            _sort(part / name)
        _write_spk2utt(part)
    return f"kaldi: {num_utterances} utterances in {out}, {num_extra} with extra speech left out"


def _lines(corpus: Corpus, utterances: list[Utterance]) -> dict[str, list[str]]:
    """The lines of every file for one shard."""
    found: dict[str, dict[str, str]] = {name: {} for name in FILES}
    for utterance in utterances:
        recording = utterance.recording
        rate_hz = recording["sample_rate_hz"]
        recording_id = safe_id(recording["recording_id"])
        speaker = safe_id(utterance.speaker)
        # Kaldi sorts utterances and speakers side by side: the id begins with the speaker.
        utterance_id = f"{speaker}-{safe_id(utterance.utterance_id)}"
        start_s, end_s = utterance.slices[0][0] / rate_hz, utterance.slices[-1][1] / rate_hz
        found["wav.scp"][recording_id] = _decoder(corpus.audio(utterance))
        found["reco2dur"][recording_id] = f"{recording['num_samples'] / rate_hz:.6f}"
        found["segments"][utterance_id] = f"{recording_id} {start_s:.6f} {end_s:.6f}"
        found["text"][utterance_id] = utterance.spoken.upper()
        found["utt2spk"][utterance_id] = speaker
    return {
        name: [f"{key} {value}\n" for key, value in lines.items()] for name, lines in found.items()
    }


def _decoder(path: Path) -> str:
    return (
        f"ffmpeg -nostdin -loglevel error -i {shlex.quote(str(path))} "
        f"-ac 1 -ar {SAMPLE_RATE_HZ} -f wav - |"
    )


def _write_spk2utt(folder: Path) -> None:
    """From utt2spk: a speaker's books may be in several shards."""
    by_speaker = folder / "by_speaker"
    _sort(folder / "utt2spk", "-k2,2", "-k1,1", to=by_speaker)
    with by_speaker.open(encoding="utf-8") as lines, (folder / "spk2utt").open("w") as file:
        pairs = map(str.split, lines)
        for speaker, group in groupby(pairs, key=lambda pair: pair[1]):
            file.write(f"{speaker} {' '.join(utterance_id for utterance_id, _ in group)}\n")
    by_speaker.unlink()


def _sort(path: Path, *keys: str, to: Path | None = None) -> None:
    """In the C locale, outside of this process: a corpus has millions of lines."""
    command = ["sort", *keys, "-o", str(to or path), str(path)]
    subprocess.run(command, check=True, env={**os.environ, "LC_ALL": "C"})
