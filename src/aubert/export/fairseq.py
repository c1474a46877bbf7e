"""fairseq's manifests for pre-training HuBERT and for fine-tuning with CTC.

The files are those of fairseq's examples/hubert and examples/wav2vec: <split>.tsv (root,
then path and samples), .km and .wrd/.ltr in its order, dict.km.txt and dict.ltr.txt.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from hashlib import blake2b
from pathlib import Path
from typing import TextIO

from aubert.export.audio import written_pieces
from aubert.export.corpus import Corpus
from aubert.files import complete_directory
from aubert.options import ShareBelowOne, options_class
from aubert.units.labels import Labels
from aubert.units.shards import write_dict

SPLITS = ("train", "valid")


@options_class
class FairseqOptions:
    """How the manifests are split.

    valid_share: share of the utterances in the validation split, drawn by a hash of their ids;
      fairseq's wav2vec_manifest.py takes 0.01
    """

    valid_share: ShareBelowOne = 0.01


def export_fairseq(
    corpus: Corpus,
    out: Path,
    options: FairseqOptions,
    labels: dict[str, Path] | None = None,
    jobs: int = 1,
) -> str:
    """<out>/audio with every utterance, <out>/pretrain over all of them, with a label file and
    dictionary per name of `labels` (the directory of a run's label sets, a shard each), and
    <out>/finetune over those whose words are all that is heard.

    Raises ValueError for a label set that lacks an utterance.
    """
    sets = {name: Labels.below(name, path) for name, path in (labels or {}).items()}
    letters: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    with complete_directory(out) as part, ExitStack() as stack:
        files = _files(part, (out / "audio").resolve(), sets, stack)
        for utterance, piece in written_pieces(corpus, part / "audio", jobs):
            if piece is None:
                continue
            split = SPLITS[_is_valid(utterance.utterance_id, options.valid_share)]
            files[f"pretrain/{split}.tsv"].write(f"{piece.name}\t{piece.num_samples}\n")
            for name, units in sets.items():
                line = " ".join(map(str, units.labels(utterance.utterance_id).tolist()))
                files[f"pretrain/{split}.{name}"].write(line + "\n")
            counts["pretrain"] += 1
            if utterance.words and not utterance.has_extra:
                text = utterance.spoken.upper()
                files[f"finetune/{split}.tsv"].write(f"{piece.name}\t{piece.num_samples}\n")
                files[f"finetune/{split}.wrd"].write(text + "\n")
                files[f"finetune/{split}.ltr"].write(_letters(text) + "\n")
                letters.update(_letters(text).split())
                counts["finetune"] += 1
        for name, units in sets.items():
            write_dict(part / "pretrain" / f"dict.{name}.txt", units.num_units)
        lines = "".join(f"{letter} {count}\n" for letter, count in letters.most_common())
        (part / "finetune/dict.ltr.txt").write_text(lines)
    rates = "".join(f", {name} at {units.rate_hz:g} Hz" for name, units in sets.items())
    return (
        f"fairseq: {counts['pretrain']} utterances to learn from{rates}, {counts['finetune']} "
        f"with transcripts in {out}"
    )


def _files(folder: Path, root: Path, labels: Iterable[str], stack: ExitStack) -> dict[str, TextIO]:
    """Every manifest, open. root: of the audio, the first line of a .tsv"""
    kinds = [("pretrain", ["tsv", *labels]), ("finetune", ["tsv", "wrd", "ltr"])]
    files = {}
    for directory, suffixes in kinds:
        (folder / directory).mkdir()
        for name in (f"{directory}/{split}.{suffix}" for split in SPLITS for suffix in suffixes):
            files[name] = stack.enter_context((folder / name).open("w", encoding="utf-8"))
            if name.endswith(".tsv"):
                files[name].write(f"{root}\n")
    return files


def _letters(text: str) -> str:
    """A CAT is written A | C A T |."""
    return " ".join([*"|".join(text.split()), "|"])


def _is_valid(utterance_id: str, share: float) -> bool:
    digest = blake2b(utterance_id.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") < share * 2**64
