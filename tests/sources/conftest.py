"""Fixtures of tests of sources."""

import contextlib
import http.server
import os
import socket
import threading
import time
from functools import partial

import pytest

from ogcapi.sources import gdal, mosaic, ranges, storage, waiting
from tests.data import forget_revisions, square, write_mosaic


class Handler(http.server.SimpleHTTPRequestHandler):
    """Files of a folder, with byte ranges and ETags; redirects and refusals by name."""

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.think()
        if "signed" in self.path:
            self.send_error(403)
        else:
            self.answer(with_body=False)

    def do_GET(self):
        if "stuck" in self.path:
            self.server.gate.wait(4)
            return
        self.think()
        if self.path.startswith("/elsewhere"):
            self.send_response(302)
            self.send_header("Location", "ftp://host/a" if "ftp" in self.path else "/a.txt")
            self.end_headers()
            return
        self.answer(with_body=True)

    def think(self):
        if "slow" in self.path:
            with self.server.asked_slowly():
                time.sleep(0.1)

    def answer(self, with_body):
        path = self.translate_path(self.path)
        if not os.path.isfile(path):  # noqa: PTH113
            self.send_error(404)
            return
        with open(path, "rb") as file:  # noqa: PTH123
            content = file.read()
        start, stop = 0, len(content)
        asked = self.headers.get("Range")
        if asked:
            first, _, last = asked.removeprefix("bytes=").partition("-")
            start, stop = int(first), min(int(last or len(content) - 1) + 1, len(content))
        self.send_response(206 if asked else 200)
        self.send_header("ETag", f'"{hash(content)}"')
        self.send_header("Accept-Ranges", "bytes")
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{len(content)}")
        self.send_header("Content-Length", str(stop - start))
        self.end_headers()
        if with_body:
            self.wfile.write(content[start:stop])


class Server(http.server.ThreadingHTTPServer):
    """It counts how many questions it thinks about at one time."""

    now = most = 0

    def __init__(self, *args):
        super().__init__(*args)
        self.gate = threading.Event()
        """Set when those that are stuck may go."""

    @contextlib.contextmanager
    def asked_slowly(self):
        self.now += 1
        self.most = max(self.most, self.now)
        yield
        self.now -= 1


@pytest.fixture
def server(tmp_path):
    server = Server(("127.0.0.1", 0), partial(Handler, directory=tmp_path))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.gate.set()
    waiting.threads().shutdown()
    waiting.threads.cache_clear()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def site(server):
    """Its address."""
    return f"http://127.0.0.1:{server.server_port}"


class TarPit:
    """A host that takes every connection and never answers."""

    def __init__(self):
        self._door = socket.create_server(("127.0.0.1", 0), backlog=200)
        self.address = f"http://127.0.0.1:{self._door.getsockname()[1]}"
        self.taken = []
        """One for each connection."""
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self):
        with contextlib.suppress(OSError):
            while True:
                self.taken.append(self._door.accept()[0])

    def close(self):
        self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()
        for connection in self.taken:
            connection.close()


@pytest.fixture
def tar_pit(monkeypatch):
    """With little patience for it."""
    monkeypatch.setattr(storage, "READ_S", 0.5)
    monkeypatch.setattr(storage, "CONNECT_S", 0.5)
    monkeypatch.setitem(gdal._REMOTE_OPTIONS, "GDAL_HTTP_TIMEOUT", 0.5)
    storage.client.cache_clear()
    pit = TarPit()
    yield pit
    pit.close()
    storage.client.cache_clear()


@pytest.fixture(autouse=True)
def _nothing_seen():
    forget_revisions()


@pytest.fixture
def opens(monkeypatch):
    """Which files are opened."""
    seen = []
    real = ranges.read_start

    def spy(href, name):
        seen.append(os.path.basename(href))  # noqa: PTH119
        return real(href, name)

    monkeypatch.setattr(ranges, "read_start", spy)
    return seen


@pytest.fixture
def three(tmp_path, monkeypatch):
    """Three overlapping squares, 1 above 2 above 3; the first alone tells what the mosaic is of."""
    monkeypatch.setattr(mosaic, "_FIRST_TRIES", 1)
    square(tmp_path, "a.tif", 1, (0, 0, 10, 10))
    square(tmp_path, "b.tif", 2, (5, 0, 15, 10))
    square(tmp_path, "c.tif", 3, (0, 5, 15, 20))
    return write_mosaic(tmp_path / "mosaic.json", ["a.tif", "b.tif", "c.tif"], zoom=3)
