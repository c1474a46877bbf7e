"""What has to be there before a run starts: paths of the config, recordings, texts."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

from aubert.config.paths import GivenPath, given_paths

# Targets that need sound alone, ctc with transcribed speech of its own; clar where its clips are no
# words.
_WITHOUT_TEXT = {"corpus", "units", "hubert", "ctc", "clar", "separation"}


def has_texts(corpus: dict) -> bool:
    """Whether the corpus has texts that were read: only a manifest and a folder may have none."""
    from aubert.corpus.folder_scan import scan

    if corpus["source"] == "folder":
        try:
            return any(source.kind == "text" for source in scan(Path(corpus["root"])))
        except ValueError:  # no folder: `check_paths` has the sentence
            return True
    return corpus["source"] != "manifest"


def systems_of(config: dict, targets: Collection[str]) -> set[str]:
    """What runs for the targets: those alone, or for `all` the config's systems too."""
    return set(targets) if targets and "all" not in targets else {*targets, *config["systems"]}


def needs_words(targets: Collection[str]) -> bool:
    """Whether targets, as for `check_paths`, need speech that is recognised and aligned."""
    return not targets or not set(targets) <= {*_WITHOUT_TEXT, "download"}


def check_paths(config: dict, targets: Collection[str], has_texts: bool = True) -> None:
    """Raises ValueError, a line each, for what no rule makes and is not where the config says.

    targets: asked for by name, of `all`, `download`, `corpus`, `dataset`, `units` and the systems;
    empty: `all`. has_texts: of `has_texts`
    """
    if "download" in targets:
        faults = _download_faults(config["download"]["out"])
    else:
        faults = _corpus_faults(config["corpus"])
        if not has_texts and not faults:
            faults = _text_faults(config, targets)
        given = given_paths(config, systems_of(config, targets))
        faults += filter(None, map(_fault, given))
    if faults:
        raise ValueError("\n".join(f"config: {fault}" for fault in faults))


def _text_faults(config: dict, targets: Collection[str]) -> list[str]:
    """Of targets that need the texts that this corpus lacks."""
    corpus, clips = config["corpus"], config["clar"]["clips"]["source"]
    found = {
        "folder": f"corpus.root: {corpus['root']} holds no text (.epub, .html or .txt): put the "
        f"text of each book that is read into it, in the book's folder or with its name",
        "manifest": "corpus.source: a manifest lists speech without texts",
    }[corpus["source"]]
    asked = systems_of(config, targets)
    if needs_words(asked - {"all"}):
        able = ", ".join(sorted(_WITHOUT_TEXT))
        return [f"{found}; without texts ask for one of: {able} (as a target, or in systems)"]
    if "clar" in asked and clips == "words":
        return [f"{found}; clar.clips.source words needs them: let it be speakers, folder or table"]
    return []


def _fault(given: GivenPath) -> str | None:
    path = Path(given.path)
    if path.is_dir() if given.kind == "folder" else path.is_file():
        return None
    return f"{given.key}: {given.path} is not a {given.kind}; {given.remedy}"


def _download_faults(out: str) -> list[str]:
    parent = Path(out).absolute().parent
    if parent.is_dir():
        return []
    return [f"download.out: {parent} is not a folder: make it, or give another place"]


def _corpus_faults(corpus: dict) -> list[str]:
    """Of recordings and books; each is looked for by what reads it."""
    from aubert.corpus.books import Bookshelf
    from aubert.corpus.folder_scan import scan
    from aubert.corpus.manifest import read_manifest
    from aubert.corpus.shards import speakers

    root = Path(corpus["root"])
    if corpus["source"] == "mini":
        return []
    if corpus["source"] == "folder":
        return _fault_of(lambda: scan(root))
    if corpus["source"] == "manifest":
        return _fault_of(lambda: next(read_manifest(root), None))
    faults = _fault_of(lambda: next(speakers(root, corpus["subsets"]), None))
    faults += _fault_of(lambda: Bookshelf(corpus["books_dir"], corpus["book_meta"]))
    return [
        f"{fault}; what of Libri-Light is not on this machine is fetched by: snakemake download "
        f"(with the same --configfile), or one by one by: aubert download "
        f"librilight-{corpus['subsets'][0]}"
        for fault in faults
    ]


def _fault_of(read: Callable[[], object]) -> list[str]:
    try:
        read()
    except ValueError as error:
        return [str(error)]
    return []
