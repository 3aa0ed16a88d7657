"""What every request meets before it is routed: logging, CORS, OPTIONS, and one spelling of each path."""

from __future__ import annotations

import json
import logging
import re
import time
from typing import Literal

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ogcapi.model.problem import NotFound, Problem, shown
from ogcapi.web.respond import SECURITY, on_bug, problem
from ogcapi.web.site import Site
from ogcapi.web.urls import prefix_of

log = logging.getLogger("ogcapi.access")
_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_METHODS = "GET, HEAD, OPTIONS"
_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Content-Bbox, Content-Crs, ETag, Link, OATiles-hint, OGCAPI-Missing-Assets, "
    "Retry-After, Server-Timing",
}


class BadEncoding(Problem):
    """A path or query whose percent-encoding cannot be read."""

    status, title = 400, "Bad Request"


class AccessLog:
    """One line for each request, as text or JSON; without the query, which may hold secrets."""

    def __init__(self, app: ASGIApp, form: Literal["text", "json", "off"]) -> None:
        self.app = app
        self.form = form

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, then write the line."""
        if scope["type"] != "http" or self.form == "off":
            await self.app(scope, receive, send)
            return
        started, status, size = time.perf_counter(), 0, 0

        async def counted(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
            elif message["type"] == "http.response.body":
                size += len(message.get("body", b""))
            await send(message)

        path, method = scope["path"], scope["method"]
        try:
            await self.app(scope, receive, counted)
        finally:
            client = (scope.get("client") or ("-",))[0]
            duration_ms = round((time.perf_counter() - started) * 1000, 1)
            if self.form == "json":
                members = {
                    "client": client,
                    "method": method,
                    "path": path,
                    "status": status,
                    "bytes": size,
                    "duration_ms": duration_ms,
                }
                log.info(json.dumps(members))
            else:
                shown = path.encode("unicode_escape").decode()
                log.info("%s %s %s %s %s B %s ms", client, method, shown, status, size, duration_ms)


class Manners:
    """CORS and security headers on every response, OPTIONS for every path, one spelling of each path."""

    def __init__(self, app: ASGIApp, site: Site) -> None:
        self.app = app
        self.cors = site.cors
        self.prefix = prefix_of(site)
        given = SECURITY | (_CORS if site.cors else {})
        self.headers = [(name.lower().encode(), value.encode()) for name, value in given.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request, or answer it where no resource is needed."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        started = False

        async def mannered(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [*message["headers"], *self.headers]
            await send(message)

        inner = {**scope, "path": self._path(scope["path"])}
        if b"%2f" in (scope.get("raw_path") or b"").lower():  # decoded, it could not be told from a slash
            there = NotFound(f"There is nothing at {shown(scope['path'])}.")
            await problem(Request(inner), there)(scope, receive, mannered)
        elif not _is_readable(scope):
            found = BadEncoding("The address has a % that no two hexadecimal digits of UTF-8 follow.")
            await problem(Request(inner), found)(scope, receive, mannered)
        elif scope["method"] == "OPTIONS":
            await _options(scope, self.cors)(scope, receive, mannered)
        else:
            try:
                await self.app(inner, receive, mannered)
            except Exception as error:  # here, and not in Starlette, so that the connection and the manners are kept
                if started:
                    raise
                await on_bug(Request(inner), error)(inner, receive, mannered)

    def _path(self, path: str) -> str:
        """The path without the service's own prefix, repeated slashes or a slash at the end."""
        path = re.sub("/{2,}", "/", path) if "//" in path else path
        if self.prefix and (path == self.prefix or path.startswith(self.prefix + "/")):
            path = path[len(self.prefix) :]
        return path.rstrip("/") or "/"


def _options(scope: Scope, cors: bool) -> Response:
    headers = {"Allow": _METHODS}
    if cors:
        asked = Headers(scope=scope).get("access-control-request-headers")
        headers |= {"Access-Control-Allow-Methods": _METHODS, "Access-Control-Max-Age": "86400"}
        if asked and re.fullmatch(r"[A-Za-z0-9, _-]{1,1000}", asked):
            headers["Access-Control-Allow-Headers"] = asked
    return Response(status_code=204, headers=headers)


def _is_readable(scope: Scope) -> bool:
    raw = scope.get("raw_path") or b""
    if _BAD_ESCAPE.search(raw) or _BAD_ESCAPE.search(scope.get("query_string", b"")):
        return False
    return "\ufffd" not in scope["path"] and "\x00" not in scope["path"]
