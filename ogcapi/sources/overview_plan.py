"""How large the overview of a mosaic is, and which blocks it is made of."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from math import ceil, floor, log2

from ogcapi.model.grid import BBox, Grid
from ogcapi.model.raster import Resampling
from ogcapi.pixels.cog import TILE
from ogcapi.sources import storage
from ogcapi.sources.assets import Asset
from ogcapi.sources.mosaic import MosaicSource
from ogcapi.sources.raster import method_for

_SIDE = 256  # cells, for which it is counted how many assets they touch
_SMALL = 128_000_000  # cells that any overview may have: so many cost little, and serve more levels
_TURN = 1e-9  # relative
_DIGITS = 6  # of a cell
_DEEPEST = 12  # levels

Find = Callable[[Grid], Sequence[Asset]]


@dataclass(frozen=True, kw_only=True)
class Block:
    """A tile of the finest level."""

    row: int
    col: int
    grid: Grid
    digest: str
    """Of all that its cells depend on."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What an overview is made of."""

    levels: tuple[Grid, ...]
    """Finest first; each has exactly half the rows and columns of the one before."""
    blocks: tuple[Block, ...]
    """Those that assets lie in, row by row."""
    methods: tuple[Resampling, ...]
    """Of each field."""

    @property
    def cells(self) -> int:
        """Of all levels together, as far as assets lie in them."""
        return len(self.blocks) * TILE * TILE * 4 // 3


def plan(mosaic: MosaicSource) -> Plan:
    """The plan of a mosaic's overview as things are now. Raises ValueError for a mosaic that is to have none."""
    if mosaic.overview is None:
        raise ValueError("this mosaic is to have no overview")
    rule = mosaic.overview.rule
    levels = _levels(mosaic.overview_grid, mosaic.assets_on, rule.assets)
    methods = tuple(rule.resampling or _method(method_for(f, Resampling.AVERAGE)) for f in mosaic.fields)
    blocks = tuple(_blocks(mosaic, levels[0], methods))
    return Plan(levels=levels, blocks=blocks, methods=methods)


def _method(found: Resampling) -> Resampling:
    return Resampling.MODE if found is Resampling.NEAREST else found


def _levels(grid: Grid, find: Find, most: int) -> tuple[Grid, ...]:
    """The finest level that is small, or where 256 x 256 cells touch at most so many assets; all coarser ones."""
    coarsest = max(1, ceil(log2(max(grid.width, grid.height) / _SIDE)))
    small = next((k for k in range(1, coarsest) if (grid.width >> k) * (grid.height >> k) <= _SMALL), coarsest)
    few = next((k for k in range(small, 1, -1) if not _exceeds(_base(grid, k), find, most)), 1)
    base = _base(grid, few)
    return tuple(
        replace(base, width=base.width >> level, height=base.height >> level) for level in range(_depth(base) + 1)
    )


def _depth(base: Grid) -> int:
    return next(level for level in count() if max(base.width, base.height) >> level <= TILE or level == _DEEPEST)


def _base(grid: Grid, power: int) -> Grid:
    """A grid of cells that are about two to that power as large, divisible by two as often as there are levels.

    Where it goes nearly around the body, it is the same box; else its tiles lie on a lattice that does not move with
    the edges of the data.
    """
    width, height = cell = grid.cell_width * 2**power, grid.cell_height * 2**power
    crs, box = grid.crs, grid.bbox
    if crs.x_period is not None and box.width + 2 * TILE * width >= crs.x_period * (1 - _TURN):
        across, down = ceil(grid.width / 2**power), ceil(grid.height / 2**power)
        whole = 2 ** ceil(max(0.0, log2(max(across, down) / TILE)))
        return replace(grid, width=_up(across, whole), height=_up(down, whole))
    phase_x, phase_y = _phase(box.xmin, grid.cell_width), _phase(box.ymax, grid.cell_height)
    first, last = floor((box.xmin - phase_x) / (TILE * width)), ceil((box.xmax - phase_x) / (TILE * width))
    low, high = floor((box.ymin - phase_y) / (TILE * height)), ceil((box.ymax - phase_y) / (TILE * height))
    return Grid(
        crs=crs,
        bbox=BBox(
            xmin=phase_x + first * TILE * cell[0],
            ymin=phase_y + low * TILE * cell[1],
            xmax=phase_x + last * TILE * cell[0],
            ymax=phase_y + high * TILE * cell[1],
        ),
        width=(last - first) * TILE,
        height=(high - low) * TILE,
    )


def _phase(edge: float, cell: float) -> float:
    """Where the first edge of cells after 0 lies, the same for every edge of theirs."""
    return cell * (round(edge / cell % 1, _DIGITS) % 1)


def _up(number: int, step: int) -> int:
    return -(-number // step) * step


def _exceeds(grid: Grid, find: Find, most: int) -> bool:
    """Whether some square of cells touches more assets."""
    return any(len(find(part)) > most for _, _, part in parts_of(grid, _SIDE))


def parts_of(grid: Grid, side: int) -> Iterator[tuple[int, int, Grid]]:
    """Row, column and grid of each square of so many cells, those at the right and lower edge cut off."""
    for row in range(-(-grid.height // side)):
        for col in range(-(-grid.width // side)):
            top, left = row * side, col * side
            bottom, right = min(top + side, grid.height), min(left + side, grid.width)
            box = BBox(
                xmin=grid.bbox.xmin + left * grid.cell_width,
                ymin=grid.bbox.ymax - bottom * grid.cell_height,
                xmax=grid.bbox.xmin + right * grid.cell_width,
                ymax=grid.bbox.ymax - top * grid.cell_height,
            )
            yield row, col, Grid(crs=grid.crs, bbox=box, width=right - left, height=bottom - top)


def _blocks(mosaic: MosaicSource, base: Grid, methods: Sequence[Resampling]) -> Iterator[Block]:
    for row, col, grid in parts_of(base, TILE):
        assets = mosaic.assets_on(grid)
        if assets:
            hrefs = [asset.href for asset in assets]
            parts = (mosaic.how, grid, *methods, *zip(hrefs, storage.revisions(hrefs), strict=True))
            digest = hashlib.sha256("\n".join(map(str, parts)).encode(errors="backslashreplace")).hexdigest()[:32]
            yield Block(row=row, col=col, grid=grid, digest=digest)
