"""A file on a web server as a stream that goes on after whatever happens to the connection."""

from __future__ import annotations

import http.client
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable

from aubert import __version__
from aubert.options import NaturalFloat, PositiveFloat, PositiveInt, options_class

_CONTENT_RANGE = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)")
_NOT_FOR_GOOD = {408, 425, 429, 500, 502, 503, 504}


@options_class
class RemoteOptions:
    """How patient a download is.

    tries: tries in a row without a byte, after which it gives up; what is there is kept
    pause_s: pause before the second try, in seconds; doubled before each further one, up to 60
    timeout_s: longest silence of a connection, in seconds
    """

    tries: PositiveInt = 8
    pause_s: NaturalFloat = 1.0
    timeout_s: PositiveFloat = 60.0


class Remote:
    """Reads `url` from byte `position` on. position: of the next byte; total: of the whole file,
    None where the server does not send it.

    A connection that breaks is opened again where it broke off, with Range; a server that knows
    no Range is read again from the start. Raises ConnectionError when it gives up, and
    ValueError when the file is not there or becomes another one.
    """

    def __init__(
        self,
        url: str,
        position: int = 0,
        options: RemoteOptions | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ):
        self.url, self.position, self.total = url, position, None
        self._options = options or RemoteOptions()
        self._sleep = sleep
        self._response = None
        self._version: str | None = None  # what the server calls this state of the file
        self._failures = 0

    def __enter__(self) -> Remote:
        return self

    def __exit__(self, *_) -> None:
        self._close()

    def open(self) -> None:
        """Asks the server, so that `total` is known."""
        self._patiently(self._open)

    def read(self, size: int = 1 << 20) -> bytes:
        """Up to `size` bytes; none at the end of the file."""
        return self._patiently(lambda: self._read(size))

    def _patiently(self, step: Callable):
        while True:
            try:
                return step()
            except urllib.error.HTTPError as error:
                if error.code not in _NOT_FOR_GOOD:
                    raise ValueError(
                        f"{self.url}: {error.code} {error.reason}; if the publisher moved it, name "
                        f"its new place with --base-url"
                    ) from None
                self._fail(error, error.headers.get("Retry-After"))
            except (OSError, http.client.HTTPException) as error:
                self._fail(error)

    def _fail(self, error: Exception, wait_s: str | None = None) -> None:
        self._close()
        self._failures += 1
        if self._failures >= self._options.tries:
            raise ConnectionError(
                f"{self.url}: {error} at byte {self.position} of {self.total or '?'}, "
                f"{self._failures} times in a row; the same command goes on from there"
            ) from None
        pause_s = self._options.pause_s * 2 ** (self._failures - 1)
        if wait_s and wait_s.isdigit():
            pause_s = max(pause_s, int(wait_s))
        self._sleep(min(pause_s, 60.0))

    def _read(self, size: int) -> bytes:
        if self._response is None and self.position != self.total:
            self._open()
        data = self._response.read(size) if self._response else b""
        if not data and self.total is not None and self.position < self.total:
            raise ConnectionError("the connection ended early")
        if data:
            self._failures = 0
        self.position += len(data)
        return data

    def _open(self) -> None:
        self._close()
        headers = {"User-Agent": f"aubert/{__version__}", "Accept-Encoding": "identity"}
        if self.position:
            headers["Range"] = f"bytes={self.position}-"
        request = urllib.request.Request(self.url, headers=headers)
        try:
            response = urllib.request.urlopen(request, timeout=self._options.timeout_s)
        except urllib.error.HTTPError as error:
            if error.code != 416:
                raise
            self._check(_total_of(error.headers), None)
            if self.position != self.total:
                raise ValueError(
                    f"{self.url} has {self.total} bytes, but {self.position} are here already: it "
                    f"is another file than before; delete what is here and fetch it again"
                ) from None
            return
        if response.status == 206:
            start = _CONTENT_RANGE.match(response.headers.get("Content-Range", ""))
            if not start or start[1] is None or int(start[1]) != self.position:
                response.close()
                raise ConnectionError("the server sent another range than it was asked for")
        self._check(_total_of(response.headers), response.headers.get("ETag"))
        self._response = response
        if response.status != 206:
            self._skip(self.position)

    def _skip(self, size: int) -> None:
        """The server knows no Range: what is here already comes again."""
        while size:
            data = self._response.read(min(size, 1 << 20))
            if not data:
                raise ConnectionError("the connection ended early")
            size -= len(data)

    def _check(self, total: int | None, version: str | None) -> None:
        for name, before, now in (
            ("size", self.total, total),
            ("version", self._version, version),
        ):
            if None not in (before, now) and before != now:
                raise ValueError(
                    f"{self.url} changed its {name} from {before} to {now} while it was read: "
                    f"delete what is here and fetch it again"
                )
        self.total = total if total is not None else self.total
        self._version = version or self._version

    def _close(self) -> None:
        if self._response is not None:
            self._response.close()
            self._response = None


def _total_of(headers) -> int | None:
    """Of the whole file, whatever part of it comes."""
    match = _CONTENT_RANGE.match(headers.get("Content-Range", ""))
    if match:
        return int(match[2]) if match[2] != "*" else None
    length = headers.get("Content-Length")
    return int(length) if length and length.isdigit() else None
