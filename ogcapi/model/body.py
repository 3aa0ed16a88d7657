"""Celestial bodies, as PROJ's registry of the International Astronomical Union knows them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

from pyproj.database import query_crs_info
from pyproj.enums import PJType

from ogcapi.model.crs import CRS84, Crs, UnknownCrs, parse_crs, transformation

_RADIUS_TOLERANCE = 0.02  # PROJ itself takes ellipsoids within 0.5 % for one body; flattened ones differ more


@dataclass(frozen=True)
class Body:
    """A celestial body."""

    name: str
    """As the registry writes it: Earth, Mars, Moon, Churyumov-Gerasimenko."""
    code: int
    """NAIF number; the IAU's systems of a body begin with it."""

    @cached_property
    def geographic(self) -> Crs:
        """The system for extents and for `bbox=`: CRS84 on Earth, the IAU's sphere (latitude first) elsewhere."""
        return CRS84 if self == EARTH else self.crs(0)

    @property
    def id(self) -> str:
        """The name as a part of identifiers: no spaces."""
        return self.name.replace(" ", "")

    def crs(self, number: int) -> Crs:
        """The IAU's system of that number (0 sphere, 10 equirectangular, 30 north polar, …). Raises `UnknownCrs`."""
        return parse_crs(f"IAU_2015:{self.code * 100 + number}")


EARTH = Body("Earth", 399)


@lru_cache(maxsize=1)
def bodies() -> tuple[Body, ...]:
    """Every body that the registry has a spherical system for."""
    infos = query_crs_info(auth_name="IAU_2015", pj_types=PJType.GEOGRAPHIC_2D_CRS)
    return tuple(Body(i.name.split(" (2015)")[0], int(i.code) // 100) for i in infos if int(i.code) % 100 == 0)


@lru_cache(maxsize=1)
def _radii() -> tuple[tuple[float, Body], ...]:
    return tuple((body.crs(0).semi_major_m, body) for body in bodies())


@lru_cache(maxsize=512)
def body_of(crs: Crs) -> Body:
    """The body whose system PROJ can transform this one to, the nearest in size first; else Earth."""
    radius = crs.semi_major_m
    if abs(radius / CRS84.semi_major_m - 1) < _RADIUS_TOLERANCE / 4:
        return EARTH
    named = crs.geodetic.name.lower()
    near = [(r, body) for r, body in _radii() if abs(radius / r - 1) < _RADIUS_TOLERANCE]
    for _, body in sorted(near, key=lambda pair: (pair[1].name.lower() not in named, abs(pair[0] - radius))):
        try:
            transformation(crs, body.crs(0))
        except UnknownCrs:
            continue
        return body
    return EARTH
