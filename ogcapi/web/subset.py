"""The grid that `bbox`, `bbox-crs`, `crs`, `width` and `height` ask for."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil

from ogcapi.model.body import body_of
from ogcapi.model.collection import Collection
from ogcapi.model.crs import Crs
from ogcapi.model.grid import BBox, Grid, carry, span
from ogcapi.model.parameters import BBOX, BBOX_CRS, CRS, HEIGHT, SCALE_SIZE, SCALE_SIZE_GDAL, SUBSET, WIDTH
from ogcapi.model.problem import BadParameter, TooManyCells
from ogcapi.model.stop import needs_time
from ogcapi.web.negotiate import Asked

_BRIEF = 1 << 20  # cells that are written in a moment
_LON, _LAT = ("lon", "long"), ("lat",)
_WHOLE = 1e-6  # of a cell: a box this near to whole cells is of whole cells


def grid_of(asked: Asked, one: Collection, longest: int | None) -> Grid:
    """The grid of an answer, in `crs` or the storage CRS.

    Without a size: the data's own cells, at most `longest` along the longer side where that is given. A side that is
    missing follows from the other with square cells.
    """
    numbers, bbox_crs = _box_of(asked, one)
    wanted = bbox_crs if asked.get(SCALE_SIZE_GDAL) and numbers else None
    crs = _of_body(one, "crs", asked.get(CRS)) or wanted or one.storage_crs
    storage = one.coverage.grid
    if numbers is None and crs == storage.crs:
        box = storage.bbox
    elif numbers is None:
        box = _single(one.coverage.footprint.carried(crs), crs)
    else:
        box = _asked_box(asked, numbers, bbox_crs, crs)
    width, height = _size_of(asked, one)
    if width is None and height is None:
        width, height = _native_size(box, crs, one, longest)
    aspect = box.width / box.height
    return Grid(
        crs=crs,
        bbox=box,
        width=width or max(1, round((height or 1) * aspect)),
        height=height or max(1, round((width or 1) / aspect)),
    )


def _box_of(asked: Asked, one: Collection) -> tuple[tuple[float, float, float, float] | None, Crs]:
    """The box of `bbox` or `subset` in the order of its system's texts, and that system."""
    numbers, subset = asked.get(BBOX), asked.get(SUBSET)
    geographic = one.body.geographic
    if subset is None:
        return numbers, _of_body(one, "bbox-crs", asked.get(BBOX_CRS)) or geographic
    if numbers is not None:
        raise BadParameter("subset", _written(subset), "either subset or bbox")
    crs = geographic if set(subset) <= {*_LON, *_LAT} else one.storage_crs
    x, y = _by_axis("subset", subset, crs)
    whole = one.extent.span if crs == geographic else one.coverage.grid.bbox
    west, east = x or (whole.xmin, whole.xmax)
    low, high = y or (whole.ymin, whole.ymax)
    return (*crs.text_order(west, low), *crs.text_order(east, high)), crs


def _size_of(asked: Asked, one: Collection) -> tuple[int | None, int | None]:
    """Width and height of the answer, as far as they are given in whatever way."""
    sizes = {name: found for name in (SCALE_SIZE, SCALE_SIZE_GDAL) if (found := asked.get(name)) is not None}
    given = asked.get(WIDTH), asked.get(HEIGHT)
    if not sizes:
        return given
    (parameter, size), *others = sizes.items()
    if others or given != (None, None):
        raise BadParameter(parameter.name, _written(size), "one of scale-size, scaleSize, and width and height")
    crs = one.body.geographic if set(size) <= {*_LON, *_LAT} else one.storage_crs
    x, y = _by_axis(parameter.name, size, crs)
    return int(x[0]) if x else None, int(y[0]) if y else None


def _by_axis(
    name: str, given: Mapping[str, tuple[float, ...]], crs: Crs
) -> tuple[tuple[float, ...] | None, tuple[float, ...] | None]:
    """What is given for the x axis and for the y axis of a system, by any of their names."""
    (x, *_), (y, *_) = crs.axes
    across, up = (set(_LON), set(_LAT)) if crs.is_geographic else ({x.lower(), "x", "e"}, {y.lower(), "y", "n"})
    for axis in given:
        if axis not in {*across, *up}:
            raise BadParameter(name, _written(given), f"the axes Lat and Lon, or {x} and {y} of {crs}")
    found = [[given[axis] for axis in names if axis in given] for names in (across, up)]
    if any(len(each) > 1 for each in found):
        raise BadParameter(name, _written(given), "each axis once")
    return next(iter(found[0]), None), next(iter(found[1]), None)


def _written(by_axis: Mapping[str, tuple[float, ...]]) -> str:
    """What is given by axis, as in a request."""
    return ",".join(f"{axis}({':'.join(format(number, '.15g') for number in of)})" for axis, of in by_axis.items())


def bounded(grid: Grid, fields: int, limit: int) -> None:
    """Raises `TooManyCells` (413) where an answer would have more cells than the limit."""
    cells = grid.width * grid.height * fields
    if cells > limit:
        raise TooManyCells(f"{grid.width} x {grid.height} cells of {fields} fields", limit)
    if cells > _BRIEF:
        needs_time()


def _of_body(one: Collection, name: str, crs: Crs | None) -> Crs | None:
    if crs is not None and body_of(crs) != one.body:
        raise BadParameter(name, crs, f"a coordinate reference system of {one.body.name}")
    return crs


def _asked_box(asked: Asked, numbers: tuple[float, float, float, float], bbox_crs: Crs, crs: Crs) -> BBox:
    subset = asked.get(SUBSET)
    given = ("bbox", ",".join(map(str, numbers))) if subset is None else ("subset", _written(subset))
    (west, low), (east, high) = bbox_crs.text_order(*numbers[:2]), bbox_crs.text_order(*numbers[2:])
    expected = "a lower corner that is below and (but across the antimeridian) left of the upper one"
    if bbox_crs.x_period and east < west:
        east += bbox_crs.x_period
    try:
        box = BBox(xmin=west, ymin=low, xmax=east, ymax=high)
    except ValueError as error:
        raise BadParameter(*given, expected) from error
    if bbox_crs.x_period and box.width > bbox_crs.x_period * (1 + 1e-9):
        raise BadParameter(*given, "a box at most once around the body")
    return box if bbox_crs == crs else _single(carry(box, bbox_crs, crs), crs)


def _single(boxes: tuple[BBox, ...], crs: Crs) -> BBox:
    """One box around several, counted on past the antimeridian where they lie on both its sides."""
    if not boxes:
        raise BadParameter("bbox", "", f"a box that lies within {crs.name}")
    return span(boxes, crs)


def _native_size(box: BBox, crs: Crs, one: Collection, longest: int | None) -> tuple[int, int]:
    """Cells of the data's own size; as many on the same surface where the system is another one."""
    storage = one.coverage.grid
    if crs == storage.crs:
        width, height = box.width / storage.cell_width, box.height / storage.cell_height
    else:
        there = carry(box, crs, storage.crs)
        own = span(there, storage.crs) if there else storage.bbox
        cells = own.width / storage.cell_width * own.height / storage.cell_height
        width = (cells * box.width / box.height) ** 0.5
        height = cells / width
    if longest and max(width, height) > longest:
        scale = longest / max(width, height)
        width, height = width * scale, height * scale
    return max(1, ceil(width - _WHOLE)), max(1, ceil(height - _WHOLE))
