"""From pictures and rasters to bytes: two tables, with one row for each format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from io import BytesIO

import numpy as np
from PIL import Image

from ogcapi.model.media import GEOTIFF, JPEG, NPY, PNG, WEBP, MediaType
from ogcapi.model.problem import BadParameter
from ogcapi.model.raster import Raster
from ogcapi.pixels.geotiff import filled, geotiff
from ogcapi.pixels.style import Picture, Pixels

_PNG_LEVEL = 3  # of zlib, 1 to 9: from 6 on twice the time for a few percent
_JPEG_QUALITY = 85  # percent
_WEBP_QUALITY = 85  # percent; opacity is always kept without loss
_WEBP_METHOD = 2  # 0 is fast, 6 small
_MAX_SIDE = {JPEG: 65_500, WEBP: 16_383}  # cells that the formats can count


def png(picture: Picture) -> bytes:
    """PNG with no more channels than it needs: RGBA where anything is transparent, else RGB, or gray."""
    if not picture.is_opaque:
        return png_rgba(picture)
    red, green, blue = (picture.rgba[..., channel] for channel in range(3))
    is_gray = np.array_equal(red, green) and np.array_equal(red, blue)
    return _png(red if is_gray else picture.rgba[..., :3])


def png_rgba(picture: Picture) -> bytes:
    """PNG with an alpha channel, be the picture opaque or not."""
    return _png(picture.rgba)


def jpeg(picture: Picture) -> bytes:
    """JPEG on white, for it has no transparency. Raises `BadParameter` for more cells a side than it can count."""
    _check_side(picture, JPEG)
    rgb = picture.rgba[..., :3]
    if not picture.is_opaque:
        alpha = picture.rgba[..., 3:].astype(np.uint16)
        rgb = ((rgb * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
    out = BytesIO()
    Image.fromarray(np.ascontiguousarray(rgb)).save(out, "JPEG", quality=_JPEG_QUALITY)
    return out.getvalue()


def webp(picture: Picture) -> bytes:
    """WebP, lossy in colour, exact in opacity. Raises `BadParameter` for more cells a side than it can count."""
    _check_side(picture, WEBP)
    rgba = picture.rgba[..., :3] if picture.is_opaque else picture.rgba
    out = BytesIO()
    image = Image.fromarray(np.ascontiguousarray(rgba))
    image.save(out, "WEBP", quality=_WEBP_QUALITY, method=_WEBP_METHOD)
    return out.getvalue()


def npy(raster: Raster) -> bytes:
    """A NumPy array (field, row, col), little-endian, in C order; nodata in cells that are not valid.

    Where a field has no nodata, NaN in floats and 0 in whole numbers.
    """
    values = filled(raster)
    out = BytesIO()
    np.save(out, np.ascontiguousarray(values, values.dtype.newbyteorder("<")), allow_pickle=False)
    return out.getvalue()


PICTURE_ENCODERS: Mapping[MediaType, Callable[[Picture], bytes]] = {PNG: png, JPEG: jpeg, WEBP: webp}
"""For map tiles."""
MAP_ENCODERS: Mapping[MediaType, Callable[[Picture], bytes]] = {**PICTURE_ENCODERS, PNG: png_rgba}
"""For maps, whose PNG always has an alpha channel: OGC's test suite for Maps looks for it."""
COVERAGE_ENCODERS: Mapping[MediaType, Callable[[Raster], bytes]] = {GEOTIFF: geotiff, NPY: npy}
"""For coverages and their tiles."""


def _png(channels: Pixels) -> bytes:
    out = BytesIO()
    Image.fromarray(np.ascontiguousarray(channels)).save(out, "PNG", compress_level=_PNG_LEVEL)
    return out.getvalue()


def _check_side(picture: Picture, media: MediaType) -> None:
    limit = _MAX_SIDE[media]
    for name, cells in zip(("height", "width"), picture.rgba.shape, strict=False):
        if cells > limit:
            raise BadParameter(name, cells, f"at most {limit} cells in {media.title}")
