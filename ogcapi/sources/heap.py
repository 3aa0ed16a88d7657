"""The heaps that threads take memory from."""

from __future__ import annotations

import ctypes
from contextlib import suppress

_ARENA_MAX = -8  # glibc's number of this option of mallopt


def share_heap() -> None:
    """Let all threads take memory from one heap, where the C library is glibc; to be called while there is one thread.

    Else each has its own, which keeps what it has once had: blocks that one thread decodes and another one drops leave
    holes everywhere, in the end as many as the cache of blocks has bytes. Loops and decoders do without Python's lock,
    but ask for memory once a block, so they do not wait for each other.
    """
    with suppress(OSError, TypeError, AttributeError):  # no such library, or no such function in it
        ctypes.CDLL(None).mallopt(_ARENA_MAX, 1)
