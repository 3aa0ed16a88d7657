import numpy as np
import pytest
import rasterio

from ogcapi.model.problem import SourceFailed
from ogcapi.model.raster import Selection
from ogcapi.sources.raster import open_file
from tests.data import grid_of, open_trusted, read_all, square, write_mosaic, write_raster


def test_assets_may_differ_in_system_resolution_type_nodata_and_bands(tmp_path):
    square(tmp_path, "a.tif", 1, (0, 0, 10, 10))
    write_raster(
        tmp_path / "b.tif",
        np.full((2, 50, 55), 9, "uint8"),
        bounds=(1100000, 0, 2200000, 1000000),
        crs="EPSG:3857",
        nodata=0,
    )
    source = open_trusted(write_mosaic(tmp_path / "mosaic.json", ["a.tif", "b.tif"], zoom=3))
    assert source.storage_crs == open_file(str(tmp_path / "a.tif")).storage_crs
    assert [field.dtype for field in source.fields] == ["int16"]
    raster = read_all(source, grid_of("EPSG:4326", (0, 1, 19, 8), 19, 7))
    assert raster.is_full
    assert not raster.missing
    assert sorted(np.unique(raster.values)) == [1, 9]
    assert source.grid.cell_width == pytest.approx(20000 / 111319.49, rel=1e-3)  # the finer ones of the second


def test_a_band_that_an_asset_lacks_is_not_valid_there(tmp_path):
    write_raster(tmp_path / "a.tif", np.ones((2, 5, 5), "int16"), bounds=(0, 0, 5, 5))
    write_raster(tmp_path / "b.tif", np.full((1, 5, 5), 2, "int16"), bounds=(5, 0, 10, 5))
    source = open_trusted(write_mosaic(tmp_path / "mosaic.json", ["a.tif", "b.tif"], zoom=3))
    raster = read_all(source, grid_of("EPSG:4326", (0, 0, 10, 5), 10, 5))
    assert raster.valid[0].all()
    assert raster.valid[1].any(axis=0).tolist() == [True] * 5 + [False] * 5


def test_bands_are_matched_by_name_where_all_have_names(tmp_path):
    ones = np.stack([np.full((5, 5), n, "int16") for n in (1, 2)])
    write_raster(tmp_path / "a.tif", ones, bounds=(0, 0, 5, 5), descriptions=["red", "blue"])
    write_raster(tmp_path / "b.tif", ones, bounds=(5, 0, 10, 5), descriptions=["blue", "red"])
    write_raster(tmp_path / "c.tif", ones, bounds=(10, 0, 15, 5))
    source = open_trusted(write_mosaic(tmp_path / "mosaic.json", ["a.tif", "b.tif", "c.tif"], zoom=3))
    values = read_all(source, grid_of("EPSG:4326", (0, 0, 15, 5), 15, 5)).values
    assert values[0, 0].tolist() == [1] * 5 + [2] * 5 + [1] * 5
    assert source.read(grid_of("EPSG:4326", (5, 0, 10, 5), 5, 5), Selection(fields=("blue",))).values.max() == 1


@pytest.mark.parametrize(
    ("dtypes", "made"),
    [
        (["uint8", "int16"], "int16"),
        (["uint8", "int8"], "int16"),
        (["uint16", "float32", "uint8"], "float32"),
        (["int32", "float32"], "float64"),
        (["float64", "uint8"], "float64"),
        (["uint8", "uint8", "uint8", "uint32"], "uint32"),
    ],
)
def test_a_field_holds_the_values_of_all_of_the_first_assets(tmp_path, dtypes, made):
    names = []
    for number, dtype in enumerate(dtypes):
        names.append(f"{number}.tif")
        value = np.iinfo(dtype).max if np.dtype(dtype).kind in "iu" else 0.5
        square(tmp_path, names[-1], value, (5 * number, 0, 5 * number + 5, 5), dtype=dtype, nodata=None)
    source = open_trusted(write_mosaic(tmp_path / "mosaic.json", names, zoom=3))
    assert source.fields[0].dtype == made
    raster = read_all(source, grid_of("EPSG:4326", (0, 0, 5 * len(names), 5), 5 * len(names), 5))
    assert raster.is_full
    assert not raster.missing
    for number, name in enumerate(names):
        own = read_all(open_file(str(tmp_path / name)), raster.grid).values[0, 0, 5 * number]
        assert raster.values[0, 0, 5 * number] == own


@pytest.mark.parametrize(("dtype", "value"), [("int16", 1), ("int16", 300), ("int8", 1), ("float32", 1)])
def test_a_later_asset_of_a_type_that_the_field_cannot_hold_fails_whatever_its_values_are(tmp_path, dtype, value):
    names = [f"{number}.tif" for number in range(4)]
    for number, name in enumerate(names):
        square(tmp_path, name, 1, (5 * number, 0, 5 * number + 5, 5), dtype="uint8", nodata=0)
    square(tmp_path, "later.tif", value, (20, 0, 25, 5), dtype=dtype)
    square(tmp_path, "last.tif", 7, (25, 0, 30, 5), dtype="uint8", nodata=0)
    source = open_trusted(write_mosaic(tmp_path / "mosaic.json", [*names, "later.tif", "last.tif"], zoom=3))
    assert source.fields[0].dtype == "uint8"
    raster = read_all(source, grid_of("EPSG:4326", (0, 0, 30, 5), 30, 5))
    assert raster.valid[0, 0].tolist() == [True] * 20 + [False] * 5 + [True] * 5
    assert raster.missing == ("later.tif",)
    assert "uint8" in source.status.failures["later.tif"]


def test_an_asset_of_other_units_fails_alone(tmp_path):
    square(tmp_path, "a.tif", 1, (0, 0, 5, 5))
    square(tmp_path, "b.tif", 2, (5, 0, 10, 5))
    with rasterio.open(tmp_path / "b.tif", "r+") as dataset:
        dataset.scales = (0.1,)
    source = open_trusted(write_mosaic(tmp_path / "mosaic.json", ["a.tif", "b.tif"], zoom=3))
    assert read_all(source, grid_of("EPSG:4326", (0, 0, 10, 5), 10, 5)).missing == ("b.tif",)


def test_assets_of_two_bodies_are_no_mosaic(tmp_path):
    square(tmp_path, "a.tif", 1, (0, 0, 5, 5), crs="IAU_2015:49900")
    with pytest.raises(SourceFailed, match="another body"):
        open_trusted(write_mosaic(tmp_path / "mosaic.json", ["a.tif"], zoom=3))
    square(tmp_path, "b.tif", 1, (0, 0, 5, 5))
    source = open_trusted(write_mosaic(tmp_path / "mosaic.json", ["b.tif", "a.tif"], zoom=3))
    grid = grid_of("EPSG:4326", (0, 0, 8, 5), 8, 5)
    assert read_all(source, grid).missing == ("a.tif",)
