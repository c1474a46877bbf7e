"""What the Snakefile asks for at parse time: light, and without torch.

A job's `params` and `input: code=` decide what reruns, so they come from here: the
fingerprint of a shard's files, of the books it reads, and the modules of a stage.
"""

from __future__ import annotations

import math
import os
import re
import sys
import time
from collections.abc import Collection, Iterable, Sequence
from functools import cache, cached_property
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from aubert.corpus.contents import Contents, contents_of
from aubert.corpus.shards import CorpusFile

if TYPE_CHECKING:
    from aubert.corpus.folder_plan import Plan

SOURCE = Path(__file__).parent
MOST_FILES = 50_000  # books and labelled speech whose content is recorded: minutes, at most


@cache
def code_of(module: str) -> list[str]:
    """The files of `module` ("corpus.cut") and of every aubert module that it imports.

    Declared as a rule's input, so that an edit of a stage's code reruns the stage.
    Imports inside functions count too.
    """
    found: set[Path] = set()
    waiting = [_file_of(f"aubert.{module}")]
    while waiting:
        path = waiting.pop()
        if path is None or path in found:
            continue
        found.add(path)
        # The miniature corpus's own books; the report's template.
        found.update(path.parent.glob("stories/**/*.txt"))
        found.update(path.parent.glob("page/*.*"))
        waiting += [_file_of(name) for name in _imports(path)]
    # As they lie seen from the working directory: no path of this machine in the metadata.
    return sorted(os.path.relpath(path) for path in found)


# By a parser of Python it would take ten times as long, at each start of Snakemake. More than the
# names is found, such as words of a comment, but only what is a module has a file.
_IMPORT = re.compile(
    r"^\s*(?:from (aubert[.\w]*) import (\([^)]*\)|.+)|import (aubert\.[.\w]+))", re.M
)


@cache  # a module is imported by many
def _imports(path: Path) -> list[str]:
    names = []
    for module, inside, whole in _IMPORT.findall(path.read_text(encoding="utf-8")):
        names += [whole or module, *(f"{module}.{name}" for name in re.findall(r"\w+", inside))]
    return [name for name in names if name.startswith("aubert.")]


@cache
def _file_of(module: str) -> Path | None:
    path = SOURCE.joinpath(*module.split(".")[1:])
    candidates = (path.with_suffix(".py"), path / "__init__.py")
    return next((file for file in candidates if file.is_file()), None)


def let_jobs_find_aubert() -> None:
    """Jobs call `python -m aubert`: of this checkout, with this interpreter or with the one
    of the rule's conda environment, whose activation comes later and so takes precedence."""
    path = os.environ.get("PATH", os.defpath)
    os.environ["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), path])
    # In front of what is there: rules of a workflow that imports this one may need it.
    paths = [str(SOURCE.parent), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(paths))


# What a command says last where another try ends alike (cli.INPUT_FAULT).
_FOR_GOOD = "aubert: error: "


def retry_what_may_help() -> None:
    """Lets Snakemake retry no job whose input or config is at fault: on a cluster each try waits
    for its GPU. The command's last lines are in the job's log, whichever machine it ran on."""
    from snakemake.jobs import GroupJob, Job

    since = time.time()

    def restarts(job: Job) -> int:
        return 0 if _failed_for_good(job.log, since) else job.rule.restart_times

    def restarts_of_group(group: GroupJob) -> int:
        for_good = any(_failed_for_good(job.log, since) for job in group.jobs)
        return 0 if for_good else max(job.rule.restart_times for job in group.jobs)

    Job.restart_times, GroupJob.restart_times = property(restarts), property(restarts_of_group)


def look_for_jobs_when_one_ends() -> None:
    """Lets Snakemake's scheduler look for jobs again after a while only where its limit of jobs per
    second held some back. It does so after every look, and each job that ends adds such a series:
    after hundreds of jobs it looks hundreds of times a second, and keeps a core busy."""
    from snakemake.scheduling.job_scheduler import JobScheduler

    select, look_again = JobScheduler.job_selector, JobScheduler._schedule_reevalutation
    if hasattr(JobScheduler, "held_back"):
        return

    def selected(scheduler: JobScheduler, jobs: Collection) -> Collection:
        limiter = scheduler.job_rate_limiter
        most = math.inf if limiter is None else limiter.get_free_jobs()
        found = select(scheduler, jobs)
        scheduler.held_back = len(found) >= most
        return found

    def where_some_were_held_back(scheduler: JobScheduler, delay: float) -> None:
        # Rules whose input comes from a queue are looked at in their own time.
        if scheduler.held_back or scheduler.workflow.dag.has_unfinished_queue_input_jobs():
            look_again(scheduler, delay)

    JobScheduler.held_back = False
    JobScheduler.job_selector = selected
    JobScheduler._schedule_reevalutation = where_some_were_held_back


def _failed_for_good(logs: Sequence[str], since: float) -> bool:
    for log in map(Path, logs):
        if log.is_file() and log.stat().st_mtime >= since:
            lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
            if lines and lines[-1].startswith(_FOR_GOOD):
                return True
    return False


def with_home(root: str) -> str:
    """A path whose ~ is the home directory, where no shell has made it so; a folder that bears
    such a name itself stays."""
    return root if os.path.isdir(root) else os.path.expanduser(root)


def corpus_of(config: dict) -> dict:
    """The corpus's section, with the paths of what the rules read: a folder of audiobooks is
    laid out in the results first; a manifest's paths are relative to /, and it has no books."""
    corpus = config["corpus"]
    if corpus["source"] == "manifest":  # whose recordings may lie anywhere
        return {**corpus, "root": "/", "books_dir": None, "book_meta": None}
    if corpus["source"] != "folder":
        return corpus
    made = os.path.join(config["results_dir"], config["name"], "corpus")
    return {
        **corpus,
        "root": os.path.join(made, "librilight"),
        "subsets": ["folder"],
        "books_dir": os.path.join(made, "books"),
        "book_meta": None,
    }


def fingerprints_of(config: dict, corpus: dict) -> Fingerprints:
    """By the corpus's source. corpus: of `corpus_of`"""
    root, num_shards = config["corpus"]["root"], config["num_shards"]
    results = os.path.join(config["results_dir"], config["name"])
    if corpus["source"] == "folder":
        return FolderFingerprints(root, corpus, num_shards, results)
    if corpus["source"] == "manifest":
        return ManifestFingerprints(root, corpus, num_shards, results)
    return Fingerprints(corpus, num_shards, results)


class Fingerprints:
    """Digests of files that no rule makes: the corpus's recordings and the books.

    Each is taken once per run, when first asked for, by the main process alone: a job on
    a cluster parses the Snakefile too and must not walk the corpus again.
    """

    def __init__(self, corpus: dict, num_shards: int, results: str):
        """results: the run's folder; beside its recordings is recorded what the files held."""
        self._corpus = corpus
        self._num_shards = num_shards
        self._contents = contents_of(Path(results, "recordings"))
        self._asked_for: dict[Path, CorpusFile] = {}

    def record(self) -> None:
        """Records the content of every file that was asked for, after a run that ended well. A file
        that changed meanwhile is passed over: nobody knows which content was read."""
        if len(self._asked_for) <= MOST_FILES:
            same = [file for path, file in self._asked_for.items() if _file(path) == file]
            self._given.record_more(Path(), same)

    @cached_property
    def _given(self) -> Contents:
        return Contents(self._contents / "given.json")

    def _states(self, paths: Iterable[Path]) -> dict[Path, str]:
        """Sizes and times of files; a time that is new while the content is the same does not
        count."""
        found = {}
        for path in paths:
            file = _file(path)
            if file is None:
                found[path] = "absent"
                continue
            self._asked_for[path] = file
            recorded = self._given.as_recorded(Path(), file)
            found[path] = f"{recorded.size} {recorded.mtime_ns}"
        self._given.save_times()
        return found

    def of_shard(self, shard: str) -> str:
        """Paths, sizes and times of the shard's audio and jsons; a time that is new while the
        content is the same does not count."""
        return self._shards()[int(shard)]

    def languages(self) -> dict[str, str]:
        """Of each book that says its language, or of the corpus: BCP 47."""
        return {"corpus.language": self._corpus["language"]}

    def of_books(self, recordings: str) -> str:
        """Of the books that the shard's recordings were read from.

        recordings: the shard's table. A recording without a known book may be matched
        with any, so it makes the digest depend on the whole shelf. Raises FileNotFoundError
        while the table is not made yet (Snakemake then asks again before it runs the job).
        """
        import pyarrow.parquet as pq

        with open(recordings, "rb") as file:
            book_ids = set(pq.read_table(file, columns=["book_id"])["book_id"].to_pylist())
        books = self._books()
        if not all(book_id is not None and book_id in books for book_id in book_ids):
            book_ids = set(books)
        return _digest([books[book_id] for book_id in sorted(book_ids)])

    def of_shelf(self) -> str:
        """Of every book text and of book_meta.json."""
        books_dir = Path(self._corpus["books_dir"])
        names = sorted(os.listdir(books_dir))
        paths = [books_dir / name for name in names]
        if self._corpus["book_meta"]:
            paths.append(Path(self._corpus["book_meta"]))
        return _digest([f"{path.name} {state}" for path, state in self._states(paths).items()])

    @cache  # noqa: B019
    def of_labelled(self, *folders: str) -> str:
        """Of every file below the folders, and of the audio that their manifests list."""
        from aubert.corpus.labelled_layouts import files_below, listed_files

        below = [path for folder in folders for path in files_below(Path(folder))]
        paths = sorted({*below, *listed_files(below)})
        return _digest([f"{path} {state}" for path, state in self._states(paths).items()])

    @cache  # noqa: B019
    def _books(self) -> dict[str, str]:
        """book id -> its file and that file's state"""
        from aubert.corpus.books import Bookshelf

        shelf = Bookshelf(self._corpus["books_dir"], self._corpus["book_meta"])
        paths = {book_id: shelf.books_dir / shelf.file_name(book_id) for book_id in shelf}
        states = self._states(paths.values())
        return {book_id: f"{path.name} {states[path]}" for book_id, path in paths.items()}

    @cache  # noqa: B019 - one instance lives as long as the process
    def _shards(self) -> list[str]:
        from aubert.corpus.shards import fingerprints, shard_names

        root, names = Path(self._corpus["root"]), shard_names(self._num_shards)
        contents = [Contents(self._contents / f"{name}.json") for name in names]
        found = fingerprints(
            root,
            self._corpus["subsets"],
            self._num_shards,
            lambda shard, file: contents[shard].as_recorded(root, file),
        )
        for one in contents:
            one.save_times()
        return found


class ManifestFingerprints(Fingerprints):
    """The same of what a manifest lists: its entries, and each audio file's size and time."""

    def __init__(self, manifest: str, corpus: dict, num_shards: int, results: str):
        super().__init__(corpus, num_shards, results)
        self._manifest = Path(manifest)

    @cache  # noqa: B019 - one instance lives as long as the process
    def _shards(self) -> list[str]:
        from aubert.corpus.manifest import digests

        return digests(self._manifest, self._num_shards)


class FolderFingerprints(Fingerprints):
    """The same of a folder of audiobooks, from the folder itself: what a rule makes of it is
    not there yet, or not anew, when Snakemake asks."""

    def __init__(self, root: str, corpus: dict, num_shards: int, results: str):
        super().__init__(corpus, num_shards, results)
        self._folder, self._out = Path(root), Path(corpus["root"]).parent

    def of_shard(self, shard: str) -> str:
        """The shard's books: recordings, tags and names, and texts that they may be read from."""
        plan = self._plan()
        lines = []
        for reading in plan.of_shard(int(shard)):
            read_from = reading.texts or [path for paths in plan.shelf.values() for path in paths]
            about = (*reading.book, reading.title, reading.author, reading.language,
                     reading.text_id, reading.marks)  # fmt: skip
            files = [*(one.path for one in reading.chapters), *read_from]
            lines += [repr(about), *(one.name for one in reading.chapters)]
            lines += [plan.state(path) for path in (*files, reading.cover) if path is not None]
        return _digest(lines)

    def languages(self) -> dict[str, str]:
        from aubert.corpus.books import language_of_file

        found = {}
        for reading in self._plan().readings:
            stated = language_of_file(self._folder / reading.texts[0]) if reading.texts else None
            found[f"book {reading.title!r}"] = (
                stated or reading.language or self._corpus["language"]
            )
        return found

    def of_books(self, recordings: str) -> str:
        """Every text: a folder holds few."""
        return self.of_shelf()

    def of_shelf(self) -> str:
        plan = self._plan()
        return _digest(
            [f"{name} {plan.state(path)}" for name, paths in plan.shelf.items() for path in paths]
        )

    def of_folder(self) -> str:
        """Of every file, used or not."""
        plan = self._plan()
        return _digest([f"{plan.state(path)} {fate}" for path, fate in plan.fates.items()])

    @cache  # noqa: B019
    def busy_shards(self) -> set[int]:
        """Those that hold a book."""
        return {reading.shard for reading in self._plan().readings}

    @cache  # noqa: B019
    def _plan(self) -> Plan:
        from aubert.corpus.folder_plan import make_plan

        return make_plan(self._folder, self._out, self._num_shards)


def _file(path: Path) -> CorpusFile | None:
    """None where it is not there."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return CorpusFile(str(path), stat.st_size, stat.st_mtime_ns)


def _digest(lines: list[str]) -> str:
    return blake2b("\n".join(lines).encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()
