"""Collections: what is served, and the protocol that every source of rasters keeps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol, cast, runtime_checkable

from ogcapi.model.body import Body, body_of
from ogcapi.model.crs import Crs
from ogcapi.model.grid import Footprint, Grid
from ogcapi.model.media import MediaType
from ogcapi.model.native import native_matrix_set
from ogcapi.model.problem import NotFound, Problem, shown
from ogcapi.model.raster import Field, Interval, Raster, Resampling, Selection
from ogcapi.model.style import Style
from ogcapi.model.tiles import TileLimits, TileMatrixSet, finest_cell, tile_grid


@dataclass(frozen=True, kw_only=True)
class SourceStatus:
    """How a source does, for operators and for the collection's page."""

    assets: int
    """Files that the source is made of."""
    failures: Mapping[str, str] = field(default_factory=dict)
    """Name of each asset that could not be read last time, and why."""


class CoverageSource(Protocol):
    """Where rasters come from. Methods may be called from any thread."""

    @property
    def storage_crs(self) -> Crs:
        """The CRS that the data are kept in."""
        ...

    @property
    def fields(self) -> tuple[Field, ...]:
        """All fields, in the source's order."""
        ...

    @property
    def footprint(self) -> Footprint:
        """Where the source has data, in its storage CRS."""
        ...

    @property
    def grid(self) -> Grid:
        """The grid of the whole coverage in its storage CRS: its finest cells over its extent."""
        ...

    @property
    def status(self) -> SourceStatus:
        """Assets, and which of them fail."""
        ...

    def read(self, grid: Grid, selection: Selection) -> Raster:
        """The values on exactly that grid; cells where there are none are not valid.

        Never raises for emptiness. An asset that fails is named in `Raster.missing`; raises `SourceFailed` only where
        the source is one single file.
        """
        ...

    def meets(self, grid: Grid, interval: Interval | None = None) -> bool:
        """Whether any footprint meets the grid: False promises that `read` finds nothing."""
        ...

    def revision(self, grid: Grid | None = None) -> str:
        """A text that changes when the data on that grid (or anywhere) change; known without reading values.

        The same in every process; files are looked at again at most every ten seconds.
        """
        ...

    def sample(self) -> Raster:
        """A coarse, deterministic view of the whole, of bounded size, for statistics."""
        ...


class PictureSource(Protocol):
    """What a `CoverageSource` may be besides: one whose values are stored in pieces that are pictures."""

    def stored(self, grid: Grid, selection: Selection, media: MediaType) -> bytes | None:
        """The stored picture of exactly that grid, with those fields, valid everywhere; None where there is none.

        Raises `SourceFailed`.
        """
        ...


@runtime_checkable
class AssetSource(Protocol):
    """What a `CoverageSource` may be besides: one that is made of assets."""

    def assets(self, grid: Grid, selection: Selection) -> tuple[str, ...]:
        """Names of the assets that valid values on a grid come from, topmost first."""
        ...


class RefusingSource(Protocol):
    """What a `CoverageSource` may be besides: one that does not read every grid, because it would take too much."""

    def refusal(self, grid: Grid) -> Problem | None:
        """What a read of the grid would raise for that."""
        ...

    @property
    def refusing(self) -> str:
        """A text that changes when other grids are refused; empty where none can be."""
        ...


@dataclass(frozen=True, kw_only=True)
class TileSet:
    """A tile matrix set as far as a collection fills it."""

    matrix_set: TileMatrixSet
    limits: tuple[TileLimits, ...]
    """One for each matrix in use, coarsest first."""

    @property
    def depth(self) -> int:
        """How many matrices of the set it goes down; 0 where it has none."""
        ids = [matrix.id for matrix in self.matrix_set.matrices]
        return ids.index(self.limits[-1].matrix_id) + 1 if self.limits else 0


@dataclass(frozen=True, kw_only=True)
class Collection:
    """What `/collections/{collectionId}` names."""

    id: str
    title: str
    description: str | None = None
    keywords: tuple[str, ...] = ()
    attribution: str | None = None
    license: str | None = None
    """A link (URL) or an SPDX identifier."""
    links: tuple[Mapping[str, str], ...] = ()
    """Further links from the configuration."""
    time: Interval | None = None
    """Temporal extent."""
    coverage: CoverageSource
    resampling: Resampling = Resampling.NEAREST
    """For maps; coverages are always nearest."""
    styles: tuple[Style, ...]
    """The first is the default."""
    matrix_sets: tuple[TileMatrixSet, ...]
    """Those it is offered in, as far as its data reach them."""
    revision: str = ""
    """Changes with the collection's configuration."""
    is_listed: bool = True
    _answered: dict[str, tuple[str, str | None]] = field(default_factory=dict, init=False, repr=False, compare=False)
    _reach: dict[str, tuple[TileSet, TileSet]] = field(default_factory=dict, init=False, repr=False, compare=False)

    @cached_property
    def body(self) -> Body:
        """The body that the data are of."""
        return body_of(self.storage_crs)

    @property
    def storage_crs(self) -> Crs:
        """`storageCrs`."""
        return self.coverage.storage_crs

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields of the coverage."""
        return self.coverage.fields

    @cached_property
    def extent(self) -> Footprint:
        """Where the data lie in the body's geographic CRS."""
        crs = self.body.geographic
        return Footprint(crs=crs, bboxes=self.coverage.footprint.carried(crs))

    @cached_property
    def tile_sets(self) -> tuple[TileSet, ...]:
        """How far the data fill each set; sets that they do not reach are left out.

        Worked out when first asked for: only then the source must know its whole extent.
        """
        return tuple(found for found in map(self.filled, self.matrix_sets) if found.limits)

    @cached_property
    def native(self) -> TileSet | None:
        """The tiles of the data's own cells; None where the cells are not square.

        It is not among the sets that the collection is listed with, for nobody else has it.
        """
        found = native_matrix_set(self.id, self.title, self.coverage.grid, len(self.fields))
        if found is None:
            return None
        return TileSet(matrix_set=found, limits=tuple(matrix.whole for matrix in found.matrices))

    def filled(self, matrix_set: TileMatrixSet) -> TileSet:
        """The tiles that the data touch in any set of the body: from the first matrix to one as fine as the data."""
        return self._reach_in(matrix_set)[0]

    def drawn(self, matrix_set: TileMatrixSet, depth: int) -> TileSet:
        """The tiles that the data touch in the first `depth` matrices of a set, however fine those are."""
        _, touched = self._reach_in(matrix_set)
        ids = {matrix.id for matrix in matrix_set.matrices[:depth]}
        limits = (limit for limit in touched.limits if limit.matrix_id in ids)
        return TileSet(matrix_set=matrix_set, limits=tuple(limits))

    def _reach_in(self, matrix_set: TileMatrixSet) -> tuple[TileSet, TileSet]:
        """The tiles that the data touch, as deep as their cells need, and in all matrices; none where none lie.

        Worked out once: every tile of the dataset asks for it.
        """
        if matrix_set.id not in self._reach:
            cell = finest_cell(self.coverage.grid, matrix_set)
            bboxes = self.coverage.footprint.carried(matrix_set.crs) if cell else ()
            needed, touched = (
                TileSet(matrix_set=matrix_set, limits=matrix_set.limits(bboxes, least)) for least in (cell, None)
            )
            self._reach[matrix_set.id] = needed, touched
        return self._reach[matrix_set.id]

    def refusal(self, grid: Grid) -> Problem | None:
        """What a read of the grid would raise because it would take too much."""
        if not hasattr(self.coverage, "refusal"):
            return None
        return cast(RefusingSource, self.coverage).refusal(grid)

    def answered_from(self, tile_set: TileSet) -> str | None:
        """The first tile matrix of whose tiles none is refused, where some before it are; None: all are answered."""
        state = str(getattr(self.coverage, "refusing", ""))
        if not state:
            return None
        set_id = tile_set.matrix_set.id
        known = self._answered.get(set_id)
        if known is None or known[0] != state:
            whole = (one.matrix_id for one in tile_set.limits if all(map(self._is_answered, _grids(tile_set, one))))
            first = next(whole, None)
            known = self._answered[set_id] = state, None if first == tile_set.limits[0].matrix_id else first
        return known[1]

    def _is_answered(self, grid: Grid) -> bool:
        return self.refusal(grid) is None

    def style(self, style_id: str) -> Style:
        """One of its styles. Raises `NotFound`."""
        for style in self.styles:
            if style.id == style_id:
                return style
        known = ", ".join(style.id for style in self.styles)
        raise NotFound(f"{self.id} has no style {shown(style_id)}; expected one of {known}.")


def _grids(tile_set: TileSet, limits: TileLimits) -> Iterator[Grid]:
    """Those of all tiles of a matrix."""
    for row in range(limits.min_row, limits.max_row + 1):
        for col in range(limits.min_col, limits.max_col + 1):
            yield tile_grid(tile_set.matrix_set, (limits,), limits.matrix_id, str(row), str(col))
