"""Where labelled clips come from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from annotated_types import Ge

from aubert.corpus import clips
from aubert.corpus.clips import Clip
from aubert.corpus.held_out import NOTHING, HeldOut
from aubert.options import PositiveInt, options_class


@options_class
class ClipOptions:
    """Where clips come from, and which of them have labels.

    source: words are a run's aligned words as keywords; reference the true words, where
      corpus.reference has them; speakers its utterances by speaker; folder is a folder with a
      sub-folder of audio per class; table a .csv or .tsv with a header
    audio_column: column of the paths, relative to the table; no effect on other sources
    label_column: column of the labels, empty for a clip without one; no effect on other sources
    group_column: column of what clips share a voice or a room by, such as the speaker; null: none;
      no effect on other sources
    group_pattern: regular expression whose first ( ) is the speaker in a clip's path; null: names
      of LibriSpeech's, Speech Commands' and FSDD's forms are known; no effect but on the sources
      folder and table, nor beside group_column
    num_keywords: most frequent words that have labels; the other words are clips without; no
      effect unless source is words or reference
    max_per_keyword: labelled clips of each keyword, drawn by hash; no effect as num_keywords
    min_letters: letters of the shortest word that becomes a clip; no effect as num_keywords
    max_clips: words, or utterances, that are read of a run; of more, about so many, by a hash of
      the utterance; a million take a gigabyte; no effect unless source is words or speakers
    """

    source: Literal["words", "reference", "speakers", "folder", "table"] = "words"
    audio_column: str = "path"
    label_column: str = "label"
    group_column: str | None = None
    group_pattern: str | None = None
    num_keywords: Annotated[int, Ge(2)] = 35
    max_per_keyword: Annotated[int, Ge(2)] = 4000
    min_letters: PositiveInt = 4
    max_clips: PositiveInt = 1_000_000


def read_clips(
    options: ClipOptions,
    path: Path | None = None,
    results: Path | None = None,
    root: Path | None = None,
    reference: Path | None = None,
    held_out: HeldOut = NOTHING,
) -> list[Clip]:
    """The clips of a source. path: of folder and table; results, root: a run's tables and its
    corpus, for the others; reference: its directory. held_out: what is in neither training nor
    test; of a folder or table the clips whose group is such a speaker. Raises ValueError where one
    is missing that the source needs, and as the readers of `corpus.clips` do."""
    wanted = {
        "folder": {"path": path},
        "table": {"path": path},
        "reference": {"results": results, "root": root, "reference": reference},
    }.get(options.source, {"results": results, "root": root})
    missing = [f"--{name}" for name, value in wanted.items() if value is None]
    if missing:
        raise ValueError(f"clips of the source {options.source} need {' and '.join(missing)}")
    if options.source in ("folder", "table"):
        found = _of_files(options, path)
        return [clip for clip in found if not held_out.has_speaker(clip.group)]
    if options.source == "speakers":
        return clips.clips_of_speakers(results, root, None, options.max_clips, held_out)
    if options.source == "words":
        words = clips.clips_of_words(results, root, options.max_clips, held_out)
    else:
        words = clips.clips_of_reference(results, root, reference, held_out)
    return clips.keywords(words, options.num_keywords, options.max_per_keyword, options.min_letters)


def _of_files(options: ClipOptions, path: Path) -> list[Clip]:
    if options.source == "folder":
        return clips.clips_of_folder(path, options.group_pattern)
    columns = (options.audio_column, options.label_column, options.group_column)
    return clips.clips_of_table(path, *columns, options.group_pattern)
