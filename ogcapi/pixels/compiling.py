"""Where compiled loops are kept, and the program that compiles them: its memory, several hundred MB, ends with it.

numba keeps what it compiles as pickles, which may run anything when they are read: a folder that others may write to is
not used.
"""

from __future__ import annotations

import hashlib
import importlib
import logging
import os
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import llvmlite.binding
import numba

if sys.platform != "win32":
    import fcntl

logger = logging.getLogger("ogcapi.compiled")

PACKAGE = Path(__file__).parent
"""All code that loops are made of."""
Loop = tuple[Any, tuple[str, ...]]
"""numba's function, and the argument types that it is for."""
_KEPT = 5  # folders: those of other versions, environments and kinds of processors that were used last
_PATIENCE_S = 300.0  # for another process that compiles the same
_LIMIT_S = 600.0  # for those that compile


def compile_loops(loops: list[Loop], folder: Path | None) -> None:
    """Compile those loops, or load what is kept in a folder, and keep there what is not; None keeps nothing.

    Each is taken from the list when it is done.
    """
    if folder is not None:
        numba.config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]
    while loops:
        made, signatures = loops[-1]
        if folder is not None:
            with suppress(RuntimeError):  # numba may not write there
                made.enable_caching()
        for signature in signatures:
            made.compile(signature)
        made.disable_compile()
        loops.pop()  # last, for others go on without waiting once nothing is left


def compiled_folder(folder: Path, processes: int = 1) -> Path | None:
    """The folder of all compiled loops within that folder; where there is none yet, processes of their own make it.

    None: nothing can be kept there, or nothing be made.
    """
    try:
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        if not is_own(folder):
            logger.warning("%s is not used: others may write to it, or it is another user's", folder)
            return None
        made = folder / f"loops-{_digest()}"
        if not made.is_dir():
            with _alone(folder / "lock"):
                if not made.is_dir() and not _make(made, processes):
                    return None
        os.utime(made)
    except OSError as error:
        logger.warning("No compiled loops can be kept in %s: %s", folder, error.strerror)
        return None
    return made


def is_own(folder: Path) -> bool:
    """Whether nobody but this user and the administrator may put something into a folder, or another in its place."""
    if not hasattr(os, "getuid"):
        return True  # where temporary folders are each user's own
    owners = {0, os.getuid()}
    own, around = folder.lstat(), folder.parent.stat()
    return (
        {own.st_uid, around.st_uid, folder.parent.lstat().st_uid} <= owners
        and stat.S_ISDIR(own.st_mode)
        and not own.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        and (not around.st_mode & stat.S_IWOTH or bool(around.st_mode & stat.S_ISVTX))
    )


def _digest() -> str:
    """Of all that decides whether numba takes what it kept: where the code is, when it was written, what runs it."""
    parts = [
        str(PACKAGE),
        numba.__version__,
        str(sys.implementation.cache_tag),
        llvmlite.binding.get_host_cpu_name(),
        llvmlite.binding.get_host_cpu_features().flatten(),
    ]
    for path in sorted(PACKAGE.glob("*.py")):
        # numba looks at the file of a loop alone, not at those that its parts come from
        parts += [path.name, str(path.stat().st_mtime_ns), hashlib.sha256(path.read_bytes()).hexdigest()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """While no other process is in here; the lock of one that ends, however it does, is open."""
    if sys.platform == "win32":
        yield  # each compiles for itself, and the first one's is kept
        return
    with path.open("w") as file:
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(0.1)
            except OSError:  # a file system without locks
                break
            else:
                break
        yield


def _make(made: Path, processes: int) -> bool:
    """Compile all loops into a folder, which is there once it is complete; whether that is so."""
    logger.info("Compiling the loops that make pixels: once, about half a minute.")
    started = time.monotonic()
    with TemporaryDirectory(prefix="making-", dir=made.parent) as temporary:
        place = Path(temporary) / "loops"
        place.mkdir(mode=0o700)
        fault = _compile_apart(place, Path(temporary) / "errors", processes)
        if fault is not None:
            logger.warning("The loops are compiled by this process, and not kept: %s", fault)
            return False
        with suppress(OSError):  # another process was first
            place.rename(made)
    _tidy(made.parent)
    logger.info("Compiled in %.0f s.", time.monotonic() - started)
    return made.is_dir()


def _compile_apart(place: Path, errors: Path, processes: int) -> str | None:
    """What went wrong while other processes compiled all loops into a folder."""
    search = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path)
    children: list[subprocess.Popen[bytes]] = []
    try:
        with errors.open("wb") as file:
            for number in range(processes):
                command = [sys.executable, "-P", "-m", __spec__.name, str(place), str(number), str(processes)]
                environment = {**os.environ, "PYTHONPATH": search}
                children.append(
                    subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=file, stderr=file)
                )
            ended = [child.wait(_LIMIT_S) for child in children]
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    finally:
        for child in children:
            child.kill()
            child.wait()
    if not any(ended):
        return None
    lines = errors.read_text(errors="replace").split("\n")
    return next((line for line in reversed(lines) if line.strip()), f"ended with {ended}")


def _tidy(folder: Path) -> None:
    """Remove what has not been used for long."""
    unused = sorted(folder.glob("loops-*"), key=_used_at, reverse=True)[_KEPT:]
    unused += [path for path in folder.glob("making-*") if _used_at(path) < time.time() - 2 * _LIMIT_S]
    for path in unused:
        shutil.rmtree(path, ignore_errors=True)


def _used_at(path: Path) -> float:
    with suppress(OSError):
        return path.stat().st_mtime
    return 0.0


def _main(folder: str, number: str, processes: str) -> None:
    """Compile into a folder one of so many shares of all loops that the package has."""
    from ogcapi.pixels.compiled import registered  # noqa: PLC0415 - that imports this

    for path in sorted(PACKAGE.glob("*.py")):
        if "\n@kernel" in path.read_text("utf-8"):
            importlib.import_module(f"ogcapi.pixels.{path.stem}")
    compile_loops(list(registered()[int(number) :: int(processes)]), Path(folder))


if __name__ == "__main__":
    _main(*sys.argv[1:])
