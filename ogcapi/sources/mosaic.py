"""Mosaics: many files as one source of coverages."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache, partial
from itertools import chain
from typing import Protocol

import numpy as np

from ogcapi.model.body import EARTH, body_of
from ogcapi.model.collection import SourceStatus
from ogcapi.model.crs import Crs, UnknownCrs, parse_crs, transformation
from ogcapi.model.grid import BBox, Footprint, Grid, normal, span
from ogcapi.model.problem import Problem, SourceFailed, TooManyAssets, Unavailable
from ogcapi.model.raster import Field, Interval, Raster, Selection, Valid, Values
from ogcapi.model.stop import check
from ogcapi.pixels.layers import no_layers
from ogcapi.pixels.overlay import MosaicMethod, fields_of
from ogcapi.sources import storage
from ogcapi.sources.assets import Asset, Shelf
from ogcapi.sources.extents import whole_grid
from ogcapi.sources.matching import bands_of, check_band, is_near, widened
from ogcapi.sources.overview import Made, Overview, OverviewRule
from ogcapi.sources.places import Part, Place
from ogcapi.sources.raster import SAMPLE_CELLS, FileSource, method_for
from ogcapi.sources.waiting import Waiting

MOST_ASSETS = 512
"""Assets that one answer may touch, where nothing else is said."""
_FIRST_TRIES = 4  # assets opened to learn what the mosaic is of
_WHOLE_S = 30.0  # for which a read waits for remote assets
_STACK_CELLS = 4_000_000  # that a median keeps at one time
_REMOTE_LOOKS = 64  # remote assets whose revision is a part of a grid's
_PLACES = 16  # what the index found last
_CHOOSING = {MosaicMethod.FIRST, MosaicMethod.LAST, MosaicMethod.HIGHEST, MosaicMethod.LOWEST}  # one asset for a cell
_OVERVIEWS = 2  # number of the way in which overviews are made
_SMALL = 1e-3  # of a cell
_COMING_S = 30  # after which to ask for an overview again
_EARTH_CYLINDRICAL, _CYLINDRICAL = "EPSG:4087", 10  # the other is of the IAU's systems of each body
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

    def __init__(
        self,
        index: AssetIndex,
        *,
        method: MosaicMethod,
        headers: int,
        most_assets: int = MOST_ASSETS,
        overview: OverviewRule | None = None,
    ) -> None:
        """`headers`: assets that are opened to learn the extent; `most_assets`: those that one answer may touch."""
        self._index = index
        self._most_assets = most_assets
        self.overview = None if overview is None else Overview(overview)
        """That of the whole mosaic, where it may have one."""
        self._method = method
        self._headers = headers
        self._shelf = Shelf()
        self._places = lru_cache(maxsize=_PLACES)(self._look_up)
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

    @cached_property
    def overview_grid(self) -> Grid:
        """The mosaic's cells in the system of its overview.

        That of its assets, where they have the same; else the body's equidistant cylindrical one.
        """
        if all(source.storage_crs == self.storage_crs for source in self._sources):
            return self.grid
        body = body_of(self.storage_crs)
        crs = parse_crs(_EARTH_CYLINDRICAL) if body == EARTH else body.crs(_CYLINDRICAL)
        boxes = [box for source in self._sources for box in source.footprint.carried(crs)]
        if len(self._sources) < len(self._index.assets):
            boxes += self._index.bounds.carried(crs)
        return whole_grid(span(boxes, crs), crs, [source.grid for source in self._sources], 1.0)

    def assets_on(self, grid: Grid) -> Sequence[Asset]:
        """Every asset that may have cells on a grid, whether the overview would answer or not."""
        place = self._place(grid)
        return (*place.found, *self._across(place))

    @property
    def how(self) -> str:
        """What becomes of the assets' cells: the fields, and the method by which they are laid over each other."""
        return "\n".join(map(str, (_OVERVIEWS, self._method, *self.fields)))

    @property
    def key(self) -> str:
        """What an overview depends on: the document, the assets, and how they are laid over each other.

        Of remote assets, only some are asked.
        """
        rule = None if self.overview is None else (self.overview.rule.assets, self.overview.rule.resampling)
        parts = (self.how, rule, self._revision_of(self._index.assets, self._index.look()))
        return hashlib.sha256("\n".join(map(str, parts)).encode(errors="backslashreplace")).hexdigest()

    def _answering(self, grid: Grid) -> Made | None:
        """The overview where it answers instead of the assets."""
        return None if self.overview is None else self.overview.answers(grid)

    @property
    def is_remote(self) -> bool:
        """Whether assets lie in the network."""
        return any(asset.is_remote for asset in self._sampled)

    @property
    def refusing(self) -> str:
        """A text that changes when other grids are refused; empty where none can be."""
        if len(self._index.assets) <= self._most_assets:
            return ""
        return f"{self._index.revision} {self.overview is not None and self.overview.is_current}"

    def _look_up(self, grid: Grid, interval: Interval | None, _revision: str) -> Place:
        return Place(grid=grid, found=tuple(self._index.find(grid, interval)))

    def _place(self, grid: Grid, interval: Interval | None = None) -> Place:
        """A grid with what the index finds there, asked once for all that one request wants to know."""
        return self._places(grid, interval, self._index.revision)

    def _candidates(self, place: Place) -> Iterator[Iterator[Asset]]:
        """The assets that may have cells on the grid, topmost first, without those that are known to lie elsewhere.

        First, together, what the index finds there. Then, in the index's order, sampled assets (all, where they are
        few) that cross the antimeridian and meet the grid: makers of indexes often cut them there, and list them on one
        side only. Their headers are read when the second list is asked for.
        """
        known = ((asset, self._shelf.known(asset)) for asset in place.found)
        yield (asset for asset, source in known if source is None or place.may_have(source))
        yield self._across(place)

    @cached_property
    def _crossing(self) -> Sequence[tuple[Asset, FileSource]]:
        """Sampled assets that cross the antimeridian."""
        return [(asset, source) for asset, source in self._opened if source.crosses_antimeridian]

    def _across(self, place: Place) -> Iterator[Asset]:
        """Sampled assets that cross the antimeridian and may meet a grid, but were not found there."""
        for asset, source in self._crossing:
            if asset not in place.found and place.may_have(source):
                yield asset

    def meets(self, grid: Grid, interval: Interval | None = None) -> bool:
        """Whether any asset may have cells on the grid."""
        overview = self._answering(grid)
        if overview is not None:
            return overview.source.meets(grid)
        return any(True for _ in chain.from_iterable(self._candidates(self._place(grid, interval))))

    def read(self, grid: Grid, selection: Selection) -> Raster:
        """The values on that grid; assets that fail are named in `missing`.

        So are remote assets that are not there half a minute after the read began. Grids coarser than the overview are
        its own to answer. Raises `TooManyAssets`, or `Unavailable` while an overview is being made.
        """
        overview = self._answering(grid)
        if self.overview is not None and overview is not None:
            try:
                return self._from_overview(overview, grid, selection)
            except SourceFailed as error:  # the assets are still there
                self.overview.failed(overview, error)
        refusal = self.refusal(grid)
        if refusal is not None:
            raise refusal
        return self._read(grid, selection, self._candidates(self._place(grid, selection.interval)))

    def read_assets(self, grid: Grid, selection: Selection, longest_s: float) -> Raster:
        """As `read`, however many assets it takes, and from nothing but them."""
        return self._read(grid, selection, self._candidates(self._place(grid, selection.interval)), longest_s)

    def refusal(self, grid: Grid) -> Problem | None:
        """What a read of the grid would raise because of how many assets lie there."""
        if self._answering(grid) is not None:
            return None
        place = self._place(grid)
        if len(place.found) <= self._most_assets:
            return None
        known = map(self._shelf.known, place.found)
        count = sum(source is None or place.may_have(source) for source in known)
        if count <= self._most_assets:
            return None
        asked = f"{count:,} assets of {self._index.name} lie where this was asked for"
        told = {"assets": count, "limit": self._most_assets}
        if self.overview is not None and self.overview.is_coming:
            reason = f"{asked}; an overview of them is being made, ask again when it is there."
            return Unavailable(reason, _COMING_S, **told)
        return TooManyAssets(f"{asked}; at most {self._most_assets:,} are read for one answer.", **told)

    def _from_overview(self, overview: Made, grid: Grid, selection: Selection) -> Raster:
        names = [field.name for field in self.fields]
        fields = [self.fields[names.index(name)] for name in selection.fields]
        chosen = [names.index(field.name) for field in fields]
        methods = [method_for(field, selection.method) for field in fields]
        source, shape = overview.source, (len(fields), *grid.shape)
        bands = source.bands
        values, valid = np.zeros(shape, bands[0].dtype), np.zeros(shape, bool)
        source.fill(grid, bands, chosen, methods, values, valid, is_drawn=selection.is_drawn, by_area=True)
        values = values.astype(np.result_type(*(field.dtype for field in fields)), copy=False)
        missing = overview.missing(grid)
        return Raster(grid=grid, fields=tuple(fields), values=values, valid=valid, missing=missing)

    def _read(
        self, grid: Grid, selection: Selection, groups: Iterable[Iterable[Asset]], longest_s: float | None = None
    ) -> Raster:
        names = [field.name for field in self.fields]
        chosen = [names.index(name) for name in selection.fields]
        fields, stored = ([of[number] for number in chosen] for of in (self.fields, self._stored))
        missing: dict[str, None] = {}
        if self._method is not MosaicMethod.FIRST:  # which alone may have enough of the first group
            assets = list(chain.from_iterable(groups))
            groups = [assets[::-1] if self._method is MosaicMethod.LAST else assets]
        made: list[tuple[Values, Valid]] = []
        with Waiting(_WHOLE_S if longest_s is None else longest_s) as waiting:
            for rows in self._strips(grid, groups, len(chosen)):
                part = Part(grid=grid, rows=rows, chosen=chosen, method=selection.method, is_drawn=selection.is_drawn)
                layers = no_layers(self._method, (len(chosen), len(rows), grid.width), stored)
                for asset, opened in chain.from_iterable(self._shelf.in_turn(group, waiting) for group in groups):
                    check()
                    try:
                        self._write(asset, opened(), part, *layers.next(), waiting)
                        layers.lay()
                    except SourceFailed:
                        missing[asset.name] = None
                    if layers.is_full:
                        break
                made.append(layers.result())
        values, valid = made[0] if len(made) == 1 else (np.concatenate(of, axis=1) for of in zip(*made, strict=True))
        values = values.astype(np.result_type(*(field.dtype for field in fields)), copy=False)
        return Raster(grid=grid, fields=tuple(fields), values=values, valid=valid, missing=tuple(missing))

    def _strips(self, grid: Grid, groups: Iterable[Iterable[Asset]], fields: int) -> Iterator[range]:
        """All rows at once, but where a median would keep too many cells."""
        rows = grid.height
        if self._method is MosaicMethod.MEDIAN:
            cells = max(1, sum(len(list(group)) for group in groups)) * fields * grid.width
            rows = min(rows, max(1, _STACK_CELLS // cells))
        for first in range(0, grid.height, rows):
            yield range(first, min(first + rows, grid.height))

    def _write(
        self, asset: Asset, source: FileSource, part: Part, values: Values, valid: Valid, waiting: Waiting
    ) -> None:
        """Write one asset where values (field, row, col) are not valid yet. Raises `SourceFailed`: as if it had not."""
        if not asset.is_remote:
            self._fill(asset, source, part, values, valid)
            return
        own = values.copy(), valid.copy()  # what comes too late is written where nobody looks
        waiting.result(waiting.start(partial(self._fill, asset, source, part, *own)), asset.name)
        values[...], valid[...] = own

    def _fill(self, asset: Asset, source: FileSource, part: Part, values: Values, valid: Valid) -> None:
        try:
            if not is_near(source.storage_crs, self.storage_crs):
                raise SourceFailed(asset.name, "it is of another body than the rest of the mosaic")
            known = source.bands
            of_fields = bands_of(self._stored, known)
            bands = [of_fields[number] for number in part.chosen]
            methods = [method_for(self._stored[number], part.method) for number in part.chosen]
            for number, band in zip(part.chosen, bands, strict=True):
                if band is not None:
                    check_band(asset.name, self._stored[number], known[band])
            source.fill(part.grid, known, bands, methods, values, valid, part.rows, is_drawn=part.is_drawn)
        except SourceFailed as error:
            self._shelf.failed(asset, error, retry_s=0)  # other fields and other cells of it may be sound
            raise
        self._shelf.succeeded(asset)

    def assets(self, grid: Grid, selection: Selection) -> tuple[str, ...]:
        """Names of the assets that the values of a grid of one cell come from: one a field, or all that are counted."""
        if self._answering(grid) is not None:  # by what is a mean of many: those in the middle of the cell
            grid = _middle(grid)
        assets = list(chain.from_iterable(self._candidates(self._place(grid, selection.interval))))
        if self._method is MosaicMethod.LAST:
            assets.reverse()
        alone = ((asset, self._read(grid, selection, [[asset]])) for asset in assets)
        if self._method not in _CHOOSING:
            return tuple(asset.name for asset, raster in alone if raster.valid.any())
        whole = self.read(grid, selection)
        open_fields, found = whole.valid.any(axis=(1, 2)), dict[str, None]()
        for asset, raster in alone:
            if not open_fields.any():
                break
            same = (raster.valid & (raster.values == whole.values)).any(axis=(1, 2)) & open_fields
            if same.any():
                found[asset.name] = None
            open_fields &= ~same
        return tuple(found)

    def revision(self, grid: Grid | None = None) -> str:
        """Of the document and the assets on the grid; of some assets where no grid is given.

        Only the first 64 of remote assets are asked, because each costs a request.
        """
        if grid is None:
            if self.overview is not None and self.overview.is_there:  # the key costs a look at each asset
                self.overview.look_again(lambda: self.key)
            return self._revision_of(self._sampled, self._index.look())
        overview = self._answering(grid)
        if overview is not None:
            return overview.source.revision()
        assets = self.assets_on(grid)
        if self.refusal(grid) is not None:
            return self._index.revision
        return self._revision_of(assets, self._index.revision)

    def _revision_of(self, assets: Sequence[Asset], document: str) -> str:
        local = [asset.href for asset in assets if not asset.is_remote]
        remote = [asset.href for asset in assets if asset.is_remote][:_REMOTE_LOOKS]
        hrefs = (*local, *remote)
        learned = [f"{field.name} {field.dtype}" for field in self._stored]  # of the assets that could be opened then
        whole = "\n".join((document, *learned, *hrefs, *storage.revisions(hrefs)))
        return hashlib.sha256(whole.encode(errors="backslashreplace")).hexdigest()

    def sample(self) -> Raster:
        """At most 512 cells a side over the whole; of a large mosaic, only where some assets lie."""
        grid = self.grid
        grid = replace(grid, width=min(grid.width, SAMPLE_CELLS), height=min(grid.height, SAMPLE_CELLS))
        return self._read(grid, Selection(fields=tuple(field.name for field in self.fields)), [list(self._sampled)])


def _middle(grid: Grid) -> Grid:
    """One small cell in the middle of a grid."""
    box = grid.bbox
    x, y = (box.xmin + box.xmax) / 2, (box.ymin + box.ymax) / 2
    wide, high = grid.cell_width * _SMALL, grid.cell_height * _SMALL
    return Grid(crs=grid.crs, bbox=BBox(xmin=x - wide, ymin=y - high, xmax=x + wide, ymax=y + high), width=1, height=1)
