"""The catalogue: from configured resources to collections, opened again when they fail or change."""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

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
from ogcapi.sources.kept import default_folder, kept
from ogcapi.sources.mosaicjson import MosaicJsonSource, open_mosaic
from ogcapi.sources.raster import open_file
from ogcapi.sources.tile_matrix_sets import BadTileMatrixSet, defaults, parse, planetary, registered

log = logging.getLogger("ogcapi.catalog")
_LOOK_S = 10.0  # seconds for which what is known of a source is believed
_OPENERS = 8  # collections opened at one time

Sets = dict[str, TileMatrixSet]


@dataclass
class _Entry:
    """One resource and what has become of it."""

    resource: Resource
    lock: threading.Lock = field(default_factory=threading.Lock)
    collection: Collection | None = None
    source_revision: str = ""
    failure: str | None = None
    next_look: float = 0.0
    """Monotonic time from which the source is looked at again."""


class Catalog:
    """Every configured collection, by id."""

    def __init__(self, config: Config, clock: Callable[[], float] = time.monotonic) -> None:
        self._config = config
        self._clock = clock
        self._folder = config.server.cache.folder or default_folder()
        self._bad_sets: dict[str, str] = {}
        self._known_sets: Sets = {**registered(), **self._configured_sets()}
        self._entries = {resource.id: _Entry(resource) for resource in config.resources.values()}
        with ThreadPoolExecutor(_OPENERS) as pool:
            list(pool.map(self._look, self._entries.values()))

    def __getitem__(self, collection_id: str) -> Collection:
        entry = self._entries.get(collection_id)
        if entry is None:
            raise NotFound(f"There is no collection {shown(collection_id)} here.")
        self._look(entry)
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
        """Id of each collection, and address of each tile matrix set, that cannot be served now, and why."""
        for entry in self._entries.values():
            self._look(entry)
        failing = {name: entry.failure for name, entry in self._entries.items() if entry.failure is not None}
        return {**failing, **self._bad_sets}

    @property
    def matrix_sets(self) -> Mapping[str, TileMatrixSet]:
        """The registered sets, the configured ones, those of every body that has a collection, and embedded ones."""
        found = dict(self._known_sets)
        for one in self._opened():
            found |= {made.id: made for made in planetary(one.body) if one.body != EARTH and made.id not in found}
            found |= {each.id: each for each in one.matrix_sets}
        return found

    def _opened(self) -> Iterable[Collection]:
        for entry in self._entries.values():
            self._look(entry)
            if entry.collection is not None:
                yield entry.collection

    def _look(self, entry: _Entry) -> None:
        """Open a source that is not open or has changed, if it is time to; one thread does, others go on without."""
        if self._clock() < entry.next_look or not entry.lock.acquire(blocking=entry.next_look == 0.0):
            return
        try:
            if self._clock() < entry.next_look:
                return
            if entry.collection is not None and entry.collection.coverage.revision() == entry.source_revision:
                entry.next_look = self._clock() + _LOOK_S
                return
            self._open(entry)
        finally:
            entry.lock.release()

    def _open(self, entry: _Entry) -> None:
        try:
            collection, revision = self._collection(entry.resource)
        except (Problem, BadTileMatrixSet, UnknownCrs, ValueError) as error:
            reason = error.detail if isinstance(error, Problem) else str(error)
            where = storage.public_name(entry.resource.provider.data)
            log.warning("The collection %s (%s) cannot be served: %s", entry.resource.id, where, reason)
            entry.collection, entry.failure = None, reason
            entry.next_look = self._clock() + self._config.server.retry_s
        else:
            entry.collection, entry.source_revision, entry.failure = collection, revision, None
            entry.next_look = self._clock() + _LOOK_S

    def _collection(self, resource: Resource) -> tuple[Collection, str]:
        source, embedded = self._source(resource)
        revision = source.revision()
        told = source.document_metadata if isinstance(source, MosaicJsonSource) else {}
        sets = self._sets_of(resource, source, embedded)
        styles = resource.options.styles or (
            automatic(source.fields, lambda: self._measure(resource, source, revision)[0]),
        )
        _check_styles(styles, source.fields)
        collection = Collection(
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
        return collection, revision

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
        own = [_distinct(embedded, known)] if embedded else []
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

    def _configured_sets(self) -> Sets:
        """The sets of `server.tile_matrix_sets`; those that cannot be read are reported and left out."""
        found: Sets = {}
        for href in self._config.server.tile_matrix_sets:
            try:
                text = storage.fetch(href, self._config.server.limits.document_bytes)
                one = _distinct(parse(json.loads(text)), {**registered(), **found})
                found[one.id] = one
            except (SourceFailed, BadTileMatrixSet, ValueError) as error:
                reason = error.detail if isinstance(error, SourceFailed) else str(error)
                log.warning("The tile matrix set %s is left out: %s", href, reason)
                self._bad_sets[href] = reason
        return found

    def _measure(self, resource: Resource, source: CoverageSource, revision: str) -> tuple[FieldStatistics, ...]:
        """The statistics of a sample of a source, measured once per revision and kept in the cache folder."""

        def sampled() -> tuple[list[dict[str, Any]], bool]:
            sample = source.sample()
            return [each.document for each in statistics(sample)], not sample.missing

        key = f"statistics\n{resource.provider}\n{resource.options.mosaic_method}\n{revision}"
        return tuple(FieldStatistics(**document) for document in kept(self._folder, key, sampled))


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
