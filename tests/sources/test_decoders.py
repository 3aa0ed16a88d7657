"""Decoders, and headers and chunks that are damaged: problems, never a crash, a hang or cells of another shape."""

from __future__ import annotations

import io
import struct
import tracemalloc
from contextlib import suppress

import imagecodecs
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as PillowImage

from ogcapi.model.problem import SourceFailed
from ogcapi.sources import decoders, jpeg, ranges
from ogcapi.sources.blocks import across, down, edges
from ogcapi.sources.decoders import Damaged, Layout, decode
from ogcapi.sources.gdal import File
from ogcapi.sources.geotiff import open_geotiff
from ogcapi.sources.pyramids import reading
from ogcapi.sources.tiff import NoTiff, read_tiff
from ogcapi.sources.tiffimage import Image, images
from tests.data import write_raster
from tests.sources.test_geotiff import BOUNDS, PLACE, assembled, noise, picture

ROWS, WIDTH = 16, 24


def encoded(compression, cells):
    """A chunk as a writer makes it."""
    flat = cells.tobytes()
    return {
        decoders.NONE: lambda: flat,
        decoders.LZW: lambda: imagecodecs.lzw_encode(flat),
        decoders.DEFLATE: lambda: imagecodecs.zlib_encode(flat),
        decoders.OLD_DEFLATE: lambda: imagecodecs.zlib_encode(flat),
        decoders.PACKBITS: lambda: imagecodecs.packbits_encode(flat),
        decoders.LZMA: lambda: imagecodecs.lzma_encode(flat),
        decoders.ZSTD: lambda: imagecodecs.zstd_encode(flat),
        decoders.JPEG: lambda: imagecodecs.jpeg8_encode(cells, level=90, colorspace="RGB", outcolorspace="RGB"),
        decoders.WEBP: lambda: imagecodecs.webp_encode(cells, lossless=True),
        decoders.LERC: lambda: imagecodecs.lerc_encode(cells),
    }[compression]()


def layout_of(compression, samples=3, **options):
    kind = np.dtype("uint8")
    return Layout(width=WIDTH, samples=samples, stored=kind, bits=8, dtype=kind, compression=compression, **options)


CELLS = np.ascontiguousarray(picture(3, ROWS, WIDTH).transpose(1, 2, 0))


@pytest.mark.parametrize("compression", sorted(decoders.COMPRESSIONS))
def test_each_decoder_undoes_its_encoder(compression):
    made = decode(encoded(compression, CELLS), layout_of(compression), ROWS)
    assert made.shape == CELLS.shape
    assert made.flags.c_contiguous
    if compression == decoders.JPEG:
        assert np.abs(made.astype(int) - CELLS).mean() < 5
    else:
        np.testing.assert_array_equal(made, CELLS)


@pytest.mark.parametrize("compression", sorted(decoders.COMPRESSIONS))
def test_a_last_strip_may_have_rows_to_spare(compression):
    image = Image(
        width=WIDTH,
        height=ROWS + 5,
        chunk_width=WIDTH,
        chunk_height=ROWS,
        samples=3,
        planes=1,
        is_tiled=False,
        layout=layout_of(compression),
        offsets=np.zeros(2, np.uint64),
        counts=np.ones(2, np.uint64),
    )
    content = encoded(compression, CELLS)
    np.testing.assert_array_equal(image.decoded(content, 1), image.decoded(content, 0)[:5])


@pytest.mark.parametrize("compression", sorted(decoders.COMPRESSIONS))
def test_a_chunk_that_is_too_small_is_damaged(compression):
    with pytest.raises(Damaged):
        decode(encoded(compression, CELLS[:-1]), layout_of(compression), ROWS)
    with pytest.raises(Damaged):
        decode(b"", layout_of(compression), ROWS)


@pytest.mark.parametrize("compression", [decoders.JPEG, decoders.WEBP, decoders.LERC])
def test_a_picture_of_other_size_is_damaged(compression):
    for cells in (CELLS[:, :-1], CELLS[:-1], np.concatenate([CELLS] * 2)):
        with pytest.raises(Damaged):
            decode(encoded(compression, np.ascontiguousarray(cells)), layout_of(compression), ROWS)


@settings(max_examples=150)
@given(st.sampled_from(sorted(decoders.COMPRESSIONS)), st.data())
def test_any_bytes_are_cells_of_the_right_shape_or_damaged(compression, data):
    content = bytearray(encoded(compression, CELLS))
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = bytes(content[: data.draw(st.integers(0, len(content)))])
    layout = layout_of(compression)
    try:
        made = decode(content, layout, ROWS)
    except Damaged:
        return
    assert (made.shape, made.dtype) == (CELLS.shape, np.uint8)


def abbreviated(content):
    """The stream and its tables apart, as TIFF keeps them; without a word on colours."""
    head = jpeg.read_head(content)
    tables, others = b"", b""
    for marker, start, stop in head.segments:
        if marker in (0xDB, 0xC4):
            tables += content[start:stop]
        elif marker not in (0xE0, 0xEE):
            others += content[start:stop]
    return b"\xff\xd8" + others + content[head.length :], b"\xff\xd8" + tables + b"\xff\xd9"


def ycbcr(subsampling, **options):
    return imagecodecs.jpeg8_encode(CELLS, level=90, subsampling=subsampling, **options)


@pytest.mark.parametrize("subsampling", ["444", "422", "420", "440", "411"])
def test_abbreviated_colours_are_those_that_pillow_shows(subsampling):
    stream = ycbcr(subsampling)
    expected = np.asarray(PillowImage.open(io.BytesIO(stream)))
    chunk, tables = abbreviated(stream)
    for content, shared in ((stream, None), (chunk, tables)):
        made = decode(content, layout_of(decoders.JPEG, is_ycbcr=True, tables=shared), ROWS)
        np.testing.assert_array_equal(made, expected)
    with pytest.raises(Damaged):
        decode(chunk, layout_of(decoders.JPEG, is_ycbcr=True), ROWS)


@pytest.mark.parametrize("samples", [1, 2, 3, 4])
def test_samples_of_jpeg_that_are_no_ycbcr_are_left_as_they_are(samples):
    cells = np.ascontiguousarray(picture(samples, ROWS, WIDTH).transpose(1, 2, 0))
    colours = {1: "GRAYSCALE", 2: "UNKNOWN", 3: "RGB", 4: "CMYK"}[samples]
    stream = imagecodecs.jpeg8_encode(cells.squeeze(), level=98, colorspace=colours, outcolorspace=colours)
    chunk, tables = abbreviated(stream)
    made = decode(chunk, layout_of(decoders.JPEG, samples, tables=tables), ROWS)
    assert np.abs(made.astype(int) - cells).max() < 12


def test_a_jpeg_that_promises_much_costs_nothing(memory):
    head = b"\xff\xd8\xff\xc2\0\x11\x08\xff\xdc\xff\xdc\x03\x01\x22\0\x02\x11\x01\x03\x11\x01"
    content = head + b"\xff\xda\0\x0c\x03\x01\0\x02\x11\x03\x11\0\0\0" + b"\xff\xd9"
    before = memory()
    with pytest.raises(Damaged, match="size"):
        decode(content, layout_of(decoders.JPEG, is_ycbcr=True), ROWS)
    assert memory() - before < 1 << 20


@pytest.mark.parametrize("end", [100, -2])
def test_a_jpeg_that_ends_early_is_damaged(end):
    with pytest.raises(Damaged):
        decode(ycbcr("420")[:end], layout_of(decoders.JPEG, is_ycbcr=True), ROWS)


def test_a_jpeg_of_very_many_scans_is_damaged():
    stream = ycbcr("420")
    head = jpeg.read_head(stream)
    with pytest.raises(Damaged, match="scans"):
        decode(
            stream[:-2] + stream[head.length :][:14] * 100 + stream[-2:], layout_of(decoders.JPEG, is_ycbcr=True), ROWS
        )


@settings(max_examples=300)
@given(st.sampled_from(["444", "422", "420", "440"]), st.booleans(), st.data())
def test_damaged_colours_or_tables_are_cells_or_damaged(subsampling, is_ycbcr, data):
    parts = [bytearray(part) for part in abbreviated(ycbcr(subsampling))]
    for _ in range(data.draw(st.integers(1, 4))):
        part = parts[data.draw(st.integers(0, 1))]
        part[data.draw(st.integers(0, len(part) - 1))] = data.draw(st.integers(0, 255))
    chunk, tables = map(bytes, parts)
    with suppress(Damaged):
        made = decode(chunk, layout_of(decoders.JPEG, is_ycbcr=is_ycbcr, tables=tables), ROWS)
        assert (made.shape, made.dtype) == (CELLS.shape, np.uint8)


@given(st.binary(max_size=300), st.sampled_from(sorted(decoders.COMPRESSIONS)))
def test_noise_is_cells_of_the_right_shape_or_damaged(content, compression):
    with suppress(Damaged):
        assert decode(content, layout_of(compression), ROWS).shape == CELLS.shape


@pytest.fixture
def memory():
    """The most memory that has been taken so far, in bytes."""
    tracemalloc.start()
    yield lambda: tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()


def test_a_bomb_costs_no_more_than_its_chunk(memory):
    bomb = imagecodecs.zlib_encode(bytes(50 << 20))
    before = memory()
    with pytest.raises(Damaged):
        decode(bomb, layout_of(decoders.DEFLATE), ROWS)
    assert memory() - before < 1 << 20


# Whole files

KINDS = {
    "deflate": {"compress": "deflate", "tiled": True, "blockxsize": 64, "blockysize": 64, "overviews": (2,)},
    "strips": {"compress": "lzw", "predictor": 2},
    "plain": {"overviews": (2,)},
    "big": {"compress": "zstd", "BIGTIFF": "YES"},
    "masked": {"compress": "deflate", "mask": np.eye(75, 90, dtype="uint8") * 255},
    "band": {"interleave": "band", "compress": "packbits"},
}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    return {
        kind: write_raster(folder / f"{kind}.tif", noise("uint8"), bounds=BOUNDS, nodata=3, **options).read_bytes()
        for kind, options in KINDS.items()
    }


def read_all_of(path):
    """Every block of every level that is not absurdly large, each of the size it should have."""
    pyramid = open_geotiff(File(href=str(path), name=path.name, driver="GTiff"))
    for level in () if pyramid is None else pyramid.levels:
        if level.width * level.height > 1_000_000:
            continue
        for index in range(across(level) * down(level) * level.planes):
            (block,) = level.read_blocks([index])
            _, top, left, bottom, right = edges(level, index)
            assert block.values.shape[:2] == (bottom - top, right - left)


@settings(max_examples=200)
@given(st.sampled_from(sorted(KINDS)), st.data())
def test_a_file_with_other_bytes_is_read_or_a_problem(files, tmp_path, monkeypatch, kind, data):
    monkeypatch.setattr(ranges, "_SETTLED_NS", 0)
    content = bytearray(files[kind])
    near = st.integers(0, min(700, len(content) - 1))  # the header lies there
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(near | st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    (tmp_path / "a.tif").write_bytes(content)
    with suppress(SourceFailed):
        read_all_of(tmp_path / "a.tif")


@settings(max_examples=60)
@given(st.sampled_from(sorted(KINDS)), st.floats(0, 1))
def test_a_file_that_ends_early_is_read_or_a_problem(files, tmp_path, monkeypatch, kind, share):
    monkeypatch.setattr(ranges, "_SETTLED_NS", 0)
    content = files[kind]
    (tmp_path / "a.tif").write_bytes(content[: int(len(content) * share)])
    with suppress(SourceFailed):
        read_all_of(tmp_path / "a.tif")


def test_a_file_whose_texts_are_none_is_a_problem(tmp_path):
    name = b"WGS \xff4|"
    keys = (1, 1, 0, 4, 1024, 0, 1, 2, 1025, 0, 1, 1, 2048, 0, 1, 32767, 2049, 34737, len(name), 0)
    tags = [*PLACE[:2], (34735, "H", len(keys), keys, True), (34737, "s", 0, name + b"\0", True)]
    tifffile.imwrite(tmp_path / "a.tif", noise("uint8")[0], photometric="minisblack", extratags=tags)
    with pytest.raises(SourceFailed):
        read_all_of(tmp_path / "a.tif")


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_file_whose_last_cells_are_cut_off_is_a_problem(files, tmp_path, kind):
    (tmp_path / "a.tif").write_bytes(files[kind][:-2000])
    file = File(href=str(tmp_path / "a.tif"), name="a.tif")
    with pytest.raises(SourceFailed):
        reading(file, lambda pyramid: [assembled(level) for level in pyramid.levels])


@settings(max_examples=100)
@given(st.binary(max_size=200))
def test_noise_is_no_tiff(tmp_path, monkeypatch, content):
    monkeypatch.setattr(ranges, "_SETTLED_NS", 0)
    (tmp_path / "a.tif").write_bytes(b"II*\0" + content)
    with suppress(SourceFailed):
        open_geotiff(File(href=str(tmp_path / "a.tif"), name="a.tif", driver="GTiff"))


def tiff_of(entries, order="<", tail=b""):
    """A classic TIFF of one directory with (tag, type, count, value)."""
    made = struct.pack(f"{order}2sHIH", b"II" if order == "<" else b"MM", 42, 8, len(entries))
    for entry in entries:
        made += struct.pack(f"{order}HHII", *entry)
    return made + struct.pack(f"{order}I", 0) + tail


PLAIN = {256: (256, 4, 1, 8), 257: (257, 4, 1, 8), 258: (258, 3, 1, 8), 273: (273, 4, 1, 8), 279: (279, 4, 1, 64)}


@pytest.mark.parametrize(
    "changes",
    [
        {256: (256, 4, 1, 1 << 31)},
        {256: (256, 4, 1, 0)},
        {256: (256, 4, 1, (1 << 31) - 1), 257: (257, 4, 1, (1 << 31) - 1)},
        {277: (277, 3, 1, 65535), 256: (256, 4, 1, 1 << 20)},
        {322: (322, 4, 1, 1 << 30), 323: (323, 4, 1, 1 << 30)},
        {273: (273, 4, 1 << 30, 8)},
        {279: (279, 4, 0xFFFFFFFF, 8)},
        {279: None},
        {258: (258, 3, 1, 0)},
        {258: (258, 3, 1, 65535)},
        {339: (339, 3, 1, 9)},
    ],
    ids=str,
)
def test_absurd_headers_are_left_to_gdal_at_once(tmp_path, memory, changes):
    entries = [entry for _, entry in sorted((PLAIN | changes).items()) if entry is not None]
    (tmp_path / "a.tif").write_bytes(tiff_of(entries, tail=bytes(100)))
    href = str(tmp_path / "a.tif")
    start = ranges.read_start(href)
    with pytest.raises(NoTiff):
        images(read_tiff(start, lambda spans: ranges.read_ranges(href, start.revision, spans)))
    assert memory() < 4 << 20


def test_directories_that_go_in_circles_end(tmp_path):
    content = bytearray(tiff_of(list(PLAIN.values()), tail=bytes(100)))
    content[70:74] = struct.pack("<I", 8)
    (tmp_path / "a.tif").write_bytes(content)
    with pytest.raises(NoTiff):
        read_tiff(ranges.read_start(str(tmp_path / "a.tif")), list)
