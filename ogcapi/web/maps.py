"""Maps: a collection drawn in a style on any box, in any system of its body."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from ogcapi.model.operation import Operation
from ogcapi.model.operations import MAP, STYLED_MAP
from ogcapi.model.style import Style
from ogcapi.pixels.encode import MAP_ENCODERS
from ogcapi.web.negotiate import understand
from ogcapi.web.respond import Body, data, georeferencing
from ogcapi.web.site import site_of
from ogcapi.web.subset import bounded, grid_of
from ogcapi.web.tiles import picture_of, revision_of
from ogcapi.web.timing import timed

_LONGEST = 1024  # cells of the longer side of a map that no one gave a size


def map_(request: Request) -> Response:
    """A collection as a map in its default style (Maps `/req/core/map-op`)."""
    return _map(request, MAP)


def styled_map(request: Request) -> Response:
    """A collection as a map in one of its styles (Maps `/req/styled-map/map-operation`)."""
    return _map(request, STYLED_MAP)


def _map(request: Request, operation: Operation) -> Response:
    asked, site = understand(request, operation), site_of(request)
    one = site.catalog[asked.path["collectionId"]]
    style: Style | None = one.style(asked.path["styleId"]) if "styleId" in asked.path else None
    grid = grid_of(asked, one, longest=_LONGEST)
    bounded(grid, len((style or one.styles[0]).fields), site.max_cells)

    def make() -> Body:
        picture, missing, _ = picture_of([one], grid, style)
        return Body(timed("encode", MAP_ENCODERS[asked.media], picture), georeferencing(grid), missing)

    return data(request, asked, timed("find", revision_of, [one], grid, style), make, site.cache_control.tiles)
