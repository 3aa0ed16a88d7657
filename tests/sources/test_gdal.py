import json
import math

import numpy as np
import pytest
import rasterio
from rasterio._env import get_gdal_config
from rasterio.enums import ColorInterp

from ogcapi.model.crs import parse_crs
from ogcapi.model.problem import SourceFailed
from ogcapi.model.raster import Resampling
from ogcapi.sources.gdal import opened
from ogcapi.sources.header import File
from ogcapi.sources.raster import open_file
from tests.data import forget_revisions, grid_of, numbered, read_all, write_raster

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
    with pytest.raises(SourceFailed, match=r"'half' failed: (its values could not be read|it ends before)"):
        read_all(source, source.grid)


# Memory


def test_gdal_keeps_at_most_128_megabytes_of_decoded_blocks(tmp_path):
    path = write_raster(tmp_path / "a.tif", np.ones((2, 2), "uint8"), bounds=(0, 0, 2, 2))
    with opened(File(href=str(path), name="a")):
        assert get_gdal_config("GDAL_CACHEMAX") == 128 * 1024 * 1024
