"""Files that GDAL, rasterio and QGIS open as rasters: a tiled service, and a virtual raster around such services."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import isfinite
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import numpy as np

from ogcapi.model.collection import Collection, TileSet
from ogcapi.model.crs import Crs
from ogcapi.model.link import Document, Urls
from ogcapi.model.operations import COVERAGE_TILES
from ogcapi.model.problem import BadParameter, NotFound, shown
from ogcapi.model.raster import Field, FieldStatistics
from ogcapi.resources.pyramids import Pyramid, Window, is_pyramid, pyramid_of, window_of

_TYPES = MappingProxyType(  # GDAL's names by numpy's
    {
        "bool": "Byte",
        "uint8": "Byte",
        "int8": "Int8",
        "uint16": "UInt16",
        "int16": "Int16",
        "uint32": "UInt32",
        "int32": "Int32",
        "uint64": "UInt64",
        "int64": "Int64",
        "float16": "Float32",
        "float32": "Float32",
        "float64": "Float64",
    }
)
_COLORS = frozenset("Gray Palette Red Green Blue Hue Saturation Lightness Cyan Magenta Yellow Black".split())  # noqa: SIM905
_MAX_WHOLE = 1 << 64
_NAMED = re.compile(r"http://www\.opengis\.net/def/crs/(EPSG|OGC)/[^/]+/(\w+)")


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """What a file is of: some fields of a collection in a tile set."""

    collection: Collection
    fields: tuple[Field, ...]
    """In the order of the file's bands."""
    tile_set: TileSet
    is_all: bool
    """Whether these are all fields in the collection's own order."""


def choose(one: Collection, tile_set: TileSet, properties: Sequence[str] | None) -> Chosen:
    """The fields that are named, or all. Raises `NotFound` for an unknown one."""
    by_name = {field.name: field for field in one.fields}
    for name in properties or ():
        if name not in by_name:
            raise NotFound(f"{one.id} has no field {shown(name)}; expected some of {', '.join(by_name)}.")
    fields = tuple(by_name[name] for name in properties or by_name)
    return Chosen(collection=one, fields=fields, tile_set=tile_set, is_all=fields == one.fields)


def finest(one: Collection) -> TileSet:
    """The best set for data whose own cells no set can have: in their system if there is one.

    Raises `NotFound` where the collection is offered in no set at all.
    """
    own = one.storage_crs

    def strangeness(each: TileSet) -> tuple[bool, bool, bool]:
        crs = each.matrix_set.crs
        return not is_pyramid(each.matrix_set), crs != own, crs.is_geographic != own.is_geographic

    if not one.tile_sets:
        raise NotFound(f"{one.id} has no tiles: no tile matrix set that it is offered in reaches its data.")
    return min(one.tile_sets, key=strangeness)


def gdal_wms(chosen: Chosen, url: Urls) -> Document:
    """A service description for GDAL's WMS driver, whose `TMS` service takes any address with z, x and y.

    Raises `BadParameter` where the set is no pyramid, and where the fields say in different ways what is no data.
    """
    groups = list(_alike(chosen.fields))
    if len(groups) > 1:
        alike = " or ".join(",".join(field.name for field in group) for group in groups)
        asked = ",".join(field.name for field in chosen.fields)
        raise BadParameter("properties", asked, f"fields with one type and one value for no data, such as {alike}")
    return _service(_pyramid(chosen), chosen, chosen.fields, url)


def virtual_raster(chosen: Chosen, measured: Mapping[str, FieldStatistics], url: Urls) -> Document:
    """A virtual raster: the data's own window of the tiles, with all that is known of each field.

    Fields with one type and one value for no data come from one service. `measured`: statistics by name of field.
    """
    window = _window(chosen)
    groups = list(_alike(chosen.fields))
    pyramid = _pyramid(chosen)
    services = [_service(pyramid, chosen, group, url) for group in groups]
    place = {field.name: (n, k) for n, group in enumerate(groups) for k, field in enumerate(group, 1)}
    return {
        "title": chosen.collection.title,
        "attribution": chosen.collection.attribution,
        "width": window.width,
        "height": window.height,
        "crs": crs_text(window.matrix_set.crs),
        "is_yx": window.matrix_set.crs.is_yx,
        "transform": [window.transform[i] for i in (2, 0, 1, 5, 3, 4)],  # in GDAL's order
        "services": services,
        "source_width": pyramid.width,
        "source_height": pyramid.height,
        "block": [window.matrix.tile_width, window.matrix.tile_height],
        "left": window.left - pyramid.col * window.matrix.tile_width,
        "top": window.top - pyramid.row * window.matrix.tile_height,
        "bands": [
            {**_band(field, measured.get(field.name)), "service": place[field.name][0], "band": place[field.name][1]}
            for field in chosen.fields
        ],
    }


def crs_text(crs: Crs) -> str:
    """A system as GDAL reads it: as WKT where old versions of PROJ do not know its code."""
    named = _NAMED.fullmatch(crs.uri or "")
    return f"{named[1]}:{named[2]}" if named else crs.wkt


def gdal_type(dtype: str) -> str:
    """GDAL's name of a type."""
    return _TYPES[dtype]


def nodata_of(field: Field) -> int | float | None:
    """What cells without data hold in answers; None: nothing tells them from others."""
    if field.nodata is None and not field.is_integer:
        return float("nan")
    return field.nodata


def number(value: float) -> str:
    """A number as GDAL reads it, to the last digit; also those that are not finite."""
    if isfinite(value) and float(value).is_integer() and abs(value) < _MAX_WHOLE:
        return str(int(value))
    return repr(float(value))


def tile_address(chosen: Chosen, fields: Sequence[Field], url: Urls) -> str:
    """The address of GeoTIFF tiles of some fields, a template in the standard's words."""
    path = {"collectionId": chosen.collection.id, "tileMatrixSetId": chosen.tile_set.matrix_set.id}
    is_all = chosen.is_all and len(fields) == len(chosen.fields)
    query = "" if is_all else "properties=" + quote(",".join(field.name for field in fields), safe=",")
    place, _, asked = url(COVERAGE_TILES[2], None, query, **path).partition("?")
    return f"{place}.tif" + (f"?{asked}" if asked else "")


def _window(chosen: Chosen) -> Window:
    matrix_set = chosen.tile_set.matrix_set
    if any(matrix.bottom_left for matrix in matrix_set.matrices):
        raise _inexpressible(chosen, "is counted from the bottom left")
    return window_of(chosen.collection, chosen.tile_set)


def _pyramid(chosen: Chosen) -> Pyramid:
    pyramid = pyramid_of(_window(chosen))
    if pyramid is None:
        raise _inexpressible(chosen, "does not halve its cells from one corner, level by level")
    return pyramid


def _inexpressible(chosen: Chosen, why: str) -> BadParameter:
    one, asked = chosen.collection, chosen.tile_set.matrix_set.id
    sets = [*one.tile_sets, *([one.native] if one.native else [])]
    known = ", ".join(each.matrix_set.id for each in sets if is_pyramid(each.matrix_set))
    return BadParameter("tileMatrixSetId", asked, f"a set that this format can express, one of {known}; {asked} {why}")


def _alike(fields: Sequence[Field]) -> Iterable[tuple[Field, ...]]:
    """Neighbouring fields that one answer can hold with nothing changed: of one type, with one value for no data."""
    for _, group in groupby(fields, key=lambda field: (field.dtype, repr(nodata_of(field)))):
        yield tuple(group)


def _service(pyramid: Pyramid, chosen: Chosen, fields: Sequence[Field], url: Urls) -> Document:
    address = tile_address(chosen, fields, url)
    for name, gdal in (("tileMatrix", "z"), ("tileRow", "y"), ("tileCol", "x")):
        address = address.replace(f"{{{name}}}", f"${{{gdal}}}")
    nodata = nodata_of(fields[0])
    bbox = pyramid.bbox
    return {
        "address": address,
        "level": pyramid.level,
        "overviews": pyramid.overviews,
        "col": pyramid.col,
        "row": pyramid.row,
        "width": pyramid.width,
        "height": pyramid.height,
        "upper_left": [bbox.xmin, bbox.ymax],
        "lower_right": [bbox.xmax, bbox.ymin],
        "crs": crs_text(pyramid.window.matrix_set.crs),
        "block": [pyramid.window.matrix.tile_width, pyramid.window.matrix.tile_height],
        "bands": len(fields),
        "type": gdal_type(np.result_type(*(field.dtype for field in fields)).name),
        "nodata": None if nodata is None else number(nodata),
    }


def _band(field: Field, found: FieldStatistics | None) -> Document:
    nodata = nodata_of(field)
    color = (field.interpretation or "").title()
    return {
        "type": gdal_type(field.dtype),
        "description": field.title or field.name,
        "nodata": None if nodata is None else number(nodata),
        "unit": field.unit,
        "scale": field.scale,
        "offset": field.offset,
        "color": color if color in _COLORS else None,
        "colors": _table(field.colors, (0, 0, 0, 0)) if field.colors else None,
        "categories": _table(field.categories, "") if field.categories else None,
        "statistics": _statistics(field, found) if found else {},
    }


def _table(known: Mapping[int, Any], other: Any) -> list[Any] | None:
    """What GDAL counts from 0 on; None where it cannot."""
    if min(known) < 0 or max(known) > 0xFFFF:
        return None
    return [known.get(value, other) for value in range(max(known) + 1)]


def _statistics(field: Field, found: FieldStatistics) -> dict[str, str]:
    """Of stored values, as GDAL names them."""
    ends = (found.minimum, found.maximum, found.mean)
    if any(each is None for each in (*ends, found.deviation)) or field.scale == 0:
        return {}
    low, high, mean = ((each - field.offset) / field.scale for each in ends if each is not None)
    low, high = sorted((low, high))
    deviation = (found.deviation or 0.0) / abs(field.scale)
    return {
        "STATISTICS_APPROXIMATE": "YES",  # of a sample
        "STATISTICS_MAXIMUM": number(high),
        "STATISTICS_MEAN": number(mean),
        "STATISTICS_MINIMUM": number(low),
        "STATISTICS_STDDEV": number(deviation),
    }
