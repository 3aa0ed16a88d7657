"""Styles, as far as Maps `styled-map` needs them; no class of Styles 1 is claimed."""

from __future__ import annotations

from ogcapi.model.collection import Collection
from ogcapi.model.link import OGC_REL, Document, Link, Urls, link, ogc_links, self_links
from ogcapi.model.media import JSON, PNG
from ogcapi.model.operations import COLLECTION, LEGEND, STYLE, STYLE_LIST, STYLED_MAP, STYLED_MAP_TILES
from ogcapi.model.raster import Rgba
from ogcapi.model.style import Categories, Intervals, Ramp, Style

_RAMP_STOPS = 17  # of 256 colours: enough to draw the ramp again


def styles(one: Collection, url: Urls) -> Document:
    """The styles of a collection; the first is the default."""
    return {
        "links": [
            *self_links(url, STYLE_LIST, f"Styles of {one.title}", collectionId=one.id),
            link(OGC_REL + "geodata", url(COLLECTION, JSON, collectionId=one.id), JSON, one.title),
        ],
        "default": one.styles[0].id,
        "styles": [_entry(one, each, url) for each in one.styles],
    }


def _entry(one: Collection, each: Style, url: Urls) -> Document:
    return {
        "id": each.id,
        "title": each.title,
        **({"description": each.description} if each.description else {}),
        "links": [
            link("describedby", url(STYLE, JSON, collectionId=one.id, styleId=each.id), JSON, each.title),
            *_links(one, each, url),
        ],
    }


def style(one: Collection, each: Style, url: Urls) -> Document:
    """One style: its rule in words, numbers and links."""
    return {
        "id": each.id,
        "title": each.title,
        **({"description": each.description} if each.description else {}),
        "fields": list(each.fields),
        "ranges": [list(pair) for pair in each.ranges],
        "gamma": each.gamma,
        "colormap": _colormap(each),
        "links": [
            *self_links(url, STYLE, f"{each.title}, a style of {one.title}", collectionId=one.id, styleId=each.id),
            link(OGC_REL + "geodata", url(COLLECTION, JSON, collectionId=one.id), JSON, one.title),
            *_links(one, each, url),
        ],
    }


def _links(one: Collection, each: Style, url: Urls) -> list[Link]:
    path = {"collectionId": one.id, "styleId": each.id}
    legends = (ogc_links("legend", url(LEGEND, media, **path), media, "Legend") for media in LEGEND.answers)
    tiles = url(STYLED_MAP_TILES[0], JSON, **path)
    return [
        *ogc_links("map", url(STYLED_MAP, **path), PNG, f"Map in the style {each.title}"),
        *(ogc_links("tilesets-map", tiles, JSON, f"Map tiles in the style {each.title}") if one.tile_sets else ()),
        *(each_link for pair in legends for each_link in pair),
    ]


def _colormap(each: Style) -> Document:
    match each.colormap:
        case Ramp(colors=colors, name=name):
            last = len(colors) - 1
            stops = [colors[round(i * last / (_RAMP_STOPS - 1))] for i in range(_RAMP_STOPS)]
            return {"type": "ramp", "name": name, "colors": [_hex(color) for color in stops]}
        case Intervals(steps=steps):
            found = [{"low": _number(low), "high": _number(high), "color": _hex(color)} for low, high, color in steps]
            return {"type": "intervals", "intervals": found}
        case Categories(colors=classes):
            named = [{"value": value, "color": _hex(color), "label": label} for value, color, label in classes]
            return {"type": "categories", "categories": named}
        case None:
            return {"type": "gray" if len(each.fields) == 1 else "rgb"}


def _number(value: float) -> float | None:
    """A bound as JSON: None where there is none."""
    return value if abs(value) != float("inf") else None


def _hex(color: Rgba) -> str:
    red, green, blue, alpha = color
    return f"#{red:02x}{green:02x}{blue:02x}" + (f"{alpha:02x}" if alpha < 255 else "")
