"""How large the overview of a mosaic is, and which blocks it is made of."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from math import ceil, floor, log2
from operator import itemgetter

from ogcapi.model.grid import BBox, Grid
from ogcapi.model.raster import Resampling
from ogcapi.pixels.cog import TILE
from ogcapi.sources import storage
from ogcapi.sources.assets import Asset
from ogcapi.sources.mosaic import MosaicSource
from ogcapi.sources.raster import method_for

_SIDE = 256  # cells, for which it is counted how many assets they touch
_SMALL = 128_000_000  # cells that any overview may have: so many cost little, and serve more levels
_SMALL_EACH = 8_192  # or as many for each asset: then hardly more than nine of them lie where one is asked for a tile
_LESS = 0.75  # of the assets: else they lie above each other
_LARGE = 16 * _SMALL  # cells in which assets lie, that any overview may have where it takes so many
_ROOM = 16  # times the cells that assets would need if they lay evenly beside each other
_MOST_TILES = 1 << 20  # of the finest level, empty ones included: the file tells the place of each
_TURN = 1e-9  # relative
_PART = 16  # tiles a side that are looked at together first
_DIGITS = 6  # of a cell

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
    """Finest first; each has exactly half the rows and columns of the one before; at last one tile, or cells of an odd
    number a side."""
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
    levels = _levels(mosaic.overview_grid, mosaic.assets_on, rule.assets, mosaic.status.assets)
    methods = tuple(rule.resampling or _method(method_for(f, Resampling.AVERAGE)) for f in mosaic.fields)
    blocks = tuple(_blocks(mosaic, levels[0], methods))
    return Plan(levels=levels, blocks=blocks, methods=methods)


def _method(found: Resampling) -> Resampling:
    return Resampling.MODE if found is Resampling.NEAREST else found


def _levels(grid: Grid, find: Find, most: int, assets: int) -> tuple[Grid, ...]:
    """The finest level and all coarser ones, of a mosaic of so many assets.

    That is one that is small for so many; or a finer one, where 256 x 256 cells touch at most so many assets only
    there. Where more lie above each other, no level is fine enough, and one that is small in any case is as good as
    any.
    """
    coarsest = max(1, ceil(log2(max(grid.width, grid.height) / _SIDE)))
    small, finer = (
        next((k for k in range(1, coarsest) if (grid.width >> k) * (grid.height >> k) <= cells), coarsest)
        for cells in (_SMALL, max(_SMALL, _SMALL_EACH * assets))
    )
    fine = _fine_enough(grid, finer, find, most, assets)
    if fine is None:  # lists of an index may name more than lie there, but fewer where less is asked for
        is_less = finer < small and _crowd(grid, finer, find) < _LESS * _crowd(grid, small, find)
        fine = finer if is_less else small
    base = _base(grid, fine)
    return tuple(replace(base, width=base.width >> n, height=base.height >> n) for n in range(_depth(base) + 1))


def _fine_enough(grid: Grid, small: int, find: Find, most: int, assets: int) -> int | None:
    """The coarsest level, from that one on, where squares touch at most so many assets; None: none of a bearable size.

    Only squares that assets lie in are looked into, so the search takes about as long as there are such squares.
    """
    bearable = max(_LARGE, _ROOM * assets * _SIDE**2 // most)
    squares = [square for _, _, square in parts_of(_base(grid, small), _SIDE)]
    for power in range(small, 0, -1):
        counts = [len(find(square)) for square in squares]
        if max(counts, default=0) <= most:
            return power
        squares = [
            quarter for square, count in zip(squares, counts, strict=True) if count for quarter in _split(square)
        ]
        whole = (grid.width >> power - 1) * (grid.height >> power - 1)
        if len(squares) * _SIDE**2 > bearable or whole > _MOST_TILES * TILE**2:
            break
    return None


def _crowd(grid: Grid, power: int, find: Find) -> int:
    """The most assets that a square touches."""
    return max((len(find(square)) for _, _, square in parts_of(_base(grid, power), _SIDE)), default=0)


def _split(square: Grid) -> Iterator[Grid]:
    """The four quarters, each of as many cells as the whole."""
    width, height = square.bbox.width / 2, square.bbox.height / 2
    for right, down in ((0, 0), (1, 0), (0, 1), (1, 1)):
        xmin, ymax = square.bbox.xmin + right * width, square.bbox.ymax - down * height
        yield replace(square, bbox=BBox(xmin=xmin, ymin=ymax - height, xmax=xmin + width, ymax=ymax))


def _depth(base: Grid) -> int:
    """How often the grid can be halved, until it is one tile."""
    sides = ((base.width >> level, base.height >> level) for level in count())
    return next(n for n, side in enumerate(sides) if max(side) <= TILE or side[0] % 2 or side[1] % 2)


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


def parts_of(grid: Grid, side: int) -> Iterator[tuple[int, int, Grid]]:
    """Row, column and grid of each square of so many cells, those at the right and lower edge cut off."""
    for row in range(-(-grid.height // side)):
        for col in range(-(-grid.width // side)):
            yield row, col, _part(grid, side, row, col)


def _part(grid: Grid, side: int, row: int, col: int) -> Grid:
    top, left = row * side, col * side
    bottom, right = min(top + side, grid.height), min(left + side, grid.width)
    box = BBox(
        xmin=grid.bbox.xmin + left * grid.cell_width,
        ymin=grid.bbox.ymax - bottom * grid.cell_height,
        xmax=grid.bbox.xmin + right * grid.cell_width,
        ymax=grid.bbox.ymax - top * grid.cell_height,
    )
    return Grid(crs=grid.crs, bbox=box, width=right - left, height=bottom - top)


def _blocks(mosaic: MosaicSource, base: Grid, methods: Sequence[Resampling]) -> Iterator[Block]:
    for row, col, grid in sorted(_inhabited(base, mosaic.assets_on), key=itemgetter(0, 1)):
        hrefs = [asset.href for asset in mosaic.assets_on(grid)]
        parts = (mosaic.how, grid, *methods, *zip(hrefs, storage.revisions(hrefs), strict=True))
        digest = hashlib.sha256("\n".join(map(str, parts)).encode(errors="backslashreplace")).hexdigest()[:32]
        yield Block(row=row, col=col, grid=grid, digest=digest)


def _inhabited(base: Grid, find: Find) -> Iterator[tuple[int, int, Grid]]:
    """Row, column and grid of each tile that assets lie in; of large parts without any, no tile is looked at."""
    for top, left, part in parts_of(base, _PART * TILE):
        if find(part):
            for row in range(top * _PART, top * _PART - (-part.height // TILE)):
                for col in range(left * _PART, left * _PART - (-part.width // TILE)):
                    grid = _part(base, TILE, row, col)
                    if find(grid):
                        yield row, col, grid
