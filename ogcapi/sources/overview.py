"""The overview of a mosaic: one file that answers where a grid is coarser than it; which one is current.

In the folder of a mosaic lie the file, a small document that says what it was made of, and the blocks that it was made
of, so that those that have not changed need not be made again.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ogcapi.model.grid import BBox, Grid
from ogcapi.model.problem import SourceFailed
from ogcapi.model.raster import Resampling
from ogcapi.pixels.control import side
from ogcapi.sources.locking import is_locked
from ogcapi.sources.raster import FileSource, open_file

log = logging.getLogger("ogcapi.overviews")
_FINER = 1e-6  # relative: a grid this little finer than the overview is not


@dataclass(frozen=True, kw_only=True)
class OverviewRule:
    """What a collection's overview is to be, and where."""

    folder: Path
    """The mosaic's own."""
    assets: int
    """That 256 x 256 cells of it may touch at most."""
    resampling: Resampling | None = None
    """How stored cells become its cells; None: averages, and of classes the most frequent one."""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What an overview was made of."""

    key: str
    """The mosaic's revision, with the rule."""
    file: str
    """Name of the file in the same folder."""
    cells: tuple[int, int]
    """Columns and rows."""
    missing: tuple[tuple[str, tuple[tuple[float, float, float, float], ...]], ...]
    """Name of each asset that could not be read, and the boxes of the blocks that lack it."""

    def write(self, folder: Path) -> None:
        """Make it the one that counts, whatever happens meanwhile."""
        document = {"key": self.key, "file": self.file, "cells": self.cells, "missing": self.missing}
        temporary = folder / f"{_MANIFEST}.{os.getpid()}"
        temporary.write_text(json.dumps(document))
        temporary.replace(folder / _MANIFEST)


_MANIFEST = "overview.json"
LOCK = "lock"


def manifest_in(folder: Path) -> Manifest | None:
    """That of a mosaic's folder; None where there is none that can be read."""
    try:
        told = json.loads((folder / _MANIFEST).read_text())
        missing = tuple((name, tuple(tuple(box) for box in boxes)) for name, boxes in told["missing"])
        return Manifest(key=told["key"], file=told["file"], cells=tuple(told["cells"]), missing=missing)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def is_made(folder: Path, key: str, lacking_s: float = 0.0) -> bool:
    """Whether the overview of that key is there; one that lacks assets only counts for so many seconds."""
    manifest = manifest_in(folder)
    if manifest is None or manifest.key != key or not (folder / manifest.file).exists():
        return False
    return not manifest.missing or time.time() - (folder / _MANIFEST).stat().st_mtime < lacking_s


@dataclass(frozen=True, kw_only=True)
class _Current:
    source: FileSource
    manifest: Manifest


class Overview:
    """The overview that there is of a mosaic, if it is current. Safe in any thread."""

    def __init__(self, rule: OverviewRule) -> None:
        self.rule = rule
        self._current: _Current | None = None

    def look(self, key: str) -> None:
        """Take what lies in the folder if it is of that key; what is not current answers nothing."""
        manifest = manifest_in(self.rule.folder)
        if manifest is None or manifest.key != key:
            self._current = None
        elif self._current is None or self._current.manifest != manifest:
            try:
                source = open_file(str(self.rule.folder / manifest.file), name=manifest.file)
            except SourceFailed as error:
                log.warning("The overview %s cannot be read: %s", manifest.file, error.reason)
                self._current = None
            else:
                self._current = _Current(source=source, manifest=manifest)

    @property
    def is_current(self) -> bool:
        """Whether there is one that may answer."""
        return self._current is not None

    @property
    def is_coming(self) -> bool:
        """Whether one is being made."""
        folder = self.rule.folder
        return is_locked(folder / LOCK) or is_locked(folder.parent / LOCK)

    def answers(self, grid: Grid) -> FileSource | None:
        """The file, where no cell of the grid is smaller than those of the file."""
        current = self._current
        if current is None or not side(grid, current.source.geometry) >= 1 - _FINER:
            return None
        return current.source

    def missing(self, boxes: Sequence[BBox]) -> tuple[str, ...]:
        """The assets that it lacks in these boxes of its system."""
        current = self._current
        if current is None:
            return ()
        found = []
        for name, bounds in current.manifest.missing:
            lacking = (BBox(xmin=xmin, ymin=ymin, xmax=xmax, ymax=ymax) for xmin, ymin, xmax, ymax in bounds)
            if any(one.meets(box) for one in lacking for box in boxes):
                found.append(name)
        return tuple(found)


def remove(folder: Path) -> int:
    """Remove a mosaic's overview and all that it was made of; bytes that this freed."""
    freed = size(folder)
    for path in sorted(folder.rglob("*"), reverse=True):
        with suppress(OSError):
            path.rmdir() if path.is_dir() else path.unlink()
    with suppress(OSError):
        folder.rmdir()
    return freed


def size(folder: Path) -> int:
    """Bytes of all files of a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
