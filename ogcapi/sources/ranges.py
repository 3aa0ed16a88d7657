"""Byte ranges of files: local paths, http(s) addresses, objects in stores. All of one revision, or an error."""

from __future__ import annotations

import os
import stat
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

import httpx
import obstore
from obstore.exceptions import BaseError

from ogcapi.model.problem import SourceFailed
from ogcapi.model.stop import needs_time
from ogcapi.sources import hosts, storage

Span = tuple[int, int]
"""(offset, length) in bytes."""
START_BYTES = 1 << 16
"""Read of a file's beginning at once: the header of most files."""

LIMIT_S = 20.0
"""How long the ranges of one call may take, attempts and waits together."""

_GAP_BYTES = 1 << 16  # read and thrown away rather than asked for on its own
_REQUEST_BYTES = 8 << 20  # ranges are not merged beyond this
_WAITS_S = (0.2, 0.8)  # before the second and the third attempt
_AT_ONCE = 16  # requests of the process
_DESCRIPTORS = 128  # local files kept open
_SETTLED_NS = 25_000_000  # clocks of file systems tick in up to 10 ms: within a tick, another change leaves no trace
_TRUNCATED = "it ends before its own cells do; it may be truncated"
_TRANSIENT = {408, 425, 429, 500, 502, 503, 504}


class Changed(SourceFailed):
    """A file is no longer the one whose header was read: what was kept of it is void, and reading may start again."""

    def __init__(self, asset: str) -> None:
        super().__init__(asset, "it changed while it was read")


class _Transient(Exception):
    """A failure that may not happen again; its text is the reason."""


@dataclass(frozen=True, kw_only=True)
class Start:
    """The beginning of a file."""

    revision: str
    """Of the file, as `read_ranges` wants it."""
    size: int
    """Of the whole file, in bytes."""
    content: bytes
    """Fewer bytes than were asked for only where the file has no more."""


def settled_revision(href: str) -> str:
    """The same, once a local file has not changed for so long that no later change can go unnoticed."""
    if not storage.is_remote(href):
        try:
            age_ns = time.time_ns() - os.stat(href).st_mtime_ns  # noqa: PTH116
        except (OSError, ValueError):
            return storage.ABSENT
        if 0 <= age_ns < _SETTLED_NS:
            time.sleep((_SETTLED_NS - age_ns) / 1e9)
    return storage.revision(href)


def read_start(href: str, name: str = "", length: int = START_BYTES) -> Start:
    """The file's first bytes, by one request. `name` is what problems call it.

    Raises `SourceFailed`; `Changed` while a local file is being written.
    """
    name = name or storage.public_name(href)
    if not storage.is_remote(href):
        return _local_start(href, name, length)
    answer = _asked(href, 0, length, name, time.monotonic() + LIMIT_S)
    storage.note_revision(href, answer.revision)
    return Start(revision=answer.revision, size=answer.size, content=answer.content)


def read_ranges(href: str, revision: str, spans: Sequence[Span], name: str = "") -> list[bytes]:
    """The bytes of each span, in order, all of that revision of the file. Near ones are asked for together.

    Raises `Changed` where the file has another revision by now, `SourceFailed` where it cannot be read, or ends
    before a span does.
    """
    name = name or storage.public_name(href)
    if not storage.is_remote(href):
        return _local_ranges(href, revision, spans, name)
    needs_time()
    size = revision.rpartition("-")[2]
    if size.isdecimal() and any(offset + length > int(size) for offset, length in spans):
        raise SourceFailed(name, _TRUNCATED)
    deadline = time.monotonic() + LIMIT_S
    requests = merged(spans)

    def asked(request: tuple[int, int, list[int]]) -> bytes:
        start, stop, _ = request
        answer = _asked(href, start, stop - start, name, deadline, revision)
        if len(answer.content) < stop - start:
            raise SourceFailed(name, _TRUNCATED)
        return answer.content

    contents = [asked(requests[0])] if len(requests) == 1 else list(_pool().map(asked, requests))
    if requests:
        storage.note_revision(href, revision)
    found: list[bytes] = [b""] * len(spans)
    for (start, _, places), content in zip(requests, contents, strict=True):
        for place in places:
            offset, length = spans[place]
            found[place] = content[offset - start : offset - start + length]
    return found


def merged(spans: Sequence[Span]) -> list[tuple[int, int, list[int]]]:
    """(start, stop, places of the spans in it) of each request that gets all of them."""
    requests: list[tuple[int, int, list[int]]] = []
    for place in sorted((i for i, (_, length) in enumerate(spans) if length), key=lambda i: spans[i]):
        start, length = spans[place]
        stop = start + length
        if requests:
            first, last, places = requests[-1]
            if start - last <= _GAP_BYTES and max(last, stop) - first <= _REQUEST_BYTES:
                requests[-1] = (first, max(last, stop), [*places, place])
                continue
        requests.append((start, stop, [place]))
    return requests


class _Descriptor:
    """An open local file; closed when nobody holds it any more."""

    def __init__(self, path: str) -> None:
        self.number = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0))
        told = os.fstat(self.number)
        self.is_file, self.is_folder = stat.S_ISREG(told.st_mode), stat.S_ISDIR(told.st_mode)
        self.revision = storage.file_revision(told)
        self.size = told.st_size
        self._lock = threading.Lock()

    def __del__(self) -> None:
        if hasattr(self, "number"):
            os.close(self.number)

    def read(self, offset: int, length: int) -> bytes:
        """Fewer bytes than asked for only at the end of the file."""
        pieces = []
        while length > 0:
            piece = self._piece(offset, length)
            if not piece:
                break
            pieces.append(piece)
            offset, length = offset + len(piece), length - len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _piece(self, offset: int, length: int) -> bytes:
        if hasattr(os, "pread"):
            return os.pread(self.number, length, offset)
        with self._lock:
            os.lseek(self.number, offset, os.SEEK_SET)
            return os.read(self.number, length)


_descriptors: OrderedDict[str, _Descriptor] = OrderedDict()
_descriptors_lock = threading.Lock()


def _descriptor(href: str, revision: str | None, name: str) -> _Descriptor:
    """The file, open, in that revision (None: as it is). Raises `Changed`, `SourceFailed`."""
    if revision is not None:
        with _descriptors_lock:
            known = _descriptors.get(href)
            if known is not None and known.revision == revision:
                _descriptors.move_to_end(href)
                return known
    try:
        opened = _Descriptor(href)
    except FileNotFoundError as error:
        raise SourceFailed(name, "there is no such file") from error
    except (OSError, ValueError) as error:
        raise SourceFailed(name, f"it could not be opened ({getattr(error, 'strerror', None) or error})") from error
    if revision is not None and opened.revision != revision:
        raise Changed(name)
    with _descriptors_lock:
        _descriptors[href] = opened
        _descriptors.move_to_end(href)
        surplus = [_descriptors.popitem(last=False) for _ in range(len(_descriptors) - _DESCRIPTORS)]
    del surplus  # closed outside the lock
    return opened


def close_files() -> None:
    """Close every local file that is kept open."""
    with _descriptors_lock:
        known = dict(_descriptors)
        _descriptors.clear()
    known.clear()


def _local_start(href: str, name: str, length: int) -> Start:
    settled_revision(href)
    opened = _descriptor(href, None, name)
    if not (opened.is_file or opened.is_folder):  # a pipe has no end that GDAL could wait for
        raise SourceFailed(name, "it is neither a file nor a folder")
    if opened.is_folder:
        return Start(revision=opened.revision, size=0, content=b"")
    (content,) = _local_ranges(href, opened.revision, [(0, min(length, opened.size))], name)
    return Start(revision=opened.revision, size=opened.size, content=bytes(content))


def _local_ranges(href: str, revision: str, spans: Sequence[Span], name: str) -> list[bytes]:
    opened = _descriptor(href, revision, name)
    found: list[bytes] = []
    is_short = False
    try:
        for offset, length in spans:
            is_short = is_short or offset + length > opened.size
            if is_short:  # before memory is asked for
                break
            content = opened.read(offset, length)
            is_short = len(content) < length
            found.append(content)
        now = storage.file_revision(os.stat(href))  # noqa: PTH116 - for each read: no Path is made
    except FileNotFoundError as error:
        raise Changed(name) from error
    except OSError as error:
        raise SourceFailed(name, f"it could not be read ({error.strerror})") from error
    if now != revision:  # before the bytes are used: they may be those of two files
        raise Changed(name)
    if is_short:
        raise SourceFailed(name, _TRUNCATED)
    return found


@dataclass(frozen=True, kw_only=True)
class _Answer:
    content: bytes
    revision: str
    size: int


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="ranges")


def _asked(href: str, offset: int, length: int, name: str, deadline: float, revision: str | None = None) -> _Answer:
    """What the server answers, asked again where that may help. Raises `Changed`, `SourceFailed`."""
    ask: Callable[[str, int, int, float], _Answer] = (
        _web_answer if urlsplit(href).scheme in storage.WEB_SCHEMES else _store_answer
    )
    reason = "it could not be reached in time"
    for wait_s in (*_WAITS_S, None):
        if time.monotonic() >= deadline:
            break
        if hosts.is_silent(href):
            reason = "it could not be reached"
            break
        try:
            answer = ask(href, offset, length, deadline)
            if revision is not None and answer.revision != revision:
                storage.note_revision(href, answer.revision)
                raise Changed(name)
            if len(answer.content) >= min(length, answer.size - offset):
                return answer
            reason = "its server sent less than it said"
        except _Refused as error:
            raise SourceFailed(name, str(error)) from error
        except _Transient as error:
            reason = str(error)
        if wait_s is None or time.monotonic() + wait_s >= deadline:
            break
        time.sleep(wait_s)
    raise SourceFailed(name, reason)


class _Refused(Exception):
    """A failure that will happen again; its text is the reason."""


def _web_answer(href: str, offset: int, length: int, deadline: float) -> _Answer:
    left_s = max(0.1, deadline - time.monotonic())
    timeout = httpx.Timeout(min(storage.READ_S, left_s), connect=min(storage.CONNECT_S, left_s))
    asked = {"Range": f"bytes={offset}-{offset + length - 1}", "Accept-Encoding": "identity"}
    content = bytearray()
    asked_at = time.monotonic()
    try:
        with storage.client().stream("GET", href, headers=asked, timeout=timeout) as answer:
            hosts.answered(href)
            _check(answer)
            revision = storage.web_revision(answer.headers)
            if answer.status_code == 416:  # nothing there: the file is shorter
                size = answer.headers.get("content-range", "").rpartition("/")[2]
                return _Answer(content=b"", revision=revision, size=int(size) if size.isdecimal() else 0)
            first, size = _content_range(answer.headers.get("content-range", ""))
            if first != offset:
                raise _Refused("its server gives other bytes than asked for")
            for piece in answer.iter_raw():
                content += piece
                if len(content) >= length:
                    break
                if time.monotonic() > deadline:
                    raise _Transient("its server is too slow")
    except httpx.TimeoutException as error:
        hosts.fell_silent(href, asked_at)
        raise _Transient("its server is too slow") from error
    except httpx.ConnectError as error:
        hosts.fell_silent(href, asked_at)
        raise _Transient(f"it could not be reached ({type(error).__name__})") from error
    except httpx.TransportError as error:
        raise _Transient(f"its server could not be reached ({type(error).__name__})") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _Refused(f"its server could not be reached ({type(error).__name__})") from error
    return _Answer(content=bytes(content[:length]), revision=revision, size=size)


def _check(answer: httpx.Response) -> None:
    """Whether an answer has part of a file, or says that there is none."""
    if answer.status_code in _TRANSIENT:
        raise _Transient(f"its server answered {answer.status_code}")
    if answer.status_code == 200:
        raise _Refused("its server gives no byte ranges")
    if answer.status_code not in {206, 416}:
        raise _Refused(f"its server answered {answer.status_code}")


def _content_range(text: str) -> tuple[int, int]:
    """First byte and size of the whole, as `Content-Range` tells them."""
    span, _, size = text.removeprefix("bytes").strip().partition("/")
    first = span.partition("-")[0]
    if not (first.isdecimal() and size.isdecimal()):
        raise _Refused("its server does not say which bytes it gives")
    return int(first), int(size)


def _store_answer(href: str, offset: int, length: int, deadline: float) -> _Answer:  # noqa: ARG001 - has its own limits
    try:
        answer = obstore.get(*storage.stored_object(href), options={"range": (offset, offset + length)})
        meta = answer.meta
        content = bytes(answer.bytes())
    except FileNotFoundError as error:
        raise _Refused("there is no such object") from error
    except (BaseError, OSError, ValueError) as error:
        raise _Transient(f"it could not be read from its store ({type(error).__name__})") from error
    return _Answer(content=content, revision=storage.store_revision(meta), size=meta["size"])
