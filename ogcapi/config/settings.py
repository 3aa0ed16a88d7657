"""What the rest of the program reads: a configuration without mistakes, frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ogcapi.config.service import Logging, Metadata, Server
from ogcapi.model.raster import Interval, Resampling
from ogcapi.model.style import Style
from ogcapi.pixels.overlay import MosaicMethod


@dataclass(frozen=True, kw_only=True)
class Provider:
    """Where the data of a collection are."""

    name: str
    """COG, MosaicJSON or rasterio."""
    data: str
    """An absolute path, or an address (http, https, s3)."""
    trusted: bool = False
    """Whether an operator named this local document, so that its hrefs may be absolute."""
    where: str = "source"
    """Key path in the configuration, for mistakes that show when the data are opened."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a raster is read and shown."""

    mosaic_method: MosaicMethod = MosaicMethod.FIRST
    """What overlapping assets of a mosaic become."""
    resampling: Resampling = Resampling.NEAREST
    """For maps."""
    overview_resampling: Resampling | None = None
    """How assets' cells become those of a mosaic's overview; None: averages, and the most frequent of classes."""
    tile_matrix_sets: tuple[str, ...] | None = None
    """Ids; None: the defaults of the body."""
    styles: tuple[Style, ...] = ()
    """The first is the default; none: an automatic one."""


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A raster collection as configured."""

    id: str
    title: str
    description: str | None = None
    keywords: tuple[str, ...] = ()
    attribution: str | None = None
    license: str | None = None
    """An address or an SPDX identifier."""
    links: tuple[Mapping[str, str], ...] = ()
    """Members of links: href, rel, and type, title, hreflang where known."""
    time: Interval | None = None
    """Temporal extent."""
    hidden: bool = False
    """Whether it is left out of lists."""
    provider: Provider
    options: Options = field(default_factory=Options)


@dataclass(frozen=True, kw_only=True)
class Config:
    """Everything that is configured. Paths are absolute."""

    folder: Path
    """What relative paths were relative to: the folder of the configuration file."""
    server: Server = field(default_factory=Server)
    logging: Logging = field(default_factory=Logging)
    metadata: Metadata = field(default_factory=Metadata)
    resources: Mapping[str, Resource]
    """Collections by id, in the order of the file."""
    skipped: tuple[str, ...] = ()
    """What of the file is not served, in sentences for people."""
    lines: Mapping[str, int] = field(default_factory=dict, repr=False)
    """Line of each key path in the file, for mistakes that show when the data are opened."""


def title_of(id_: str) -> str:
    """A title for a collection that has none: its id as words."""
    words = id_.replace("_", " ").replace("-", " ").strip() or id_
    return words[:1].upper() + words[1:]
