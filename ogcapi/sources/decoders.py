"""The compressions of TIFF: stored bytes of a chunk (a tile or a strip) to its cells."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt

from ogcapi.model.raster import Valid, Values
from ogcapi.pixels import undoing
from ogcapi.pixels.lzw import DAMAGED, undo_lzw
from ogcapi.sources import jpeg

NONE, LZW, JPEG, DEFLATE, PACKBITS, OLD_DEFLATE, LZMA, ZSTD, WEBP, LERC = (
    1,
    5,
    7,
    8,
    32773,
    32946,
    34925,
    50000,
    50001,
    34887,
)
"""TIFF's numbers of the compressions."""
HORIZONTAL, FLOATING = 2, 3
"""TIFF's numbers of the predictors."""

Bytes = npt.NDArray[np.uint8]


class Damaged(Exception):
    """The stored bytes are not what they should be."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Layout:
    """How the cells of the chunks of one image are stored."""

    width: int
    """Columns of a chunk."""
    samples: int
    """Values of a cell in a chunk."""
    stored: np.dtype[Any]
    """Type and byte order of a stored value, once its bits are whole bytes."""
    bits: int
    """Bits of a stored value."""
    dtype: np.dtype[Any]
    """Type of the decoded values, in the machine's byte order."""
    compression: int
    predictor: int = 1
    has_alpha: bool = False
    """Whether the last sample says how opaque a cell is."""
    tables: bytes | None = None
    """JPEG: the tables that all chunks share."""
    is_ycbcr: bool = False
    """JPEG: whether colours are stored as YCbCr, mostly fewer of them than there are cells."""
    inner: int = NONE
    """LERC: how its bytes are compressed again."""


def decode(content: bytes, layout: Layout, rows: int) -> Values:
    """The cells (row, col, sample) of a chunk of that many rows: C-contiguous, in the machine's byte order.

    Raises `Damaged` where the bytes are not those of such a chunk; nothing larger is ever made of them.
    """
    try:
        if layout.compression in _PICTURES:
            cells = _picture(content, layout, rows)
        else:
            cells = _of_stream(content, layout, rows)
    except _FAILURES as error:
        raise Damaged(f"{type(error).__name__}: {error}") from error
    return np.ascontiguousarray(cells, layout.dtype)


def _of_stream(content: bytes, layout: Layout, rows: int) -> Values:
    """Cells of the bytes that a chunk is after decompression."""
    per_row = layout.width * layout.samples
    row_bytes = (per_row * layout.bits + 7) // 8
    flat = STREAMS[layout.compression](content, rows * row_bytes)
    if flat.size < rows * row_bytes:
        raise Damaged("there are fewer bytes than cells")
    if layout.bits not in (8, 16, 32, 64):
        whole = imagecodecs.packints_decode(
            flat.tobytes(), layout.stored.newbyteorder("="), layout.bits, runlen=per_row
        )
        return np.asarray(whole).reshape(rows, layout.width, layout.samples)
    shape = rows, layout.width, layout.samples
    if layout.predictor == FLOATING:
        return _undo_floating(flat[: rows * row_bytes], layout, shape)
    cells = flat.view(layout.stored).reshape(shape)
    if not layout.stored.isnative:
        cells = cells.astype(layout.stored.newbyteorder("="))
    return _undo_horizontal(cells) if layout.predictor == HORIZONTAL else cells


def _undo_horizontal(cells: Values) -> Values:
    """Running sums along the rows, of the values' bits as whole numbers, in place."""
    undoing.undo_horizontal(cells.view(f"u{cells.itemsize}"))
    return cells


def _undo_floating(flat: Bytes, layout: Layout, shape: tuple[int, int, int]) -> Values:
    """Values whose bytes were parted, the highest of a whole row first, in any byte order."""
    cells = np.empty(shape, layout.stored.newbyteorder("="))
    size, rows = cells.itemsize, shape[0]
    is_little = sys.byteorder == "little"
    undoing.undo_floating(flat.reshape(rows, -1), size, shape[2], is_little, cells.view(np.uint8).reshape(rows, -1))
    return cells


def _filled(decoder: Callable[..., Any]) -> Callable[[bytes, int], Bytes]:
    """A decoder that writes into memory of a known size."""

    def decoded(content: bytes, length: int) -> Bytes:
        out = np.empty(length, np.uint8)
        made = decoder(content, out=out)
        return out[: len(made)]

    return decoded


_inflate = _filled(imagecodecs.deflate_decode)


def _plain(content: bytes, length: int) -> Bytes:
    return np.frombuffer(bytearray(content[:length]), np.uint8)


def _lzw(content: bytes, length: int) -> Bytes:
    """By our own loop: that of imagecodecs (2026.3) follows damaged bytes out of its table, and the process ends."""
    out = np.empty(length, np.uint8)
    made = undo_lzw(np.frombuffer(bytearray(content), np.uint8), out)
    if made == DAMAGED:
        raise Damaged("there are codes that no writer leaves")
    return out[:made]


STREAMS: dict[int, Callable[[bytes, int], Bytes]] = {
    NONE: _plain,
    LZW: _lzw,
    DEFLATE: _inflate,
    OLD_DEFLATE: _inflate,
    PACKBITS: _filled(imagecodecs.packbits_decode),
    LZMA: _filled(imagecodecs.lzma_decode),
    ZSTD: _filled(imagecodecs.zstd_decode),
}
"""By TIFF's number of the compression: at most that many bytes, writable, of compressed ones."""

PREDICTED = {LZW, DEFLATE, OLD_DEFLATE, LZMA, ZSTD}
"""Compressions that a predictor may precede; with others the tag says nothing."""


def _jpeg(content: bytes, layout: Layout, out: Values) -> None:
    """By libjpeg-turbo, which smooths colours that are stored for several cells together.

    The standard leaves that open, and GDAL's libjpeg does it in another way: colours may differ by tens at sharp edges,
    brightness hardly does.
    """
    head = jpeg.read_head(content)
    jpeg.check_scans(content)
    # before memory is taken for whatever the stream promises, which imagecodecs (2026.3) does not give back
    if (head.height, head.width, head.samples, head.bits) != (*out.shape, 8):
        raise Damaged("a picture is of another size than its chunk")
    made = _COLOURS.get(layout.samples)
    stored = "YCBCR" if layout.is_ycbcr else made
    imagecodecs.jpeg8_decode(content, tables=layout.tables, colorspace=stored, outcolorspace=made, out=out)


_COLOURS = {1: "GRAYSCALE", 3: "RGB", 4: "CMYK"}
"""What libjpeg has to take samples for so that it leaves them as they are; two it does not know."""


def _webp(content: bytes, layout: Layout, out: Values) -> None:
    imagecodecs.webp_decode(content, hasalpha=layout.samples == 4, out=out)


def _lerc(content: bytes, layout: Layout, out: Values) -> None:
    """LERC keeps apart which cells it holds: those of floats are NaN elsewhere; of bytes with alpha, alpha is that."""
    limit = out.nbytes * 2 + (1 << 16)  # what does not compress is stored with a little beside it
    blob = content if layout.inner == NONE else STREAMS[layout.inner](content, limit).tobytes()
    if layout.has_alpha and out.dtype == np.uint8:
        try:
            _lerc_into(blob, out)
        except ValueError:  # written without its alpha
            colours = np.empty((*out.shape[:2], layout.samples - 1), np.uint8)
            mask = _lerc_into(blob, colours)
            out[..., :-1] = colours
            out[..., -1] = 255 if mask is None else np.where(mask.all(axis=-1), 255, 0)
        return
    mask = _lerc_into(blob, out)
    if mask is not None and out.dtype.kind == "f":
        out[~np.broadcast_to(mask, out.shape)] = np.nan


def _lerc_into(blob: bytes, out: Values) -> Valid | None:
    """Write the cells; where they are valid (row, col, 1 or samples), None: everywhere."""
    mask: Any
    if out.shape[-1] == 1:
        mask = imagecodecs.lerc_decode(blob, masks=True, out=out[..., 0])[1]
    else:
        try:
            mask = imagecodecs.lerc_decode(blob, masks=True, out=out)[1]
        except ValueError:  # sample after sample, where they are valid in different cells
            planes = np.empty((out.shape[-1], *out.shape[:-1]), out.dtype)
            mask = imagecodecs.lerc_decode(blob, masks=True, out=planes)[1]
            out[:] = planes.transpose(1, 2, 0)
    if mask is None:
        return None
    shown = np.asarray(mask, bool)
    return shown[..., None] if shown.ndim == 2 else shown.transpose(1, 2, 0)


def _picture(content: bytes, layout: Layout, rows: int) -> Values:
    """Cells of a chunk that is a picture of its own."""
    out = np.empty((rows, layout.width, layout.samples), layout.stored.newbyteorder("="))
    _PICTURES[layout.compression](content, layout, out)
    return out


_PICTURES: dict[int, Callable[[bytes, Layout, Values], None]] = {JPEG: _jpeg, WEBP: _webp, LERC: _lerc}

COMPRESSIONS = STREAMS.keys() | _PICTURES.keys()
"""TIFF's numbers of the compressions that are read here."""

_FAILURES = (
    imagecodecs.DeflateError,
    imagecodecs.PackbitsError,
    imagecodecs.LzmaError,
    imagecodecs.ZstdError,
    imagecodecs.Jpeg8Error,
    imagecodecs.WebpError,
    imagecodecs.LercError,
    ValueError,
    RuntimeError,
    TypeError,
)
