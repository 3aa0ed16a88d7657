"""Scripts, styles and pictures of the pages."""

from __future__ import annotations

import gzip
from functools import lru_cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from ogcapi.web.respond import accepts_gzip
from ogcapi.web.site import site_of
from ogcapi.web.tilecache import is_known

_TEXTS = {".css", ".js", ".svg", ".txt"}


class Assets(StaticFiles):
    """Files of a folder, with the `Cache-Control` of their kind; texts compressed for those who ask."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """A file as it is, or compressed under a tag of its own."""
        request = Request(scope)
        site = site_of(request)
        found = await super().get_response(path, scope)
        found.headers.setdefault("Cache-Control", site.cache_control.static)
        place = Path(self.lookup_path(path)[0])
        if not site.gzip or place.suffix not in _TEXTS or found.status_code not in {200, 304}:
            return found
        found.headers["Vary"] = "Accept-Encoding"
        if not isinstance(found, FileResponse) or not accepts_gzip(request):
            return found
        headers = dict(found.headers)
        headers["etag"] = f'{headers["etag"][:-1]}-gzip"'
        headers["content-encoding"] = "gzip"
        del headers["content-length"]
        if is_known(request.headers, headers["etag"]):
            del headers["content-encoding"]
            return Response(status_code=304, headers=headers)
        return Response(_packed(place, place.stat().st_mtime_ns), headers=headers)


@lru_cache(maxsize=64)
def _packed(place: Path, mtime_ns: int) -> bytes:  # noqa: ARG001 - a file that has changed is another one
    return gzip.compress(place.read_bytes(), compresslevel=9, mtime=0)
