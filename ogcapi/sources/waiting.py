"""Waiting for remote files beside the work at hand, and no longer than a whole read may take."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextvars import copy_context
from functools import lru_cache
from types import TracebackType
from typing import Any, TypeVar

from ogcapi.model.problem import SourceFailed
from ogcapi.model.stop import needs_time

AHEAD = 4
"""Remote files that are opened while another one before them is read."""

_THREADS = 64  # of the process; each keeps its transformations, which are dear to make
_T = TypeVar("_T")


@lru_cache(maxsize=1)
def threads() -> ThreadPoolExecutor:
    """Those that wait, of all reads of the process."""
    return ThreadPoolExecutor(_THREADS, "waiting")


class Waiting:
    """What one read has begun beside itself: threads wait for remote files, and it for them until its time is up.

    What they are still at by then comes to its end by itself, by the timeouts of connections, and nobody gets it.
    """

    def __init__(self, longest_s: float) -> None:
        self._longest_s = longest_s
        self._until = time.monotonic() + longest_s
        self._begun: list[Future[Any]] = []

    def __enter__(self) -> Waiting:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for begun in self._begun:
            begun.cancel()

    def start(self, act: Callable[[], _T]) -> Future[_T]:
        """Begin something that may have to wait; nothing begins once the time is up."""
        needs_time()
        begun: Future[_T] = Future()
        if time.monotonic() < self._until:
            begun = threads().submit(copy_context().run, act)
            self._begun.append(begun)
        else:
            begun.cancel()
        return begun

    def result(self, begun: Future[_T], name: str) -> _T:
        """What came of it. Raises what it raised, or `SourceFailed` of that name when the time is up."""
        try:
            return begun.result(max(0.0, self._until - time.monotonic()))
        except (TimeoutError, CancelledError) as error:
            raise SourceFailed(name, f"it did not come within {self._longest_s:g} seconds of the whole read") from error
