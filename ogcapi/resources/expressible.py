"""Which tile matrix sets and fields each kind of client's file can express."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from math import asinh, pi, tan

from ogcapi.model.collection import Collection
from ogcapi.model.crs import transformation
from ogcapi.model.operation import Operation
from ogcapi.model.operations import (
    COVERAGE_FILES,
    GDAL_WMS,
    GDAL_WMTS,
    MAP_FILES,
    STACTA,
    STYLED_MAP_FILES,
    TILES_VRT,
    VALUES_QLR,
)
from ogcapi.model.raster import Field
from ogcapi.model.tiles import TileMatrix, TileMatrixSet
from ogcapi.model.wmts import why_not

_SAME = 1e-9  # relative: what documents round sizes to
_PLACE = 1e-3  # of the finest cell: as far as origins may lie apart
_NEAR = 1e-6  # of the whole sphere


def coverage_files(one: Collection, matrix_set: TileMatrixSet) -> tuple[Operation, ...]:
    """The files that can say the coverage tiles of all fields in a set."""
    through_wms = is_pyramid(matrix_set)
    through_wmts = why_not(matrix_set) is None and any(each.matrix_set == matrix_set for each in one.tile_sets)
    are_alike = len(list(alike_groups(one.fields))) == 1
    can = {
        TILES_VRT: through_wms or (through_wmts and are_alike),
        GDAL_WMS: through_wms and are_alike,
        GDAL_WMTS: through_wmts,
        STACTA: through_wms and are_alike,
        VALUES_QLR: through_wms,
    }
    return tuple(file for file in COVERAGE_FILES if can[file])


def map_files(matrix_set: TileMatrixSet, *, is_styled: bool) -> tuple[Operation, ...]:
    """The files that can say map tiles in a set."""
    qlr, *web_maps = STYLED_MAP_FILES if is_styled else MAP_FILES
    found = [qlr] if why_not(matrix_set) is None else []
    return (*found, *(web_maps if is_web_mercator(matrix_set) else ()))


def nodata_of(field: Field) -> int | float | None:
    """What cells without data hold in answers; None: nothing tells them from others."""
    if field.nodata is None and not field.is_integer:
        return float("nan")
    return field.nodata


def alike_groups(fields: Sequence[Field]) -> Iterable[tuple[Field, ...]]:
    """Neighbouring fields that one answer can hold with nothing changed: of one type, with one value for no data."""
    for _, group in groupby(fields, key=lambda field: (field.dtype, repr(nodata_of(field)))):
        yield tuple(group)


def are_halved(matrices: Sequence[TileMatrix]) -> bool:
    """Whether each matrix has the cells of the one before it cut into four, and the whole number after its id."""
    first, last = matrices[0], matrices[-1]
    is_numbered = all(m.id.isascii() and m.id.isdigit() and str(int(m.id)) == m.id for m in matrices)
    return is_numbered and all(
        int(matrix.id) == int(first.id) + level
        and abs(matrix.cell_size * 2**level - first.cell_size) <= _SAME * first.cell_size
        and all(abs(a - b) <= _PLACE * last.cell_size for a, b in zip(matrix.origin, first.origin, strict=True))
        and (matrix.tile_width, matrix.tile_height) == (first.tile_width, first.tile_height)
        and not matrix.bottom_left
        and not matrix.variable_widths
        for level, matrix in enumerate(matrices)
    )


def is_pyramid(matrix_set: TileMatrixSet) -> bool:
    """Whether GDAL's driver of tiled services can say the whole set."""
    return are_halved(matrix_set.matrices)


def is_web_mercator(matrix_set: TileMatrixSet) -> bool:
    """Whether the set is a whole sphere in Mercator, cut into four level by level from one square tile: of any body."""
    crs, first = matrix_set.crs, matrix_set.matrices[0]
    period = crs.x_period
    if crs.is_geographic or period is None or not is_pyramid(matrix_set):
        return False
    if (first.id, first.matrix_width, first.matrix_height) != ("0", 1, 1) or first.tile_width != first.tile_height:
        return False
    half, box = period / 2, first.bbox
    middle = tan(pi / 4)  # 45 degrees north
    _, y = transformation(crs.geodetic, crs)(0.0, 45.0)
    is_square = all(abs(a - b) < _NEAR * period for a, b in zip(box.bounds, (-half, -half, half, half), strict=True))
    return is_square and abs(y - asinh(middle) / pi * half) < _NEAR * period
