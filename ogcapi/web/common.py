"""Landing page, API, conformance, collections, schemas (Common 1, 2 and 3), and the operator's probes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from ogcapi.model.collection import Collection
from ogcapi.model.crs import Crs
from ogcapi.model.operations import (
    API,
    COLLECTION,
    COLLECTION_LIST,
    CONFORMANCE,
    COVERAGE_TILES,
    LANDING_PAGE,
    MAP_TILES,
    SCHEMA_OF,
)
from ogcapi.resources import common, styles, tiles
from ogcapi.resources.conformance import conformance
from ogcapi.resources.openapi import openapi
from ogcapi.web.negotiate import understand
from ogcapi.web.pages import render
from ogcapi.web.respond import document, frame_of, json_bytes
from ogcapi.web.site import site_of
from ogcapi.web.urls import BaseUrls, urls_of

Path = list[tuple[str, str]]


def landing_page(request: Request) -> Response:
    """The landing page."""
    asked, site, url = understand(request, LANDING_PAGE), site_of(request), urls_of(request)
    content = common.landing_page(site.service, url)

    def page() -> str:
        found = site.catalog.listed()
        return render(
            "landing.html",
            document=content,
            service=frame_of(request, url),
            path=[],
            here=url(LANDING_PAGE),
            collections=common.collections(found, site.service, url),
            conformance=conformance(url),
            systems=systems(found),
        )

    return document(request, asked, content, page)


def api(request: Request) -> Response:
    """The API's own description."""
    asked, site, url = understand(request, API), site_of(request), urls_of(request)
    content = openapi(site.service, [one.id for one in site.catalog.listed()], url)
    here = url(API)
    return document(
        request,
        asked,
        content,
        lambda: render("api.html", document=content, service=frame_of(request, url), path=[("API", here)], here=here),
    )


def declaration(request: Request) -> Response:
    """The conformance declaration."""
    asked, url = understand(request, CONFORMANCE), urls_of(request)
    content, here = conformance(url), url(CONFORMANCE)
    return document(
        request,
        asked,
        content,
        lambda: render(
            "conformance.html",
            document=content,
            service=frame_of(request, url),
            path=[("Conformance", here)],
            here=here,
        ),
    )


def collection_list(request: Request) -> Response:
    """All collections that can be served now."""
    asked, site, url = understand(request, COLLECTION_LIST), site_of(request), urls_of(request)
    found = site.catalog.listed()
    content, here = common.collections(found, site.service, url), url(COLLECTION_LIST)

    def page() -> str:
        return render(
            "collections.html",
            document=content,
            service=frame_of(request, url),
            path=path_to(url),
            here=here,
            systems=systems(found),
        )

    return document(request, asked, content, page)


def collection(request: Request) -> Response:
    """One collection."""
    asked, site, url = understand(request, COLLECTION), site_of(request), urls_of(request)
    one = site.catalog[asked.path["collectionId"]]
    content = common.collection(one, url)

    def page() -> str:
        sets = [each.matrix_set for each in one.tile_sets]
        return render(
            "collection.html",
            document=content,
            service=frame_of(request, url),
            path=path_to(url, one),
            here=url(COLLECTION, collectionId=one.id),
            schema=common.schema(one, site.catalog.statistics(one.id), url),
            styles=styles.styles(one, url),
            tilesets_map=tiles.tile_sets(tiles.tiled_collection(one, MAP_TILES, "map"), url),
            tilesets_coverage=tiles.tile_sets(tiles.tiled_collection(one, COVERAGE_TILES, "coverage"), url),
            tile_matrix_sets={each.id: tiles.tile_matrix_set(each, url) for each in sets},
            systems=systems((one,)),
        )

    return document(request, asked, content, page)


def schema(request: Request) -> Response:
    """The fields of a collection."""
    asked, site, url = understand(request, SCHEMA_OF), site_of(request), urls_of(request)
    one = site.catalog[asked.path["collectionId"]]
    content, here = common.schema(one, site.catalog.statistics(one.id), url), url(SCHEMA_OF, collectionId=one.id)
    return document(
        request,
        asked,
        content,
        lambda: render(
            "schema.html",
            document=content,
            service=frame_of(request, url),
            path=[*path_to(url, one), ("Fields", here)],
            here=here,
            collection=common.collection(one, url),
        ),
    )


def healthz(_: Request) -> Response:
    """Whether the process answers."""
    return Response(json_bytes({"status": "ok"}), media_type="application/json", headers={"Cache-Control": "no-store"})


def readyz(request: Request) -> Response:
    """Whether requests can be served, and which collections cannot."""
    failing = dict(site_of(request).catalog.failing())
    content = {"status": "degraded" if failing else "ok", "unavailable": failing}
    return Response(json_bytes(content), media_type="application/json", headers={"Cache-Control": "no-store"})


def path_to(url: BaseUrls, one: Collection | None = None) -> Path:
    """The way from the landing page to the collections, or to one of them."""
    found = [("Collections", url(COLLECTION_LIST))]
    return found if one is None else [*found, (one.title, url(COLLECTION, collectionId=one.id))]


def systems(found: Iterable[Collection]) -> dict[str, Any]:
    """What pages need to know of the systems that some collections' documents name."""
    named: dict[str, Any] = {}
    for one in found:
        for crs in (*common.systems_of(one), one.body.geographic):
            named.setdefault(crs.uri or crs.name, system(crs))
    return named


def system(crs: Crs) -> dict[str, Any]:
    """A system for a page: its name, its axes in the order of its texts, and how proj4 writes it."""
    ordered = crs.axes[::-1] if crs.is_yx else crs.axes
    return {
        "name": crs.name,
        "axes": [list(axis) for axis in ordered],
        "unit": crs.unit,
        "geographic": crs.is_geographic,
        "metresPerUnit": crs.metres_per_unit,
        "proj4": crs.proj4,
    }
