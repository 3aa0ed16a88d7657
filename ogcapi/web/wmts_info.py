"""GetFeatureInfo: the true values at a cell of a tile, and the assets that they came from."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response

from ogcapi.model.collection import AssetSource
from ogcapi.model.grid import BBox, Grid
from ogcapi.model.link import Document
from ogcapi.model.media import HTML, JSON, TEXT, MediaType
from ogcapi.model.problem import NotFound, shown
from ogcapi.model.raster import Selection
from ogcapi.model.tiles import tile_grid
from ogcapi.model.wmts import Layer
from ogcapi.resources.feature_info import Place, feature_info_text
from ogcapi.resources.feature_info import feature_info as described
from ogcapi.web.negotiate import Asked
from ogcapi.web.pages import fill
from ogcapi.web.respond import POLICY, Body, data, json_bytes
from ogcapi.web.site import site_of
from ogcapi.web.tiles import revision_of
from ogcapi.web.timing import timed

_WRITERS: Mapping[MediaType, Callable[[Document], bytes]] = {
    JSON: json_bytes,
    HTML: lambda found: fill("wmts_info.html", document=found).encode(),
    TEXT: lambda found: feature_info_text(found).encode(),
}


def feature_info(request: Request, asked: Asked, layer: Layer) -> Response:
    """The values at a cell of a tile, as they are stored: not those of a coarser level that the tile may show."""
    one, site = layer.collection, site_of(request)
    style = one.style(asked.path["styleId"])
    grid = _cell(layer, asked)
    selection = Selection.of(one.fields, None)

    def make() -> Body:
        raster = timed("read", one.coverage.read, grid, selection)
        assets = one.coverage.assets(grid, selection) if isinstance(one.coverage, AssetSource) else None
        found = described(one, Place.centre_of(grid, one.body), raster, assets)
        headers = {"Content-Security-Policy": POLICY} if asked.media is HTML else {}
        return Body(_WRITERS[asked.media](found), headers, raster.missing)

    return data(request, asked, timed("find", revision_of, [one], grid, style), make, site.cache_control.tiles)


def _cell(layer: Layer, asked: Asked) -> Grid:
    """One cell around the centre of the tile's, no wider than the data's own cells."""
    path = asked.path
    tile_set = layer.tile_set(path["tileMatrixSetId"])
    matrix_set = tile_set.matrix_set
    grid = tile_grid(matrix_set, tile_set.limits, path["tileMatrix"], path["tileRow"], path["tileCol"])
    row, col = _index("J", path["j"], grid.height), _index("I", path["i"], grid.width)
    x, y = grid.bbox.xmin + (col + 0.5) * grid.cell_width, grid.bbox.ymax - (row + 0.5) * grid.cell_height
    finest = matrix_set[layer.collection.filled(matrix_set).limits[-1].matrix_id].cell_size
    half = min(finest, grid.cell_width) / 2
    return Grid(crs=grid.crs, bbox=BBox(xmin=x - half, ymin=y - half, xmax=x + half, ymax=y + half), width=1, height=1)


def _index(name: str, text: str, cells: int) -> int:
    if re.fullmatch("[0-9]{1,9}", text) and int(text) < cells:
        return int(text)
    raise NotFound(f"{name} {shown(text)} is no cell of the tile; expected a whole number from 0 to {cells - 1}.")
