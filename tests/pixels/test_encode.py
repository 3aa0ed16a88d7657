"""Every encoder is read back by a library that did not write it."""

from __future__ import annotations

import subprocess
import sys
import zlib
from io import BytesIO

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from rasterio.enums import ColorInterp
from rasterio.io import MemoryFile

from ogcapi.model.media import JPEG, PNG, WEBP
from ogcapi.model.problem import BadParameter
from ogcapi.model.raster import Field, Raster
from ogcapi.pixels import deflate
from ogcapi.pixels import png as module
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
    return Picture(grid=None, cells=rgba)


def decoded(content: bytes, mode: str = "RGBA") -> npt.NDArray[np.uint8]:
    with Image.open(BytesIO(content)) as image:
        return np.asarray(image.convert(mode))


def smooth(alpha: int = 255, size: int = 64) -> npt.NDArray[np.uint8]:
    row, col = np.mgrid[:size, :size] * (255 / size)
    return np.stack([row, col, (row + col) / 2, np.full_like(row, alpha)], axis=2).astype(np.uint8)


PICTURES = hnp.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(4)))


@settings(deadline=None)
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


GRAYS = np.repeat(np.arange(256, dtype=np.uint8), 4).reshape(256, 4) | np.array([0, 0, 0, 255], np.uint8)


@st.composite
def pictures(draw: st.DrawFn) -> Picture:
    """Pictures in every form; their opacity is often all or nothing."""
    shape = draw(st.tuples(st.integers(1, 9), st.integers(1, 9)))
    channels = draw(st.sampled_from([0, 2, 3, 4]))
    cells = draw(hnp.arrays(np.uint8, (*shape, channels) if channels else shape))
    alpha = st.sampled_from([0, 255, 255, 255]) | st.integers(0, 255)
    if channels in {2, 4}:
        cells[..., -1] = draw(hnp.arrays(np.uint8, shape, elements=alpha))
        cells[cells[..., -1] == 0] = 0
    if channels == 3 and draw(st.booleans()):
        cells[..., 1:] = cells[..., :1]
    palette = None
    if channels == 0 and draw(st.booleans()):
        count = draw(st.integers(1, 256))
        if draw(st.booleans()):
            palette = GRAYS[:count].copy()
            palette[draw(st.lists(st.integers(0, count - 1), max_size=2))] = 0
        else:
            palette = draw(hnp.arrays(np.uint8, (count, 4), fill=st.integers(0, 255)))
            palette[:, 3] = draw(hnp.arrays(np.uint8, count, elements=alpha, fill=alpha))
            palette[palette[:, 3] == 0] = 0
        cells %= np.uint8(min(count, 255))
    return Picture(grid=None, cells=cells, palette=palette)


@settings(deadline=None, max_examples=300)
@given(pictures())
def test_png_of_a_picture_in_any_form_loses_nothing(picture: Picture) -> None:
    for encode in (png, png_rgba):
        assert np.array_equal(decoded(encode(picture)), picture.rgba)


@settings(deadline=None, max_examples=100)
@given(pictures())
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_gdal_sees_the_same_png_as_pillow(picture: Picture) -> None:
    rgba = picture.rgba
    for content in (png(picture), png_rgba(picture)):
        with MemoryFile(content) as file, file.open() as dataset:
            bands, drawn = dataset.read(), dataset.dataset_mask() > 0
            if dataset.colorinterp[0] is ColorInterp.palette:
                table = dataset.colormap(1)
                bands = np.array([table[index] for index in bands[0].ravel()], np.uint8)
                bands = bands.T.reshape(4, *rgba.shape[:2])
        count = len(bands)
        channels = {1: [0, 0, 0], 2: [0, 0, 0], 3: [0, 1, 2], 4: [0, 1, 2]}[count]
        assert np.array_equal(np.moveaxis(bands[channels], 0, 2)[rgba[..., 3] > 0], rgba[rgba[..., 3] > 0][:, :3])
        if count in {2, 4}:
            assert np.array_equal(bands[-1], rgba[..., 3])
        else:
            assert np.array_equal(drawn, rgba[..., 3] > 0)


@settings(deadline=None, max_examples=50)
@given(pictures())
def test_png_is_made_of_chunks_in_the_order_and_with_the_checksums_of_the_standard(picture: Picture) -> None:
    for content in (png(picture), png_rgba(picture)):
        assert content.startswith(b"\x89PNG\r\n\x1a\n")
        kinds, at = [], 8
        while at < len(content):
            size = int.from_bytes(content[at : at + 4])
            body, checksum = content[at + 4 : at + 8 + size], content[at + 8 + size : at + 12 + size]
            assert zlib.crc32(body).to_bytes(4) == checksum
            kinds.append(body[:4])
            at += 12 + size
        critical = [kind for kind in kinds if kind[:1].isupper() or kind == b"tRNS"]
        assert kinds[0] == b"IHDR"
        assert critical[1:] in (
            [*palette, b"IDAT", b"IEND"] for palette in ([], [b"tRNS"], [b"PLTE"], [b"PLTE", b"tRNS"])
        )


@pytest.mark.parametrize(
    ("cells", "palette", "mode"),
    [
        (np.array([[0, 1, 2]], np.uint8), None, "L"),
        (np.array([[0, 1, 2]], np.uint8), np.where(np.arange(256)[:, None] == 1, 0, GRAYS).astype(np.uint8), "P"),
        (np.array([[0, 1, 2]], np.uint8), smooth(alpha=200)[0], "P"),
        (np.array([[[7, 0], [9, 255]]], np.uint8), None, "LA"),
        (np.array([[[7, 255], [9, 255]]], np.uint8), None, "L"),
        (smooth()[..., :3].copy(), None, "RGB"),
    ],
    ids=["gray", "gray with a clear level", "palette", "gray and opacity", "opaque gray", "colour"],
)
def test_png_of_a_tile_is_as_lean_as_its_picture(cells, palette, mode: str) -> None:
    with Image.open(BytesIO(png(Picture(grid=None, cells=cells, palette=palette)))) as image:
        assert image.mode == mode


def test_palettes_of_opaque_tiles_say_nothing_of_opacity() -> None:
    palette = np.array([[0, 0, 0, 0], [255, 0, 0, 255]], np.uint8)
    cells = np.ones((2, 2), np.uint8)
    assert b"tRNS" not in png(Picture(grid=None, cells=cells, palette=palette))
    cells[0] = 0
    assert b"tRNS" in png(Picture(grid=None, cells=cells, palette=palette))


@pytest.mark.parametrize("missing", ["fpng", "isal"])
def test_without_fast_encoders_pictures_are_the_same(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    caches = module._fpng, deflate._zlib
    for cache in caches:
        cache.cache_clear()
    try:
        for rgba in (smooth(), smooth(alpha=9)):
            assert np.array_equal(decoded(png(picture_of(rgba))), rgba)
        gray = Picture(grid=None, cells=smooth()[..., 0].copy())
        assert np.array_equal(decoded(png(gray)), gray.rgba)
    finally:
        for cache in caches:
            cache.cache_clear()


def test_png_of_a_large_map_is_not_left_to_an_encoder_that_stops_all_other_threads(monkeypatch) -> None:
    monkeypatch.setattr(module, "_MOST_HELD", 64 * 64)
    at_most, more = smooth(alpha=7), smooth(alpha=7, size=65)
    assert b"fdEC" in png(picture_of(at_most))  # fpng's own chunk
    assert b"fdEC" not in png(picture_of(more))
    assert np.array_equal(decoded(png(picture_of(more))), more)


def test_encoders_load_nothing_heavy_before_they_are_used() -> None:
    code = "import sys, ogcapi.pixels.encode; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"PIL.Image", "fpng", "imagecodecs", "isal", "numba", "rasterio"} & set(loaded)


@settings(deadline=None, max_examples=50)
@given(pictures())
def test_jpeg_and_webp_do_not_depend_on_the_form_of_a_picture(picture: Picture) -> None:
    plain = Picture(grid=None, cells=picture.rgba)
    gap = decoded(jpeg(picture), "RGB").astype(int) - decoded(jpeg(plain), "RGB")
    assert np.abs(gap).max() <= 3
    assert np.array_equal(decoded(webp(picture)), decoded(webp(plain)))


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
