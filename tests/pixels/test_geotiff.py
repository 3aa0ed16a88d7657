"""GeoTIFFs are read back with rasterio, which is GDAL, and with Pillow."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from rasterio.io import MemoryFile

from ogcapi.model.crs import parse_crs, transformation
from ogcapi.model.grid import BBox, Grid
from ogcapi.model.raster import Field, Raster
from ogcapi.pixels.geotiff import find_absence, geotiff
from tests.strategies import DTYPES, grid_of, raster_of, rasters


@settings(max_examples=300, deadline=None)
@given(rasters())
def test_geotiff_keeps_every_valid_cell_bit_by_bit_and_says_which_they_are(raster: Raster) -> None:
    with MemoryFile(geotiff(raster)) as file, file.open() as dataset:
        values, masks = dataset.read(), dataset.read_masks() > 0
        assert dataset.dtypes == (raster.values.dtype.name,) * len(raster.fields)
        assert not dataset.profile["tiled"]
        assert dataset.transform[:6] == raster.grid.transform
        assert dataset.count == len(raster.fields)
    assert np.array_equal(masks, raster.valid)
    assert values[raster.valid].tobytes() == raster.values[raster.valid].tobytes()


def test_geotiff_where_no_value_is_free_shows_no_cell_that_lacks_a_field() -> None:
    values = np.arange(256, dtype=np.uint8).reshape(1, 16, 16).repeat(2, axis=0)
    valid = np.ones(values.shape, bool)
    valid[0, 3, 5] = valid[1, 7, 2] = False
    with MemoryFile(geotiff(raster_of(values, valid, None, None))) as file, file.open() as dataset:
        assert dataset.nodata is None
        assert np.array_equal(dataset.dataset_mask() > 0, valid.all(axis=0))


@given(hnp.arrays(np.uint8, (2, 5, 5)), hnp.arrays(bool, (2, 5, 5)), st.integers(0, 255))
def test_the_nodata_of_the_fields_is_published_wherever_no_valid_cell_has_it(values, valid, nodata) -> None:
    absence = find_absence(raster_of(values, valid, nodata, nodata))
    assert (absence.nodata == nodata) == (nodata not in values[valid])


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_full_raster_without_nodata_needs_neither_tag_nor_mask(dtype: str) -> None:
    absence = find_absence(raster_of(np.ones((2, 3, 3), dtype), np.ones((2, 3, 3), bool), None, None))
    assert absence.nodata is None
    assert absence.mask is None


def test_invalid_cells_of_a_geotiff_hold_the_nodata() -> None:
    values = np.array([[[1.5, 2.5, -np.inf]]], np.float32)
    with MemoryFile(geotiff(raster_of(values, values > 2, -32767))) as file, file.open() as dataset:
        assert dataset.nodata == -32767
        assert dataset.read().tolist() == [[[-32767, 2.5, -32767]]]


@pytest.mark.parametrize("nodata", [-9999.0, 3.4028234663852886e38, -1e30, 1.0])
def test_a_value_that_gdal_takes_for_nodata_is_kept_by_a_mask(nodata: float) -> None:
    near = np.nextafter(np.float32(nodata), np.float32(0), dtype=np.float32)
    values, valid = np.array([[[near, 7, 8]]], np.float32), np.array([[[True, True, False]]])
    with MemoryFile(geotiff(raster_of(values, valid, nodata))) as file, file.open() as dataset:
        assert (dataset.read_masks() > 0).tolist() == valid.tolist()
        assert dataset.nodata is None


CRSS = ["EPSG:4326", "EPSG:3035", "EPSG:32618", "EPSG:3857", "EPSG:3031", "IAU_2015:49900", "IAU_2015:49910"]
UNREGISTERED = ["OGC:CRS84", "IAU_2015:49990", "IAU_2015:49930", "IAU_2015:49935", "IAU_2015:30130"]


@pytest.mark.parametrize("code", [*CRSS, *UNREGISTERED])
def test_geotiff_lies_where_the_raster_lies(code: str) -> None:
    crs = parse_crs(code)
    scale = 1.0 if crs.is_geographic else 20_000.0
    bbox = BBox(xmin=-70.3 * scale, ymin=10.1 * scale, xmax=-60.7 * scale, ymax=17.9 * scale)
    grid = Grid(crs=crs, bbox=bbox, width=7, height=5)
    raster = Raster.empty(grid, [Field(name="height", dtype="float32", nodata=float("nan"))])
    with MemoryFile(geotiff(raster)) as file, file.open() as dataset:
        assert dataset.transform[:6] == grid.transform
        assert dataset.bounds == pytest.approx(bbox.bounds, rel=1e-15)
        assert (dataset.bounds.left, dataset.bounds.top) == (bbox.xmin, bbox.ymax)
        assert dataset.tags()["AREA_OR_POINT"] == "Area"
        back = parse_crs(dataset.crs.to_wkt())
    if code in CRSS:
        assert back == crs
    # GeoTIFF keys cannot name the others' methods or axes, but describe the same plane.
    there = transformation(crs, back)(*np.meshgrid(*grid.centres()))
    assert np.allclose(there, np.meshgrid(*grid.centres()), rtol=1e-12, atol=0)


def test_geotiff_describes_its_bands_as_the_fields_are_described() -> None:
    fields = (
        Field(name="height", dtype="int16", nodata=-1, unit="m", scale=0.5, offset=100.0, interpretation="gray"),
        Field(name="Temperature ≥ 0", dtype="int16", nodata=-1, unit="K", interpretation="red"),
        Field(name="flag", dtype="int16", nodata=-1, interpretation="alpha"),
    )
    with MemoryFile(geotiff(Raster.empty(grid_of(4, 4), fields))) as file, file.open() as dataset:
        assert dataset.descriptions == ("height", "Temperature ≥ 0", "flag")
        assert dataset.units == ("m", "K", None)
        assert dataset.scales == (0.5, 1, 1)
        assert dataset.offsets == (100, 0, 0)
        assert [meaning.name for meaning in dataset.colorinterp] == ["gray", "red", "undefined"]


def test_four_fields_of_8_bits_do_not_become_an_alpha_band() -> None:
    fields = [Field(name=name, dtype="uint8", nodata=0) for name in ("red", "green", "blue", "infrared")]
    with MemoryFile(geotiff(Raster.empty(grid_of(4, 4), fields))) as file, file.open() as dataset:
        assert {meaning.name for meaning in dataset.colorinterp[1:]} == {"undefined"}


def test_red_green_and_blue_make_an_rgb_geotiff_that_any_viewer_shows() -> None:
    fields = tuple(Field(name=name, dtype="uint8", interpretation=name) for name in ("red", "green", "blue"))
    values = np.arange(75, dtype=np.uint8).reshape(3, 5, 5)
    content = geotiff(Raster(grid=grid_of(5, 5), fields=fields, values=values, valid=np.ones(values.shape, bool)))
    with Image.open(BytesIO(content)) as image:
        assert image.mode == "RGB"
        assert np.array_equal(np.moveaxis(np.asarray(image), 2, 0), values)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_geotiff_keeps_the_colour_table(dtype: str) -> None:
    colors = {0: (10, 20, 30, 255), 1: (200, 100, 50, 255), 7: (1, 2, 3, 255)}
    field = Field(name="cover", dtype=dtype, interpretation="palette", colors=colors)
    values = np.array([[[0, 1], [7, 7]]], dtype)
    raster = Raster(grid=grid_of(2, 2), fields=(field,), values=values, valid=np.ones(values.shape, bool))
    with MemoryFile(geotiff(raster)) as file, file.open() as dataset:
        assert {value: dataset.colormap(1)[value] for value in colors} == colors
        assert np.array_equal(dataset.read(), values)


def test_geotiff_has_several_strips_where_it_is_large() -> None:
    field = Field(name="height", dtype="float32", nodata=-1)
    with MemoryFile(geotiff(Raster.empty(grid_of(512, 512), [field]))) as file, file.open() as dataset:
        assert dataset.block_shapes == [(64, 512)]
        assert dataset.profile["compress"] == "deflate"
