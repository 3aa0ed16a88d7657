"""Blocks that are sent as they are stored: pictures in the same colours, and only where nothing else would be drawn."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from imagecodecs import jpeg8_decode, webp_decode
from PIL import Image

from ogcapi.model.media import JPEG, PNG, WEBP
from ogcapi.model.raster import Resampling, Selection
from ogcapi.sources import decoders, jpeg, ranges, stored
from ogcapi.sources.decoders import Layout
from ogcapi.sources.raster import open_file
from tests.data import forget_revisions, grid_of, read_all, write_raster
from tests.sources.test_geotiff import picture

SIDE = 64
CELL = 10.0
LEFT, TOP = 500_000.0, 4_000_000.0
HEIGHT, WIDTH = 4 * SIDE + 20, 4 * SIDE + 50
TILES = {"tiled": True, "blockxsize": SIDE, "blockysize": SIDE}
SAME_COLOURS = {"compress": "jpeg", "interleave": "pixel", "photometric": "RGB"}
YCBCR = {**SAME_COLOURS, "photometric": "YCBCR"}


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(ranges, "_SETTLED_NS", 0)


def written(folder, bands=3, **options):
    """A file whose blocks are cells of 10 m from a corner on, with an overview of 20 m."""
    place = {"transform": (CELL, 0, LEFT, 0, -CELL, TOP), "crs": "EPSG:32618"}
    options = TILES | {"overviews": (2,)} | options
    path = write_raster(folder / "a.tif", picture(bands, HEIGHT, WIDTH), **place, **options)
    return open_file(str(path))


def block(row=0, col=0, cell=CELL, crs="EPSG:32618", side=SIDE):
    """The grid of a block of that many cells a side."""
    x, y = LEFT + col * cell * side, TOP - row * cell * side
    return grid_of(crs, (x, y - cell * side, x + cell * side, y), side, side)


def stored_of(source, grid, media=JPEG, method=Resampling.NEAREST):
    return source.stored(grid, Selection(fields=tuple(field.name for field in source.fields), method=method), media)


def shown(content):
    """The colours (field, row, col) that Pillow shows, and so do browsers: they have the same library."""
    cells = np.asarray(Image.open(io.BytesIO(content)))
    return cells[None] if cells.ndim == 2 else cells.transpose(2, 0, 1)


@pytest.mark.parametrize("tables", [0, 1, 3])
@pytest.mark.parametrize(
    ("bands", "options"),
    [(3, YCBCR), (3, SAME_COLOURS), (3, {**SAME_COLOURS, "photometric": "MINISBLACK"}), (1, {"compress": "jpeg"})],
)
def test_every_block_within_the_file_is_a_jpeg_of_its_colours(tmp_path, bands, options, tables):
    source = written(tmp_path, bands, jpegtablesmode=tables, **options)
    for grid in (block(), block(2, 3), block(1, 0, 2 * CELL)):
        content = stored_of(source, grid)
        assert content is not None
        np.testing.assert_array_equal(shown(content), read_all(source, grid, is_drawn=True).values)
        other = jpeg8_decode(content)
        np.testing.assert_array_equal(other[None] if bands == 1 else other.transpose(2, 0, 1), shown(content))


@pytest.mark.parametrize("options", [{"webp_level": 60}, {"webp_lossless": True}])
def test_every_block_within_the_file_is_a_webp_of_its_colours(tmp_path, options):
    source = written(tmp_path, compress="webp", interleave="pixel", photometric="RGB", **options)
    for grid in (block(), block(2, 3), block(1, 0, 2 * CELL)):
        content = stored_of(source, grid, WEBP)
        assert content is not None
        np.testing.assert_array_equal(shown(content), read_all(source, grid, is_drawn=True).values)
        np.testing.assert_array_equal(webp_decode(content).transpose(2, 0, 1), shown(content))


@pytest.mark.parametrize("method", Resampling)
def test_no_method_makes_other_values_of_a_block(tmp_path, method):
    source = written(tmp_path, **YCBCR)
    grid = block(1, 1)
    off = replace(grid, bbox=replace(grid.bbox, xmin=grid.bbox.xmin + 9e-5 * CELL, xmax=grid.bbox.xmax + 9e-5 * CELL))
    for one in (grid, off):
        content = stored_of(source, one, method=method)
        np.testing.assert_array_equal(shown(content), read_all(source, one, method, is_drawn=True).values)


@pytest.mark.parametrize(
    "grid",
    [
        block(4, 0),
        block(0, 4),
        block(-1, 0),
        block(0, 4, 2 * CELL),
        block(0.5, 0),
        block(0, 0.01),
        block(0, 0, CELL / 2),
        block(0, 0, 3 * CELL),
        block(crs="EPSG:32617"),
        block(side=SIDE - 1),
        block(side=2 * SIDE),
    ],
    ids=lambda grid: f"{grid.crs.uri} {grid.bbox} {grid.width}",
)
def test_no_other_grid_is_a_block(tmp_path, grid):
    assert stored_of(written(tmp_path, **YCBCR), grid) is None


@given(
    st.integers(-1, 5), st.integers(-1, 5), st.sampled_from([0, 1e-5, 0.01, 0.5]), st.sampled_from([CELL, 2 * CELL, 7])
)
def test_a_block_is_what_is_read_or_none(tmp_path_factory, row, col, off, cell):
    folder = tmp_path_factory.getbasetemp() / "blocks"
    folder.mkdir(exist_ok=True)
    source = open_file(str(folder / "a.tif")) if (folder / "a.tif").exists() else written(folder, **YCBCR)
    grid = block(row + off / SIDE, col, cell)
    content = stored_of(source, grid)
    if content is not None:
        raster = read_all(source, grid, is_drawn=True)
        assert raster.is_full
        np.testing.assert_array_equal(shown(content), raster.values)


def test_only_the_stored_form_with_all_fields_is_passed_on(tmp_path):
    source = written(tmp_path, **YCBCR)
    names = tuple(field.name for field in source.fields)
    assert stored_of(source, block(), PNG) is None
    assert stored_of(source, block(), WEBP) is None
    for fields in (names[:1], names[::-1]):
        assert source.stored(block(), Selection(fields=fields), JPEG) is None


@pytest.mark.parametrize(
    ("bands", "options"),
    [
        (3, {**YCBCR, "nodata": 0}),
        (4, {**SAME_COLOURS, "alpha": "YES"}),
        (4, {**SAME_COLOURS}),
        (3, {**SAME_COLOURS, "interleave": "band"}),
        (3, {"compress": "deflate"}),
        (2, {"compress": "jpeg", "interleave": "pixel"}),
    ],
)
def test_files_whose_cells_may_not_all_be_shown_are_read(tmp_path, bands, options):
    assert stored_of(written(tmp_path, bands, **options), block()) is None


def test_blocks_under_a_mask_are_passed_on_where_it_is_full(tmp_path):
    mask = np.full((HEIGHT, WIDTH), 255, "uint8")
    mask[10, 10] = 0
    source = written(tmp_path, mask=mask, **YCBCR)
    assert stored_of(source, block()) is None
    content = stored_of(source, block(1, 1))
    np.testing.assert_array_equal(shown(content), read_all(source, block(1, 1), is_drawn=True).values)
    source = written(tmp_path, mask=mask, nodata=3, **YCBCR)
    assert stored_of(source, block(1, 1)) is not None, "a mask is all that counts"


def test_a_block_that_is_not_stored_is_not_passed_on(tmp_path):
    source = written(tmp_path, **YCBCR)
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+") as tiff:
        counts = list(tiff.pages[0].tags["TileByteCounts"].value)
        counts[0] = 0
        tiff.pages[0].tags["TileByteCounts"].overwrite(counts)
    forget_revisions()
    assert stored_of(source, block()) is None
    assert stored_of(source, block(0, 1)) is not None


def test_a_file_that_changes_is_passed_on_as_it_is_now(tmp_path):
    source = written(tmp_path, **YCBCR)
    before = stored_of(source, block())
    other = written(tmp_path, jpeg_quality=30, **YCBCR)
    forget_revisions()
    assert stored_of(source, block()) == stored_of(other, block()) != before


def layout_of(compression, **options):
    kind = np.dtype("uint8")
    return Layout(
        width=SIDE, samples=3, stored=kind, bits=8, dtype=kind, compression=compression, is_ycbcr=True, **options
    )


@pytest.mark.parametrize("damage", [b"", b"\xff\xd8\xff\xd9", bytes(40), b"RIFF\x04\0\0\0WEBPVP8 "])
@pytest.mark.parametrize("compression", [decoders.JPEG, decoders.WEBP])
def test_what_is_no_picture_is_not_passed_on(compression, damage):
    assert stored.picture(damage, layout_of(compression), SIDE) is None


def encoded(media, cells, **options):
    out = io.BytesIO()
    Image.fromarray(cells).save(out, media, **options)
    return out.getvalue()


CELLS = np.ascontiguousarray(picture(4, SIDE, SIDE).transpose(1, 2, 0))


def test_pictures_of_other_sizes_or_with_opacity_are_not_passed_on():
    for cells, options in [
        (CELLS[:-1, :, :3], {}),
        (CELLS[:, :-1, :3], {}),
        (CELLS, {}),
        (CELLS, {"lossless": True}),
        (CELLS[:-1, :, :3], {"lossless": True}),
    ]:
        content = encoded("WEBP", np.ascontiguousarray(cells), **options)
        assert stored.picture(content, layout_of(decoders.WEBP), SIDE) is None
    content = encoded("JPEG", np.ascontiguousarray(CELLS[:-1, :, :3]))
    assert stored.picture(content, layout_of(decoders.JPEG), SIDE) is None


def test_what_a_stream_says_of_its_colours_gives_way_to_what_the_file_says():
    """Samples that the file calls RGB are shown as RGB, though the stream says that they are YCbCr, and the reverse."""
    plain = encoded("JPEG", np.ascontiguousarray(CELLS[..., :3]))
    as_rgb = jpeg8_decode(plain, colorspace="RGB", outcolorspace="RGB")
    for is_ycbcr, expected in ((True, jpeg8_decode(plain)), (False, as_rgb)):
        once = stored.picture(plain, replace(layout_of(decoders.JPEG), is_ycbcr=is_ycbcr), SIDE)
        twice = stored.picture(once, replace(layout_of(decoders.JPEG), is_ycbcr=is_ycbcr), SIDE)
        assert once == twice
        np.testing.assert_array_equal(shown(once).transpose(1, 2, 0), expected)


def test_progressive_pictures_are_passed_on():
    content = encoded("JPEG", np.ascontiguousarray(CELLS[..., :3]), progressive=True)
    assert jpeg.read_head(content).marker == 0xC2
    made = stored.picture(content, layout_of(decoders.JPEG), SIDE)
    np.testing.assert_array_equal(shown(made), shown(content))
