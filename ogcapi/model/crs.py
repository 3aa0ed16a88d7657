"""Coordinate reference systems: as clients name them, as documents show them, as arithmetic needs them."""

from __future__ import annotations

import re
import threading
import warnings
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from math import isfinite, pi
from typing import Any

import pyproj
from pyproj.exceptions import CRSError, ProjError

CRS84_URI = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"

_CYLINDRICAL = {  # methods whose plane repeats in x (EPSG method names as PROJ writes them)
    "Equidistant Cylindrical",
    "Equidistant Cylindrical (Spherical)",
    "Lambert Cylindrical Equal Area",
    "Lambert Cylindrical Equal Area (Spherical)",
    "Mercator (variant A)",
    "Mercator (variant B)",
    "Mercator (Spherical)",
    "Mercator (1SP) (Spherical)",
    "Popular Visualisation Pseudo Mercator",
    "Miller Cylindrical",
}
_local = threading.local()
_MAX_KEPT = 64  # transformations of one thread


class UnknownCrs(ValueError):
    """A text that names no coordinate reference system that can be used here."""


@dataclass(frozen=True, eq=False)
class Crs:
    """A coordinate reference system; made by `parse_crs`, equal when the definitions are."""

    wkt: str
    """WKT 2 (2019)."""
    uri: str | None
    """The OGC URI where the system is registered."""
    proj: pyproj.CRS = field(repr=False)
    """The same system for pyproj. Never write coordinates in its axis order without `text_order`."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Crs) and (self.uri or self.wkt) == (other.uri or other.wkt)

    def __hash__(self) -> int:
        return hash(self.uri or self.wkt)

    def __str__(self) -> str:
        return self.uri or self.name

    @property
    def name(self) -> str:
        """What the registry calls the system, for people."""
        return str(self.proj.name)

    @property
    def authority_code(self) -> str | None:
        """How PROJ names a registered system: EPSG:3857, IAU_2015:49910."""
        return _authority_code(self.uri) if self.uri else None

    @cached_property
    def is_geographic(self) -> bool:
        """Whether coordinates are angles."""
        return not self.proj.is_projected

    @cached_property
    def is_yx(self) -> bool:
        """Whether texts give northing or latitude first (the rule of PROJ's visualization order)."""
        first, second = self.proj.axis_info[:2]
        directions = (first.direction, second.direction)
        if directions == ("north", "east"):
            return True
        named_northing = first.name.startswith("Northing") and second.name.startswith("Easting")
        return directions in {("south", "south"), ("north", "north")} and named_northing

    @cached_property
    def axes(self) -> tuple[tuple[str, str, str], tuple[str, str, str]]:
        """(abbreviation, direction, unit) of the x axis and of the y axis, in this order whatever the system's own."""
        first, second = ((a.abbrev or a.name[:1].upper(), a.direction, a.unit_name) for a in self.proj.axis_info[:2])
        return (second, first) if self.is_yx else (first, second)

    @cached_property
    def metres_per_unit(self) -> float:
        """Metres in one unit of the axes; of an angle along the equator of the body (TMS 2.0, 6.1.1.1)."""
        factor = float(self.proj.axis_info[0].unit_conversion_factor)
        return factor * self.semi_major_m if self.is_geographic else factor

    @cached_property
    def unit(self) -> str:
        """Unit of the axes as people write it."""
        name = self.axes[0][2]
        return {"degree": "°", "metre": "m"}.get(name, name)

    @cached_property
    def semi_major_m(self) -> float:
        """Equatorial radius of the ellipsoid in metres."""
        ellipsoid = self.proj.ellipsoid
        if ellipsoid is None:  # pragma: no cover - engineering systems are refused before
            raise UnknownCrs(f"{self.name} has no ellipsoid")
        return float(ellipsoid.semi_major_metre)

    @cached_property
    def x_period(self) -> float | None:
        """How far apart in x the same meridian comes again (units of the axes); None where it does not."""
        if self.is_geographic:
            return 2 * pi / float(self.proj.axis_info[0].unit_conversion_factor)
        operation = self.proj.coordinate_operation
        if operation is None or operation.method_name not in _CYLINDRICAL:
            return None
        to_base = transformation(self, self.geodetic)
        to_plane = transformation(self.geodetic, self)
        origin, _ = to_base(0.0, 0.0)
        west, _ = to_plane(origin - 45, 0.0)
        east, _ = to_plane(origin + 45, 0.0)
        period = 4 * float(east - west)
        return period if isfinite(period) and period > 0 else None

    @cached_property
    def geodetic(self) -> Crs:
        """The system of angles beneath a projected one; a geographic one itself."""
        base = self.proj.geodetic_crs
        return self if self.is_geographic or base is None else parse_crs(base.to_wkt("WKT2_2019"))

    @cached_property
    def proj4(self) -> str:
        """The system as a PROJ string, which drops what such strings cannot say."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # pyproj warns of just that
            return str(self.proj.to_proj4())

    @cached_property
    def document(self) -> str | dict[str, Any]:
        """How JSON documents name the system: its URI, else its PROJJSON (TMS 2.0 `crs.json`)."""
        return self.uri or {"wkt": _tms_projjson(self.proj.to_json_dict())}

    @cached_property
    def urn(self) -> str | None:
        """The URN that clients of WMTS read; None where the system is not registered.

        Of the IAU's systems it is not the official one, which QGIS does not know: it looks for PROJ's own authority
        and code.
        """
        if self.uri is None:
            return None
        authority, version, code = self.uri.rsplit("/", 3)[1:]
        if (authority, version) == ("IAU", "2015"):
            return f"urn:ogc:def:crs:IAU_2015::{code}"
        return f"urn:ogc:def:crs:{authority}:{'' if version == '0' else version}:{code}"

    def text_order(self, x: float, y: float) -> tuple[float, float]:
        """A position in the order in which the system's texts give it; its own inverse."""
        return (y, x) if self.is_yx else (x, y)


def _tms_projjson(value: Any) -> Any:
    """PROJJSON without the members that TMS 2.0's schema (PROJJSON 0.2) does not know: numbers in an `id`'s version."""
    if isinstance(value, dict):
        return {
            key: _tms_projjson(member)
            for key, member in value.items()
            if not (key == "version" and "authority" in value) and key != "ids"
        }
    return [_tms_projjson(member) for member in value] if isinstance(value, list) else value


def referenced_crs(text: str) -> Crs:
    """The system that a URI, URN or (safe) CURIE names, and no definition written out. Raises `UnknownCrs`."""
    if _authority_code(text) == text.strip() and not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*:[A-Za-z0-9]+", text.strip()):
        raise UnknownCrs("it is neither a URI nor a CURIE")
    return parse_crs(text)


def _authority_code(text: str) -> str:
    """A client's spelling of a registered system as PROJ spells it; any other text unchanged."""
    text = text.strip()
    if text.startswith("[") and text.endswith("]"):  # safe CURIE
        text = text[1:-1]
    uri = re.fullmatch(r"https?://www\.opengis\.net/def/crs/([^/]+)/([^/]+)/([^/]+)", text)
    urn = re.fullmatch(r"urn:(?:ogc|x-ogc):def:crs:([^:]+):([^:]*):([^:]+)", text, re.IGNORECASE)
    curie = re.fullmatch(r"([A-Za-z][A-Za-z0-9_]*):(?:(\d+):)?([A-Za-z0-9]+)", text)
    parts = uri or urn or curie
    if not parts:
        return text
    authority, _, code = parts.groups()
    authority = authority.upper()
    if authority in {"OGC", "CRS"} and code.upper() in {"84", "CRS84"}:
        return "OGC:CRS84"
    return f"{'IAU_2015' if authority in {'IAU', 'IAU_2015'} else authority}:{code}"


def _uri(authority: str, code: str) -> str:
    if (authority, code) == ("OGC", "CRS84"):
        return CRS84_URI
    authority, version = {"IAU_2015": ("IAU", "2015"), "OGC": ("OGC", "1.3")}.get(authority, (authority, "0"))
    return f"http://www.opengis.net/def/crs/{authority}/{version}/{code}"


@lru_cache(maxsize=512)
def parse_crs(text: str) -> Crs:
    """The system that a URI, URN, (safe) CURIE, WKT or PROJJSON text names.

    Raises `UnknownCrs` with what is wrong: not known, not two-dimensional, or west-positive.
    """
    if len(text) > 100_000:
        raise UnknownCrs("the text is too long for a coordinate reference system")
    try:
        crs = pyproj.CRS.from_user_input(_authority_code(text))
    except CRSError as error:
        raise UnknownCrs("no such coordinate reference system is known") from error
    if crs.is_compound and crs.sub_crs_list:
        crs = crs.sub_crs_list[0]
    if crs.is_bound and crs.source_crs is not None:
        crs = crs.source_crs
    if not (crs.is_geographic or crs.is_projected or crs.type_name == "Geodetic CRS") or len(crs.axis_info) < 2:
        raise UnknownCrs(f"{crs.name} is neither geographic nor projected")
    if len(crs.axis_info) > 2:
        crs = crs.to_2d()
    directions = [axis.direction for axis in crs.axis_info]
    if "west" in directions:
        raise UnknownCrs(f"{crs.name} counts to the west; only systems that count to the east are served")
    if "geocentricX" in directions:
        raise UnknownCrs(f"{crs.name} is geocentric; only geographic and projected systems are served")
    authority = crs.to_authority(min_confidence=100)
    if authority is not None:  # one definition for one URI: a file's own may lack axis names or order
        registered = pyproj.CRS.from_authority(*authority)
        if [axis.direction for axis in registered.axis_info] == directions:
            crs = registered
        else:
            authority = None
    return Crs(wkt=crs.to_wkt("WKT2_2019"), uri=_uri(*authority) if authority else None, proj=crs)


CRS84 = parse_crs("OGC:CRS84")


@dataclass(frozen=True)
class Transformation:
    """Positions of one system as positions of another, both in x, y order; infinite where there is none."""

    proj: pyproj.Transformer
    swap_source: bool
    """PROJ leaves planetocentric latitudes before longitudes even in its visualization order."""
    swap_target: bool

    def __call__(self, x: Any, y: Any) -> tuple[Any, Any]:
        """x and y (numbers, or arrays of one shape) in the target system."""
        if self.swap_source:
            x, y = y, x
        x, y = self.proj.transform(x, y)
        return (y, x) if self.swap_target else (x, y)


def transformation(source: Crs, target: Crs) -> Transformation:
    """The transformation between two systems, kept per thread. Raises `UnknownCrs` between two bodies."""
    cache: OrderedDict[tuple[Crs, Crs], Transformation] = _local.__dict__.setdefault("transformations", OrderedDict())
    key = (source, target)
    if key in cache:
        cache.move_to_end(key)
    else:
        try:
            transformer = pyproj.Transformer.from_crs(source.proj, target.proj, always_xy=True)
        except ProjError as error:
            raise UnknownCrs(f"there is no transformation from {source} to {target}") from error
        swaps = (crs.is_geographic and not crs.proj.is_geographic and crs.is_yx for crs in (source, target))
        cache[key] = Transformation(transformer, *swaps)
        if len(cache) > _MAX_KEPT:
            cache.popitem(last=False)
    return cache[key]
