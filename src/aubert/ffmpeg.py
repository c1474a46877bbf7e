"""The command ffmpeg, for audio that libsndfile does not read."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np

HOW_TO_INSTALL = (
    "install ffmpeg (Debian: apt install ffmpeg; or: pip install imageio-ffmpeg, which carries one)"
)
_BLOCK_SAMPLES = 1 << 16


def command() -> str | None:
    """Where it is installed: the system's, else the one in imageio-ffmpeg."""
    found = shutil.which("ffmpeg")
    if found is None:
        try:
            import imageio_ffmpeg

            found = imageio_ffmpeg.get_ffmpeg_exe()
        except (ImportError, RuntimeError):
            return None
    return found


def run(arguments: list[str]) -> subprocess.CompletedProcess:
    return subprocess.run([command(), *_SAFE, *arguments], capture_output=True)


# A file may name others, on the network too (playlists): only files are read.
_SAFE = ["-nostdin", "-loglevel", "error", "-protocol_whitelist", "file,pipe"]


def in_order(path: str | Path) -> tuple[int, Iterator[np.ndarray]]:
    """As decoder.in_order, of any file. Raises OSError where there is nothing to decode, or no
    ffmpeg. A damaged file ends where ffmpeg gives up."""
    if command() is None:
        raise OSError(f"it needs ffmpeg to be read: {HOW_TO_INSTALL}")
    # AU has a header of four-byte numbers that may leave the length open.
    form = ["-map", "0:a:0", "-ac", "1", "-c:a", "pcm_f32be", "-f", "au", "-"]
    with TemporaryFile() as words:  # a pipe that is not read would fill up
        process = subprocess.Popen(
            [command(), *_SAFE, "-i", str(path), *form], stdout=subprocess.PIPE, stderr=words
        )
        head = process.stdout.read(24)
        if len(head) < 24:
            process.wait()
            words.seek(0)
            lines = words.read().decode("utf-8", "replace").strip().splitlines()
            raise OSError(f"ffmpeg: {lines[-1] if lines else 'it holds no sound'}")
    start, rate_hz = (int.from_bytes(head[at : at + 4], "big") for at in (4, 16))
    process.stdout.read(start - len(head))
    return rate_hz, _blocks(process)


def _blocks(process: subprocess.Popen) -> Iterator[np.ndarray]:
    try:
        while data := process.stdout.read(4 * _BLOCK_SAMPLES):
            yield np.frombuffer(data[: len(data) // 4 * 4], ">f4").astype(np.float32)
    finally:
        process.stdout.close()
        process.kill()  # where it is not read to its end
        process.wait()
