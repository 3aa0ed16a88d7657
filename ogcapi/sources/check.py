"""What only opening the data shows: mistakes of a configuration that its text does not give away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

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


def check_contents(config: Config, every: bool) -> list[Mistake]:
    """Everything that is wrong with the sources, and with every asset of each mosaic or a sample of them."""
    # Without what names fields and sets, all that opens is open, and what it has can be told.
    plain = {id_: _without_names(resource) for id_, resource in config.resources.items()}
    catalog = Catalog(replace(config, resources=plain))
    failing = catalog.failing()
    mistakes = [
        Mistake(
            where="server.tile_matrix_sets",
            given=shown(storage.public_name(href)),
            expected=f"a tile matrix set ({failing[href].rstrip('.')})",
        )
        for href in config.server.tile_matrix_sets
        if href in failing
    ]
    for id_, resource in config.resources.items():
        if id_ in failing:
            mistakes.append(_bad_data(resource, failing[id_]))
            continue
        collection = catalog[id_]
        mistakes += _in_styles(resource, collection)
        mistakes += _in_sets(resource, collection, catalog.matrix_sets)
        mistakes += _in_assets(resource, collection, config, every)
    return mistakes


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
        for name in style.fields:
            if name not in names:
                yield Mistake(where=where, given=shown(name), expected=one_of(names, name))


def _in_sets(resource: Resource, collection: Collection, sets: Mapping[str, TileMatrixSet]) -> Iterator[Mistake]:
    where = f"{resource.provider.where}.options.tile_matrix_sets"
    own = [set_id for set_id, matrix_set in sets.items() if matrix_set.body == collection.body]
    for name in resource.options.tile_matrix_sets or ():
        if name not in own:
            expected = f"a set of {collection.body.name}: {one_of(own, name)}"
            yield Mistake(where=where, given=shown(name), expected=expected)


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
