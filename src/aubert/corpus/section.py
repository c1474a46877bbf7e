"""The section `corpus` of the config: where recordings, books and labelled speech are."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated, Literal

from annotated_types import MinLen
from pydantic import Field

from aubert.options import options_class
from aubert.text.languages.codes import TAG

_LANGUAGE = Field(pattern=rf"^{TAG}$", description="a language as BCP 47 has it: en, de, fr-CA")


@options_class
class DevOptions:
    """Labelled folders that error rates are measured on.

    seen: folder of speakers that are in `train`; null: none
    unseen: folder of other speakers; null: none
    """

    seen: str | None = None
    unseen: str | None = None


@options_class
class LabelledOptions:
    """Speech with transcripts, in the layout of LibriSpeech, MLS, Kaldi or lhotse, for CTC.

    train: folders that CTC networks are trained on
    dev: folders that their error rates are measured on
    """

    train: Annotated[list[str], MinLen(1)]
    dev: DevOptions = DevOptions()


@options_class
class CorpusOptions:
    """The speech, and the texts that were read.

    source: mini is synthesised by the workflow below `root`; librilight is a corpus in the
      Libri-Light layout; folder is a folder of audiobooks in any layout and format with their
      texts, or of speech without texts; manifest is speech without texts that a manifest lists
    root: folder of the recordings; librilight: <root>/<subset>/<speaker>/<book>/<chapter>.flac
      and .json; manifest: fairseq's .tsv, lhotse's cuts or recordings (.jsonl, .jsonl.gz), or the
      folder of a saved Hugging Face dataset
    subsets: folders below `root`; only source librilight has an effect of it
    books_dir: folder of the books' texts; only source librilight has an effect of it
    book_meta: json file {book id: {url, name of the file in books_dir}}; null: a book's id is its
      file's name; only source librilight has an effect of it
    language: of recordings whose book's file, tags or json do not say theirs, such as de or fr-CA;
      docs/languages.md
    reference: folder with the true words and phones and their times; null: there is none, and
      units are measured against pocketsphinx's phones
    labelled: speech with transcripts; null: there is none
    classes: more classes for the probe: {name: folder with a sub-folder of audio per class}
    """

    source: Literal["mini", "librilight", "folder", "manifest"]
    root: str
    subsets: Annotated[list[str], MinLen(1)] = field(default_factory=lambda: ["small"])
    books_dir: str = "data/books"
    book_meta: str | None = None
    language: Annotated[str, _LANGUAGE] = "en"
    reference: str | None = None
    labelled: LabelledOptions | None = None
    classes: dict[str, str] = field(default_factory=dict)
