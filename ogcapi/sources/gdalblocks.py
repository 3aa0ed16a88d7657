"""Files of every other format as blocks, through GDAL: the same levels as those of a GeoTIFF, if at another price."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from rasterio.io import DatasetReader
from rasterio.windows import Window

from ogcapi.model.media import MediaType
from ogcapi.model.problem import SourceFailed
from ogcapi.sources import gdal, ranges, storage
from ogcapi.sources.blocks import Block, Pyramid, edges
from ogcapi.sources.header import File, Header

_LEAST, _MOST = 256, 1024  # cells a side of a block
_ROW_CELLS = 4096  # rows up to this long are not cut: formats that store rows read whole ones
_FEW = 4  # bands that are read together however they are stored


def open_gdal(file: File) -> Pyramid:
    """A file of any format in its present revision. Raises `SourceFailed`; `Changed` where it changes meanwhile."""
    revision = ranges.settled_revision(file.href)
    header = gdal.read_header(file, revision)
    geometry = header.geometry
    levels = []
    for number, (width, height) in enumerate([(geometry.width, geometry.height), *header.overviews]):
        with gdal.opened(file, number - 1 if number else None, revision) as dataset:
            rows, cols = dataset.block_shapes[0]
            is_interleaved = dataset.tags(ns="IMAGE_STRUCTURE").get("INTERLEAVE") == "PIXEL"
        kinds = {field.dtype for field in header.fields}
        are_together = len(kinds) == 1 and (is_interleaved or len(header.fields) <= _FEW)
        levels.append(
            GdalLevel(
                file=file,
                revision=revision,
                number=number,
                header=header,
                width=width,
                height=height,
                block_width=_width(cols, width),
                block_height=_side(rows, height),
                planes=1 if are_together else len(header.fields),
            )
        )
    if storage.revision(file.href) != revision:
        raise ranges.Changed(file.name)
    return Pyramid(header=header, revision=revision, levels=tuple(levels))


def _side(stored: int, length: int) -> int:
    """Cells of a block where so many are stored together: whole multiples up to a moderate number."""
    if stored >= _LEAST:
        return min(stored, _MOST, length)
    return min(-(-_LEAST // stored) * stored, length)


def _width(stored: int, length: int) -> int:
    return length if stored == length <= _ROW_CELLS else _side(stored, length)


@dataclass(frozen=True, kw_only=True, eq=False)
class GdalLevel:
    """One resolution of a file that GDAL reads: a `Level`."""

    file: File
    revision: str
    number: int
    """0: the file's own cells; 1: its first overview."""
    header: Header
    width: int
    height: int
    block_width: int
    block_height: int
    planes: int

    @cached_property
    def key(self) -> tuple[object, ...]:
        """Href, revision and number, and the format it is read as."""
        return self.file.href, self.revision, self.number, self.file.driver, "GDAL"

    @cached_property
    def dtypes(self) -> tuple[np.dtype[Any], ...]:
        """Type of each field's values."""
        return tuple(np.dtype(field.dtype) for field in self.header.fields)

    @cached_property
    def nodata(self) -> tuple[float | int | None, ...]:
        """Of each field; none where a mask says where there are data."""
        return tuple(None if self.header.has_mask else field.nodata for field in self.header.fields)

    def read_blocks(self, indices: Sequence[int]) -> list[Block]:
        """Those blocks, window by window. Raises `SourceFailed`, `Changed`."""
        failure = None
        blocks: list[Block] = []
        try:
            with gdal.opened(self.file, self.number - 1 if self.number else None, self.revision) as dataset:
                blocks += [self._block(dataset, index) for index in indices]
        except SourceFailed as error:
            failure = error
        if storage.revision(self.file.href) != self.revision:  # before any cell is used
            raise ranges.Changed(self.file.name) from failure
        if failure is not None:
            raise failure
        return blocks

    def stored(self, box: tuple[int, int, int, int], media: MediaType) -> bytes | None:  # noqa: ARG002
        """None: GDAL gives cells."""
        return None

    def _block(self, dataset: DatasetReader, index: int) -> Block:
        plane, top, left, bottom, right = edges(self, index)
        window = Window(left, top, right - left, bottom - top)
        bands = self.header.bands if self.planes == 1 else self.header.bands[plane : plane + 1]
        values = np.ascontiguousarray(dataset.read(list(bands), window=window).transpose(1, 2, 0))
        values.flags.writeable = False
        shown = dataset.read_masks(self.header.bands[0], window=window) != 0 if self.header.has_mask else None
        if self.header.alpha is not None:
            opaque = dataset.read(self.header.alpha, window=window) != 0
            shown = opaque if shown is None else shown & opaque
        if shown is None or shown.all():
            return Block(values=values)
        shown.flags.writeable = False
        return Block(values=values, valid=shown.view(np.uint8))
