"""The overview of a mosaic: one file that answers where a grid is coarser than it; which one is current.

In the folder of a mosaic lie the file, a small document that says what it was made of, and the blocks that it was made
of, so that those that have not changed need not be made again.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ogcapi.model.grid import Array, Grid
from ogcapi.model.problem import SourceFailed
from ogcapi.model.raster import Resampling
from ogcapi.pixels.control import side
from ogcapi.sources import storage
from ogcapi.sources.locking import is_locked
from ogcapi.sources.raster import FileSource, open_file
from ogcapi.sources.reach import reach

if TYPE_CHECKING:
    from shapely import STRtree

log = logging.getLogger("ogcapi.overviews")
_FINER = 1e-6  # relative: a grid this little finer than the overview is not
_MOST_DOUBLED = 6  # times
_BRIEF_S = 0.02  # that a look may take without any harm
_LOOK_SHARE = 50  # times as long as a longer one took, nobody looks again


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
    tries: int = 0
    """How often in a row it was made without some asset."""

    def write(self, folder: Path) -> None:
        """Make it the one that counts. Raises OSError, and then the one before does."""
        write_whole(folder / _MANIFEST, json.dumps(asdict(self)).encode())


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
        tries = int(told.get("tries", len(missing) > 0))
        return Manifest(key=told["key"], file=told["file"], cells=tuple(told["cells"]), missing=missing, tries=tries)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def is_made(folder: Path, key: str, lacking_s: float = 0.0) -> bool:
    """Whether the overview of that key is there.

    One that lacks assets only counts for so many seconds, and for twice as many after each time in a row.
    """
    manifest = manifest_in(folder)
    if manifest is None or manifest.key != key:
        return False
    try:
        age_s = time.time() - (folder / _MANIFEST).stat().st_mtime
        is_there = (folder / manifest.file).exists()
    except OSError:  # it has just been removed
        return False
    return is_there and (not manifest.missing or age_s < lacking_s * 2 ** min(manifest.tries - 1, _MOST_DOUBLED))


@dataclass(frozen=True, kw_only=True, eq=False)
class Made:
    """An overview that there is."""

    source: FileSource
    manifest: Manifest

    def missing(self, grid: Grid) -> tuple[str, ...]:
        """The assets that it lacks on a grid. However many it lacks elsewhere, that costs the same."""
        if not self.manifest.missing:
            return ()
        from shapely import box  # noqa: PLC0415 - memory: mostly nothing is missing

        tree, boxes, owners = self._lacking
        found = [np.empty(0, int)]
        for each in reach(grid, self.source.storage_crs):
            near = tree.query(box(*each.bounds))  # or at an edge
            xmin, ymin, xmax, ymax = boxes[near].T
            meets = (xmin < each.xmax) & (each.xmin < xmax) & (ymin < each.ymax) & (each.ymin < ymax)
            found.append(owners[near[meets]])
        return tuple(self.manifest.missing[owner][0] for owner in np.unique(np.concatenate(found)))

    @cached_property
    def _lacking(self) -> tuple[STRtree, Array, Array]:
        """The boxes of all blocks that lack an asset, as a tree and as (box, 4); and which asset."""
        from shapely import STRtree, box  # noqa: PLC0415

        boxes = np.array([bounds for _, of in self.manifest.missing for bounds in of])
        owners = np.repeat(np.arange(len(self.manifest.missing)), [len(of) for _, of in self.manifest.missing])
        return STRtree(box(*boxes.T)), boxes, owners


class Overview:
    """The overview that there is of a mosaic, if it is current. Safe in any thread."""

    def __init__(self, rule: OverviewRule) -> None:
        self.rule = rule
        self.is_awaited = False
        """Whether somebody is about to make one."""
        self._current: Made | None = None
        self._known: tuple[str, Manifest | None] = storage.ABSENT, None
        self._look_at = 0.0
        """Monotonic time before which nobody looks whom it takes long to tell the key."""

    def look(self, key: str) -> None:
        """Take what lies in the folder if it is of that key; what is not current answers nothing."""
        manifest, current = self._manifest(), self._current
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

    def look_again(self, key: Callable[[], str]) -> None:
        """The same with the key that this tells, if it is due: the less often, the longer it takes."""
        begin = time.monotonic()
        if begin >= self._look_at:
            self.look(key())
            took_s = time.monotonic() - begin
            self._look_at = begin + (_LOOK_SHARE * took_s if took_s > _BRIEF_S else 0)

    def _manifest(self) -> Manifest | None:
        revision = storage.revision(str(self.rule.folder / _MANIFEST))
        if revision == storage.ABSENT or revision != self._known[0]:
            self._known = revision, manifest_in(self.rule.folder)
        return self._known[1]

    @property
    def is_there(self) -> bool:
        """Whether there is one, of whatever key, or was one when last looked for."""
        return self._current is not None or self._manifest() is not None

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
