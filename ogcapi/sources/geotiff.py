"""GeoTIFF files as blocks, without GDAL: it is asked what a header means where that is not plain, never for cells."""

from __future__ import annotations

import logging
import struct
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial
from typing import Any, TypeVar

import numpy as np

from ogcapi.model.media import MediaType
from ogcapi.model.problem import SourceFailed
from ogcapi.model.raster import Valid, Values
from ogcapi.pixels.undoing import split
from ogcapi.sources import ranges, storage, stored
from ogcapi.sources.blocks import Block, Pyramid, cores, edges
from ogcapi.sources.decoders import Damaged
from ogcapi.sources.header import File, Header
from ogcapi.sources.tiff import NoTiff, Numbers, read_tiff
from ogcapi.sources.tiffheader import learn_crs, plain_header
from ogcapi.sources.tiffimage import Box, Image, images

logger = logging.getLogger("ogcapi.sources")

_PARALLEL_BYTES = 1 << 16  # of stored chunks: fewer are decoded sooner than handed over
_CELLS, _MASK = 0, 1
_NODATA = 42113  # GDAL's tag

_Part = tuple[int, int]
"""Which of a level's images, and the number of its chunk."""
_Given = TypeVar("_Given")
_Made = TypeVar("_Made")


def open_geotiff(file: File) -> Pyramid | None:
    """A TIFF file in its present revision; None where GDAL has to read it, or finds out what is wrong with it.

    Costs one request of 64 kB where the header lies at the beginning. Raises `SourceFailed` where the file cannot be
    read or served; `Changed` where it changes meanwhile.
    """
    if file.driver not in (None, "GTiff"):
        return None
    start = ranges.read_start(file.href, file.name)
    try:
        tiff = read_tiff(start, lambda spans: ranges.read_ranges(file.href, start.revision, spans, file.name))
        found = images(tiff)
    except NoTiff:
        return None
    except (ValueError, OverflowError, struct.error):  # tags of other kinds than they should be
        return None
    is_remote = storage.is_remote(file.href)
    sizes = [image.size for image in found.overviews]
    header = plain_header(file, tiff, found)
    if header is None:
        from ogcapi.sources.gdal import read_tiff_header  # noqa: PLC0415 - memory: plain GeoTIFFs never need GDAL

        header = read_tiff_header(file, sizes, tiff.content if is_remote else None)  # beside local files may lie others
        if header is not None:
            learn_crs(file, tiff, header.geometry.crs)
    if header is None or not _agree(header, found.main, is_masked=found.mask is not None):
        return None
    header = _with_exact_nodata(header, tiff.directories[0])
    if not is_remote and storage.revision(file.href) != start.revision:
        raise ranges.Changed(file.name)
    pairs = [(found.main, found.mask)]
    if header.overviews:
        pairs += zip(found.overviews, found.overview_masks, strict=True)
    dtype = np.dtype(header.fields[0].dtype)
    levels = tuple(
        TiffLevel(
            file=file, revision=start.revision, number=number, header=header, image=image.in_type(dtype), mask=mask
        )
        for number, (image, mask) in enumerate(pairs)
    )
    nbytes = 8192 + sum(part.nbytes for pair in pairs for part in pair if part is not None)
    exact = (
        lru_cache(partial(_exact, file, start.revision))
        if any(image.layout.is_ycbcr for image in (found.main, *found.overviews))
        else None
    )
    return Pyramid(header=header, revision=start.revision, levels=levels, exact=exact, nbytes=nbytes)


def _exact(file: File, revision: str) -> Pyramid:
    """The same file as GDAL reads it: colours of JPEG as YCbCr are what users compare with, to the last bit.

    Mostly fewer of them are stored than there are cells, and versions of libjpeg enlarge them in ways of their own.
    """
    from ogcapi.sources.gdalblocks import open_gdal  # noqa: PLC0415 - with it comes GDAL

    opened = open_gdal(file)
    if opened.revision != revision:
        raise ranges.Changed(file.name)
    return opened


def _with_exact_nodata(header: Header, tags: Mapping[int, Numbers]) -> Header:
    """The header with nodata of whole numbers of 64 bits, which do not survive rasterio."""
    if _NODATA not in tags or np.dtype(header.fields[0].dtype) not in (np.int64, np.uint64):
        return header
    limits = np.iinfo(header.fields[0].dtype)
    try:
        nodata = int(tags[_NODATA].tobytes().rstrip(b"\0 "))
    except ValueError:
        return header
    own = nodata if limits.min <= nodata <= limits.max else None
    return replace(header, fields=tuple(replace(field, nodata=own) for field in header.fields))


def _agree(header: Header, image: Image, *, is_masked: bool) -> bool:
    """Whether GDAL sees the same cells."""
    dtypes = {field.dtype for field in header.fields}
    stored = image.layout.dtype
    return (
        (header.geometry.width, header.geometry.height) == image.size
        and len(header.bands) + (header.alpha is not None) == image.samples
        and (dtypes == {stored.name} or (stored == np.float16 and dtypes == {"float32"}))
        and header.has_mask == is_masked
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class TiffLevel:
    """One resolution of a TIFF file: a `Level`."""

    file: File
    revision: str
    number: int
    """0: the file's own cells; 1: its first overview."""
    header: Header
    image: Image
    mask: Image | None

    @cached_property
    def key(self) -> tuple[object, ...]:
        """Href, revision and number."""
        return self.file.href, self.revision, self.number

    @cached_property
    def width(self) -> int:
        """Columns."""
        return self.image.width

    @cached_property
    def height(self) -> int:
        """Rows."""
        return self.image.height

    @cached_property
    def block_width(self) -> int:
        """Columns of a block."""
        return self.image.block_size[0]

    @cached_property
    def block_height(self) -> int:
        """Rows of a block."""
        return self.image.block_size[1]

    @cached_property
    def planes(self) -> int:
        """1 where samples lie together, else as many as fields."""
        return len(self.header.bands) if self.image.planes > 1 else 1

    @cached_property
    def dtypes(self) -> tuple[np.dtype[Any], ...]:
        """Type of each field's values."""
        return (self.image.layout.dtype,) * len(self.header.bands)

    @cached_property
    def nodata(self) -> tuple[float | int | None, ...]:
        """Of each field; none where a mask says where there are data."""
        return tuple(None if self.header.has_mask else field.nodata for field in self.header.fields)

    @cached_property
    def _shows_all(self) -> bool:
        """Whether a chunk has all fields, and none of its own cells is not valid."""
        is_whole = self.image.planes == 1 and self.header.alpha is None
        return is_whole and all(nodata is None for nodata in self.nodata)

    @cached_property
    def _fill(self) -> float | int:
        """What chunks hold that are not stored."""
        return self.header.fields[0].nodata or 0

    def read_blocks(self, indices: Sequence[int]) -> list[Block]:
        """Those blocks, read together and decoded. Raises `SourceFailed`, `Changed`."""
        parts = list(dict.fromkeys(part for index in indices for part in self._parts(index)))

        def decoded(one: tuple[_Part, bytes]) -> Values:
            part, content = one
            return self._image(part).decoded(content, part[1])

        try:
            spans = {part: span for part in parts if (span := self._image(part).span(part[1])) is not None}
            contents = ranges.read_ranges(self.file.href, self.revision, list(spans.values()), self.file.name)
            made = _each(decoded, list(zip(spans, contents, strict=True)), sum(map(len, contents)))
        except Damaged as error:
            logger.debug("%s: %s", self.file.name, error)
            raise SourceFailed(
                self.file.name, "its values could not be read; it may be truncated or damaged"
            ) from error
        chunks: dict[_Part, Values | None] = dict.fromkeys(parts) | dict(zip(spans, made, strict=True))
        return [self._block(index, chunks) for index in indices]

    def stored(self, box: Box, media: MediaType) -> bytes | None:
        """The chunk that is just these cells, as a picture. Raises `SourceFailed`, `Changed`."""
        image = self.image
        if not self._shows_all or image.layout.compression != stored.COMPRESSIONS.get(media):
            return None
        number, top, left = next(image.chunks(0, box))
        if box != (top, left, top + image.chunk_height, left + image.chunk_width):
            return None
        masks = [] if self.mask is None else [(_MASK, number) for number, _, _ in self.mask.chunks(0, box)]
        try:
            wanted = [self._image(part).span(part[1]) for part in [(_CELLS, number), *masks]]
        except Damaged:  # whoever reads the cells says so
            return None
        spans = [span for span in wanted if span is not None]
        if len(spans) < 1 + len(masks):
            return None
        content, *others = ranges.read_ranges(self.file.href, self.revision, spans, self.file.name)
        if self.mask is not None and not self._is_full(self.mask, box, others):
            return None
        return stored.picture(content, image.layout, image.chunk_height)

    def _is_full(self, mask: Image, box: Box, contents: Sequence[bytes]) -> bool:
        """Whether the chunks of a mask that a box needs, in their order, say that all its cells are valid."""
        numbers = [number for number, _, _ in mask.chunks(0, box)]
        try:
            made = {n: mask.decoded(content, n) for n, content in zip(numbers, contents, strict=True)}
        except Damaged:  # whoever reads the cells says so
            return False
        return bool(mask.gathered(0, box, made, 0).all())

    def _image(self, part: _Part) -> Image:
        return self.image if part[0] == _CELLS or self.mask is None else self.mask

    def _place(self, index: int) -> tuple[int, Box]:
        """The image's plane and the cells of a block."""
        plane, *box = edges(self, index)
        top, left, bottom, right = box
        return (self.header.bands[plane] - 1 if self.image.planes > 1 else 0), (top, left, bottom, right)

    def _parts(self, index: int) -> Iterator[_Part]:
        """The chunks that a block is made of."""
        plane, box = self._place(index)
        for number, _, _ in self.image.chunks(plane, box):
            yield _CELLS, number
        if self.header.alpha is not None and self.image.planes > 1:
            for number, _, _ in self.image.chunks(self.header.alpha - 1, box):
                yield _CELLS, number
        if self.mask is not None:
            for number, _, _ in self.mask.chunks(0, box):
                yield _MASK, number

    def _block(self, index: int, chunks: dict[_Part, Values | None]) -> Block:
        plane, box = self._place(index)
        cells = {number: made for (kind, number), made in chunks.items() if kind == _CELLS}
        values = self.image.gathered(plane, box, cells, self._fill)
        shown = []
        if self.mask is not None:
            masks = {number: made for (kind, number), made in chunks.items() if kind == _MASK}
            shown.append(self.mask.gathered(0, box, masks, 0)[..., 0])
        if self.header.alpha is not None:
            alpha = self.header.alpha - 1
            if self.image.planes > 1:
                shown.append(self.image.gathered(alpha, box, cells, self._fill)[..., 0])
            else:
                values, opaque = _parted(values, alpha)
                shown += [] if opaque is None else [opaque]
        valid = np.logical_and.reduce([part != 0 for part in shown]) if shown else None
        if valid is not None and valid.all():
            valid = None
        values.flags.writeable = False
        if valid is not None:
            valid.flags.writeable = False
        return Block(values=values, valid=None if valid is None else valid.view(np.uint8))


def _parted(cells: Values, alpha: int) -> tuple[Values, Valid | None]:
    """The other samples of cells (row, col, sample), and where that one is not 0 (row, col); None: everywhere."""
    values = np.empty((*cells.shape[:2], cells.shape[2] - 1), cells.dtype)
    shown = np.empty(cells.shape[:2], bool)
    word = f"u{cells.itemsize}"
    is_full = split(cells.view(word), alpha, values.view(word), shown)
    return values, None if is_full else shown


_decoding = threading.Semaphore(1)


@lru_cache(maxsize=1)
def _pool() -> tuple[int, ThreadPoolExecutor]:
    return cores(), ThreadPoolExecutor(max(1, cores() - 1), thread_name_prefix="decode")


def _each(work: Callable[[_Given], _Made], items: Sequence[_Given], nbytes: int) -> list[_Made]:
    """The work done on each; by several threads where there is much and no other thread does so."""
    if len(items) > 1 and nbytes >= _PARALLEL_BYTES and _decoding.acquire(blocking=False):
        try:
            threads, pool = _pool()
            if threads > 1:
                share = -(-len(items) // threads)
                futures = [
                    pool.submit(lambda part: [work(item) for item in part], items[at : at + share])
                    for at in range(share, len(items), share)
                ]
                made = [work(item) for item in items[:share]]
                return made + [one for future in futures for one in future.result()]
        finally:
            _decoding.release()
    return [work(item) for item in items]
