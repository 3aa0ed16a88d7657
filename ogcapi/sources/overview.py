"""The overview of a mosaic: one file that answers where a grid is coarser than it; which one is current.

In the folder of a mosaic lie the file, a small document that says what it was made of, and the blocks that it was made
of, so that those that have not changed need not be made again.
"""

from __future__ import annotations

import json
import logging
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ogcapi.model.grid import BBox, Grid
from ogcapi.model.problem import SourceFailed
from ogcapi.model.raster import Resampling
from ogcapi.pixels.control import side
from ogcapi.sources import storage
from ogcapi.sources.locking import is_locked
from ogcapi.sources.raster import FileSource, open_file
from ogcapi.sources.reach import reach

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
        """Make it the one that counts. Raises OSError, and then the one before does."""
        document = {"key": self.key, "file": self.file, "cells": self.cells, "missing": self.missing}
        write_whole(folder / _MANIFEST, json.dumps(document).encode())


_MANIFEST = "overview.json"
LOCK = "lock"


def write_whole(path: Path, content: bytes) -> None:
    """A file that is there whole or not at all. Raises OSError."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
        raise


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
    try:
        age_s = time.time() - (folder / _MANIFEST).stat().st_mtime
        is_there = manifest is not None and manifest.key == key and (folder / manifest.file).exists()
    except OSError:  # it has just been removed
        return False
    return is_there and manifest is not None and (not manifest.missing or age_s < lacking_s)


@dataclass(frozen=True, kw_only=True, eq=False)
class Made:
    """An overview that there is."""

    source: FileSource
    manifest: Manifest

    def missing(self, grid: Grid) -> tuple[str, ...]:
        """The assets that it lacks on a grid."""
        if not self.manifest.missing:
            return ()
        boxes, found = reach(grid, self.source.storage_crs), []
        for name, bounds in self.manifest.missing:
            lacking = (BBox(xmin=xmin, ymin=ymin, xmax=xmax, ymax=ymax) for xmin, ymin, xmax, ymax in bounds)
            if any(one.meets(box) for one in lacking for box in boxes):
                found.append(name)
        return tuple(found)


class Overview:
    """The overview that there is of a mosaic, if it is current. Safe in any thread."""

    def __init__(self, rule: OverviewRule) -> None:
        self.rule = rule
        self.is_awaited = False
        """Whether somebody is about to make one."""
        self._current: Made | None = None

    def look(self, key: str) -> None:
        """Take what lies in the folder if it is of that key; what is not current answers nothing."""
        manifest, current = manifest_in(self.rule.folder), self._current
        if manifest is None or manifest.key != key:
            self._current = None
        elif current is None or current.manifest != manifest:
            try:
                source = open_file(str(self.rule.folder / manifest.file), name=manifest.file)
            except SourceFailed as error:
                log.warning("The overview %s cannot be read: %s", manifest.file, error.reason)
                self._current = None
            else:
                self._current = Made(source=source, manifest=manifest)

    @property
    def is_there(self) -> bool:
        """Whether there is one, of whatever key, or was one when last looked for."""
        return self._current is not None or manifest_in(self.rule.folder) is not None

    @property
    def is_current(self) -> bool:
        """Whether there is one that may answer."""
        return self._there is not None

    @property
    def _there(self) -> Made | None:
        """The one that may answer, whose file may have been removed."""
        current = self._current
        return None if current is None or current.source.revision() == storage.ABSENT else current

    @property
    def is_coming(self) -> bool:
        """Whether one is being made."""
        folder = self.rule.folder
        return self.is_awaited or is_locked(folder / LOCK) or is_locked(folder.parent / LOCK)

    def answers(self, grid: Grid) -> Made | None:
        """The overview, where no cell of the grid is smaller than those of its file."""
        there = self._there
        return there if there is not None and side(grid, there.source.geometry) >= 1 - _FINER else None

    def failed(self, made: Made, error: SourceFailed) -> None:
        """That one could not be read; it answers no more until it is looked for again."""
        log.warning("The overview %s cannot be read: %s", made.manifest.file, error.reason)
        if self._current is made:
            self._current = None


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
    total = 0
    for path in folder.rglob("*"):
        with suppress(OSError):  # what has just been removed has none
            total += path.stat().st_size if path.is_file() else 0
    return total
