"""Tile matrix sets, tile sets and tiles of maps and coverages (TMS 2.0; Tiles 1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from struct import pack
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response

from ogcapi.model.collection import Collection, TileSet
from ogcapi.model.grid import Grid
from ogcapi.model.link import Document
from ogcapi.model.native import collection_of
from ogcapi.model.operations import (
    COLLECTION,
    COVERAGE_TILES,
    DATASET_MAP_TILES,
    MAP_TILES,
    MATRIX_SET,
    MATRIX_SET_LIST,
    STYLED_MAP_TILES,
)
from ogcapi.model.parameters import COLLECTIONS, HEIGHT, PROPERTIES, WIDTH
from ogcapi.model.problem import BadParameter, NotFound, shown
from ogcapi.model.raster import Raster, Selection
from ogcapi.model.style import Style
from ogcapi.model.tiles import TileMatrixSet, tile_grid
from ogcapi.pixels.encode import COVERAGE_ENCODERS, PICTURE_ENCODERS
from ogcapi.pixels.style import Picture, overlay
from ogcapi.pixels.style import render as draw
from ogcapi.resources import common
from ogcapi.resources import tiles as documents
from ogcapi.resources.tiles import Tiled, TileOperations
from ogcapi.web.common import path_to, system, systems
from ogcapi.web.negotiate import Asked, understand
from ogcapi.web.pages import render
from ogcapi.web.respond import Body, data, document, frame_of, georeferencing
from ogcapi.web.site import Site, site_of
from ogcapi.web.stored import stored_picture
from ogcapi.web.subset import bounded
from ogcapi.web.timing import timed
from ogcapi.web.urls import BaseUrls, urls_of

_EMPTY = {"OATiles-hint": "empty"}


def matrix_set_list(request: Request) -> Response:
    """All tile matrix sets."""
    asked, site, url = understand(request, MATRIX_SET_LIST), site_of(request), urls_of(request)
    sets = tuple(site.catalog.matrix_sets.values())
    content, here = documents.tile_matrix_sets(sets, url), url(MATRIX_SET_LIST)
    return document(
        request,
        asked,
        content,
        lambda: render(
            "tilematrixsets.html",
            document=content,
            service=frame_of(request, url),
            path=[("Tile matrix sets", here)],
            here=here,
            systems={each.crs.uri or each.crs.name: system(each.crs) for each in sets},
        ),
    )


def matrix_set(request: Request) -> Response:
    """One tile matrix set."""
    asked, site, url = understand(request, MATRIX_SET), site_of(request), urls_of(request)
    set_id = asked.path["tileMatrixSetId"]
    one = site.catalog.matrix_sets.get(set_id) or _native(set_id, site)
    if one is None:
        raise NotFound(f"There is no tile matrix set {shown(set_id)}; {url(MATRIX_SET_LIST)} lists all.")
    content, here = documents.tile_matrix_set(one, url), url(MATRIX_SET, tileMatrixSetId=one.id)
    return document(
        request,
        asked,
        content,
        lambda: render(
            "tilematrixset.html",
            document=content,
            service=frame_of(request, url),
            path=[("Tile matrix sets", url(MATRIX_SET_LIST)), (one.title, here)],
            here=here,
            systems={one.crs.uri or one.crs.name: system(one.crs)},
        ),
    )


def _native(set_id: str, site: Site) -> TileMatrixSet | None:
    """The set of a collection's own cells, if the id is that of one."""
    collection_id = collection_of(set_id)
    if collection_id is None:
        return None
    try:
        found = site.catalog[collection_id].native
    except NotFound:
        return None
    return found.matrix_set if found else None


Locate = Callable[[Asked, Request], Tiled]


def tile_sets_of(operations: TileOperations, locate: Locate) -> Callable[[Request], Response]:
    """The handler of a list of tile sets."""

    def tile_sets(request: Request) -> Response:
        asked, url = understand(request, operations[0]), urls_of(request)
        tiled = locate(asked, request)
        content, here = documents.tile_sets(tiled, url), url(operations[0], None, tiled.query, **tiled.path)
        return document(
            request,
            asked,
            content,
            lambda: render(
                "tilesets.html",
                document=content,
                service=frame_of(request, url),
                path=[*_path(tiled, url), (f"{tiled.data_type.capitalize()} tiles", here)],
                here=here,
                collection=None if tiled.of_dataset else common.collection(tiled.collections[0], url),
                tile_matrix_sets={
                    each.matrix_set.id: documents.tile_matrix_set(each.matrix_set, url) for each in tiled.tile_sets
                },
                systems=systems(tiled.collections),
            ),
        )

    return tile_sets


def _pictured(collection: Collection, tiled: Tiled, one: TileSet, url: BaseUrls) -> Document:
    """The tile set whose pictures show where the tiles lie: maps for coverages, which are no pictures themselves."""
    maps = documents.tiled_collection(collection, MAP_TILES, "map")
    return documents.tile_set(tiled if tiled.data_type == "map" else maps, one, url)


def tile_set_of(operations: TileOperations, locate: Locate) -> Callable[[Request], Response]:
    """The handler of a tile set."""

    def tile_set(request: Request) -> Response:
        asked, site, url = understand(request, operations[1]), site_of(request), urls_of(request)
        tiled = locate(asked, request)
        one = tile_set_named(tiled, asked)
        set_id = one.matrix_set.id
        content = documents.tile_set(tiled, one, url)
        here = url(operations[1], None, tiled.query, **tiled.path, tileMatrixSetId=set_id)
        title = f"{tiled.data_type.capitalize()} tiles"

        def page() -> str:
            above = url(operations[0], None, tiled.query, **tiled.path)
            collection = None if tiled.of_dataset else tiled.collections[0]
            return render(
                "tileset.html",
                document=content,
                service=frame_of(request, url),
                path=[*_path(tiled, url), (title, above), (set_id, here)],
                here=here,
                tile_matrix_set=documents.tile_matrix_set(one.matrix_set, url),
                tileset=content if collection is None else _pictured(collection, tiled, one, url),
                collection=collection and common.collection(collection, url),
                schema=collection and common.schema(collection, site.catalog.statistics(collection.id), url),
                systems=systems(tiled.collections),
            )

        return document(request, asked, content, page)

    return tile_set


def tile_set_named(tiled: Tiled, asked: Asked) -> TileSet:
    """The tile set that a path names: of a coverage, also that of its own cells. Raises `NotFound`."""
    set_id = asked.path["tileMatrixSetId"]
    for one in tiled.tile_sets:
        if one.matrix_set.id == set_id:
            return one
    if tiled.data_type == "coverage" and collection_of(set_id) == tiled.collections[0].id:
        native = tiled.collections[0].native
        if native:
            return native
    known = ", ".join(one.matrix_set.id for one in tiled.tile_sets)
    raise NotFound(f"There are no tiles in the tile matrix set {shown(set_id)} here; expected one of {known}.")


def _path(tiled: Tiled, url: BaseUrls) -> list[tuple[str, str]]:
    return [] if tiled.of_dataset else path_to(url, tiled.collections[0])


def of_map(asked: Asked, request: Request) -> Tiled:
    """The map tiles of a collection."""
    return documents.tiled_collection(_collection(asked, request), MAP_TILES, "map")


def of_styled_map(asked: Asked, request: Request) -> Tiled:
    """The map tiles of a collection in a style."""
    one = _collection(asked, request)
    return documents.tiled_collection(one, STYLED_MAP_TILES, "map", one.style(asked.path["styleId"]))


def of_coverage(asked: Asked, request: Request) -> Tiled:
    """The coverage tiles of a collection."""
    return documents.tiled_collection(_collection(asked, request), COVERAGE_TILES, "coverage")


def _collection(asked: Asked, request: Request) -> Collection:
    return site_of(request).catalog[asked.path["collectionId"]]


def of_dataset(asked: Asked, request: Request) -> Tiled:
    """The map tiles of all collections, or of those that `collections` names, in that order (first at the bottom)."""
    site, chosen, set_id = site_of(request), asked.get(COLLECTIONS), asked.path.get("tileMatrixSetId")
    if chosen is None:
        return documents.tiled_dataset(site.catalog.listed(), DATASET_MAP_TILES, site.service, None, set_id)
    listed = {one.id: one for one in site.catalog.listed()}
    found = [_chosen(listed, name, urls_of(request)) for name in chosen]
    ids = [one.id for one in found]
    if len(set(ids)) < len(ids):
        raise BadParameter(COLLECTIONS.name, ",".join(chosen), "each collection once")
    matrix_set = site.catalog.matrix_sets.get(set_id or "")
    for one in found:
        if matrix_set and one.body != matrix_set.body:
            raise BadParameter(COLLECTIONS.name, one.id, f"collections of {matrix_set.body.name}")
    return documents.tiled_dataset(found, DATASET_MAP_TILES, site.service, ids, set_id)


def _chosen(listed: Mapping[str, Collection], name: str, url: BaseUrls) -> Collection:
    collection_id = _collection_id(name, url)
    if collection_id not in listed:
        raise BadParameter(COLLECTIONS.name, name, "ids or addresses of collections: " + ", ".join(listed))
    return listed[collection_id]


def _collection_id(name: str, url: BaseUrls) -> str:
    """The id in an id, or in the address of one of this server's collections, by http or https."""
    own = url(COLLECTION, collectionId="").partition("://")[2]
    scheme, _, place = name.partition("://")
    if scheme not in {"http", "https"} or not place.startswith(own):
        return name
    return unquote(place.removeprefix(own).partition("?")[0].rstrip("/"))


def coverage_tile(request: Request) -> Response:
    """The cell values inside one tile.

    Coverages `/req/tiles/tilesets`; Tiles `/req/core/tc-success`, `/req/core/tc-error`: 404 beyond the limits, and
    inside them, where there are no data, a tile that says so.
    """
    asked = understand(request, COVERAGE_TILES[2])
    return values_tile(request, asked, of_coverage(asked, request))


def values_tile(request: Request, asked: Asked, tiled: Tiled) -> Response:
    """The values of the one collection inside the tile that the path names."""
    site = site_of(request)
    one, tile_set = tiled.collections[0], tile_set_named(tiled, asked)
    grid = _grid(tile_set, asked)
    selection = Selection.of(one.fields, asked.get(PROPERTIES))
    bounded(grid, len(selection.fields), site.max_cells)
    _check(one, tile_set, grid)

    def make() -> Body:
        meets = timed("find", one.coverage.meets, grid)
        raster = timed("read", one.coverage.read, grid, selection) if meets else _nothing(one, grid, selection)
        hint = {} if meets else _EMPTY
        content = timed("encode", COVERAGE_ENCODERS[asked.media], raster)
        return Body(content, {**georeferencing(grid), **hint}, raster.missing)

    return data(request, asked, timed("find", revision_of, [one], grid), make, site.cache_control.tiles)


def map_tile_of(operations: TileOperations, locate: Locate) -> Callable[[Request], Response]:
    """The handler of a map tile: of a collection, of a style, or of several collections over each other."""

    def tile(request: Request) -> Response:
        asked = understand(request, operations[2])
        return map_tile(request, asked, locate(asked, request))

    return tile


def map_tile(request: Request, asked: Asked, tiled: Tiled) -> Response:
    """The picture of the tile that the path names."""
    site = site_of(request)
    tile_set = tile_set_named(tiled, asked)
    grid = _grid(tile_set, asked, _size(asked, site))
    bounded(grid, 1, site.max_cells)
    drawn = [one for one in tiled.collections if one.body == tile_set.matrix_set.body]
    for one in drawn:
        _check(one, tile_set, grid)

    def make() -> Body:
        kept = stored_picture(drawn, grid, tiled.style, asked.media)
        if kept is not None:
            return Body(kept, {})
        picture, missing, meets = picture_of(drawn, grid, tiled.style)
        content = timed("encode", PICTURE_ENCODERS[asked.media], picture)
        return Body(content, {} if meets else _EMPTY, missing)

    revision = timed("find", revision_of, drawn, grid, tiled.style)
    return data(request, asked, revision, make, site.cache_control.tiles)


def _check(one: Collection, tile_set: TileSet, grid: Grid) -> None:
    """Raise what a read of a tile would for taking too much, and say which tiles do not."""
    refusal = one.refusal(grid)
    if refusal is None:
        return
    first = one.answered_from(one.filled(tile_set.matrix_set))
    if first is not None:
        refusal.add(
            f"All tiles of {tile_set.matrix_set.id} are answered from the tile matrix {first} on.", tileMatrix=first
        )
    raise refusal


def picture_of(found: Sequence[Collection], grid: Grid, style: Style | None) -> tuple[Picture, tuple[str, ...], bool]:
    """Collections drawn over each other, the first at the bottom; what could not be read; whether any meets the grid.

    What lies beneath an opaque picture is not read.
    """
    pictures: list[Picture] = []
    missing: list[str] = []
    meets = False
    for one in reversed(found):
        rule = style or one.styles[0]
        selection = Selection(fields=rule.fields, method=one.resampling, is_drawn=True)
        if not timed("find", one.coverage.meets, grid):
            continue
        meets = True
        raster = timed("read", one.coverage.read, grid, selection)
        missing += raster.missing
        pictures.append(timed("style", draw, rule, raster))
        if pictures[-1].is_opaque:
            break
    if not pictures:
        one = found[0]
        rule = style or one.styles[0]
        pictures.append(draw(rule, _nothing(one, grid, Selection(fields=rule.fields))))
    return timed("style", overlay, pictures[::-1]), tuple(dict.fromkeys(missing)), meets


def revision_of(found: Sequence[Collection], grid: Grid, style: Style | None = None) -> str:
    """What a picture or raster of some collections on a grid depends on."""
    # that of a collection covers what its styles say, all colours of their maps
    parts = (f"{one.id} {one.revision} {one.coverage.revision(grid)} {(style or one.styles[0]).id}" for one in found)
    place = pack("<4d2q", *grid.bbox.bounds, *grid.shape).hex()  # the document of a tile matrix set may change
    return "\n".join((place, *parts))


def _nothing(one: Collection, grid: Grid, selection: Selection) -> Raster:
    by_name = {field.name: field for field in one.fields}
    return Raster.empty(grid, [by_name[name] for name in selection.fields])


def _grid(one: TileSet, asked: Asked, size: tuple[int | None, int | None] = (None, None)) -> Grid:
    path = asked.path
    return tile_grid(one.matrix_set, one.limits, path["tileMatrix"], path["tileRow"], path["tileCol"], size)


def _size(asked: Asked, site: Site) -> tuple[int | None, int | None]:
    width, height = asked.get(WIDTH), asked.get(HEIGHT)
    for parameter, side in ((WIDTH, width), (HEIGHT, height)):
        if side is not None and side > site.max_tile_side:
            raise BadParameter(parameter.name, side, f"at most {site.max_tile_side} cells for a tile")
    return width, height
