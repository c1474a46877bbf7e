"""The commands that make units, as the workflow calls them."""

from __future__ import annotations

from pathlib import Path

from tiny_corpus import Corpus

from aubert.cli import main


def learn(corpus: Corpus, out: Path, *flags, k: int = 6, dump: Path | None = None) -> int:
    """Chooses, samples each shard and learns `<out>.npy`; the exit status of the first that fails.
    flags: of the features. dump: a directory of `dumped`, whose features are read."""
    work = out.with_name(f"{out.name}.work")
    work.mkdir(parents=True, exist_ok=True)
    flags = ["--root", str(corpus.root), *map(str, flags)]
    status = main(["units", "choose", str(corpus.results), str(work / "choice.json")])
    samples = []
    for number, (recordings, utterances) in enumerate(shards(corpus)):
        samples.append(str(work / f"{number}.safetensors"))
        more = [f"--choice={work / 'choice.json'}"]
        more += place(corpus, number, dump)
        command = ["units", "sample", recordings, utterances, samples[-1], *more, *flags]
        status = status or main(command)
    return status or main(["units", "learn", str(out), *samples, f"--num-clusters={k}"])


def shards(corpus: Corpus) -> list[list[str]]:
    numbers = sorted(int(path.stem) for path in (corpus.results / "recordings").glob("*.parquet"))
    return [corpus.shard(number) for number in numbers]


def place(corpus: Corpus, number: int, dump: Path | None) -> list[str]:
    flags = [f"--shard={number}", f"--num-shards={len(shards(corpus))}"]
    return [*flags, f"--dump={dump}"] if dump else flags


def label(corpus: Corpus, folder: Path, shard: int, *flags) -> int:
    flags = ["--root", str(corpus.root), f"--codebook={folder / 'codebook'}", *map(str, flags)]
    flags += [f"--rejects={folder / f'rejects{shard}.parquet'}", "--stage=units_x"]
    out = folder / "labels" / str(shard)
    return main(["units", "label", *corpus.shard(shard), str(out), *flags])
