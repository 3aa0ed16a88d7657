"""Responses: documents, data, problems; with tags, compression and the headers that say where data lie."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ogcapi import __version__
from ogcapi.model.crs import CRS84
from ogcapi.model.grid import Grid, text_bbox
from ogcapi.model.link import Document
from ogcapi.model.media import HTML, PROBLEM, MediaType
from ogcapi.model.operations import API, COLLECTION_LIST, CONFORMANCE, LANDING_PAGE, MATRIX_SET_LIST
from ogcapi.model.problem import MethodNotAllowed, NotFound, Problem, Unavailable, shown
from ogcapi.web.kvp import is_by_names, report
from ogcapi.web.negotiate import Asked, prefers_page
from ogcapi.web.pages import render
from ogcapi.web.site import site_of
from ogcapi.web.tilecache import Encoded, is_known, is_tile, request_of
from ogcapi.web.urls import BaseUrls, urls_of
from ogcapi.web.written import Written

log = logging.getLogger("ogcapi.web")
_MIN_GZIP = 512  # bytes; smaller documents do not gain
_MAX_NAMED = 10  # assets that a header names

SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
}
POLICY = "default-src 'self'; img-src 'self' data: blob:; style-src 'self'; object-src 'none'; base-uri 'self'"
"""Of every page: what it loads is of this server."""


@dataclass(frozen=True)
class Body:
    """Data, encoded."""

    content: bytes
    headers: Mapping[str, str]
    missing: tuple[str, ...] = ()
    """Assets that could not be read: such an answer is not tagged and not to be stored."""


def json_bytes(value: Any) -> bytes:
    """JSON as it is sent. Raises `ValueError` for what JSON cannot say, such as NaN."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def document(request: Request, asked: Asked, content: Document, page: Callable[[], str]) -> Response:
    """A document as JSON, or as the page that shows it; tagged with a digest of its bytes."""
    is_page = asked.media is HTML
    text = page().encode() if is_page else json_bytes(content)
    headers = {"Content-Security-Policy": POLICY} if is_page else {}
    return written(request, Written(text), _content_type(asked.media), headers)


def written(request: Request, text: Written, content_type: str, more: Mapping[str, str] | None = None) -> Response:
    """A document with its tag, compressed where the client takes that, or 304 where it has it."""
    site = site_of(request)
    headers = {"Vary": "Accept, Accept-Encoding", "Cache-Control": site.cache_control.documents, **(more or {})}
    is_packed = site.gzip and len(text.text) >= _MIN_GZIP and accepts_gzip(request)
    headers["ETag"] = f'"{text.tag}-gzip"' if is_packed else f'"{text.tag}"'
    if is_known(request.headers, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    if is_packed:
        headers["Content-Encoding"] = "gzip"
    return Response(text.packed if is_packed else text.text, media_type=content_type, headers=headers)


def data(request: Request, asked: Asked, revision: str, make: Callable[[], Body], cache_control: str) -> Response:
    """Data, tagged before they are read: by what they depend on, so that an unchanged answer costs no reading."""
    parts = (__version__, revision, request.scope["path"], asked.canonical, asked.media.name)
    tag = '"' + hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32] + '"'
    headers = {"Vary": "Accept", "Cache-Control": cache_control, "ETag": tag}
    if is_known(request.headers, tag):
        return Response(status_code=304, headers=headers)
    tiles = site_of(request).tiles
    known = tiles[tag]
    if known is not None:
        tiles.remember(request_of(request.scope), tag)
        return Response(known.body, headers={name.decode(): value.decode() for name, value in known.headers})
    body = make()
    if body.missing:
        del headers["ETag"]
        headers |= {"Cache-Control": "no-store", "OGCAPI-Missing-Assets": _named(body.missing)}
    answer = Response(body.content, media_type=_content_type(asked.media), headers={**headers, **body.headers})
    if tiles.max_bytes and not body.missing and is_tile(request.scope["path"]):
        tiles.put(Encoded(body=body.content, headers=tuple(answer.raw_headers), tag=tag))
        tiles.remember(request_of(request.scope), tag)
    return answer


def _named(missing: tuple[str, ...]) -> str:
    """Names of assets as a header can hold them, and how many more there are."""
    names = [name.encode("ascii", "backslashreplace").decode().replace(",", "%2C") for name in missing[:_MAX_NAMED]]
    more = len(missing) - len(names)
    text = ", ".join("".join(c if c.isprintable() else "?" for c in name) for name in names)
    return text + (f", and {more} more" if more else "")


def georeferencing(grid: Grid) -> dict[str, str]:
    """`Content-Bbox` and `Content-Crs` (Maps `/req/core/map-response`; Coverages `/req/core/response-headers`).

    The system is left out where it is CRS84, and where it has no URI to name it by.
    """
    headers = {"Content-Bbox": ",".join(map(repr, text_bbox(grid.bbox, grid.crs)))}
    if grid.crs != CRS84 and grid.crs.uri:
        headers["Content-Crs"] = grid.crs.uri
    return headers


def problem(request: Request, found: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """A problem as JSON, or as a page for those who would rather have one (RFC 9457).

    Requests by names and values get a report (OWS Common 1.1, 8).
    """
    given = {"Cache-Control": "no-store", **(headers or {})}
    if isinstance(found, Unavailable):
        given["Retry-After"] = str(found.retry_after_s)
    if is_by_names(request.scope["path"]):
        return report(found, given)
    given["Vary"] = "Accept"
    content = {**found.document, "instance": request.url.path[:200]}
    page = request.query_params.get("f") in {"html", HTML.name} or (
        "f" not in request.query_params and prefers_page(request.headers.getlist("accept"))
    )
    if not page:
        return Response(json_bytes(content), found.status, given, PROBLEM.name)
    try:
        url = urls_of(request)
    except Problem:
        url = BaseUrls("")
    frame = frame_of(request, url)
    text = render("problem.html", document=content, service=frame, path=[], here=str(request.url.path))
    given["Content-Security-Policy"] = POLICY
    return Response(text, found.status, given, _content_type(HTML))


def frame_of(request: Request, url: BaseUrls) -> dict[str, Any]:
    """What the frame of every page tells."""
    service = site_of(request).service
    return {
        "title": service.title,
        "description": service.description,
        "version": service.version,
        "attribution": service.attribution,
        "license": service.license.name if service.license else None,
        "home": url(LANDING_PAGE),
        "api": url(API),
        "conformance": url(CONFORMANCE),
        "collections": url(COLLECTION_LIST),
        "tile_matrix_sets": url(MATRIX_SET_LIST),
        "static": url.static,
    }


def on_problem(request: Request, error: Exception) -> Response:
    """The answer to a problem raised by a handler."""
    assert isinstance(error, Problem)
    return problem(request, error)


def on_http_exception(request: Request, error: Exception) -> Response:
    """The answer to Starlette's own 404 and 405."""
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return problem(request, NotFound(f"There is nothing at {shown(request.url.path)}."))
    if error.status_code == 405:
        found = MethodNotAllowed(f"{shown(request.method)} is not allowed here; expected GET, HEAD or OPTIONS.")
        return problem(request, found, {"Allow": "GET, HEAD, OPTIONS"})
    other = Problem(str(error.detail))
    other.status, other.title = error.status_code, HTTPStatus(error.status_code).phrase
    return problem(request, other)


def on_bug(request: Request, error: Exception) -> Response:
    """A bare 500; what happened is only in the log."""
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    headers, detail = {"Cache-Control": "no-store"}, "The server failed."
    if is_by_names(request.scope["path"]):
        return report(Problem(detail), headers)
    content = {"type": "about:blank", "title": "Internal Server Error", "status": 500, "detail": detail}
    return Response(json_bytes(content), 500, headers, PROBLEM.name)


def _content_type(media: MediaType) -> str:
    return f"{media.name}; charset=utf-8" if media is HTML else media.name


def accepts_gzip(request: Request) -> bool:
    """Whether a client takes compressed answers (RFC 9110, 12.5.3)."""
    for part in ",".join(request.headers.getlist("accept-encoding")).lower().split(","):
        name, _, weight = part.partition(";")
        if name.strip() in {"gzip", "*"}:
            return weight.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False
