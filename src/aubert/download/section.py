"""The section `download` of the config."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated, Literal

from aubert.download.artefacts import ARTEFACTS
from aubert.options import distinct, options_class

Name = Literal[tuple(ARTEFACTS)]


@options_class
class DownloadOptions:
    """What `snakemake download` fetches, with source librilight. No other target fetches.

    out: folder that downloads are written to; what is there is not fetched again
    base_url: address of a mirror that has everything; null: the publishers' own addresses
    artefacts: names of what is fetched (aubert download --help lists sizes); the books' texts come
      with the recordings
    """

    out: str = "data"
    base_url: str | None = None
    artefacts: Annotated[list[Name], distinct] = field(default_factory=list)
