"""Small rasters made for tests, and where the real ones lie."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import morecantile
import numpy as np
import pytest
import rasterio
from rasterio import enums

from ogcapi.model.body import body_of
from ogcapi.model.collection import CoverageSource
from ogcapi.model.crs import parse_crs
from ogcapi.model.grid import BBox, Grid, carry
from ogcapi.model.raster import Raster, Resampling, Selection
from ogcapi.pixels.overlay import MosaicMethod
from ogcapi.sources import hosts, storage
from ogcapi.sources.mosaicjson import MosaicJsonSource, open_mosaic

DEMO = Path(__file__).parents[1] / "demo"
SHARED = Path(__file__).parents[2] / "shared" / "data"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the folder ../shared/data is not here")


def write_raster(
    path: Path,
    values: Any,
    *,
    bounds: Sequence[float] | None = None,
    transform: Sequence[float] | None = None,
    crs: str | None = "EPSG:4326",
    nodata: float | None = None,
    overviews: Sequence[int] = (),
    mask: Any = None,
    colorinterp: Sequence[Any] | None = None,
    descriptions: Sequence[str] = (),
    tags: Mapping[str, str] | None = None,
    **profile: Any,
) -> Path:
    """A GeoTIFF of values (row, col) or (band, row, col); bounds are xmin, ymin, xmax, ymax."""
    values = np.asarray(values)
    values = values[None] if values.ndim == 2 else values
    count, height, width = values.shape
    if bounds is not None:
        xmin, ymin, xmax, ymax = bounds
        transform = ((xmax - xmin) / width, 0, xmin, 0, -(ymax - ymin) / height, ymax)
    placed = {} if transform is None else {"transform": rasterio.Affine(*transform)}
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(
            path,
            "w",
            driver="GTiff",
            width=width,
            height=height,
            count=count,
            dtype=values.dtype,
            crs=crs,
            nodata=nodata,
            **placed,
            **profile,
        ) as dataset,
    ):
        if colorinterp is not None:
            dataset.colorinterp = colorinterp
        dataset.write(values)
        if mask is not None:
            dataset.write_mask(mask)
        for band, text in enumerate(descriptions, 1):
            dataset.set_band_description(band, text)
        if tags is not None:
            dataset.update_tags(1, **tags)
    if overviews:
        with rasterio.open(path, "r+") as dataset:
            dataset.build_overviews(list(overviews), enums.Resampling.nearest)
    return path


def square(folder: Path, name: str, value: float, bounds: Sequence[int], **options: Any) -> Path:
    """A raster of one value, with cells of a degree."""
    xmin, ymin, xmax, ymax = bounds
    values = np.full((ymax - ymin, xmax - xmin), value, options.pop("dtype", "int16"))
    return write_raster(folder / name, values, bounds=bounds, nodata=options.pop("nodata", -1), **options)


def numbered(height: int, width: int, dtype: str = "int32") -> Any:
    """Values (row, col) that all differ and tell where they come from: row * 1000 + col."""
    return (np.arange(height)[:, None] * 1000 + np.arange(width)).astype(dtype)


def grid_of(crs: str, bounds: Sequence[float], width: int, height: int) -> Grid:
    """A grid over xmin, ymin, xmax, ymax."""
    xmin, ymin, xmax, ymax = bounds
    return Grid(crs=parse_crs(crs), bbox=BBox(xmin=xmin, ymin=ymin, xmax=xmax, ymax=ymax), width=width, height=height)


def read_all(
    source: CoverageSource, grid: Grid, method: Resampling = Resampling.NEAREST, *, is_drawn: bool = False
) -> Raster:
    """Every field on a grid."""
    fields = tuple(field.name for field in source.fields)
    return source.read(grid, Selection(fields=fields, method=method, is_drawn=is_drawn))


def open_trusted(path: Path, method: MosaicMethod = MosaicMethod.FIRST, **options: Any) -> MosaicJsonSource:
    """The mosaic of a document that may name files anywhere."""
    return open_mosaic(str(path), method=method, trusted=True, roots=(), **options)


def forget_revisions() -> None:
    """Let every file and every host be looked at again when next asked for."""
    with storage._revisions.lock, hosts._hosts.lock:
        storage._revisions.known.clear()
        hosts._hosts.silent_until.clear()
        hosts._hosts.answered_at.clear()


def write_mosaic(
    path: Path,
    assets: Sequence[str],
    *,
    zoom: int,
    box: Sequence[float] | None = None,
    bounds: Mapping[str, Sequence[float]] | None = None,
    **members: Any,
) -> Path:
    """A MosaicJSON over assets beside it; those that are not there lie in `bounds` (degrees), else in `box`."""
    web_mercator = morecantile.tms.get("WebMercatorQuad")
    known = dict(bounds or {})
    for name in assets:
        if name not in known and (path.parent / name).is_file():
            known[name] = _degrees(path.parent / name)
    around = box or _around(list(known.values()))
    tiles: dict[str, list[str]] = {}
    for name in assets:
        west, south, east, north = known.get(name, around)
        for part in ((west, east),) if west < east else ((west, 180), (-180, east)):
            for tile in web_mercator.tiles(part[0], south, part[1], north, [zoom]):
                tiles.setdefault(web_mercator.quadkey(tile), []).append(name)
    document = {
        "mosaicjson": "0.0.3",
        "minzoom": zoom,
        "maxzoom": zoom + 2,
        "quadkey_zoom": zoom,
        "bounds": list(around),
        "tiles": tiles,
    }
    path.write_text(json.dumps(document | members))
    return path


def _degrees(path: Path) -> Sequence[float]:
    """Where a file lies; anywhere near where it cannot be opened."""
    try:
        with rasterio.open(path) as dataset:
            crs, (west, south, east, north) = parse_crs(dataset.crs.to_wkt()), dataset.bounds
    except rasterio.errors.RasterioIOError:
        return -10, -10, 20, 20
    (box,) = carry(BBox(xmin=west, ymin=south, xmax=east, ymax=north), crs, body_of(crs).geographic)
    return box.bounds


def _around(boxes: Sequence[Sequence[float]]) -> Sequence[float]:
    west, south, east, north = zip(*boxes, strict=True)
    return min(west), min(south), max(east), max(north)
