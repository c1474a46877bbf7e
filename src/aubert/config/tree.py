"""The config as one dataclass: a section per stage, each defined beside its stage."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated, Literal

from pydantic import Field

from aubert.align.match import MatchOptions
from aubert.align.refine import RefineOptions
from aubert.align.section import WordsSection
from aubert.clar.section import ClarSection
from aubert.corpus.cut import CutOptions
from aubert.corpus.held_out import HeldOut
from aubert.corpus.section import CorpusOptions
from aubert.crossmodal.section import AubertSection
from aubert.ctc.section import CtcSection
from aubert.download.section import DownloadOptions
from aubert.evaluate.probe import ProbeOptions
from aubert.export.section import ExportSection
from aubert.hubert.section import HubertSection
from aubert.options import NaturalInt, PositiveInt, Share, distinct, options_class
from aubert.separation.section import SeparationSection
from aubert.transcribe.section import TranscribeSection
from aubert.units.section import UnitsOptions

System = Literal["hubert", "ctc", "aubert", "clar", "separation"]

# Both stand in names of files, and so in shell lines.
Name = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$",
        description="letters, digits and . _ - without a dash or dot at the front",
    ),
]
Directory = Annotated[
    str,
    Field(
        pattern=r"^[\w./+@%=,:][\w./+@%=,:-]*$",
        description="letters, digits and . _ - / + @ % = , : without a dash at the front, no space",
    ),
]


@options_class
class Config:
    """A run of the workflow.

    name: of the run; results are in <results_dir>/<name>
    results_dir: folder of all runs' results
    num_shards: parts of the corpus, each a fixed set of speakers (of books, with source folder),
      that run and rerun alone. Choose it once: another number makes other shards
    seed: of everything random; a section's own seed goes before it
    max_reject_fraction: share of a shard's inputs that faults may reject before the run stops. A
      systematic fault (a wrong mount, a wrong model) rejects nearly all of them
    systems: methods that plain `snakemake` trains and measures; another one only runs when its
      target is asked for
    retrain: when a training runs again whose corpus changed: on_change with the next run; on_demand
      when it is forced (--forcerun hubert_train) or its model is missing
    container: image that jobs run in with --software-deployment-method apptainer: a .sif file or an
      address that Apptainer takes; null: none
    corpus: speech and books
    held_out: speakers and books that nothing is learned from
    download: what `snakemake download` fetches
    cut: chapters into utterances
    transcribe: utterances into transcripts
    match: transcripts into places in the book
    refine: exact boundaries of the places
    words: times of each word
    units: discrete units
    hubert: HuBERT
    probe: linear probe of the untrained and the last encoder
    ctc: CTC networks
    aubert: AuBERT
    clar: CLAR
    separation: deep clustering
    export: formats of other tools
    """

    corpus: CorpusOptions
    name: Name = "run"
    results_dir: Directory = "results"
    num_shards: PositiveInt = 16
    seed: NaturalInt = 0
    max_reject_fraction: Share = 0.5
    systems: Annotated[list[System], distinct] = field(default_factory=list)
    retrain: Literal["on_change", "on_demand"] = "on_change"
    container: Directory | None = None
    held_out: HeldOut = HeldOut()
    download: DownloadOptions = DownloadOptions()
    cut: CutOptions = CutOptions()
    transcribe: TranscribeSection = TranscribeSection()
    match: MatchOptions = MatchOptions()
    refine: RefineOptions = RefineOptions()
    words: WordsSection = WordsSection()
    units: UnitsOptions = UnitsOptions()
    hubert: HubertSection = HubertSection()
    probe: ProbeOptions = ProbeOptions()
    ctc: CtcSection = CtcSection()
    aubert: AubertSection = AubertSection()
    clar: ClarSection = ClarSection()
    separation: SeparationSection = SeparationSection()
    export: ExportSection = ExportSection()
