"""Numbers, places, times and names as people read them. Pure functions of values from documents."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import floor, isfinite, log10
from typing import Any

__all__ = [
    "approximate",
    "axis_span",
    "body_of",
    "box_order",
    "by_body",
    "by_number",
    "cell_counts",
    "cell_size",
    "coordinate",
    "counted",
    "extent_lines",
    "is_link",
    "number",
    "quantity",
    "resolution_of",
    "standards",
    "system",
    "time_span",
    "value_bar",
]

THIN = "\u202f"  # narrow no-break space
MINUS = "\u2212"
_OPPOSITES = {"north": "south", "south": "north", "east": "west", "west": "east"}
_FEW = 6  # entries of one kind that a list shows one by one
_LETTERS = {"north": "NS", "south": "SN", "east": "EW", "west": "WE"}
_UNITS = {"degree": "°", "deg": "°", "metre": "m", "meter": "m"}
_PREFIXES = ((1e3, "km"), (1.0, "m"), (1e-2, "cm"))
_LARGE = ((1e9, "billion"), (1e6, "million"))


def number(value: float, digits: int = 6) -> str:
    """A number to so many significant digits at most, with thin spaces between thousands from 10 000 on."""
    if not isfinite(value):
        return str(value).replace("-", MINUS).replace("inf", "∞")
    if value and not 1e-6 <= abs(value) < 1e15:
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        superscript = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
        return f"{mantissa.rstrip('0').rstrip('.')}{THIN}×{THIN}10{superscript}".replace("-", MINUS)
    decimals = 0 if isinstance(value, int) or not value else max(0, digits - 1 - floor(log10(abs(value))))
    text = f"{value:,.{decimals}f}"
    whole, _, fraction = text.partition(".")
    if len(whole.lstrip("-")) < 6:  # four figures need no space
        whole = whole.replace(",", "")
    fraction = fraction.rstrip("0")
    text = (f"{whole}.{fraction}" if fraction else whole).replace(",", THIN).replace("-", MINUS)
    return "0" if text == f"{MINUS}0" else text


def quantity(value: float, unit: str | None = None, digits: int = 6) -> str:
    """A number with its unit: a thin space between the two, none before a degree sign."""
    unit = _UNITS.get(unit or "", unit or "")
    return number(value, digits) + ("" if not unit else unit if unit == "°" else THIN + unit)


def approximate(value: float) -> str:
    """A large number in words, to three digits: 559 million."""
    for size, word in _LARGE:
        if abs(value) >= size:
            return f"{number(value / size, 3)} {word}"
    return number(round(value), 3)


def counted(count: int, one: str, many: str | None = None) -> str:
    """A count with the right form of the noun."""
    return f"{number(count)} {one if count == 1 else many or one + 's'}"


def cell_size(value: float, unit: str, digits: int = 4) -> str:
    """A cell's side: metres as km, m or cm; angles in degrees, small ones in seconds of arc."""
    unit = _UNITS.get(unit, unit)
    if unit == "m":
        for size, name in _PREFIXES:
            if abs(value) >= size:
                return quantity(value / size, name, digits)
    if unit == "°" and abs(value) < 1e-2:
        return quantity(value * 3600, "″", digits).replace(THIN + "″", "″")
    return quantity(value, unit, digits)


def coordinate(value: float, axis: Sequence[str], digits: int = 6) -> str:
    """One coordinate with its direction: 87.5° N; off the globe with the axis's name: E −10 668 440 m.

    `axis` is (abbreviation, direction, unit).
    """
    name, direction, unit = axis
    if _UNITS.get(unit) == "°" and direction in _LETTERS:
        positive, negative = tuple(_LETTERS[direction])
        letter = "" if value == 0 else f"{THIN}{positive if value > 0 else negative}"
        return f"{number(abs(value), digits)}°{letter}"
    return f"{name}{THIN}{quantity(value, unit, max(digits, 8) if abs(value) >= 1e5 else digits)}"


def axis_span(low: float, high: float, axis: Sequence[str]) -> str:
    """From one coordinate to another on the same axis."""
    _, direction, unit = axis
    if _UNITS.get(unit) == "°" and direction in _LETTERS:
        return f"{coordinate(low, axis)} to {coordinate(high, axis)}"
    return f"{number(round(low), 8)} to {quantity(round(high), unit, 8)}"


def extent_lines(bbox: Sequence[float], axes: Sequence[Sequence[str]] | None) -> list[tuple[str, str]]:
    """A box in its system's axis order as (axis, span) for each axis, from west to east first.

    Plain numbers where the axes are not known.
    """
    half = len(bbox) // 2
    if axes is None:
        return [("Box", ", ".join(number(value) for value in bbox))]
    names = {"Lat": "Latitude", "Lon": "Longitude"}
    return [
        (names.get(axes[i][0], axes[i][0]), axis_span(bbox[i], bbox[i + half], axes[i]))
        for i in _across_first(axes[:half])
    ]


def _across_first(axes: Sequence[Sequence[str]]) -> list[int]:
    """Places of the axes: those that run west or east first, so that all pages read alike; else as they stand."""
    return sorted(range(len(axes)), key=lambda i: axes[i][1] not in {"east", "west"})


def box_order(axes: Sequence[Sequence[str]]) -> str:
    """The order of a box's numbers in words: south, west, north, east; by axis names where directions do not tell."""
    if all(axis[1] in _OPPOSITES for axis in axes) and len({axis[1] for axis in axes}) == len(axes):
        ends = [*(_OPPOSITES[axis[1]] for axis in axes), *(axis[1] for axis in axes)]
    else:  # both axes of a polar plane run south, for example
        ends = [f"{end} {axis[0]}" for end in ("least", "greatest") for axis in axes]
    return ", ".join(ends)


def time_span(interval: Sequence[str | None]) -> str:
    """A closed or open span of time; midnight times as dates."""
    start, end = (text and text.removesuffix("T00:00:00Z").replace("T", " ").replace("Z", " UTC") for text in interval)
    if start == end:
        return start or "all times"
    if not start:
        return f"until {end}"
    return f"{start} to {end}" if end else f"since {start}"


def system(crs: Any, systems: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """What is known of a coordinate reference system as documents name it: always `name`, `axes` and `uri`."""
    uri = crs if isinstance(crs, str) else crs.get("uri")
    name = uri.rsplit("/def/crs/")[-1] if uri else crs.get("wkt", {}).get("name", "a system of its own")
    known = (systems or {}).get(uri or name)
    return {"axes": None, "unit": "", "geographic": False, "name": name, "uri": uri, **(known or {})}


def body_of(document: Mapping[str, Any]) -> str:
    """The celestial body of a collection."""
    return str(document.get("x-body", "Earth"))


def by_body(collections: Iterable[Mapping[str, Any]]) -> list[tuple[str, list[Mapping[str, Any]]]]:
    """Collections grouped by body, bodies in order of first appearance."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for collection in collections:
        groups.setdefault(body_of(collection), []).append(collection)
    return list(groups.items())


def by_number(documents: Sequence[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """Documents whose ids differ in their numbers only, where there are many: each such family, and the others.

    The others are the first list; it may be empty.
    """
    kind = {document["id"]: re.sub(r"\d+", "0", document["id"]) for document in documents}
    counts = Counter(kind.values())
    few = [document for document in documents if counts[kind[document["id"]]] <= _FEW]
    many = [name for name, count in counts.items() if count > _FEW]
    return [few, *([document for document in documents if kind[document["id"]] == name] for name in many)]


def resolution_of(collection: Mapping[str, Any], systems: Mapping[str, Any] | None) -> str | None:
    """The side of a cell of the coverage, angles also in metres at the equator; None where it is not said."""
    grid = collection.get("extent", {}).get("spatial", {}).get("grid")
    if not grid or "resolution" not in grid[0]:
        return None
    storage = system(collection.get("storageCrs") or collection["extent"]["spatial"].get("crs", ""), systems)
    sizes = [abs(axis["resolution"]) for axis in grid]
    text = " × ".join(dict.fromkeys(cell_size(size, storage["unit"]) for size in sizes))
    if storage["geographic"] and "metresPerUnit" in storage:
        text += f" ({cell_size(sizes[0] * storage['metresPerUnit'], 'm', 2)})"
    return text


def cell_counts(collection: Mapping[str, Any], systems: Mapping[str, Any] | None) -> str:
    """How many cells the coverage has along each axis, and where the first one lies."""
    spatial = collection["extent"]["spatial"]
    axes = system(collection.get("storageCrs") or spatial.get("crs", ""), systems)["axes"]
    grid = spatial["grid"]
    parts = [number(axis["cellsCount"], 20) for axis in grid]
    if axes is None or len(axes) != len(grid):
        return " × ".join(parts)
    order = _across_first(axes)
    text = " × ".join(f"{parts[i]}{THIN}{axes[i][0]}" for i in order)
    if all("firstCoordinate" in axis for axis in grid):
        text += ", the first at " + ", ".join(coordinate(grid[i]["firstCoordinate"], axes[i], 9) for i in order)
    return text


def is_link(text: str) -> bool:
    """Whether a text (of a licence, for example) is an address."""
    return text.startswith(("http://", "https://"))


def value_bar(low: float, high: float, spans: Iterable[Sequence[float]]) -> tuple[float, float, float]:
    """Where a range lies among all of them and zero: its start, its length and zero, in hundredths."""
    ends = [0.0, low, high, *(end for span in spans for end in span)]
    first, last = min(ends), max(ends)
    scale = 100 / (last - first or 1)
    return (low - first) * scale, (high - low) * scale, -first * scale


_STANDARDS = {
    "ogcapi-common-1": ("OGC API – Common, Part 1: Core", "https://docs.ogc.org/is/19-072/19-072.html"),
    "ogcapi-common-2": ("OGC API – Common, Part 2: Geospatial Data", "https://docs.ogc.org/DRAFTS/20-024.html"),
    "ogcapi-common-3": ("OGC API – Common, Part 3: Schemas", "https://docs.ogc.org/is/23-058r2/23-058r2.html"),
    "ogcapi-tiles-1": ("OGC API – Tiles, Part 1: Core", "https://docs.ogc.org/is/20-057/20-057.html"),
    "ogcapi-maps-1": ("OGC API – Maps, Part 1: Core", "https://docs.ogc.org/is/20-058/20-058.html"),
    "ogcapi-coverages-1": ("OGC API – Coverages, Part 1: Core", "https://docs.ogc.org/DRAFTS/19-087.html"),
    "ogcapi-features-1": ("OGC API – Features, Part 1: Core", "https://docs.ogc.org/is/17-069r4/17-069r4.html"),
    "ogcapi-styles-1": ("OGC API – Styles, Part 1: Core", "https://docs.ogc.org/DRAFTS/20-009.html"),
    "ogcapi-edr-1": ("OGC API – Environmental Data Retrieval", "https://docs.ogc.org/is/19-086r6/19-086r6.html"),
    "tms": ("Two Dimensional Tile Matrix Set", "https://docs.ogc.org/is/17-083r4/17-083r4.html"),
}
_CLASS_WORDS = {
    "html": "HTML",
    "json": "JSON",
    "jpeg": "JPEG",
    "oas30": "OpenAPI 3.0",
    "png": "PNG",
    "tiff": "TIFF",
    "uad": "additional dimensions of",
    "tilematrixset": "tile matrix set",
    "tilematrixsetlimits": "tile matrix set limits",
    "tilesetmetadata": "tileset metadata",
    "variablematrixwidth": "variable matrix width",
    "tilesets": "tilesets",
}


def standards(conforms_to: Iterable[str]) -> list[dict[str, Any]]:
    """Conformance classes grouped by standard: {id, title, href, classes: [{title, uris}]}.

    Both spellings (http, https) of one class are one class with two URIs.
    """
    groups: dict[str, dict[str, Any]] = {}
    for uri in conforms_to:
        standard, _, name = uri.partition("/spec/")[2].partition("/conf/")
        key = standard.partition("/")[0] or uri
        title, href = _STANDARDS.get(key, (key, None))
        group = groups.setdefault(key, {"id": key, "title": title, "href": href, "classes": {}})
        words = " ".join(_CLASS_WORDS.get(word, word) for word in name.replace("/", "-").split("-")) or uri
        group["classes"].setdefault(name, {"title": words[:1].upper() + words[1:], "uris": []})["uris"].append(uri)
    return [{**group, "classes": list(group["classes"].values())} for group in groups.values()]
