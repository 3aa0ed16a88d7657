"""What every handler works with: the service, its catalogue, and how this server is set up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, cast

from starlette.requests import Request

from ogcapi.model.collection import Collection
from ogcapi.model.raster import FieldStatistics
from ogcapi.model.service import Service
from ogcapi.model.tiles import TileMatrixSet
from ogcapi.web.capabilities import CapabilitiesCache
from ogcapi.web.tilecache import TileCache


class Collections(Protocol):
    """The catalogue, as far as HTTP is concerned."""

    @property
    def matrix_sets(self) -> Mapping[str, TileMatrixSet]:
        """Every tile matrix set that is listed, by id."""
        ...

    def __getitem__(self, collection_id: str) -> Collection:
        """A collection. Raises `NotFound`, or `Unavailable` while its source cannot be opened."""
        ...

    def listed(self) -> tuple[Collection, ...]:
        """The collections that can be served now, in the order of the configuration."""
        ...

    def opened(self) -> tuple[Collection, ...]:
        """Those, and the hidden ones."""
        ...

    def statistics(self, collection_id: str) -> tuple[FieldStatistics, ...]:
        """Statistics of each field of a collection, from a bounded sample."""
        ...

    def failing(self) -> Mapping[str, str]:
        """Id of each collection that cannot be served now, and why."""
        ...


@dataclass(frozen=True, kw_only=True)
class CacheControl:
    """`Cache-Control` by kind of resource."""

    documents: str
    tiles: str
    coverages: str
    static: str


@dataclass(frozen=True, kw_only=True)
class Site:
    """One server: fixed once it has started."""

    service: Service
    catalog: Collections
    url: str | None
    """The address that clients use, without a slash at the end; None: whatever each request came to."""
    trusted_proxies: tuple[str, ...]
    """Addresses and networks of hosts whose `X-Forwarded-*` are believed."""
    max_cells: int
    """Cells, all fields together, in one answer."""
    max_tile_side: int
    """Cells along a side of a map tile."""
    cache_control: CacheControl
    tiles: TileCache
    """Encoded tiles in memory."""
    wmts: CapabilitiesCache = field(default_factory=CapabilitiesCache)
    """What the WMTS of all collections says of itself."""
    gzip: bool
    cors: bool


def site_of(request: Request) -> Site:
    """The site that a request came to."""
    return cast(Site, request.app.state.site)
