"""Snippets for other programs: what to write there to use a collection, in one of its tile sets and styles."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from math import ceil, log2
from typing import Any

from ogcapi.model.link import Document
from ogcapi.web.page_links import first_link, with_query
from ogcapi.web.page_maps import coverage_address, example_tiles, tile_address
from ogcapi.web.page_text import system

__all__ = ["programs"]

_ORDER = ("QGIS", "rasterio", "GDAL", "OpenLayers", "MapLibre", "Leaflet", "Python (OWSLib)", "curl")
_TURN = 360  # degrees
_SCREEN = 512  # cells that the whole is shown in at first


def programs(
    tilesets: Sequence[Mapping[str, Any]],
    collection: Mapping[str, Any],
    systems: Mapping[str, Any] | None = None,
    schema: Mapping[str, Any] | None = None,
) -> list[Document]:
    """What to write in each program: {name, language, text, set}, for the first tileset of maps that it can use.

    `set` is that one's id; None of what is about the values, which are the same for all tilesets of a collection.
    """
    found: dict[str, Document] = {}
    for tileset in tilesets:
        for one in _programs(tileset, collection, systems, schema):
            found.setdefault(one["name"], one)
    return sorted(found.values(), key=lambda one: _ORDER.index(one["name"]))


def _programs(
    tileset: Mapping[str, Any],
    collection: Mapping[str, Any],
    systems: Mapping[str, Any] | None,
    schema: Mapping[str, Any] | None,
) -> Iterator[Document]:
    values = first_link(collection, "enclosure", "application/xml")
    for one in _of_values(str(values["href"]), str(collection["id"])) if values else ():
        yield {**one, "set": None}
    found = (
        _openlayers(tileset, systems),
        _maplibre(tileset),
        _leaflet(tileset, collection, systems),
        _owslib(tileset, collection),
        _curl(tileset, collection, schema),
    )
    for drawn in found:
        if drawn is not None:
            yield {**drawn, "set": tileset["tileMatrixSetId"]}


def _of_values(address: str, name: str) -> list[Document]:
    place = f"/vsicurl/{address}"
    return [
        {
            "name": "QGIS",
            "language": "python",
            "text": f"# in the Python console\niface.addRasterLayer({_quoted(place)}, {_quoted(name)}, 'gdal')",
        },
        {
            "name": "rasterio",
            "language": "python",
            "text": f"import rasterio\n\nwith rasterio.open({_quoted(address)}) as data:\n"
            "    values = data.read(masked=True, out_shape=(data.count, 256, 256))\n"
            "    print(data.crs, data.bounds, values.min(), values.max())",
        },
        {
            "name": "GDAL",
            "language": "sh",
            "text": f"gdalinfo {shlex.quote(place)}\n"
            f"gdal_translate -outsize 1024 0 {shlex.quote(place)} {shlex.quote(name + '.tif')}",
        },
    ]


def _openlayers(tileset: Mapping[str, Any], systems: Mapping[str, Any] | None) -> Document | None:
    crs, here, box = tileset.get("crs"), first_link(tileset, "self", "application/json"), tileset.get("boundingBox")
    if not isinstance(crs, str) or here is None or not box or tile_address(tileset) is None:
        return None
    known = system(crs, systems)
    if not known.get("proj4") or known.get("axes") is None:
        return None
    is_yx = known["axes"][0][1] == "north" and known["axes"][1][1] == "east"
    (xmin, ymin), (xmax, ymax) = (end[::-1] if is_yx else end for end in (box["lowerLeft"], box["upperRight"]))
    xmax += _TURN if xmax < xmin and known["geographic"] else 0
    definition = known["proj4"].replace(" +type=crs", "") + (" +axis=neu" if is_yx else "")
    text = (
        f"proj4.defs({_quoted(crs)}, {_quoted(definition)});\n"
        "ol.proj.proj4.register(proj4);\n"
        "const map = new ol.Map({\n"
        '  target: "map",\n'
        f"  layers: [new ol.layer.Tile({{ source: new ol.source.OGCMapTile({{ url: {_quoted(here['href'])} }}) }})],\n"
        "  view: new ol.View({\n"
        f"    projection: {_quoted(crs)},\n"
        f"    center: [{(xmin + xmax) / 2:.10g}, {(ymin + ymax) / 2:.10g}],\n"
        f"    resolution: {max(xmax - xmin, ymax - ymin) / _SCREEN:.6g},\n"
        "  }),\n"
        "});"
    )
    return {"name": "OpenLayers", "language": "js", "text": text}


def _maplibre(tileset: Mapping[str, Any]) -> Document | None:
    style = first_link(tileset, "enclosure", "application/vnd.mapbox.style+json")
    if style is None:
        return None
    text = f'const map = new maplibregl.Map({{ container: "map", style: {_quoted(style["href"])} }});'
    return {"name": "MapLibre", "language": "js", "text": text}


def _leaflet(
    tileset: Mapping[str, Any], collection: Mapping[str, Any], systems: Mapping[str, Any] | None
) -> Document | None:
    spatial = collection.get("extent", {}).get("spatial", {})
    template, axes = tile_address(tileset), system(spatial.get("crs", ""), systems)["axes"]
    limits = tileset.get("tileMatrixSetLimits")
    is_mercator = first_link(tileset, "enclosure", "application/vnd.mapbox.style+json") is not None
    if template is None or axes is None or not limits or not is_mercator:
        return None
    first, second, third, fourth = spatial["bbox"][0]
    west, south, east, north = (
        (second, first, fourth, third) if axes[0][1] == "north" else (first, second, third, fourth)
    )
    east += _TURN if east < west else 0
    zoom = max(int(limits[0]["tileMatrix"]), min(int(limits[-1]["tileMatrix"]), ceil(log2(_TURN / (east - west)))))
    for name, short in (("{tileMatrix}", "{z}"), ("{tileRow}", "{y}"), ("{tileCol}", "{x}")):
        template = template.replace(name, short)
    options = {"maxNativeZoom": int(limits[-1]["tileMatrix"]), "attribution": tileset.get("attribution", "")}
    text = (
        f'const map = L.map("map").setView([{(south + north) / 2:.6g}, {(west + east) / 2:.6g}], {zoom});\n'
        f"L.tileLayer({_quoted(template)}, {json.dumps(options, ensure_ascii=False)}).addTo(map);"
    )
    return {"name": "Leaflet", "language": "js", "text": text}


def _owslib(tileset: Mapping[str, Any], collection: Mapping[str, Any]) -> Document | None:
    capabilities, tiles = first_link(collection, "wmts"), tileset.get("tileMatrixSetLimits")
    if capabilities is None or not tiles or "x-notInWmts" in tileset:
        return None
    style = tileset.get("style", {}).get("id")
    one = tiles[0]
    chosen = {
        "layer": collection["id"],
        **({"style": style} if style else {}),
        "tilematrixset": tileset["tileMatrixSetId"],
        "tilematrix": one["tileMatrix"],
        "row": one["minTileRow"],
        "column": one["minTileCol"],
        "format": "image/png",
    }
    arguments = "".join(f"    {name}={value!r},\n" for name, value in chosen.items())
    text = (
        "from owslib.wmts import WebMapTileService\n\n"
        f"service = WebMapTileService({_quoted(capabilities['href'])})\n"
        f"tile = service.gettile(\n{arguments})\n"
        'with open("tile.png", "wb") as file:\n    file.write(tile.read())'
    )
    return {"name": "Python (OWSLib)", "language": "python", "text": text}


def _curl(
    tileset: Mapping[str, Any], collection: Mapping[str, Any], schema: Mapping[str, Any] | None
) -> Document | None:
    tiles, whole = example_tiles(tileset, 1), first_link(collection, "map")
    values = coverage_address(collection, schema)
    name = str(collection["id"])
    lines = [
        *([f"curl -o {shlex.quote(name + '.tif')} {shlex.quote(values)}"] if values else ()),
        *(
            [f"curl -o {shlex.quote(name + '.png')} {shlex.quote(with_query(whole['href'], width=1024, f='png'))}"]
            if whole
            else ()
        ),
        *(
            f"curl -o {shlex.quote(name + '-tile.png')} {shlex.quote(with_query(tile['href'], f='png'))}"
            for tile in tiles
        ),
    ]
    return {"name": "curl", "language": "sh", "text": "\n".join(lines)} if lines else None


def _quoted(text: str) -> str:
    """A text as Python and JavaScript write it."""
    return json.dumps(text, ensure_ascii=False).replace("</", "<\\/")
