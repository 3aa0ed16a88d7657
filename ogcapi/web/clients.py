"""Files that clients open: for GDAL, rasterio, QGIS and web maps, each made for one collection."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from ogcapi.model.collection import TileSet
from ogcapi.model.link import Document, Urls
from ogcapi.model.operation import Operation
from ogcapi.model.operations import DOMAIN_SET, GDAL_WMS, GDAL_WMTS, RANGE_TYPE, STACTA, TILES_VRT, VALUES_QLR, VRT
from ogcapi.model.parameters import PROPERTIES, STYLE_ID
from ogcapi.resources import coverages, gdal, qgis, wmtsfiles
from ogcapi.resources import stacta as documents
from ogcapi.resources.tiles import Tiled
from ogcapi.resources.vrt import virtual_raster
from ogcapi.web.negotiate import Asked, understand
from ogcapi.web.pages import render_file
from ogcapi.web.respond import json_bytes, written
from ogcapi.web.site import Site, site_of
from ogcapi.web.tiles import Locate, of_coverage, tile_set_named
from ogcapi.web.urls import BaseUrls, urls_of
from ogcapi.web.written import Written

MakeMapFile = Callable[[Tiled, TileSet, Urls], Document]


def vrt(request: Request) -> Response:
    """The values in the data's own cells as a virtual raster; where those are not square, in the first set."""
    asked, site, url = understand(request, VRT), site_of(request), urls_of(request)
    one = site.catalog[asked.path["collectionId"]]
    tile_set = one.native or gdal.finest(one)
    return _virtual_raster(request, asked, site, url, gdal.choose(one, tile_set, asked.get(PROPERTIES)))


def tiles_vrt(request: Request) -> Response:
    """The values in the cells of a tile matrix set as a virtual raster."""
    asked, site, url = understand(request, TILES_VRT), site_of(request), urls_of(request)
    return _virtual_raster(request, asked, site, url, _chosen(asked, request))


def gdal_wms(request: Request) -> Response:
    """Coverage tiles for GDAL's WMS driver."""
    asked, url = understand(request, GDAL_WMS), urls_of(request)
    content = gdal.gdal_wms(_chosen(asked, request), url)
    return _file(request, asked, render_file("gdal-wms.xml", content))


def gdal_wmts(request: Request) -> Response:
    """Coverage tiles for GDAL's WMTS driver."""
    asked, url = understand(request, GDAL_WMTS), urls_of(request)
    content = wmtsfiles.gdal_wmts(_chosen(asked, request), url)
    return _file(request, asked, render_file("gdal-wmts.xml", content))


def domain_set(request: Request) -> Response:
    """Where the cells lie, for GDAL's OGCAPI driver."""
    asked, site = understand(request, DOMAIN_SET), site_of(request)
    return _file(request, asked, json_bytes(coverages.domain_set(site.catalog[asked.path["collectionId"]])))


def range_type(request: Request) -> Response:
    """The fields, for GDAL's OGCAPI driver."""
    asked, site = understand(request, RANGE_TYPE), site_of(request)
    return _file(request, asked, json_bytes(coverages.range_type(site.catalog[asked.path["collectionId"]])))


def stacta(request: Request) -> Response:
    """Coverage tiles as a STAC item of tiled assets."""
    asked, url = understand(request, STACTA), urls_of(request)
    return _file(request, asked, json_bytes(documents.stacta(_chosen(asked, request), url)))


def values_qlr(request: Request) -> Response:
    """Values as a layer of QGIS, which draws them."""
    asked, url = understand(request, VALUES_QLR), urls_of(request)
    chosen, style = _chosen(asked, request), asked.get(STYLE_ID)
    content = qgis.values_layer(chosen, None if style is None else chosen.collection.style(style), url)
    return _file(request, asked, render_file("layer.qlr", content))


def map_qlr_of(operation: Operation, locate: Locate) -> Callable[[Request], Response]:
    """The handler of map tiles as a layer of QGIS."""

    def map_qlr(request: Request) -> Response:
        asked, url = understand(request, operation), urls_of(request)
        tiled = locate(asked, request)
        content = qgis.map_layer(tiled, tile_set_named(tiled, asked), url)
        return _file(request, asked, render_file("layer.qlr", content))

    return map_qlr


def map_file_of(operation: Operation, locate: Locate, make: MakeMapFile) -> Callable[[Request], Response]:
    """The handler of a JSON file about map tiles, of a collection or of one in a style."""

    def map_file(request: Request) -> Response:
        asked, url = understand(request, operation), urls_of(request)
        tiled = locate(asked, request)
        return _file(request, asked, json_bytes(make(tiled, tile_set_named(tiled, asked), url)))

    return map_file


def _chosen(asked: Asked, request: Request) -> gdal.Chosen:
    tiled = of_coverage(asked, request)
    return gdal.choose(tiled.collections[0], tile_set_named(tiled, asked), asked.get(PROPERTIES))


def _virtual_raster(request: Request, asked: Asked, site: Site, url: BaseUrls, chosen: gdal.Chosen) -> Response:
    one = chosen.collection
    measured = dict(zip((field.name for field in one.fields), site.catalog.statistics(one.id), strict=True))
    content = virtual_raster(chosen, measured, url)
    return _file(request, asked, render_file("coverage.vrt", content))


def _file(request: Request, asked: Asked, text: bytes) -> Response:
    return written(request, Written(text), asked.media.name)
