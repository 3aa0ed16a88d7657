"""The memory of the process: the heaps that threads take it from, and what is given back."""

from __future__ import annotations

import ctypes
from contextlib import suppress
from pathlib import Path

_ARENA_MAX = -8  # glibc's number of this option of mallopt
_DONT_NEED = 4  # Linux's number of this advice
_MAPS = Path("/proc/self/maps")


def share_heap() -> None:
    """Let all threads take memory from one heap, where the C library is glibc; to be called while there is one thread.

    Else each has its own, which keeps what it has once had: blocks that one thread decodes and another one drops leave
    holes everywhere, in the end as many as the cache of blocks has bytes. Loops and decoders do without Python's lock,
    but ask for memory once a block, so they do not wait for each other.
    """
    with suppress(OSError, TypeError, AttributeError):  # no such library, or no such function in it
        ctypes.CDLL(None).mallopt(_ARENA_MAX, 1)


def release_code(library: str) -> None:
    """Give back the memory that a library's code takes, where the system is Linux; what is called again is read again.

    The compiler of the loops has 50 MB of code, of which nothing is called once they are there.
    """
    with suppress(OSError, TypeError, AttributeError):  # as above, or no such list
        advise = ctypes.CDLL(None).madvise
        for line in _MAPS.read_bytes().split(b"\n"):
            place, _, rest = line.partition(b" ")
            if rest.startswith(b"r-xp") and b"/" + library.encode() in rest:
                start, stop = (int(edge, 16) for edge in place.split(b"-"))
                advise(ctypes.c_void_p(start), ctypes.c_size_t(stop - start), _DONT_NEED)
