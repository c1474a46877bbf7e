"""German, French and Spanish beside English.

    python benchmarks/languages.py mini    # miniature corpora through the workflow, the run's own
                                           # CTC network as recogniser and aligner; hours on a CPU
    python benchmarks/languages.py real    # real German prompts and French readings, pocketsphinx's
                                           # English model; minutes

`real` prints the halves on which SPOKEN_WITH_CMU was chosen (dev) and the others (test) apart, and
as a control the same books read as English. Recordings are those of ../shared/real/more.
"""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from figures import cpu_of_children, cpu_of_jobs, figure, keep, table
from real_recordings import ROOT, real_recordings

from aubert import tables
from aubert.corpus.books import read_text
from aubert.evaluate.metrics import error_rate, proportion
from aubert.evaluate.wer import word_errors
from aubert.text.normalise import spoken_words

LANGUAGES = ("en", "de", "fr", "es")
CLOSE_CHARS = 5
# Label, key of metrics.json, unit, digits after the point.
ROWS = (
    ("utterances placed within 5 characters", "match.placed_within_5_chars", "", 3),
    ("control: proportional places", "match.placed_within_5_chars.baseline", "", 3),
    ("word starts, median error", "words.start_error_ms_median", "ms", 1),
    ("control: letters spread evenly", "words.start_error_ms_median.baseline", "ms", 1),
    ("word ends, median error", "words.end_error_ms_median", "ms", 1),
    ("words timed", "words.timed", "", 3),
    ("word error rate, book's language model", "transcribe.wer", "", 3),
    ("control: the book at an even pace", "transcribe.wer.baseline", "", 3),
    ("unseen voices", "transcribe.wer_unseen_voices", "", 3),
    ("dev set, greedy", "ctc.scratch.wer_greedy", "", 3),
    ("dev set, unseen voices, greedy", "ctc.scratch.unseen_wer_greedy", "", 3),
)
FRENCH_DEV = ("000", "008")


def main() -> None:
    {"mini": mini, "real": real}[sys.argv[1]]()


def mini() -> None:
    columns, seconds = {}, 0.0
    for language in LANGUAGES:
        # Kept, so that a run that is stopped goes on.
        directory = ROOT / "results" / "languages" / language
        directory.mkdir(parents=True, exist_ok=True)
        # English with the same training: the demo's takes HuBERT's encoder.
        config = {"corpus": {"source": "mini", "language": language}, "systems": ["ctc"],
                  "ctc": {"inits": ["scratch"], "use": "scratch"}, "name": "mini"}  # fmt: skip
        snakemake(directory, "results/mini/metrics.json", config)
        columns[language] = json.loads((directory / "results/mini/metrics.json").read_text())
        seconds += cpu_of_jobs(directory / "results/mini/benchmarks")
    rows = [
        [label, *(_cell(column.get(key), unit, digits) for column in columns.values())]
        for label, key, unit, digits in ROWS
    ]
    for name, key in (("utterances", ROWS[0][1]), ("words of times", ROWS[2][1])):
        rows.append([f"n, {name}", *(column[key]["n"] for column in columns.values())])
    command = "python benchmarks/languages.py mini"
    keep("languages", ("", *columns), rows, command=command, seconds=seconds)
    print(table("languages"))


def _cell(found: dict | None, unit: str, digits: int):
    return "" if found is None else figure(found["value"], found.get("ci95"), unit, digits)


def snakemake(directory: Path, target: str, config: dict, *presets: Path, cores: int = 2) -> None:
    path = directory / "overlay.json"
    path.write_text(json.dumps(config))
    command = [sys.executable, "-m", "snakemake", target, "--snakefile", str(ROOT / "Snakefile")]
    command += ["--directory", str(directory), "--cores", str(cores), "--workflow-profile", "none"]
    command += ["--show-failed-logs", "--configfile", *map(str, presets), str(path)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise SystemExit(done.stdout[-4000:])


def real() -> None:
    rows = []
    for name, language, books in (("German prompts", "de", german()), ("French", "fr", french())):
        for tag in (language, "en"):
            with tempfile.TemporaryDirectory() as directory:
                for book in books:
                    book.lay_out(Path(directory, "in"))
                overlay = {"corpus": {"root": f"{directory}/in", "language": tag}, "num_shards": 2,
                           "max_reject_fraction": 1.0}  # fmt: skip
                preset = ROOT / "workflow/presets/own-audiobooks.yaml"
                snakemake(Path(directory), "dataset", overlay, preset, cores=1)
                results = Path(directory, "results/own-audiobooks")
                for half in ("dev", "test"):
                    own = [book for book in books if book.half == half]
                    rows.append([f"{name}, {half}", tag, *figures(results, own, language)])
    columns = ("", "read as", "word error rate", "recordings placed", "n", "words timed", "n")
    command = "python benchmarks/languages.py real"
    keep("languages-real", columns, rows, command=command, seconds=cpu_of_children())
    print(table("languages-real"))


class Book:
    """A folder of one reader: texts of recordings, joined as the book that is read.

    recordings: name -> (its audio, its text)
    """

    def __init__(self, name: str, half: str, recordings: dict[str, tuple[Path, str]]):
        self.name, self.half, self.recordings = name, half, recordings
        self.text, self.spans = "", {}
        for recording, (_, text) in recordings.items():
            self.spans[recording] = (len(self.text), len(self.text) + len(text))
            self.text += text + "\n\n"

    def lay_out(self, folder: Path) -> None:
        own = folder / self.name / self.name
        own.mkdir(parents=True)
        (own / f"{self.name}.txt").write_text(self.text, encoding="utf-8")
        for name, (path, _) in self.recordings.items():
            shutil.copy(path, own / f"{name}{path.suffix}")


def german() -> list[Book]:
    """The prompts of one reader, every other one for development."""
    folder = real_recordings("more", "de_kerstin")
    rows = _manifest(folder)
    halves = {"dev": rows[::2], "test": rows[1::2]}
    return [
        Book(f"kerstin {half}", half,
             {row["file"].partition(".")[0]: (folder / row["file"], row["text"]) for row in own})
        for half, own in halves.items()
    ]  # fmt: skip


def french() -> list[Book]:
    """Poems, each by another reader, with LibriVox's announcement."""
    folder = real_recordings("more", "fr_fleursdumal")
    books = []
    for path in sorted(folder.glob("*.mp3")):
        number = path.stem.rpartition("_")[2]
        half = "dev" if number in FRENCH_DEV else "test"
        text = read_text(path.with_suffix(".txt"))
        books.append(Book(f"poem {number}", half, {path.stem: (path, text)}))
    return books


def _manifest(folder: Path) -> list[dict]:
    with (folder / "manifest.tsv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def figures(results: Path, books: list[Book], language: str) -> list:
    """Of each recording: its transcript against its text, whether all of its utterances lie in its
    span of the book, and how many of its words have times."""
    rows = {
        table: list(tables.all_rows(results, table))
        for table in ("transcripts", "refined", "words")
    }
    errors, lengths, placed, timed = [], [], [], []
    for book in books:
        for name, (start, end) in book.spans.items():
            own = {
                table: [row for row in found if f"/{book.name}/{name}_" in row["utterance_id"]]
                for table, found in rows.items()
            }
            spoken = spoken_words(book.text[start:end], language)
            recognised = [word for row in own["transcripts"] for word in row["text"].split()]
            errors.append(word_errors(spoken, recognised))
            lengths.append(len(spoken))
            low = min((row["char_start"] for row in own["refined"]), default=-1)
            high = max((row["char_end"] for row in own["refined"]), default=-1)
            is_near = start - CLOSE_CHARS <= low and high <= end + CLOSE_CHARS
            placed.append(low >= 0 and is_near)
            timed.append(min(1.0, len(own["words"]) / len(spoken)) * len(spoken))
    rate = error_rate(errors, lengths, {"recordings": range(len(errors))})
    cells = [_cell(vars(rate), "", 3)]
    for one in (proportion(sum(placed), len(placed)),
                proportion(round(sum(timed)), sum(lengths))):  # fmt: skip
        cells += [_cell(vars(one), "", 3), one.n]
    return cells


if __name__ == "__main__":
    main()
