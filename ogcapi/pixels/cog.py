"""Cloud-optimized GeoTIFF: tiles of a pyramid of levels, and the head of the file that holds them.

Tiles may come in any order; the head is made when the places of all of them are known, and has the same length before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ogcapi.model.grid import Grid
from ogcapi.model.raster import Field, Valid, Values
from ogcapi.pixels import tiff
from ogcapi.pixels.geotiff import PREDICTORS, SAMPLE_FORMATS, field_tags, number_text, place_tags
from ogcapi.pixels.tiff import Tag, count, shorts

TILE = 512
"""Cells of a side."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Level:
    """A level of the pyramid, and where in the file its tiles lie; 0 and 0 of a tile without data."""

    grid: Grid
    offsets: npt.NDArray[np.int64]
    """(tile row, tile column): bytes from the beginning of the file."""
    counts: npt.NDArray[np.int64]
    """The same: bytes of each tile."""
    mask_offsets: npt.NDArray[np.int64] | None = None
    """Those of the tiles of the mask, where there is one."""
    mask_counts: npt.NDArray[np.int64] | None = None


def tiles_of(grid: Grid) -> tuple[int, int]:
    """Rows and columns of tiles."""
    return -(-grid.height // TILE), -(-grid.width // TILE)


def tile(values: Values) -> bytes:
    """A tile of values (field, row, col), which may end early on the right and below."""
    (content,) = tiff.strips(_padded(values), TILE, PREDICTORS[values.dtype.kind])
    return content


def mask_tile(valid: Valid) -> bytes:
    """The tile of a mask (row, col) of one bit a cell."""
    (content,) = tiff.mask_strips(_padded(valid), TILE)
    return content


def head(levels: Sequence[Level], fields: tuple[Field, ...], nodata: float | int | None) -> bytes:
    """The file up to the first tile: finest level first, each with its mask behind it.

    All fields have one type. `nodata` is what the tiles have where there are no data; None where masks say it, or where
    there are data everywhere.
    """
    images: list[Mapping[int, Tag]] = []
    dtype = np.dtype(fields[0].dtype)
    for number, level in enumerate(levels):
        reduced = tiff.REDUCED_SUBFILE if number else 0
        known = {code: tag for code, tag in field_tags(fields, dtype.name).items() if not number or code in _KEPT}
        images.append(
            {
                **_size_tags(level.grid, level.offsets, level.counts, reduced),
                **known,
                tiff.PREDICTOR: shorts(PREDICTORS[dtype.kind]),
                **({} if number else place_tags(level.grid)),
                **({} if nodata is None else {tiff.GDAL_NODATA: tiff.text(number_text(nodata))}),
            }
        )
        if level.mask_offsets is not None and level.mask_counts is not None:
            images.append(
                {
                    **_size_tags(level.grid, level.mask_offsets, level.mask_counts, reduced | tiff.MASK_SUBFILE),
                    tiff.BITS_PER_SAMPLE: shorts(1),
                    tiff.PHOTOMETRIC: shorts(tiff.MASK),
                    tiff.SAMPLES_PER_PIXEL: shorts(1),
                    tiff.PREDICTOR: shorts(tiff.NO_PREDICTOR),
                    tiff.SAMPLE_FORMAT: shorts(SAMPLE_FORMATS["u"]),
                }
            )
    return tiff.big_directories(images)


_KEPT = {
    tiff.BITS_PER_SAMPLE,
    tiff.PHOTOMETRIC,
    tiff.SAMPLES_PER_PIXEL,
    tiff.SAMPLE_FORMAT,
    tiff.EXTRA_SAMPLES,
    tiff.COLOR_MAP,
}
"""What overviews repeat of their image's tags."""


def _size_tags(
    grid: Grid, offsets: npt.NDArray[np.int64], counts: npt.NDArray[np.int64], subfile: int
) -> dict[int, Tag]:
    return {
        tiff.SUBFILE_TYPE: tiff.longs(subfile),
        tiff.IMAGE_WIDTH: count(grid.width),
        tiff.IMAGE_LENGTH: count(grid.height),
        tiff.COMPRESSION: shorts(tiff.ADOBE_DEFLATE),
        tiff.PLANAR_CONFIGURATION: shorts(tiff.CHUNKY),
        tiff.TILE_WIDTH: shorts(TILE),
        tiff.TILE_LENGTH: shorts(TILE),
        tiff.TILE_OFFSETS: tiff.long8s(offsets.ravel()),
        tiff.TILE_BYTE_COUNTS: tiff.long8s(counts.ravel()),
    }


def _padded(cells: Values) -> Values:
    """Cells (…, row, col) with the last ones repeated up to a whole tile."""
    height, width = cells.shape[-2:]
    edges = [(0, 0)] * (cells.ndim - 2) + [(0, TILE - height), (0, TILE - width)]
    return np.pad(cells, edges, mode="edge")
