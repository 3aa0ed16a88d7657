"""Decoded blocks of rasters: what a level of a file gives, and the one cache that all threads share."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ogcapi.model.media import MediaType
from ogcapi.model.raster import Values
from ogcapi.model.stop import needs_time
from ogcapi.sources.header import Header

_MOST_BYTES = 1 << 30  # of the cache, where nobody says otherwise
_SHARE = 4  # of the memory, at most one part in so many


@dataclass(frozen=True, eq=False)
class Block:
    """Decoded cells of one block. Both arrays are read-only, C-contiguous and shared by all who ask."""

    values: Values
    """(row, col, sample): stored values in the machine's byte order, of the cells within the level only."""
    valid: npt.NDArray[np.uint8] | None = None
    """(row, col): 0 where a mask or an alpha band says that there is nothing, else 1; None: 1 everywhere.

    It knows nothing of nodata or NaN.
    """

    @property
    def nbytes(self) -> int:
        """Memory of the cells."""
        return self.values.nbytes + (0 if self.valid is None else self.valid.nbytes)


class Level(Protocol):
    """One resolution of a raster file, cut into blocks.

    Blocks are numbered along the rows, then downward, then plane after plane: `index = (plane * down + row) * across
    + col`. All have `block_height` rows and `block_width` columns but those cut off by the level's edge.
    """

    @property
    def key(self) -> tuple[object, ...]:
        """Href, revision and number of the level: equal where the cells are."""

    @property
    def width(self) -> int:
        """Columns."""

    @property
    def height(self) -> int:
        """Rows."""

    @property
    def block_width(self) -> int:
        """Columns of a block."""

    @property
    def block_height(self) -> int:
        """Rows of a block."""

    @property
    def planes(self) -> int:
        """1 where a block holds all fields, sample for field; else as many as fields, one sample each."""

    @property
    def dtypes(self) -> tuple[np.dtype[Any], ...]:
        """Type of each field's values; one for all where `planes` is 1."""

    @property
    def nodata(self) -> tuple[float | int | None, ...]:
        """Of each field, the value (of its type) that means no data in `Block.values`; None: there is none."""

    def read_blocks(self, indices: Sequence[int]) -> list[Block]:
        """Those blocks, read and decoded. Raises `SourceFailed`; `Changed` where the file is not the same any more."""

    def stored(self, box: tuple[int, int, int, int], media: MediaType) -> bytes | None:
        """Cells (top, left, bottom, right) within the level as a picture, in the bytes that they are stored in.

        None where the file holds no such picture of just them with all fields, or not all are valid. Raises as
        `read_blocks`.
        """


def across(level: Level) -> int:
    """Blocks beside each other."""
    return -(-level.width // level.block_width)


def down(level: Level) -> int:
    """Blocks below each other."""
    return -(-level.height // level.block_height)


def edges(level: Level, index: int) -> tuple[int, int, int, int, int]:
    """(plane, top, left, bottom, right) of a block: cells of the level, ends excluded."""
    if not 0 <= index < across(level) * down(level) * level.planes:
        raise IndexError(f"the level has no block {index}")
    row, col = divmod(index, across(level))
    plane, row = divmod(row, down(level))
    top, left = row * level.block_height, col * level.block_width
    return plane, top, left, min(top + level.block_height, level.height), min(left + level.block_width, level.width)


_Key = tuple[tuple[object, ...], int]


class BlockCache:
    """Decoded blocks, those longest unused dropped first. Safe in any thread.

    A block that one thread reads is not read by another: it waits, and shares the failure if there is one.
    """

    def __init__(self, budget: int) -> None:
        self.budget = budget
        """Bytes of blocks that are kept; 0 keeps none. Blocks in use are beside it. A lower one counts from the next
        block on."""
        self._lock = threading.Lock()
        self._known: OrderedDict[_Key, Block] = OrderedDict()
        self._coming: dict[_Key, Future[Block]] = {}
        self._bytes = 0

    @property
    def nbytes(self) -> int:
        """Bytes of the blocks that are kept."""
        return self._bytes

    def get(self, level: Level, indices: Sequence[int]) -> list[Block]:
        """Those blocks of a level; all that are missing are read together.

        Raises what `Level.read_blocks` does.
        """
        name = level.key
        found: dict[int, Block] = {}
        awaited: dict[int, Future[Block]] = {}
        missing: dict[int, Future[Block]] = {}
        with self._lock:
            for index in indices:
                key = (name, index)
                block = self._known.get(key)
                if block is not None:
                    self._known.move_to_end(key)
                    found[index] = block
                    continue
                needs_time()
                if key in self._coming:
                    if index not in missing:
                        awaited[index] = self._coming[key]
                else:
                    self._coming[key] = missing[index] = Future()
        if missing:
            found |= self._read(level, missing)
        # only now, so that no two threads wait for each other
        found |= {index: future.result() for index, future in awaited.items()}
        return [found[index] for index in indices]

    def has(self, level: Level, indices: Sequence[int]) -> bool:
        """Whether all those blocks are here, so that `get` would read nothing."""
        name = level.key
        return all((name, index) in self._known for index in indices)

    def clear(self) -> None:
        """Drop every block."""
        with self._lock:
            self._known.clear()
            self._bytes = 0

    def _read(self, level: Level, missing: dict[int, Future[Block]]) -> dict[int, Block]:
        name = level.key
        try:
            blocks = level.read_blocks(list(missing))
        except BaseException as error:
            with self._lock:
                for index in missing:
                    del self._coming[name, index]
            for future in missing.values():
                future.set_exception(error)
            raise
        read = dict(zip(missing, blocks, strict=True))
        with self._lock:
            for index, block in read.items():
                del self._coming[name, index]
                self._keep((name, index), block)
        for index, future in missing.items():
            future.set_result(read[index])
        return read

    def _keep(self, key: _Key, block: Block) -> None:
        if block.nbytes > self.budget:
            return
        self._known[key] = block
        self._bytes += block.nbytes
        while self._bytes > self.budget:
            _, old = self._known.popitem(last=False)
            self._bytes -= old.nbytes


def default_budget(workers: int = 1) -> int:
    """Bytes of blocks that each of so many processes keeps: 1 GB or a quarter of the memory, shared among them."""
    return min(_MOST_BYTES, memory_limit() // _SHARE) // max(1, workers)


def memory_limit(root: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> int:
    """Bytes that this process and its like may use: those of its control groups, else the machine's."""
    found = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")] if hasattr(os, "sysconf") else [_MOST_BYTES]
    files = [root / "memory.max", root / "memory" / "memory.limit_in_bytes"]
    with suppress(OSError):
        for line in own.read_text().splitlines():
            _, kinds, group = line.split(":", 2)
            parts = Path(group.lstrip("/"))
            for place in (parts, *parts.parents):
                if not kinds:
                    files.append(root / place / "memory.max")
                elif "memory" in kinds.split(","):
                    files.append(root / "memory" / place / "memory.limit_in_bytes")
    for file in files:
        with suppress(OSError):
            text = file.read_text().strip()
            found += [int(text)] if text.isdecimal() else []
    return min(found)


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@lru_cache(maxsize=1)
def shared_cache() -> BlockCache:
    """The cache of this process."""
    return BlockCache(default_budget())


@dataclass(frozen=True, kw_only=True, eq=False)
class Pyramid:
    """A raster file in one revision: what it says of itself, and its levels."""

    header: Header
    revision: str
    """As `storage.revision` tells it while the file stays the same."""
    levels: tuple[Level, ...]
    """The file's own cells, then its overviews, finest first, each as `header.overviews` has it."""
    exact: Callable[[], Pyramid] | None = None
    """Where the levels' values are good enough for pictures only: gives the same file with those that GDAL reads, and
    raises what opening does."""
    nbytes: int = 4096
    """Memory of all of it, about."""
