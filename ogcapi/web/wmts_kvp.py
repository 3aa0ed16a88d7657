"""WMTS 1.0.0 by names and values (OGC 07-057r7, 8): each request is that of a resource, in another spelling."""

from __future__ import annotations

from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from ogcapi.model.media import MediaType
from ogcapi.model.operation import Operation
from ogcapi.model.wmts import VERSION, Layer, Wmts
from ogcapi.resources.wmts import SECTIONS
from ogcapi.web.kvp import Given, Refused, invalid
from ogcapi.web.negotiate import Asked
from ogcapi.web.respond import written
from ogcapi.web.running import Handler
from ogcapi.web.site import site_of
from ogcapi.web.timing import Endpoint
from ogcapi.web.urls import urls_of
from ogcapi.web.wmts import contents_of, described, layer_of, layer_tile
from ogcapi.web.wmts_info import feature_info

_CELL = ("J", "I")  # the row, then the column


def by_names(wmts: Wmts, run: Callable[[Handler], Endpoint]) -> Endpoint:
    """The endpoint of requests by names and values; `run` says where data are made."""

    def capabilities(request: Request) -> Response:
        return _capabilities(request, wmts, Given.of(request))

    def data(request: Request) -> Response:
        given = Given.of(request)
        given.one_of("version", VERSION)
        return _OPERATIONS[given.needed("request")](request, wmts, given)

    make = run(data)

    async def answer(request: Request) -> Response:
        given = Given.of(request)
        given.one_of("service", "WMTS")
        if given.one_of("request", "GetCapabilities", *_OPERATIONS) == "GetCapabilities":
            return await run_in_threadpool(capabilities, request)
        return await make(request)

    return answer


def _capabilities(request: Request, wmts: Wmts, given: Given) -> Response:
    site, url = site_of(request), urls_of(request)
    versions = given.several("AcceptVersions")
    if versions and VERSION not in versions:
        raise Refused("VersionNegotiationFailed", None, f"Only version {VERSION} is served here.")
    wanted = given.several("Sections") or ["All"]
    for name in wanted:
        if name not in {"All", *SECTIONS}:
            raise invalid("Sections", name, "All, or some of " + ", ".join(SECTIONS))
    found = described(wmts, _path(request), site, url)
    text = found.whole if "All" in wanted else found.only(wanted)
    sequence = given.get("updateSequence")
    if sequence is not None:
        _check_sequence(sequence, found.sequence)
        text = found.only(()) if int(sequence) == int(found.sequence) else text
    return written(request, text, _accepted(given, wmts).name)


def _check_sequence(given: str, current: str) -> None:
    if not (given.isascii() and given.isdigit() and len(given) <= len(current)) or int(given) > int(current):
        detail = f"There is no update sequence {given[:100]!r} yet: the current one is {current}."
        raise Refused("InvalidUpdateSequence", None, detail)


def _accepted(given: Given, wmts: Wmts) -> MediaType:
    """The first of `AcceptFormats` that is known, else the default (OWS Common, table 3)."""
    for name in given.several("AcceptFormats"):
        for media in wmts.kvp.answers:
            if name == media.name:
                return media
    return wmts.kvp.answers[0]


def _get_tile(request: Request, wmts: Wmts, given: Given) -> Response:
    layer, path = _tile_named(request, wmts, given)
    media = _format(given, "Format", wmts.pictures)
    return layer_tile(_resource(request, wmts.tile, path, media), Asked(media, path, {}, ""), layer)


def _get_feature_info(request: Request, wmts: Wmts, given: Given) -> Response:
    for name in _CELL:
        given.needed(name)
    layer, path = _tile_named(request, wmts, given)
    _format(given, "Format", wmts.pictures)
    media = _format(given, "InfoFormat", wmts.info.answers)
    matrix = layer.tile_set(path["tileMatrixSetId"]).matrix_set[path["tileMatrix"]]
    for name, cells in zip(_CELL, (matrix.tile_height, matrix.tile_width), strict=True):
        path[name.lower()] = str(given.number(name, 0, cells - 1, "PointIJOutOfRange"))
    return feature_info(_resource(request, wmts.info, path, media), Asked(media, path, {}, ""), layer)


_OPERATIONS: dict[str, Callable[[Request, Wmts, Given], Response]] = {
    "GetTile": _get_tile,
    "GetFeatureInfo": _get_feature_info,
}


def _tile_named(request: Request, wmts: Wmts, given: Given) -> tuple[Layer, dict[str, str]]:
    """The layer of a tile, and the path of the tile as a resource. Raises `Refused`."""
    for name in ("Layer", "Style", "Format", "TileMatrixSet", "TileMatrix", "TileRow", "TileCol"):
        given.needed(name)
    site = site_of(request)
    layers = contents_of(wmts, _path(request), site)
    layer = given.known("Layer", lambda layer_id: layer_of(layers, layer_id, site))
    style = given.known("Style", layer.collection.style)
    tile_set = given.known("TileMatrixSet", layer.tile_set)
    matrix = given.known("TileMatrix", tile_set.matrix_set.__getitem__)
    limits = next((one for one in tile_set.limits if one.matrix_id == matrix.id), None)
    if limits is None:
        known = ", ".join(one.matrix_id for one in tile_set.limits)
        raise invalid("TileMatrix", matrix.id, f"a tile matrix that the layer has tiles in: {known}")
    row = given.number("TileRow", limits.min_row, limits.max_row, "TileOutOfRange")
    col = given.number("TileCol", limits.min_col, limits.max_col, "TileOutOfRange")
    return layer, {
        "collectionId": layer.collection.id,
        "styleId": style.id,
        "tileMatrixSetId": tile_set.matrix_set.id,
        "tileMatrix": matrix.id,
        "tileRow": str(row),
        "tileCol": str(col),
    }


def _format(given: Given, name: str, known: tuple[MediaType, ...]) -> MediaType:
    text = given.one_of(name, *(media.name for media in known))
    return next(media for media in known if media.name == text)


def _path(request: Request) -> dict[str, str]:
    return {name: str(value) for name, value in request.path_params.items()}


def _resource(request: Request, operation: Operation, path: dict[str, str], media: MediaType) -> Request:
    """The request by names as that of the resource: one tag, and one encoded tile in memory, for both."""
    place = operation.path
    for name, value in path.items():
        place = place.replace(f"{{{name}}}", value)
    return Request({**request.scope, "path": f"{place}.{media.short[0]}", "query_string": b""}, request.receive)
