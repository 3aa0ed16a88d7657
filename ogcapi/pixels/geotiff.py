"""GeoTIFF: a raster as it is, bit by bit, with its place and with where it has no data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any
from xml.sax.saxutils import escape

import numpy as np

from ogcapi.model.grid import Grid
from ogcapi.model.raster import Field, Raster, Rgba, Valid
from ogcapi.pixels import tiff
from ogcapi.pixels.absence import filled, find_absence
from ogcapi.pixels.geokeys import geokeys
from ogcapi.pixels.tiff import Image, Tag, count, doubles, shorts

_STRIP_BYTES = 1 << 17  # before compression: few enough strips to compress well, small enough to read a part
PREDICTORS = MappingProxyType({"u": tiff.DIFFERENCES, "i": tiff.DIFFERENCES, "f": tiff.FLOATING_POINT})
SAMPLE_FORMATS = MappingProxyType({"u": 1, "i": 2, "f": 3})  # both by numpy's kind
_RGB = ("red", "green", "blue")
_COLOR_NAMES = MappingProxyType(  # by the fields' interpretation, where GDAL's name is not the same in title case
    {
        **{name: name.upper() for name in ("nir", "swir", "mwir", "lwir", "tir")},
        **{name: f"YCbCr_{name}" for name in ("Y", "Cb", "Cr")},
        **{f"sar_{name}": f"SAR_{name.title()}" for name in ("ka", "k", "ku", "x", "c", "s", "l", "p")},
        "grey": "Gray",
        "rededge": "RedEdge",
        "other_ir": "OtherIR",
        "palette": "Undefined",  # said by a colour table
        "alpha": "Undefined",  # and by a mask
    }
)
_TITLES = frozenset(
    "Gray Red Green Blue Hue Saturation Lightness Cyan Magenta Yellow Black Pan Coastal".split()  # noqa: SIM905
)


def geotiff(raster: Raster) -> bytes:
    """A GeoTIFF of strips, never of tiles (Tiles `/req/tiff/content`), compressed without loss; one band each field.

    Names, units, scales, offsets and colours of the fields are kept, as GDAL writes and reads them. The format has no
    axis order of its own: a raster in CRS84 reads back as EPSG:4326, and longitude comes first in both. Raises
    ValueError for rasters of more than 4 GB.
    """
    absence = find_absence(raster)
    values = filled(raster, absence.nodata)
    number, height, width = values.shape
    fields = field_tags(raster.fields, values.dtype.name)
    rows = max(1, min(height, _STRIP_BYTES // (number * width * values.itemsize)))
    predictor = tiff.NO_PREDICTOR if tiff.COLOR_MAP in fields else PREDICTORS[values.dtype.kind]
    tags = {
        **_size_tags(raster.grid, rows),
        **fields,
        tiff.PREDICTOR: shorts(predictor),
        **place_tags(raster.grid),
        **({} if absence.nodata is None else {tiff.GDAL_NODATA: tiff.text(number_text(absence.nodata))}),
    }
    images = [Image(tags=tags, strips=tiff.strips(values, rows, predictor))]
    if absence.mask is not None:
        images.append(_mask(raster.grid, absence.mask, rows))
    return tiff.written(images)


def _size_tags(grid: Grid, rows: int) -> dict[int, Tag]:
    return {
        tiff.IMAGE_WIDTH: count(grid.width),
        tiff.IMAGE_LENGTH: count(grid.height),
        tiff.COMPRESSION: shorts(tiff.ADOBE_DEFLATE),
        tiff.ROWS_PER_STRIP: count(rows),
        tiff.PLANAR_CONFIGURATION: shorts(tiff.CHUNKY),
    }


def place_tags(grid: Grid) -> dict[int, Tag]:
    """Where an image lies."""
    width, _, left, _, height, top = grid.transform
    return {
        tiff.PIXEL_SCALE: doubles(width, -height, 0.0),
        tiff.TIEPOINT: doubles(0.0, 0.0, 0.0, left, top, 0.0),
        **geokeys(grid.crs),
    }


def _mask(grid: Grid, mask: Valid, rows: int) -> Image:
    """The mask of one bit a cell that GDAL and others look for behind the image."""
    tags = {
        **_size_tags(grid, rows),
        tiff.SUBFILE_TYPE: tiff.longs(tiff.MASK_SUBFILE),
        tiff.BITS_PER_SAMPLE: shorts(1),
        tiff.PHOTOMETRIC: shorts(tiff.MASK),
        tiff.SAMPLES_PER_PIXEL: shorts(1),
        tiff.PREDICTOR: shorts(tiff.NO_PREDICTOR),
        tiff.SAMPLE_FORMAT: shorts(SAMPLE_FORMATS["u"]),
    }
    return Image(tags=tags, strips=tiff.mask_strips(mask, rows))


@lru_cache(maxsize=256)
def field_tags(fields: tuple[Field, ...], dtype: str) -> Mapping[int, Tag]:
    """What the fields and the type of their values say of an image."""
    kind, number = np.dtype(dtype), len(fields)
    is_rgb = kind.kind == "u" and tuple(field.interpretation for field in fields) == _RGB
    palette = _palette(fields, kind)
    metadata = _metadata(fields, is_rgb=is_rgb)
    extra = number - (3 if is_rgb else 1)
    photometric = tiff.RGB if is_rgb else tiff.PALETTE if palette else tiff.MIN_IS_BLACK
    return {
        tiff.BITS_PER_SAMPLE: shorts(*[8 * kind.itemsize] * number),
        tiff.PHOTOMETRIC: shorts(photometric),
        tiff.SAMPLES_PER_PIXEL: shorts(number),
        tiff.SAMPLE_FORMAT: shorts(*[SAMPLE_FORMATS[kind.kind]] * number),
        **({tiff.EXTRA_SAMPLES: shorts(*[0] * extra)} if extra else {}),
        **({tiff.COLOR_MAP: _color_map(palette, kind)} if palette else {}),
        **({tiff.GDAL_METADATA: tiff.text(metadata)} if metadata else {}),
    }


def _palette(fields: Sequence[Field], kind: np.dtype[Any]) -> dict[int, Rgba]:
    """The colour table of a single field of up to 16 bits without sign, which is what TIFF can hold."""
    colors = fields[0].colors
    if len(fields) != 1 or not colors or kind.name not in {"uint8", "uint16"}:
        return {}
    return {value: rgba for value, rgba in colors.items() if 0 <= value <= np.iinfo(kind).max}


def _color_map(palette: Mapping[int, Rgba], kind: np.dtype[Any]) -> Tag:
    """All reds, all greens, all blues, of 16 bits each; opacity has no place there."""
    channels = np.zeros((3, 1 << 8 * kind.itemsize), "<u2")
    for value, rgba in palette.items():
        channels[:, value] = np.array(rgba[:3]) * 257  # 255 becomes 65535
    return Tag(shorts().kind, channels.tobytes())


def _metadata(fields: Sequence[Field], *, is_rgb: bool) -> str:
    """What GDAL has no tags for, in XML of its own; empty where there is nothing to say."""
    colors = [_color_name(field) for field in fields]
    has_colors = len(fields) > 1 and not is_rgb and not set(colors) <= {"Gray", "Undefined"}
    items = []
    for i, (field, color) in enumerate(zip(fields, colors, strict=True)):
        is_scaled = (field.scale, field.offset) != (1.0, 0.0)
        known = {
            "OFFSET": number_text(field.offset) if is_scaled else "",
            "SCALE": number_text(field.scale) if is_scaled else "",
            "UNITTYPE": field.unit or "",
            "DESCRIPTION": field.name,
            "COLORINTERP": color if has_colors else "",
        }
        items += [
            f'  <Item name="{name}" sample="{i}" role="{name.lower()}">{_escaped(value)}</Item>\n'
            for name, value in known.items()
            if value
        ]
    return "<GDALMetadata>\n" + "".join(items) + "</GDALMetadata>\n" if items else ""


def _color_name(field: Field) -> str:
    known = field.interpretation or ""
    name = _COLOR_NAMES.get(known, known.title())
    return name if known in _COLOR_NAMES or name in _TITLES else "Undefined"


def _escaped(value: str) -> str:
    """Text as GDAL writes it there: escaped twice, without the characters that XML cannot hold."""
    kept = "".join(character for character in value if character >= " " or character in "\t\n\r")
    quotes = {'"': "&quot;"}
    return escape(escape(kept, quotes), quotes)


def number_text(value: float) -> str:
    """A number with as many digits as tell it from all others; not-a-number is `nan`."""
    return str(value) if isinstance(value, int) else f"{value:.17g}"
