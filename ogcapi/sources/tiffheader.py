"""What plain GeoTIFFs say of themselves, told without GDAL: just as GDAL tells it, or not at all.

GDAL costs 50 MB of memory and most of the time in which a file is opened. It is asked about everything that is not
named here: files beside the file, tables of colours, control points, systems without a code, unusual units.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from math import isclose, isfinite
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np

from ogcapi.model.crs import Crs, UnknownCrs, parse_crs
from ogcapi.model.raster import Field
from ogcapi.pixels.warp import Geometry
from ogcapi.sources import storage
from ogcapi.sources.header import File, Header, names_of, nodata_of, span_of, with_overviews
from ogcapi.sources.tiff import Numbers, Tiff
from ogcapi.sources.tiffimage import Images

_BESIDE = (".aux.xml", ".AUX.XML", ".aux", ".AUX", ".ovr", ".OVR", ".msk", ".MSK")  # that GDAL looks for
_COLORS = {0: ("gray",), 1: ("gray",), 2: ("red", "green", "blue"), 6: ("red", "green", "blue")}  # by photometric
_SCALE, _TIEPOINTS, _MATRIX, _METADATA, _NODATA = 33550, 33922, 34264, 42112, 42113
_KEYS, _DOUBLES, _TEXTS = 34735, 34736, 34737
_KNOWN = {  # tags whose meaning is known here, or changes nothing of the header
    *range(254, 260),
    *(262, 266, 269, 270, 271, 272, 273, 274, 277, 278, 279, 280, 281, 282, 283, 284, 296, 305, 306, 315, 316, 317),
    *(322, 323, 324, 325, 338, 339, 340, 341, 347, 529, 530, 531, 532, 700, 33432, 50674),
    *(_SCALE, _TIEPOINTS, _MATRIX, _METADATA, _NODATA, _KEYS, _DOUBLES, _TEXTS),
}
_MODEL, _RASTER, _CITATION = 1024, 1025, 1026
_GEOGRAPHIC, _GEOGRAPHIC_CITATION, _ANGLES, _SEMI_MAJOR, _FLATTENING = 2048, 2049, 2054, 2057, 2059
_PROJECTED, _PROJECTED_CITATION, _LENGTHS = 3072, 3073, 3076
_CODE_OF = {1: _PROJECTED, 2: _GEOGRAPHIC}  # key that has the code, by model
_PLAIN_KEYS = {  # by model
    1: {_MODEL, _RASTER, _CITATION, _GEOGRAPHIC_CITATION, _ANGLES, _PROJECTED, _PROJECTED_CITATION, _LENGTHS},
    2: {_MODEL, _RASTER, _CITATION, _GEOGRAPHIC, _GEOGRAPHIC_CITATION, _ANGLES, _SEMI_MAJOR, _FLATTENING},
}
_UNITS = {_ANGLES: 9102, _LENGTHS: 9001}  # degree, metre
_USER_DEFINED = 32767
_POINT = 2
_MOST_CRSS = 256
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?|nan")

_from_gdal: dict[bytes, Crs] = {}


def plain_header(file: File, tiff: Tiff, images: Images) -> Header | None:
    """The header of a TIFF as GDAL would tell it; None where only GDAL knows."""
    tags, main = tiff.directories[0], images.main
    bits = tags.get(258, np.ones(1))
    dtype = main.layout.dtype
    colors = _COLORS.get(_first(tags, 262, 1))
    is_plain = (
        set(tags) <= _KNOWN
        and not any(bit % 8 or bit == 24 for bit in bits.tolist())
        and dtype not in (np.float16, np.int64, np.uint64)
        and len(tiff.directories) == 1 + len(images.overviews) + _masks(images)
        and _descends([main.size, *(overview.size for overview in images.overviews)])
        and is_alone(file)
    )
    if not is_plain or colors is None or len(colors) > main.samples:
        return None
    extra = tags.get(338, np.empty(0, np.uint16)).tolist()
    if len(extra) != main.samples - len(colors) or any(extra[:-1]) or (extra and extra[-1] > 2):
        return None
    alpha = main.samples if extra and extra[-1] else None
    geometry = _geometry(tags, main.size)
    told = _metadata(tags, main.samples)
    nodata = _number(_text(tags, _NODATA)) if _NODATA in tags else None
    if geometry is None or told is None or (_NODATA in tags and nodata is None):
        return None
    bands = tuple(band for band in range(1, main.samples + 1) if band != alpha)
    shown = (*colors, *(None for _ in extra))
    titles = [told[band - 1].description for band in bands]
    fields = tuple(
        Field(
            name=name,
            title=None if name == title else title,
            dtype=dtype.name,
            nodata=nodata_of(nodata, dtype.name),
            unit=told[band - 1].unit,
            scale=told[band - 1].scale,
            offset=told[band - 1].offset,
            interpretation=shown[band - 1],
        )
        for band, name, title in zip(bands, names_of(titles), titles, strict=True)
    )
    header = Header(
        geometry=geometry,
        bands=bands,
        alpha=alpha,
        is_masked=images.mask is not None or alpha is not None,
        fields=fields,
        spans=tuple(span_of(told[band - 1].tags) for band in bands),
        overviews=(),
        has_mask=images.mask is not None,
        is_whole=True,
    )
    return with_overviews(header, [overview.size for overview in images.overviews])


def learn_crs(file: File, tiff: Tiff, crs: Crs) -> None:
    """Remember what GDAL made of a file's keys, for others that have the same."""
    keys = _crs_keys(tiff.directories[0])
    if keys is not None and is_alone(file):
        if len(_from_gdal) >= _MOST_CRSS:
            _from_gdal.clear()
        _from_gdal[keys] = crs


def is_alone(file: File) -> bool:
    """Whether there is nothing beside a file that says more of it; beside remote ones nothing is looked for."""
    if storage.is_remote(file.href):
        return True
    path = Path(file.href)
    return not any(Path(f"{name}{end}").exists() for name in (path, path.with_suffix("")) for end in _BESIDE)


def _masks(images: Images) -> int:
    return (images.mask is not None) + sum(mask is not None for mask in images.overview_masks)


def _descends(sizes: list[tuple[int, int]]) -> bool:
    return all(wider > width and higher >= height for (wider, higher), (width, height) in pairwise(sizes))


def _geometry(tags: Mapping[int, Numbers], size: tuple[int, int]) -> Geometry | None:
    keys = _crs_keys(tags)
    if keys is None:
        return None
    crs = _registered(keys) or _from_gdal.get(keys)
    transform = _transform(tags, is_point=_short_keys(keys).get(_RASTER) == _POINT)
    if crs is None or transform is None:
        return None
    return Geometry(crs=crs, width=size[0], height=size[1], transform=transform)


def _transform(
    tags: Mapping[int, Numbers], *, is_point: bool
) -> tuple[float, float, float, float, float, float] | None:
    """As `Geometry` has it."""
    none = np.empty(0)
    scale, ties, matrix = (tags.get(tag, none).tolist() for tag in (_SCALE, _TIEPOINTS, _MATRIX))
    if len(scale) == 3 and len(ties) == 6 and not matrix and min(scale[:2]) > 0:
        a, b, d, e = scale[0], 0.0, 0.0, -scale[1]
        c, f = ties[3] - ties[0] * a, ties[4] - ties[1] * e
    elif len(matrix) == 16 and not scale and not ties:
        a, b, _, c, d, e, _, f = matrix[:8]
    else:
        return None
    if is_point:
        c, f = c - (a * 0.5 + b * 0.5), f - (d * 0.5 + e * 0.5)
    known = all(map(isfinite, (a, b, c, d, e, f))) and a * e - b * d != 0
    return (a, b, c, d, e, f) if known and (a, b, c, d, e, f) != (1, 0, 0, 0, 1, 0) else None


def _crs_keys(tags: Mapping[int, Numbers]) -> bytes | None:
    """All that the file says of its coordinate reference system, as one value."""
    keys = tags.get(_KEYS)
    if keys is None or keys.dtype != np.uint16 or keys.size < 4 or keys.size != 4 * (int(keys[3]) + 1):
        return None
    doubles = tags.get(_DOUBLES, np.empty(0))
    texts = tags.get(_TEXTS, np.empty(0, np.uint8))
    if doubles.dtype != np.float64 or texts.dtype != np.uint8:
        return None
    return b"".join(
        (
            keys.size.to_bytes(4, "little"),
            keys.tobytes(),
            doubles.size.to_bytes(4, "little"),
            doubles.tobytes(),
            texts.tobytes(),
        )
    )


def _short_keys(keys: bytes) -> dict[int, int]:
    """Values of the keys that are codes."""
    count = int.from_bytes(keys[:4], "little")
    entries = np.frombuffer(keys, np.uint16, count, 4).reshape(-1, 4)[1:].tolist()
    return {key: value for key, place, _, value in entries if place == 0}


@lru_cache(maxsize=_MOST_CRSS)
def _registered(keys: bytes) -> Crs | None:
    """The system that the keys name by its code and say nothing else of."""
    count = int.from_bytes(keys[:4], "little")
    entries = np.frombuffer(keys, np.uint16, count, 4).reshape(-1, 4)[1:].tolist()
    number = int.from_bytes(keys[4 + 2 * count : 8 + 2 * count], "little")
    doubles = np.frombuffer(keys, np.float64, number, 8 + 2 * count).tolist()
    texts = keys[8 + 2 * count + 8 * number :]
    codes = _short_keys(keys)
    model = codes.get(_MODEL, 0)
    code = codes.get(_CODE_OF.get(model, 0), _USER_DEFINED)
    if (
        not {key for key, _, _, _ in entries} <= _PLAIN_KEYS.get(model, set())
        or any(codes.get(key, unit) != unit for key, unit in _UNITS.items())
        or code >= _USER_DEFINED
        or any(word in texts for word in (b"=", b"ESRI", b"IMAGINE"))
    ):
        return None
    try:
        crs = parse_crs(f"EPSG:{code}")
    except UnknownCrs:
        return None
    ellipsoid, units = crs.proj.ellipsoid, {axis.unit_name for axis in crs.proj.axis_info}
    if ellipsoid is None or crs.uri is None or crs.proj.is_deprecated or units not in ({"metre"}, {"degree"}):
        return None
    if crs.is_geographic and not crs.is_yx:  # GDAL writes such a system the other way round
        return None
    if crs.is_geographic != (model == 2) or {axis.direction for axis in crs.proj.axis_info} != {"east", "north"}:
        return None
    own = {_SEMI_MAJOR: ellipsoid.semi_major_metre, _FLATTENING: ellipsoid.inverse_flattening}
    for key, place, _, at in entries:
        if key in own and not (
            place == _DOUBLES and at < len(doubles) and isclose(doubles[at], own[key], rel_tol=1e-12)
        ):
            return None
    return crs


@dataclass
class _Told:
    """What the metadata say of one band."""

    description: str | None = None
    unit: str | None = None
    scale: float = 1.0
    offset: float = 0.0
    tags: dict[str, str] = field(default_factory=dict)


def _metadata(tags: Mapping[int, Numbers], samples: int) -> list[_Told] | None:
    """Of each band; None where they say what is not known here."""
    told = [_Told() for _ in range(samples)]
    if _METADATA not in tags:
        return told
    text = _text(tags, _METADATA)
    if text is None or "<!" in text:
        return None
    try:
        root = ET.fromstring(text)
    except ET.ParseError:
        return None
    for item in root:
        value, band = item.text or "", item.get("sample", "")
        name, role = item.get("name", ""), item.get("role")
        if item.tag != "Item" or len(item) or set(item.attrib) - {"name", "sample", "role"} or name == "NODATA_VALUES":
            return None
        if not band and role is None:
            continue
        if not (band.isdecimal() and int(band) < samples) or not _tell(told[int(band)], name, role, value):
            return None
    return told if root.tag == "GDALMetadata" else None


def _tell(told: _Told, name: str, role: str | None, value: str) -> bool:
    """Add to what is told of a band; whether that is known here."""
    number = _number(value)
    if value != value.strip() or not value.isprintable() or "&" in value:  # readers of XML differ in those
        return False
    if role is None:
        told.tags[name] = value
    elif role == "description":
        told.description = value or None
    elif role == "unittype":
        told.unit = value or None
    elif role == "scale" and number is not None and isfinite(number) and number:
        told.scale = number
    elif role == "offset" and number is not None and isfinite(number):
        told.offset = number
    else:
        return False
    return True


def _number(text: str | None) -> float | None:
    """A number that every reader of numbers reads alike."""
    text = (text or "").strip()
    return float(text) if _NUMBER.fullmatch(text) else None


def _text(tags: Mapping[int, Numbers], tag: int) -> str | None:
    try:
        return tags[tag].tobytes().rstrip(b"\0").decode("utf-8")
    except UnicodeDecodeError:
        return None


def _first(tags: Mapping[int, Numbers], tag: int, default: int) -> int:
    values = tags.get(tag)
    return default if values is None or not values.size else int(values[0])
