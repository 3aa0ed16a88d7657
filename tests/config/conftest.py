"""What the tests of configurations share."""

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a small GeoTIFF, `dem.tif`, and a mosaic of it, `mosaic.json`."""
    profile = {"driver": "GTiff", "width": 4, "height": 4, "count": 1, "dtype": "uint8", "crs": "EPSG:4326"}
    with rasterio.open(tmp_path / "dem.tif", "w", transform=rasterio.Affine(1, 0, 0, 0, -1, 4), **profile) as raster:
        raster.write(np.ones((1, 4, 4), "uint8"))
    mosaic = {"mosaicjson": "0.0.3", "minzoom": 0, "maxzoom": 1, "tiles": {"1": ["dem.tif"]}}
    (tmp_path / "mosaic.json").write_text(json.dumps(mosaic))
    return tmp_path
