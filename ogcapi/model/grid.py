"""Boxes and grids: where a raster lies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from typing import Any

import numpy as np
import numpy.typing as npt

from ogcapi.model.crs import Crs, UnknownCrs, transformation

Array = npt.NDArray[Any]
_LATTICE = 41  # points a side when a box is carried into another system
_SLACK = 1e-9  # of a period: what rounding may take from a whole turn


@dataclass(frozen=True, kw_only=True)
class BBox:
    """A box in x, y order whatever the axis order of its system; `xmax` may lie beyond the antimeridian."""

    xmin: float
    ymin: float
    xmax: float
    ymax: float

    def __post_init__(self) -> None:
        if not all(map(isfinite, self.bounds)) or self.xmin >= self.xmax or self.ymin >= self.ymax:
            raise ValueError(f"not a box: {self.bounds}")

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """(xmin, ymin, xmax, ymax)."""
        return self.xmin, self.ymin, self.xmax, self.ymax

    @property
    def width(self) -> float:
        """Extent in x."""
        return self.xmax - self.xmin

    @property
    def height(self) -> float:
        """Extent in y."""
        return self.ymax - self.ymin

    def meets(self, other: BBox) -> bool:
        """Whether the two share an area; a common edge is none."""
        return self.xmin < other.xmax and other.xmin < self.xmax and self.ymin < other.ymax and other.ymin < self.ymax

    def union(self, other: BBox) -> BBox:
        """The smallest box around both."""
        return BBox(
            xmin=min(self.xmin, other.xmin),
            ymin=min(self.ymin, other.ymin),
            xmax=max(self.xmax, other.xmax),
            ymax=max(self.ymax, other.ymax),
        )

    def intersection(self, other: BBox) -> BBox | None:
        """What both cover; None where they do not meet."""
        if not self.meets(other):
            return None
        return BBox(
            xmin=max(self.xmin, other.xmin),
            ymin=max(self.ymin, other.ymin),
            xmax=min(self.xmax, other.xmax),
            ymax=min(self.ymax, other.ymax),
        )


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Rows from the top (ymax) down, columns from the left, of cells that fill a box exactly."""

    crs: Crs
    bbox: BBox
    """Outer edges of the outermost cells."""
    width: int
    """Cells in x."""
    height: int
    """Cells in y."""

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise ValueError(f"a grid has cells, not {self.width} x {self.height}")

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return self.height, self.width

    @property
    def cell_width(self) -> float:
        """Extent of a cell in x, in units of the CRS."""
        return self.bbox.width / self.width

    @property
    def cell_height(self) -> float:
        """Extent of a cell in y, in units of the CRS; positive."""
        return self.bbox.height / self.height

    @property
    def transform(self) -> tuple[float, float, float, float, float, float]:
        """Affine coefficients (a, b, c, d, e, f): x = a·col + b·row + c, y = d·col + e·row + f."""
        return self.cell_width, 0.0, self.bbox.xmin, 0.0, -self.cell_height, self.bbox.ymax

    def centres(self) -> tuple[Array, Array]:
        """x of the column centres (width,) and y of the row centres (height,), float64."""
        x = self.bbox.xmin + (np.arange(self.width) + 0.5) * self.cell_width
        y = self.bbox.ymax - (np.arange(self.height) + 0.5) * self.cell_height
        return x, y

    def bboxes_in(self, crs: Crs) -> tuple[BBox, ...]:
        """The grid's box in another system: see `carry`."""
        return carry(self.bbox, self.crs, crs)


def span(boxes: Sequence[BBox], crs: Crs) -> BBox:
    """The smallest single box around several: across the antimeridian, counted on past it, where that is shorter."""
    whole = boxes[0]
    for box in boxes[1:]:
        whole = whole.union(box)
    if crs.x_period is None or len(boxes) == 1:
        return whole
    sides = sorted((box.xmin, box.xmax) for box in boxes)
    gaps, reach = [], sides[0][1]
    for west, east in sides[1:]:
        gaps.append((west - reach, west, reach))
        reach = max(reach, east)
    widest, west, east = max(gaps)
    if widest <= max(whole.xmin + crs.x_period - reach, _SLACK * crs.x_period):
        return whole
    return BBox(xmin=west, ymin=whole.ymin, xmax=east + crs.x_period, ymax=whole.ymax)


def text_bbox(bbox: BBox, crs: Crs) -> tuple[float, float, float, float]:
    """The four numbers of a box as documents and headers give them: the first axis of the system first.

    Meridians are counted from the middle one, so that a box across the antimeridian begins with the greater longitude.
    """
    xmin, xmax, period = bbox.xmin, bbox.xmax, crs.x_period
    if period is not None and bbox.width < period * (1 - _SLACK):
        half = period / 2 * (1 + _SLACK)
        turns = 1 if xmin >= period / 2 else -1 if xmax < -half else 0
        xmin, xmax = xmin - turns * period, xmax - turns * period
        xmax -= period if xmax > half else 0
        xmin += period if xmin < -half else 0
    return (*crs.text_order(xmin, bbox.ymin), *crs.text_order(xmax, bbox.ymax))


@dataclass(frozen=True)
class _Poles:
    """Which poles of the body a box covers, edge included."""

    north: bool
    south: bool


def carry(bbox: BBox, source: Crs, target: Crs) -> tuple[BBox, ...]:
    """The boxes of another system that together hold a box of this one.

    A lattice over the box is followed, not its corners alone; a box across the antimeridian becomes two, one around a
    pole reaches every meridian, and one that lies nowhere in the other system becomes none.
    """
    if source == target:
        return normal(bbox, target)
    x = np.linspace(bbox.xmin, bbox.xmax, _LATTICE)
    y = np.linspace(bbox.ymax, bbox.ymin, _LATTICE)
    x, y = (np.asarray(axis, float) for axis in transformation(source, target)(*np.meshgrid(x, y)))
    known = np.isfinite(x) & np.isfinite(y)
    if not known.any():
        return ()
    ymin, ymax = float(y[known].min()), float(y[known].max())
    xmin, xmax = float(x[known].min()), float(x[known].max())
    if target.x_period is not None:
        poles = _poles(bbox, source)
        if (poles.north or poles.south) and not source.x_period:
            xmin, xmax = -target.x_period / 2, target.x_period / 2
            if target.is_geographic:
                quarter = target.x_period / 4
                ymin, ymax = -quarter if poles.south else ymin, quarter if poles.north else ymax
        else:
            xmin, xmax = _turn(x, known, target.x_period)
    if xmin >= xmax or ymin >= ymax:
        return ()
    return normal(BBox(xmin=xmin, ymin=ymin, xmax=xmax, ymax=ymax), target)


def normal(bbox: BBox, crs: Crs) -> tuple[BBox, ...]:
    """A box whose meridians may be counted past the antimeridian, cut into boxes that are not."""
    period = crs.x_period
    half = 0.0 if period is None else period / 2
    if period is None or (-half * (1 + _SLACK) <= bbox.xmin and bbox.xmax <= half * (1 + _SLACK)):
        return (bbox,)
    if bbox.width >= period * (1 - _SLACK):
        return (BBox(xmin=-half, ymin=bbox.ymin, xmax=half, ymax=bbox.ymax),)
    west = (bbox.xmin + half) % period - half
    east = west + bbox.width
    if east <= half * (1 + _SLACK):
        return (BBox(xmin=west, ymin=bbox.ymin, xmax=min(east, half), ymax=bbox.ymax),)
    return (
        BBox(xmin=west, ymin=bbox.ymin, xmax=half, ymax=bbox.ymax),
        BBox(xmin=-half, ymin=bbox.ymin, xmax=east - period, ymax=bbox.ymax),
    )


def _poles(bbox: BBox, crs: Crs) -> _Poles:
    if crs.is_geographic:
        quarter = (crs.x_period or 0.0) / 4
        return _Poles(north=bbox.ymax >= quarter, south=bbox.ymin <= -quarter)
    covered = []
    for latitude in (90.0, -90.0):
        try:
            x, y = transformation(crs.geodetic, crs)(0.0, latitude)
        except UnknownCrs:  # pragma: no cover - a system and its own base always meet
            x = y = float("inf")
        covered.append(bbox.xmin <= x <= bbox.xmax and bbox.ymin <= y <= bbox.ymax)
    return _Poles(*covered)


def _turn(x: Array, known: Array, period: float) -> tuple[float, float]:
    """West and east of a lattice's x coordinates, counted on past the antimeridian where it crosses it."""
    if known.all():
        first = np.unwrap(x[:, 0], period=period)
        rows = np.unwrap(x, axis=1, period=period)
        rows += (first - rows[:, 0])[:, None]
        return float(rows.min()), float(rows.max())
    turned = np.sort(x[known] % period)  # the meridians that are left out are those of the widest gap
    gaps = np.diff(np.append(turned, turned[0] + period))
    widest = int(gaps.argmax())
    west = float(turned[(widest + 1) % turned.size])
    return (west, west + period - float(gaps[widest])) if gaps[widest] > period / 8 else (0.0, period)


@dataclass(frozen=True, kw_only=True)
class Footprint:
    """Where data lie: one or more boxes of one system, none past the antimeridian."""

    crs: Crs
    bboxes: tuple[BBox, ...]

    @cached_property
    def span(self) -> BBox:
        """The smallest single box around all (see `span`)."""
        return span(self.bboxes, self.crs)

    def carried(self, crs: Crs) -> tuple[BBox, ...]:
        """Its boxes in another system."""
        return tuple(found for mine in self.bboxes for found in carry(mine, self.crs, crs))

    def meets(self, grid: Grid) -> bool:
        """Whether any of the boxes shares an area with the grid."""
        return any(mine.meets(theirs) for theirs in grid.bboxes_in(self.crs) for mine in self.bboxes)
