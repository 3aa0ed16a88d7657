"""Encoded tiles in memory: answered, and confirmed with 304, before a request is routed."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

_FRESH_S = 1.0  # for which a tag is believed without asking what the tile depends on
_MAX_REQUESTS = 20_000  # of which the tag is remembered
_LONGEST = 1_000  # path, query and `Accept` together: nobody may fill the memory with them
_OVERHEAD_BYTES = 1_000  # of one entry beside its body

Request = tuple[str, bytes, bytes]
"""Path, query and `Accept`: what decides which tile is meant."""


@dataclass(frozen=True)
class Encoded:
    """An answer as it is sent."""

    body: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    """Lower-case names, `etag` among them."""
    tag: str


def request_of(scope: Scope) -> Request:
    """What decides the answer to a request for data."""
    accept = b",".join([value for name, value in scope["headers"] if name == b"accept"])
    return scope["path"], scope["query_string"], accept


class TileCache:
    """Answers by their tags, the least lately used dropped first. Safe in any thread.

    A tag covers the revision of the data, so answers need no removal when data change: they are not asked for again.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        """0 keeps nothing."""
        self._lock = threading.Lock()
        self._answers: OrderedDict[str, Encoded] = OrderedDict()
        self._bytes = 0
        self._tags: OrderedDict[Request, tuple[float, str]] = OrderedDict()

    def __getitem__(self, tag: str) -> Encoded | None:
        with self._lock:
            found = self._answers.get(tag)
            if found is not None:
                self._answers.move_to_end(tag)
            return found

    def put(self, answer: Encoded) -> None:
        """Keep an answer."""
        size = len(answer.body) + _OVERHEAD_BYTES
        if size > self.max_bytes // 8:
            return
        with self._lock:
            if answer.tag not in self._answers:
                self._answers[answer.tag] = answer
                self._bytes += size
            while self._bytes > self.max_bytes:
                _, dropped = self._answers.popitem(last=False)
                self._bytes -= len(dropped.body) + _OVERHEAD_BYTES

    def remember(self, request: Request, tag: str) -> None:
        """That a request's answer has that tag just now."""
        if sum(map(len, request)) > _LONGEST:
            return
        with self._lock:
            self._tags[request] = time.monotonic() + _FRESH_S, tag
            self._tags.move_to_end(request)
            while len(self._tags) > _MAX_REQUESTS:
                self._tags.popitem(last=False)

    def recall(self, request: Request) -> Encoded | None:
        """The answer to a request whose tag was worked out within the last second, if it is kept."""
        with self._lock:
            until, tag = self._tags.get(request, (0.0, ""))
        return self[tag] if time.monotonic() < until else None


class CachedTiles:
    """Answers from the cache, before routing."""

    def __init__(self, app: ASGIApp, cache: TileCache) -> None:
        self.app = app
        self.cache = cache

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what is kept; pass everything else on."""
        may_have = self.cache.max_bytes and scope["type"] == "http" and scope["method"] in {"GET", "HEAD"}
        found = self.cache.recall(request_of(scope)) if may_have and is_tile(scope["path"]) else None
        if found is None:
            await self.app(scope, receive, send)
            return
        if is_known(Headers(scope=scope), found.tag):
            kept = [(name, value) for name, value in found.headers if name not in {b"content-length", b"content-type"}]
            await send({"type": "http.response.start", "status": 304, "headers": kept})
            await send({"type": "http.response.body", "body": b""})
            return
        await send({"type": "http.response.start", "status": 200, "headers": list(found.headers)})
        await send({"type": "http.response.body", "body": found.body if scope["method"] == "GET" else b""})


def is_known(headers: Headers, tag: str) -> bool:
    """Whether the client has what it would get (RFC 9110, 13.1.2; weak comparison)."""
    given = ",".join(headers.getlist("if-none-match"))
    known = {part.strip().removeprefix("W/") for part in given.split(",")}
    return tag in known or "*" in known


def is_tile(path: str) -> bool:
    """Whether a path is that of an answer that is kept."""
    return "/tiles/" in path
