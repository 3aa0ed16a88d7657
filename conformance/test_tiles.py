"""OGC API - Tiles - Part 1: core, the tiles themselves. Their encodings are in test_encodings.py."""

from itertools import product

import pytest

from conformance.classes import conformance_class
from conformance.client import (
    JDK_ACCEPT,
    Link,
    Service,
    same_media,
    with_query,
)
from conformance.images import size_of
from conformance.places import Places
from conformance.tilesets import NO_SUCH_TILE, Tileset, Tiling, tile_url

CORE = conformance_class("tiles-1", "core")

BEYOND_32_BITS = 2**31 - 1


def each_format(tileset: Tileset) -> list[tuple[Link, tuple[str, int, int]]]:
    """All samples in the first media type, one in the others."""
    first, *others = tileset.templates
    return [(first, tile) for tile in tileset.samples()] + [(other, tileset.samples()[-1]) for other in others]


@CORE
def test_tiles_are_had_by_the_templates_that_the_server_publishes(service: Service, tiling: Tiling, at: Places) -> None:
    """`/req/core/tc-op`, `/req/core/tc-success` A: in the media type that the template promises."""
    for tileset in tiling.representatives():
        for template, tile in each_format(tileset):
            url = tile_url(template, *tile)
            with at(url):
                answer = service.answer(url)
                assert answer.status_code == 200
                assert same_media(answer.headers["content-type"], template.type)


@CORE
def test_a_tile_of_every_tileset_is_had(service: Service, tiling: Tiling, at: Places) -> None:
    """`/req/core/tc-success`: the middle of the finest matrix, in the first media type."""
    for tileset in tiling.tilesets:
        with at(tileset.url):
            assert service.answer(tile_url(tileset.templates[0], *tileset.samples()[-1])).status_code == 200


@CORE
def test_tiles_have_the_size_that_their_matrix_says(service: Service, tiling: Tiling, at: Places) -> None:
    """`/req/core/tc-success` B, C: width by height, for coverages one more on each axis where cells are points."""
    for tileset in tiling.representatives("map", "coverage"):
        for template, tile in each_format(tileset):
            url = tile_url(template, *tile)
            with at(url):
                size = size_of(service.answer(url))
                matrix = tileset.matrix_set.matrices[tile[0]]
                width, height = matrix.tile_width, matrix.tile_height
                points = [(width + 1, height + 1)] if tileset.kind == "coverage" else []
                assert size is None or size in [(width, height), *points]


@CORE
@pytest.mark.parametrize("accept", [JDK_ACCEPT, "*", "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"])
def test_clients_that_ask_for_nothing_in_particular_get_an_image(
    service: Service, tiling: Tiling, at: Places, accept: str
) -> None:
    """`/req/core/tc-success`: what Java sends by itself names HTML first, and means an image."""
    for tileset in tiling.firsts("map"):
        url = with_query(tile_url(tileset.templates[0], *tileset.samples()[-1]), f=None)
        with at(url):
            answer = service.get(url, accept)
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("image/")


@CORE
def test_every_tile_of_a_small_range_is_there(service: Service, tiling: Tiling, at: Places) -> None:
    """`/req/core/tc-error` B: 200 for each row and column within the limits, also where there is no data."""
    for tileset in tiling.firsts():
        limits = tileset.limits[-1]
        _, middle_row, middle_col = limits.middle
        rows = sorted({limits.min_row, middle_row, limits.max_row})
        cols = sorted({limits.min_col, middle_col, limits.max_col})
        for row, col in product(rows, cols):
            url = tile_url(tileset.templates[0], limits.matrix, row, col)
            with at(url):
                assert service.answer(url).status_code == 200


@CORE
def test_tiles_just_outside_the_limits_are_refused(service: Service, tiling: Tiling, at: Places) -> None:
    """`/req/core/tc-error` A: not found, on each side."""
    for tileset in tiling.firsts():
        limits = tileset.limits[-1]
        _, row, col = limits.middle
        outside = [
            (limits.min_row - 1, col),
            (limits.max_row + 1, col),
            (row, limits.min_col - 1),
            (row, limits.max_col + 1),
        ]
        for outer_row, outer_col in outside:
            url = tile_url(tileset.templates[0], limits.matrix, outer_row, outer_col)
            with at(url):
                assert service.get(url).status_code in NO_SUCH_TILE


@CORE
@pytest.mark.parametrize("index", [BEYOND_32_BITS, 2**63, "9" * 5000, -1, "1.5", "one", "0x0", "%00", "+1", " 1"])
def test_rows_and_columns_that_cannot_be_are_refused(
    service: Service, tiling: Tiling, at: Places, index: object
) -> None:
    """`/req/core/tc-error` A, `/req/core/tc-tilerow-definition`, `/req/core/tc-tilecol-definition`."""
    for tileset in tiling.firsts()[:3]:
        limits = tileset.limits[0]
        for row, col in ((index, limits.min_col), (limits.min_row, index)):
            url = tile_url(tileset.templates[0], limits.matrix, row, col)
            with at(url[:200]):
                assert service.get(url).status_code in NO_SUCH_TILE


@CORE
@pytest.mark.parametrize("matrix", ["no-such-matrix", "-1", "999", "00", "9" * 5000])
def test_tile_matrices_that_are_not_there_are_refused(
    service: Service, tiling: Tiling, at: Places, matrix: str
) -> None:
    """`/req/core/tc-error` A, `/req/core/tc-tilematrix-definition`: the id is a string, to be met exactly."""
    for tileset in tiling.firsts():
        if matrix in tileset.matrix_set.matrices:
            continue
        url = tile_url(tileset.templates[0], matrix, 0, 0)
        with at(url[:200]):
            assert service.get(url).status_code in NO_SUCH_TILE


@CORE
def test_matrices_that_the_limits_leave_out_have_no_tiles(service: Service, tiling: Tiling, at: Places) -> None:
    """`/req/core/tc-error` A; TMS 2.0 `/req/tilematrixsetlimits/model`: an unlisted matrix is not available."""
    for tileset in tiling.firsts():
        listed = {limits.matrix for limits in tileset.limits}
        unlisted = [matrix for matrix in tileset.matrix_set.matrices if matrix not in listed]
        for matrix in unlisted[:1] + unlisted[-1:]:
            url = tile_url(tileset.templates[0], matrix, 0, 0)
            with at(url):
                assert service.get(url).status_code in NO_SUCH_TILE
    if not at.seen:
        pytest.skip("every tileset has all matrices of its tile matrix set")
