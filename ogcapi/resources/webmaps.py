"""Files for web maps: TileJSON and MapLibre's styles, which know spherical Mercator alone."""

from __future__ import annotations

from ogcapi.model.collection import Collection, TileSet
from ogcapi.model.link import Document, Urls
from ogcapi.model.media import PNG, SVG
from ogcapi.model.operations import LEGEND
from ogcapi.model.tiles import TileMatrixSet
from ogcapi.resources.expressible import is_web_mercator
from ogcapi.resources.gdal import inexpressible
from ogcapi.resources.tiles import Tiled

SIDE = 512  # cells of a tile: MapLibre's own, and sharp on dense screens
_HIGHEST = 85.0511287798066  # degrees: the square's edge in spherical Mercator


def tilejson(tiled: Tiled, tile_set: TileSet, url: Urls) -> Document:
    """Map tiles as TileJSON 3.0.0. Raises `BadParameter` for sets that are not web maps' own.

    Tiles of 512 cells show the data's own cells one level before those of 256 do.
    """
    one = tiled.collections[0]
    _check(one, tile_set.matrix_set)
    style = tiled.style or one.styles[0]
    levels = [int(limit.matrix_id) for limit in tile_set.limits]
    answered = one.answered_from(tile_set)
    levels = [level for level in levels if answered is None or level >= int(answered)]
    west, south, east, north = _bounds(one)
    maxzoom = max(levels[0], levels[-1] - 1)
    return {
        "tilejson": "3.0.0",
        "name": tiled.title,
        **({"description": one.description} if one.description else {}),
        **({"attribution": one.attribution} if one.attribution else {}),
        "version": "1.0.0",
        "scheme": "xyz",
        "tiles": [_template(tiled, tile_set, url)],
        "minzoom": levels[0],
        "maxzoom": maxzoom,
        "bounds": [west, south, east, north],
        "center": [(west + east) / 2, (south + north) / 2, min(maxzoom, _zoom_of_all(east - west))],
        "legend": url(LEGEND, SVG, collectionId=one.id, styleId=style.id),
        "tileSize": SIDE,  # not of the standard, which knows no size; many clients read it
    }


def maplibre_style(tiled: Tiled, tile_set: TileSet, url: Urls) -> Document:
    """A style for MapLibre and Mapbox (version 8) that shows the map tiles. Raises `BadParameter` as `tilejson`."""
    told = tilejson(tiled, tile_set, url)
    name = tiled.collections[0].id
    longitude, latitude, zoom = told["center"]
    source = {key: told[key] for key in ("tiles", "minzoom", "maxzoom", "bounds", "attribution") if key in told}
    return {
        "version": 8,
        "name": told["name"],
        "center": [longitude, latitude],
        "zoom": zoom,
        "sources": {name: {"type": "raster", "tileSize": SIDE, "scheme": "xyz", **source}},
        "layers": [{"id": name, "type": "raster", "source": name}],
    }


def _check(one: Collection, matrix_set: TileMatrixSet) -> None:
    if not is_web_mercator(matrix_set):
        known = [each.matrix_set for each in one.tile_sets if is_web_mercator(each.matrix_set)]
        raise inexpressible(matrix_set, "is no sphere in Mercator, as web maps want it", known)


def _template(tiled: Tiled, tile_set: TileSet, url: Urls) -> str:
    path = {**tiled.path, "tileMatrixSetId": tile_set.matrix_set.id}
    address = url(tiled.operations[2], None, **path)
    for name, short in (("tileMatrix", "z"), ("tileRow", "y"), ("tileCol", "x")):
        address = address.replace(f"{{{name}}}", f"{{{short}}}")
    return f"{address}.{PNG.short[0]}?width={SIDE}&height={SIDE}"


def _bounds(one: Collection) -> tuple[float, float, float, float]:
    """West, south, east, north in degrees; the whole width where the data lie on both sides of the antimeridian."""
    boxes = one.extent.bboxes
    south, north = (
        sign * min(_HIGHEST, sign * edge) for sign, edge in ((-1, one.extent.span.ymin), (1, one.extent.span.ymax))
    )
    west, east = min(box.xmin for box in boxes), max(box.xmax for box in boxes)
    return max(west, -180.0), south, min(east, 180.0), north


def _zoom_of_all(degrees: float) -> int:
    """The level at which a tile is about as wide as the data."""
    zoom = 0
    while degrees * 2 ** (zoom + 1) <= 360 and zoom < 22:
        zoom += 1
    return zoom
