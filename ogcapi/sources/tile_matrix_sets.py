"""Tile matrix sets: OGC's registry, documents of any body, and those made for each planetary body."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from math import pi
from typing import Any, TypeGuard

from ogcapi.model.body import EARTH, Body, body_of
from ogcapi.model.crs import Crs, UnknownCrs, parse_crs
from ogcapi.model.tiles import PIXEL_M, TileMatrix, TileMatrixSet, VariableWidth

REGISTRY = "http://www.opengis.net/def/tilematrixset/OGC/1.0/"
_PACKAGED = (  # those of the registry that morecantile ships; its other sets are not registered
    "CDB1GlobalGrid",
    "CanadianNAD83_LCC",
    "EuropeanETRS89_LAEAQuad",
    "GNOSISGlobalGrid",
    "UPSAntarcticWGS84Quad",
    "UPSArcticWGS84Quad",
    "WebMercatorQuad",
    "WorldCRS84Quad",
    "WorldMercatorWGS84Quad",
)
_UTM_ZONES = range(1, 61)
_FINEST_M = 0.005  # made sets end with the first matrix whose cells are this small, as planetcantile's do
_TILE = 256  # cells
_MAX_TILE = 8192  # cells along a side

Document = dict[str, Any]


class BadTileMatrixSet(ValueError):
    """A document that is no tile matrix set: names the member, its value and what was expected."""


@lru_cache(maxsize=1)
def registered() -> Mapping[str, TileMatrixSet]:
    """The 69 sets of OGC's registry, by id."""
    documents = {name: _packaged(name) for name in _PACKAGED}
    utm = _packaged("UTM31WGS84Quad")  # every zone has the same matrices
    for zone in _UTM_ZONES:
        name = f"UTM{zone:02}WGS84Quad"
        documents[name] = utm | {
            "id": name,
            "title": f"Universal Transverse Mercator Zone {zone:02} WGS84 Quad",
            "uri": REGISTRY + name,
            "crs": f"http://www.opengis.net/def/crs/EPSG/0/{32600 + zone}",
        }
    return {name: parse(documents[name], uri=REGISTRY + name) for name in sorted(documents)}


def _packaged(name: str) -> Document:
    text = files("morecantile").joinpath("data", f"{name}.json").read_text("utf-8")
    document: Document = json.loads(text)
    return document


def defaults(body: Body, storage_crs: Crs) -> tuple[TileMatrixSet, ...]:
    """The sets that a collection of that body gets when its configuration names none."""
    if body != EARTH:
        return planetary(body)
    chosen = [registered()["WebMercatorQuad"], registered()["WorldCRS84Quad"]]
    own = (s for s in registered().values() if s.crs == storage_crs and s not in chosen)
    return (*chosen, *(s for s in own if not any(m.variable_widths for m in s.matrices)))


@lru_cache(maxsize=128)
def planetary(body: Body) -> tuple[TileMatrixSet, ...]:
    """The sets of a body other than Earth, in the systems that the IAU's registry has for it.

    Equidistant cylindrical, Mercator and geographic ones have the numbers of planetcantile's; the polar ones are
    symmetric about their pole and reach to the equator.
    """
    name, found = body.id, []
    radius = body.crs(0).semi_major_m
    half = pi * radius
    plans = (  # id, title, number of the IAU's system, x and y of the top left corner, columns
        (f"{name}GeographicSphere", "geographic", 0, (-180.0, 90.0), 2),
        (f"{name}EquidistantCylindricalSphere", "equidistant cylindrical", 10, (-half, half / 2), 2),
        (f"{name}MercatorSphere", "Mercator", 90, (-half, half), 1),
        (f"{name}NorthPolarQuad", "north polar stereographic", 30, (-2 * radius, 2 * radius), 1),
        (f"{name}SouthPolarQuad", "south polar stereographic", 35, (-2 * radius, 2 * radius), 1),
    )
    for set_id, title, number, corner, columns in plans:
        try:
            crs = body.crs(number)
        except UnknownCrs:
            continue
        found.append(parse(_pyramid(set_id, f"{body.name}, {title}", crs, corner, columns)))
    return tuple(found)


def _pyramid(set_id: str, title: str, crs: Crs, corner: tuple[float, float], columns: int) -> Document:
    """A document of levels that halve the cells, one row at the top."""
    matrices: list[Document] = []
    cell_size = -2 * corner[0] / columns / _TILE
    level = 0
    while not matrices or matrices[-1]["cellSize"] * crs.metres_per_unit > _FINEST_M:
        matrices.append(
            {
                "id": str(level),
                "scaleDenominator": cell_size * crs.metres_per_unit / PIXEL_M,
                "cellSize": cell_size,
                "cornerOfOrigin": "topLeft",
                "pointOfOrigin": list(crs.text_order(*corner)),
                "tileWidth": _TILE,
                "tileHeight": _TILE,
                "matrixWidth": columns << level,
                "matrixHeight": 1 << level,
            }
        )
        cell_size, level = cell_size / 2, level + 1
    axes = [axis[0] for axis in crs.axes]
    ordered = axes[::-1] if crs.is_yx else axes
    return {"id": set_id, "title": title, "crs": crs.document, "orderedAxes": ordered, "tileMatrices": matrices}


def parse(document: Mapping[str, Any], uri: str | None = None, default_id: str | None = None) -> TileMatrixSet:
    """A tile matrix set from its JSON document. Raises `BadTileMatrixSet`.

    The document's own `uri` is not believed: only registered sets are given one.
    """
    if not isinstance(document, Mapping):
        raise BadTileMatrixSet("a tile matrix set is a JSON object")
    set_id = document.get("id") or default_id
    if not isinstance(set_id, str) or not set_id or set(set_id) & set("/%?#{} "):
        raise BadTileMatrixSet(f"id: {set_id!r} was given; expected a name without spaces or any of / % ? # {{ }}")
    crs = _crs(document.get("crs"))
    listed = document.get("tileMatrices")
    if not isinstance(listed, list) or not listed:
        raise BadTileMatrixSet("tileMatrices: expected a list of at least one tile matrix")
    matrices = tuple(
        sorted((_matrix(f"tileMatrices[{i}]", m, crs) for i, m in enumerate(listed)), key=lambda m: -m.cell_size)
    )
    if len({matrix.id for matrix in matrices}) < len(matrices):
        raise BadTileMatrixSet("tileMatrices: every id may occur once")
    title = document.get("title") or set_id
    own = {key: value for key, value in document.items() if key not in {"uri", "id", "title", "crs"}}
    known: Document = {"id": set_id, "title": title}
    shown = known | ({"uri": uri} if uri else {}) | {"crs": crs.document} | own
    return TileMatrixSet(id=set_id, title=str(title), crs=crs, matrices=matrices, uri=uri, document=shown)


def _crs(value: Any) -> Crs:
    """A document's CRS: a URI or WKT, `{uri}`, `{wkt}` (PROJJSON or text) or `{referenceSystem}` (TMS 2.0 crs.json)."""
    inner = (
        next((value[k] for k in ("uri", "wkt", "referenceSystem") if k in value), None)
        if isinstance(value, dict)
        else value
    )
    if isinstance(inner, dict):
        inner = json.dumps(inner)
    if not isinstance(inner, str):
        raise BadTileMatrixSet(f"crs: {str(value)[:100]!r} was given; expected a URI, {{uri}} or {{wkt}}")
    try:
        crs = parse_crs(inner)
        body_of(crs)
    except UnknownCrs as error:
        raise BadTileMatrixSet(f"crs: {inner[:100]!r}: {error}") from error
    return crs


def _matrix(where: str, matrix: Any, crs: Crs) -> TileMatrix:
    if not isinstance(matrix, Mapping):
        raise BadTileMatrixSet(f"{where}: expected a JSON object")

    def number(key: str, kind: type[int] | type[float]) -> Any:
        value = matrix.get(key)
        if not _is_number(value) or value <= 0 or kind(value) != value:
            what = "a positive whole number" if kind is int else "a positive number"
            raise BadTileMatrixSet(f"{where}.{key}: {value!r} was given; expected {what}")
        return kind(value)

    origin = matrix.get("pointOfOrigin", matrix.get("topLeftCorner"))
    if not isinstance(origin, list) or len(origin) != 2 or not all(map(_is_number, origin)):
        raise BadTileMatrixSet(f"{where}.pointOfOrigin: {origin!r} was given; expected two numbers")
    x, y = crs.text_order(float(origin[0]), float(origin[1]))
    if crs.is_geographic and abs(y) > (crs.x_period or 360) / 4 * (1 + 1e-9) and crs.is_yx:
        raise BadTileMatrixSet(f"{where}.pointOfOrigin: {origin!r} was given; {crs.name} gives latitude first")
    corner = matrix.get("cornerOfOrigin", "topLeft")
    if not isinstance(corner, str) or corner not in {"topLeft", "bottomLeft"}:
        raise BadTileMatrixSet(f"{where}.cornerOfOrigin: {corner!r} was given; expected topLeft or bottomLeft")
    if not isinstance(matrix.get("id"), str) or not matrix["id"]:
        raise BadTileMatrixSet(f"{where}.id: {matrix.get('id')!r} was given; expected a text")
    widths = matrix.get("variableMatrixWidths") or []
    if not isinstance(widths, list):
        raise BadTileMatrixSet(f"{where}.variableMatrixWidths: {str(widths)[:100]!r} was given; expected a list")
    for key in ("tileWidth", "tileHeight"):
        if number(key, int) > _MAX_TILE:
            raise BadTileMatrixSet(f"{where}.{key}: {matrix[key]} was given; expected at most {_MAX_TILE} cells")
    return TileMatrix(
        id=matrix["id"],
        scale_denominator=number("scaleDenominator", float),
        cell_size=number("cellSize", float),
        origin=(x, y),
        bottom_left=corner == "bottomLeft",
        tile_width=number("tileWidth", int),
        tile_height=number("tileHeight", int),
        matrix_width=number("matrixWidth", int),
        matrix_height=number("matrixHeight", int),
        variable_widths=tuple(_width(where, width) for width in widths),
    )


def _is_number(value: Any) -> TypeGuard[int | float]:
    """Whether a member is a finite number of a size that a document may have."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e15


def _width(where: str, width: Any) -> VariableWidth:
    try:
        found = VariableWidth(*(int(width[key]) for key in ("coalesce", "minTileRow", "maxTileRow")))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise BadTileMatrixSet(
            f"{where}.variableMatrixWidths: {str(width)[:100]!r} was given; expected coalesce, minTileRow, maxTileRow"
        ) from error
    if found.coalesce < 1 or found.min_row > found.max_row:
        raise BadTileMatrixSet(f"{where}.variableMatrixWidths: coalesce is at least 1 and rows go up")
    return found
