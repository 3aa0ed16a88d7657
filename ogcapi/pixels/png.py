"""PNG, written fast: colour by fpng, gray and palettes by filters and DEFLATE of our own."""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import lru_cache
from types import MappingProxyType

import numpy as np

from ogcapi.pixels.deflate import crc32, deflated
from ogcapi.pixels.scales import MOST, Pixels

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GRAY, _PALETTE = 0, 3
_COLOR_TYPES = MappingProxyType({2: 4, 3: 2, 4: 6})  # by the number of channels
_NONE, _UP = 0, 2  # filters
_MOST_HELD = 1 << 20  # cells of a picture that is left to fpng: it keeps Python's lock, 4 ms for so many
_FEW = 16  # colours of classes rather than of a scale: rows compress better as they are


def encoded(cells: Pixels, palette: Pixels | None = None) -> bytes:
    """A PNG of 8 bits a channel: gray, or indices of a palette (row, col); or (row, col, 2 to 4 channels).

    A palette is written even where all but its clear colour are gray: GDAL's WMS driver does not see what PNG can say
    of gray alone, that one level is clear.
    """
    if cells.ndim == 3:
        write = _fpng() if cells.shape[2] > 2 and cells.shape[0] * cells.shape[1] <= _MOST_HELD else None
        return write(np.ascontiguousarray(cells)) if write else _file(cells, _COLOR_TYPES[cells.shape[2]], _UP)
    if palette is None:
        return _file(cells, _GRAY, _UP)
    translucent = np.flatnonzero(palette[:, 3] < MOST - 1)
    opacity = palette[: translucent[-1] + 1, 3].tobytes() if translucent.size else b""
    chunks = [_chunk(b"PLTE", palette[:, :3].tobytes()), *([_chunk(b"tRNS", opacity)] if opacity else [])]
    return _file(cells, _PALETTE, _NONE if len(palette) <= _FEW else _UP, *chunks)


def _file(cells: Pixels, color_type: int, filter_: int, *chunks: bytes) -> bytes:
    height, width = cells.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, 8, color_type, 0, 0, 0)
    data = deflated(_filtered(cells.reshape(height, -1), filter_))
    return b"".join([_SIGNATURE, _chunk(b"IHDR", header), *chunks, _chunk(b"IDAT", data), _chunk(b"IEND", b"")])


def _filtered(rows: Pixels, filter_: int) -> Pixels:
    """Rows of bytes, each with its filter before it."""
    out = np.empty((rows.shape[0], rows.shape[1] + 1), np.uint8)
    out[:, 0] = filter_
    if filter_ == _NONE:
        out[:, 1:] = rows
    else:
        out[0, 1:] = rows[0]
        np.subtract(rows[1:], rows[:-1], out=out[1:, 1:])
    return out


def _chunk(kind: bytes, data: bytes) -> bytes:
    return b"".join([struct.pack(">I", len(data)), kind, data, struct.pack(">I", crc32(data, crc32(kind)))])


@lru_cache(maxsize=1)
def _fpng() -> Callable[[Pixels], bytes] | None:
    try:
        import fpng  # noqa: PLC0415 - not on every platform
    except ImportError:
        return None
    write: Callable[[Pixels], bytes] = fpng.from_ndarray
    return write
