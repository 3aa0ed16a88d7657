"""Absolute addresses, for the address under which a client knows this server."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address, ip_network
from urllib.parse import quote, urlsplit

from starlette.requests import Request

from ogcapi.model.media import HTML, MediaType
from ogcapi.model.operation import Operation
from ogcapi.model.problem import BadParameter
from ogcapi.web.site import Site, site_of

_HOST = re.compile(r"[A-Za-z0-9.-]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?")
_MAX_KEPT = 256  # clients, and addresses that they know the server by
_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)*/?")


@dataclass(frozen=True)
class BaseUrls:
    """Addresses of operations beneath a base (see `ogcapi.model.link.Urls`)."""

    base: str
    """Without a slash at the end."""

    def __call__(self, operation: Operation, f: MediaType | None = None, query: str = "", /, **path: str) -> str:
        """The address of an operation; path parameters that are not given stay templates."""
        place = operation.path
        for name, value in path.items():
            place = place.replace(f"{{{name}}}", quote(value, safe=":,@!$'()*"))
        queries = [query] if query else []
        if f is not None:
            queries.insert(0, f"f={f.short[0]}")
        return self.base + place + ("?" + "&".join(queries) if queries else "")

    @property
    def static(self) -> str:
        """The address of the folder of scripts, styles and pictures of the pages."""
        return f"{self.base}/static"

    def page(self, operation: Operation, **path: str) -> str:
        """The address of an operation's page, for people."""
        return self(operation, HTML, **path)


def urls_of(request: Request) -> BaseUrls:
    """Addresses as this client knows them: `server.url`, else Host and, from trusted proxies, X-Forwarded-*."""
    site = site_of(request)
    if site.url:
        return BaseUrls(site.url)
    scheme, host, prefix = request.scope["scheme"], request.headers.get("host", ""), ""
    if _is_trusted(request, site):
        scheme = _first(request, "x-forwarded-proto") or scheme
        host = _first(request, "x-forwarded-host") or host
        prefix = _first(request, "x-forwarded-prefix") or ""
    if not host:
        server = request.scope.get("server") or ("localhost", 80)
        host = f"{server[0]}:{server[1]}"
    return _beneath(scheme, host, prefix)


@lru_cache(maxsize=_MAX_KEPT)
def _beneath(scheme: str, host: str, prefix: str) -> BaseUrls:
    if scheme not in {"http", "https"} or not _HOST.fullmatch(host) or not _PREFIX.fullmatch(prefix):
        raise BadParameter("Host", f"{scheme}://{host}{prefix}", "the name or number of a host, and its port")
    return BaseUrls(f"{scheme}://{host}{prefix.rstrip('/')}")


def prefix_of(site: Site) -> str:
    """The path that `server.url` says the service lives under, without a slash at the end."""
    return urlsplit(site.url).path.rstrip("/") if site.url else ""


def _is_trusted(request: Request, site: Site) -> bool:
    client = request.scope.get("client")
    return client is not None and _is_within(client[0], site.trusted_proxies)


@lru_cache(maxsize=_MAX_KEPT)
def _is_within(host: str, networks: tuple[str, ...]) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return any(address in ip_network(known, strict=False) for known in networks)


def _first(request: Request, header: str) -> str | None:
    """What the nearest of several proxies was called with."""
    value = request.headers.get(header)
    return value.split(",")[0].strip() if value else None
