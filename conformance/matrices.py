"""Tile matrix sets by plain arithmetic, from their documents alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from pyproj import CRS, Transformer
from pyproj.exceptions import ProjError

from conformance.client import Document

PIXEL_M = 0.28e-3  # of a scale denominator: 2D TMS 2.0, 6.2

Box = tuple[float, float, float, float]  # xmin, ymin, xmax, ymax


def crs_of(value: Any) -> CRS:
    """The CRS that a `crs` member of a tile matrix set, a tileset or an extent names."""
    if isinstance(value, dict):
        value = value.get("uri") or value.get("wkt") or value
    return CRS.from_user_input(value)


def is_northing_first(crs: CRS) -> bool:
    """Whether the CRS's own axis order is y, x."""
    first, second = crs.axis_info[:2]
    if first.direction == second.direction:  # around a pole both point north, or both south
        return first.name.lower().startswith(("north", "lat"))
    return first.direction in ("north", "south") and second.direction in ("east", "west")


def in_x_y_order(crs: CRS, numbers: list[float]) -> list[float]:
    """A point or a box (4 numbers) that is given in the CRS's own axis order."""
    if not is_northing_first(crs):
        return numbers
    return [number for i in range(0, len(numbers), 2) for number in (numbers[i + 1], numbers[i])]


def is_same_crs(one: CRS, other: CRS, box: Box) -> bool:
    """Whether the two give the same place to the coordinates of a box, x before y."""
    if one.equals(other, ignore_axis_order=True):
        return True
    try:
        transform = Transformer.from_crs(one, other, always_xy=True).transform
    except ProjError:
        return False
    xmin, ymin, xmax, ymax = box
    tolerance = 1e-6 * max(xmax - xmin, ymax - ymin)
    points = [((3 * xmin + xmax) / 4, (ymin + ymax) / 2), ((xmin + xmax) / 2, (3 * ymin + ymax) / 4)]
    return all(math.dist(point, transform(*point)) < tolerance for point in points)


def metres_per_unit(crs: CRS) -> float:
    """Metres in one unit of the CRS, for degrees along the equator of the CRS's ellipsoid."""
    if crs.is_geographic:
        assert crs.ellipsoid is not None
        return math.radians(1) * crs.ellipsoid.semi_major_metre
    return crs.axis_info[0].unit_conversion_factor


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """One tile matrix; origin in x, y order."""

    id: str
    cell_size: float
    origin: tuple[float, float]
    from_bottom: bool
    tile_width: int
    tile_height: int
    width: int
    height: int
    coalesced: tuple[tuple[int, int, int], ...]
    """Rows of variable width: first row, last row, tiles that are one."""

    def alias_columns(self, row: int, col: int) -> range:
        """All columns that address the same tile."""
        for first, last, factor in self.coalesced:
            if first <= row <= last:
                return range(col // factor * factor, col // factor * factor + factor)
        return range(col, col + 1)

    def bounds(self, row: int, col: int) -> Box:
        """The outer edges of a tile."""
        columns = self.alias_columns(row, col)
        span_x, span_y = self.tile_width * self.cell_size, self.tile_height * self.cell_size
        x, y = self.origin
        ymin = y + row * span_y if self.from_bottom else y - (row + 1) * span_y
        return (x + columns.start * span_x, ymin, x + columns.stop * span_x, ymin + span_y)


@dataclass(frozen=True, kw_only=True)
class MatrixSet:
    """A tile matrix set, its address, and its matrices by id in the order of the document."""

    url: str
    document: Document
    crs: CRS
    matrices: dict[str, Matrix]

    @classmethod
    def read(cls, url: str, document: Document) -> MatrixSet:
        crs = crs_of(document["crs"])
        matrices = [_matrix(crs, entry) for entry in document["tileMatrices"]]
        return cls(url=url, document=document, crs=crs, matrices={matrix.id: matrix for matrix in matrices})

    @property
    def id(self) -> str:
        return str(self.document.get("id", self.url))

    @property
    def has_variable_widths(self) -> bool:
        return any(matrix.coalesced for matrix in self.matrices.values())


def _matrix(crs: CRS, entry: Document) -> Matrix:
    x, y = in_x_y_order(crs, entry["pointOfOrigin"])
    variable = entry.get("variableMatrixWidths", [])
    return Matrix(
        id=entry["id"],
        cell_size=entry["cellSize"],
        origin=(x, y),
        from_bottom=entry.get("cornerOfOrigin", "topLeft") == "bottomLeft",
        tile_width=entry["tileWidth"],
        tile_height=entry["tileHeight"],
        width=entry["matrixWidth"],
        height=entry["matrixHeight"],
        coalesced=tuple((rows["minTileRow"], rows["maxTileRow"], rows["coalesce"]) for rows in variable),
    )
