"""A web server on 127.0.0.1 that does what real ones do to downloads."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Served:
    """files: by name. faults: one per request, from the first on; then the server behaves.

    A fault is a name or (name, number): drop (after so many bytes), stall (after so many bytes,
    until the client is gone), status (that number), no_range (the whole file whatever was asked
    for), longer and shorter (a Content-Length off by so much), other_range (not the one asked
    for), slow (a few bytes at a time).
    """

    files: dict[str, bytes]
    faults: list = field(default_factory=list)
    address: str = ""
    ranges: list[str | None] = field(default_factory=list)  # that were asked for
    stalled: threading.Event = field(default_factory=threading.Event)

    def fault(self) -> tuple[str, int]:
        fault = self.faults.pop(0) if self.faults else ""
        return fault if isinstance(fault, tuple) else (fault, 0)


@contextmanager
def serving(**files: bytes):
    """Yields a Served whose address is that of its files' folder; dots of names as __."""
    served = Served({name.replace("__", "."): content for name, content in files.items()})
    gone = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            served.ranges.append(self.headers.get("Range"))
            kind, number = served.fault()
            content = served.files.get(self.path.rsplit("/", 1)[1])
            if content is None or kind == "status":
                self.send_response(number or 404)
                if number == 429:
                    self.send_header("Retry-After", "7")
                self.end_headers()
                return
            asked = self.headers.get("Range")
            start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
            if start >= len(content) and asked and kind != "no_range":
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.end_headers()
                return
            if not asked or kind == "no_range":
                start = 0
                self.send_response(200)
            else:
                shown = start + (kind == "other_range")
                self.send_response(206)
                self.send_header(
                    "Content-Range", f"bytes {shown}-{len(content) - 1}/{len(content)}"
                )
            off = {"longer": number, "shorter": -number}.get(kind, 0)
            self.send_header("Content-Length", str(len(content) - start + off))
            self.end_headers()
            self._send(content[start:], kind, number)

        def _send(self, content, kind, number):
            if kind == "drop":
                self.wfile.write(content[:number])
            elif kind == "stall":
                self.wfile.write(content[:number])
                self.wfile.flush()
                served.stalled.set()
                gone.wait()
            elif kind == "slow":
                for place in range(0, len(content), 997):
                    self.wfile.write(content[place : place + 997])
                    self.wfile.flush()
            else:
                self.wfile.write(content)
            self.close_connection = True

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    served.address = f"http://127.0.0.1:{server.server_port}/files"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield served
    finally:
        gone.set()
        server.shutdown()
        server.server_close()
