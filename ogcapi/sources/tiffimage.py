"""The images of a TIFF file: where their chunks lie and how the cells in them are stored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ogcapi.model.raster import Values
from ogcapi.sources import decoders
from ogcapi.sources.decoders import Layout
from ogcapi.sources.ranges import Span
from ogcapi.sources.tiff import NoTiff, Numbers, Tiff

_MAX_CHUNK_BYTES = 1 << 28  # decoded
_BLOCK_BYTES = 1 << 20  # decoded: strips and small tiles are taken together up to this, plain strips cut down to it
_MIN_SIDE = 256  # cells of a block where chunks are taken together
_MAX_ROWS = 1024
_MORE_BYTES = 1 << 16  # that a chunk which does not compress may take beside those of its cells
_MAX_STRIPS = 1 << 22
_MASK, _REDUCED = 4, 1  # bits of NewSubfileType
_PLAIN_PHOTOMETRICS = (0, 1, 2, 3, 4)  # white or black is zero, RGB, palette, mask
_YCBCR = 6
_LERC_INNER = {0: decoders.NONE, 1: decoders.DEFLATE, 2: decoders.ZSTD}

Box = tuple[int, int, int, int]
"""(top, left, bottom, right) in cells, ends excluded."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Image:
    """One image of a file, in chunks: tiles, or strips as wide as the image.

    Chunks are numbered along the rows, then downward, then plane after plane.
    """

    width: int
    height: int
    chunk_width: int
    chunk_height: int
    samples: int
    """Values of a cell."""
    planes: int
    """1 where a chunk holds all samples, else as many as samples."""
    is_tiled: bool
    """Whether chunks at the edges are stored whole."""
    layout: Layout
    offsets: npt.NDArray[np.uint64]
    """Where each chunk lies in the file."""
    counts: npt.NDArray[np.uint64]
    """Its bytes; 0 where it is not stored because it holds nothing."""

    @property
    def size(self) -> tuple[int, int]:
        """(width, height)."""
        return self.width, self.height

    @property
    def nbytes(self) -> int:
        """Memory of the description."""
        return self.offsets.nbytes + self.counts.nbytes + 1024

    @cached_property
    def across(self) -> int:
        """Chunks beside each other."""
        return -(-self.width // self.chunk_width)

    @cached_property
    def down(self) -> int:
        """Chunks below each other."""
        return -(-self.height // self.chunk_height)

    @cached_property
    def block_size(self) -> tuple[int, int]:
        """(width, height) of blocks: those of chunks, or of so many of them that they are worth the effort."""
        cell = self.layout.samples * self.layout.dtype.itemsize
        if not self.is_tiled:
            rows = min(_MAX_ROWS, _BLOCK_BYTES // (self.width * cell))
            return self.width, max(1, rows // self.chunk_height) * self.chunk_height
        high, wide = (
            -(-_MIN_SIDE // side) if side * 2 < _MIN_SIDE else 1 for side in (self.chunk_height, self.chunk_width)
        )
        return wide * self.chunk_width, high * self.chunk_height

    def chunks(self, plane: int, box: Box) -> Iterator[tuple[int, int, int]]:
        """(number, top, left) of the chunks that hold the cells of a box."""
        top, left, bottom, right = box
        for row in range(top // self.chunk_height, -(-bottom // self.chunk_height)):
            for col in range(left // self.chunk_width, -(-right // self.chunk_width)):
                yield (
                    (plane * self.down + row) * self.across + col,
                    row * self.chunk_height,
                    col * self.chunk_width,
                )

    def span(self, number: int) -> Span | None:
        """Where a chunk lies; None where it is not stored. Raises `decoders.Damaged` where it claims absurdly much."""
        count = int(self.counts[number])
        if count > 2 * self._chunk_bytes + _MORE_BYTES:
            raise decoders.Damaged(f"a chunk says that it has {count} bytes")
        return (int(self.offsets[number]), count) if count else None

    @cached_property
    def _chunk_bytes(self) -> int:
        """Bytes of a chunk's cells."""
        return self.chunk_width * self.chunk_height * self.layout.samples * max(1, self.layout.stored.itemsize)

    def decoded(self, content: bytes, number: int) -> Values:
        """The cells (row, col, sample) of a chunk. Raises `decoders.Damaged`."""
        top = number // self.across % self.down * self.chunk_height
        rows = self.chunk_height if self.is_tiled else min(self.chunk_height, self.height - top)
        try:
            return decoders.decode(content, self.layout, rows)
        except decoders.Damaged:
            if rows == self.chunk_height:
                raise
            return decoders.decode(content, self.layout, self.chunk_height)[:rows]  # some writers fill the last strip

    def gathered(self, plane: int, box: Box, chunks: Mapping[int, Values | None], fill: float) -> Values:
        """The cells (row, col, sample) of a box, C-contiguous; None stands for a chunk of `fill`."""
        top, left, bottom, right = box
        places = list(self.chunks(plane, box))
        if len(places) == 1:
            number, first_row, first_col = places[0]
            cells = chunks[number]
            if cells is not None:
                inner = cells[top - first_row : bottom - first_row, left - first_col : right - first_col]
                return np.ascontiguousarray(inner)
        shape = bottom - top, right - left, self.layout.samples
        out = np.full(shape, fill, self.layout.dtype) if fill else np.zeros(shape, self.layout.dtype)
        for number, first_row, first_col in places:
            cells = chunks[number]
            if cells is None:
                continue
            row, col = max(top, first_row), max(left, first_col)
            end_row, end_col = min(bottom, first_row + self.chunk_height), min(right, first_col + self.chunk_width)
            out[row - top : end_row - top, col - left : end_col - left] = cells[
                row - first_row : end_row - first_row, col - first_col : end_col - first_col
            ]
        return out

    def in_type(self, dtype: np.dtype[Any]) -> Image:
        """The same, decoded to another type."""
        return replace(self, layout=replace(self.layout, dtype=dtype))


@dataclass(frozen=True, kw_only=True, eq=False)
class Images:
    """The images of a file that belong together."""

    main: Image
    mask: Image | None
    overviews: tuple[Image, ...]
    overview_masks: tuple[Image | None, ...]


def images(tiff: Tiff) -> Images:
    """The first image of the file with its overviews and masks. Raises `NoTiff` where they are not read here."""
    first, *others = tiff.directories
    main = _image(first, tiff.order)
    overviews, masks = [], {}
    for tags in others:
        kind = _one(tags, 254, _REDUCED if _one(tags, 255, 0) == 2 else 0)
        if kind & _MASK:
            mask = _image(tags, tiff.order)
            if mask.samples != 1 or mask.layout.dtype != np.uint8:
                raise NoTiff
            masks[mask.size] = mask
        elif kind & _REDUCED:
            overview = _image(tags, tiff.order)
            if overview.samples != main.samples or overview.layout.dtype != main.layout.dtype:
                raise NoTiff
            overviews.append(overview)
    overview_masks = tuple(masks.get(overview.size) for overview in overviews)
    if masks and not (main.size in masks and all(overview_masks)):
        raise NoTiff
    return Images(main=main, mask=masks.get(main.size), overviews=tuple(overviews), overview_masks=overview_masks)


def _image(tags: Mapping[int, Numbers], order: str) -> Image:
    width, height = _one(tags, 256), _one(tags, 257)
    samples = _one(tags, 277, 1)
    is_planar = _one(tags, 284, 1) == 2 and samples > 1
    is_tiled = 322 in tags
    if is_tiled:
        chunk_width, chunk_height = _one(tags, 322), _one(tags, 323)
    else:
        chunk_width, chunk_height = width, min(_one(tags, 278, height), height)
    if min(width, height, samples, chunk_width, chunk_height) < 1 or max(width, height) >= 1 << 31:
        raise NoTiff
    layout = _layout(tags, order, chunk_width, 1 if is_planar else samples)
    cell = layout.samples * max(layout.dtype.itemsize, layout.stored.itemsize)
    if _one(tags, 266, 1) != 1:
        raise NoTiff
    planes = samples if is_planar else 1
    count = planes * -(-width // chunk_width) * -(-height // chunk_height)
    offsets, counts = (_many(tags, number) for number in ((324, 325) if is_tiled else (273, 279)))
    if min(offsets.size, counts.size) < count:
        raise NoTiff
    image = Image(
        width=width,
        height=height,
        chunk_width=chunk_width,
        chunk_height=chunk_height,
        samples=samples,
        planes=planes,
        is_tiled=is_tiled,
        layout=layout,
        offsets=offsets[:count].astype(np.uint64),
        counts=counts[:count].astype(np.uint64),
    )
    if layout.compression == decoders.NONE and not is_tiled:
        image = _cut(image)
    if image.chunk_width * image.chunk_height * cell > _MAX_CHUNK_BYTES:
        raise NoTiff
    return image


def _cut(image: Image) -> Image:
    """An image of plain strips with strips of moderate size, which can be read one by one."""
    row_bytes = (image.width * image.layout.samples * image.layout.bits + 7) // 8
    rows = max(1, _BLOCK_BYTES // row_bytes)
    if image.chunk_height <= rows or (image.chunk_height % rows and image.down > 1):
        return image
    if image.offsets.size * (image.chunk_height // rows + 1) > _MAX_STRIPS:
        raise NoTiff
    tops = np.arange(0, image.chunk_height, rows)
    strips = np.arange(image.offsets.size) % image.down
    stored_rows = np.minimum(image.chunk_height, image.height - strips * image.chunk_height)
    if (image.counts < stored_rows * row_bytes)[image.counts > 0].any():
        raise NoTiff
    inside = tops[None, :] < stored_rows[:, None]
    lengths = np.minimum(rows, stored_rows[:, None] - tops) * row_bytes
    offsets = image.offsets[:, None] + (tops * row_bytes).astype(np.uint64)
    counts = np.where(image.counts[:, None] > 0, lengths, 0).astype(np.uint64)
    return replace(image, chunk_height=rows, offsets=offsets[inside], counts=counts[inside])


def _layout(tags: Mapping[int, Numbers], order: str, width: int, samples: int) -> Layout:
    bits = _same(tags, 258, 1)
    stored = _stored(_same(tags, 339, 1), bits)
    compression = _one(tags, 259, 1)
    predictor = _one(tags, 317, 1) if compression in decoders.PREDICTED else 1
    photometric = _one(tags, 262, 1)
    is_jpeg = compression == decoders.JPEG
    is_ycbcr = photometric == _YCBCR and is_jpeg and samples == 3
    known = (
        compression in decoders.COMPRESSIONS
        and predictor in ({1} if bits % 8 or bits == 24 else {1, 2, 3} if stored.kind == "f" else {1, 2})
        and (bits != 24 or order == "<")  # imagecodecs (2026.3) takes three bytes for little-endian in either order
        and (photometric in _PLAIN_PHOTOMETRICS or is_ycbcr)
        and (not is_jpeg or (stored == np.uint8 and bits == 8 and samples <= 4))
        and (compression != decoders.WEBP or (stored == np.uint8 and bits == 8 and samples in (3, 4)))
    )
    if not known:
        raise NoTiff
    inner = decoders.NONE
    if compression == decoders.LERC:
        parameters = _many(tags, 50674)
        known_kind = parameters.size > 1 and parameters.dtype.kind == "u"
        inner = _LERC_INNER.get(int(parameters[1]), 0) if known_kind else 0
        if not inner or bits % 8 or stored == np.float16:
            raise NoTiff
    extra = _many(tags, 338)
    return Layout(
        width=width,
        samples=samples,
        stored=stored.newbyteorder(">" if order == ">" else "<"),
        bits=bits,
        dtype=stored,
        compression=compression,
        predictor=predictor,
        has_alpha=bool(extra.size and extra[-1] in (1, 2) and samples > 1),
        tables=_many(tags, 347).tobytes() or None,
        is_ycbcr=is_ycbcr,
        inner=inner,
    )


def _stored(kind: int, bits: int) -> np.dtype[Any]:
    """The type that holds values of TIFF's sample format and bits."""
    if kind in (1, 4) and (bits <= 32 or bits == 64) and bits > 0:
        return np.dtype(f"u{1 << max(0, (bits - 1) // 8).bit_length()}")
    if (kind, bits) in {(2, 8), (2, 16), (2, 32), (2, 64), (3, 16), (3, 32), (3, 64)}:
        return np.dtype(f"{'i' if kind == 2 else 'f'}{bits // 8}")
    raise NoTiff


def _many(tags: Mapping[int, Numbers], tag: int) -> Numbers:
    return tags.get(tag, np.empty(0, np.uint8))


def _one(tags: Mapping[int, Numbers], tag: int, default: int | None = None) -> int:
    values = tags.get(tag)
    if values is None or values.size == 0:
        if default is None:
            raise NoTiff
        return default
    if values.dtype.kind not in "iu":
        raise NoTiff
    return int(values[0])


def _same(tags: Mapping[int, Numbers], tag: int, default: int) -> int:
    """The value that all samples share."""
    if len(set(_many(tags, tag).tolist())) > 1:
        raise NoTiff
    return _one(tags, tag, default)
