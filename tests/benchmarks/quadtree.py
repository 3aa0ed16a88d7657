"""Square quadtrees of tiles: WebMercatorQuad and its like on Mars."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import ceil, floor, pi
from typing import Any

from pyproj import Transformer

Box = tuple[float, float, float, float]
"""xmin, ymin, xmax, ymax."""
Tile = tuple[int, int, int]
"""Tile matrix, row, column."""

_EDGE = 1e-6  # of a tile
_MARS_RADIUS = 3396190.0  # metres
_PIXEL = 0.28e-3  # metres, by which a scale is told


@dataclass(frozen=True, kw_only=True)
class Quadtree:
    """A tile matrix set with one tile at the top and four below each."""

    id: str
    crs: str
    half: float
    """From the middle to an edge, in units of the CRS."""
    document: Mapping[str, Any] | None = None
    """The set itself, where it is not a registered one."""

    def span(self, zoom: int) -> float:
        """Side of a tile."""
        return 2 * self.half / (1 << zoom)

    def box(self, tile: Tile) -> Box:
        """Where a tile lies."""
        zoom, row, col = tile
        span = self.span(zoom)
        x, y = -self.half + col * span, self.half - row * span
        return x, y - span, x + span, y

    def touched(self, box: Box, zoom: int) -> Iterator[Tile]:
        """The tiles that a box touches."""
        span = self.span(zoom)
        xmin, ymin, xmax, ymax = box
        for row in range(floor((self.half - ymax) / span + _EDGE), ceil((self.half - ymin) / span - _EDGE)):
            for col in range(floor((xmin + self.half) / span + _EDGE), ceil((xmax + self.half) / span - _EDGE)):
                yield zoom, row, col

    def inside(self, box: Box, crs: str, zoom: int) -> list[Tile]:
        """The tiles that lie in a box of another system with all their cells, row by row."""
        around = box_in(box, crs, self.crs)
        return [tile for tile in self.touched(around, zoom) if holds(box, box_in(self.box(tile), self.crs, crs))]


@cache
def _transformer(crs: str, other: str) -> Transformer:
    return Transformer.from_crs(crs, other, always_xy=True)


def box_in(box: Box, crs: str, other: str) -> Box:
    """The box of another system around a box of this one, edges followed."""
    found: Box = _transformer(crs, other).transform_bounds(*box, densify_pts=21)
    return found


def holds(outer: Sequence[float], inner: Sequence[float]) -> bool:
    """Whether the one box holds all of the other."""
    return outer[0] <= inner[0] and outer[1] <= inner[1] and outer[2] >= inner[2] and outer[3] >= inner[3]


def quadkey(tile: Tile) -> str:
    """The name of a tile in a MosaicJSON document."""
    zoom, row, col = tile
    return "".join(str((col >> bit & 1) + 2 * (row >> bit & 1)) for bit in reversed(range(zoom)))


EARTH = Quadtree(id="WebMercatorQuad", crs="EPSG:3857", half=20037508.342789244)


@cache
def mars() -> Quadtree:
    """Equidistant cylindrical tiles of Mars.

    With one tile at the top, as MosaicJSON needs it: its upper and lower quarters lie beyond the poles. Of all systems
    it is the one that a server without reprojection is fastest in.
    """
    half = pi * _MARS_RADIUS
    matrices = [
        {
            "id": str(zoom),
            "scaleDenominator": 2 * half / 256 / (1 << zoom) / _PIXEL,
            "cellSize": 2 * half / 256 / (1 << zoom),
            "pointOfOrigin": [-half, half],
            "tileWidth": 256,
            "tileHeight": 256,
            "matrixWidth": 1 << zoom,
            "matrixHeight": 1 << zoom,
        }
        for zoom in range(18)
    ]
    document = {
        "id": "MarsEquidistantQuad",
        "title": "Mars, equidistant cylindrical, from one tile",
        "crs": "http://www.opengis.net/def/crs/IAU/2015/49910",
        "orderedAxes": ["E", "N"],
        "tileMatrices": matrices,
    }
    return Quadtree(id="MarsEquidistantQuad", crs="IAU_2015:49910", half=half, document=document)
