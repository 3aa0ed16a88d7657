"""Service descriptions for GDAL, and what all files of values have to say alike."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from types import MappingProxyType
from urllib.parse import quote

import numpy as np

from ogcapi.model.collection import Collection, TileSet
from ogcapi.model.crs import Crs
from ogcapi.model.link import Document, Urls
from ogcapi.model.operations import COVERAGE_TILES
from ogcapi.model.problem import BadParameter, NotFound, shown
from ogcapi.model.raster import Field
from ogcapi.model.tiles import TileMatrixSet
from ogcapi.resources.expressible import alike_groups, is_pyramid, nodata_of
from ogcapi.resources.pyramids import Pyramid, Window, pyramid_of, window_of

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

    @property
    def query(self) -> str:
        """The part of an address that says which fields these are; empty for all."""
        return "" if self.is_all else properties_of(self.fields)


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
    return service(pyramid_around(chosen), chosen, alike(chosen), url)


def alike(chosen: Chosen) -> tuple[Field, ...]:
    """The chosen fields, which one answer can hold with nothing changed. Raises `BadParameter` where it cannot."""
    groups = list(alike_groups(chosen.fields))
    if len(groups) > 1:
        known = " or ".join(",".join(field.name for field in group) for group in groups)
        asked = ",".join(field.name for field in chosen.fields)
        raise BadParameter("properties", asked, f"fields with one type and one value for no data, such as {known}")
    return chosen.fields


def crs_text(crs: Crs) -> str:
    """A system as GDAL reads it: as WKT where old versions of PROJ do not know its code."""
    named = _NAMED.fullmatch(crs.uri or "")
    return f"{named[1]}:{named[2]}" if named else crs.wkt


def gdal_type(dtype: str) -> str:
    """GDAL's name of a type."""
    return _TYPES[dtype]


def number(value: float) -> str:
    """A number as GDAL reads it, to the last digit; also those that are not finite."""
    if isfinite(value) and float(value).is_integer() and abs(value) < _MAX_WHOLE:
        return str(int(value))
    return repr(float(value))


def properties_of(fields: Sequence[Field]) -> str:
    """The query that names some fields."""
    return "properties=" + quote(",".join(field.name for field in fields), safe=",")


def tile_address(chosen: Chosen, fields: Sequence[Field], url: Urls) -> str:
    """The address of GeoTIFF tiles of some fields, a template in the standard's words."""
    path = {"collectionId": chosen.collection.id, "tileMatrixSetId": chosen.tile_set.matrix_set.id}
    is_all = chosen.is_all and len(fields) == len(chosen.fields)
    query = "" if is_all else properties_of(fields)
    place, _, asked = url(COVERAGE_TILES[2], None, query, **path).partition("?")
    return f"{place}.tif" + (f"?{asked}" if asked else "")


def window_around(chosen: Chosen) -> Window:
    """The cells that the data touch. Raises `BadParameter` for sets that are counted from the bottom left."""
    matrix_set = chosen.tile_set.matrix_set
    if any(matrix.bottom_left for matrix in matrix_set.matrices):
        raise _inexpressible(chosen, "is counted from the bottom left")
    return window_of(chosen.collection, chosen.tile_set)


def pyramid_around(chosen: Chosen) -> Pyramid:
    """The pyramid of whole tiles around the data. Raises `BadParameter` where the set is none."""
    pyramid = pyramid_of(window_around(chosen))
    if pyramid is None:
        raise _inexpressible(chosen, "does not halve its cells from one corner, level by level")
    return pyramid


def _inexpressible(chosen: Chosen, why: str) -> BadParameter:
    one, asked = chosen.collection, chosen.tile_set.matrix_set
    sets = [each.matrix_set for each in (*one.tile_sets, *([one.native] if one.native else []))]
    return inexpressible(asked, why, [each for each in sets if is_pyramid(each)])


def inexpressible(asked: TileMatrixSet, why: str, known: Sequence[TileMatrixSet]) -> BadParameter:
    """The problem that a format cannot express a set, with the sets that it can."""
    names = f"one of {', '.join(each.id for each in known)}" if known else "and this collection is in none"
    return BadParameter("tileMatrixSetId", asked.id, f"a set that this format can express, {names}; {asked.id} {why}")


def service(pyramid: Pyramid, chosen: Chosen, fields: Sequence[Field], url: Urls) -> Document:
    """Some fields, which one answer can hold, for GDAL's WMS driver."""
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
