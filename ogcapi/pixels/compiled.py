"""How loops are compiled: for named types only, without Python's lock, and kept on disk for the next start."""

from __future__ import annotations

import pickle
import shutil
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numba

from ogcapi.pixels.compiling import PACKAGE, Loop, compile_loops, compiled_folder, logger

_DAMAGED = (EOFError, OSError, ValueError, pickle.UnpicklingError)  # what numba raises of files that are not whole

_registered: list[Loop] = []
_lock = threading.Lock()
_folders: list[Path] = [PACKAGE / "__pycache__"]  # the last one counts


def kernel(*signatures: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A loop that `warm`, or else its first call, compiles for those argument types, and never for others."""

    def register(loop: Callable[..., Any]) -> Callable[..., Any]:
        made = numba.njit(nogil=True, error_model="numpy")(loop)
        _registered.append((made, signatures))

        def call(*arguments: Any) -> Any:
            if _registered:
                warm()
            return made(*arguments)

        return call

    return register


def registered() -> Sequence[Loop]:
    """The loops that are not compiled yet."""
    return tuple(_registered)


def warm(folder: Path | None = None, processes: int = 1) -> None:
    """Load all loops that are not loaded yet, which so many processes compile where none has done it before.

    They are kept in the folder, also for loops that are imported later; None is that of the last time, else beside this
    module. A folder that cannot be written, or that others may write to, costs the compilation, nothing else.
    """
    with _lock:
        if not _registered:
            return
        if folder is not None:
            _folders.append(folder)
        kept = compiled_folder(_folders[-1], processes)
        try:
            compile_loops(_registered, kept)
        except _DAMAGED as error:
            if kept is None:
                raise
            logger.warning("The compiled loops in %s are damaged: %r", kept, error)
            shutil.rmtree(kept, ignore_errors=True)
            compile_loops(_registered, compiled_folder(_folders[-1], processes))
