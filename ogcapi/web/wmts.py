"""WMTS 1.0.0 by resources (OGC 07-057r7, 10)."""

from __future__ import annotations

from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response

from ogcapi.model.media import TIFF
from ogcapi.model.operations import COVERAGE_TILES, STYLED_MAP_TILES
from ogcapi.model.problem import NotFound
from ogcapi.model.wmts import Contents, Layer, Wmts, contents, why_not
from ogcapi.resources.tiles import tiled_collection
from ogcapi.web.capabilities import Capabilities, of_collection
from ogcapi.web.negotiate import Asked, understand
from ogcapi.web.respond import written
from ogcapi.web.running import Handler
from ogcapi.web.site import Site, site_of
from ogcapi.web.tiles import map_tile, values_tile
from ogcapi.web.urls import BaseUrls, urls_of
from ogcapi.web.wmts_info import feature_info


def contents_of(wmts: Wmts, path: dict[str, str], site: Site) -> Contents:
    """The layers of a service. Raises `NotFound` where a collection has no tiles that WMTS can express."""
    if wmts.of_dataset:
        return site.wmts.contents(site.catalog.listed())
    one = site.catalog[path["collectionId"]]
    found = contents([one])
    if not found.layers:
        reasons = (f"{each.matrix_set.id}: {why_not(each.matrix_set)}" for each in one.tile_sets)
        raise NotFound(f"There is no WMTS of {one.id}. " + "; ".join(reasons))
    return found


def layer_of(layers: Contents, layer_id: str, site: Site) -> Layer:
    """A layer by its id. Raises `NotFound`, or `Unavailable` while its source cannot be opened."""
    if layer_id not in layers:
        _ = site.catalog[layer_id]  # which says why, if it is not hidden
    return layers[layer_id]


def described(wmts: Wmts, path: dict[str, str], site: Site, url: BaseUrls) -> Capabilities:
    """The capabilities of a service."""
    found = contents_of(wmts, path, site)
    if wmts.of_dataset:
        return site.wmts.of_dataset(found, site.service, url)
    return of_collection(found.layers[0].collection, found, site.service, url)


def capabilities_of(wmts: Wmts) -> Handler:
    """The handler of `WMTSCapabilities.xml`."""

    def capabilities(request: Request) -> Response:
        asked, site, url = understand(request, wmts.capabilities), site_of(request), urls_of(request)
        return written(request, described(wmts, asked.path, site, url).whole, asked.media.name)

    return capabilities


def tile_of(wmts: Wmts) -> Handler:
    """The handler of a tile."""

    def tile(request: Request) -> Response:
        asked, site = understand(request, wmts.tile), site_of(request)
        layer = layer_of(contents_of(wmts, asked.path, site), asked.path["collectionId"], site)
        return layer_tile(request, asked, layer)

    return tile


def info_of(wmts: Wmts) -> Handler:
    """The handler of the values at a cell of a tile."""

    def info(request: Request) -> Response:
        asked, site = understand(request, wmts.info), site_of(request)
        layer = layer_of(contents_of(wmts, asked.path, site), asked.path["collectionId"], site)
        return feature_info(request, asked, layer)

    return info


def layer_tile(request: Request, asked: Asked, layer: Layer) -> Response:
    """A tile, by the functions of map tiles and coverage tiles."""
    style = layer.collection.style(asked.path["styleId"])
    tile_sets = (layer.tile_set(asked.path["tileMatrixSetId"]),)
    if asked.media is TIFF:
        tiled = tiled_collection(layer.collection, COVERAGE_TILES, "coverage")
        return values_tile(request, asked, replace(tiled, tile_sets=tile_sets))
    tiled = tiled_collection(layer.collection, STYLED_MAP_TILES, "map", style)
    return map_tile(request, asked, replace(tiled, tile_sets=tile_sets))
