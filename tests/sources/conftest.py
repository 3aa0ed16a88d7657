"""Fixtures of tests of sources."""

import http.server
import os
import threading
from functools import partial

import pytest

from ogcapi.sources import storage


class Handler(http.server.SimpleHTTPRequestHandler):
    """Files of a folder, with byte ranges and ETags; redirects and refusals by name."""

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        if "signed" in self.path:
            self.send_error(403)
        else:
            self.answer(with_body=False)

    def do_GET(self):
        if self.path.startswith("/elsewhere"):
            self.send_response(302)
            self.send_header("Location", "ftp://host/a" if "ftp" in self.path else "/a.txt")
            self.end_headers()
            return
        self.answer(with_body=True)

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


@pytest.fixture
def site(tmp_path):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=tmp_path))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def _nothing_seen():
    storage.forget_revisions()
