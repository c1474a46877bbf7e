"""AuBERT's json of a book: its text, and every utterance with its place and words."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from aubert.export.corpus import Corpus, Utterance
from aubert.export.names import file_name
from aubert.files import complete_directory


def export_aubert(corpus: Corpus, out: Path) -> str:
    """<out>/<book_id>.align.json: {book_name, utterances: [{fname, utterance, speaker_id,
    start_idx, end_idx, similarity, words}], raw}.

    words: [[word, char_start, char_end, ms_start, ms_end, recording_ms_start,
    recording_ms_end]]; AuBERT's lists end after ms_end, which counts in the utterance.
    fname is the name of the utterance's audio export; utterance is the book's text that was read.
    """
    num_utterances, books = 0, {}
    with complete_directory(out) as part, TemporaryDirectory(dir=part) as gathered:
        # A book has readers in several shards: what each says of it is gathered in a file.
        for _, utterances in corpus.by_shard():
            for utterance in utterances:
                if utterance.words:
                    path = books.setdefault(
                        utterance.book_id, Path(gathered, file_name(utterance.book_id))
                    )
                    with path.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(_entry(utterance), ensure_ascii=False) + "\n")
                    num_utterances += 1
        for book_id, path in books.items():
            lines = path.read_text(encoding="utf-8").splitlines()
            whole = {
                "book_name": corpus.shelf.path(book_id).name,
                "utterances": [json.loads(line) for line in lines],
                "raw": corpus.book(book_id),
            }
            text = json.dumps(whole, ensure_ascii=False, indent=1)
            name = file_name(book_id, ".align.json")
            (part / name).write_text(text, encoding="utf-8")
    return f"aubert: {num_utterances} utterances of {len(books)} books in {out}"


def _entry(utterance: Utterance) -> dict:
    return {
        "fname": str(utterance.piece),
        "utterance": utterance.spoken,
        "speaker_id": utterance.speaker,
        "start_idx": utterance.refined["char_start"],
        "end_idx": utterance.refined["char_end"],
        "similarity": utterance.refined["similarity"],
        "words": [
            [
                word.word,
                word.char_start,
                word.char_end,
                *(
                    round(seconds * 1000)
                    for seconds in (
                        word.start_s,
                        word.end_s,
                        word.recording_start_s,
                        word.recording_end_s,
                    )
                ),
            ]
            for word in utterance.words
        ],
    }
