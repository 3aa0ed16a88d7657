"""What a mosaic knows of a grid before it reads: which assets may lie there, and what they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ogcapi.model.crs import Crs
from ogcapi.model.grid import BBox, Footprint, Grid
from ogcapi.model.raster import Resampling
from ogcapi.sources.assets import Asset
from ogcapi.sources.matching import is_near
from ogcapi.sources.raster import FileSource
from ogcapi.sources.reach import reach


@dataclass(frozen=True, kw_only=True, eq=False)
class Place:
    """A grid, and what an index finds there."""

    grid: Grid
    found: tuple[Asset, ...]
    """Topmost first."""
    _reached: dict[Crs, tuple[BBox, ...]] = field(default_factory=dict, init=False)

    def may_have(self, source: FileSource) -> bool:
        """Whether an opened asset may have cells on the grid: not if its footprint, as it is now, lies elsewhere."""
        return self._meets(source.footprint) or not source.is_current

    def _meets(self, footprint: Footprint) -> bool:
        crs = footprint.crs
        if crs not in self._reached:
            self._reached[crs] = reach(self.grid, crs) if is_near(crs, self.grid.crs) else footprint.bboxes
        return any(mine.meets(theirs) for mine in footprint.bboxes for theirs in self._reached[crs])


@dataclass(frozen=True, kw_only=True)
class Part:
    """What each asset is asked for."""

    grid: Grid
    rows: range
    """Of the grid."""
    chosen: Sequence[int]
    """Fields of the mosaic."""
    method: Resampling
    is_drawn: bool
    """As the selection has it."""
