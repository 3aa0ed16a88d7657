"""What is computed once and kept in a folder: small JSON values by what they were computed from."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ogcapi import __version__

log = logging.getLogger("ogcapi.kept")


def default_folder() -> Path:
    """A folder of this user's own: where caches belong in the home directory, else a temporary one."""
    for parent in (os.environ.get("XDG_CACHE_HOME"), Path.home() / ".cache" if _has_home() else None):
        if parent and os.access(parent, os.W_OK):
            return Path(parent) / "ogcapi"
    owner = os.getuid() if hasattr(os, "getuid") else "user"
    return Path(tempfile.gettempdir()) / f"ogcapi-{owner}"


def kept(folder: Path, key: str, make: Callable[[], tuple[Any, bool]]) -> Any:
    """The JSON value that was kept under a key, else the one that `make` returns; kept from now on if it says so.

    A folder that cannot be read or written costs the computation, nothing else.
    """
    name = hashlib.sha256(f"{__version__}\n{key}".encode()).hexdigest()[:32]
    path = folder / f"{name}.json"
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        value, is_final = make()
    if not is_final:
        return value
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=folder)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(value, file)
        Path(temporary).replace(path)  # so that no other process reads half a value
    except OSError as error:
        log.warning("Nothing can be kept in %s: %s", folder, error.strerror)
    return value


def _has_home() -> bool:
    try:
        Path.home()
    except RuntimeError:
        return False
    return True
