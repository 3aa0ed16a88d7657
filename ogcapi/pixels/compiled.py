"""How loops are compiled: for named types only, without Python's lock, and kept on disk for the next start."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numba

_PACKAGE = Path(__file__).parent

_registered: list[tuple[Any, tuple[str, ...]]] = []
_lock = threading.Lock()


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


def _digest() -> str:
    """Of all code that loops may be made of."""
    return hashlib.sha256(b"".join(path.read_bytes() for path in sorted(_PACKAGE.glob("*.py")))).hexdigest()[:16]


def warm(folder: Path | None = None) -> None:
    """Compile all loops that are not compiled yet, or load what an earlier start left in the folder.

    None is beside this module. A folder that cannot be written costs the compilation, nothing else.
    """
    with _lock:
        if not _registered:
            return
        # numba looks whether the file of a loop has changed, but not those that its parts come from
        folder = (_PACKAGE / "__pycache__" if folder is None else folder) / f"loops-{_digest()}"
        numba.config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]
        while _registered:
            made, signatures = _registered[-1]
            with suppress(RuntimeError):  # numba found no folder that it may write
                made.enable_caching()
            for signature in signatures:
                made.compile(signature)
            made.disable_compile()
            _registered.pop()  # last, for others go on without waiting once nothing is left
