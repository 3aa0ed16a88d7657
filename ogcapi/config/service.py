"""The sections about the service itself: `server`, `logging`, `metadata`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator

from ogcapi.config.section import Section
from ogcapi.config.values import (
    CacheFolder,
    Flag,
    Header,
    Level,
    Line,
    LogFile,
    Network,
    Reference,
    Root,
    ServiceUrl,
    Text,
    Words,
    choice,
    size,
    whole,
)


class Bind(Section):
    """Where the server listens."""

    host: Line = "127.0.0.1"
    """Address to listen at; `0.0.0.0` for every network of the machine."""
    port: Annotated[int, whole(1, 65535)] = 8000
    """Port to listen at."""


class Limits(Section):
    """What one request may ask for."""

    unused = frozenset(
        {"max_items", "default_items", "max_distance_x", "max_distance_y", "max_distance_units", "on_exceed"}
    )
    cells: Annotated[int, whole(1, 2**40)] = 40_000_000
    """Cells (width × height × fields) in one coverage or map; more is answered with 413."""
    tile_size: Annotated[int, whole(16, 8192)] = 1024
    """Largest `width` and `height` of a map tile, in pixels."""
    asset_headers: Annotated[int, whole(1, 100_000)] = 32
    """Assets of a mosaic whose headers are read to learn what the mosaic is made of."""
    assets: Annotated[int, whole(1, 100_000)] = 64
    """Assets that 256 × 256 cells of a mosaic's overview may be made of; fewer make it finer, and larger."""
    assets_per_request: Annotated[int, whole(1, 2**40)] = 512
    """Assets of a mosaic that one answer may be made of; more is a 413, or a 503 while an overview is made."""
    document_bytes: Annotated[int, whole(1024, 2**40)] = 128_000_000
    """Largest mosaic or tile matrix set document that is read, in bytes, unpacked."""


class Cache(Section):
    """What is kept: in a folder between runs, in memory between requests."""

    folder: CacheFolder | None = None
    """Folder for what is computed once, such as statistics; else the user's cache folder, or a temporary one."""
    blocks: Annotated[int, BeforeValidator(size)] | None = None
    """Memory for decoded blocks of rasters, such as `200MB`, in each process; 0 keeps none."""
    tiles: Annotated[int, BeforeValidator(size)] = 64_000_000
    """Memory for encoded tiles, such as `64MB`, in each process; 0 keeps none."""


class CacheControl(Section):
    """`Cache-Control` of the answers."""

    documents: Header = "public, max-age=60"
    """For JSON documents and pages."""
    tiles: Header = "public, max-age=3600"
    """For map tiles and coverage tiles."""
    coverages: Header = "public, max-age=3600"
    """For coverages, maps and legends."""
    static: Header = "public, max-age=86400"
    """For style sheets and scripts of the pages."""


class Server(Section):
    """How the service runs."""

    unused = frozenset(
        {
            "admin",
            "api_rules",
            "encoding",
            "icon",
            "limit",
            "locale_dir",
            "logo",
            "manager",
            "map",
            "mimetype",
            "ogc_schemas_location",
            "pretty_print",
            "templates",
        }
    )
    bind: Bind = Bind()
    url: ServiceUrl | None = None
    """Public address, where it is not the one that clients ask; a path in it is the prefix the service lives under."""
    trusted_proxies: tuple[Network, ...] = ("127.0.0.1", "::1")
    """IP addresses and networks whose `X-Forwarded-Host`, `-Proto` and `-Prefix` are believed."""
    cors: Flag = True
    """Whether pages of other hosts may read the service."""
    gzip: Flag = True
    """Whether documents are compressed for clients that ask for it; images never are."""
    language: Line | None = None
    """Language that texts given in several are served in."""
    languages: Words = ()
    """Languages in order of preference; used like `language`."""
    access_log: Annotated[Literal["text", "json", "off"], choice(("text", "json", "off"))] = "text"
    """One line for each request: as text, as JSON, or none."""
    timing: Flag = False
    """Whether answers with data tell in `Server-Timing` how long each stage took."""
    overviews: Annotated[Literal["background", "manual", "off"], choice(("background", "manual", "off"))] = "background"
    """Overviews of mosaics: made beside serving, made by `ogcapi overviews build`, or neither made nor used."""
    retry_s: Annotated[int, whole(1, 86400)] = 30
    """Seconds after which a collection that could not be opened is tried again; also its `Retry-After`."""
    limits: Limits = Limits()
    cache: Cache = Cache()
    cache_control: CacheControl = CacheControl()
    tile_matrix_sets: tuple[Reference, ...] = ()
    """Further tile matrix sets: paths or addresses of TMS 2.0 documents."""
    roots: tuple[Root, ...] = ()
    """Folders that hrefs in local documents may point into, besides the document's own."""
    absolute_hrefs: Flag = False
    """Whether local documents that are not named in this file may hold absolute hrefs, too."""


class Logging(Section):
    """What the server says about itself."""

    unused = frozenset({"dateformat", "logformat", "rotation"})
    level: Level = "INFO"
    """CRITICAL, ERROR, WARNING, INFO, DEBUG or NOTSET."""
    logfile: LogFile | None = None
    """File that lines are appended to; without one they go to the standard error output."""


class Identification(Section):
    """What the service is."""

    unused = frozenset({"keywords_type"})
    title: Text = "Rasters and mosaics"
    """Name of the service."""
    description: Text | None = None
    """A paragraph about the service."""
    keywords: Words = ()
    """Words to find the service by."""
    url: Text | None = None
    """Address of a page about the service."""
    terms_of_service: Text | None = None
    """Terms of service: a text or an address."""
    attribution: Text | None = None
    """Whom to name when the service is used."""


class License(Section):
    """Licence of the service."""

    name: Text | None = None
    """Name of the licence."""
    url: Text | None = None
    """Address of its text."""


class ServiceProvider(Section):
    """Who offers the service."""

    name: Text | None = None
    """Name of the organization."""
    url: Text | None = None
    """Its address in the web."""


class Contact(Section):
    """Whom to write to."""

    unused = frozenset(
        {
            "address",
            "city",
            "country",
            "fax",
            "hours",
            "instructions",
            "phone",
            "position",
            "postalcode",
            "role",
            "stateorprovince",
        }
    )
    name: Text | None = None
    """Name of the person or office."""
    email: Line | None = None
    """E-mail address."""
    url: Text | None = None
    """Address of a page."""


class Metadata(Section):
    """What the service says about itself to visitors."""

    identification: Identification = Identification()
    license: License = License()
    provider: ServiceProvider = ServiceProvider()
    contact: Contact = Contact()

    @property
    def title(self) -> str:
        """Name of the service."""
        return self.identification.title

    @property
    def description(self) -> str | None:
        """A paragraph about the service."""
        return self.identification.description

    @property
    def keywords(self) -> tuple[str, ...]:
        """Words to find the service by."""
        return self.identification.keywords

    @property
    def url(self) -> str | None:
        """Address of a page about the service."""
        return self.identification.url

    @property
    def terms_of_service(self) -> str | None:
        """Terms of service: a text or an address."""
        return self.identification.terms_of_service

    @property
    def attribution(self) -> str | None:
        """Whom to name when the service is used."""
        return self.identification.attribution
