"""Names of files for what may hold any character and be of any length."""

from __future__ import annotations

import re
import unicodedata
from hashlib import blake2b
from urllib.parse import quote

MAX_BYTES = 255  # of a name, in nearly all file systems
# What file systems refuse, Windows' too, and what is not shown; a percent sign where it could be
# read as one of ours.
_UNSAFE = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|\u2028\u2029\ud800-\udfff]|%(?=[0-9A-F]{2})')
_EDGE = re.compile(r"^[. ]|[. ]$")


def file_name(text: str, suffix: str = "") -> str:
    """A file's name: the text, in its own script, and the suffix, at most MAX_BYTES together.

    Characters that a name cannot hold are percent-encoded. A longer name is cut between two
    characters and ends in a hash of the whole: different texts have different names.
    """
    name = _EDGE.sub(lambda match: f"%{ord(match[0]):02X}", _UNSAFE.sub(_escaped, text)) or "_"
    room = MAX_BYTES - len(suffix.encode())
    if len(name.encode()) > room:
        mark = f"~{blake2b(name.encode(), digest_size=4).hexdigest()}"
        name = _cut(name, room - len(mark)) + mark
    return name + suffix


def _escaped(match: re.Match) -> str:
    return quote(match[0], safe="", errors="surrogatepass")


def _cut(name: str, num_bytes: int) -> str:
    kept = name.encode()[:num_bytes].decode(errors="ignore")
    # Not between a letter and its marks, nor within an escape.
    while kept and unicodedata.combining(name[len(kept)]):
        kept = kept[:-1]
    return re.sub(r"%[0-9A-F]?$", "", kept).rstrip()
