"""From pictures and rasters to bytes: two tables, with one row for each format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from io import BytesIO
from typing import Any

import numpy as np

from ogcapi.model.media import GEOTIFF, JPEG, NPY, PNG, TIFF, WEBP, MediaType
from ogcapi.model.problem import BadParameter
from ogcapi.model.raster import Raster
from ogcapi.pixels.absence import filled
from ogcapi.pixels.geotiff import geotiff
from ogcapi.pixels.png import encoded
from ogcapi.pixels.scales import Pixels
from ogcapi.pixels.style import Picture

_JPEG_QUALITY = 85  # percent; colours at half the resolution
_WEBP_QUALITY = 85  # percent; opacity is always kept without loss
_WEBP_METHOD = 0  # 0 is fast, 6 small
_MAX_SIDE = {JPEG: 65_500, WEBP: 16_383}  # cells that the formats can count
_PROBE = 16  # every so many rows and columns, a cell that tells most coloured pictures from gray ones


def png(picture: Picture) -> bytes:
    """PNG with no more channels than it needs: gray, a palette, RGB, or RGBA where anything is transparent."""
    cells, palette = picture.cells, picture.palette
    if palette is not None and picture.is_opaque:
        palette = np.concatenate([palette[:, :3], np.full((len(palette), 1), 255, np.uint8)], axis=1)
    if cells.ndim == 3 and picture.is_opaque:
        cells = _opaque(cells)
    return encoded(cells, palette)


def png_rgba(picture: Picture) -> bytes:
    """PNG with an alpha channel, be the picture opaque or not."""
    return encoded(picture.rgba)


def jpeg(picture: Picture) -> bytes:
    """JPEG on white, for it has no transparency. Raises `BadParameter` for more cells a side than it can count."""
    from imagecodecs import jpeg8_encode  # noqa: PLC0415 - each codec is loaded when it is first used

    _check_side(picture, JPEG)
    cells = np.ascontiguousarray(_on_white(picture))
    if cells.ndim == 2 or cells.shape[2] == 3:
        return bytes(jpeg8_encode(cells, _JPEG_QUALITY, subsampling="420"))
    return bytes(jpeg8_encode(cells, _JPEG_QUALITY, colorspace="RGBA", outcolorspace="YCbCr", subsampling="420"))


def webp(picture: Picture) -> bytes:
    """WebP, lossy in colour, exact in opacity. Raises `BadParameter` for more cells a side than it can count."""
    from imagecodecs import webp_encode  # noqa: PLC0415 - as above

    _check_side(picture, WEBP)
    is_rgb = picture.cells.ndim == 3 and picture.cells.shape[2] == 3
    cells = picture.cells if is_rgb else picture.rgba  # an alpha channel that is opaque is left out
    return bytes(webp_encode(np.ascontiguousarray(cells), _WEBP_QUALITY, lossless=False, method=_WEBP_METHOD))


def npy(raster: Raster) -> bytes:
    """A NumPy array (field, row, col), little-endian, in C order; nodata in cells that are not valid.

    Where a field has no nodata, NaN in floats and 0 in whole numbers.
    """
    values = filled(raster)
    values = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
    return b"".join([_npy_header(values.dtype.str, values.shape), values.data])


PICTURE_ENCODERS: Mapping[MediaType, Callable[[Picture], bytes]] = {PNG: png, JPEG: jpeg, WEBP: webp}
"""For map tiles."""
MAP_ENCODERS: Mapping[MediaType, Callable[[Picture], bytes]] = {**PICTURE_ENCODERS, PNG: png_rgba}
"""For maps, whose PNG always has an alpha channel: OGC's test suite for Maps looks for it."""
COVERAGE_ENCODERS: Mapping[MediaType, Callable[[Raster], bytes]] = {GEOTIFF: geotiff, TIFF: geotiff, NPY: npy}
"""For coverages and their tiles."""


@lru_cache(maxsize=256)
def _npy_header(dtype: str, shape: tuple[int, ...]) -> bytes:
    out = BytesIO()
    header: dict[str, Any] = {"descr": dtype, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(out, header)
    return out.getvalue()


def _opaque(cells: Pixels) -> Pixels:
    """Opaque cells without their opacity, and without colours where all are gray."""
    if cells.shape[2] == 2:
        return cells[..., 0]
    if _is_gray(cells[::_PROBE, ::_PROBE]) and _is_gray(cells):
        return cells[..., 0]
    if cells.shape[2] == 3:
        return cells
    rgb = np.empty((*cells.shape[:2], 3), np.uint8)
    for i in range(3):  # much faster than a copy of cells of three bytes
        rgb[..., i] = cells[..., i]
    return rgb


def _is_gray(cells: Pixels) -> bool:
    red, green, blue = (cells[..., i] for i in range(3))
    return np.array_equal(red, green) and np.array_equal(red, blue)


def _on_white(picture: Picture) -> Pixels:
    """Gray (row, col), RGB, or RGBA whose opacity no longer means anything."""
    cells, palette = picture.cells, picture.palette
    if palette is not None:
        palette = _blended(palette)
        if _is_gray(palette):
            return np.take(palette[:, 0], cells)
        return Picture(grid=None, cells=cells, palette=palette).rgba
    if cells.ndim == 2 or cells.shape[2] == 3:
        return cells
    return _blended(cells)[..., 0].copy() if cells.shape[2] == 2 else _blended(cells)


def _blended(colors: Pixels) -> Pixels:
    """Colours of any shape, the last channel their opacity, as they look on white."""
    opacity = colors[..., -1:]
    if colors.shape[-1] == 4:
        packed = np.ascontiguousarray(colors).view("<u4")  # opacity is the highest byte
        is_clear = packed == 0
        if (is_clear | (packed >= 0xFF000000)).all():
            return np.where(is_clear, np.uint32(0xFFFFFFFF), packed).view(np.uint8)
    alpha = opacity.astype(np.uint16)
    blended = ((colors * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
    blended[..., -1] = 255
    return blended


def _check_side(picture: Picture, media: MediaType) -> None:
    limit = _MAX_SIDE[media]
    for name, cells in zip(("height", "width"), picture.shape, strict=True):
        if cells > limit:
            raise BadParameter(name, cells, f"at most {limit} cells in {media.title}")
