"""Single raster files as sources of coverages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from math import ceil, hypot, inf, nan
from typing import Any, TypeVar

import numpy as np

from ogcapi.model.body import body_of
from ogcapi.model.collection import SourceStatus
from ogcapi.model.crs import Crs, transformation
from ogcapi.model.grid import BBox, Footprint, Grid, carry, normal
from ogcapi.model.media import MediaType
from ogcapi.model.problem import SourceFailed
from ogcapi.model.raster import Field, Interval, Raster, Resampling, Selection, Valid, Values
from ogcapi.pixels.warp import Geometry
from ogcapi.sources import storage
from ogcapi.sources.blocks import Pyramid
from ogcapi.sources.engine import read_onto, stored_on
from ogcapi.sources.header import File, Header
from ogcapi.sources.pyramids import reading
from ogcapi.sources.reach import reach

SAMPLE_CELLS = 512
"""Cells a side of a sample."""
_SPARSE_CELLS = 64  # a side, where the coarsest cells are so many that each cell of a sample costs a block
_SPARSE_FROM = 16_000_000  # stored cells
_ROUNDING = 1e-9  # relative
_CHANGED = "it has just changed; ask again"

_T = TypeVar("_T")


def open_file(href: str, *, name: str | None = None) -> FileSource:
    """Any raster file that GDAL reads, by its path or URL. Raises `SourceFailed` where it cannot be served: why."""
    return FileSource(File(href=href, name=name or storage.public_name(href)))


class FileSource:
    """One raster file: a `CoverageSource`.

    The header is read when the source is made, and again when the file has changed.
    """

    def __init__(self, file: File) -> None:
        self._file = file
        self._known = reading(file, partial(_opened, file))

    @property
    def storage_crs(self) -> Crs:
        """The CRS that the file is in."""
        return self._known.header.geometry.crs

    @property
    def fields(self) -> tuple[Field, ...]:
        """All fields, in the order of the bands."""
        return self._known.fields

    @property
    def bands(self) -> tuple[Field, ...]:
        """The fields as the header alone tells them, without what only values or a copy of the metadata show."""
        return self._known.header.fields

    @property
    def footprint(self) -> Footprint:
        """The file's box in its CRS; of a rotated file, the box around it."""
        return self._known.footprint

    @property
    def crosses_antimeridian(self) -> bool:
        """Whether the file has cells on both sides of the meridian at which its body's longitudes begin anew."""
        return self._known.crosses_antimeridian

    @property
    def grid(self) -> Grid:
        """The file's own cells; of a rotated file, an equivalent grid that is not."""
        return self._known.grid

    @property
    def status(self) -> SourceStatus:
        """One file; failures are raised, not kept."""
        return SourceStatus(assets=1)

    def read(self, grid: Grid, selection: Selection) -> Raster:
        """The values on that grid. Raises `SourceFailed` where the file cannot be read."""

        def read(known: _Opened, pyramid: Pyramid) -> Raster:
            names = [field.name for field in known.fields]
            if not set(selection.fields) <= set(names):
                raise SourceFailed(self._file.name, _CHANGED)
            chosen = [names.index(name) for name in selection.fields]
            fields = tuple(known.fields[index] for index in chosen)
            methods = [method_for(field, selection.method) for field in fields]
            values, valid = known.read(pyramid, grid, chosen, methods, is_drawn=selection.is_drawn)
            return Raster(grid=grid, fields=fields, values=values, valid=valid)

        return self._reading(read)

    def stored(self, grid: Grid, selection: Selection, media: MediaType) -> bytes | None:
        """The block of the file that is exactly that grid, as a picture in the bytes that it is stored in.

        None where there is no such one with all fields, valid everywhere. Raises `SourceFailed`.
        """
        return self._reading(lambda known, pyramid: known.stored(pyramid, grid, selection, media))

    def fill(
        self,
        grid: Grid,
        bands: tuple[Field, ...],
        chosen: Sequence[int | None],
        methods: Sequence[Resampling],
        values: Values,
        valid: Valid,
        rows: range | None = None,
        *,
        is_drawn: bool = False,
        by_area: bool = False,
    ) -> None:
        """Write some of `bands`, each by its own method, where values (field, row, col) are not valid yet.

        `bands` are those that the source has told, `chosen` their numbers; None is a field that the file does not have.
        `values` are of a type that holds those of all bands; `rows` are those of the grid that are written; `is_drawn`
        is the selection's, `by_area` that of `read_onto`. Raises `SourceFailed`, also where the file has other bands by
        now, and then no other cell is valid than before.
        """

        def fill(known: _Opened, pyramid: Pyramid) -> None:
            if known.header.fields != bands:
                raise SourceFailed(self._file.name, _CHANGED)
            known.fill(pyramid, grid, chosen, methods, values, valid, rows, is_drawn=is_drawn, by_area=by_area)

        self._reading(fill)

    @property
    def geometry(self) -> Geometry:
        """Where the stored cells lie."""
        return self._known.geometry

    @property
    def is_current(self) -> bool:
        """Whether the file is still the one whose header was read."""
        return storage.revision(self._file.href) == self._known.revision

    def meets(self, grid: Grid, interval: Interval | None = None) -> bool:  # noqa: ARG002 - a file has no time
        """Whether the footprint meets the grid."""
        if self._holds_middle(grid):  # nearly always, and told at a tenth of the price
            return True
        return any(mine.meets(theirs) for theirs in reach(grid, self.storage_crs) for mine in self.footprint.bboxes)

    def _holds_middle(self, grid: Grid) -> bool:
        x, y = (grid.bbox.xmin + grid.bbox.xmax) / 2, (grid.bbox.ymin + grid.bbox.ymax) / 2
        if grid.crs != self.storage_crs:
            x, y = transformation(grid.crs, self.storage_crs)(x, y)
        return any(box.xmin < x < box.xmax and box.ymin < y < box.ymax for box in self.footprint.bboxes)

    def revision(self, grid: Grid | None = None) -> str:  # noqa: ARG002 - a file is one piece
        """The file's revision."""
        return storage.revision(self._file.href)

    def sample(self) -> Raster:
        """Cells spread evenly over the whole, at most 512 a side; fewer of a large file without overviews."""
        grid, fields = self._reading(lambda known, _: (known.sample_grid, known.fields))
        return self.read(grid, Selection(fields=tuple(field.name for field in fields)))

    def _reading(self, use: Callable[[_Opened, Pyramid], _T]) -> _T:
        """What `use` makes of the file as it is now, all of it from one revision. Raises `SourceFailed`."""

        def current(pyramid: Pyramid) -> _T:
            known = self._known
            if known.revision != pyramid.revision:
                known = _opened(self._file, pyramid)
                if storage.revision(self._file.href) == known.revision:  # else another thread is ahead
                    self._known = known
            return use(known, pyramid)

        return reading(self._file, current)


def _opened(file: File, pyramid: Pyramid) -> _Opened:
    return _Opened(file=file, revision=pyramid.revision, header=pyramid.header)


def method_for(field: Field, method: Resampling) -> Resampling:
    """How a field is resampled where `method` is asked for: numbers of classes have no mean."""
    is_class = field.colors is not None or field.categories is not None
    return Resampling.NEAREST if is_class and method is not Resampling.MODE else method


@dataclass(frozen=True, kw_only=True)
class _Opened:
    """A file in one of its revisions."""

    file: File
    revision: str
    header: Header

    @property
    def geometry(self) -> Geometry:
        return self.header.geometry

    @cached_property
    def _box(self) -> BBox:
        """Around the corners."""
        a, b, c, d, e, f = self.geometry.transform
        corners = [(col, row) for col in (0, self.geometry.width) for row in (0, self.geometry.height)]
        x, y = [a * col + b * row + c for col, row in corners], [d * col + e * row + f for col, row in corners]
        return BBox(xmin=min(x), ymin=min(y), xmax=max(x), ymax=max(y))

    @cached_property
    def footprint(self) -> Footprint:
        crs, box = self.geometry.crs, self._box
        if crs.is_geographic and crs.x_period is not None:
            quarter = crs.x_period / 4  # cells at a pole may reach beyond it
            box = replace(box, ymin=max(box.ymin, -quarter), ymax=min(box.ymax, quarter))
        return Footprint(crs=crs, bboxes=normal(box, crs))

    @cached_property
    def crosses_antimeridian(self) -> bool:
        crs, box = self.geometry.crs, self._box
        half = inf if crs.x_period is None else crs.x_period / 2 * (1 + _ROUNDING)
        is_beyond = box.xmin < -half or box.xmax > half  # one that goes all the way around has one box in the end
        return is_beyond or len(carry(box, crs, body_of(crs).geographic)) > 1

    @cached_property
    def grid(self) -> Grid:
        geometry, box = self.geometry, self._box
        width, height = geometry.width, geometry.height
        if geometry.is_rotated:
            a, b, _, d, e, _ = geometry.transform
            side = min(hypot(a, d), hypot(b, e))
            width, height = ceil(box.width / side), ceil(box.height / side)
        return Grid(crs=geometry.crs, bbox=box, width=width, height=height)

    @property
    def sample_grid(self) -> Grid:
        grid = self.grid
        coarsest = self.header.overviews[-1] if self.header.overviews else (grid.width, grid.height)
        most = _SPARSE_CELLS if coarsest[0] * coarsest[1] > _SPARSE_FROM else SAMPLE_CELLS
        return replace(grid, width=min(grid.width, most), height=min(grid.height, most))

    @cached_property
    def fields(self) -> tuple[Field, ...]:
        """The header's, with categories, and with a nodata where the output may need one and the file declares none."""
        fields = self.header.fields
        categories: Sequence[dict[int, str] | None] = [None] * len(fields)
        if any(field.is_integer for field in fields) and not self.header.is_whole:
            from ogcapi.sources.gdal import read_categories  # noqa: PLC0415 - memory: plain GeoTIFFs never need GDAL

            categories = read_categories(self.file, self.header.bands)
        return tuple(
            replace(field, categories=names, nodata=nodata)
            for field, names, nodata in zip(fields, categories, self._nodata(categories), strict=True)
        )

    def _nodata(self, categories: Sequence[Mapping[int, str] | None]) -> list[float | int | None]:
        """Of each field: what the file declares, else a value that nothing shows to occur; None where there is none.

        What occurs is what a sample, the metadata and the names of classes show.
        """
        found = [field.nodata for field in self.header.fields]
        sought = {
            number: candidates(field.dtype, self.header.is_masked)
            for number, field in enumerate(self.header.fields)
            if field.nodata is None
        }
        doubtful = [number for number in sought if sought[number] and self.header.fields[number].is_integer]
        used: dict[int, set[float]] = {}
        if doubtful:
            methods = [Resampling.NEAREST] * len(doubtful)
            values, valid = reading(self.file, lambda pyramid: self.read(pyramid, self.sample_grid, doubtful, methods))
            for number, own, known in zip(doubtful, values, valid, strict=True):
                shown = (*(self.header.spans[number] or ()), *(categories[number] or ()))
                used[number] = {*np.unique(own[known]).tolist(), *shown}
        for number, options in sought.items():
            found[number] = next((value for value in options if value not in used.get(number, ())), None)
        return found

    def read(
        self,
        pyramid: Pyramid,
        grid: Grid,
        chosen: Sequence[int],
        methods: Sequence[Resampling],
        *,
        is_drawn: bool = False,
    ) -> tuple[Values, Valid]:
        """Values and valid (field, row, col) of those fields by number, each by its own method."""
        dtype = np.result_type(*(self.header.fields[index].dtype for index in chosen))
        shape = (len(chosen), *grid.shape)
        values, valid = np.zeros(shape, dtype), np.zeros(shape, bool)
        self.fill(pyramid, grid, chosen, methods, values, valid, is_drawn=is_drawn)
        return values, valid

    def fill(
        self,
        pyramid: Pyramid,
        grid: Grid,
        chosen: Sequence[int | None],
        methods: Sequence[Resampling],
        values: Values,
        valid: Valid,
        rows: range | None = None,
        *,
        is_drawn: bool = False,
        by_area: bool = False,
    ) -> None:
        """As `FileSource.fill`, of this revision."""
        if pyramid.exact is not None and not is_drawn:
            pyramid = pyramid.exact()
        self._check(pyramid)
        places: dict[tuple[Resampling, np.dtype[Any]], list[int]] = {}
        for place, (band, method) in enumerate(zip(chosen, methods, strict=True)):
            if band is not None:
                places.setdefault((method, np.dtype(self.header.fields[band].dtype)), []).append(place)
        made: list[tuple[list[int], Values, Valid]] = []
        for (method, dtype), those in places.items():
            bands = [band for band in (chosen[place] for place in those) if band is not None]
            if len(those) == len(chosen) and dtype == values.dtype and values.flags.c_contiguous:
                own, before = values, valid
            else:
                own, before = np.zeros((len(those), *values.shape[1:]), dtype), valid[those]
            known = before.copy()
            read_onto(pyramid, grid, bands, method, own, known, rows, by_area=by_area)
            made.append((those, own, known))
        for those, own, known in made:  # only now that nothing can fail any more
            if own is values:
                valid[...] = known
                continue
            for place, of_band, is_valid in zip(those, own, known, strict=True):
                np.copyto(values[place], of_band, where=is_valid & ~valid[place])
                valid[place] = is_valid

    def stored(self, pyramid: Pyramid, grid: Grid, selection: Selection, media: MediaType) -> bytes | None:
        """As `FileSource.stored`, of this revision."""
        if selection.fields != self._names:
            return None
        self._check(pyramid)
        return stored_on(pyramid, grid, media)

    @cached_property
    def _names(self) -> tuple[str, ...]:
        return tuple(field.name for field in self.header.fields)

    def _check(self, pyramid: Pyramid) -> None:
        """Raise `SourceFailed` where the file no longer has these fields."""
        if pyramid.header is not self.header and pyramid.header.fields != self.header.fields:
            raise SourceFailed(self.file.name, _CHANGED)


def candidates(dtype: str, is_masked: bool) -> Sequence[float | int]:
    """Values that could mean no data where a file declares none, customary ones first.

    NaN; of whole numbers of 16 bits and more the extreme one. Smaller ones have none to spare, unless a mask says that
    cells are not valid: then any that does not occur is better than none.
    """
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return (nan,)
    limits = np.iinfo(kind)
    low, high = int(limits.min), int(limits.max)
    if kind.itemsize > 1:
        return (low or high,)
    if not is_masked:
        return ()
    return (low, *range(high, low, -1)) if low else (high, 0, *range(high - 1, 0, -1))
