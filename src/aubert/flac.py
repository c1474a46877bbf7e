"""Whether the count of samples in a FLAC's header is that of the whole file, by a look at a few
places: frames say where they stand (RFC 9639, 9.1)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import BinaryIO, NamedTuple

_SYNC = re.compile(rb"\xff[\xf8\xf9]")
# Of two, three, ... streams of one length in one file, frames at these places stand in no order.
_PLACES = (0.25, 0.4, 0.5, 0.75)
_MAX_FRAME_BYTES = 1 << 16  # where the header does not say
_MAX_HEADER_BYTES = 16
_TAG_BYTES = 256  # behind the last frame


class _Info(NamedTuple):
    """Of STREAMINFO. first_frame: the byte behind the metadata"""

    first_frame: int
    block_samples: int
    max_frame_bytes: int
    num_samples: int


def goes_on(file: BinaryIO, head: int) -> bool:
    """Whether the file holds more than its header counts, or may: another FLAC behind the first.

    head: where `fLaC` stands. A file that ends before its count is not one that goes on.
    """
    info = _info(file, head)
    if info is None:
        return True
    size = file.seek(0, os.SEEK_END)
    window = info.max_frame_bytes + _MAX_HEADER_BYTES
    length = size - info.first_frame
    places = [info.first_frame + int(share * length) for share in _PLACES]
    found = [next(_frames(file, place, window, info), None) for place in places]
    tail = max(info.first_frame, size - window - _TAG_BYTES)
    found.append(max(_frames(file, tail, size - tail, info), default=None))
    for place, frame in zip([*places, tail], found, strict=True):
        if frame is None and place + window < size:  # what lies there is no frame
            return True
    frames = sorted({frame for frame in found if frame is not None})
    samples = [sample for _, sample in frames]
    in_order = all(before < after for before, after in pairwise(samples))
    return not samples or not in_order or samples[-1] >= info.num_samples


def _info(file: BinaryIO, head: int) -> _Info | None:
    file.seek(head)
    if file.read(4) != b"fLaC":
        return None
    info, last = None, False
    while not last:
        block = file.read(4)
        if len(block) < 4:
            return None
        last, kind, size = block[0] >> 7, block[0] & 0x7F, int.from_bytes(block[1:], "big")
        if kind == 0:
            content = file.read(size)
            frame_bytes = int.from_bytes(content[7:10], "big") or _MAX_FRAME_BYTES
            count = int.from_bytes(content[10:18], "big") & (1 << 36) - 1
            info = _Info(0, int.from_bytes(content[2:4], "big"), frame_bytes, count)
        else:
            file.seek(size, os.SEEK_CUR)
    return info and info._replace(first_frame=file.tell())


def _frames(file: BinaryIO, at: int, size: int, info: _Info) -> Iterator[tuple[int, int]]:
    """(byte, first sample) of each frame that begins in the window."""
    file.seek(at)
    data = file.read(size)
    for match in _SYNC.finditer(data):
        sample = _first_sample(data[match.start() : match.start() + _MAX_HEADER_BYTES], info)
        if sample is not None:
            yield at + match.start(), sample


def _first_sample(header: bytes, info: _Info) -> int | None:
    """None where these bytes are no frame's header."""
    if len(header) < 6:
        return None
    block_code, rate_code = header[2] >> 4, header[2] & 15
    if block_code == 0 or rate_code == 15 or header[3] >> 4 > 10 or header[3] & 1:
        return None
    # As in UTF-8, the leading ones count the bytes.
    num_more = {8: 0, 6: 1, 5: 2, 4: 3, 3: 4, 2: 5, 1: 6}.get((header[4] ^ 0xFF).bit_length())
    if num_more is None:
        return None
    number = header[4] & (0x7F if num_more == 0 else (1 << 6 - num_more) - 1)
    for byte in header[5 : 5 + num_more]:
        if byte >> 6 != 2:
            return None
        number = number << 6 | byte & 0x3F
    end = 5 + num_more + {6: 1, 7: 2}.get(block_code, 0) + {12: 1, 13: 2, 14: 2}.get(rate_code, 0)
    if end >= len(header) or _crc8(header[:end]) != header[end]:
        return None
    return number if header[1] & 1 else number * info.block_samples


def _crc8(data: bytes) -> int:
    """Polynomial x^8 + x^2 + x + 1, from 0 (RFC 9639, 9.1.8)."""
    value = 0
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value << 1 ^ 0x07) & 0xFF if value & 0x80 else value << 1
    return value
