"""A client that costs little: some connections that stay open, one request after the other on each."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

LOOP: Callable[[], asyncio.AbstractEventLoop] | None = None
"""What makes the event loop; None: Python's own."""
with contextlib.suppress(ImportError):
    import uvloop

    LOOP = uvloop.new_event_loop
HOST = "127.0.0.1"
_GIVE_UP_S = 60.0  # after the end of a run, until a request without answer counts as failed


@dataclass(frozen=True)
class Answer:
    """What a server answered."""

    status: int
    """0 where it closed the connection or said what is no HTTP."""
    body: bytes


@dataclass(kw_only=True)
class Outcome:
    """What a run measured."""

    latencies_s: list[float] = field(default_factory=list)
    bytes: int = 0
    """Of all bodies."""
    failures: int = 0
    seconds: float = 0.0
    """From the first request to the last answer."""
    answers: list[Answer] = field(default_factory=list)
    """In the order of the requests, where they are kept."""

    @property
    def count(self) -> int:
        """Answers, failures included."""
        return len(self.latencies_s)

    def add(self, latency_s: float, answer: Answer, size: int) -> None:
        """Count one answer."""
        self.latencies_s.append(latency_s)
        self.bytes += size
        self.failures += answer.status != 200

    def percentile_s(self, percent: float) -> float:
        """The latency that so many percent of the answers did not exceed."""
        ordered = sorted(self.latencies_s)
        return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] if ordered else 0.0


class Wire(Protocol):
    """How requests and answers look on a connection."""

    keeps: bool
    """Whether a connection serves one request after the other."""

    def request(self, path: str) -> bytes:
        """What to send."""
        ...

    def complete(self, received: bytes) -> tuple[int, int] | None:
        """Status and size of the body once all of an answer has come; None before."""
        ...

    def body(self, received: bytes) -> bytes:
        """The body of a complete answer."""
        ...


class Http:
    """HTTP/1.1 with `Content-Length`, as all servers here answer."""

    keeps = True

    def request(self, path: str) -> bytes:
        return f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nAccept: */*\r\n\r\n".encode()

    def complete(self, received: bytes) -> tuple[int, int] | None:
        end = received.find(b"\r\n\r\n")
        if end < 0:
            return None
        head = bytes(received[:end]).lower()
        place = head.find(b"content-length:")
        if place < 0:
            return 0, 0
        size = int(head[place + 15 :].split(b"\r", 1)[0])
        return (int(head[9:12]), size) if len(received) >= end + 4 + size else None

    def body(self, received: bytes) -> bytes:
        return bytes(received[received.find(b"\r\n\r\n") + 4 :])


class _Connection(asyncio.Protocol):
    """One request at a time; `settle` is told of each answer."""

    def __init__(self, wire: Wire) -> None:
        self.transport: asyncio.Transport | None = None
        self._wire = wire
        self._received = bytearray()
        self._waiting: asyncio.Future[tuple[int, int, bytes]] | None = None
        self._keep = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def ask(self, path: str, keep: bool) -> asyncio.Future[tuple[int, int, bytes]]:
        """Status, size and, if it is to be kept, body of the answer."""
        assert self.transport is not None
        self._keep = keep
        self._received.clear()
        self._waiting = asyncio.get_running_loop().create_future()
        self.transport.write(self._wire.request(path))
        return self._waiting

    def data_received(self, data: bytes) -> None:
        self._received += data
        found = self._wire.complete(self._received)  # type: ignore[arg-type]
        if found is not None:
            self._finish(*found)

    def _finish(self, status: int, size: int) -> None:
        if self._waiting is not None and not self._waiting.done():
            body = self._wire.body(self._received) if self._keep else b""  # type: ignore[arg-type]
            self._waiting.set_result((status, size, body))

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self._finish(0, 0)


def run(
    port: int,
    paths: Sequence[str],
    *,
    wire: Wire | None = None,
    connections: int = 4,
    seconds: float = float("inf"),
    count: int | None = None,
    first: int = 0,
    keep: bool = False,
) -> Outcome:
    """Ask for paths in turn, from number `first` on, again from the start after the last.

    Ends after so many seconds or requests (all of the paths, where neither is said); requests that were sent by then
    are waited for. `keep`: the answers, too.
    """
    if count is None:
        count = len(paths) if seconds == float("inf") else 10**9
    work = _run(port, paths, wire or Http(), connections, seconds, count, first, keep)
    with asyncio.Runner(loop_factory=LOOP) as runner:
        return runner.run(work)


async def _run(
    port: int, paths: Sequence[str], wire: Wire, connections: int, seconds: float, count: int, first: int, keep: bool
) -> Outcome:
    outcome = Outcome()
    kept: dict[int, Answer] = {}
    numbers = iter(range(first, first + count))
    start = time.perf_counter()
    loop = asyncio.get_running_loop()

    async def one() -> None:
        connection: _Connection | None = None
        while time.perf_counter() - start < seconds and (number := next(numbers, None)) is not None:
            asked = time.perf_counter()
            try:
                if connection is None or connection.transport is None or not wire.keeps:
                    _, connection = await loop.create_connection(lambda: _Connection(wire), HOST, port)
                left_s = _GIVE_UP_S + max(0.0, min(seconds, 3600) - (asked - start))
                status, size, body = await asyncio.wait_for(connection.ask(paths[number % len(paths)], keep), left_s)
            except (OSError, TimeoutError):
                status, size, body, connection = 0, 0, b"", None
            answer = Answer(status, body)
            outcome.add(time.perf_counter() - asked, answer, size)
            if keep:
                kept[number] = answer
            if status == 0 and connection is not None and connection.transport is not None:
                connection.transport.abort()
                connection = None
        if connection is not None and connection.transport is not None:
            connection.transport.close()

    await asyncio.gather(*(one() for _ in range(connections)))
    outcome.seconds = time.perf_counter() - start
    outcome.answers = [kept[number] for number in sorted(kept)]
    return outcome


def get(port: int, path: str, wire: Wire | None = None) -> Answer:
    """One answer."""
    return run(port, [path], wire=wire, connections=1, keep=True).answers[0]


Say = Callable[[str], None]
