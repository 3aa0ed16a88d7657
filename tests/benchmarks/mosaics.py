"""Rasters laid over each other, and the documents that list them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.noise import texture
from tests.benchmarks.quadtree import Box, Quadtree, box_in, quadkey

SIDE = 8
"""Rasters in each direction."""
STRIDES = {1: 4, 4: 2, 16: 1}
"""How many rasters lie over each place inside, and which of them that takes: every n-th in each direction."""
ZOOM = 13
"""Of the quadkeys."""
NODATA = -32767.0
_CELL = 10.0  # metres
_HOLES = 6
_BODIES = {"EPSG:32631": (450000.0, 4900000.0), "IAU_2015:49910": (8120000.0, 280000.0)}


@dataclass(frozen=True, kw_only=True)
class Patch:
    """One raster of a mosaic."""

    number: int
    row: int
    col: int
    crs: str
    cells: int
    """A side."""

    @property
    def step(self) -> int:
        """Cells from one raster to the next."""
        return self.cells // 4

    @property
    def bounds(self) -> Box:
        """Where it lies."""
        x, y = _BODIES[self.crs]
        left, top = x + self.col * self.step * _CELL, y - self.row * self.step * _CELL
        return left, top - self.cells * _CELL, left + self.cells * _CELL, top

    @property
    def name(self) -> str:
        """Its file."""
        body = "mars" if self.crs.startswith("IAU") else "earth"
        return f"{body}-{self.number:02}.tif"


def patches(crs: str, cells: int) -> list[Patch]:
    """All rasters, in the order of the documents: a fixed shuffle, so that neighbours lie over and under."""
    order = np.random.default_rng(5).permutation(SIDE * SIDE)
    return [Patch(number=int(n), row=int(n) // SIDE, col=int(n) % SIDE, crs=crs, cells=cells) for n in order]


def over(found: Sequence[Patch], overlaps: int) -> list[Patch]:
    """Those of them that lie so many over each place."""
    stride = STRIDES[overlaps]
    return [patch for patch in found if patch.row % stride == 0 and patch.col % stride == 0]


def interior(found: Sequence[Patch], overlaps: int) -> Box:
    """Where that many rasters lie over each place."""
    chosen = over(found, overlaps)
    first, last = (pick(chosen, key=lambda p: (p.row, p.col)) for pick in (min, max))
    inset = (int(overlaps**0.5) - 1) * STRIDES[overlaps] * first.step * _CELL
    left, bottom, right, top = first.bounds[0], last.bounds[1], last.bounds[2], first.bounds[3]
    return left + inset, bottom + inset, right - inset, top - inset


def values(patch: Patch, ground: Any) -> Any:
    """Heights (row, col) with round holes; each raster is a little higher than the others, to be told apart."""
    top, left = patch.row * patch.step, patch.col * patch.step
    own = ground[top : top + patch.cells, left : left + patch.cells] * 3000 + patch.number
    random = np.random.default_rng([7, patch.number])
    down, across = np.arange(patch.cells)[:, None], np.arange(patch.cells)[None]
    for row, col, radius in zip(*random.integers(0, patch.cells, (2, _HOLES)), random.integers(20, 160, _HOLES)):  # noqa: B905
        own[(down - row) ** 2 + (across - col) ** 2 < radius**2] = NODATA
    return own.astype(np.float32)


def ground(cells: int) -> Any:
    """The texture beneath all rasters."""
    side = cells + (SIDE - 1) * cells // 4
    return texture(side, side, 31, roughness=0.65)


def document(found: Sequence[Patch], quadtree: Quadtree, prefix: str = "") -> dict[str, Any]:
    """A MosaicJSON document of rasters in a folder or at an address, in that order in each cell."""
    tiles: dict[str, list[str]] = {}
    for patch in found:
        around = box_in(patch.bounds, patch.crs, quadtree.crs)
        for tile in quadtree.touched(around, ZOOM):
            tiles.setdefault(quadkey(tile), []).append(prefix + patch.name)
    body = "EPSG:4326" if quadtree.document is None else "IAU_2015:49900"
    boxes = [box_in(patch.bounds, patch.crs, body) for patch in found]
    west, south, east, north = zip(*boxes, strict=True)
    bounds = [min(west), min(south), max(east), max(north)]
    embedded: Mapping[str, Any] = {} if quadtree.document is None else {"tilematrixset": quadtree.document}
    return {
        "mosaicjson": "0.0.3",
        "minzoom": 10,
        "maxzoom": 15,
        "quadkey_zoom": ZOOM,
        "bounds": bounds,
        "tiles": tiles,
        **embedded,
    }


def crowded(mosaic: Mapping[str, Any], assets: int) -> dict[str, Any]:
    """A document that lists so many assets more, in cells far from those of the others; their files do not exist."""
    taken = mosaic["tiles"]
    tiles = dict(taken) | {key: [] for key in _elsewhere(taken, assets // 2)}
    keys = [key for key in tiles if key not in taken]
    for number in range(assets):
        for key in keys[number // 2 : number // 2 + 2]:
            tiles[key].append(f"absent/31/T/CJ/2026/7/S2A_31TCJ_20260714_0_L2A/{number:06}/visual.tif")
    west, south, _, _ = mosaic["bounds"]
    return {**mosaic, "tiles": tiles, "bounds": [west - 30, south - 20, west + 20, south + 20]}


def _elsewhere(taken: Mapping[str, Any], cells: int) -> Iterator[str]:
    """Names of cells north and west of those."""
    known = {key[:6] for key in taken}
    start = int(next(iter(taken))[:5], 4) << 2 * (ZOOM - 5)
    for number in range(start, start + 4 ** (ZOOM - 5) * 64):
        if not cells:
            return
        digits = np.base_repr(number, 4).zfill(ZOOM)
        if digits[:6] not in known:
            cells -= 1
            yield digits


def write(path: Path, content: Mapping[str, Any]) -> None:
    """A document as a file."""
    path.write_text(json.dumps(content))
