"""A server of files whose behaviour a test decides, and that remembers what it was asked."""

from __future__ import annotations

import hashlib
import http.server
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Site:
    """What the server gives, and what it was asked."""

    folder: Path
    address: str = ""
    requests: list[tuple[str, str, str]] = field(default_factory=list)
    """(method, path, Range) of each request."""
    statuses: list[int] = field(default_factory=list)
    """Of the next answers, in place of the files."""
    pause_s: float = 0.0
    """Between pieces of 1,000 bytes."""
    has_etags: bool = True
    has_ranges: bool = True
    cut: int = 0
    """Bytes that are missing at the end of each answer."""
    after: list[object] = field(default_factory=list)
    """Called one by one, after each answer."""
    gate: threading.Event = field(default_factory=threading.Event)
    """Set from the beginning; while it is not, answers wait."""

    @property
    def gets(self) -> list[str]:
        return [span for method, _, span in self.requests if method == "GET"]


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def site(self) -> Site:
        return self.server.site

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self._answer(with_body=False)

    def do_GET(self):
        self._answer(with_body=True)
        if self.site.after:
            self.site.after.pop(0)()

    def _answer(self, *, with_body: bool):
        site = self.site
        site.requests.append((self.command, self.path, self.headers.get("Range", "")))
        site.gate.wait(10)
        path = site.folder / self.path.partition("?")[0].lstrip("/")
        status = site.statuses.pop(0) if site.statuses else 0 if path.is_file() else 404
        if status:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        content = path.read_bytes()
        asked = self.headers.get("Range") if site.has_ranges else None
        start, stop = 0, len(content)
        if asked:
            first, _, last = asked.removeprefix("bytes=").partition("-")
            start, stop = int(first), min(int(last) + 1, len(content))
            if start >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
        self.send_response(206 if asked else 200)
        if site.has_etags:
            self.send_header("ETag", f'"{hashlib.md5(content).hexdigest()}"')
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{len(content)}")
        self.send_header("Content-Length", str(stop - start))
        self.end_headers()
        if not with_body:
            return
        body = content[start : stop - site.cut]
        try:
            for at in range(0, len(body), 1000 if site.pause_s else len(body) or 1):
                self.wfile.write(body[at : at + 1000] if site.pause_s else body)
                time.sleep(site.pause_s)
        except OSError:  # nobody waits any more
            self.close_connection = True
        if site.cut:
            self.close_connection = True


@contextmanager
def serving(folder: Path) -> Iterator[Site]:
    site = Site(folder=folder)
    site.gate.set()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.site = site
    site.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
