"""Styles and their legends."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from ogcapi import __version__
from ogcapi.model.media import SVG
from ogcapi.model.operations import LEGEND, STYLE, STYLE_LIST, STYLED_MAP_TILES
from ogcapi.pixels.legend import legend_png, legend_svg
from ogcapi.resources import common, tiles
from ogcapi.resources import styles as documents
from ogcapi.web.common import path_to, systems
from ogcapi.web.negotiate import understand
from ogcapi.web.pages import render
from ogcapi.web.respond import Body, data, document, frame_of
from ogcapi.web.site import site_of
from ogcapi.web.urls import urls_of


def style_list(request: Request) -> Response:
    """The styles of a collection."""
    asked, site, url = understand(request, STYLE_LIST), site_of(request), urls_of(request)
    one = site.catalog[asked.path["collectionId"]]
    content, here = documents.styles(one, url), url(STYLE_LIST, collectionId=one.id)
    return document(
        request,
        asked,
        content,
        lambda: render(
            "styles.html",
            document=content,
            service=frame_of(request, url),
            path=[*path_to(url, one), ("Styles", here)],
            here=here,
            collection=common.collection(one, url),
            systems=systems((one,)),
        ),
    )


def style(request: Request) -> Response:
    """One style."""
    asked, site, url = understand(request, STYLE), site_of(request), urls_of(request)
    one = site.catalog[asked.path["collectionId"]]
    each = one.style(asked.path["styleId"])
    content, here = documents.style(one, each, url), url(STYLE, collectionId=one.id, styleId=each.id)
    return document(
        request,
        asked,
        content,
        lambda: render(
            "style.html",
            document=content,
            service=frame_of(request, url),
            path=[*path_to(url, one), ("Styles", url(STYLE_LIST, collectionId=one.id)), (each.title, here)],
            here=here,
            collection=common.collection(one, url),
            tilesets_map=tiles.tile_sets(tiles.tiled_collection(one, STYLED_MAP_TILES, "map", each), url),
            systems=systems((one,)),
            schema=common.schema(one, site.catalog.statistics(one.id), url),
        ),
    )


def legend(request: Request) -> Response:
    """The legend of a style, with title and unit."""
    asked, site = understand(request, LEGEND), site_of(request)
    one = site.catalog[asked.path["collectionId"]]
    each = one.style(asked.path["styleId"])

    def make() -> Body:
        is_svg = asked.media is SVG
        return Body(legend_svg(each, one.fields).encode() if is_svg else legend_png(each, one.fields), {})

    revision = f"{__version__} {one.revision} {each!r}"
    return data(request, asked, revision, make, site.cache_control.documents)
