"""What is measured: files, MosaicJSON documents and lists of tiles, made once and the same everywhere."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.benchmarks import mosaics, rasters
from tests.benchmarks.quadtree import EARTH, Quadtree, Tile, mars
from tests.benchmarks.rasters import QUADTREES, UTM, Sizes

EDITION = 3
"""Raised whenever the data change, so that an old folder is not used again."""
MARS = "IAU_2015:49910"
CROWD = 100_000
"""Assets of the document that lists many."""
_VIEW = (5, 4)  # columns and rows of tiles on a screen
_JUMPS, _MOVES = 16, 8


@dataclass(frozen=True, kw_only=True)
class Data:
    """A folder with everything in it."""

    folder: Path
    sizes: Sizes

    def path(self, name: str) -> Path:
        """A file: a raster by its plain name, a document by its whole one."""
        return self.folder / (name if "." in name else f"{name}.tif")


def prepare(folder: Path, sizes: Sizes, say: Callable[[str], None]) -> Data:
    """The data, made where they are not there already."""
    data = Data(folder=folder, sizes=sizes)
    stamp = folder / "complete.json"
    wanted = {"edition": EDITION, **asdict(sizes)}
    if stamp.exists() and json.loads(stamp.read_text()) == wanted:
        return data
    if folder.exists():
        for old in folder.iterdir():
            old.unlink()
    folder.mkdir(parents=True, exist_ok=True)
    for one in rasters.singles(sizes).values():
        start = time.monotonic()
        one.make(data.path(one.name))
        say(f"made {one.name}.tif: {_megabytes(data.path(one.name))} MB in {time.monotonic() - start:.0f} s")
    start = time.monotonic()
    rasters.make_patches(folder, sizes.asset)
    say(f"made {2 * mosaics.SIDE**2} rasters of mosaics in {time.monotonic() - start:.0f} s")
    for name, content in documents(sizes).items():
        mosaics.write(data.path(name), content)
    stamp.write_text(json.dumps(wanted))
    return data


def _megabytes(path: Path) -> int:
    return round(path.stat().st_size / 1e6)


def documents(sizes: Sizes) -> dict[str, Mapping[str, object]]:
    """Every MosaicJSON document by its file name."""
    found: dict[str, Mapping[str, object]] = {}
    for body, crs in (("earth", UTM), ("mars", MARS)):
        patches = mosaics.patches(crs, sizes.asset)
        for overlaps in mosaics.STRIDES:
            chosen = mosaics.over(patches, overlaps)
            found[f"{body}-{overlaps}.json"] = mosaics.document(chosen, QUADTREES[crs])
    crowded = mosaics.crowded(mosaics.document(mosaics.patches(UTM, sizes.asset), EARTH), CROWD)
    return {**found, "crowd.json": crowded}


def remote_document(sizes: Sizes, overlaps: int, prefix: str) -> Mapping[str, object]:
    """The mosaic of the Earth with assets at an address."""
    return mosaics.document(mosaics.over(mosaics.patches(UTM, sizes.asset), overlaps), EARTH, prefix)


def tiles_of(sizes: Sizes, name: str) -> list[Tile]:
    """A list of tiles by name; all lie within their data with all their cells, in an order that never changes."""
    return _LISTS[name](sizes)


def _scene(sizes: Sizes) -> list[Tile]:
    return _mixed(_inside(sizes, "scene16", range(10, 15)), {14: 45, 13: 30, 12: 15, 11: 8, 10: 2})


def _panning(sizes: Sizes) -> list[Tile]:
    """Two people by turns, one at zoom 13 and one at 14."""
    people = [_session(sizes, zoom, seed) for zoom, seed in ((13, 3), (14, 4))]
    return [tile for both in zip(*people, strict=False) for tile in both]


def _session(sizes: Sizes, zoom: int, seed: int) -> list[Tile]:
    """What comes onto a screen that moves by a tile or two at a time, and goes somewhere else now and then."""
    luck = random.Random(seed)
    scene = rasters.singles(sizes)["scene16"]
    xmin, ymin, xmax, ymax = scene.bounds
    full = (xmin + 0.3 * (xmax - xmin), ymin, xmax, ymax)  # without the corner that has no data
    inside = EARTH.inside(full, scene.crs, zoom)
    known = set(inside)
    found: list[Tile] = []
    for _ in range(_JUMPS):
        _, row, col = luck.choice(inside)
        seen: set[Tile] = set()
        for _ in range(_MOVES):
            view = [(zoom, row + down, col + across) for down in range(_VIEW[1]) for across in range(_VIEW[0])]
            found += [tile for tile in view if tile in known and tile not in seen]
            seen.update(view)
            col, row = col + luck.choice((-2, -1, 1, 2)), row + luck.choice((-1, 0, 1))
    return found


def _aligned(name: str) -> Callable[[Sizes], list[Tile]]:
    """Exactly the blocks of a file."""
    return lambda sizes: _shuffled(EARTH.touched(rasters.singles(sizes)[name].bounds, 13))


def _relief(sizes: Sizes) -> list[Tile]:
    return _mixed(_inside(sizes, "heights", range(11, 15)), {14: 50, 13: 35, 12: 15})


def _mosaic(crs: str, overlaps: int) -> Callable[[Sizes], list[Tile]]:
    def tiles(sizes: Sizes) -> list[Tile]:
        quadtree: Quadtree = QUADTREES[crs]
        box = mosaics.interior(mosaics.patches(crs, sizes.asset), overlaps)
        percent = {12: 10, 13: 35, 14: 55} if crs == UTM else {12: 30, 13: 55, 14: 15}  # most have cells of about 10 m
        return _mixed([tile for zoom in percent for tile in quadtree.inside(box, crs, zoom)], percent)

    return tiles


def _inside(sizes: Sizes, name: str, zooms: Iterable[int]) -> list[Tile]:
    one = rasters.singles(sizes)[name]
    return [tile for zoom in zooms for tile in EARTH.inside(one.bounds, one.crs, zoom)]


def _shuffled(tiles: Iterable[Tile]) -> list[Tile]:
    found = list(tiles)
    random.Random(1).shuffle(found)
    return found


def _mixed(tiles: Sequence[Tile], percent: Mapping[int, int]) -> list[Tile]:
    """Tiles in a random order in which zooms have those shares all along; ends when one of the large ones has no more.

    Zooms with few tiles begin again, since one cannot have more than there are.
    """
    luck = random.Random(2)
    by_zoom = {zoom: _shuffled(tile for tile in tiles if tile[0] == zoom) for zoom in percent}
    shares = {zoom: share for zoom, share in percent.items() if by_zoom[zoom]}
    length = round(min(len(by_zoom[zoom]) * 100 / share for zoom, share in shares.items() if share >= 30))
    used = dict.fromkeys(shares, 0)
    found = []
    for zoom in luck.choices(list(shares), list(shares.values()), k=length):
        found.append(by_zoom[zoom][used[zoom] % len(by_zoom[zoom])])
        used[zoom] += 1
    return found


_LISTS: dict[str, Callable[[Sizes], list[Tile]]] = {
    "scene": _scene,
    "panning": _panning,
    "aligned_jpeg": _aligned("aligned_jpeg"),
    "aligned16": _aligned("aligned16"),
    "heights": _relief,
    "one aligned": lambda sizes: _aligned("aligned_jpeg")(sizes)[:1],
    "one heights": lambda sizes: [tile for tile in _relief(sizes) if tile[0] == 14][:1],
    **{
        f"{body}-{overlaps}": _mosaic(crs, overlaps)
        for body, crs in (("earth", UTM), ("mars", MARS))
        for overlaps in mosaics.STRIDES
    },
}
LISTS = tuple(_LISTS)
"""Names of the lists of tiles."""
__all__ = ["EDITION", "LISTS", "Data", "Sizes", "documents", "mars", "prepare", "remote_document", "tiles_of"]
