"""Making the overview of a mosaic: its blocks, each kept as soon as it is there, and the file of all of them.

Whatever ends the making, what is there stays; it goes on from there the next time, and ends with the same bytes.
"""

from __future__ import annotations

import errno
import filecmp
import json
import os
import shutil
import tempfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from ogcapi.model.raster import Field, Selection, Valid, Values
from ogcapi.pixels import cog
from ogcapi.pixels.absence import is_free, shared_nodata
from ogcapi.pixels.cog import TILE
from ogcapi.pixels.deflate import deflated
from ogcapi.pixels.halving import halved
from ogcapi.pixels.warp import as_stored
from ogcapi.sources.mosaic import MosaicSource
from ogcapi.sources.overview import Manifest, manifest_in, write_whole
from ogcapi.sources.overview_plan import Block, Plan

_LONGEST_S = 600.0  # that one block waits for remote assets
_ULPS = 8  # from nodata, within which GDAL may take a value for it
_BLOCKS, _MAKING = "blocks", "making-"


@dataclass(frozen=True, kw_only=True)
class Cells:
    """The cells of a block, (field, row, col)."""

    values: Values
    valid: Valid
    facts: Mapping[str, Any]
    """`free`: of each value that could mean no data, whether no valid cell has it; `missing`: names of assets."""


@dataclass(frozen=True, kw_only=True)
class Making:
    """The making of one overview."""

    mosaic: MosaicSource
    folder: Path
    plan: Plan
    key: str
    """The mosaic's when the plan was made."""

    @property
    def pending(self) -> list[Block]:
        """The blocks that are still to be made."""
        return [block for block in self.plan.blocks if not self._path(block).exists()]

    def blocks(self, pending: Sequence[Block], workers: int) -> Iterator[Block]:
        """Make those blocks; each, as soon as it is kept. Raises OSError where it cannot be."""
        (self.folder / _BLOCKS).mkdir(mode=0o700, parents=True, exist_ok=True)
        with ThreadPoolExecutor(workers) as pool:
            try:
                yield from pool.map(self._make, pending)
            finally:
                pool.shutdown(cancel_futures=True)

    def _make(self, block: Block) -> Block:
        fields = self.mosaic.fields
        values = np.zeros((len(fields), *block.grid.shape), np.result_type(*(field.dtype for field in fields)))
        valid = np.zeros(values.shape, bool)
        missing: dict[str, None] = {}
        for method in dict.fromkeys(self.plan.methods):
            places = [place for place, one in enumerate(self.plan.methods) if one is method]
            selection = Selection(fields=tuple(fields[place].name for place in places), method=method)
            raster = self.mosaic.read_assets(block.grid, selection, _LONGEST_S)
            values[places], valid[places] = raster.values, raster.valid
            missing |= dict.fromkeys(raster.missing)
        free = [is_free(candidate, values, valid) for candidate in _candidates(fields, values.dtype)]
        facts = {"free": free, "missing": list(missing)}
        content = deflated(np.where(valid, values, 0).tobytes()), deflated(np.packbits(valid).tobytes())
        head = json.dumps({**facts, "sizes": list(map(len, content))}).encode()
        write_whole(self._path(block), b"\n".join((head, b"".join(content))))
        return block

    def _path(self, block: Block) -> Path:
        return self.folder / _BLOCKS / block.digest

    def cells(self, block: Block) -> Cells:
        """Those of a block that is kept. Raises OSError; a broken one is removed."""
        path = self._path(block)
        head, _, content = path.read_bytes().partition(b"\n")
        shape = (len(self.mosaic.fields), *block.grid.shape)
        with _sound(path):
            facts = json.loads(head)
            split = facts["sizes"][0]
            values = np.frombuffer(zlib.decompress(content[:split]), self.dtype).reshape(shape)
            bits = np.frombuffer(zlib.decompress(content[split:]), np.uint8)
            valid = np.unpackbits(bits, count=values.size).astype(bool).reshape(shape)
        return Cells(values=values, valid=valid, facts=facts)

    def _facts(self, block: Block) -> Mapping[str, Any]:
        path = self._path(block)
        with path.open("rb") as file, _sound(path):
            facts: Mapping[str, Any] = json.loads(file.readline())
        return facts

    @property
    def dtype(self) -> np.dtype[Any]:
        """One that holds the values of all fields."""
        return np.result_type(*(field.dtype for field in self.mosaic.fields))

    def finish(self) -> Path:
        """Put the blocks together to the file, and make it the one that counts. Raises OSError.

        What no later overview can use any more is removed.
        """
        for left in self.folder.glob(f"{_MAKING}*"):  # by a process that was killed
            shutil.rmtree(left, ignore_errors=True)
        facts = [self._facts(block) for block in self.plan.blocks]
        candidates = _candidates(self.mosaic.fields, self.dtype)
        free = [place for place in range(len(candidates)) if all(one["free"][place] for one in facts)]
        nodata = candidates[free[0]].item() if free else None
        path = self.folder / f"{self.key[:16]}.tif"
        with tempfile.TemporaryDirectory(dir=self.folder, prefix=_MAKING) as own:
            _Pyramid(making=self, folder=Path(own), nodata=nodata).write(path)
        missing: dict[str, list[tuple[float, float, float, float]]] = {}
        for block, one in zip(self.plan.blocks, facts, strict=True):
            for name in one["missing"]:
                missing.setdefault(name, []).append(block.grid.bbox.bounds)
        base = self.plan.levels[0]
        lacking = tuple((name, tuple(boxes)) for name, boxes in missing.items())
        before, tries = manifest_in(self.folder), 1 if lacking else 0
        if lacking and before is not None and before.key == self.key:
            tries += before.tries
        cells = base.width, base.height
        Manifest(key=self.key, file=path.name, cells=cells, missing=lacking, tries=tries).write(self.folder)
        self._tidy(
            path, {block.digest for block, one in zip(self.plan.blocks, facts, strict=True) if not one["missing"]}
        )
        return path

    def _tidy(self, path: Path, digests: set[str]) -> None:
        """Remove other files, and blocks that are of no use any more or that lack assets."""
        for other in self.folder.glob("*.tif"):
            if other != path:
                other.unlink(missing_ok=True)
        for block in (self.folder / _BLOCKS).iterdir():
            if block.name not in digests:
                block.unlink(missing_ok=True)


@contextmanager
def _sound(path: Path) -> Iterator[None]:
    """Remove a kept block that turns out to be broken; it is made anew the next time. Raises OSError then."""
    try:
        yield
    except (zlib.error, ValueError) as error:
        path.unlink(missing_ok=True)
        raise OSError(errno.EIO, "a kept block was broken and is removed; build again", path.name) from error


def _candidates(fields: Sequence[Field], dtype: np.dtype[Any]) -> list[np.generic]:
    """What could mean no data in the file: what all fields declare; NaN, or the ends of the range of whole numbers."""
    found = [] if (shared := shared_nodata(tuple(fields), dtype)) is None else [shared]
    if dtype.kind == "f":
        return [*found, dtype.type(np.nan)]
    ends = (np.iinfo(dtype).min, np.iinfo(dtype).max)
    return [*found, *(dtype.type(end) for end in ends if len(fields) > 1)]  # a mask has no fields


@dataclass(kw_only=True)
class _Stream:
    """The tiles of one level, in the order in which they come."""

    file: IO[bytes]
    offsets: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]

    def put(self, row: int, col: int, content: bytes) -> None:
        self.offsets[row, col], self.counts[row, col] = self.file.tell(), len(content)
        self.file.write(content)

    def placed(self, start: int) -> npt.NDArray[np.int64]:
        return np.where(self.counts > 0, self.offsets + start, 0)


@dataclass(kw_only=True)
class _Pyramid:
    """All levels, each made of the one beneath it, from its first block to its last."""

    making: Making
    folder: Path
    nodata: float | int | None
    """None: a mask says where there are data."""
    _streams: list[tuple[_Stream, _Stream]] = field(default_factory=list)

    @cached_property
    def _blocks(self) -> Mapping[tuple[int, int], Block]:
        return {(block.row, block.col): block for block in self.making.plan.blocks}

    @cached_property
    def _fields(self) -> tuple[Field, ...]:
        """Those of the file, which have one type."""
        return tuple(replace(one, dtype=self.making.dtype.name, nodata=None) for one in self.making.mosaic.fields)

    def write(self, path: Path) -> None:
        """The whole file, which takes that place when it is complete."""
        plan = self.making.plan
        with ExitStack() as stack:
            for number, grid in enumerate(plan.levels):
                pair = tuple(self._stream(stack, f"{number}-{kind}", cog.tiles_of(grid)) for kind in ("cells", "mask"))
                self._streams.append((pair[0], pair[1]))
            top = len(plan.levels) - 1
            rows, cols = cog.tiles_of(plan.levels[top])
            for row in range(rows):
                for col in range(cols):
                    self._block(top, row, col)
            starts = [(0, 0)] * len(plan.levels)
            position = len(self._head(starts))
            for number in reversed(range(len(plan.levels))):
                cells, mask = self._streams[number]
                starts[number] = position, position + cells.file.tell()
                position = starts[number][1] + mask.file.tell()
            whole = self.folder / "whole"
            with whole.open("wb") as file:
                file.write(self._head(starts))
                for pair in reversed(self._streams):
                    for stream in pair:
                        stream.file.seek(0)
                        while piece := stream.file.read(1 << 20):
                            file.write(piece)
                file.flush()
                os.fsync(file.fileno())
        if not (path.exists() and filecmp.cmp(whole, path, shallow=False)):  # else its tags stay the same
            whole.replace(path)

    def _stream(self, stack: ExitStack, name: str, tiles: tuple[int, int]) -> _Stream:
        file = stack.enter_context((self.folder / name).open("w+b"))
        return _Stream(file=file, offsets=np.zeros(tiles, np.int64), counts=np.zeros(tiles, np.int64))

    def _head(self, starts: Sequence[tuple[int, int]]) -> bytes:
        levels = []
        for grid, (cells, mask), (start, mask_start) in zip(
            self.making.plan.levels, self._streams, starts, strict=True
        ):
            levels.append(
                cog.Level(
                    grid=grid,
                    offsets=cells.placed(start),
                    counts=cells.counts,
                    mask_offsets=None if self.nodata is not None else mask.placed(mask_start),
                    mask_counts=None if self.nodata is not None else mask.counts,
                )
            )
        return cog.head(levels, self._fields, self.nodata)

    def _block(self, level: int, row: int, col: int) -> tuple[Values, Valid] | None:
        """Values with fractions, and valid (field, row, col), of a tile that is written; None of one without data."""
        if level == 0:
            block = self._blocks.get((row, col))
            if block is None:
                return None
            cells = self.making.cells(block)
            values, valid = cells.values, cells.valid
        else:
            beneath = self._beneath(level, row, col)
            if beneath is None:
                return None
            made = [
                halved(one, known, method)
                for one, known, method in zip(*beneath, self.making.plan.methods, strict=True)
            ]
            values, valid = (np.stack(of) for of in zip(*made, strict=True))
        if not valid.any():
            return None
        self._put(level, row, col, values, valid)
        return values, valid

    def _beneath(self, level: int, row: int, col: int) -> tuple[Values, Valid] | None:
        """The four tiles, or those that there are, that a tile is made of."""
        four = [
            (place, self._block(level - 1, 2 * row + place[0], 2 * col + place[1]))
            for place in ((0, 0), (0, 1), (1, 0), (1, 1))
            if self._is_there(level - 1, 2 * row + place[0], 2 * col + place[1])
        ]
        grid = self.making.plan.levels[level - 1]
        high, wide = min(2 * TILE, grid.height - 2 * row * TILE), min(2 * TILE, grid.width - 2 * col * TILE)
        values: Values | None = None
        valid = np.zeros((len(self._fields), high, wide), bool)
        for (down, right), found in four:
            if found is not None:
                values = np.zeros(valid.shape, found[0].dtype) if values is None else values
                there = np.s_[
                    :,
                    down * TILE : down * TILE + found[0].shape[1],
                    right * TILE : right * TILE + found[0].shape[2],
                ]
                values[there], valid[there] = found
        return None if values is None else (values, valid)

    def _is_there(self, level: int, row: int, col: int) -> bool:
        rows, cols = cog.tiles_of(self.making.plan.levels[level])
        return row < rows and col < cols

    def _put(self, level: int, row: int, col: int, values: Values, valid: Valid) -> None:
        cells, mask = self._streams[level]
        dtype = self.making.dtype
        whole = values
        if values.dtype != dtype:  # means; those of a field of whole numbers are whole, whatever the file's type is
            fields = zip(values, self.making.mosaic.fields, strict=True)
            whole = np.stack([as_stored(one, field.dtype).astype(dtype) for one, field in fields])
        if self.nodata is None:
            mask.put(row, col, cog.mask_tile(np.logical_and.reduce(valid)))
            cells.put(row, col, cog.tile(np.where(valid, whole, np.zeros((), dtype))))
            return
        missing = np.array(self.nodata, dtype)
        cells.put(row, col, cog.tile(np.where(valid, _apart(whole, missing), missing)))


def _apart(values: Values, nodata: Values) -> Values:
    """The values, of which means may happen to be nodata: those become the value next to it."""
    if nodata.dtype.kind in "iu":
        other = nodata - 1 if nodata == np.iinfo(nodata.dtype).max else nodata + 1
        return np.where(values == nodata, other, values)
    kind = np.finfo(nodata.dtype)
    reach = np.abs(nodata) * kind.eps * _ULPS
    return np.where(np.abs(values - nodata) <= reach, nodata + max(reach * 2, kind.tiny), values)
