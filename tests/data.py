"""Small rasters made for tests, and where the real ones lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio import enums

from ogcapi.model.collection import CoverageSource
from ogcapi.model.crs import parse_crs
from ogcapi.model.grid import BBox, Grid
from ogcapi.model.raster import Raster, Resampling, Selection

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


def numbered(height: int, width: int, dtype: str = "int32") -> Any:
    """Values (row, col) that all differ and tell where they come from: row * 1000 + col."""
    return (np.arange(height)[:, None] * 1000 + np.arange(width)).astype(dtype)


def grid_of(crs: str, bounds: Sequence[float], width: int, height: int) -> Grid:
    """A grid over xmin, ymin, xmax, ymax."""
    xmin, ymin, xmax, ymax = bounds
    return Grid(crs=parse_crs(crs), bbox=BBox(xmin=xmin, ymin=ymin, xmax=xmax, ymax=ymax), width=width, height=height)


def read_all(source: CoverageSource, grid: Grid, method: Resampling = Resampling.NEAREST) -> Raster:
    """Every field on a grid."""
    return source.read(grid, Selection(fields=tuple(field.name for field in source.fields), method=method))
