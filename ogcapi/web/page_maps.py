"""What maps on pages are made of: the live map's configuration, drawings of tile matrices, sizes of pictures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import floor, log10, prod, sqrt
from typing import Any

from ogcapi.model.link import Document
from ogcapi.web.page_links import first_link, links, with_query
from ogcapi.web.page_text import system

__all__ = [
    "by_subject",
    "coverage_address",
    "example_tiles",
    "is_registered",
    "level_drawings",
    "levels",
    "map_configuration",
    "part_of",
    "picture",
    "set_title",
    "tile_address",
    "tile_count",
]

_MIN_TILE = 4  # pixels a side of the smallest tiles that a drawing shows one by one
_REGISTRY = "http://www.opengis.net/def/tilematrixset/"
_WHOLE = 10_000_000  # cells, all fields together, that one would still fetch at once
_OVERVIEW = 2048  # cells in x of what to fetch of a larger coverage
_PICTURE_TYPES = ("image/webp", "image/png", "image/jpeg")  # smallest first


def picture(
    document: Mapping[str, Any], systems: Mapping[str, Any] | None, width: int, height: int
) -> dict[str, Any] | None:
    """A rendered picture that covers a box of width x height pixels: {href, width, height}; None without a map link.

    It has the shape of the data's extent, up to three times longer than wide, so that nothing is stretched.
    """
    link = first_link(document, "map")
    if link is None:
        return None
    shape = min(max(_shape(document, systems) or width / height, 1 / 3), 3)
    wide, high = (width, width / shape) if width / shape >= height else (height * shape, height)
    size = {"width": round(wide), "height": round(high)}
    return {"href": with_query(link["href"], **size, f="webp"), **size}


def _shape(document: Mapping[str, Any], systems: Mapping[str, Any] | None) -> float | None:
    """Width over height of a collection's extent in its storage CRS; None where it cannot be told."""
    spatial = document.get("extent", {}).get("spatial", {})
    boxes, crs = spatial.get("storageCrsBbox"), document.get("storageCrs", "")
    if not boxes:
        boxes, crs = spatial.get("bbox"), spatial.get("crs", "")
    axes = system(crs, systems)["axes"]
    if not boxes or axes is None:
        return None
    half = len(boxes[0]) // 2
    sides = [boxes[0][i + half] - boxes[0][i] for i in (0, 1)]
    if axes[0][1] == "north" and axes[1][1] == "east":  # latitude or northing first
        sides.reverse()
    wide, high = sides[0] % 360 or 360 if sides[0] < 0 else sides[0], sides[1]
    return wide / high if high > 0 else None


def coverage_address(collection: Mapping[str, Any], schema: Mapping[str, Any] | None) -> str | None:
    """Where the values of a collection can be fetched at once: all of them, or fewer where they are too many."""
    link = first_link(collection, "coverage")
    if link is None:
        return None
    grid = collection.get("extent", {}).get("spatial", {}).get("grid", ())
    cells = prod(axis["cellsCount"] for axis in grid) * len((schema or {}).get("properties", "1"))
    size = {"width": _OVERVIEW} if cells > _WHOLE else {}
    return with_query(link["href"], f="geotiff", **size)


def part_of(collection: Mapping[str, Any], systems: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The middle of a collection as `bbox` would ask for it: {bbox, axes}; None where the axes are not known.

    Half as wide and as high as the extent, in that one's system and axis order, which are those of `bbox`.
    """
    spatial = collection.get("extent", {}).get("spatial", {})
    axes = system(spatial.get("crs", ""), systems)["axes"]
    if axes is None or not spatial.get("bbox"):
        return None
    box = spatial["bbox"][0]
    ends = [_middle(box[i], box[i + len(box) // 2], axis) for i, axis in enumerate(axes)]
    return {"bbox": ",".join(end[i] for i in (0, 1) for end in ends), "axes": axes}


def _middle(low: float, high: float, axis: Sequence[str]) -> tuple[str, str]:
    """The middle half of a span on an axis, to three digits; longitudes may go over the antimeridian."""
    span = high - low if high > low or axis[2] != "degree" else high - low + 360
    decimals = max(0, 2 - floor(log10(span))) if span > 0 else 9

    def text(value: float) -> str:
        within = value - 360 if axis[2] == "degree" and value > 180 else value
        return f"{round(within, decimals) + 0:.{decimals}f}"  # nothing added makes -0.0 plain

    return text(low + span / 4), text(low + span * 3 / 4)


def map_configuration(
    tilesets: Sequence[Mapping[str, Any]],
    tile_matrix_sets: Mapping[str, Document],
    systems: Mapping[str, Any] | None,
    styles: Mapping[str, Any] | None = None,
    collection: Mapping[str, Any] | None = None,
    schema: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """All that the live map needs to know, as JSON for `map.js`; `tilesets` are those of the default style."""
    coverage = first_link(collection, "coverage")
    return {
        "sets": [_tile_set(tileset, tile_matrix_sets) for tileset in tilesets],
        "tileMatrixSets": {id: tile_matrix_sets[id] for id in _ids(tilesets) if id in tile_matrix_sets},
        "systems": dict(systems or {}),
        "styles": [_style(style) for style in (styles or {}).get("styles", ())],
        "style": (styles or {}).get("default"),
        "body": (collection or {}).get("x-body"),
        "coverage": coverage and coverage["href"],
        "fields": [
            {
                "title": field.get("title", name),
                "unit": field.get("x-ogc-unit", ""),
                "nulls": field.get("x-ogc-nullValues", []),
            }
            for name, field in (schema or {}).get("properties", {}).items()
        ],
    }


def _ids(tilesets: Iterable[Mapping[str, Any]]) -> list[str]:
    return [_id(tileset) for tileset in tilesets]


def _id(tileset: Mapping[str, Any]) -> str:
    """The tile matrix set's id: said, or the end of its URI or of the link to it."""
    link = first_link(tileset, "tiling-scheme")
    address = tileset.get("tileMatrixSetURI") or (link["href"].partition("?")[0] if link else "")
    return str(tileset.get("tileMatrixSetId") or address.rsplit("/", 1)[-1])


def _tile_set(tileset: Mapping[str, Any], tile_matrix_sets: Mapping[str, Document]) -> dict[str, Any]:
    return {
        "id": _id(tileset),
        "title": set_title(tile_matrix_sets.get(_id(tileset), {})) or tileset.get("title") or _id(tileset),
        "crs": tileset["crs"] if isinstance(tileset["crs"], str) else system(tileset["crs"], None)["name"],
        "limits": tileset.get("tileMatrixSetLimits"),
        "box": tileset.get("boundingBox"),
        "item": tile_address(tileset),
    }


def set_title(tile_matrix_set: Mapping[str, Any]) -> str | None:
    """What people call a set: the registered ones by their ids, which are better known than their titles."""
    return tile_matrix_set.get("id" if is_registered(tile_matrix_set) else "title")


def is_registered(tile_matrix_set: Mapping[str, Any]) -> bool:
    """Whether a set is one of OGC's registry."""
    return str(tile_matrix_set.get("uri", "")).startswith(_REGISTRY)


def tile_address(tileset: Mapping[str, Any]) -> str | None:
    """The template of a tileset's map tiles, in the smallest format that it offers; None where it has no pictures."""
    items = {link.get("type"): str(link["href"]) for link in reversed(links(tileset, "item"))}
    return next((items[type] for type in _PICTURE_TYPES if type in items), None)


def _style(style: Mapping[str, Any]) -> dict[str, Any]:
    legend, tilesets = first_link(style, "legend", "image/svg") or first_link(style, "legend"), None
    tilesets = first_link(style, "tilesets-map", "application/json") or first_link(style, "tilesets-map")
    return {
        "id": style["id"],
        "title": style.get("title", style["id"]),
        "legend": legend and legend["href"],
        "tilesets": tilesets and tilesets["href"],
    }


def levels(tile_matrix_set: Mapping[str, Any], limits: Sequence[Mapping[str, Any]] | None = None) -> list[Document]:
    """The matrices of a set, each with its `limits`; where limits are given, only those in use."""
    if limits is None:
        return [{**matrix, "limits": None} for matrix in tile_matrix_set["tileMatrices"]]
    by_id = {limit["tileMatrix"]: limit for limit in limits}
    return [
        {**matrix, "limits": by_id[matrix["id"]]} for matrix in tile_matrix_set["tileMatrices"] if matrix["id"] in by_id
    ]


def tile_count(matrix: Mapping[str, Any]) -> int:
    """How many tiles there are within the limits of one of `levels`; columns that name the same tile count once."""
    limits = matrix["limits"]
    top, bottom, left, right = (limits[name] for name in ("minTileRow", "maxTileRow", "minTileCol", "maxTileCol"))
    count = (bottom + 1 - top) * (right + 1 - left)
    for group in matrix.get("variableMatrixWidths") or ():
        rows = min(bottom, group["maxTileRow"]) + 1 - max(top, group["minTileRow"])
        columns = right // group["coalesce"] - left // group["coalesce"] + 1
        count -= max(0, rows) * (right + 1 - left - columns)
    return int(count)


def by_subject(tilesets: Iterable[Mapping[str, Any]]) -> list[tuple[str, list[Mapping[str, Any]]]]:
    """Tilesets grouped by what they show: by their titles without the tile matrix set at the end."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for tileset in tilesets:
        subject = tileset.get("title", "").removesuffix(f"({_id(tileset)})").strip()
        groups.setdefault(subject, []).append(tileset)
    return list(groups.items())


def level_drawings(matrices: Sequence[Mapping[str, Any]], side: int, count: int) -> list[dict[str, Any]]:
    """Plans of the first matrices of `levels`: {id, width, height, grid: SVG path, shade: (x, y, width, height)}.

    The longer side of each is `side`; `shade` is what the limits leave, None without limits.
    """
    return [_drawing(matrix, side) for matrix in matrices[:count]]


def _drawing(matrix: Mapping[str, Any], side: int) -> dict[str, Any]:
    columns, rows = matrix["matrixWidth"], matrix["matrixHeight"]
    wide, high = columns * matrix["tileWidth"], rows * matrix["tileHeight"]
    scale = side / max(wide, high)
    step_x, step_y = scale * matrix["tileWidth"], scale * matrix["tileHeight"]
    width, height = columns * step_x, rows * step_y
    upward = matrix.get("cornerOfOrigin") == "bottomLeft"
    lines = []
    if min(step_x, step_y) >= _MIN_TILE:
        lines += [f"M0 {row * step_y:.2f}H{width:.2f}" for row in range(1, rows)]
        widths = matrix.get("variableMatrixWidths") or ()
        if not widths:
            lines += [f"M{col * step_x:.2f} 0V{height:.2f}" for col in range(1, columns)]
        for row in range(rows) if widths else ():
            group = next((w["coalesce"] for w in widths if w["minTileRow"] <= row <= w["maxTileRow"]), 1)
            top = (rows - 1 - row if upward else row) * step_y
            lines += [f"M{col * step_x:.2f} {top:.2f}v{step_y:.2f}" for col in range(group, columns, group)]
    shade = None
    if limits := matrix.get("limits"):
        first, last = limits["minTileRow"], limits["maxTileRow"] + 1
        top = rows - last if upward else first
        count = limits["maxTileCol"] + 1 - limits["minTileCol"]
        shade = (limits["minTileCol"] * step_x, top * step_y, count * step_x, (last - first) * step_y)
    return {"id": matrix["id"], "width": width, "height": height, "grid": "".join(lines), "shade": shade}


def example_tiles(tileset: Mapping[str, Any] | None, count: int = 2) -> list[dict[str, str]]:
    """Addresses of tiles in the middle of a tileset, from its coarsest matrix on: {href, title}."""
    template = tile_address(tileset) if tileset else None
    limits = (tileset or {}).get("tileMatrixSetLimits") or []
    chosen = limits[:: max(1, round(sqrt(len(limits))))][:count]
    tiles = []
    for limit in chosen if template else ():
        row = (limit["minTileRow"] + limit["maxTileRow"]) // 2
        col = (limit["minTileCol"] + limit["maxTileCol"]) // 2
        place = {"tileMatrix": limit["tileMatrix"], "tileRow": row, "tileCol": col}
        href = template or ""
        for name, value in place.items():
            href = href.replace(f"{{{name}}}", str(value))
        tiles.append({"href": href, "title": f"{limit['tileMatrix']} / {row} / {col}"})
    return tiles
