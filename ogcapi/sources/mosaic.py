"""Mosaics: many files as one source of coverages."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property, partial
from itertools import chain
from typing import Protocol

import numpy as np

from ogcapi.model.collection import SourceStatus
from ogcapi.model.crs import Crs, UnknownCrs, transformation
from ogcapi.model.grid import BBox, Footprint, Grid, normal, span
from ogcapi.model.problem import SourceFailed
from ogcapi.model.raster import Field, Interval, Raster, Resampling, Selection, Valid, Values
from ogcapi.pixels.overlay import MosaicMethod, fields_of, stack
from ogcapi.sources import storage
from ogcapi.sources.assets import Asset, Shelf
from ogcapi.sources.extents import whole_grid
from ogcapi.sources.matching import band_of, check_band, is_near, widened
from ogcapi.sources.raster import SAMPLE_CELLS, FileSource, method_for
from ogcapi.sources.reach import reach
from ogcapi.sources.waiting import Waiting

_FIRST_TRIES = 4  # assets opened to learn what the mosaic is of
_WHOLE_S = 30.0  # for which a read waits for remote assets
_STACK_CELLS = 64_000_000  # that a median keeps at one time
_REMOTE_LOOKS = 64  # remote assets whose revision is a part of a grid's
_LOOKS_AT_ONCE = 16
_UNKNOWN = Field(name="b1", dtype="uint8", title="not known: none of the first assets could be read")


class AssetIndex(Protocol):
    """Which assets lie where."""

    @property
    def name(self) -> str:
        """What logs and problems call the mosaic."""
        ...

    @property
    def assets(self) -> Sequence[Asset]:
        """Every asset once, in the order of first appearance."""
        ...

    @property
    def crs(self) -> Crs:
        """The system that the index counts in; that of the mosaic where no asset can be opened."""
        ...

    @property
    def cell_size(self) -> float:
        """The finest cells that the index promises, in units of its system."""
        ...

    @property
    def bounds(self) -> Footprint:
        """Where the index says that assets lie."""
        ...

    @property
    def revision(self) -> str:
        """A text that changes with the document that was read."""
        ...

    def look(self) -> str:
        """The revision of the document as it is now, which may not be the one that was read."""
        ...

    def find(self, grid: Grid, interval: Interval | None = None) -> Sequence[Asset]:
        """The assets that may have cells on a grid, topmost first; never cut."""
        ...


class MosaicSource:
    """The assets of an index, laid over each other: a `CoverageSource`.

    What it is of, it learns from the first asset that opens: the storage CRS and the fields. Other assets may differ in
    CRS, resolution, type, nodata and number of bands. The type of a field holds the values of all of the first four
    assets that open (numpy's result type of theirs); an asset of another type that this one cannot hold fails wherever
    it is asked for, by its header, so that no cell depends on what else a grid takes in. An asset that fails spoils its
    own cells only. Other headers are read when they are needed.
    """

    def __init__(self, index: AssetIndex, *, method: MosaicMethod, headers: int) -> None:
        self._index = index
        self._method = method
        self._headers = headers
        self._shelf = Shelf()
        first = self._first()
        self._described = first[0] if first else None
        self.storage_crs = index.crs if self._described is None else self._described.storage_crs
        self._stored = (
            (_UNKNOWN,)
            if self._described is None
            else widened(self._described.fields, first[1:], self._described.storage_crs)
        )
        self.fields = fields_of(method, self._stored)
        try:
            transformation(index.crs, self.storage_crs)
        except UnknownCrs as error:
            reason = "its assets are of another body than its tile matrix set (tilematrixset, else WebMercatorQuad)"
            raise SourceFailed(index.name, reason) from error

    def _first(self) -> list[FileSource]:
        """Those of the first few assets that open; of the first one, the fields are known."""
        tried, opened = self._index.assets[:_FIRST_TRIES], list[FileSource]()
        for asset, source in zip(tried, self._shelf.open_all(tried), strict=True):
            try:
                if source is not None and (opened or source.fields):
                    opened.append(source)
            except SourceFailed as error:  # fields may need values
                self._shelf.failed(asset, error)
        return opened

    @property
    def status(self) -> SourceStatus:
        """Assets of the document, and those that could not be read when last tried."""
        return SourceStatus(assets=len(self._index.assets), failures=self._shelf.failures)

    @cached_property
    def _sampled(self) -> tuple[Asset, ...]:
        """All assets where they are few, else some spread evenly over the document."""
        assets = self._index.assets
        chosen = np.unique(np.linspace(0, len(assets) - 1, min(self._headers, len(assets))).round().astype(int))
        return tuple(assets[number] for number in chosen)

    @cached_property
    def _opened(self) -> Sequence[tuple[Asset, FileSource]]:
        """The sampled assets that open and are of this body; none where not even the first few do."""
        if self._described is None:
            return ()
        opened = zip(self._sampled, self._shelf.open_all(self._sampled), strict=True)
        return [(a, s) for a, s in opened if s is not None and is_near(s.storage_crs, self.storage_crs)]

    @property
    def _sources(self) -> Sequence[FileSource]:
        """Theirs, and that of the asset that the mosaic learned its fields from."""
        described = () if self._described is None else (self._described,)
        return list(dict.fromkeys((*described, *(source for _, source in self._opened))))

    @cached_property
    def _box(self) -> BBox:
        """Around all known footprints, and the index's bounds where not all are known; may pass the antimeridian."""
        footprints = [source.footprint for source in self._sources]
        if len(footprints) < len(self._index.assets):
            footprints.append(self._index.bounds)
        boxes = [box for footprint in footprints for box in footprint.carried(self.storage_crs)]
        if not boxes:
            raise SourceFailed(self._index.name, "its bounds lie outside the system of its assets")
        return span(boxes, self.storage_crs)

    @cached_property
    def grid(self) -> Grid:
        """The finest known cells over the extent, in line with the cells of the asset that has them."""
        grids = [source.grid for source in self._sources]
        return whole_grid(self._box, self.storage_crs, grids, self._index.cell_size)

    @cached_property
    def footprint(self) -> Footprint:
        """One box around all assets, in two where it passes the antimeridian."""
        return Footprint(crs=self.storage_crs, bboxes=normal(self._box, self.storage_crs))

    def _candidates(self, grid: Grid, interval: Interval | None = None) -> Iterator[list[Asset]]:
        """The assets that may have cells on the grid, topmost first, without those that are known to lie elsewhere.

        First, together, what the index finds there. Then, in the index's order, sampled assets (all, where they are
        few) that cross the antimeridian and meet the grid: makers of indexes often cut them there, and list them on one
        side only. Their headers are read when the second list is asked for.
        """
        may_meet = self._meeting(grid)
        found = self._index.find(grid, interval)
        known = ((asset, self._shelf.known(asset)) for asset in found)
        yield [asset for asset, source in known if source is None or may_meet(source)]
        yield self._across(found, may_meet)

    def _across(self, found: Sequence[Asset], may_meet: Callable[[FileSource], bool]) -> list[Asset]:
        """Sampled assets that cross the antimeridian and may meet a grid, but were not found there."""
        hrefs = {asset.href for asset in found}
        return [a for a, s in self._opened if s.crosses_antimeridian and a.href not in hrefs and may_meet(s)]

    def _meeting(self, grid: Grid) -> Callable[[FileSource], bool]:
        """Whether an opened asset may have cells on the grid: not if its footprint, as it is now, lies elsewhere."""
        reached: dict[Crs, tuple[BBox, ...]] = {}

        def may_meet(source: FileSource) -> bool:
            crs = source.storage_crs
            if not source.is_current or not is_near(crs, grid.crs):
                return True
            if crs not in reached:
                reached[crs] = reach(grid, crs)
            return any(mine.meets(theirs) for mine in source.footprint.bboxes for theirs in reached[crs])

        return may_meet

    def meets(self, grid: Grid, interval: Interval | None = None) -> bool:
        """Whether any asset may have cells on the grid."""
        return any(self._candidates(grid, interval))

    def read(self, grid: Grid, selection: Selection) -> Raster:
        """The values on that grid; assets that fail are named in `missing`.

        So are remote assets that are not there half a minute after the read began.
        """
        return self._read(grid, selection, self._candidates(grid, selection.interval))

    def _read(self, grid: Grid, selection: Selection, groups: Iterable[list[Asset]]) -> Raster:
        names = [field.name for field in self.fields]
        chosen = [names.index(name) for name in selection.fields]
        fields, stored = ([of[number] for number in chosen] for of in (self.fields, self._stored))
        dtype = np.result_type(*(field.dtype for field in fields))
        values, valid = np.zeros((len(chosen), *grid.shape), dtype), np.zeros((len(chosen), *grid.shape), bool)
        missing: dict[str, None] = {}
        if self._method is not MosaicMethod.FIRST:  # which alone may have enough of the first group
            assets = list(chain.from_iterable(groups))
            groups = [assets[::-1] if self._method is MosaicMethod.LAST else assets]
        with Waiting(_WHOLE_S) as waiting:
            for rows in self._strips(grid, groups, len(chosen)):
                layers = stack(self._method, (len(chosen), len(rows), grid.width), stored)
                for asset, opened in chain.from_iterable(self._shelf.in_turn(group, waiting) for group in groups):
                    try:
                        source = opened()
                        layer = partial(self._layer, asset, source, grid, chosen, selection.method, rows)
                        is_remote = storage.is_remote(asset.href)
                        layers.add(*(waiting.result(waiting.start(layer), asset.name) if is_remote else layer()))
                    except SourceFailed:
                        missing[asset.name] = None
                    if layers.is_full:
                        break
                values[:, rows.start : rows.stop], valid[:, rows.start : rows.stop] = layers.result()
        return Raster(grid=grid, fields=tuple(fields), values=values, valid=valid, missing=tuple(missing))

    def _strips(self, grid: Grid, groups: Iterable[list[Asset]], fields: int) -> Iterator[range]:
        """All rows at once, but where a median would keep too many cells."""
        rows = grid.height
        if self._method is MosaicMethod.MEDIAN:
            cells = max(1, sum(map(len, groups))) * fields * grid.width
            rows = min(rows, max(1, _STACK_CELLS // cells))
        for first in range(0, grid.height, rows):
            yield range(first, min(first + rows, grid.height))

    def _layer(
        self, asset: Asset, source: FileSource, grid: Grid, chosen: Sequence[int], method: Resampling, rows: range
    ) -> tuple[Values, Valid]:
        """Values and valid (field, row, col) of one asset as the mosaic's stored fields. Raises `SourceFailed`."""
        try:
            layer = self._matched(asset, source, grid, chosen, method, rows)
        except SourceFailed as error:
            self._shelf.failed(asset, error)
            raise
        self._shelf.succeeded(asset)
        return layer

    def _matched(
        self, asset: Asset, source: FileSource, grid: Grid, chosen: Sequence[int], method: Resampling, rows: range
    ) -> tuple[Values, Valid]:
        if not is_near(source.storage_crs, self.storage_crs):
            raise SourceFailed(asset.name, "it is of another body than the rest of the mosaic")
        fields = [self._stored[number] for number in chosen]
        bands = [band_of(self._stored, number, source.bands) for number in chosen]
        shape = (len(chosen), len(rows), grid.width)
        values, valid = np.zeros(shape, np.result_type(*(field.dtype for field in fields))), np.zeros(shape, bool)
        places = [place for place, band in enumerate(bands) if band is not None]
        if not places:
            return values, valid
        for place in places:
            check_band(asset.name, fields[place], source.bands[bands[place] or 0])
        own, known = source.read_bands(
            grid, [bands[p] or 0 for p in places], [method_for(fields[p], method) for p in places], rows
        )
        for place, of_band, is_valid in zip(places, own, known, strict=True):
            values[place], valid[place] = np.where(is_valid, of_band, 0).astype(values.dtype), is_valid
        return values, valid

    def revision(self, grid: Grid | None = None) -> str:
        """Of the document and the assets on the grid; of some assets where no grid is given.

        Only the first 64 of remote assets are asked, because each costs a request.
        """
        assets = self._sampled
        if grid is not None:
            found = self._index.find(grid)
            assets = (*found, *self._across(found, self._meeting(grid)))
        local = [asset.href for asset in assets if not storage.is_remote(asset.href)]
        remote = [asset.href for asset in assets if storage.is_remote(asset.href)][:_REMOTE_LOOKS]
        texts = [*map(storage.revision, local)]
        if remote:
            with ThreadPoolExecutor(_LOOKS_AT_ONCE) as pool:
                texts += pool.map(storage.revision, remote)
        whole = "\n".join((self._index.look() if grid is None else self._index.revision, *local, *remote, *texts))
        return hashlib.sha256(whole.encode(errors="backslashreplace")).hexdigest()

    def sample(self) -> Raster:
        """At most 512 cells a side over the whole; of a large mosaic, only where some assets lie."""
        grid = self.grid
        grid = replace(grid, width=min(grid.width, SAMPLE_CELLS), height=min(grid.height, SAMPLE_CELLS))
        return self._read(grid, Selection(fields=tuple(field.name for field in self.fields)), [list(self._sampled)])
