"""Stopping: work that nobody waits for any more ends at the next place that asks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class Stopped(Exception):
    """Nobody waits for the answer any more."""


class Stop:
    """Whether some work is to end."""

    is_wanted = False


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
    """Raises `Stopped` where nobody waits for the answer any more.

    Called between the assets of a mosaic and between the blocks of a large read; never inside what other work may wait
    for as well.
    """
    stop = _stop.get()
    if stop is not None and stop.is_wanted:
        raise Stopped
