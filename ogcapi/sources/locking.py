"""Locks between processes, which end with the process that holds them."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

if sys.platform != "win32":
    import fcntl

_ATTEMPTS, _PAUSE_S = 5, 0.02  # whoever asks whether it is held holds it for a moment


@contextmanager
def locked(path: Path) -> Iterator[bool]:
    """Hold the lock of that file while within; False where another process holds it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("a") as file:
        yield any(_take(file, pause_s) for pause_s in (0.0, *[_PAUSE_S] * _ATTEMPTS))


def is_locked(path: Path) -> bool:
    """Whether a process holds the lock of that file."""
    if not path.exists():
        return False
    with path.open("a") as file:
        return not _take(file, 0.0)


def _take(file: IO[str], pause_s: float) -> bool:
    time.sleep(pause_s)
    if sys.platform == "win32":  # two processes may do the same work there
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
