"""What a GeoTIFF says of itself is the same with and without GDAL, or is left to GDAL."""

from __future__ import annotations

import subprocess
import sys
from math import inf, nan

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from pyproj.database import query_crs_info
from pyproj.enums import PJType
from rasterio.enums import ColorInterp

from ogcapi.model.problem import SourceFailed
from ogcapi.sources import ranges
from ogcapi.sources.gdal import read_tiff_header
from ogcapi.sources.header import File
from ogcapi.sources.tiff import NoTiff, read_tiff
from ogcapi.sources.tiffheader import learn_crs, plain_header
from ogcapi.sources.tiffimage import images
from tests import data
from tests.data import SHARED, needs_shared

BOUNDS = (500_000, 4_000_000, 503_000, 4_002_000)
MARS = "+proj=eqc +R=3396190 +lon_0=12 +units=m +no_defs"
CODES = [info.code for info in query_crs_info("EPSG", [PJType.PROJECTED_CRS, PJType.GEOGRAPHIC_2D_CRS])]


def write_raster(path, values, **options):
    return data.write_raster(path, values, **{"bounds": BOUNDS, "crs": "EPSG:32633"} | options)


def both(path):
    """The header without GDAL, or None, and that of GDAL, or None where it refuses."""
    file = File(href=str(path), name=path.name)
    start = ranges.read_start(file.href, file.name)
    tiff = read_tiff(start, lambda spans: ranges.read_ranges(file.href, start.revision, spans, file.name))
    found = images(tiff)
    try:
        asked = read_tiff_header(file, [overview.size for overview in found.overviews], None)
    except SourceFailed:
        asked = None
    plain = plain_header(file, tiff, found)
    if asked is not None:
        learn_crs(file, tiff, asked.geometry.crs)
    return plain, asked


def values(count=1, dtype="int16"):
    return np.arange(count * 30 * 40).reshape(count, 30, 40).astype(dtype)


def check(path):
    plain, asked = both(path)
    assert plain is not None
    assert plain == asked
    assert plain.geometry.crs.wkt == asked.geometry.crs.wkt
    assert plain.is_whole


@needs_shared
@pytest.mark.parametrize("path", sorted(SHARED.glob("**/*.tif")), ids=lambda path: path.stem)
def test_headers_of_real_rasters_are_the_same_or_left_to_gdal(path):
    try:
        plain, asked = both(path)
    except NoTiff:
        pytest.skip("GDAL reads it as a whole")
    assert plain in (None, asked)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("interleave", ["pixel", "band"])
def test_plain_rasters_need_no_gdal(tmp_path, dtype, count, interleave):
    check(write_raster(tmp_path / "a.tif", values(count, dtype), interleave=interleave, overviews=(2,)))


@pytest.mark.parametrize("options", [{"photometric": "RGB"}, {"photometric": "RGB", "ALPHA": "YES"}, {"ALPHA": "YES"}])
@pytest.mark.parametrize("count", [3, 4])
def test_colours_and_alpha_are_the_same(tmp_path, options, count):
    plain, asked = both(write_raster(tmp_path / "a.tif", values(count, "uint8"), **options))
    assert plain in (None, asked)


@pytest.mark.parametrize(
    ("dtype", "nodata"),
    [
        *(("uint8", 0), ("uint8", 255), ("int16", -32768), ("uint16", 65535), ("float32", -9999), ("float32", nan)),
        *(
            ("float32", 0.1),
            ("float32", -3.4028234663852886e38),
            ("float64", -1.7976931348623157e308),
            ("float64", inf),
        ),
    ],
)
def test_nodata_is_the_same(tmp_path, dtype, nodata):
    plain, asked = both(write_raster(tmp_path / "a.tif", values(1, dtype), nodata=nodata))
    assert plain in (None, asked)
    assert plain is not None or nodata == inf


@given(
    texts=st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8), min_size=2, max_size=2),
    unit=st.text("m K/&<>\"'°", max_size=4),
    scale=st.floats(allow_nan=False, allow_infinity=False).filter(bool),
    offset=st.floats(allow_nan=False, allow_infinity=False),
    tags=st.dictionaries(st.sampled_from(["STATISTICS_MINIMUM", "STATISTICS_MAXIMUM", "x"]), st.text("0.5-e<& a")),
)
def test_what_metadata_say_of_bands_is_the_same(tmp_path_factory, texts, unit, scale, offset, tags):
    path = write_raster(tmp_path_factory.mktemp("a") / "a.tif", values(2))
    with rasterio.open(path, "r+") as dataset:
        dataset.descriptions = texts
        dataset.units = (unit, "")
        dataset.scales, dataset.offsets = (scale, 1.0), (0.0, offset)
        dataset.update_tags(2, **tags)
        dataset.update_tags(any="thing", STATISTICS_MINIMUM="7")
    plain, asked = both(path)
    assert plain in (None, asked)


def test_what_metadata_mostly_say_needs_no_gdal(tmp_path):
    path = write_raster(tmp_path / "a.tif", values(2))
    with rasterio.open(path, "r+") as dataset:
        dataset.descriptions = ("height", "Höhe über NN")
        dataset.units, dataset.scales, dataset.offsets = ("m", ""), (0.01, 1.0), (0.0, -5.5)
        dataset.update_tags(1, STATISTICS_MINIMUM="1", STATISTICS_MAXIMUM="2.5")
    check(path)
    plain, _ = both(path)
    assert [field.name for field in plain.fields] == ["height", "Höhe über NN"]


@pytest.mark.parametrize("code", [4326, 3857, 3031, 32633, 25832, 2056, 3067, 3035, 5041, 27700, *CODES[::60]])
@pytest.mark.parametrize("point", ["Area", "Point"])
def test_systems_are_the_same(tmp_path, code, point):
    profile = {"driver": "GTiff", "width": 4, "height": 3, "count": 1, "dtype": "uint8"}
    place = {"crs": f"EPSG:{code}", "transform": rasterio.Affine(10 / 3, 0, 0.1, 0, -10 / 7, 0.7)}
    try:
        with rasterio.open(tmp_path / "a.tif", "w", **profile, **place) as dataset:
            dataset.update_tags(AREA_OR_POINT=point)
    except rasterio.errors.CRSError:
        pytest.skip("GDAL does not know it")
    plain, asked = both(tmp_path / "a.tif")
    assert plain in (None, asked)
    assert plain is None or plain.geometry.crs.wkt == asked.geometry.crs.wkt


@pytest.mark.parametrize("step", [(3, 0.5, 7, 0.25, -4, 9), (3, 0, 7, 0, 4, 9), (0, 3, 1, 2, 0, 1)])
@pytest.mark.parametrize("point", ["Area", "Point"])
def test_rotated_and_mirrored_rasters_are_the_same(tmp_path, step, point):
    profile = {"driver": "GTiff", "width": 4, "height": 3, "count": 1, "dtype": "uint8", "crs": "EPSG:32633"}
    with rasterio.open(tmp_path / "a.tif", "w", **profile, transform=rasterio.Affine(*step)) as dataset:
        dataset.update_tags(AREA_OR_POINT=point)
    check(tmp_path / "a.tif")


def test_a_system_that_gdal_has_named_once_is_known(tmp_path):
    for name in ("a.tif", "b.tif"):
        write_raster(tmp_path / name, values(), bounds=(0, 0, 400, 300), crs=MARS)
    first, asked = both(tmp_path / "a.tif")
    assert asked.geometry.crs.name != "EPSG"
    assert first in (None, asked)
    check(tmp_path / "b.tif")


def palette(dataset):
    dataset.write_colormap(1, {0: (1, 2, 3, 255)})


def statistics_beside(dataset):
    dataset.statistics(1, clear_cache=True)


def gray_as_red(dataset):
    dataset.colorinterp = [ColorInterp.red]


@pytest.mark.parametrize("change", [palette, gray_as_red])
def test_what_is_not_plain_is_left_to_gdal(tmp_path, change):
    path = tmp_path / "a.tif"
    profile = {"driver": "GTiff", "width": 40, "height": 30, "count": 1, "dtype": "uint8", "crs": "EPSG:32633"}
    with rasterio.open(path, "w", **profile, transform=rasterio.Affine(1, 0, 5, 0, -1, 5)) as dataset:
        change(dataset)
    assert both(path)[0] is None


@pytest.mark.parametrize("name", ["a.tif.aux.xml", "a.tif.ovr", "a.tif.msk", "a.aux"])
def test_files_beside_are_left_to_gdal(tmp_path, name):
    path = write_raster(tmp_path / "a.tif", values())
    check(path)
    (tmp_path / name).write_text("<PAMDataset/>")
    assert both(path)[0] is None


def test_control_points_are_left_to_gdal(tmp_path):
    points = [rasterio.control.GroundControlPoint(row, col, col * 10, row * 10) for row in (0, 9) for col in (0, 9)]
    profile = {"driver": "GTiff", "width": 40, "height": 30, "count": 1, "dtype": "uint8", "crs": "EPSG:32633"}
    with rasterio.open(tmp_path / "a.tif", "w", **profile, gcps=points):
        pass
    assert both(tmp_path / "a.tif") == (None, None)


def test_plain_rasters_are_served_without_gdal_and_rio_tiler(tmp_path):
    write_raster(tmp_path / "a.tif", values(3, "uint8"), overviews=(2,))
    script = (
        "import sys, numpy as np\n"
        "from ogcapi.sources.raster import open_file\n"
        "from ogcapi.model.raster import Selection\n"
        "import ogcapi.app\n"
        "source = open_file(sys.argv[1])\n"
        "raster = source.sample()\n"
        "assert raster.valid.any()\n"
        "print([name for name in ('rasterio', 'rio_tiler') if name in sys.modules])\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "a.tif")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
