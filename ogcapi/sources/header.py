"""Raster files and what they say of themselves: values, made by `tiffheader` or `gdal`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from math import isnan, nan
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from ogcapi.model.problem import SourceFailed
from ogcapi.model.raster import Field
from ogcapi.pixels.warp import Geometry
from ogcapi.sources import hosts, storage

# Of the files that a document names, only formats whose files cannot point at other files; by the end of the name.
_SELF_CONTAINED = {
    ".jp2": "JP2OpenJPEG",
    ".j2k": "JP2OpenJPEG",
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WEBP",
    ".nc": "netCDF",
    ".grb": "GRIB",
    ".grb2": "GRIB",
    ".grib2": "GRIB",
    ".asc": "AAIGrid",
}


@dataclass(frozen=True, kw_only=True)
class File:
    """A raster file, as it is opened and as it is spoken of."""

    href: str
    """A path or a URL."""
    name: str
    """What logs, problems and pages call it."""
    driver: str | None = None
    """GDAL's name of the only format that it may have; None: any."""


def self_contained(href: str, name: str) -> File:
    """A file that a document names, not the operator: it may not be of a format that reads further files."""
    suffix = Path(urlsplit(href).path if storage.is_remote(href) else href).suffix.lower()
    return File(href=href, name=name, driver=_SELF_CONTAINED.get(suffix, "GTiff"))


@dataclass(frozen=True, kw_only=True)
class Header:
    """What a file says of itself."""

    geometry: Geometry
    bands: tuple[int, ...]
    """GDAL's numbers of the bands that are fields."""
    alpha: int | None
    """The band that says how opaque the cells are; it makes validity and is no field."""
    is_masked: bool
    """Whether a mask or that band may say of cells that they are not valid, whatever their values are."""
    fields: tuple[Field, ...]
    """One for each of `bands`; without categories, and with the nodata that the file declares only."""
    spans: tuple[tuple[float, float] | None, ...]
    """Least and greatest value of each field as the file's metadata give them."""
    overviews: tuple[tuple[int, int], ...]
    """(width, height) of each overview, finest first."""
    has_mask: bool = False
    """Whether the file says apart from its bands where there are data; nodata then says nothing."""
    is_whole: bool = field(default=False, compare=False)
    """Whether it is known that there is nothing else to tell, neither in the file nor beside it."""


def check_place(file: File) -> None:
    """Raise `SourceFailed` where the file's href is no path and no address, or it is known that nothing is there."""
    wrong = storage.fault(file.href)
    if wrong is None and storage.is_remote(file.href):
        wrong = "it could not be reached" if hosts.is_silent(file.href) else None
    elif wrong is None:
        wrong = "there is no such file" if file.href.startswith("/vsi") else _why_absent(file.href)
    if wrong is not None:
        raise SourceFailed(file.name, wrong)


def _why_absent(path: str) -> str | None:
    """Why no file can be had at a local path; None where there is one."""
    try:
        Path(path).stat()
    except PermissionError as error:
        return f"it could not be opened ({error.strerror})"
    except (OSError, ValueError):
        return "there is no such file"
    return None


def with_overviews(header: Header, sizes: Sequence[tuple[int, int]]) -> Header:
    """The header of a file whose overviews have those sizes (width, height)."""
    widths = [header.geometry.width, *(width for width, _ in sizes)]
    if any(finer <= coarser for finer, coarser in pairwise(widths)):
        return header  # overviews in no order are no pyramid
    return replace(header, overviews=tuple(sizes))


def names_of(texts: Sequence[str | None]) -> list[str]:
    """The bands' descriptions where they can serve as names in requests; b1, b2, … where not."""
    names = []
    for number, text in enumerate(texts, 1):
        is_name = text and text.isprintable() and text == text.strip() and "," not in text and texts.count(text) == 1
        is_number = text and text[0] == "b" and text[1:].isdecimal()
        names.append(text if text and is_name and not is_number else f"b{number}")
    return names


def nodata_of(value: float | None, dtype: str) -> float | int | None:
    """What a file declares, as a value of its type; None where the type has no such value."""
    kind = np.dtype(dtype)
    if value is None:
        return None
    if isnan(value):
        return nan if kind.kind == "f" else None  # the one object, so that equal fields are equal
    if kind.kind == "f":
        with np.errstate(over="ignore"):
            own = float(kind.type(value))
        limit = float(np.finfo(kind).max)
        return own if np.isfinite(own) or not np.isfinite(value) else float(np.copysign(limit, value))
    limits = np.iinfo(kind)
    return int(value) if np.isfinite(value) and value == int(value) and limits.min <= value <= limits.max else None


def span_of(tags: Mapping[str, str]) -> tuple[float, float] | None:
    """Least and greatest value of a band by its metadata, where they tell them."""
    try:
        return float(tags["STATISTICS_MINIMUM"]), float(tags["STATISTICS_MAXIMUM"])
    except (KeyError, ValueError):
        return None
