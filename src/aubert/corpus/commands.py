"""`aubert corpus`: from audio files to utterances."""

from __future__ import annotations

import argparse
from pathlib import Path

from aubert import options
from aubert.verbs import add_group, add_inputs, add_outputs, add_root, add_verb, rows_of, run_stage


def add_corpus(groups) -> None:
    verbs = add_group(groups, "corpus", "from audio files to utterances")

    text = "audiobooks and texts in any folders as a corpus, and a table of all files"
    _add_folder(add_verb(verbs, "folder", text, _folder))
    shard = add_verb(verbs, "folder-shard", "the books of one shard of such a corpus", _shard)
    _add_folder(shard)
    shard.add_argument("manifest", type=Path, help="recordings of the shard; written last")
    shard.add_argument("--shard", type=int, default=0, help="number of the shard, from 0")
    shard.add_argument("--num-shards", type=int, default=1, help="number of shards")
    text = "the table of all files, after every shard; removes what is no longer in the folder"
    finish = add_verb(verbs, "folder-finish", text, _finish)
    _add_folder(finish)
    finish.add_argument("--num-shards", type=int, default=1, help="number of shards")
    files = add_verb(verbs, "files", "print the table of a folder's files, a line each", _files)
    files.add_argument("table", type=Path, help="<results_dir>/<name>/corpus/files.json")

    index = add_verb(verbs, "index", "list a shard's recordings, from headers and jsons", _index)
    add_outputs(index, "recordings")
    add_root(index)
    index.add_argument("--shard", type=int, default=0, help="number of the shard, from 0")
    index.add_argument("--num-shards", type=int, default=1, help="number of shards")
    where = index.add_mutually_exclusive_group(required=True)
    where.add_argument(
        "--subsets", nargs="+", help="directories below the root, in Libri-Light's layout"
    )
    where.add_argument("--listed", type=Path, help="recordings of the shard, of folder-shard")
    text = "fairseq's .tsv, lhotse's .jsonl.gz or the folder of a saved Hugging Face dataset"
    where.add_argument("--manifest", type=Path, help=text)
    text = "directory for audio that the manifest holds itself"
    index.add_argument("--embedded", type=Path, help=text)

    from aubert.corpus.cut import CutOptions

    cut = add_verb(verbs, "cut", "cut recordings into utterances by voice activity", _cut)
    add_inputs(cut, "recordings")
    add_outputs(cut, "utterances")
    add_root(cut)
    options.add_arguments(cut, CutOptions)


def _add_folder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, help="<reader>/<book>/<chapter>.mp3 and texts")
    parser.add_argument("root", type=Path, help="directory that the corpus is written to")


def _folder(arguments: argparse.Namespace) -> str:
    from aubert.corpus.folder import import_folder
    from aubert.corpus.folder_files import shown

    return shown(import_folder(arguments.folder, arguments.root), short=True)


def _shard(arguments: argparse.Namespace) -> str:
    from aubert.corpus.folder import import_shard

    return import_shard(
        arguments.folder,
        arguments.root,
        arguments.manifest,
        arguments.shard,
        arguments.num_shards,
    )


def _finish(arguments: argparse.Namespace) -> str:
    from aubert.corpus.folder import finish
    from aubert.corpus.folder_files import shown

    return shown(finish(arguments.folder, arguments.root, arguments.num_shards), short=True)


def _files(arguments: argparse.Namespace) -> str:
    from aubert.corpus.folder_files import read_table, shown

    return shown(read_table(arguments.table))


def _index(arguments: argparse.Namespace) -> str:
    from aubert.corpus.contents import Contents, contents_of
    from aubert.corpus.index import index, recording_ids
    from aubert.corpus.shards import listed, scan_shard

    if arguments.manifest:
        return _index_manifest(arguments)
    if arguments.listed:
        files = listed(arguments.root, arguments.listed)
    else:
        files = scan_shard(arguments.root, arguments.subsets, arguments.shard, arguments.num_shards)
    results = index(arguments.root, files)
    summary = run_stage(
        arguments, "index", "recordings", results, recording_ids(files), "recording_id"
    )
    record = contents_of(arguments.out.parent) / f"{arguments.out.stem}.json"
    Contents(record).record(arguments.root, files)
    return summary


def _index_manifest(arguments: argparse.Namespace) -> str:
    from aubert.corpus.manifest import index_manifest, of_shard

    entries = of_shard(arguments.manifest, arguments.shard, arguments.num_shards)
    embedded = arguments.embedded or arguments.out.with_suffix("")
    results = index_manifest(entries, embedded)
    ids = [recording_id for recording_id, _ in entries]
    return run_stage(arguments, "index", "recordings", results, ids, "recording_id")


def _cut(arguments: argparse.Namespace) -> str:
    from aubert.corpus.cut import CutOptions, cut

    recordings = rows_of(arguments, "recordings")
    results = cut(recordings, arguments.root, options.from_arguments(arguments, CutOptions))
    ids = [row["recording_id"] for row in recordings]
    return run_stage(arguments, "cut", "utterances", results, ids, "recording_id")
