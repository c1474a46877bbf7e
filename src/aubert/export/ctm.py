"""CTM, NIST's lines of words with times: <id> <channel> <start> <duration> <word> <confidence>."""

from __future__ import annotations

from urllib.parse import quote

from aubert.export.corpus import Utterance


def safe_id(name: str) -> str:
    """Without spaces, control and other characters that an id of a line may not hold."""
    return quote(name, safe="/~!$&'()*+,;=:@")


def ctm(utterance: Utterance, in_recording: bool) -> str:
    """A line for each spoken word; of a written word that is read as several, by letters."""
    name = utterance.recording["recording_id"] if in_recording else utterance.utterance_id
    lines = []
    for word in utterance.words:
        start_s = word.recording_start_s if in_recording else word.start_s
        end_s = word.recording_end_s if in_recording else word.end_s
        parts = word.spoken.split()
        second_per_letter = (end_s - start_s) / sum(map(len, parts))
        for part in parts:
            duration_s = len(part) * second_per_letter
            lines.append(
                f"{safe_id(name)} 1 {start_s:.3f} {duration_s:.3f} {part} {word.confidence:.3f}\n"
            )
            start_s += duration_s
    return "".join(lines)
