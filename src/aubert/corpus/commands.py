"""`aubert corpus`: from audio files to utterances."""

from __future__ import annotations

import argparse
from pathlib import Path

from aubert import options
from aubert.verbs import add_group, add_inputs, add_outputs, add_root, add_verb, rows_of, run_stage


def add_corpus(groups) -> None:
    verbs = add_group(groups, "corpus", "from audio files to utterances")

    folder = add_verb(verbs, "folder", "audiobooks and texts in any folders as a corpus", _folder)
    folder.add_argument("folder", type=Path, help="<reader>/<book>/<chapter>.mp3 and texts")
    folder.add_argument("root", type=Path, help="directory that the corpus is written to")
    folder.add_argument("--manifest", type=Path, help="written last; default: in the root")
    folder.add_argument("--shard", type=int, default=0, help="of the readers that are laid out")
    folder.add_argument("--num-shards", type=int, default=1)

    index = add_verb(verbs, "index", "list a shard's recordings, from headers and jsons", _index)
    add_outputs(index, "recordings")
    add_root(index)
    index.add_argument("--subsets", nargs="+", required=True, help="directories below the root")
    index.add_argument("--shard", type=int, default=0)
    index.add_argument("--num-shards", type=int, default=1)

    from aubert.corpus.cut import CutOptions

    cut = add_verb(verbs, "cut", "cut recordings into utterances by voice activity", _cut)
    add_inputs(cut, "recordings")
    add_outputs(cut, "utterances")
    add_root(cut)
    options.add_arguments(cut, CutOptions)


def _folder(arguments: argparse.Namespace) -> str:
    from aubert.corpus.folder import import_folder

    return import_folder(
        arguments.folder,
        arguments.root,
        arguments.manifest,
        arguments.shard,
        arguments.num_shards,
    )


def _index(arguments: argparse.Namespace) -> str:
    from aubert.corpus.contents import Contents, contents_of
    from aubert.corpus.index import index, recording_ids
    from aubert.corpus.shards import scan_shard

    files = scan_shard(arguments.root, arguments.subsets, arguments.shard, arguments.num_shards)
    results = index(arguments.root, files)
    summary = run_stage(
        arguments, "index", "recordings", results, recording_ids(files), "recording_id"
    )
    record = contents_of(arguments.out.parent) / f"{arguments.out.stem}.json"
    Contents(record).record(arguments.root, files)
    return summary


def _cut(arguments: argparse.Namespace) -> str:
    from aubert.corpus.cut import CutOptions, cut

    recordings = rows_of(arguments, "recordings")
    results = cut(recordings, arguments.root, options.from_arguments(arguments, CutOptions))
    ids = [row["recording_id"] for row in recordings]
    return run_stage(arguments, "cut", "utterances", results, ids, "recording_id")
