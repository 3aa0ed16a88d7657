"""The TIFF container: images of strips, little-endian, with any tags; and samples as DEFLATE likes them."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ogcapi.model.raster import Values
from ogcapi.pixels.deflate import deflated

IMAGE_WIDTH, IMAGE_LENGTH, BITS_PER_SAMPLE, COMPRESSION, PHOTOMETRIC = 256, 257, 258, 259, 262
STRIP_OFFSETS, SAMPLES_PER_PIXEL, ROWS_PER_STRIP, STRIP_BYTE_COUNTS = 273, 277, 278, 279
PLANAR_CONFIGURATION, PREDICTOR, COLOR_MAP, EXTRA_SAMPLES, SAMPLE_FORMAT, SUBFILE_TYPE = 284, 317, 320, 338, 339, 254
TILE_WIDTH, TILE_LENGTH, TILE_OFFSETS, TILE_BYTE_COUNTS = 322, 323, 324, 325
PIXEL_SCALE, TIEPOINT, GEO_KEYS, GDAL_METADATA, GDAL_NODATA = 33550, 33922, (34735, 34736, 34737), 42112, 42113

ADOBE_DEFLATE, CHUNKY, REDUCED_SUBFILE, MASK_SUBFILE = 8, 1, 1, 4
MIN_IS_BLACK, RGB, PALETTE, MASK = 1, 2, 3, 4
NO_PREDICTOR, DIFFERENCES, FLOATING_POINT = 1, 2, 3

_HEADER = b"II*\0"
_ASCII, _SHORT, _LONG, _DOUBLE, _LONG8 = 2, 3, 4, 12, 16
_SIZES = {1: 1, _ASCII: 1, _SHORT: 2, _LONG: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, _DOUBLE: 8, _LONG8: 8}
_INLINE = 4  # bytes of a value that its entry holds itself
_MAX_BYTES = (1 << 32) - 1


class Tag(NamedTuple):
    """A tag's value."""

    kind: int
    """TIFF's number of the type."""
    content: bytes
    """Little-endian."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Image:
    """One image of a file."""

    tags: Mapping[int, Tag]
    """All but those that say where the strips are."""
    strips: Sequence[bytes]


def shorts(*values: int) -> Tag:
    """Whole numbers of 16 bits."""
    return Tag(_SHORT, struct.pack(f"<{len(values)}H", *values))


def longs(*values: int) -> Tag:
    """Whole numbers of 32 bits."""
    return Tag(_LONG, struct.pack(f"<{len(values)}I", *values))


def long8s(values: npt.NDArray[np.int64]) -> Tag:
    """Whole numbers of 64 bits, which only BigTIFF knows."""
    return Tag(_LONG8, values.astype("<u8").tobytes())


def count(value: int) -> Tag:
    """A number of cells, in as few bits as hold it."""
    return shorts(value) if value < 1 << 16 else longs(value)


def doubles(*values: float) -> Tag:
    """Floating-point numbers of 64 bits."""
    return Tag(_DOUBLE, struct.pack(f"<{len(values)}d", *values))


def text(value: str) -> Tag:
    """Text, which TIFF ends with a zero; as UTF-8."""
    return Tag(_ASCII, value.encode() + b"\0")


def written(images: Sequence[Image]) -> bytes:
    """A file of images in that order. Raises ValueError for more than the 4 GB that a classic TIFF can address."""
    parts, position = [_HEADER, struct.pack("<I", 8)], 8
    for number, image in enumerate(images, 1):
        head, position = _directory(image, position, is_last=number == len(images))
        parts += [head, *image.strips, b"\0" * (position % 2)]
        position += position % 2
    return b"".join(parts)


def _directory(image: Image, start: int, *, is_last: bool) -> tuple[bytes, int]:
    """The directory of an image whose strips follow it, with the values that it points to; where the strips end."""
    sizes = np.array([len(strip) for strip in image.strips], np.int64)
    tags = dict(image.tags)
    tags[STRIP_BYTE_COUNTS] = tags[STRIP_OFFSETS] = Tag(_LONG, bytes(4 * len(sizes)))
    beside = start + 2 + 12 * len(tags) + 4
    first = beside + sum(_padded(len(tag.content)) for tag in tags.values() if len(tag.content) > _INLINE)
    end = first + int(sizes.sum())
    if end > _MAX_BYTES:
        raise ValueError(f"a TIFF of {end} bytes is larger than the 4 GB that the format can address")
    tags[STRIP_BYTE_COUNTS] = Tag(_LONG, sizes.astype("<u4").tobytes())
    tags[STRIP_OFFSETS] = Tag(_LONG, (first + np.cumsum(sizes) - sizes).astype("<u4").tobytes())
    entries, values = [struct.pack("<H", len(tags))], []
    for code, (kind, content) in sorted(tags.items()):
        entries.append(struct.pack("<HHI", code, kind, len(content) // _SIZES[kind]))
        if len(content) <= _INLINE:
            entries.append(content.ljust(_INLINE, b"\0"))
        else:
            entries.append(struct.pack("<I", beside))
            values.append(content.ljust(_padded(len(content)), b"\0"))
            beside += len(values[-1])
    entries.append(struct.pack("<I", 0 if is_last else _padded(end)))
    return b"".join([*entries, *values]), end


_BIG_HEADER = b"II+\0\x08\0\0\0"
_BIG_INLINE = 8


def big_directories(images: Sequence[Mapping[int, Tag]]) -> bytes:
    """The beginning of a BigTIFF: the directories of all images, one after the other, with what they point to."""
    parts, position = [_BIG_HEADER, struct.pack("<Q", 16)], 16
    for number, tags in enumerate(images, 1):
        beside = position + 8 + 20 * len(tags) + 8
        entries, values = [struct.pack("<Q", len(tags))], []
        for code, (kind, content) in sorted(tags.items()):
            entries.append(struct.pack("<HHQ", code, kind, len(content) // _SIZES[kind]))
            if len(content) <= _BIG_INLINE:
                entries.append(content.ljust(_BIG_INLINE, b"\0"))
                continue
            entries.append(struct.pack("<Q", beside))
            values.append(content.ljust(-(-len(content) // 8) * 8, b"\0"))
            beside += len(values[-1])
        entries.append(struct.pack("<Q", 0 if number == len(images) else beside))
        parts += [*entries, *values]
        position = beside
    return b"".join(parts)


def _padded(size: int) -> int:
    """Everything starts at an even place."""
    return size + size % 2


def read_tags(content: bytes) -> dict[int, Tag]:
    """The tags of the first image of a classic, little-endian file."""
    (start,) = struct.unpack_from("<I", content, 4)
    (number,) = struct.unpack_from("<H", content, start)
    tags = {}
    for at in range(start + 2, start + 2 + 12 * number, 12):
        code, kind, amount = struct.unpack_from("<HHI", content, at)
        size = amount * _SIZES[kind]
        (place,) = (at + 8,) if size <= _INLINE else struct.unpack_from("<I", content, at + 8)
        tags[code] = Tag(kind, content[place : place + size])
    return tags


def strips(values: Values, rows: int, predictor: int) -> list[bytes]:
    """Samples (sample, row, col), compressed in strips of so many rows; the samples of a cell lie side by side."""
    prepared = _PREDICTORS[predictor](values)
    return [deflated(prepared[top : top + rows]) for top in range(0, len(prepared), rows)]


def mask_strips(mask: npt.NDArray[np.bool_], rows: int) -> list[bytes]:
    """The strips of a mask (row, col) of one bit a cell."""
    bits = np.packbits(mask, axis=1)
    return [deflated(bits[top : top + rows]) for top in range(0, len(bits), rows)]


def _side_by_side(values: Values) -> Values:
    return np.ascontiguousarray(np.moveaxis(values, 0, 2), values.dtype.newbyteorder("<"))


def _differences(values: Values) -> Values:
    """Whole numbers as their difference from the cell to the left, wrapped."""
    number, height, width = values.shape
    out = np.empty((height, width, number), values.dtype.newbyteorder("<"))
    for i, plane in enumerate(values):
        out[:, 0, i] = plane[:, 0]
        np.subtract(plane[:, 1:], plane[:, :-1], out=out[:, 1:, i])
    return out


def _byte_differences(values: Values) -> npt.NDArray[np.uint8]:
    """Floats as rows of all first bytes, then all second ones, …, each as its difference from the one to the left."""
    number, height, width = values.shape
    size = values.dtype.itemsize
    big_endian = np.ascontiguousarray(values, values.dtype.newbyteorder(">"))
    octets = big_endian.view(np.uint8).reshape(number, height, width, size)
    rows = np.empty((height, size, width, number), np.uint8)
    for i in range(number):
        for j in range(size):
            rows[:, j, :, i] = octets[i, :, :, j]
    flat = rows.reshape(height, -1)
    out = np.empty_like(flat)
    out[:, :number] = flat[:, :number]
    np.subtract(flat[:, number:], flat[:, :-number], out=out[:, number:])
    return out


_PREDICTORS = {NO_PREDICTOR: _side_by_side, DIFFERENCES: _differences, FLOATING_POINT: _byte_differences}
