"""GeoTIFF files of every kind that is read here, against what rasterio reads of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
import tifffile
from PIL import Image

from ogcapi.sources import ranges
from ogcapi.sources.blocks import Level, across, down, edges
from ogcapi.sources.gdal import File
from ogcapi.sources.gdalblocks import open_gdal
from ogcapi.sources.geotiff import TiffLevel, open_geotiff
from ogcapi.sources.raster import open_file
from tests.data import SHARED, needs_shared, read_all, write_raster

BOUNDS = (500_000, 4_000_000, 503_000, 4_002_000)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(ranges, "_SETTLED_NS", 0)  # no file is changed here once it is written


def opened(path):
    file = File(href=str(path), name=path.name)
    return open_geotiff(file) or open_gdal(file)


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


def as_pillow_reads(path: Path, number: int):
    """Colours of a JPEG as libjpeg-turbo decodes them; GDAL's is another libjpeg where some are stored together."""
    with Image.open(path) as image:
        image.seek(number)
        return np.asarray(image).transpose(2, 0, 1)


def check(path: Path) -> None:
    """Every level is what rasterio reads; Pillow, of JPEG as YCbCr."""
    pyramid = opened(path)
    for number, level in enumerate(pyramid.levels):
        expected, expected_valid = as_gdal_reads(path, pyramid.header, number - 1 if number else None)
        values, valid = assembled(level)
        if isinstance(level, TiffLevel) and level.image.layout.is_ycbcr:
            assert np.abs(values - expected.astype(float)).mean() < 5
            expected = as_pillow_reads(path, number)
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
    write_raster(tmp_path / "a.tif", noise(dtype), bounds=BOUNDS, compress=compress, overviews=(2,), **CHUNKS["tiles"])
    check(tmp_path / "a.tif")


@needs_shared
@pytest.mark.parametrize("path", sorted(SHARED.glob("**/*.tif")), ids=lambda path: path.stem)
def test_real_rasters_are_read_to_the_bit(path):
    check(path)


@pytest.mark.parametrize(
    ("compress", "interleave", "chunks"),
    [
        ("deflate", "pixel", "tiles"),
        ("deflate", "band", "strips"),
        ("lzw", "band", "tiles"),
        ("lzw", "pixel", "one strip"),
        ("zstd", "pixel", "large tiles"),
        ("none", "band", "strips"),
    ],
)
@pytest.mark.parametrize(
    ("dtype", "predictor"),
    [(dtype, 2) for dtype in DTYPES] + [("float32", 3), ("float64", 3)],
)
def test_predictors_are_undone(tmp_path, dtype, predictor, compress, interleave, chunks):
    predicted = {} if compress == "none" else {"predictor": predictor}
    path = write_raster(
        tmp_path / "a.tif",
        noise(dtype, (3, 75, 90)),
        bounds=BOUNDS,
        compress=compress,
        interleave=interleave,
        **predicted,
        **CHUNKS[chunks],
    )
    check(path)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("is_big", [False, True])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint32", "int64", "float16", "float32", "float64"])
@pytest.mark.parametrize(
    ("compression", "predictor"),
    [(None, None), ("deflate", 2), ("lzw", 2), ("deflate", 3), ("zstd", 3), ("packbits", None)],
)
def test_both_byte_orders_of_both_kinds_of_tiff_are_read(tmp_path, order, is_big, dtype, compression, predictor):
    if (predictor == 3) != (np.dtype(dtype).kind == "f") and predictor:
        pytest.skip("not a predictor of this type")
    for number, options in enumerate(
        [{"tile": (32, 48)}, {"rowsperstrip": 9}, {"tile": (64, 64), "planarconfig": "separate"}]
    ):
        path = tmp_path / f"{number}.tif"
        values = noise(dtype, (3, 75, 90))
        is_planar = "planarconfig" in options
        tifffile.imwrite(
            path,
            values if is_planar else values.transpose(1, 2, 0),
            byteorder=order,
            bigtiff=is_big,
            photometric="minisblack",
            compression=compression,
            predictor=predictor,
            extratags=PLACE,
            **({"planarconfig": "contig"} | options),
        )
        check(path)


KEYS = (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32618)
PLACE = [
    (33550, "d", 3, (10.0, 10.0, 0.0), True),
    (33922, "d", 6, (0.0, 0.0, 0.0, 500_000.0, 4_000_000.0, 0.0), True),
    (34735, "H", len(KEYS), KEYS, True),
]
"""What tifffile writes of itself no more than this: cells of 10 m in UTM 18."""


def picture(bands=3, height=130, width=150):
    """Smooth colours, as pictures have."""
    rows, cols = np.mgrid[:height, :width]
    waves = [120 + 100 * np.sin(rows / (9 + 3 * b) + cols / (14 - b)) for b in range(bands)]
    return np.stack(waves).astype("uint8")


@pytest.mark.parametrize("bits", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("compress", ["none", "deflate", "packbits"])
@pytest.mark.parametrize("interleave", ["pixel", "band"])
def test_values_of_few_bits_are_expanded(tmp_path, bits, compress, interleave):
    values = noise("uint8") >> (8 - bits)
    check(
        write_raster(
            tmp_path / "a.tif",
            values,
            bounds=BOUNDS,
            nbits=bits,
            compress=compress,
            interleave=interleave,
            blockysize=20,
        )
    )


@pytest.mark.parametrize("order", ["LITTLE", "BIG"])
@pytest.mark.parametrize(("dtype", "bits"), [("uint16", 9), ("uint16", 12), ("uint32", 17), ("uint32", 24)])
def test_values_of_odd_bits_are_expanded(tmp_path, dtype, bits, order):
    values = noise(dtype) >> (np.dtype(dtype).itemsize * 8 - bits)
    options = {"nbits": bits, "compress": "deflate", "endianness": order}
    check(write_raster(tmp_path / "a.tif", values, bounds=BOUNDS, **options, **CHUNKS["tiles"]))


def test_values_of_overviews_that_alone_are_jpeg_are_gdals(tmp_path):
    path = write_raster(
        tmp_path / "a.tif", picture(3, 256, 256), crs="EPSG:32631", bounds=BOUNDS, compress="deflate", **CHUNKS["tiles"]
    )
    with rasterio.Env(COMPRESS_OVERVIEW="JPEG", PHOTOMETRIC_OVERVIEW="YCBCR"), rasterio.open(path, "r+") as dataset:
        dataset.build_overviews([2])
    source = open_file(str(path))
    grid = replace(source.grid, width=128, height=128)
    with rasterio.open(path, overview_level=0) as dataset:
        np.testing.assert_array_equal(read_all(source, grid).values, dataset.read())


def test_floats_of_16_bits_are_those_that_gdal_makes_of_them(tmp_path):
    values = noise("float32")
    values[np.isfinite(values)] %= 1000
    write_raster(tmp_path / "a.tif", values, bounds=BOUNDS, nbits=16, compress="deflate", predictor=3)
    assert opened(tmp_path / "a.tif").levels[0].dtypes[0] == np.float32
    check(tmp_path / "a.tif")


@pytest.mark.parametrize("chunks", CHUNKS.values(), ids=CHUNKS)
@pytest.mark.parametrize("compress", ["deflate", "lzw", "none"])
@pytest.mark.parametrize("overviews", [(), (2, 4)])
@pytest.mark.parametrize("interleave", ["pixel", "band"])
def test_masks_say_where_there_are_data_in_every_level(tmp_path, chunks, compress, overviews, interleave):
    mask = (np.add.outer(np.arange(75), np.arange(90)) % 40 > 5).astype("uint8") * 255
    path = write_raster(
        tmp_path / "a.tif",
        noise("int16"),
        bounds=BOUNDS,
        mask=mask,
        nodata=0,
        compress=compress,
        overviews=overviews,
        interleave=interleave,
        **chunks,
    )
    assert len(opened(path).levels) == 1 + len(overviews)
    assert opened(path).levels[0].nodata == (None, None)
    check(path)


@pytest.mark.parametrize("interleave", ["pixel", "band"])
@pytest.mark.parametrize("place", [1, 2, 4])
def test_alpha_is_validity_and_no_field_wherever_it_is(tmp_path, interleave, place):
    alpha = np.full((130, 150), 255, "uint8")
    alpha[20:70, 10:60] = 0
    alpha[70:90] = 1
    values = np.insert(picture(3), place - 1, alpha, axis=0)
    colors = [rasterio.enums.ColorInterp[name] for name in ("red", "green", "blue")]
    colors.insert(place - 1, rasterio.enums.ColorInterp.alpha)
    path = write_raster(
        tmp_path / "a.tif",
        values,
        bounds=BOUNDS,
        colorinterp=colors,
        interleave=interleave,
        compress="deflate",
        overviews=(2,),
        **CHUNKS["tiles"],
    )
    header = opened(path).header
    assert header.alpha == place
    assert len(header.bands) == 3
    check(path)


def test_a_block_without_holes_has_no_mask_of_its_own(tmp_path):
    mask = np.full((75, 90), 255, "uint8")
    mask[:16, :32] = 0
    path = write_raster(
        tmp_path / "a.tif", noise("uint8"), bounds=BOUNDS, mask=mask, tiled=True, blockxsize=256, blockysize=256
    )
    assert opened(path).levels[0].read_blocks([0])[0].valid is not None
    mask[:] = 255
    path = write_raster(tmp_path / "b.tif", noise("uint8"), bounds=BOUNDS, mask=mask)
    assert opened(path).levels[0].read_blocks([0])[0].valid is None


@pytest.mark.parametrize("nodata", [None, 7, -9999])
@pytest.mark.parametrize("interleave", ["pixel", "band"])
@pytest.mark.parametrize(
    "extra", [{}, {"colorinterp": [rasterio.enums.ColorInterp.gray, rasterio.enums.ColorInterp.alpha]}]
)
def test_blocks_that_are_not_stored_are_what_gdal_takes_them_for(tmp_path, nodata, interleave, extra):
    path = tmp_path / "a.tif"
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=200,
        height=100,
        count=2,
        dtype="int16",
        nodata=nodata,
        crs="EPSG:32618",
        transform=rasterio.Affine(10, 0, 500_000, 0, -10, 4_000_000),
        sparse_ok=True,
        tiled=True,
        blockxsize=32,
        blockysize=32,
        interleave=interleave,
    ) as dataset:
        if extra:
            dataset.colorinterp = extra["colorinterp"]
        dataset.write(np.full((2, 20, 30), 5, "int16"), window=rasterio.windows.Window(64, 32, 30, 20))
    image = opened(path).levels[0].image
    assert (image.counts == 0).any()
    check(path)


def test_nodata_is_that_of_each_field_in_its_own_type(tmp_path):
    cases = {"uint8": 255, "int16": -9999, "float32": np.nan, "float64": -1.7976931348623157e308}
    for dtype, nodata in cases.items():
        path = write_raster(tmp_path / f"{dtype}.tif", noise(dtype), bounds=BOUNDS, nodata=nodata)
        np.testing.assert_array_equal(opened(path).levels[0].nodata, [nodata] * 2)
        check(path)
    path = write_raster(tmp_path / "a.tif", noise("uint8"), bounds=BOUNDS)
    assert opened(path).levels[0].nodata == (None, None)
    exact = -(2**60) - 1  # rasterio would make a float of it
    tags = [*PLACE, (42113, "s", 0, str(exact), True)]
    tifffile.imwrite(path, noise("int64")[0], photometric="minisblack", extratags=tags)
    assert opened(path).levels[0].nodata == (exact,)


@pytest.mark.parametrize(
    ("bands", "options"),
    [
        (1, {}),
        (3, {"photometric": "RGB"}),
        (3, {"photometric": "MINISBLACK"}),
        (3, {"interleave": "band"}),
        (4, {"photometric": "RGB"}),
        (2, {}),
    ],
)
@pytest.mark.parametrize("chunks", [*CHUNKS.values()], ids=[*CHUNKS])
def test_jpeg_without_subsampled_colours_is_what_gdal_reads(tmp_path, bands, options, chunks):
    chunks = {"blockysize": 16} if "tiled" not in chunks else chunks
    path = write_raster(
        tmp_path / "a.tif",
        picture(bands),
        bounds=BOUNDS,
        compress="jpeg",
        overviews=(2,),
        **({"interleave": "pixel"} | options | chunks),
    )
    check(path)


def ycbcr(path: Path, **options) -> Path:
    """A JPEG with fewer colours than cells, as GDAL writes it."""
    made = {"compress": "jpeg", "photometric": "YCBCR", "interleave": "pixel"}
    return write_raster(path, picture(), bounds=BOUNDS, **made | options)


@pytest.mark.parametrize("tables", [0, 1, 3])
@pytest.mark.parametrize("chunks", [*CHUNKS.values()], ids=[*CHUNKS])
def test_jpeg_of_ycbcr_is_what_libjpeg_turbo_decodes(tmp_path, chunks, tables):
    chunks = {"blockysize": 16} if "tiled" not in chunks else chunks
    path = ycbcr(tmp_path / "a.tif", overviews=(2, 4), jpegtablesmode=tables, **chunks)
    assert isinstance(opened(path).levels[0], TiffLevel)
    check(path)


@pytest.mark.parametrize("chunks", [{"tile": (64, 64)}, {"tile": (256, 128)}, {"rowsperstrip": 16}, {}])
@pytest.mark.parametrize("subsampling", [(1, 1), (2, 1), (2, 2), (4, 1)])
def test_jpeg_of_every_subsampling_is_what_libjpeg_turbo_decodes(tmp_path, subsampling, chunks):
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path,
        np.ascontiguousarray(picture().transpose(1, 2, 0)),
        photometric="ycbcr",
        compression="jpeg",
        compressionargs={"level": 90},
        subsampling=subsampling,
        extratags=PLACE,
        **chunks,
    )
    assert isinstance(opened(path).levels[0], TiffLevel)
    check(path)


def test_a_mask_beside_jpeg_says_where_there_are_data(tmp_path):
    mask = np.full((130, 150), 255, "uint8")
    mask[40:90, 20:70] = 0
    path = ycbcr(tmp_path / "a.tif", mask=mask, **CHUNKS["tiles"])
    np.testing.assert_array_equal(assembled(opened(path).levels[0])[1], mask != 0)
    check(path)


def test_a_last_strip_of_jpeg_may_have_rows_to_spare(tmp_path):
    path = tmp_path / "a.tif"
    cells = np.ascontiguousarray(picture(3, 128, 150).transpose(1, 2, 0))
    tifffile.imwrite(
        path, cells, photometric="ycbcr", compression="jpeg", subsampling=(2, 2), rowsperstrip=64, extratags=PLACE
    )
    whole = assembled(opened(path).levels[0])[0]
    with tifffile.TiffFile(path, mode="r+") as tiff:
        tiff.pages[0].tags["ImageLength"].overwrite(100)
    np.testing.assert_array_equal(assembled(opened(path).levels[0])[0], whole[:, :100])


@pytest.mark.parametrize("options", [{"interleave": "band", "photometric": "MINISBLACK"}, {"nbits": 12}])
def test_other_jpeg_is_read_too(tmp_path, options):
    dtype = "uint16" if "nbits" in options else "uint8"
    try:
        path = write_raster(tmp_path / "a.tif", picture().astype(dtype), bounds=BOUNDS, compress="jpeg", **options)
    except rasterio.errors.RasterioError:
        pytest.skip("this GDAL does not write it")
    check(path)


@pytest.mark.parametrize("bands", [3, 4])
@pytest.mark.parametrize("options", [{"webp_lossless": True}, {"webp_level": 60}])
def test_webp_is_what_gdal_reads(tmp_path, bands, options):
    values = picture(bands)
    if bands == 4:
        values[3] = 255
        values[3, 30:60] = 0
    path = write_raster(
        tmp_path / "a.tif",
        values,
        bounds=BOUNDS,
        compress="webp",
        interleave="pixel",
        photometric="RGB",
        tiled=True,
        blockxsize=64,
        blockysize=64,
        overviews=(2,),
        **options,
    )
    check(path)


@pytest.mark.parametrize("compress", ["lerc", "lerc_deflate", "lerc_zstd"])
@pytest.mark.parametrize("interleave", ["pixel", "band"])
def test_lerc_keeps_nan_and_alpha(tmp_path, compress, interleave):
    values = noise("float32", (3, 75, 90))
    values[:, 10:20, 30:60] = np.nan
    values[0, 50:60] = np.nan
    options = {"compress": compress, "interleave": interleave, "tiled": True, "blockxsize": 64, "blockysize": 64}
    check(write_raster(tmp_path / "a.tif", values, bounds=BOUNDS, nodata=np.nan, **options))
    pixels = picture(4)
    pixels[3] = 255
    check(write_raster(tmp_path / "b.tif", pixels, bounds=BOUNDS, photometric="RGB", alpha="YES", **options))
    pixels[3, 20:50, 10:90] = 0
    check(write_raster(tmp_path / "c.tif", pixels, bounds=BOUNDS, photometric="RGB", alpha="YES", **options))
    check(write_raster(tmp_path / "d.tif", picture(2), bounds=BOUNDS, max_z_error=3, **options))


def test_what_colours_mean_does_not_change_the_values(tmp_path):
    for name, photometric in {"a": "MINISWHITE", "b": "PALETTE"}.items():
        path = write_raster(tmp_path / f"{name}.tif", picture(1), bounds=BOUNDS, photometric=photometric)
        check(path)


def test_large_plain_strips_are_read_in_parts(tmp_path):
    for name, shape, options in [
        ("a", (1, 1500, 1200), {"blockysize": 1500}),
        ("b", (3, 700, 900), {"blockysize": 650}),
        ("c", (3, 900, 1500), {"blockysize": 900, "interleave": "band"}),
    ]:
        path = write_raster(tmp_path / f"{name}.tif", noise("uint16", shape), bounds=BOUNDS, **options)
        check(path)
    level = opened(tmp_path / "a.tif").levels[0]
    assert down(level) > 1


def test_small_chunks_are_read_together(tmp_path):
    path = write_raster(
        tmp_path / "a.tif", noise("uint8", (1, 600, 700)), bounds=BOUNDS, tiled=True, blockxsize=16, blockysize=16
    )
    assert (opened(path).levels[0].block_width, opened(path).levels[0].block_height) == (256, 256)
    check(path)
    path = write_raster(tmp_path / "b.tif", noise("uint8", (1, 600, 700)), bounds=BOUNDS, blockysize=1)
    assert opened(path).levels[0].block_height == 1024
    check(path)


def test_values_of_jpeg_as_ycbcr_are_gdals_and_only_pictures_are_decoded_here(tmp_path):
    path = ycbcr(tmp_path / "a.tif", crs="EPSG:32631", **CHUNKS["tiles"])
    source = open_file(str(path))
    values = read_all(source, source.grid).values
    with rasterio.open(path) as dataset:
        np.testing.assert_array_equal(values, dataset.read())
    drawn = read_all(source, source.grid, is_drawn=True).values
    np.testing.assert_array_equal(drawn, as_pillow_reads(path, 0))
    assert (drawn != values).any()
