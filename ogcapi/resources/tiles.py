"""Tile matrix sets, lists of tile sets, tile sets (TMS 2.0; Tiles 1)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from urllib.parse import quote

from ogcapi.model.collection import Collection, TileSet
from ogcapi.model.grid import BBox, text_bbox
from ogcapi.model.link import OGC_REL, Document, Link, Urls, link, self_links
from ogcapi.model.media import HTML, JSON
from ogcapi.model.operation import Operation
from ogcapi.model.operations import (
    COLLECTION,
    CONFORMANCE,
    LANDING_PAGE,
    LEGEND,
    MATRIX_SET,
    MATRIX_SET_LIST,
)
from ogcapi.model.service import Service
from ogcapi.model.style import Style
from ogcapi.model.tiles import TileLimits, TileMatrixSet
from ogcapi.model.wmts import why_not
from ogcapi.resources.expressible import coverage_files, map_files

TileOperations = tuple[Operation, Operation, Operation]


def tile_matrix_sets(sets: Iterable[TileMatrixSet], url: Urls) -> Document:
    """All tile matrix sets (Tiles `/rec/tileset/tmxslink`)."""
    return {
        "links": self_links(url, MATRIX_SET_LIST, "Tile matrix sets"),
        "tileMatrixSets": [
            {
                "id": one.id,
                "title": one.title,
                "uri": matrix_set_uri(one, url),
                "crs": one.crs.document,
                "x-body": one.body.name,
                "links": self_links(url, MATRIX_SET, one.title, tileMatrixSetId=one.id),
            }
            for one in sets
        ],
    }


def tile_matrix_set(one: TileMatrixSet, url: Urls) -> Document:
    """One tile matrix set (TMS 2.0 `/req/json-tilematrixset/schema`)."""
    links = self_links(url, MATRIX_SET, one.title, tileMatrixSetId=one.id)
    named = {"id": one.id, "title": one.title, "uri": matrix_set_uri(one, url)}
    return {**named, **one.document, "links": links}


def matrix_set_uri(one: TileMatrixSet, url: Urls) -> str:
    """The registry's address of a set; its address here where it is not registered."""
    return one.uri or url(MATRIX_SET, tileMatrixSetId=one.id)


@dataclass(frozen=True, kw_only=True)
class Tiled:
    """A resource with tiles: what tile sets are of."""

    operations: TileOperations
    """Those of its list of tile sets, its tile sets and its tiles."""
    path: dict[str, str]
    """Path parameters of the resource itself."""
    title: str
    data_type: str
    """`map` or `coverage`."""
    collections: Sequence[Collection]
    tile_sets: Sequence[TileSet]
    style: Style | None = None
    query: str = ""
    """Encoded query that belongs to each address: the `collections` that were chosen."""
    of_dataset: bool = False
    license: str | None = None


def tiled_collection(one: Collection, operations: TileOperations, data_type: str, style: Style | None = None) -> Tiled:
    """The tiles of one collection."""
    path = {"collectionId": one.id} | ({"styleId": style.id} if style else {})
    return Tiled(
        operations=operations,
        path=path,
        title=f"{one.title}, {style.title}" if style else one.title,
        data_type=data_type,
        collections=(one,),
        tile_sets=one.tile_sets,
        style=style,
        license=one.license,
    )


def tiled_dataset(
    found: Sequence[Collection],
    operations: TileOperations,
    service: Service,
    chosen: Sequence[str] | None,
    set_id: str | None = None,
) -> Tiled:
    """The tiles of several collections drawn together: in each set that one of them is offered in, all of its body.

    Each is drawn down to the deepest matrix that one of them needs. Where `set_id` is one of those sets, the others
    are left out.
    """
    offered = {each.matrix_set.id: each.matrix_set for one in found for each in one.tile_sets}
    if set_id in offered:
        offered = {set_id: offered[set_id]}
    merged = []
    for matrix_set in offered.values():
        drawn = [one for one in found if one.body == matrix_set.body]
        deepest = max(one.filled(matrix_set).depth for one in drawn)
        merged.append(reduce(merge, (one.drawn(matrix_set, deepest) for one in drawn)))
    return Tiled(
        operations=operations,
        path={},
        title=service.title,
        data_type="map",
        collections=found,
        tile_sets=tuple(merged),
        query=f"collections={quote(','.join(chosen), safe=',')}" if chosen else "",
        of_dataset=True,
    )


def merge(one: TileSet, other: TileSet) -> TileSet:
    """The tiles that either has."""
    limits: dict[str, TileLimits] = {limit.matrix_id: limit for limit in one.limits}
    for limit in other.limits:
        known = limits.get(limit.matrix_id)
        limits[limit.matrix_id] = known.union(limit) if known else limit
    order = [matrix.id for matrix in one.matrix_set.matrices]
    ordered = sorted(limits.values(), key=lambda limit: order.index(limit.matrix_id))
    return TileSet(matrix_set=one.matrix_set, limits=tuple(ordered))


def tile_sets(tiled: Tiled, url: Urls) -> Document:
    """The tile sets of a resource (Tiles `/req/tilesets-list/tileset-links`)."""
    title = f"{_KINDS[tiled.data_type]} of {tiled.title}"
    return {
        "links": self_links(url, tiled.operations[0], title, tiled.query, **tiled.path),
        "tilesets": [tile_set(tiled, one, url) for one in tiled.tile_sets],
    }


_KINDS = {"map": "Map tiles", "coverage": "Coverage tiles"}


def tile_set(tiled: Tiled, one: TileSet, url: Urls) -> Document:
    """One tile set (TMS 2.0 `/req/tilesetmetadata/model`; Tiles `/req/tileset/description`)."""
    matrix_set = one.matrix_set
    layers = [layer for layer in tiled.collections if layer.body == matrix_set.body]
    attribution = " · ".join(dict.fromkeys(layer.attribution for layer in layers if layer.attribution))
    title = f"{tiled.title}: {matrix_set.body.name}" if tiled.of_dataset else tiled.title
    document: Document = {
        "title": f"{title} ({matrix_set.id})",
        "dataType": tiled.data_type,
        "crs": matrix_set.crs.document,
        "tileMatrixSetId": matrix_set.id,
        "tileMatrixSetURI": matrix_set_uri(matrix_set, url),
        "tileMatrixSetLimits": [_limits(limit) for limit in one.limits],
        "boundingBox": _bounding_box(one, tiled.collections),
        "mediaTypes": [media.name for media in tiled.operations[2].answers],
        "layers": [_layer(layer, one, tiled.data_type) for layer in layers],
    }
    if tiled.style:
        document["style"] = {"id": tiled.style.id, "title": tiled.style.title}
    reason = why_not(matrix_set)
    if reason and tiled.data_type == "map":
        document["x-notInWmts"] = f"This set is not in the WMTS: {reason}."
    if attribution:
        document["attribution"] = attribution
    if tiled.license:
        document["license"] = tiled.license
    return {**document, "links": list(_links(tiled, matrix_set, url))}


def _files(tiled: Tiled, matrix_set: TileMatrixSet) -> tuple[Operation, ...]:
    """The files of these tiles that clients open, those that can say the set."""
    if tiled.of_dataset:
        return ()
    if tiled.data_type == "coverage":
        return coverage_files(tiled.collections[0], matrix_set)
    return map_files(matrix_set, is_styled=tiled.style is not None)


def _layer(layer: Collection, one: TileSet, data_type: str) -> Document:
    """A collection as a layer; `minTileMatrix` where coarser tiles would be made of more assets than are read."""
    document: Document = {"id": layer.id, "title": layer.title, "dataType": data_type}
    first = layer.answered_from(layer.filled(one.matrix_set))
    return document if first is None else {**document, "minTileMatrix": first}


def _limits(limit: TileLimits) -> Document:
    return {
        "tileMatrix": limit.matrix_id,
        "minTileRow": limit.min_row,
        "maxTileRow": limit.max_row,
        "minTileCol": limit.min_col,
        "maxTileCol": limit.max_col,
    }


def _bounding_box(one: TileSet, found: Sequence[Collection]) -> Document:
    """The box of the data in the set's CRS, as far as the set reaches."""
    crs = one.matrix_set.crs
    numbers = text_bbox(box_in(one.matrix_set, found), crs)
    return {"lowerLeft": list(numbers[:2]), "upperRight": list(numbers[2:]), "crs": crs.document}


def box_in(matrix_set: TileMatrixSet, found: Sequence[Collection]) -> BBox:
    """One box around the data in the set's CRS, as far as the set reaches; the set's own where none lie in it."""
    whole: BBox | None = None
    for collection in found:
        if collection.body == matrix_set.body:
            for mine in matrix_set.turned(collection.coverage.footprint.carried(matrix_set.crs)):
                part = mine.intersection(matrix_set.bbox)
                whole = part if whole is None else whole.union(part) if part else whole
    return whole or matrix_set.bbox


def _links(tiled: Tiled, matrix_set: TileMatrixSet, url: Urls) -> Iterable[Link]:
    path = {**tiled.path, "tileMatrixSetId": matrix_set.id}
    _, one, tile = tiled.operations
    title = f"{_KINDS[tiled.data_type]} of {tiled.title} in {matrix_set.id}"
    yield from self_links(url, one, title, tiled.query, **path)
    scheme = url(MATRIX_SET, JSON, tileMatrixSetId=matrix_set.id)
    yield link(OGC_REL + "tiling-scheme", scheme, JSON, matrix_set.title)
    for media in tile.answers:
        yield link("item", url(tile, media, tiled.query, **path), media, f"Tiles as {media.title}", templated=True)
    for file in _files(tiled, matrix_set):
        yield link("enclosure", url(file, None, **path), file.answers[0], file.summary)
    if tiled.of_dataset:
        yield link(OGC_REL + "dataset", url(LANDING_PAGE, JSON), JSON, tiled.title)
    for collection in tiled.collections:
        if collection.body == matrix_set.body:
            geodata = url(COLLECTION, JSON, collectionId=collection.id)
            yield link(OGC_REL + "geodata", geodata, JSON, collection.title)
    if tiled.data_type == "map" and not tiled.of_dataset:
        style = tiled.style or tiled.collections[0].styles[0]
        for media in LEGEND.answers:
            legend = url(LEGEND, media, collectionId=tiled.collections[0].id, styleId=style.id)
            yield link(OGC_REL + "legend", legend, media, "Legend")
    yield link(OGC_REL + "conformance", url(CONFORMANCE, JSON), JSON, "Conformance classes")
    yield link("up", url(tiled.operations[0], HTML, tiled.query, **tiled.path), HTML, "All tile sets")
