"""Stopping: work that nobody waits for any more, or that has no more time, ends at the next place that asks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from math import inf


class Stopped(Exception):
    """Nobody waits for the answer any more, or it would take longer than it may."""


class Stop:
    """Whether some work is to end."""

    is_wanted = False

    def __init__(self, longest_s: float = inf) -> None:
        self.is_brief = longest_s < inf
        """Whether the work may neither wait nor take longer than that: it is done again at leisure then."""
        self._until = time.perf_counter() + longest_s

    @property
    def is_over(self) -> bool:
        """Whether the work is to end now."""
        return self.is_wanted or (self.is_brief and time.perf_counter() > self._until)


_stop: ContextVar[Stop | None] = ContextVar("stop", default=None)


@contextmanager
def stoppable(stop: Stop) -> Iterator[None]:
    """Within, `check` ends the work of this context once the stop is wanted."""
    token = _stop.set(stop)
    try:
        yield
    finally:
        _stop.reset(token)


def check() -> None:
    """Raises `Stopped` where nobody waits for the answer any more, or where it has taken longer than it may.

    Called between the assets of a mosaic and between the blocks of a large read; never inside what other work may wait
    for as well.
    """
    stop = _stop.get()
    if stop is not None and stop.is_over:
        raise Stopped


def needs_time() -> None:
    """Raises `Stopped` where work may neither wait nor take long.

    Called before what waits for the network or another thread, what decodes, and what fills large arrays.
    """
    stop = _stop.get()
    if stop is not None and stop.is_brief:
        raise Stopped
