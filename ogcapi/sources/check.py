"""What only opening the data shows: mistakes of a configuration that its text does not give away."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count

from ogcapi.config import Config, Mistake, Resource, one_of
from ogcapi.model.collection import Collection
from ogcapi.model.problem import shown
from ogcapi.model.tiles import TileMatrixSet
from ogcapi.sources import storage
from ogcapi.sources.assets import Asset, Shelf
from ogcapi.sources.catalog import Catalog
from ogcapi.sources.mosaicjson import read_document

SAMPLE = 16
"""Assets of a mosaic that are opened, unless it is every one."""


def check_contents(config: Config, every: bool, known: Sequence[Mistake] = ()) -> list[Mistake]:
    """Everything that is wrong with the sources, and with every asset of each mosaic or a sample of them.

    Nothing is said of places at which a mistake is known already; what was there is no part of the configuration.
    """
    places = {mistake.where for mistake in known}
    return [
        replace(mistake, line=config.lines.get(mistake.where))
        for mistake in _mistakes(config, every, places)
        if mistake.where not in places
    ]


def _mistakes(config: Config, every: bool, known: Container[str]) -> Iterator[Mistake]:
    # Without what names fields and sets, all that opens is open, and what it has can be told.
    plain = {id_: _without_names(resource) for id_, resource in config.resources.items()}
    catalog = Catalog(replace(config, resources=plain), start_s=None)
    hrefs = (f"server.tile_matrix_sets[{n}]" for n in count())
    for where, href in zip((each for each in hrefs if each not in known), config.server.tile_matrix_sets, strict=False):
        reason = catalog.bad_matrix_sets.get(href)
        if reason is not None:
            given, expected = shown(storage.public_name(href)), f"a tile matrix set ({reason.rstrip('.')})"
            yield Mistake(where=where, given=given, expected=expected)
    failing = catalog.failing()
    for id_, resource in config.resources.items():
        if id_ in failing:
            yield _bad_data(resource, failing[id_])
            continue
        collection = catalog[id_]
        yield from _in_styles(resource, collection)
        yield from _in_sets(resource, collection, catalog.matrix_sets)
        yield from _in_assets(resource, collection, config, every)


def _without_names(resource: Resource) -> Resource:
    return replace(resource, options=replace(resource.options, styles=(), tile_matrix_sets=None))


def _bad_data(resource: Resource, reason: str) -> Mistake:
    provider = resource.provider
    expected = f"data that can be served ({reason.rstrip('.')})"
    return Mistake(where=f"{provider.where}.data", given=shown(storage.public_name(provider.data)), expected=expected)


def _in_styles(resource: Resource, collection: Collection) -> Iterator[Mistake]:
    names = [field.name for field in collection.fields]
    for style in resource.options.styles:
        where = f"{resource.provider.where}.options.styles.{style.id}.fields"
        for n, name in enumerate(style.fields):
            if name not in names:
                yield Mistake(where=f"{where}[{n}]", given=shown(name), expected=one_of(names, name))


def _in_sets(resource: Resource, collection: Collection, sets: Mapping[str, TileMatrixSet]) -> Iterator[Mistake]:
    where = f"{resource.provider.where}.options.tile_matrix_sets"
    own = [set_id for set_id, matrix_set in sets.items() if matrix_set.body == collection.body]
    for n, name in enumerate(resource.options.tile_matrix_sets or ()):
        if name not in own:
            expected = f"a set of {collection.body.name}: {one_of(own, name)}"
            yield Mistake(where=f"{where}[{n}]", given=shown(name), expected=expected)


def _in_assets(resource: Resource, collection: Collection, config: Config, every: bool) -> Iterator[Mistake]:
    provider = resource.provider
    failures = dict(collection.coverage.status.failures)
    if provider.name == "MosaicJSON":
        trusted = provider.trusted or config.server.absolute_hrefs
        limit = config.server.limits.document_bytes
        assets = read_document(provider.data, trusted=trusted, roots=config.server.roots, max_bytes=limit).assets
        shelf = Shelf()
        shelf.open_all(assets if every else _spread(assets))
        failures |= shelf.failures
    for name, reason in failures.items():
        yield _bad_data(resource, f"its asset {shown(name)} failed: {reason}")


def _spread(assets: Sequence[Asset]) -> Sequence[Asset]:
    """Some of many, evenly from the first to the last."""
    if len(assets) <= SAMPLE:
        return assets
    return [assets[number * (len(assets) - 1) // (SAMPLE - 1)] for number in range(SAMPLE)]
