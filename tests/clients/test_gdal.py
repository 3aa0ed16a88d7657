"""GDAL's own programs: WMTS, virtual rasters, service descriptions, tiled assets, OGC API."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import rasterio
from PIL import Image

from tests.clients.made import MARS_SET, NODATA, Server, truth
from tests.clients.pictures import apart, is_picture, on_white, own, view
from tests.clients.programs import missing, need_gdal

_TIMEOUT_S = 120
_NOTHING_KEPT = {"GDAL_ENABLE_WMS_CACHE": "NO"}
PLACES = [  # not Mars in Mercator, which the PROJ of Debian 12 does not know by its code
    ("mola", MARS_SET),
    ("aligned", MARS_SET),
    ("utm", "WebMercatorQuad"),
    ("laea", "EuropeanETRS89_LAEAQuad"),
    ("degrees", "WorldCRS84Quad"),
]


@pytest.fixture(autouse=True)
def _gdal() -> None:
    need_gdal()


def gdal(*command: str, folder: Path) -> str:
    """What a program of GDAL says."""
    environment = {**os.environ, **_NOTHING_KEPT}
    ran = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S, cwd=folder, env=environment
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def info(address: str, folder: Path) -> dict[str, Any]:
    return dict(json.loads(gdal("gdalinfo", "-json", address, folder=folder)))


def wmts(server: Server, collection: str, set_id: str) -> str:
    capabilities = f"{server.url}/collections/{collection}/wmts/1.0.0/WMTSCapabilities.xml"
    return f"WMTS:{capabilities},layer={collection},tilematrixset={set_id}"


@pytest.mark.parametrize(("collection", "set_id"), PLACES)
def test_wmts_lies_where_the_data_do_and_looks_as_our_maps(
    server: Server, tmp_path: Path, collection: str, set_id: str
) -> None:
    seen = view(server, collection, set_id)
    (xmin, ymin, xmax, ymax), (width, height) = seen.bbox, seen.size
    corners = map(repr, (xmin, ymax, xmax, ymin))
    address = wmts(server, collection, set_id)
    found = info(address, tmp_path)
    _, cell, _, _, _, negative = found["geoTransform"]
    assert (cell, -negative) == pytest.approx((seen.cell, seen.cell), rel=1e-9)
    gdal("gdal_translate", "-q", "-of", "PNG", "-projwin", *corners, address, "seen.png", folder=tmp_path)
    theirs, ours = Image.open(tmp_path / "seen.png"), own(server, seen)
    assert theirs.size == (width, height)
    assert is_picture(ours)
    assert apart(ours, on_white(theirs)) < 0.005


@pytest.mark.parametrize("name", ["mars", "aligned", "utm", "laea", "degrees"])
def test_virtual_rasters_are_copied_with_exact_values(server: Server, folder: Path, tmp_path: Path, name: str) -> None:
    address = f"/vsicurl/{server.url}/collections/{name}/coverage.vrt"
    gdal("gdal_translate", "-q", address, "copy.tif", folder=tmp_path)
    with truth(folder, name) as (values, source), rasterio.open(tmp_path / "copy.tif") as copy:
        np.testing.assert_array_equal(copy.read(), values)
        assert (copy.nodata, copy.dtypes) == (source.nodata, source.dtypes)
        np.testing.assert_allclose(copy.transform, source.transform, rtol=1e-14)
        assert copy.crs == source.crs


@pytest.mark.parametrize("path", ["mars/coverage.vrt", "mars/coverage/tiles/MarsMercatorSphere/coverage.vrt"])
def test_virtual_rasters_tell_all_that_is_known(server: Server, path: str, tmp_path: Path) -> None:
    found = info(f"/vsicurl/{server.url}/collections/{path}", tmp_path)
    assert found["bands"][0]["noDataValue"] == NODATA
    assert found["bands"][0]["type"] == "Float32"
    assert "Mars" in found["coordinateSystem"]["wkt"]


def test_a_virtual_raster_is_warped_as_the_files_are(server: Server, folder: Path, tmp_path: Path) -> None:
    target = ["-q", "-t_srs", "EPSG:4326", "-ts", "300", "300", "-r", "near", "-ovr", "NONE"]
    gdal("gdalwarp", *target, str(folder / "laea.tif"), "truth.tif", folder=tmp_path)
    gdal("gdalwarp", *target, f"/vsicurl/{server.url}/collections/laea/coverage.vrt", "ours.tif", folder=tmp_path)
    with rasterio.open(tmp_path / "truth.tif") as truth_of, rasterio.open(tmp_path / "ours.tif") as ours:
        np.testing.assert_array_equal(ours.read(), truth_of.read())
        assert (ours.transform, ours.nodata) == (truth_of.transform, truth_of.nodata)


@pytest.mark.parametrize("set_id", [MARS_SET, "aligned-native"])
def test_a_service_description_gives_exact_values(server: Server, folder: Path, tmp_path: Path, set_id: str) -> None:
    address = f"{server.url}/collections/aligned/coverage/tiles/{set_id}/gdal-wms.xml"
    (tmp_path / "gdal-wms.xml").write_bytes(httpx.get(address).content)
    with truth(folder, "aligned") as (values, source):
        height, width = values.shape[1:]
        x, y, cell = source.transform.c, source.transform.f, source.transform.a
        corners = map(repr, (x, y, x + width * cell, y - height * cell))
        gdal("gdal_translate", "-q", "-projwin", *corners, "gdal-wms.xml", "copy.tif", folder=tmp_path)
        with rasterio.open(tmp_path / "copy.tif") as copy:
            np.testing.assert_array_equal(copy.read(), values)
            assert (copy.nodata, copy.crs) == (NODATA, source.crs)


def test_values_come_through_wmts_without_a_value_for_no_data(server: Server, folder: Path, tmp_path: Path) -> None:
    address = f"{server.url}/collections/aligned/coverage/tiles/{MARS_SET}/gdal-wmts.xml"
    (tmp_path / "gdal-wmts.xml").write_bytes(httpx.get(address).content)
    gdal("gdal_translate", "-q", "gdal-wmts.xml", "copy.tif", folder=tmp_path)
    with truth(folder, "aligned") as (values, _), rasterio.open(tmp_path / "copy.tif") as copy:
        np.testing.assert_array_equal(copy.read(), values)
        assert copy.nodata is None


def test_tiled_assets_are_the_data_themselves(server: Server, folder: Path, tmp_path: Path) -> None:
    address = f'STACTA:"{server.url}/collections/laea/coverage/tiles/laea-native/stacta.json"'
    gdal("gdal_translate", "-q", "-srcwin", "0", "0", "800", "600", address, "copy.tif", folder=tmp_path)
    with truth(folder, "laea") as (values, source), rasterio.open(tmp_path / "copy.tif") as copy:
        np.testing.assert_array_equal(copy.read(), values)
        assert (copy.nodata, copy.dtypes, copy.crs) == (source.nodata, source.dtypes, source.crs)


def test_the_driver_of_ogc_apis_copies_values(server: Server, folder: Path, tmp_path: Path) -> None:
    if "OGCAPI" not in gdal("gdalinfo", "--formats", folder=tmp_path):
        missing("GDAL with the driver OGCAPI", "Debian: gdal-bin")
    address = f"OGCAPI:{server.url}/collections/degrees"
    gdal("gdal_translate", "-q", "-oo", "API=COVERAGE", "-oo", "CACHE=NO", address, "copy.tif", folder=tmp_path)
    with truth(folder, "degrees") as (values, source), rasterio.open(tmp_path / "copy.tif") as copy:
        np.testing.assert_array_equal(copy.read(), values)
        np.testing.assert_allclose(copy.transform, source.transform, atol=1e-9)
        assert (copy.dtypes, copy.crs) == (source.dtypes, source.crs)
