"""The bytes of a text as characters: UTF-8 with single bad bytes, UTF-16, older encodings."""

from __future__ import annotations

import codecs
import re
from typing import NamedTuple

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16's, which it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Encodings that books are found in. charset-normalizer tries ninety, and takes short Western
# texts for a Mac's Central European or for DOS.
_LIKELY = ["cp1252", "cp1250", "cp1251", "koi8_r", "cp866", "cp1253", "cp1254", "cp1255",
           "cp1256", "cp932", "euc_jp", "gb18030", "big5", "cp949"]  # fmt: skip
_OF_A_MAC = ["mac_roman", "mac_cyrillic", "mac_greek"]
_NAMES = {"cp1252": "Windows-1252", "mac_roman": "Mac Roman"}
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_MOST = 1_000_000  # bytes from which an encoding is detected


class Decoded(NamedTuple):
    """text: line ends and a UTF-8 byte-order mark are kept; note: what was decided where the
    bytes are not UTF-8, for the user, or None."""

    text: str
    note: str | None


def decode(data: bytes) -> Decoded:
    """The characters of a text.

    UTF-8 is kept as it is. Bad bytes in a text that is otherwise UTF-8 are read as
    Windows-1252, from where they mostly come, or become U+FFFD. Another text is decoded whole:
    by its byte-order mark, by its zero bytes (UTF-16), or by what charset-normalizer finds
    likeliest. Defined for every input; the same bytes give the same text.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return Decoded(data.decode(encoding, "replace"), f"decoded as {encoding.upper()}")
    if b"\0" in data and (decoded := _utf16(data)):
        return decoded
    try:
        return Decoded(data.decode("utf-8"), None)
    except UnicodeDecodeError:
        return _mostly_utf8(data) or _detected(data)


def _mostly_utf8(data: bytes) -> Decoded | None:
    """Of a text with more characters of several bytes than bad places: by chance alone, a text
    in another encoding holds few."""
    view, parts, at = memoryview(data), [], 0
    num_good = num_bad = first = 0
    while at < len(data):
        try:
            start = end = len(data)
            part = str(view[at:], "utf-8")
        except UnicodeDecodeError as error:
            start, end = at + error.start, at + error.end
            part = str(view[at:start], "utf-8")
        num_good += len(_NOT_ASCII.findall(part))
        parts.append(part)
        if start < len(data):
            parts.append(_bad_bytes(data[start:end]))
            first = first or start
            num_bad += 1
        if num_bad > 100 and num_bad > num_good:
            return None  # no need to go through it all
        at = end
    if num_bad > num_good:
        return None
    line = data.count(b"\n", 0, first) + 1
    places = "1 place is" if num_bad == 1 else f"{num_bad} places are"
    note = f"decoded as UTF-8; {places} not UTF-8, the first in line {line}"
    return Decoded("".join(parts), f"{note}: read as Windows-1252 or replaced by U+FFFD")


def _bad_bytes(data: bytes) -> str:
    """A single byte that no character begins is one of Windows-1252's; more are a damaged one."""
    return data.decode("cp1252", "replace") if len(data) == 1 else "\ufffd"


def _utf16(data: bytes) -> Decoded | None:
    """UTF-16 without a mark: every other byte of Western text is zero."""
    for first, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        if data[first::2].count(0) > len(data) // 5 and not data[1 - first :: 2].count(0):
            return Decoded(data.decode(encoding, "replace"), f"decoded as {encoding.upper()}")
    return None


def _detected(data: bytes) -> Decoded:
    # Lines that end with a lone carriage return were written on a Mac of the last century.
    is_of_a_mac = b"\r" in data and b"\n" not in data
    encoding = _likeliest(data, _OF_A_MAC if is_of_a_mac else _LIKELY) or "cp1252"
    name = _NAMES.get(encoding, encoding)
    return Decoded(data.decode(encoding, "replace"), f"decoded as {name}: it is not UTF-8")


def _likeliest(data: bytes, encodings: list[str]) -> str | None:
    from charset_normalizer import from_bytes

    # It looks at a few stretches alone, so it is given the lines that tell something.
    telling = b"\n".join(line for line in data.splitlines() if not line.isascii())
    found = list(from_bytes(telling[:_MOST], cp_isolation=encodings))
    # Of equally likely ones, our first: most Western texts are the same in all of theirs.
    alike = {
        name
        for match in found
        if (match.chaos, match.coherence) == (found[0].chaos, found[0].coherence)
        for name in match.could_be_from_charset
    }
    return next((name for name in encodings if name in alike), None)
