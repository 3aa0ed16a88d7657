"""GeoTIFFs are read back with rasterio, which is GDAL, and with Pillow."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from rasterio.enums import ColorInterp
from rasterio.io import MemoryFile

from ogcapi.model.crs import parse_crs, transformation
from ogcapi.model.grid import BBox, Grid
from ogcapi.model.raster import Field, Raster
from ogcapi.pixels import tiff
from ogcapi.pixels.absence import find_absence, is_free
from ogcapi.pixels.geotiff import geotiff
from tests.pixels.gdal_geotiff import gdal_geotiff
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


def tags_of(content: bytes) -> dict[int, tiff.Tag]:
    """The tags of the first image but those that tell where its strips are."""
    return {
        code: tag
        for code, tag in tiff.read_tags(content).items()
        if code not in {tiff.STRIP_OFFSETS, tiff.STRIP_BYTE_COUNTS}
    }


def facts_of(content: bytes) -> dict[str, object]:
    """All that GDAL says of a file."""
    with MemoryFile(content) as file, file.open() as dataset:
        spaces = [None, *(space for space in dataset.tag_namespaces() if space != "DERIVED_SUBDATASETS")]  # file names
        bands = range(1, dataset.count + 1)
        return {
            "profile": repr(dataset.profile),  # NaN is not equal to itself
            "masks": dataset.mask_flag_enums,
            "valid": dataset.read_masks().tolist(),
            "values": dataset.read().tobytes(),
            "colours": dataset.colorinterp,
            "described": (dataset.descriptions, dataset.units, dataset.scales, dataset.offsets),
            "tags": [(space, band, dataset.tags(band, ns=space)) for space in spaces for band in (0, *bands)],
        }


@settings(max_examples=200, deadline=None)
@given(rasters())
def test_geotiff_is_to_gdal_what_gdal_itself_would_have_written(raster: Raster) -> None:
    ours, theirs = geotiff(raster), gdal_geotiff(raster)
    assert tags_of(ours) == tags_of(theirs)
    assert facts_of(ours) == facts_of(theirs)


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=9)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def described(draw: st.DrawFn) -> tuple[Field, ...]:
    """Fields with names, units, scales and colours of any kind."""
    dtype = draw(st.sampled_from(["uint8", "uint16", "int16", "float32"]))
    colors = st.none() | st.sampled_from([*ColorInterp.__members__, "wavelength"])
    one = st.builds(
        Field,
        name=TEXTS,
        dtype=st.just(dtype),
        unit=st.none() | TEXTS,
        scale=st.just(1.0) | NUMBERS,
        offset=st.just(0.0) | NUMBERS,
        interpretation=colors,
    )
    return tuple(draw(st.lists(one, min_size=1, max_size=4)))


@settings(max_examples=200, deadline=None)
@given(described())
@example(tuple(Field(name=name, dtype="uint16", interpretation=name) for name in ("red", "green", "blue")))
@example(tuple(Field(name=name, dtype="int16", interpretation=name) for name in ("red", "green", "blue")))
@example(tuple(Field(name=name, dtype="uint8", interpretation=name) for name in ("gray", "alpha")))
def test_geotiff_describes_fields_as_gdal_does(fields: tuple[Field, ...]) -> None:
    raster = Raster.empty(grid_of(2, 3), fields)
    ours, theirs = geotiff(raster), gdal_geotiff(raster)
    assert tags_of(ours) == tags_of(theirs)
    assert facts_of(ours) == facts_of(theirs)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_geotiff_has_the_colour_table_that_gdal_writes(dtype: str) -> None:
    colors = {0: (10, 20, 30, 255), 1: (200, 100, 50, 0), 255: (1, 2, 3, 128), -1: (1, 1, 1, 1), 1 << 20: (2, 2, 2, 2)}
    field = Field(name="cover", dtype=dtype, interpretation="palette", colors=colors, nodata=1)
    known = replace(field, colors={value: colors[value] for value in (0, 1, 255)})
    ours, theirs = geotiff(Raster.empty(grid_of(2, 3), [field])), gdal_geotiff(Raster.empty(grid_of(2, 3), [known]))
    assert tags_of(ours) == tags_of(theirs)
    assert facts_of(ours) == facts_of(theirs)


@pytest.mark.parametrize("code", [*CRSS, *UNREGISTERED])
def test_geotiff_names_systems_as_gdal_does(code: str) -> None:
    raster = Raster.empty(grid_of(2, 3, code), [Field(name="a", dtype="uint8")])
    assert tags_of(geotiff(raster)) == tags_of(gdal_geotiff(raster))


@pytest.mark.parametrize("shape", [(1, 1), (1, 700), (700, 1), (70_000, 1), (1, 70_000), (300, 257)])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64"])
def test_geotiff_of_any_size_has_the_strips_and_the_mask_of_gdals(shape: tuple[int, int], dtype: str) -> None:
    values = (np.arange(2 * shape[0] * shape[1]) % 251).reshape(2, *shape).astype(dtype)
    raster = raster_of(values, (values % 7 > 0)[:1].repeat(2, 0), None, None)
    ours, theirs = geotiff(raster), gdal_geotiff(raster)
    assert tags_of(ours) == tags_of(theirs)
    assert facts_of(ours) == facts_of(theirs)


def test_geotiff_takes_values_of_either_byte_order_and_any_layout() -> None:
    values = np.arange(24, dtype=">i4").reshape(3, 4, 2).transpose(2, 1, 0)
    raster = raster_of(values.astype("<i4"), np.ones(values.shape, bool), None, None)
    assert geotiff(replace(raster, values=values)) == geotiff(raster)


def test_more_bytes_than_a_classic_tiff_can_address_are_refused() -> None:
    class Huge(bytes):
        def __len__(self) -> int:
            return 1 << 32

    with pytest.raises(ValueError, match="4 GB"):
        tiff.written([tiff.Image(tags={}, strips=[Huge()])])


@given(hnp.arrays(np.float32, (2, 3, 3), elements=st.floats(width=32)), hnp.arrays(bool, (2, 3, 3)), st.data())
def test_a_nodata_is_free_just_where_no_valid_value_is_near_it(values, valid, data) -> None:
    near = st.sampled_from(values.ravel().tolist())
    nodata = np.float32(data.draw(near | near.map(lambda v: np.nextafter(np.float32(v), np.float32(0)).item())))
    used = values[valid]
    with np.errstate(all="ignore"):
        same = np.isnan(used) if np.isnan(nodata) else used == nodata
        taken = same | (np.abs(used - nodata) < np.finfo(np.float32).eps * np.abs(used + nodata) * 4)
    assert is_free(nodata, values, None if valid.all() else valid) == (not taken.any())
