"""Raster files as levels of blocks, whatever their format; what their headers say is kept while they stay the same."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from ogcapi.model.stop import needs_time
from ogcapi.sources import storage
from ogcapi.sources.blocks import Pyramid
from ogcapi.sources.geotiff import open_geotiff
from ogcapi.sources.header import File, check_place
from ogcapi.sources.ranges import Changed

HEADER_BYTES = 128 << 20
"""Of headers that are kept."""
_TRIES = 4

_T = TypeVar("_T")


class Headers:
    """Opened files, those longest unused dropped first. Safe in any thread; none is opened twice at once."""

    def __init__(self, budget: int = HEADER_BYTES) -> None:
        self._budget = budget
        self._lock = threading.Lock()
        self._known: OrderedDict[File, Pyramid] = OrderedDict()
        self._coming: dict[File, Future[Pyramid]] = {}
        self._bytes = 0

    def get(self, file: File) -> Pyramid:
        """The file in its present revision. Raises `SourceFailed`; `Changed` where it changes meanwhile."""
        for _ in range(_TRIES):
            with self._lock:
                known = self._known.get(file)
                if known is not None:
                    self._known.move_to_end(file)
            if known is not None and known.revision == storage.revision(file.href):
                return known
            needs_time()
            with self._lock:
                coming = self._coming.get(file)
                if coming is None:
                    mine = self._coming[file] = Future()
            if coming is None:
                return self._open(file, mine)
            opened = coming.result()
            if opened.revision == storage.revision(file.href):  # else it was begun before the file changed
                return opened
        raise Changed(file.name)

    def _open(self, file: File, future: Future[Pyramid]) -> Pyramid:
        try:
            check_place(file)
            opened = open_geotiff(file) or _open_gdal(file)
        except BaseException as error:
            with self._lock:
                del self._coming[file]
            future.set_exception(error)
            raise
        with self._lock:
            del self._coming[file]
            self._drop(file)
            self._known[file] = opened
            self._bytes += opened.nbytes
            while self._bytes > self._budget and len(self._known) > 1:
                self._drop(next(iter(self._known)))
        future.set_result(opened)
        return opened

    def forget(self, file: File) -> None:
        """Read the file's header anew when next asked."""
        with self._lock:
            self._drop(file)

    def clear(self) -> None:
        """Read every header anew when next asked."""
        with self._lock:
            self._known.clear()
            self._bytes = 0

    def _drop(self, file: File) -> None:
        known = self._known.pop(file, None)
        if known is not None:
            self._bytes -= known.nbytes


def _open_gdal(file: File) -> Pyramid:
    from ogcapi.sources.gdalblocks import open_gdal  # noqa: PLC0415 - memory: plain GeoTIFFs never need GDAL

    return open_gdal(file)


_headers = Headers()


def open_pyramid(file: File) -> Pyramid:
    """The file in its present revision, opened if need be. Raises `SourceFailed`; `Changed` where it changes."""
    return _headers.get(file)


def forget_headers() -> None:
    """Read every header anew when next asked."""
    _headers.clear()


def reading(file: File, use: Callable[[Pyramid], _T]) -> _T:
    """What `use` makes of the file, all of it from one revision: where the file changes meanwhile, it is used anew.

    Raises `SourceFailed`.
    """
    for _ in range(_TRIES - 1):
        try:
            return use(_headers.get(file))
        except Changed:
            _headers.forget(file)
    return use(_headers.get(file))
