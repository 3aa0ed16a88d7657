import json
import math
import os
from dataclasses import replace

import numpy as np
import pytest
import rasterio
from rasterio import enums
from rasterio.enums import ColorInterp

from ogcapi.model.crs import parse_crs, transformation
from ogcapi.model.problem import SourceFailed
from ogcapi.model.raster import Resampling, Selection
from ogcapi.sources.raster import open_file
from tests.contract import SourceContract
from tests.data import DEMO, forget_revisions, grid_of, numbered, read_all, write_raster


class TestAWholeBody(SourceContract):
    @pytest.fixture
    def source(self):
        return open_file(str(DEMO / "earth" / "relief.tif"))


class TestColours(SourceContract):
    @pytest.fixture
    def source(self):
        return open_file(str(DEMO / "earth" / "blue_marble.tif"))


class TestPastTheAntimeridian(SourceContract):
    @pytest.fixture
    def source(self):
        return open_file(str(DEMO / "mars" / "mola_N090E.tif"))


class TestPartsOfAUtmZone(SourceContract):
    @pytest.fixture
    def source(self, tmp_path):
        values = np.stack([numbered(80, 90, "float32"), numbered(80, 90, "float32") / 3])
        values[:, 20:30, 40:60] = -1
        return open_file(
            str(
                write_raster(
                    tmp_path / "a.tif",
                    values,
                    bounds=(500000, 4000000, 590000, 4080000),
                    crs="EPSG:32618",
                    nodata=-1,
                    overviews=[2, 4],
                )
            )
        )


class TestARotatedFile(SourceContract):
    @pytest.fixture
    def source(self, tmp_path):
        turned = (
            rasterio.Affine.translation(500000, 4000000) @ rasterio.Affine.rotation(25) @ rasterio.Affine.scale(30, -20)
        )
        return open_file(
            str(write_raster(tmp_path / "a.tif", numbered(40, 50), transform=tuple(turned)[:6], crs="EPSG:32618"))
        )


def test_a_grid_of_the_files_own_cells_gets_the_files_own_values(tmp_path):
    values = numbered(40, 60)
    source = open_file(str(write_raster(tmp_path / "a.tif", values, bounds=(10, 20, 70, 60))))
    raster = read_all(source, source.grid)
    assert (raster.values[0] == values).all()
    assert raster.is_full


def test_cells_outside_the_file_are_not_valid(tmp_path):
    values = numbered(40, 60)
    source = open_file(str(write_raster(tmp_path / "a.tif", values, bounds=(10, 20, 70, 60))))
    raster = read_all(source, grid_of("EPSG:4326", (0, 10, 80, 70), 80, 60))
    assert (raster.valid[0, 10:50, 10:70]).all()
    assert raster.valid.sum() == 40 * 60
    assert (raster.values[0, 10:50, 10:70] == values).all()


def one_by_one(path, grid):
    """Every cell on its own: PROJ, then the cell of the file that holds the place."""
    with rasterio.open(path) as dataset:
        stored, mask = dataset.read(), dataset.read_masks()
        crs = parse_crs(dataset.crs.to_wkt())
        to_file = transformation(grid.crs, crs)
        values, valid = np.zeros((len(stored), *grid.shape), stored.dtype), np.zeros((len(stored), *grid.shape), bool)
        xs, ys = grid.centres()
        for row, y in enumerate(ys):
            for col, x in enumerate(xs):
                there_x, there_y = to_file(float(x), float(y))
                for turn in (0,) if crs.x_period is None else (-crs.x_period, 0, crs.x_period):
                    if not math.isfinite(there_x + there_y):
                        continue
                    c, r = ~dataset.transform @ (there_x + turn, there_y)
                    c, r = math.floor(c + 1e-6), math.floor(r + 1e-6)
                    if 0 <= c < dataset.width and 0 <= r < dataset.height:
                        values[:, row, col], valid[:, row, col] = stored[:, r, c], mask[:, r, c] != 0
    return values, valid


FINE = {  # grids whose cells are no coarser than the demonstration data's
    "across the antimeridian, Mercator": ("mars/mola_N090E.tif", "IAU_2015:49990", (10.4e6, 1e6, 10.9e6, 1.5e6)),
    "across the antimeridian, geographic": ("mars/mola_N090E.tif", "IAU_2015:49900", (178.0, 10, 184.0, 16)),
    "across the antimeridian, from the west": ("mars/mola_N090E.tif", "IAU_2015:49900", (-182.0, 10, -176.0, 16)),
    "at the north pole": ("mars/mola_N090E.tif", "IAU_2015:49930", (-2e5, -2e5, 2e5, 2e5)),
    "at the south pole": ("mars/mola_S090E.tif", "IAU_2015:49935", (-2e5, -2e5, 2e5, 2e5)),
    "around the whole Earth's seam": ("earth/relief.tif", "EPSG:4326", (179.0, -5, 181.0, -3)),
    "a cyclic file in Mercator": ("earth/relief.tif", "EPSG:3857", (20e6, 1e6, 20.2e6, 1.2e6)),
    "a cyclic file at the north pole": ("earth/relief.tif", "EPSG:3413", (-3e5, -3e5, 3e5, 3e5)),
    "a cyclic file at the south pole": ("earth/relief.tif", "EPSG:3031", (-3e5, -3e5, 3e5, 3e5)),
    "far from a system's own area": ("earth/relief.tif", "EPSG:32601", (-3e6, -3e5, -2.4e6, 3e5)),
    "in a system without north up": ("earth/relief.tif", "EPSG:2193", (1.0e6, 4.9e6, 1.6e6, 5.5e6)),
}


@pytest.mark.parametrize("case", FINE.values(), ids=FINE)
def test_nearest_equals_every_cell_on_its_own(case):
    path, crs, bounds = case
    asked = grid_of(crs, bounds, 48, 40)
    raster = read_all(open_file(str(DEMO / path)), asked)
    values, valid = one_by_one(DEMO / path, asked)
    assert valid.any()
    assert (raster.valid == valid).all()
    assert (raster.values[valid] == values[valid]).all()


# Overviews


@pytest.mark.parametrize(("across", "level"), [(90, 1), (46, 1), (45, 2), (24, 2), (23, 4), (7, 4)])
def test_the_coarsest_overview_that_is_not_coarser_than_asked_is_read(tmp_path, across, level):
    values = numbered(90, 90, "float64")
    path = write_raster(tmp_path / "a.tif", values, bounds=(0, 0, 90, 90), crs="EPSG:32618", overviews=[2, 4])
    with rasterio.open(path, "r+") as dataset:
        dataset.write(values[None])  # overviews stay as they are
    for number, mark in enumerate((1e6, 2e6)):
        with rasterio.open(path, "r+", overview_level=number) as dataset:
            dataset.write(np.full((1, dataset.height, dataset.width), mark))
    raster = read_all(open_file(str(path)), grid_of("EPSG:32618", (0, 0, 90, 90), across, across))
    marks = {1: raster.values < 1e6, 2: raster.values == 1e6, 4: raster.values == 2e6}
    assert marks[level].all()


def test_an_overview_on_its_own_cells_is_a_decimated_read(tmp_path):
    values = (np.random.default_rng(1).random((64, 64)) * 250).astype("uint8")
    path = write_raster(tmp_path / "a.tif", values, bounds=(0, 0, 64, 64), crs="EPSG:32618", overviews=[2, 4, 8])
    for factor in (2, 4, 8):
        side = 64 // factor
        with rasterio.open(path) as dataset:
            decimated = dataset.read(1, out_shape=(side, side))
        raster = read_all(open_file(str(path)), grid_of("EPSG:32618", (0, 0, 64, 64), side, side))
        assert (raster.values[0] == decimated).all()


@pytest.mark.parametrize(("across", "factor"), [(49, 2), (25, 4), (14, 7)])
def test_overviews_whose_sizes_are_no_power_of_two_lie_where_the_file_does(tmp_path, across, factor):
    ramp = np.broadcast_to(np.arange(99) + 0.5, (99, 99)).astype("float64")  # each cell holds its own x
    path = write_raster(tmp_path / "a.tif", ramp, bounds=(0, 0, 99, 99), crs="EPSG:32618")
    with rasterio.open(path, "r+") as dataset:
        dataset.build_overviews([2, 4, 7], enums.Resampling.average)
    asked = grid_of("EPSG:32618", (0, 0, 99, 99), across, across)
    got = read_all(open_file(str(path)), asked).values[0]
    assert np.abs(got - asked.centres()[0]).max() <= factor / 2 + 1e-6


# Validity


def test_an_alpha_band_makes_validity_and_is_no_field(tmp_path):
    values = np.stack([numbered(4, 4, "uint8"), np.full((4, 4), 9, "uint8"), np.eye(4, dtype="uint8") * 255])
    colors = [ColorInterp.gray, ColorInterp.undefined, ColorInterp.alpha]
    source = open_file(str(write_raster(tmp_path / "a.tif", values, bounds=(0, 0, 4, 4), colorinterp=colors)))
    assert [field.name for field in source.fields] == ["b1", "b2"]
    assert (read_all(source, source.grid).valid == np.eye(4, dtype=bool)).all()


def test_nodata_and_an_alpha_band_both_count(tmp_path):
    values = np.stack([np.arange(16, dtype="uint8").reshape(4, 4), np.full((4, 4), 255, "uint8")])
    values[1, 3, 3] = 0
    colors = [ColorInterp.gray, ColorInterp.alpha]
    path = write_raster(tmp_path / "a.tif", values, bounds=(0, 0, 4, 4), colorinterp=colors, nodata=5)
    valid = read_all(open_file(str(path)), open_file(str(path)).grid).valid[0]
    assert np.argwhere(~valid).tolist() == [[1, 1], [3, 3]]


def test_an_internal_mask_makes_validity(tmp_path):
    mask = np.eye(8, dtype=bool)
    path = write_raster(tmp_path / "a.tif", numbered(8, 8), bounds=(0, 0, 8, 8), mask=mask)
    source = open_file(str(path))
    assert (read_all(source, source.grid).valid[0] == mask).all()


@pytest.mark.parametrize(
    ("dtype", "nodata"),
    [("float32", math.nan), ("float32", -3.4028234663852886e38), ("float64", -1.2676506e30), ("int16", -32768)],
)
def test_nodata_makes_validity_and_is_the_fields(tmp_path, dtype, nodata):
    values = numbered(6, 6, dtype)
    values[2, 3] = nodata
    source = open_file(str(write_raster(tmp_path / "a.tif", values, bounds=(0, 0, 6, 6), nodata=nodata)))
    valid = read_all(source, source.grid).valid[0]
    assert np.argwhere(~valid).tolist() == [[2, 3]]
    assert source.fields[0].nodata == pytest.approx(nodata, nan_ok=True)


def test_nan_is_never_valid_whatever_the_nodata(tmp_path):
    values = numbered(6, 6, "float32")
    values[1, 1], values[2, 2], values[3, 3] = math.nan, -9999, math.inf
    source = open_file(str(write_raster(tmp_path / "a.tif", values, bounds=(0, 0, 6, 6), nodata=-9999)))
    assert np.argwhere(~read_all(source, source.grid).valid[0]).tolist() == [[1, 1], [2, 2]]


def test_a_nodata_that_the_type_cannot_hold_is_none(tmp_path):
    path = write_raster(tmp_path / "a.tif", numbered(4, 4, "uint8"), bounds=(0, 0, 4, 4))
    (tmp_path / "a.tif.aux.xml").write_text(
        '<PAMDataset><PAMRasterBand band="1"><NoDataValue>-9999</NoDataValue></PAMRasterBand></PAMDataset>'
    )
    source = open_file(str(path))
    assert source.fields[0].nodata is None
    assert read_all(source, source.grid).is_full


def test_validity_belongs_to_each_band(tmp_path):
    values = np.stack([np.arange(4).reshape(2, 2), np.arange(4)[::-1].reshape(2, 2)]).astype("int32")
    source = open_file(str(write_raster(tmp_path / "a.tif", values, bounds=(0, 0, 2, 2), nodata=0)))
    assert read_all(source, source.grid).valid.tolist() == [
        [[False, True], [True, True]],
        [[True, True], [True, False]],
    ]


# Fields


def test_descriptions_that_can_be_names_are_names(tmp_path):
    texts = ["near infrared", "a,b", "twice", "twice", "b1", ""]
    values = np.zeros((6, 2, 2), "uint8")
    source = open_file(str(write_raster(tmp_path / "a.tif", values, bounds=(0, 0, 2, 2), descriptions=texts)))
    assert [field.name for field in source.fields] == ["near infrared", "b2", "b3", "b4", "b5", "b6"]
    assert [field.title for field in source.fields] == [None, "a,b", "twice", "twice", "b1", None]


def test_unit_scale_offset_and_colours_are_the_files(tmp_path):
    path = write_raster(tmp_path / "a.tif", np.ones((1, 2, 2), "uint8"), bounds=(0, 0, 2, 2))
    with rasterio.open(path, "r+") as dataset:
        dataset.scales, dataset.offsets, dataset.units = (0.5,), (10.0,), ("K",)
        dataset.write_colormap(1, {1: (10, 20, 30, 255)})
    (field,) = open_file(str(path)).fields
    assert (field.scale, field.offset, field.unit, field.interpretation) == (0.5, 10.0, "K", "palette")
    assert field.colors[1] == (10, 20, 30, 255)


def test_category_names_are_the_files(tmp_path):
    path = write_raster(tmp_path / "a.tif", np.ones((2, 2, 2), "uint8"), bounds=(0, 0, 2, 2))
    names = "<Category>water</Category><Category></Category><Category>land &amp; ice</Category>"
    (tmp_path / "a.tif.aux.xml").write_text(
        f'<PAMDataset><PAMRasterBand band="2"><CategoryNames>{names}</CategoryNames></PAMRasterBand></PAMDataset>'
    )
    one, two = open_file(str(path)).fields
    assert one.categories is None
    assert two.categories == {0: "water", 2: "land & ice"}


@pytest.mark.parametrize("method", [Resampling.BILINEAR, Resampling.AVERAGE, Resampling.LANCZOS])
def test_numbers_of_classes_are_never_mixed(tmp_path, method):
    values = np.random.default_rng(2).choice(np.array([1, 7], "uint8"), (20, 20))
    path = write_raster(tmp_path / "a.tif", values, bounds=(0, 0, 20, 20))
    with rasterio.open(path, "r+") as dataset:
        dataset.write_colormap(1, {1: (10, 20, 30, 255), 7: (1, 2, 3, 255)})
    raster = read_all(open_file(str(path)), grid_of("EPSG:4326", (0, 0, 20, 20), 33, 33), method)
    assert set(np.unique(raster.values)) == {1, 7}


@pytest.mark.parametrize(
    ("dtype", "nodata"),
    [
        ("int16", -32768),
        ("uint16", 65535),
        ("int32", -(2**31)),
        ("uint32", 2**32 - 1),
        ("int64", -(2**63)),
        ("uint8", None),
        ("int8", None),
    ],
)
def test_whole_numbers_without_nodata_get_one_that_does_not_occur(tmp_path, dtype, nodata):
    plain = open_file(
        str(write_raster(tmp_path / "a.tif", numbered(6, 6).clip(0, 100).astype(dtype), bounds=(0, 0, 6, 6)))
    )
    assert plain.fields[0].nodata == nodata
    assert read_all(plain, plain.grid).is_full
    if nodata is not None:
        values = numbered(6, 6, dtype)
        values[3, 3] = nodata
        taken = open_file(str(write_raster(tmp_path / "b.tif", values, bounds=(0, 0, 6, 6))))
        assert taken.fields[0].nodata is None
        assert read_all(taken, taken.grid).is_full


def masked(folder, values, by):
    """A raster whose first row is not valid, whatever its values are."""
    valid = np.full(values.shape[-2:], 255, "uint8")
    valid[0] = 0
    if by == "mask":
        return write_raster(folder / "a.tif", values, bounds=(0, 0, 16, 16), mask=valid)
    values = np.concatenate([values, valid[None]])
    colors = [ColorInterp.gray] * (len(values) - 1) + [ColorInterp.alpha]
    return write_raster(folder / "a.tif", values, bounds=(0, 0, 16, 16), colorinterp=colors)


@pytest.mark.parametrize("by", ["mask", "alpha"])
@pytest.mark.parametrize(
    ("used", "nodata"),
    [
        (range(99), 255),
        (range(1, 256), 0),
        ([0, *range(4, 256)], 3),
        (range(256), None),
    ],
)
def test_bytes_with_a_mask_get_a_nodata_that_does_not_occur(tmp_path, by, used, nodata):
    values = np.full((1, 17, 16), 255, "uint8")
    values[:, 1:] = np.resize(np.array(used, "uint8"), (16, 16))
    values[:, 0] = 255 if nodata is None else nodata  # what is not valid does not occur
    source = open_file(str(masked(tmp_path, values, by)))
    assert source.fields[0].nodata == nodata
    raster = read_all(source, source.grid)
    assert raster.valid.sum() == 16 * 16
    assert nodata not in raster.values[raster.valid]


def test_signed_bytes_with_a_mask_get_the_least_that_does_not_occur(tmp_path):
    values = np.tile(np.arange(16, dtype="int8"), (1, 17, 1))
    assert open_file(str(masked(tmp_path, values, "mask"))).fields[0].nodata == -128
    values[0, 1:, 0] = -128
    forget_revisions()
    assert open_file(str(masked(tmp_path, values, "mask"))).fields[0].nodata == 127


def test_each_band_with_a_mask_has_a_nodata_of_its_own(tmp_path):
    values = np.stack([np.full((17, 16), 255, "uint8"), np.full((17, 16), 7, "uint8")])
    assert [field.nodata for field in open_file(str(masked(tmp_path, values, "mask"))).fields] == [0, 255]


def test_a_class_that_the_file_names_is_no_nodata(tmp_path):
    path = masked(tmp_path, np.ones((1, 17, 16), "uint8"), "mask")
    names = "<Category>sea</Category>" * 256
    (tmp_path / "a.tif.aux.xml").write_text(
        f'<PAMDataset><PAMRasterBand band="1"><CategoryNames>{names}</CategoryNames></PAMRasterBand></PAMDataset>'
    )
    assert open_file(str(path)).fields[0].nodata is None


def test_a_value_that_the_metadata_show_to_occur_is_no_nodata(tmp_path):
    tags = {"STATISTICS_MINIMUM": "0", "STATISTICS_MAXIMUM": "65535"}
    path = write_raster(tmp_path / "a.tif", np.ones((4, 4), "uint16"), bounds=(0, 0, 4, 4), tags=tags)
    assert open_file(str(path)).fields[0].nodata is None


def test_floats_without_nodata_have_nan(tmp_path):
    path = write_raster(tmp_path / "a.tif", np.ones((4, 4), "float32"), bounds=(0, 0, 4, 4))
    assert math.isnan(open_file(str(path)).fields[0].nodata)
    assert open_file(str(path)).fields == open_file(str(path)).fields


# Extent


def test_a_file_past_the_antimeridian_has_two_boxes():
    boxes = open_file(str(DEMO / "mars" / "mola_N090E.tif")).footprint.bboxes
    assert [(b.xmin, b.xmax) for b in boxes] == [(89.9375, 180.0), (-180.0, -175.0625)]


def test_a_file_counted_from_0_to_360_is_one_turn(tmp_path):
    source = open_file(str(write_raster(tmp_path / "a.tif", numbered(18, 36), bounds=(0, -90, 360, 90))))
    assert [b.bounds for b in source.footprint.bboxes] == [(-180, -90, 180, 90)]
    raster = read_all(source, grid_of("EPSG:4326", (-180, -90, 180, 90), 36, 18))
    assert (raster.values[0] == np.roll(numbered(18, 36), 18, axis=1)).all()


def test_cells_around_a_pole_do_not_make_the_footprint_reach_beyond_it(tmp_path):
    source = open_file(str(write_raster(tmp_path / "a.tif", numbered(19, 36), bounds=(-185, -95, 175, 95))))
    assert [b.bounds for b in source.footprint.bboxes] == [(-180, -90, 180, 90)]


# Files that are refused


def test_a_file_that_is_not_there_is_refused_by_name(tmp_path):
    with pytest.raises(SourceFailed, match="'none' failed: there is no such file"):
        open_file(str(tmp_path / "none.tif"), name="none")


@pytest.mark.parametrize("href", ["GTI:a.tif", "/vsicurl_streaming/a.tif", "<VRTDataset/>", "/vsimem/a.tif"])
def test_what_gdal_would_take_for_instructions_is_no_file(href):
    with pytest.raises(SourceFailed, match="no such file"):
        open_file(href)


@pytest.mark.parametrize(
    "href",
    ["ftp://host/a.tif", "file:///etc/passwd", "swift://bucket/a.tif", "WMS:http://host/wms", "/vsicurl/http://host/a"],
)
def test_other_schemes_are_refused_by_name(href):
    with pytest.raises(SourceFailed, match="scheme"):
        open_file(href)


@pytest.mark.parametrize("href", ["a\0.tif", "a\ud800.tif", "http://[::1/x.tif", "https://host:port/x.tif", "s3://"])
def test_what_is_no_path_and_no_address_is_refused_by_name(href):
    with pytest.raises(SourceFailed, match=r"NUL|characters|malformed") as failure:
        open_file(href)
    assert json.dumps(failure.value.document, ensure_ascii=False).encode()


def test_a_file_with_a_name_of_its_own_tells_no_folder_when_it_fails(tmp_path):
    path = write_raster(tmp_path / "a.tif", np.ones((9, 9), "uint8"), bounds=(0, 0, 9, 9))
    source = open_file(str(path), name="a.tif")
    path.unlink()
    forget_revisions()
    (tmp_path / "b.tif").write_text("no raster")
    for act in (
        lambda: read_all(source, source.grid),
        source.sample,
        lambda: open_file(str(path), name="a.tif"),
        lambda: open_file(str(tmp_path / "b.tif"), name="b.tif"),
        lambda: open_file(f"file://{path}", name="a.tif"),
    ):
        with pytest.raises(SourceFailed) as failure:
            act()
        assert str(tmp_path) not in str(failure.value.document)


def test_a_file_that_is_no_raster_is_refused(tmp_path):
    (tmp_path / "a.tif").write_text("hello")
    with pytest.raises(SourceFailed, match="not a raster"):
        open_file(str(tmp_path / "a.tif"))


def test_complex_numbers_are_refused(tmp_path):
    path = write_raster(tmp_path / "a.tif", np.ones((2, 2), "complex64"), bounds=(0, 0, 2, 2))
    with pytest.raises(SourceFailed, match="complex64"):
        open_file(str(path))


@pytest.mark.parametrize(
    ("scale", "offset"), [(math.inf, 0), (-math.inf, 0), (math.nan, 0), (0, 0), (1, math.inf), (1, math.nan)]
)
def test_values_that_mean_no_numbers_are_refused(tmp_path, scale, offset):
    path = write_raster(tmp_path / "a.tif", np.ones((2, 4, 4), "int16"), bounds=(0, 0, 4, 4))
    with rasterio.open(path, "r+") as dataset:
        dataset.scales, dataset.offsets = (1, scale), (0, offset)
    with pytest.raises(SourceFailed, match=r"band 2 has scale .* expected finite numbers"):
        open_file(str(path))


def test_a_nodata_may_be_infinite(tmp_path):
    values = np.array([[1, np.inf], [-np.inf, 2]], "float32")
    source = open_file(str(write_raster(tmp_path / "a.tif", values, bounds=(0, 0, 2, 2), nodata=np.inf)))
    assert source.fields[0].nodata == math.inf
    assert read_all(source, source.grid).valid[0].tolist() == [[True, False], [True, True]]


def test_a_file_without_a_system_is_refused(tmp_path):
    path = write_raster(tmp_path / "a.tif", np.ones((2, 2), "uint8"), bounds=(0, 0, 2, 2), crs=None)
    with pytest.raises(SourceFailed, match="no coordinate reference system"):
        open_file(str(path))


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_file_that_is_not_georeferenced_is_refused(tmp_path):
    path = write_raster(tmp_path / "a.tif", np.ones((2, 2), "uint8"))
    with pytest.raises(SourceFailed, match="not georeferenced"):
        open_file(str(path))


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_file_placed_by_control_points_is_refused(tmp_path):
    from rasterio.control import GroundControlPoint

    points = [GroundControlPoint(row=r, col=c, x=c + 10, y=20 - r) for r, c in ((0, 0), (0, 2), (2, 0), (2, 2))]
    path = write_raster(tmp_path / "a.tif", np.ones((2, 2), "uint8"), crs=None)
    with rasterio.open(path, "r+") as dataset:
        dataset.gcps = (points, rasterio.CRS.from_epsg(4326))
    with pytest.raises(SourceFailed, match="control points"):
        open_file(str(path))


def test_a_system_that_counts_to_the_west_is_refused(tmp_path):
    path = tmp_path / "a.vrt"
    write_raster(tmp_path / "a.tif", np.ones((2, 2), "uint8"), bounds=(0, 0, 2, 2))
    wkt = parse_crs("IAU_2015:49900").wkt.replace('"Mars (2015) - Sphere / Ocentric"', '"West"').replace("east", "west")
    path.write_text(
        f'<VRTDataset rasterXSize="2" rasterYSize="2"><SRS>{wkt}</SRS><GeoTransform>0,1,0,2,0,-1</GeoTransform>'
        '<VRTRasterBand dataType="Byte" band="1"><SimpleSource><SourceFilename relativeToVRT="1">a.tif</SourceFilename>'
        "</SimpleSource></VRTRasterBand></VRTDataset>"
    )
    with pytest.raises(SourceFailed, match="to the west"):
        open_file(str(path))


def test_a_truncated_file_fails_by_name_when_it_is_read(tmp_path):
    values = np.random.default_rng(1).random((512, 512))
    path = write_raster(tmp_path / "a.tif", values, bounds=(0, 0, 5, 5), tiled=True, blockxsize=128, blockysize=128)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)
    source = open_file(str(path), name="half")
    assert read_all(source, grid_of("EPSG:4326", (0, 4.5, 0.5, 5), 8, 8)).valid.all()  # its first tiles are whole
    with pytest.raises(SourceFailed, match="'half' failed: its values could not be read"):
        read_all(source, source.grid)


# Revisions


def test_a_file_that_changes_is_read_anew(tmp_path):
    path = write_raster(tmp_path / "a.tif", numbered(8, 8), bounds=(0, 0, 8, 8))
    source = open_file(str(path))
    before, first = source.revision(), read_all(source, source.grid)
    write_raster(path, numbered(16, 16) + 7, bounds=(0, 0, 8, 8))
    os.utime(path, ns=(1, 1))
    forget_revisions()
    assert source.revision() != before
    assert (read_all(source, source.grid).values[0, :8, :8] != first.values[0]).any()
    assert read_all(source, source.grid).grid.shape == (16, 16)


def test_files_may_be_of_any_format_that_gdal_reads(tmp_path):
    import rasterio.shutil

    tif = write_raster(tmp_path / "a.tif", numbered(8, 8, "uint8"), bounds=(500000, 0, 500080, 80), crs="EPSG:32618")
    for driver, name in (("PNG", "a.png"), ("VRT", "a.vrt"), ("HFA", "a.img")):
        rasterio.shutil.copy(tif, tmp_path / name, driver=driver)
        source = open_file(str(tmp_path / name))
        assert (read_all(source, source.grid).values[0] == numbered(8, 8, "uint8")).all()


def test_bands_of_different_types_are_read_as_one_that_holds_all(tmp_path):
    write_raster(tmp_path / "a.tif", np.full((2, 2), 200, "uint8"), bounds=(0, 0, 2, 2))
    write_raster(tmp_path / "b.tif", np.full((2, 2), 0.1, "float64"), bounds=(0, 0, 2, 2))
    bands = "".join(
        f'<VRTRasterBand dataType="{kind}" band="{number}"><SimpleSource><SourceFilename relativeToVRT="1">{name}.tif'
        "</SourceFilename></SimpleSource></VRTRasterBand>"
        for number, (kind, name) in enumerate((("Byte", "a"), ("Float64", "b")), 1)
    )
    (tmp_path / "a.vrt").write_text(
        '<VRTDataset rasterXSize="2" rasterYSize="2"><SRS>EPSG:4326</SRS><GeoTransform>0,1,0,2,0,-1</GeoTransform>'
        f"{bands}</VRTDataset>"
    )
    source = open_file(str(tmp_path / "a.vrt"))
    assert [field.dtype for field in source.fields] == ["uint8", "float64"]
    assert read_all(source, source.grid).values[:, 0, 0].tolist() == [200.0, 0.1]
    alone = source.read(source.grid, Selection(fields=("b1",)))
    assert alone.values.dtype == "uint8"


def test_a_sample_of_a_large_file_without_overviews_is_sparse(tmp_path):
    path = write_raster(
        tmp_path / "a.tif", np.ones((1, 4100, 4100), "uint8"), bounds=(0, 0, 41, 41), compress="deflate", tiled=True
    )
    assert open_file(str(path)).sample().grid.shape == (64, 64)
    with rasterio.open(path, "r+") as dataset:
        dataset.build_overviews([2])
    forget_revisions()
    assert open_file(str(path)).sample().grid.shape == (512, 512)


def test_the_grid_of_a_rotated_file_has_cells_of_its_size(tmp_path):
    turned = rasterio.Affine.rotation(30) @ rasterio.Affine.scale(1, -1)
    source = open_file(str(write_raster(tmp_path / "a.tif", numbered(10, 20), transform=tuple(turned)[:6])))
    assert source.grid.cell_width == pytest.approx(1, abs=0.05)
    assert replace(source.grid, width=1, height=1).bbox == source.footprint.bboxes[0]
