"""Every query parameter: its name, its schema for OpenAPI, and the one way to read it."""

from __future__ import annotations

from math import isfinite

from ogcapi.model.crs import Crs, UnknownCrs, referenced_crs
from ogcapi.model.operation import Parameter
from ogcapi.model.problem import BadParameter

_MAX_SIDE = 1_000_000_000  # cells; what a request may really ask for is a limit of the configuration


def _side(name: str) -> Parameter[int]:
    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 12 and 1 <= int(text) <= _MAX_SIDE):
            raise BadParameter(name, text, "a whole number of cells, at least 1")
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


def _system(name: str, description: str) -> Parameter[Crs]:
    def parse(text: str) -> Crs:
        try:
            return referenced_crs(text)
        except UnknownCrs as error:
            raise BadParameter(name, text, f"a coordinate reference system as URI or safe CURIE ({error})") from error

    return Parameter(name=name, description=description, schema={"type": "string"}, parse=parse)


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
CRS = _system("crs", "The coordinate reference system of the answer; the collection's `storageCrs` if it is left out.")
BBOX_CRS = _system(
    "bbox-crs", "The system of `bbox`; `extent.spatial.crs` of the collection (CRS84 on Earth) if it is left out."
)
BBOX: Parameter[tuple[float, float, float, float]] = Parameter(
    name="bbox",
    description="The box wanted, in the axis order of `bbox-crs`. The first longitude may be the greater one: "
    "then the box crosses the antimeridian.",
    schema={"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 6},
    parse=_bbox,
)
