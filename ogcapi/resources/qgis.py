"""Layers of QGIS: values that QGIS draws itself in one of our styles, and maps through WMTS."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import inf, isfinite, nextafter
from urllib.parse import quote

from ogcapi.model.collection import TileSet
from ogcapi.model.crs import Crs
from ogcapi.model.link import Document, Urls
from ogcapi.model.media import PNG
from ogcapi.model.operations import TILES_VRT
from ogcapi.model.problem import BadParameter
from ogcapi.model.raster import Field, Rgba
from ogcapi.model.style import Categories, Intervals, Ramp, Range, Style
from ogcapi.resources.gdal import Chosen, number, pyramid_around
from ogcapi.resources.tiles import Tiled
from ogcapi.resources.wmtsfiles import capabilities_address, check_wmts

_PSEUDOCOLOR = {"kind": "singlebandpseudocolor"}
_CLEAR: Rgba = (0, 0, 0, 0)


def values_layer(chosen: Chosen, style: Style | None, url: Urls) -> Document:
    """A layer of values, drawn in a style; None: in the first that needs no other fields, else as QGIS likes.

    Raises `BadParameter` where a style is asked for whose fields are not chosen, or where the set is no pyramid.
    """
    pyramid_around(chosen)
    one, matrix_set = chosen.collection, chosen.tile_set.matrix_set
    names = [field.name for field in chosen.fields]
    if style is not None and not set(style.fields) <= set(names):
        raise BadParameter(
            "properties", ",".join(names), f"the fields of the style {style.id}: {','.join(style.fields)}"
        )
    drawn = style or next((each for each in one.styles if set(each.fields) <= set(names)), None)
    path = {"collectionId": one.id, "tileMatrixSetId": matrix_set.id}
    title = f"{one.title}, {drawn.title}" if drawn else one.title
    return {
        **_layer(f"{one.id} {matrix_set.id} values", title, matrix_set.crs),
        "provider": "gdal",
        "source": "/vsicurl/" + url(TILES_VRT, None, chosen.query, **path),
        "renderer": _renderer(drawn, chosen.fields) if drawn else None,
    }


def map_layer(tiled: Tiled, tile_set: TileSet, url: Urls) -> Document:
    """A layer of pictures through WMTS. Raises `BadParameter` for sets that WMTS cannot express."""
    one, matrix_set = tiled.collections[0], tile_set.matrix_set
    check_wmts(one, matrix_set)
    style = tiled.style or one.styles[0]
    asked = {
        "contextualWMSLegend": "0",
        "crs": _authid(matrix_set.crs),
        "dpiMode": "7",
        "format": PNG.name,
        "layers": one.id,
        "styles": style.id,
        "tileMatrixSet": matrix_set.id,
        "url": capabilities_address(one, url),
    }
    return {
        **_layer(f"{one.id} {matrix_set.id} {style.id}", f"{one.title}, {style.title}", matrix_set.crs),
        "provider": "wms",
        "source": "&".join(f"{name}={quote(value, safe=':/')}" for name, value in asked.items()),
        "renderer": None,
    }


def _layer(name: str, title: str, crs: Crs) -> Document:
    return {"id": re.sub(r"\W", "_", name), "title": title, "crs": {"authid": _authid(crs), "wkt": crs.wkt}}


def _authid(crs: Crs) -> str:
    """What QGIS calls a system; empty for those that no registry has."""
    return crs.authority_code or ""


def _renderer(style: Style, fields: Sequence[Field]) -> Document:
    """How QGIS draws physical values as the style does: it applies scale and offset itself."""
    names = [field.name for field in fields]
    bands = [names.index(name) + 1 for name in style.fields]
    given: Document = {"bands": bands, "gamma": 1.0}
    match style.colormap:
        case Ramp() as ramp:
            items = list(_ramp_items(ramp, style.ranges[0], style.gamma))
            return {**given, **_PSEUDOCOLOR, "ramp": "INTERPOLATED", "items": items, "ends": _ends(items)}
        case Intervals() as intervals:
            items = list(_interval_items(intervals))
            return {**given, **_PSEUDOCOLOR, "ramp": "DISCRETE", "items": items, "ends": _ends(items)}
        case Categories() as categories:
            field = fields[bands[0] - 1]
            entries = [
                _item(value * field.scale + field.offset, rgba, label or str(value))
                for value, rgba, label in categories.colors
            ]
            return {**given, "kind": "paletted", "items": entries}
    ranges = [[number(end) for end in each] for each in style.ranges]
    if len(bands) == 3:
        return {**given, "kind": "multibandcolor", "ranges": ranges, "gamma": style.gamma}
    start, end = style.ranges[0]
    return {
        **given,
        "kind": "singlebandgray",
        "ranges": [sorted_pair(style.ranges[0])],
        "gradient": "BlackToWhite" if start <= end else "WhiteToBlack",
        "gamma": style.gamma,
    }


def sorted_pair(ends: Range) -> list[str]:
    """The lesser end first."""
    return [number(end) for end in sorted(ends)]


def _ends(items: Sequence[Document]) -> list[str]:
    """The first and the last finite value: QGIS draws nothing between infinities."""
    finite = [item["value"] for item in items if isfinite(float(item["value"]))] or ["0"]
    return [finite[0], finite[-1]]


def _item(value: float, rgba: Rgba, label: str) -> Document:
    return {"value": number(value), "color": "#{:02x}{:02x}{:02x}".format(*rgba[:3]), "alpha": rgba[3], "label": label}


def _ramp_items(ramp: Ramp, ends: Range, gamma: float) -> Iterable[Document]:
    """Colours and the values that have them, from the least value up."""
    start, end = ends
    last = len(ramp.colors) - 1
    found = [(start + (end - start) * (i / last) ** gamma, rgba) for i, rgba in enumerate(ramp.colors)]
    if start == end:  # values above have the last colour, all others the first
        found = [(start, ramp.colors[0]), (nextafter(start, inf), ramp.colors[-1])]
    for value, rgba in sorted(found, key=lambda pair: pair[0]):
        yield _item(value, rgba, f"{value:.6g}")


def _interval_items(intervals: Intervals) -> Iterable[Document]:
    """Colours and the greatest values that have them: an interval ends below its end, and between two is nothing."""
    ends = sorted({end for low, high, _ in intervals.steps for end in (low, high)})
    if ends[0] > -inf:
        yield _item(nextafter(ends[0], -inf), _CLEAR, "")
    for low, high in pairwise(ends):
        rgba = next((rgba for first, last, rgba in intervals.steps if first <= low < last), _CLEAR)
        greatest = high if high == inf else nextafter(high, -inf)
        yield _item(greatest, rgba, f"{low:.6g} – {high:.6g}")
    if ends[-1] < inf:
        yield _item(inf, _CLEAR, "")
