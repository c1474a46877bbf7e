"""fairseq's manifests for pre-training HuBERT and for fine-tuning with CTC.

The files are those of fairseq's examples/hubert and examples/wav2vec: <split>.tsv (root,
then path and samples), .km and .wrd/.ltr in its order, dict.km.txt and dict.ltr.txt.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from hashlib import blake2b
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from aubert.corpus.held_out import NOTHING, HeldOut
from aubert.export.audio import written_pieces
from aubert.export.corpus import Corpus, Utterance
from aubert.export.names import file_name
from aubert.files import complete_directory
from aubert.options import ShareBelowOne, options_class
from aubert.units.labels import Labels
from aubert.units.shards import write_dict

SPLITS = ("train", "valid", "test")


@options_class
class FairseqOptions:
    """How what may be learned from is split.

    valid_share: share of the utterances in the validation split, drawn by a hash of their ids, at
      least one where it is not 0; fairseq's wav2vec_manifest.py takes 0.01
    """

    valid_share: ShareBelowOne = 0.01


def export_fairseq(
    corpus: Corpus,
    out: Path,
    options: FairseqOptions,
    labels: dict[str, Path] | None = None,
    jobs: int = 1,
    held_out: HeldOut = NOTHING,
) -> str:
    """<out>/audio with every utterance, <out>/pretrain over all of them, with a label file and
    dictionary per name of `labels` (the directory of a run's label sets, a shard each), and
    <out>/finetune over those whose words are all of their speech.

    What is held out is the split test; what is left is split into train and valid. fairseq dies of
    an empty validation split: unless valid_share is 0 it has an utterance. Raises ValueError for a
    label set that lacks an utterance, and where none is left to train on.
    """
    sets = {name: Labels.below(name, path) for name, path in (labels or {}).items()}
    letters: Counter[str] = Counter()
    root, share = (out / "audio").resolve(), options.valid_share
    with complete_directory(out) as part, ExitStack() as stack:
        pretrain = _Manifests(part / "pretrain", root, ["tsv", *sets], share, stack)
        finetune = _Manifests(part / "finetune", root, ["tsv", "wrd", "ltr"], share, stack)
        for utterance, piece in written_pieces(corpus, part / "audio", jobs, fairseq_name):
            if piece is None:
                continue
            name, row = utterance.utterance_id, f"{piece.name}\t{piece.num_samples}"
            units = [" ".join(map(str, one.labels(name).tolist())) for one in sets.values()]
            is_held_out = held_out.has(utterance.speaker, utterance.recording["book_id"])
            pretrain.add(name, [row, *units], is_held_out)
            if utterance.words and not utterance.has_extra:
                text = utterance.spoken.upper()
                finetune.add(name, [row, text, _letters(text)], is_held_out)
                letters.update(_letters(text).split())
        pretrain.finish()
        finetune.finish()
        for name, units in sets.items():
            write_dict(part / "pretrain" / f"dict.{name}.txt", units.num_units)
        lines = "".join(f"{letter} {count}\n" for letter, count in letters.most_common())
        (part / "finetune/dict.ltr.txt").write_text(lines)
    rates = "".join(f", {name} at {units.rate_hz:g} Hz" for name, units in sets.items())
    unread = f", {pretrain.num_held_out} held out in the split test" if held_out else ""
    return (
        f"fairseq: {pretrain.total} utterances{rates}, {finetune.total} with transcripts in {out}"
        f"{unread}"
    )


def fairseq_name(utterance: Utterance) -> PurePosixPath:
    """<speaker>/<book_id>/<chapter>/<all three>_<index>.flac, without white space: fairseq's
    read_lab cuts a line at the first, and tells utterances by the last part of their path."""
    parts = [_without_space(part) for part in utterance.piece.parent.parts]
    stem = "+".join(part.replace("+", "%2B") for part in parts)
    return PurePosixPath(*parts, file_name(stem, f"_{utterance.index:04}.flac"))


def _without_space(part: str) -> str:
    return re.sub(r"\s", lambda match: quote(match[0]), part)


class _Manifests:
    """The files of the splits of a task, line by line in one order."""

    def __init__(
        self, folder: Path, root: Path, suffixes: Sequence[str], share: float, stack: ExitStack
    ):
        """root: of the audio, the first line of a .tsv"""
        folder.mkdir()
        self._name, self._share = folder.name, share
        self._files = {
            split: [
                stack.enter_context((folder / f"{split}.{suffix}").open("w", encoding="utf-8"))
                for suffix in suffixes
            ]
            for split in SPLITS
        }
        for tsv, *_ in self._files.values():
            tsv.write(f"{root}\n")
        self._counts: Counter[str] = Counter()
        self._held: tuple[int, Sequence[str]] | None = None

    @property
    def total(self) -> int:
        return self._counts.total()

    @property
    def num_held_out(self) -> int:
        return self._counts["test"]

    def add(self, utterance_id: str, lines: Sequence[str], held_out: bool) -> None:
        """Of the training rows the one of the smallest hash is held back: where no other is drawn
        for validation it is."""
        if held_out:
            self._write("test", lines)
            return
        drawn_at = int.from_bytes(blake2b(utterance_id.encode(), digest_size=8).digest(), "big")
        if drawn_at < self._share * 2**64:
            self._write("valid", lines)
        elif self._held is None:
            self._held = drawn_at, lines
        else:
            self._held, (_, other) = sorted([self._held, (drawn_at, lines)])
            self._write("train", other)

    def finish(self) -> None:
        """Raises ValueError where no utterance is left to train on."""
        if self._held is not None:
            wanted = self._share and not self._counts["valid"]
            self._write("valid" if wanted else "train", self._held[1])
        if self.total and not self._counts["train"]:
            raise ValueError(
                f"{self._name}: {self.total} utterances leave none to train on beside "
                f"{self._counts['valid']} for validation and {self.num_held_out} held out; export "
                f"more, or give --valid-share 0"
            )

    def _write(self, split: str, lines: Sequence[str]) -> None:
        self._counts[split] += 1
        for file, line in zip(self._files[split], lines, strict=True):
            file.write(f"{line}\n")


def _letters(text: str) -> str:
    """A CAT is written A | C A T |."""
    return " ".join([*"|".join(text.split()), "|"])
