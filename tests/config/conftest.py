"""What the tests of configurations share."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.data import write_raster


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a small GeoTIFF, `dem.tif`, and a mosaic of it, `mosaic.json`."""
    write_raster(tmp_path / "dem.tif", np.ones((4, 4), "uint8"), bounds=(0, 0, 4, 4))
    mosaic = {"mosaicjson": "0.0.3", "minzoom": 0, "maxzoom": 1, "tiles": {"1": ["dem.tif"]}}
    (tmp_path / "mosaic.json").write_text(json.dumps(mosaic))
    return tmp_path
