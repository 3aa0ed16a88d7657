"""Chunks of files as pictures of their own: in the bytes that they are stored in, for who asks for just these cells."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping

from ogcapi.model.media import JPEG, WEBP, MediaType
from ogcapi.sources import decoders, jpeg
from ogcapi.sources.decoders import Layout


def picture(content: bytes, layout: Layout, rows: int) -> bytes | None:
    """A chunk of that many rows as every program shows it in the same colours; None where it cannot be made so."""
    try:
        return _PICTURES[layout.compression](content, layout, rows)
    except (ValueError, struct.error):  # whoever decodes it says what is wrong
        return None


def _jpeg(content: bytes, layout: Layout, rows: int) -> bytes | None:
    head = jpeg.read_head(content)
    if (head.height, head.width, head.samples, head.bits) != (rows, layout.width, layout.samples, 8):
        return None
    return jpeg.whole(content, head, layout.tables, is_ycbcr=layout.is_ycbcr)


def _webp(content: bytes, layout: Layout, rows: int) -> bytes | None:
    riff, length, form, kind = struct.unpack_from("<4sI4s4s", content)
    stop = length + 8
    if (riff, form) != (b"RIFF", b"WEBP") or stop > len(content) or kind not in _WEBP_SIZES:
        return None
    return content[:stop] if _WEBP_SIZES[kind](content) == (layout.width, rows) else None


def _lossy_size(content: bytes) -> tuple[int, int] | None:
    width, height = struct.unpack_from("<HH", content, 26)
    return width & 0x3FFF, height & 0x3FFF  # the other bits ask for another size


def _lossless_size(content: bytes) -> tuple[int, int] | None:
    (bits,) = struct.unpack_from("<I", content, 21)
    has_alpha = bits >> 28 & 1
    return None if has_alpha else ((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)


_WEBP_SIZES: Mapping[bytes, Callable[[bytes], tuple[int, int] | None]] = {
    b"VP8 ": _lossy_size,
    b"VP8L": _lossless_size,
}
"""Width and height by the kind of picture; None where it may be transparent."""

_PICTURES: Mapping[int, Callable[[bytes, Layout, int], bytes | None]] = {decoders.JPEG: _jpeg, decoders.WEBP: _webp}

COMPRESSIONS: Mapping[MediaType, int] = {JPEG: decoders.JPEG, WEBP: decoders.WEBP}
"""TIFF's numbers of the compressions whose chunks are such pictures."""
