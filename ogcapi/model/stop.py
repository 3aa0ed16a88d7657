"""Stopping: work whose client has gone away ends at the next place that asks."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class Stopped(Exception):
    """Nobody waits for the answer any more."""


_stop: ContextVar[threading.Event | None] = ContextVar("stop", default=None)


@contextmanager
def stoppable(stop: threading.Event) -> Iterator[None]:
    """Within, `check` ends the work of this context once the event is set."""
    token = _stop.set(stop)
    try:
        yield
    finally:
        _stop.reset(token)


def check() -> None:
    """Raises `Stopped` where nobody waits for the answer any more; called between the assets of a mosaic."""
    stop = _stop.get()
    if stop is not None and stop.is_set():
        raise Stopped
