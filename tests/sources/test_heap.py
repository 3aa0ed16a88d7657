"""Threads take memory from one heap, and what is not needed is given back."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

SCRIPT = """
import ctypes, sys, threading
from ogcapi.sources.heap import share_heap
if sys.argv[1] == "shared":
    share_heap()
together = threading.Barrier(4)
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
def take():
    together.wait()
    libc.malloc(100_000)
    together.wait()
threads = [threading.Thread(target=take) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
libc.fdopen.restype = ctypes.c_void_p
stream = ctypes.c_void_p(libc.fdopen(1, b"w"))
libc.malloc_info(0, stream)
libc.fflush(stream)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have other heaps")
@pytest.mark.parametrize("how", ["shared", "own"])
def test_threads_share_one_heap_once_told_to(how):
    done = subprocess.run([sys.executable, "-c", SCRIPT, how], capture_output=True, text=True, check=True)
    assert (done.stdout.count("<heap nr=") == 1) == (how == "shared")


RELEASE = """
import re
import numba
from pathlib import Path
from ogcapi.sources.heap import release_code
def resident():
    maps = Path("/proc/self/smaps").read_text()
    return sum(int(kb) for kb in re.findall(r"r-xp [^\\n]*libllvmlite[^\\n]*\\n(?:Size|K)[^R]*Rss: *(\\d+) kB", maps))
twice = numba.njit("int64(int64)")(lambda x: 2 * x)
before = resident()
release_code("libllvmlite")
print(before, resident(), twice(21), numba.njit("int64(int64)")(lambda x: 3 * x)(14))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells where code lies")
def test_code_that_is_given_back_can_be_called_again():
    done = subprocess.run([sys.executable, "-c", RELEASE], capture_output=True, text=True, check=True)
    before, after, *results = map(int, done.stdout.split())
    assert after < before / 10
    assert results == [42, 42]
