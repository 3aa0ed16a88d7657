"""GeoTIFF files of every kind that is read here, against what rasterio reads of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
import tifffile

from ogcapi.sources.blocks import Level, across, down, edges
from ogcapi.sources.gdal import File
from ogcapi.sources.geotiff import open_geotiff
from tests.data import SHARED, needs_shared, write_raster

BOUNDS = (500_000, 4_000_000, 503_000, 4_002_000)


def opened(path):
    pyramid = open_geotiff(File(href=str(path), name=path.name))
    assert pyramid is not None
    return pyramid


def assembled(level: Level):
    """Values (field, row, col) and valid (row, col) of all blocks, which have the sizes that are told."""
    count = len(level.dtypes)
    values = np.zeros((count, level.height, level.width), np.result_type(*level.dtypes))
    valid = np.ones((level.height, level.width), bool)
    indices = range(across(level) * down(level) * level.planes)
    for index, block in zip(indices, level.read_blocks(indices), strict=True):
        plane, top, left, bottom, right = edges(level, index)
        assert block.values.shape == (bottom - top, right - left, count // level.planes)
        assert block.values.flags.c_contiguous
        assert not block.values.flags.writeable
        cells = block.values.transpose(2, 0, 1)
        assert cells.dtype == level.dtypes[plane]
        assert cells.dtype.isnative
        values[plane : plane + len(cells), top:bottom, left:right] = cells
        if block.valid is not None:
            assert block.valid.shape == block.values.shape[:2]
            valid[top:bottom, left:right] &= block.valid != 0
    return values, valid


def as_gdal_reads(path: Path, header, overview: int | None = None):
    levels = {} if overview is None else {"overview_level": overview}
    with rasterio.open(path, **levels) as dataset:
        values = dataset.read(list(header.bands))
        valid = dataset.read_masks(1) != 0 if header.has_mask else np.ones(dataset.shape, bool)
        if header.alpha is not None:
            valid &= dataset.read(header.alpha) != 0
    return values, valid


def check(path: Path) -> None:
    """Every level is what rasterio reads."""
    pyramid = opened(path)
    for number, level in enumerate(pyramid.levels):
        expected, expected_valid = as_gdal_reads(path, pyramid.header, number - 1 if number else None)
        values, valid = assembled(level)
        assert values.dtype == expected.dtype
        np.testing.assert_array_equal(values, expected)
        np.testing.assert_array_equal(valid, expected_valid)


def noise(dtype: str, shape=(2, 75, 90), seed=0):
    """Values of all bits, neighbours often alike."""
    made = np.random.default_rng(seed)
    kind = np.dtype(dtype)
    if kind.kind == "f":
        values = np.cumsum(made.normal(0, 1, shape), axis=-1).astype(kind)
        values[..., :3, :3] = np.array([np.nan, np.inf, -0.0], kind)
        return values
    limits = np.iinfo(kind)
    values = made.integers(limits.min, limits.max, shape, kind, endpoint=True)
    values[..., 20:40, :] = values[..., :1, :1]
    return values


LOSSLESS = ["none", "deflate", "lzw", "zstd", "packbits", "lzma", "lerc", "lerc_deflate", "lerc_zstd"]
DTYPES = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64"]
CHUNKS = {
    "tiles": {"tiled": True, "blockxsize": 32, "blockysize": 16},
    "large tiles": {"tiled": True, "blockxsize": 256, "blockysize": 128},
    "strips": {"blockysize": 7},
    "one strip": {"blockysize": 75},
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("compress", LOSSLESS)
def test_every_compression_of_every_type_is_read_to_the_bit(tmp_path, compress, dtype):
    if compress.startswith("lerc") and dtype.endswith("int64"):
        pytest.skip("LERC has no such type")
    write_raster(
        tmp_path / "a.tif", noise(dtype), bounds=BOUNDS, compress=compress, overviews=(2,), **CHUNKS["tiles"]
    )
    check(tmp_path / "a.tif")


@needs_shared
@pytest.mark.parametrize("path", sorted(SHARED.glob("**/*.tif")), ids=lambda path: path.stem)
def test_real_rasters_are_read_to_the_bit(path):
    with rasterio.open(path) as dataset:
        if "YCbCr" in str(dataset.photometric):
            pytest.skip("lossy")
    check(path)
