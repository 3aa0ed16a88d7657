"""A web server of byte ranges that takes a while for each answer.

python -m tests.benchmarks.slow_range FOLDER PORT MILLISECONDS
"""

from __future__ import annotations

import asyncio
import mmap
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.benchmarks.client import LOOP

Files = Mapping[str, bytes | mmap.mmap]
_RANGE = re.compile(rb"^range:\s*bytes=(\d*)-(\d*)", re.IGNORECASE | re.MULTILINE)


class Slow(asyncio.Protocol):
    """One connection, kept open; requests on it are answered in turn."""

    def __init__(self, files: Files, delay_s: float) -> None:
        self._files, self._delay_s = files, delay_s
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head, self._received = self._received[:end], self._received[end + 4 :]
            asyncio.get_running_loop().call_later(self._delay_s, self._answer, head)

    def _answer(self, head: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.writelines(answer(self._files, head))


def answer(files: Files, head: bytes) -> tuple[bytes, bytes]:
    """Head and body of the answer to a GET or HEAD."""
    method, target, _ = head.split(b"\r\n", 1)[0].split(b" ", 2)
    content = files.get(target.decode().strip("/"))
    if content is None:
        return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", b""
    status, told, body = b"200 OK", b"", memoryview(content)
    asked = _RANGE.search(head)
    if asked:
        first, last = asked.groups()
        start = int(first) if first else max(0, len(content) - int(last))
        end = min(int(last), len(content) - 1) if first and last else len(content) - 1
        if start > end:
            return b"HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\n\r\n", b""
        status, told = b"206 Partial Content", b"Content-Range: bytes %d-%d/%d\r\n" % (start, end, len(content))
        body = body[start : end + 1]
    lines = (
        b"HTTP/1.1 %s\r\nContent-Type: image/tiff\r\nAccept-Ranges: bytes\r\nContent-Length: %d\r\n"
        % (status, len(body))
        + told
        + b'ETag: "%x"\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n\r\n' % len(content)
    )
    return lines, b"" if method == b"HEAD" else bytes(body)


def _mapped(path: Path) -> mmap.mmap:
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


async def _serve(folder: Path, port: int, delay_s: float) -> None:
    files = {path.name: _mapped(path) for path in folder.glob("earth-*.tif")}
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Slow(files, delay_s), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=LOOP) as runner:
        runner.run(_serve(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]) / 1000))
