"""The files that are measured, written once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.shutil import copy

from tests.benchmarks import mosaics
from tests.benchmarks.noise import Array, texture
from tests.benchmarks.quadtree import EARTH, Box, mars

UTM = "EPSG:32631"
_LOSSLESS = {"COMPRESS": "DEFLATE", "PREDICTOR": "YES"}


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Cells a side."""

    scene: int = 10980
    """Of the three scenes in UTM; that of a Sentinel-2 product."""
    aligned: int = 8192
    """Of the JPEG in line with the tiles; a multiple of 256."""
    heights: int = 4096
    asset: int = 2048
    """Of each raster of a mosaic."""


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A single file: where it lies and what makes it."""

    name: str
    crs: str
    bounds: Box
    cells: int
    make: Callable[[Path], None]


def singles(sizes: Sizes) -> dict[str, Placed]:
    """The files that are no part of a mosaic, by name."""
    scene = (399960.0, 5000040.0 - 10.0 * sizes.scene, 399960.0 + 10.0 * sizes.scene, 5000040.0)
    relief = (600000.0, 4600000.0 - 10.0 * sizes.heights, 600000.0 + 10.0 * sizes.heights, 4600000.0)
    web, web16 = (_aligned(cells) for cells in (sizes.aligned, sizes.aligned // 2))
    webp = {"COMPRESS": "WEBP", "QUALITY": "80"}
    jpeg = {"COMPRESS": "JPEG", "QUALITY": "85"}
    return {
        one.name: one
        for one in (
            _placed("scene16", UTM, scene, sizes.scene, _scene16, **_LOSSLESS),
            _placed("scene8_jpeg", UTM, scene, sizes.scene, _scene8, **jpeg),
            _placed("scene8_webp", UTM, scene, sizes.scene, _scene8, **webp),
            _placed("aligned_jpeg", EARTH.crs, web, sizes.aligned, _bytes, BLOCKSIZE="256", **jpeg),
            _placed("aligned16", EARTH.crs, web16, sizes.aligned // 2, _numbers, BLOCKSIZE="256", **_LOSSLESS),
            _placed("heights", UTM, relief, sizes.heights, _heights, **_LOSSLESS),
        )
    }


def _aligned(cells: int) -> Box:
    """Tiles of zoom 13 from a corner whose parents have the same corner for many levels."""
    x, _, _, y = EARTH.box((13, 2976, 4224))
    span = EARTH.span(13) * cells / 256
    return x, y - span, x + span, y


def _placed(name: str, crs: str, bounds: Box, cells: int, fill: Callable[[Any, int], None], **options: str) -> Placed:
    types: dict[Any, tuple[str, int, float | None]] = {
        _scene16: ("uint16", 3, 0),
        _numbers: ("uint16", 3, 0),
        _heights: ("float32", 1, -9999),
    }
    dtype, count, nodata = types.get(fill, ("uint8", 3, None))

    def make(path: Path) -> None:
        _write(path, crs, bounds, cells, lambda dataset: fill(dataset, cells), dtype, count, nodata, **options)

    return Placed(name=name, crs=crs, bounds=bounds, cells=cells, make=make)


def _write(
    path: Path,
    crs: str,
    bounds: Box,
    cells: int,
    fill: Callable[[Any], None],
    dtype: str,
    count: int,
    nodata: float | None,
    **options: str,
) -> None:
    """A COG, whole or not at all."""
    xmin, ymin, xmax, ymax = bounds
    place = rasterio.Affine((xmax - xmin) / cells, 0, xmin, 0, -(ymax - ymin) / cells, ymax)
    colours = {"photometric": "rgb"} if count == 3 else {}
    part = path.with_suffix(".part")
    with rasterio.open(
        "memory",
        "w",
        driver="MEM",
        width=cells,
        height=cells,
        count=count,
        dtype=dtype,
        crs=crs,
        transform=place,
        nodata=nodata,
        **colours,
    ) as dataset:
        fill(dataset)
        copy(dataset, part, driver="COG", **{"BLOCKSIZE": "512", "NUM_THREADS": "2", "BIGTIFF": "NO"} | options)
    part.replace(path)


def _bands(cells: int, roughness: float = 0.75) -> list[Array]:
    """Red, green and blue, which resemble each other as in any picture of the ground."""
    common = texture(cells, cells, 11, roughness=roughness)
    return [0.85 * common + 0.15 * texture(cells, cells, seed, roughness=roughness) for seed in (12, 13, 14)]


def _corner(cells: int) -> Array:
    """Where a scene has no data (row, col): beyond a slanting edge at the left, as at the end of a swath."""
    return np.arange(cells)[None] < (cells * 0.3 - 0.6 * np.arange(cells)[:, None])


def _scene16(dataset: Any, cells: int) -> None:
    outside = _corner(cells)
    for number, band in enumerate(_bands(cells), 1):
        numbers = (band * 9000 + 500).astype(np.uint16)
        numbers[outside] = 0
        dataset.write(numbers, number)


def _numbers(dataset: Any, cells: int) -> None:
    for number, band in enumerate(_bands(cells), 1):
        dataset.write((band * 9000 + 500).astype(np.uint16), number)


def _scene8(dataset: Any, cells: int) -> None:
    _bytes(dataset, cells)
    dataset.write_mask(np.where(_corner(cells), 0, 255).astype(np.uint8))


def _bytes(dataset: Any, cells: int) -> None:
    for number, band in enumerate(_bands(cells), 1):
        dataset.write((band * 254 + 1).astype(np.uint8), number)


def _heights(dataset: Any, cells: int) -> None:
    relief = (texture(cells, cells, 21, roughness=0.65) * 3000).astype(np.float32)
    relief[_corner(cells)] = -9999
    dataset.write(relief, 1)


def make_patches(folder: Path, cells: int) -> None:
    """The rasters of both mosaics: the same ground on two bodies."""
    ground = mosaics.ground(cells)

    def make(patch: mosaics.Patch) -> None:
        path = folder / patch.name
        if not path.exists():
            relief = mosaics.values(patch, ground)
            _write(
                path,
                patch.crs,
                patch.bounds,
                cells,
                lambda dataset: dataset.write(relief, 1),
                "float32",
                1,
                mosaics.NODATA,
                **{**_LOSSLESS, "NUM_THREADS": "1"},
            )

    every = [patch for crs in (UTM, "IAU_2015:49910") for patch in mosaics.patches(crs, cells)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(make, every))


QUADTREES = {UTM: EARTH, "IAU_2015:49910": mars()}
"""The tiles that the data of a system are asked in."""
