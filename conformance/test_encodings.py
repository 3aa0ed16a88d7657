"""OGC API - Tiles - Part 1: PNG, JPEG, TIFF; and what else templates offer: WebP, NumPy arrays."""

from itertools import product

import numpy as np
import pytest
from pyproj import CRS

from conformance.classes import conformance_class
from conformance.client import Service, essence, with_query
from conformance.images import NPY, array, dataset, picture, pixels, tiff_tags
from conformance.matrices import is_same_crs
from conformance.places import Places
from conformance.tilesets import Tileset, Tiling, tile_url

PNG = conformance_class("tiles-1", "png")
JPEG = conformance_class("tiles-1", "jpeg")
TIFF = conformance_class("tiles-1", "tiff")

GEOTIFF = "image/tiff"
MAP_FORMATS = {
    "image/png": ("PNG", {"L", "LA", "P", "RGB", "RGBA", "1", "I;16"}),
    "image/jpeg": ("JPEG", {"L", "RGB"}),
    "image/webp": ("WEBP", {"RGB", "RGBA"}),
}
STRIP_OFFSETS, TILE_WIDTH = 273, 322  # tags of TIFF 6.0
WHITE = 250  # JPEG is lossy

Tile = tuple[str, int, int]


def tiles(tiling: Tiling, media: str, *kinds: str) -> list[tuple[Tileset, Tile, str]]:
    """Some tiles in a media type, with their addresses."""
    return [
        (tileset, tile, tile_url(template, *tile))
        for tileset in tiling.representatives(*kinds)
        if (template := tileset.template(media)) is not None
        for tile in tileset.samples()
    ]


def assert_is_picture(service: Service, tileset: Tileset, tile: Tile, url: str, media: str) -> None:
    """One image of this format, of the size of the tile."""
    answer = service.answer(url)
    assert essence(answer.headers["content-type"]) == media
    image = picture(answer)
    name, modes = MAP_FORMATS[media]
    matrix = tileset.matrix_set.matrices[tile[0]]
    assert image.format == name
    assert image.mode in modes
    assert image.size == (matrix.tile_width, matrix.tile_height)
    assert getattr(image, "n_frames", 1) == 1


@PNG
def test_png_tiles_are_png_images_of_one_tile(service: Service, tiling: Tiling, at: Places) -> None:
    """`/req/png/content` A."""
    for tileset, tile, url in tiles(tiling, "image/png", "map"):
        with at(url):
            assert_is_picture(service, tileset, tile, url, "image/png")


def cells_beyond_the_data(tileset: Tileset, tile: Tile) -> tuple[slice, slice] | None:
    """Rows and columns of a tile that lie wholly outside the bounding box of the tileset, on its largest such side."""
    if tileset.bounds is None:
        return None
    matrix = tileset.matrix_set.matrices[tile[0]]
    xmin, ymin, xmax, ymax = matrix.bounds(tile[1], tile[2])
    step_x, step_y = (xmax - xmin) / matrix.tile_width, (ymax - ymin) / matrix.tile_height
    left, bottom, right, top = tileset.bounds
    gaps = ((left - xmin) / step_x, (xmax - right) / step_x, (ymax - top) / step_y, (bottom - ymin) / step_y)
    counts = [max(int(gap) - 1, 0) for gap in gaps]
    side = counts.index(max(counts))
    count, rest = counts[side], slice(None)
    strips = [
        (rest, slice(0, count)),
        (rest, slice(-count, None)),
        (slice(0, count), rest),
        (slice(-count, None), rest),
    ]
    return strips[side] if count else None


@PNG
def test_png_tiles_are_transparent_where_there_is_no_data(service: Service, tiling: Tiling, at: Places) -> None:
    """`/req/png/content` C: the alpha channel is used where a tile reaches beyond the data."""
    for tileset, tile, url in tiles(tiling, "image/png", "map"):
        beyond = cells_beyond_the_data(tileset, tile)
        if tileset.within.collection is not None and beyond is not None:
            with at(url):
                assert (pixels(service.answer(url))[beyond][..., 3] == 0).all()
    if not at.seen:
        pytest.skip("no tile that was looked at reaches beyond its data")


@PNG
def test_png_tiles_are_the_same_each_time(service: Service, tiling: Tiling, at: Places) -> None:
    """`/req/png/content` D: the same rules of portrayal."""
    for _, _, url in tiles(tiling, "image/png", "map")[::8]:
        with at(url):
            assert service.get(url).content == service.answer(url).content


@JPEG
def test_jpeg_tiles_are_jpeg_images_of_one_tile(service: Service, tiling: Tiling, at: Places) -> None:
    """`/req/jpeg/content`."""
    for tileset in tiling.firsts("map"):
        if (template := tileset.template("image/jpeg")) is not None:
            tile = tileset.samples()[-1]
            with at(tileset.url):
                assert_is_picture(service, tileset, tile, tile_url(template, *tile), "image/jpeg")


def test_jpeg_tiles_are_white_where_there_is_no_data(service: Service, tiling: Tiling, at: Places) -> None:
    """A promise of this project: transparent cells become white."""
    for tileset, tile, url in tiles(tiling, "image/jpeg", "map"):
        beyond = cells_beyond_the_data(tileset, tile)
        if tileset.within.collection is not None and beyond is not None:
            with at(url):
                colours = pixels(service.answer(url))[beyond][..., :3]
                assert np.quantile(colours, 0.1) >= WHITE
    if not at.seen:
        pytest.skip("no tile that was looked at reaches beyond its data")


def test_webp_tiles_are_webp_images_of_one_tile(service: Service, tiling: Tiling, at: Places) -> None:
    """A promise of this project."""
    for tileset in tiling.firsts("map"):
        if (template := tileset.template("image/webp")) is not None:
            tile = tileset.samples()[-1]
            with at(tileset.url):
                assert_is_picture(service, tileset, tile, tile_url(template, *tile), "image/webp")


@TIFF
def test_tiff_tiles_are_in_strips(service: Service, tiling: Tiling, at: Places) -> None:
    """`/req/tiff/content`: no tiles within the tile."""
    for _, _, url in tiles(tiling, GEOTIFF):
        with at(url):
            answer = service.answer(url)
            assert essence(answer.headers["content-type"]) == GEOTIFF
            tags = tiff_tags(answer)
            assert STRIP_OFFSETS in tags
            assert TILE_WIDTH not in tags


@TIFF
def test_the_georeference_of_tiff_tiles_is_that_of_the_tile(service: Service, tiling: Tiling, at: Places) -> None:
    """`/req/tiff/geotiff`: CRS and transform agree with tile matrix set, tile matrix, row and column."""
    for tileset, tile, url in tiles(tiling, GEOTIFF):
        with at(url):
            box = tileset.matrix_set.matrices[tile[0]].bounds(tile[1], tile[2])
            with dataset(service.answer(url)) as reader:
                assert reader.crs is not None
                assert is_same_crs(CRS.from_wkt(reader.crs.to_wkt()), tileset.matrix_set.crs, box)
                cell = (box[2] - box[0]) / reader.width
                assert tuple(reader.bounds) == pytest.approx(box, abs=1e-6 * cell)
                assert reader.transform.b == reader.transform.d == 0


def test_geotiff_tiles_hold_the_fields_of_the_collection(service: Service, tiling: Tiling, at: Places) -> None:
    """A promise of this project: true values in the data's own type, named fields, and one nodata value or a mask."""
    for _, _, url in tiles(tiling, GEOTIFF, "coverage"):
        with at(url), dataset(service.answer(url)) as reader:
            assert len(set(reader.dtypes)) == 1
            assert all(reader.descriptions)
            assert "alpha" not in [colour.name for colour in reader.colorinterp]


def test_arrays_hold_the_values_of_the_geotiff(service: Service, tiling: Tiling, at: Places) -> None:
    """A promise of this project: (field, row, col), the same cells as in the GeoTIFF."""
    for tileset, tile in product(tiling.representatives("coverage"), (0, -1)):
        templates = [tileset.template(media) for media in (NPY, GEOTIFF)]
        if any(template is None for template in templates):
            continue
        as_array, as_tiff = (tile_url(each, *tileset.samples()[tile]) for each in templates if each is not None)
        with at(as_array):
            values = array(service.answer(as_array))
            with dataset(service.answer(as_tiff)) as reader:
                expected = reader.read()
                assert values.shape == expected.shape
                assert values.dtype == expected.dtype
                assert np.array_equal(values, expected, equal_nan=values.dtype.kind == "f")


@pytest.mark.parametrize(
    ("kind", "name", "media"),
    [
        ("map", "png", "image/png"),
        ("map", "jpeg", "image/jpeg"),
        ("map", "jpg", "image/jpeg"),
        ("map", "webp", "image/webp"),
        ("map", "image/png", "image/png"),
        ("map", "image/jpeg", "image/jpeg"),
        ("coverage", "geotiff", GEOTIFF),
        ("coverage", "tiff", GEOTIFF),
        ("coverage", "tif", GEOTIFF),
        ("coverage", "npy", NPY),
        ("coverage", "image/tiff; application=geotiff", GEOTIFF),
        ("coverage", NPY, NPY),
    ],
)
def test_formats_have_short_names_and_media_types(
    service: Service, tiling: Tiling, at: Places, kind: str, name: str, media: str
) -> None:
    """A promise of this project, which OGC's suites assume: `f` takes either, and wins over `Accept`."""
    for tileset in tiling.representatives(kind)[:1]:
        url = with_query(tile_url(tileset.templates[0], *tileset.samples()[0]), f=name)
        with at(url):
            answer = service.get(url, "image/gif")
            assert answer.status_code == 200
            assert essence(answer.headers["content-type"]) == media


@pytest.mark.parametrize(("kind", "accept"), [("map", media) for media in MAP_FORMATS] + [("coverage", NPY)])
def test_formats_are_had_by_accept(service: Service, tiling: Tiling, at: Places, kind: str, accept: str) -> None:
    """A promise of this project: without `f`, `Accept` decides."""
    for tileset in tiling.representatives(kind)[:1]:
        url = with_query(tile_url(tileset.templates[0], *tileset.samples()[0]), f=None)
        with at(url):
            assert essence(service.get(url, accept).headers["content-type"]) == accept
