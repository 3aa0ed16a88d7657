"""What GDAL's driver of tiled services can say of a tile set: levels that halve the cells from one corner."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor

from ogcapi.model.collection import Collection, TileSet
from ogcapi.model.grid import BBox
from ogcapi.model.tiles import TileMatrix, TileMatrixSet
from ogcapi.resources.expressible import are_halved

_TOUCH = 1e-3  # of a cell: data that reach less far into a cell do not touch it
_MAX_LEVEL = 30
_MAX_SIDE = 2**31 - 1  # cells


@dataclass(frozen=True, kw_only=True)
class Window:
    """The cells of one matrix that the data of a collection touch."""

    matrix_set: TileMatrixSet
    matrix: TileMatrix
    """The deepest one that the data need."""
    left: int
    """First column of cells, from the corner of the matrix."""
    top: int
    width: int
    height: int
    transform: tuple[float, float, float, float, float, float]
    """Where these cells lie, as `Grid.transform` says it."""


@dataclass(frozen=True, kw_only=True)
class Pyramid:
    """Whole tiles around a window, and so many coarser levels of them."""

    window: Window
    level: int
    """The deepest matrix's id."""
    overviews: int
    """Levels above it, each of cells twice as large."""
    col: int
    """First column of tiles in the deepest matrix: a multiple of 2^overviews, since GDAL halves it level by level."""
    row: int
    width: int
    """Cells, in whole tiles of the coarsest level."""
    height: int
    bbox: BBox
    """Where those lie."""


def window_of(one: Collection, tile_set: TileSet) -> Window:
    """The cells of the deepest matrix in use that the data touch."""
    matrix_set, limit = tile_set.matrix_set, tile_set.limits[-1]
    matrix, storage = matrix_set[limit.matrix_id], one.coverage.grid
    own = (storage.bbox,) if storage.crs == matrix_set.crs else one.coverage.footprint.carried(matrix_set.crs)
    x, y = matrix.origin
    is_native = tile_set == one.native
    boxes = (storage.bbox,) if is_native else matrix_set.turned(own)
    left = min(floor((box.xmin - x) / matrix.cell_size + _TOUCH) for box in boxes)
    right = max(ceil((box.xmax - x) / matrix.cell_size - _TOUCH) for box in boxes)
    top = min(floor((y - box.ymax) / matrix.cell_size + _TOUCH) for box in boxes)
    bottom = max(ceil((y - box.ymin) / matrix.cell_size - _TOUCH) for box in boxes)
    left, right = (_within(n, limit.min_col, limit.max_col, matrix.tile_width) for n in (left, right))
    top, bottom = (_within(n, limit.min_row, limit.max_row, matrix.tile_height) for n in (top, bottom))
    size = matrix.cell_size
    return Window(
        matrix_set=matrix_set,
        matrix=matrix,
        left=left,
        top=top,
        width=right - left,
        height=bottom - top,
        # to the last digit: what is divided again does not always come out the same
        transform=storage.transform if is_native else (size, 0.0, x + left * size, 0.0, -size, y - top * size),
    )


def _within(cells: int, first: int, last: int, tile: int) -> int:
    return min(max(cells, first * tile), (last + 1) * tile)


def pyramid_of(window: Window) -> Pyramid | None:
    """The pyramid above a window, down to a level on which it is about one tile; None where there is none."""
    matrices, matrix = window.matrix_set.matrices, window.matrix
    longest = max(window.width / matrix.tile_width, window.height / matrix.tile_height)
    wanted = min(ceil(longest) - 1, 1 << _MAX_LEVEL).bit_length()
    place = matrices.index(matrix)
    overviews = min(wanted, place)
    if not are_halved(matrices[place - overviews : place + 1]) or int(matrix.id) > _MAX_LEVEL:
        return None
    step = 1 << overviews
    col, row = (n // step * step for n in (window.left // matrix.tile_width, window.top // matrix.tile_height))
    span_x, span_y = matrix.tile_width * step, matrix.tile_height * step
    width = -(-(window.left + window.width - col * matrix.tile_width) // span_x) * span_x
    height = -(-(window.top + window.height - row * matrix.tile_height) // span_y) * span_y
    if max(width, height) > _MAX_SIDE:
        return None
    xmin = matrix.origin[0] + col * matrix.tile_width * matrix.cell_size
    ymax = matrix.origin[1] - row * matrix.tile_height * matrix.cell_size
    bbox = BBox(xmin=xmin, ymin=ymax - height * matrix.cell_size, xmax=xmin + width * matrix.cell_size, ymax=ymax)
    return Pyramid(
        window=window,
        level=int(matrix.id),
        overviews=overviews,
        col=col,
        row=row,
        width=width,
        height=height,
        bbox=bbox,
    )
