"""The grid that `bbox`, `bbox-crs`, `crs`, `width` and `height` ask for."""

from __future__ import annotations

from math import ceil

from ogcapi.model.body import body_of
from ogcapi.model.collection import Collection
from ogcapi.model.crs import Crs
from ogcapi.model.grid import BBox, Grid, carry, span
from ogcapi.model.parameters import BBOX, BBOX_CRS, CRS, HEIGHT, WIDTH
from ogcapi.model.problem import BadParameter, TooManyCells
from ogcapi.model.stop import needs_time
from ogcapi.web.negotiate import Asked

_BRIEF = 1 << 20  # cells that are written in a moment
_WHOLE = 1e-6  # of a cell: a box this near to whole cells is of whole cells


def grid_of(asked: Asked, one: Collection, longest: int | None) -> Grid:
    """The grid of an answer, in `crs` or the storage CRS.

    Without a size: the data's own cells, at most `longest` along the longer side where that is given. A side that is
    missing follows from the other with square cells.
    """
    crs = _of_body(one, "crs", asked.get(CRS)) or one.storage_crs
    numbers, storage = asked.get(BBOX), one.coverage.grid
    if numbers is None and crs == storage.crs:
        box = storage.bbox
    elif numbers is None:
        box = _single(one.coverage.footprint.carried(crs), crs)
    else:
        bbox_crs = _of_body(one, "bbox-crs", asked.get(BBOX_CRS)) or one.body.geographic
        box = _asked_box(numbers, bbox_crs, crs)
    width, height = asked.get(WIDTH), asked.get(HEIGHT)
    if width is None and height is None:
        width, height = _native_size(box, crs, one, longest)
    aspect = box.width / box.height
    return Grid(
        crs=crs,
        bbox=box,
        width=width or max(1, round((height or 1) * aspect)),
        height=height or max(1, round((width or 1) / aspect)),
    )


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


def _asked_box(numbers: tuple[float, float, float, float], bbox_crs: Crs, crs: Crs) -> BBox:
    (west, low), (east, high) = bbox_crs.text_order(*numbers[:2]), bbox_crs.text_order(*numbers[2:])
    expected = "a lower corner that is below and (but across the antimeridian) left of the upper one"
    if bbox_crs.x_period and east < west:
        east += bbox_crs.x_period
    try:
        box = BBox(xmin=west, ymin=low, xmax=east, ymax=high)
    except ValueError as error:
        raise BadParameter("bbox", ",".join(map(str, numbers)), expected) from error
    if bbox_crs.x_period and box.width > bbox_crs.x_period * (1 + 1e-9):
        raise BadParameter("bbox", ",".join(map(str, numbers)), "a box at most once around the body")
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
