"""Files that clients open: for GDAL, rasterio, QGIS and web maps, each made for one collection."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from ogcapi.model.operations import GDAL_WMS, TILES_VRT, VRT
from ogcapi.model.parameters import PROPERTIES
from ogcapi.resources import gdal
from ogcapi.web.negotiate import Asked, understand
from ogcapi.web.pages import render_file
from ogcapi.web.respond import text_file
from ogcapi.web.site import Site, site_of
from ogcapi.web.tiles import of_coverage, tile_set_named
from ogcapi.web.urls import BaseUrls, urls_of


def vrt(request: Request) -> Response:
    """The values in the data's own cells as a virtual raster; where those are not square, in the first set."""
    asked, site, url = understand(request, VRT), site_of(request), urls_of(request)
    one = site.catalog[asked.path["collectionId"]]
    tile_set = one.native or gdal.finest(one)
    return _virtual_raster(request, asked, site, url, gdal.choose(one, tile_set, asked.get(PROPERTIES)))


def tiles_vrt(request: Request) -> Response:
    """The values in the cells of a tile matrix set as a virtual raster."""
    asked, site, url = understand(request, TILES_VRT), site_of(request), urls_of(request)
    return _virtual_raster(request, asked, site, url, _chosen(asked, site, url))


def gdal_wms(request: Request) -> Response:
    """Coverage tiles for GDAL's WMS driver."""
    asked, site, url = understand(request, GDAL_WMS), site_of(request), urls_of(request)
    content = gdal.gdal_wms(_chosen(asked, site, url), url)
    return text_file(request, asked, render_file("gdal-wms.xml", content).encode(), {})


def _chosen(asked: Asked, site: Site, url: BaseUrls) -> gdal.Chosen:
    tiled = of_coverage(asked, site, url)
    return gdal.choose(tiled.collections[0], tile_set_named(tiled, asked), asked.get(PROPERTIES))


def _virtual_raster(request: Request, asked: Asked, site: Site, url: BaseUrls, chosen: gdal.Chosen) -> Response:
    one = chosen.collection
    measured = dict(zip((field.name for field in one.fields), site.catalog.statistics(one.id), strict=True))
    content = gdal.virtual_raster(chosen, measured, url)
    return text_file(request, asked, render_file("coverage.vrt", content).encode(), {})
