"""The catalogue: from configured resources to collections, opened again when they fail or change."""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ogcapi.config import Config, Resource
from ogcapi.model.body import EARTH, body_of
from ogcapi.model.collection import Collection, CoverageSource
from ogcapi.model.crs import UnknownCrs
from ogcapi.model.problem import NotFound, Problem, SourceFailed, Unavailable, shown
from ogcapi.model.raster import Field, FieldStatistics
from ogcapi.model.style import Style
from ogcapi.model.tiles import TileMatrixSet
from ogcapi.pixels.overlay import MosaicMethod
from ogcapi.pixels.statistics import statistics
from ogcapi.pixels.style import automatic
from ogcapi.sources import storage
from ogcapi.sources.background import Workers
from ogcapi.sources.kept import default_folder, kept
from ogcapi.sources.mosaicjson import MosaicJsonSource, open_mosaic
from ogcapi.sources.overview import OverviewRule
from ogcapi.sources.raster import open_file
from ogcapi.sources.tile_matrix_sets import BadTileMatrixSet, defaults, parse, planetary, registered

log = logging.getLogger("ogcapi.catalog")
_LOOK_S = 10.0  # seconds for which what is known of a source is believed
_OPENERS = 8  # collections opened at one time
_START_S = 10.0  # that the start waits for sources
_MOMENT_S = 1.0  # that a request waits for a look at a source
_FAILURES = (Problem, BadTileMatrixSet, UnknownCrs, ValueError)

Sets = dict[str, TileMatrixSet]


@dataclass(frozen=True)
class _Opened:
    """All of a collection that takes time to find out."""

    source: CoverageSource
    embedded: TileMatrixSet | None
    """The tile matrix set that the source's document brings along."""
    revision: str
    styles: tuple[Style, ...]


@dataclass
class _Entry:
    """One resource and what has become of it."""

    resource: Resource
    lock: threading.Lock = field(default_factory=threading.Lock)
    looking: Future[None] | None = None
    """The look that is under way, or the last one."""
    opened: _Opened | None = None
    """Opened, and not made a collection yet."""
    collection: Collection | None = None
    source_revision: str = ""
    failure: str | None = "it is being opened"
    next_look: float = 0.0
    """Time of the catalogue's clock from which the source is looked at again."""


class Catalog:
    """Every configured collection, by id.

    Sources are opened and looked at in threads of the catalogue's own: a request waits for a source for a moment at
    most, and goes on with what is known.
    """

    def __init__(
        self, config: Config, clock: Callable[[], float] = time.monotonic, start_s: float | None = _START_S
    ) -> None:
        """Opens the sources; waits for them so long, None: for all of them."""
        self._config = config
        self._clock = clock
        self._folder = config.server.cache.folder or default_folder()
        self.bad_matrix_sets: dict[str, str] = {}
        """Address of each document of `server.tile_matrix_sets` that could not be read, and why."""
        self._workers = Workers(_OPENERS, "catalog")
        self._naming = threading.Lock()
        self._known_sets: Sets = {**registered(), **self._configured_sets()}
        self._embedded_sets: Sets = {}
        self._is_started = False
        self._entries = {resource.id: _Entry(resource) for resource in config.resources.values()}
        self._start(start_s)

    def _start(self, start_s: float | None) -> None:
        """Open all sources, the local ones first; those that answer too late are collections later.

        Sets get their names in the order of the configuration, whichever source opens first.
        """
        entries = list(self._entries.values())
        local_first = sorted(entries, key=lambda entry: storage.is_remote(entry.resource.provider.data))
        for entry in local_first:
            entry.looking = self._workers.submit(partial(self._open, entry))
        wait([entry.looking for entry in entries if entry.looking], timeout=start_s)
        self._is_started = True
        for entry in entries:
            self._finish(entry)

    def __getitem__(self, collection_id: str) -> Collection:
        entry = self._entries.get(collection_id)
        if entry is None:
            raise NotFound(f"There is no collection {shown(collection_id)} here.")
        self._look([entry])
        if entry.collection is None:
            wait_s = max(1, round(entry.next_look - self._clock()))
            raise Unavailable(f"The collection {collection_id} cannot be opened: {entry.failure}", wait_s)
        return entry.collection

    def listed(self) -> tuple[Collection, ...]:
        """The collections that can be served now and are not hidden, in the order of the configuration."""
        return tuple(one for one in self._opened() if one.is_listed)

    def statistics(self, collection_id: str) -> tuple[FieldStatistics, ...]:
        """Statistics of each field of a collection, from a bounded sample; the same in every process."""
        coverage, entry = self[collection_id].coverage, self._entries[collection_id]
        return self._measure(entry.resource, coverage, entry.source_revision)

    def failing(self) -> Mapping[str, str]:
        """Id of each collection, and name of each tile matrix set's document, that cannot be served now, and why."""
        self._look(self._entries.values())
        failing = {name: entry.failure for name, entry in self._entries.items() if entry.failure is not None}
        return {**failing, **{storage.short_name(href): why for href, why in self.bad_matrix_sets.items()}}

    @property
    def matrix_sets(self) -> Mapping[str, TileMatrixSet]:
        """The registered sets, the configured ones, those of every body that has a collection, and embedded ones."""
        found = dict(self._known_sets)
        for one in self._opened():
            found |= {made.id: made for made in planetary(one.body) if one.body != EARTH}
            found |= {each.id: each for each in one.matrix_sets}
        return found

    def _opened(self) -> Iterable[Collection]:
        self._look(self._entries.values())
        return (entry.collection for entry in self._entries.values() if entry.collection is not None)

    def _look(self, entries: Iterable[_Entry]) -> None:
        """Have sources that are due looked at, and wait a moment for those looks, but not for earlier ones."""
        begun = [looking for looking in map(self._begun, entries) if looking is not None]
        if begun:
            wait(begun, timeout=_MOMENT_S)

    def _begun(self, entry: _Entry) -> Future[None] | None:
        """A look that begins now, if the source is due and is not being looked at."""
        if self._clock() < entry.next_look:
            return None
        with entry.lock:
            if self._clock() < entry.next_look or (entry.looking is not None and not entry.looking.done()):
                return None
            entry.looking = self._workers.submit(partial(self._refresh, entry))
            return entry.looking

    def _refresh(self, entry: _Entry) -> None:
        """Open a source that is not open or has changed."""
        if entry.collection is None or entry.collection.coverage.revision() != entry.source_revision:
            self._open(entry)
        else:
            entry.next_look = self._clock() + _LOOK_S

    def _open(self, entry: _Entry) -> None:
        try:
            resource = entry.resource
            source, embedded = self._source(resource)
            revision = source.revision()
            styles = resource.options.styles or (
                automatic(source.fields, lambda: self._measure(resource, source, revision)[0]),
            )
            _check_styles(styles, source.fields)
            entry.opened = _Opened(source, embedded, revision, styles)
        except _FAILURES as error:
            self._failed(entry, error)
        if self._is_started:
            self._finish(entry)

    def _failed(self, entry: _Entry, error: Exception) -> None:
        reason = error.detail if isinstance(error, Problem) else str(error)
        where = storage.public_name(entry.resource.provider.data)
        log.warning("The collection %s (%s) cannot be served: %s", entry.resource.id, where, reason)
        entry.collection, entry.opened, entry.failure = None, None, reason
        entry.next_look = self._clock() + self._config.server.retry_s

    def _finish(self, entry: _Entry) -> None:
        """Make a collection of a source that has been opened."""
        with entry.lock:
            opened, entry.opened = entry.opened, None
        if opened is None:
            return
        try:
            collection = self._collection(entry.resource, opened)
        except _FAILURES as error:
            self._failed(entry, error)
        else:
            entry.collection, entry.source_revision, entry.failure = collection, opened.revision, None
            entry.next_look = self._clock() + _LOOK_S

    def _collection(self, resource: Resource, opened: _Opened) -> Collection:
        source, styles = opened.source, opened.styles
        told = source.document_metadata if isinstance(source, MosaicJsonSource) else {}
        sets = self._sets_of(resource, source, opened.embedded)
        return Collection(
            id=resource.id,
            title=resource.title,
            description=resource.description or told.get("description"),
            keywords=resource.keywords,
            attribution=resource.attribution or told.get("attribution"),
            license=resource.license,
            links=resource.links,
            time=resource.time,
            coverage=source,
            resampling=resource.options.resampling,
            styles=styles,
            matrix_sets=tuple(sets),
            revision=hashlib.sha256(repr((resource, styles)).encode()).hexdigest()[:16],
            is_listed=not resource.hidden,
        )

    def _source(self, resource: Resource) -> tuple[CoverageSource, TileMatrixSet | None]:
        """The source of a resource, and the tile matrix set that its document brings along."""
        provider, server = resource.provider, self._config.server
        if provider.name != "MosaicJSON":
            return open_file(provider.data, name=storage.short_name(provider.data)), None
        mosaic = open_mosaic(
            provider.data,
            method=MosaicMethod(resource.options.mosaic_method),
            trusted=provider.trusted or server.absolute_hrefs,
            roots=server.roots,
            headers=server.limits.asset_headers,
            most_assets=server.limits.assets_per_request,
            overview=overview_rule(self._config, resource),
            max_bytes=server.limits.document_bytes,
            name=storage.short_name(provider.data),
        )
        document = mosaic.matrix_set_document
        return mosaic, parse(document, default_id=resource.id) if document else None

    def _sets_of(
        self, resource: Resource, source: CoverageSource, embedded: TileMatrixSet | None
    ) -> list[TileMatrixSet]:
        """The sets that a collection is offered in: those named, or the defaults of its body and the embedded one."""
        body = body_of(source.storage_crs)
        known = self._known_sets if body == EARTH else {**self._known_sets, **{s.id: s for s in planetary(body)}}
        own = [self._named(embedded, known)] if embedded else []
        named = resource.options.tile_matrix_sets
        if named is None:
            return list({s.id: s for s in (*defaults(body, source.storage_crs), *own)}.values())
        known = {**known, **{s.id: s for s in own}}
        for set_id in named:
            if set_id not in known:
                raise ValueError(f"options.tile_matrix_sets: there is no tile matrix set {set_id}")
            if known[set_id].body != body:
                raise ValueError(
                    f"options.tile_matrix_sets: {set_id} is for {known[set_id].body.name}, not {body.name}"
                )
        return [known[set_id] for set_id in named]

    def _named(self, embedded: TileMatrixSet, known: Sets) -> TileMatrixSet:
        """An embedded set under an id that no other set has."""
        with self._naming:
            one = _distinct(embedded, {**self._embedded_sets, **known})
            self._embedded_sets[one.id] = one
            return one

    def _configured_sets(self) -> Sets:
        """The sets of `server.tile_matrix_sets`; those that cannot be read are reported and left out."""
        found: Sets = {}
        for href in self._config.server.tile_matrix_sets:
            try:
                text = storage.fetch(href, self._config.server.limits.document_bytes)
                one = parse(json.loads(text))
                made = {each.id: each for each in planetary(one.body)} if one.body != EARTH else {}
                one = _distinct(one, {**registered(), **made, **found})
                found[one.id] = one
            except (SourceFailed, BadTileMatrixSet, ValueError) as error:
                reason = error.detail if isinstance(error, SourceFailed) else str(error)
                log.warning("The tile matrix set %s is left out: %s", storage.public_name(href), reason)
                self.bad_matrix_sets[href] = reason
        return found

    def _measure(self, resource: Resource, source: CoverageSource, revision: str) -> tuple[FieldStatistics, ...]:
        """The statistics of a sample of a source, measured once per revision and kept in the cache folder."""

        def sampled() -> tuple[list[dict[str, Any]], bool]:
            sample = source.sample()
            return [each.document for each in statistics(sample)], not sample.missing

        key = f"statistics with mean\n{resource.provider}\n{resource.options.mosaic_method}\n{revision}"
        return tuple(FieldStatistics(**document) for document in kept(self._folder, key, sampled))


def overview_rule(config: Config, resource: Resource) -> OverviewRule | None:
    """What the overview of a mosaic is to be; None of what is no mosaic, and where none are wanted."""
    if resource.provider.name != "MosaicJSON" or config.server.overviews == "off":
        return None
    return OverviewRule(
        folder=overviews_folder(config) / quote(resource.id, safe=""),
        assets=config.server.limits.assets,
        resampling=resource.options.overview_resampling,
    )


def overviews_folder(config: Config) -> Path:
    """Where the overviews of all mosaics of a configuration lie; another one has its own."""
    place = hashlib.sha256(str(config.folder).encode(errors="backslashreplace")).hexdigest()[:12]
    return (config.server.cache.folder or default_folder()) / "overviews" / place


def _distinct(one: TileMatrixSet, known: Mapping[str, TileMatrixSet]) -> TileMatrixSet:
    """A set under an id of its own: the known one where the two are the same, a suffix where only the ids are."""
    plain, number = one.id, 1
    name = plain
    while name in known:
        if known[name].same_as(one):
            return known[name]
        number += 1
        name = f"{plain}-{number}"
    return one if name == plain else parse({**one.document, "id": name})


def _check_styles(styles: Sequence[Style], fields: Sequence[Field]) -> None:
    names = [one.name for one in fields]
    for style in styles:
        for name in style.fields:
            if name not in names:
                raise ValueError(f"styles.{style.id}.fields: there is no field {name}; expected {', '.join(names)}")
