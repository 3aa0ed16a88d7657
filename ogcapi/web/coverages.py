"""Coverages: the values of a collection on any box, in any system of its body."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from ogcapi.model.crs import Crs
from ogcapi.model.grid import BBox, text_bbox
from ogcapi.model.operations import COVERAGE_OF
from ogcapi.model.parameters import PROPERTIES
from ogcapi.model.problem import NotFound
from ogcapi.model.raster import Selection
from ogcapi.pixels.encode import COVERAGE_ENCODERS
from ogcapi.web.negotiate import understand
from ogcapi.web.respond import Body, data, georeferencing
from ogcapi.web.site import site_of
from ogcapi.web.subset import bounded, grid_of
from ogcapi.web.tiles import revision_of
from ogcapi.web.timing import timed


def coverage(request: Request) -> Response:
    """The values of a collection (Coverages `/req/core/get-coverage`): native cells unless `width` or `height` say."""
    asked, site = understand(request, COVERAGE_OF), site_of(request)
    one = site.catalog[asked.path["collectionId"]]
    selection = Selection.of(one.fields, asked.get(PROPERTIES))
    grid = grid_of(asked, one, longest=None)
    bounded(grid, len(selection.fields), site.max_cells)
    if not timed("find", one.coverage.meets, grid):
        asked_for, extent = (_words(*pair) for pair in ((grid.bbox, grid.crs), (one.extent.span, one.extent.crs)))
        raise NotFound(f"The box asked for, {asked_for}, lies wholly outside the collection's extent, {extent}.")

    def make() -> Body:
        raster = timed("read", one.coverage.read, grid, selection)
        return Body(timed("encode", COVERAGE_ENCODERS[asked.media], raster), georeferencing(grid), raster.missing)

    return data(request, asked, timed("find", revision_of, [one], grid), make, site.cache_control.coverages)


def _words(bbox: BBox, crs: Crs) -> str:
    """A box as problems name it: its numbers, and which axis each of them is on."""
    first, second = (crs.axes[1], crs.axes[0]) if crs.is_yx else crs.axes
    numbers = ",".join(f"{number:.10g}" for number in text_bbox(bbox, crs))
    return f"{numbers} ({first[0]},{second[0]},{first[0]},{second[0]} in {crs})"
