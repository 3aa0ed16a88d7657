"""Every query parameter: its name, its schema for OpenAPI, and the one way to read it."""

from __future__ import annotations

import re
from collections.abc import Callable
from math import isfinite

from ogcapi.model.crs import Crs, UnknownCrs, referenced_crs
from ogcapi.model.operation import Parameter
from ogcapi.model.problem import BadParameter

_MAX_SIDE = 1_000_000_000  # cells; what a request may really ask for is a limit of the configuration


def _side(name: str) -> Parameter[int]:
    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 12 and 1 <= int(text) <= _MAX_SIDE):
            raise BadParameter(name, text, f"a whole number of cells from 1 to {_MAX_SIDE:,}")
        return int(text)

    return Parameter(
        name=name,
        description=f"The {name} of the answer in cells.",
        schema={"type": "integer", "minimum": 1},
        parse=parse,
    )


def _names(name: str, what: str) -> Parameter[tuple[str, ...]]:
    def parse(text: str) -> tuple[str, ...]:
        items = tuple(item.strip() for item in text.split(","))
        if not all(items):
            raise BadParameter(name, text, f"{what}, separated by commas, none of them empty")
        if len(set(items)) < len(items):
            raise BadParameter(name, text, f"{what}, each of them once")
        return items

    return Parameter(
        name=name,
        description=f"Comma-separated {what}, in the order wanted.",
        schema={"type": "array", "items": {"type": "string"}, "minItems": 1},
        parse=parse,
    )


def _crs(name: str, text: str) -> Crs:
    try:
        return referenced_crs(text)
    except UnknownCrs as error:
        raise BadParameter(name, text, f"a coordinate reference system as URI or safe CURIE ({error})") from error


def _per_axis(name: str, inner: str, expected: str) -> Callable[[str], dict[str, tuple[float, ...]]]:
    """A parser of what is said axis by axis, as in Lat(10:20),Lon(30:40)."""
    one = re.compile(rf"\s*([A-Za-z]{{1,20}})\({inner}\)\s*")

    def parse(text: str) -> dict[str, tuple[float, ...]]:
        found: dict[str, tuple[float, ...]] = {}
        for part in text.split(","):
            match = one.fullmatch(part)
            axis = match[1].lower() if match else ""
            if match is None or axis in found:
                raise BadParameter(name, text, expected)
            try:
                found[axis] = tuple(float(number) for number in match.groups()[1:])
            except ValueError as error:
                raise BadParameter(name, text, expected) from error
            if not all(map(isfinite, found[axis])):
                raise BadParameter(name, text, expected)
        return found

    return parse


def _scale_size(name: str, description: str) -> Parameter[dict[str, tuple[float, ...]]]:
    expected = "axes with whole numbers of cells, at least 1, each axis once, such as Lat(100),Lon(200)"
    return Parameter(
        name=name,
        description=description,
        schema={"type": "string", "example": "Lat(100),Lon(200)"},
        parse=_per_axis(name, r"([1-9]\d{0,8})", expected),
    )


def _bbox(text: str) -> tuple[float, float, float, float]:
    expected = "four finite numbers in the axis order of bbox-crs: the lower corner, then the upper one"
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError as error:
        raise BadParameter("bbox", text, expected) from error
    if len(numbers) != 4 or not all(map(isfinite, numbers)):
        raise BadParameter("bbox", text, expected)
    return numbers[0], numbers[1], numbers[2], numbers[3]


WIDTH = _side("width")
HEIGHT = _side("height")
PROPERTIES = _names("properties", "names of fields")
STYLE_ID: Parameter[str] = Parameter(
    name="style",
    description="Id of a style of the collection; its default style if it is left out.",
    schema={"type": "string"},
    parse=str,
)
COLLECTIONS = _names("collections", "ids or addresses of collections, the first at the bottom")
CRS: Parameter[Crs | None] = Parameter(
    name="crs",
    description="The coordinate reference system of the answer; `storageCrs` if it is left out or empty.",
    schema={"type": "string"},
    # QGIS asks with an empty value where it knows no URI for the system of a collection
    parse=lambda text: _crs("crs", text) if text else None,
)
BBOX_CRS: Parameter[Crs] = Parameter(
    name="bbox-crs",
    description="The system of `bbox`; `extent.spatial.crs` of the collection (CRS84 on Earth) if it is left out.",
    schema={"type": "string"},
    parse=lambda text: _crs("bbox-crs", text),
)
SUBSET: Parameter[dict[str, tuple[float, ...]]] = Parameter(
    name="subset",
    description="Intervals along axes: Lat and Lon in degrees, or both axes of `storageCrs`. Instead of `bbox`.",
    schema={"type": "string", "example": "Lat(10:20),Lon(30:40)"},
    parse=_per_axis(
        "subset", r"([^:()]+):([^:()]+)", "axes with intervals, each axis once, such as Lat(10:20),Lon(30:40)"
    ),
)
SCALE_SIZE = _scale_size("scale-size", "Cells of the answer along its axes. Instead of `width` and `height`.")
SCALE_SIZE_GDAL = _scale_size(
    "scaleSize", "The same as GDAL's driver asks for it; without `crs` the answer is in the system of `subset`."
)
BBOX: Parameter[tuple[float, float, float, float]] = Parameter(
    name="bbox",
    description="The box wanted, in the axis order of `bbox-crs`. The first longitude may be the greater one: "
    "then the box crosses the antimeridian.",
    schema={"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 6},
    parse=_bbox,
)
