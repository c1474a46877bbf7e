"""Recordings that a folder holds twice are used once, and only those."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import numpy as np
import pytest
import soundfile

from aubert.corpus.duplicates import RATE_HZ, duplicates, same_bytes
from aubert.corpus.folder_layout import chapters


def speech(seed: int, seconds: float) -> np.ndarray:
    """Noise that goes up and down as syllables do."""
    rng = np.random.default_rng(seed)
    syllables = rng.uniform(-6, 0, int(seconds * 5) + 1)
    level = np.exp(np.repeat(syllables, RATE_HZ // 5)[: int(seconds * RATE_HZ)])
    return (0.3 * level * rng.uniform(-1, 1, len(level))).astype(np.float32)


class Folder:
    """Files in memory: their samples by their paths."""

    def __init__(self, files: dict[str, np.ndarray]):
        self.files = {PurePosixPath(name): samples for name, samples in files.items()}
        self.looked = 0

    def excerpt(self, path: PurePosixPath, start_s: float, seconds: float) -> np.ndarray:
        self.looked += 1
        start = round(start_s * RATE_HZ)
        return self.files[path][start : start + round(seconds * RATE_HZ)]

    def duplicates(self) -> dict[str, str]:
        seconds = {path: len(samples) / RATE_HZ for path, samples in self.files.items()}
        found = duplicates(chapters(self.files, "shelf"), seconds, self.excerpt)
        return {str(path): str(kept) for path, kept in found.items()}


CHAPTERS = [speech(seed, seconds) for seed, seconds in ((1, 30.0), (2, 45.5), (3, 20.25))]
WHOLE = np.concatenate(CHAPTERS)


def numbered(pattern: str, sounds: list[np.ndarray]) -> dict[str, np.ndarray]:
    return {pattern.format(number): one for number, one in enumerate(sounds, 1)}


def noisy(samples: np.ndarray) -> np.ndarray:
    """As another codec gives it back, a little later."""
    late = np.concatenate([np.zeros(400, np.float32), samples])
    return late + np.random.default_rng(9).normal(0, 1e-3, len(late)).astype(np.float32)


def test_a_book_as_one_file_and_as_chapters():
    folder = Folder({**numbered("Emma/0{}.mp3", CHAPTERS), "Emma/Emma.m4b": noisy(WHOLE)})
    assert folder.duplicates() == {"Emma/Emma.m4b": "Emma/01.mp3"}
    # Beside the book's folder, and in one that tells the form.
    for whole in ("Emma.m4b", "Emma m4b/book.m4b", "Emma (Audiobook)/x.m4b"):
        folder = Folder({**numbered("Emma/0{}.mp3", CHAPTERS), whole: noisy(WHOLE)})
        assert folder.duplicates() == {whole: "Emma/01.mp3"}


def test_two_formats_and_copies():
    folder = Folder(
        {
            **numbered("Emma/0{}.mp3", CHAPTERS),
            **numbered("Emma/0{}.flac", [noisy(one) for one in CHAPTERS]),
        }
    )
    assert set(folder.duplicates()) == {f"Emma/0{n}.mp3" for n in (1, 2, 3)}
    folder = Folder(
        {
            **numbered("Ann/Emma/64kb/0{}.mp3", CHAPTERS),
            **numbered("Ann/Emma/128kb/0{}.mp3", CHAPTERS),
        }
    )
    assert len(folder.duplicates()) == 3
    # Some chapters alone in another format.
    folder = Folder({**numbered("Emma/0{}.mp3", CHAPTERS), "Emma/02.m4a": noisy(CHAPTERS[1])})
    assert folder.duplicates() == {"Emma/02.m4a": "Emma/02.mp3"}


def test_other_recordings_of_the_same_length_are_kept():
    others = [speech(seed + 10, len(one) / RATE_HZ) for seed, one in enumerate(CHAPTERS)]
    folder = Folder(
        {**numbered("Emma/CD1/0{}.mp3", CHAPTERS), **numbered("Emma/CD2/0{}.mp3", others)}
    )
    assert folder.duplicates() == {} and folder.looked
    folder = Folder(
        {**numbered("Ann/Emma/{}.mp3", CHAPTERS), **numbered("Ann/Emma ogg/{}.ogg", others)}
    )
    assert folder.duplicates() == {} and folder.looked
    # The same sound in two readers' folders, in books of other names, in other chapters.
    folder = Folder(numbered("Ann/Emma/{}.mp3", CHAPTERS) | numbered("Zoe/Emma/{}.ogg", CHAPTERS))
    assert folder.duplicates() == {}
    folder = Folder(numbered("Ann/Emma/{}.mp3", CHAPTERS) | numbered("Ann/Sense/{}.ogg", CHAPTERS))
    assert folder.duplicates() == {}
    folder = Folder({f"Emma/0{n}.{kind}": CHAPTERS[0] for n, kind in enumerate(("mp3", "wma"))})
    assert folder.duplicates() == {}
    # One chapter of another length and name, in a book's other format.
    folder = Folder({**numbered("Emma/0{}.mp3", CHAPTERS), "Emma/04.m4a": others[1]})
    assert folder.duplicates() == {}


def test_files_with_the_same_bytes_are_one_in_a_book_alone(tmp_path):
    contents = {
        "Emma/01.mp3": b"one", "Emma/01 (1).mp3": b"one", "Emma/02.mp3": b"two",
        "Emma/02 copy.mp3": b"two", "Emma/03.mp3": b"ton", "Persuasion/01.mp3": b"one",
    }  # fmt: skip
    for name, content in contents.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    placed = chapters([PurePosixPath(name) for name in contents], "shelf")
    found = same_bytes(tmp_path, placed, {one.path: 3 for one in placed})
    assert {str(path): str(kept) for path, kept in found.items()} == {
        "Emma/01 (1).mp3": "Emma/01.mp3", "Emma/02 copy.mp3": "Emma/02.mp3",
    }  # fmt: skip


@pytest.mark.parametrize("sound", [np.zeros(RATE_HZ * 40, np.float32), None])
def test_where_nothing_can_be_compared_both_are_kept(sound):
    tone = np.sin(np.arange(RATE_HZ * 40) * 0.3).astype(np.float32)
    sound = tone if sound is None else sound
    assert Folder({"Emma/1.mp3": sound, "Emma/Emma.m4b": sound}).duplicates() == {}


def test_a_folder_with_speech_that_is_there_twice(tmp_path):
    from aubert.corpus.folder import import_folder

    root = tmp_path / "books"
    (root / "Emma").mkdir(parents=True)
    for number, one in enumerate(CHAPTERS, 1):
        soundfile.write(root / f"Emma/0{number}.mp3", one, RATE_HZ)
    soundfile.write(root / "Emma/whole.ogg", WHOLE, RATE_HZ)
    Path(root, "Emma/emma.txt").write_text("Emma.")
    rows = {row.path: row for row in import_folder(root, tmp_path / "out")}
    assert rows["Emma/whole.ogg"].reason == "duplicate"
    assert rows["Emma/whole.ogg"].detail == "Emma/01.mp3"
    assert sum(row.recordings for row in rows.values()) == 3
