"""Every encoder is read back by a library that did not write it."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from ogcapi.model.media import JPEG, PNG, WEBP
from ogcapi.model.problem import BadParameter
from ogcapi.model.raster import Field, Raster
from ogcapi.pixels.encode import COVERAGE_ENCODERS, MAP_ENCODERS, PICTURE_ENCODERS, jpeg, npy, png, png_rgba, webp
from ogcapi.pixels.style import Picture
from tests.strategies import grid_of, raster_of, rasters


@settings(deadline=None)
@given(rasters())
def test_npy_holds_the_values_and_nodata_elsewhere(raster: Raster) -> None:
    values = np.load(BytesIO(npy(raster)), allow_pickle=False)
    assert values.dtype == raster.values.dtype
    assert values.flags.c_contiguous
    assert values[raster.valid].tobytes() == raster.values[raster.valid].tobytes()
    missing = np.nan if values.dtype.kind == "f" else 0
    for field, plane, valid in zip(raster.fields, values, raster.valid, strict=True):
        expected = np.array(missing if field.nodata is None else field.nodata).astype(values.dtype)
        assert np.array_equal(plane[~valid], np.full((~valid).sum(), expected), equal_nan=values.dtype.kind == "f")


def test_npy_is_little_endian_whatever_the_raster_is() -> None:
    values = np.array([[[1, 2, 3]]], ">i4")
    raster = Raster(
        grid=grid_of(1, 3), fields=(Field(name="b1", dtype="int32"),), values=values, valid=np.ones((1, 1, 3), bool)
    )
    back = np.load(BytesIO(npy(raster)))
    assert back.dtype == np.dtype("<i4")
    assert back.tolist() == [[[1, 2, 3]]]


def picture_of(rgba: npt.NDArray[np.uint8]) -> Picture:
    return Picture(grid=None, rgba=rgba)


def decoded(content: bytes, mode: str = "RGBA") -> npt.NDArray[np.uint8]:
    with Image.open(BytesIO(content)) as image:
        return np.asarray(image.convert(mode))


def smooth(alpha: int = 255, size: int = 64) -> npt.NDArray[np.uint8]:
    row, col = np.mgrid[:size, :size] * (255 / size)
    return np.stack([row, col, (row + col) / 2, np.full_like(row, alpha)], axis=2).astype(np.uint8)


PICTURES = hnp.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(4)))


@given(PICTURES)
@example(np.full((3, 5, 4), 255, np.uint8))
@example(smooth(alpha=255))
@example(smooth(alpha=0))
def test_png_loses_nothing(rgba: npt.NDArray[np.uint8]) -> None:
    assert np.array_equal(decoded(png(picture_of(rgba))), rgba)
    assert np.array_equal(decoded(png_rgba(picture_of(rgba))), rgba)


@pytest.mark.parametrize(
    ("rgba", "mode"),
    [(smooth(alpha=200), "RGBA"), (smooth(alpha=255), "RGB"), (np.full((3, 5, 4), 255, np.uint8), "L")],
    ids=["transparent", "opaque", "opaque gray"],
)
def test_png_of_a_tile_has_no_more_channels_than_it_needs_and_of_a_map_always_four(rgba, mode: str) -> None:
    for encode, expected in ((PICTURE_ENCODERS[PNG], mode), (MAP_ENCODERS[PNG], "RGBA")):
        with Image.open(BytesIO(encode(picture_of(rgba)))) as image:
            assert image.mode == expected


def test_jpeg_is_white_where_the_picture_is_clear_and_near_it_elsewhere() -> None:
    rgba = smooth()
    rgba[:32] = 0
    rgb = decoded(jpeg(picture_of(rgba)), "RGB").astype(int)
    assert rgb[:24].min() >= 250
    assert np.abs(rgb[40:] - rgba[40:, :, :3]).mean() < 2


def test_jpeg_of_half_transparent_black_is_gray() -> None:
    rgba = np.full((16, 16, 4), (0, 0, 0, 128), np.uint8)
    assert np.abs(decoded(jpeg(picture_of(rgba)), "RGB").astype(int) - 127).max() <= 2


def test_webp_is_near_the_picture_and_exactly_as_transparent() -> None:
    rgba = smooth()
    rgba[:, 20:] = 0
    back = decoded(webp(picture_of(rgba)))
    assert np.array_equal(back[..., 3], rgba[..., 3])
    assert np.abs(back[:, :16, :3].astype(int) - rgba[:, :16, :3]).mean() < 4


@pytest.mark.parametrize("media", [JPEG, WEBP])
def test_a_picture_with_more_cells_a_side_than_the_format_counts_is_a_bad_width(media) -> None:
    with pytest.raises(BadParameter, match="width"):
        PICTURE_ENCODERS[media](picture_of(np.zeros((1, 70_000, 4), np.uint8)))


@pytest.mark.parametrize("media", PICTURE_ENCODERS, ids=lambda media: media.title)
def test_pictures_keep_their_size(media) -> None:
    for encoders in (PICTURE_ENCODERS, MAP_ENCODERS):
        with Image.open(BytesIO(encoders[media](picture_of(smooth()[:40])))) as image:
            assert image.size == (64, 40)
            assert image.get_format_mimetype() == media.name


@pytest.mark.parametrize("encode", COVERAGE_ENCODERS.values(), ids=[media.title for media in COVERAGE_ENCODERS])
def test_encoding_twice_gives_the_same_bytes(encode) -> None:
    raster = raster_of(
        np.arange(24, dtype=np.int16).reshape(2, 3, 4), np.eye(3, 4, dtype=bool)[None].repeat(2, 0), -1, -1
    )
    assert encode(raster) == encode(raster)
