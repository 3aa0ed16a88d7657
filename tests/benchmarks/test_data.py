import json

import morecantile
import numpy as np
import pytest

from tests.benchmarks import data, mosaics, rasters
from tests.benchmarks.noise import texture
from tests.benchmarks.quadtree import EARTH, box_in, holds, mars, quadkey

SMALL = data.Sizes(scene=4096, aligned=2048, heights=2048, asset=1024)


@pytest.mark.parametrize("name", data.LISTS)
def test_a_list_of_tiles_is_the_same_each_time_and_not_empty(name: str) -> None:
    tiles = data.tiles_of(SMALL, name)
    assert tiles
    assert tiles == data.tiles_of(SMALL, name)


@pytest.mark.parametrize(
    ("name", "file"), [("scene", "scene16"), ("panning", "scene16"), ("aligned_jpeg", "aligned_jpeg"), ("heights",) * 2]
)
def test_tiles_lie_within_their_file(name: str, file: str) -> None:
    one = rasters.singles(SMALL)[file]
    xmin, ymin, xmax, ymax = one.bounds
    slack = 1e-6 * (xmax - xmin)
    around = (xmin - slack, ymin - slack, xmax + slack, ymax + slack)
    assert all(holds(around, box_in(EARTH.box(tile), EARTH.crs, one.crs)) for tile in data.tiles_of(SMALL, name))


@pytest.mark.parametrize("crs", rasters.QUADTREES)
@pytest.mark.parametrize("overlaps", mosaics.STRIDES)
def test_every_place_of_a_mosaics_tiles_lies_under_that_many_rasters(crs: str, overlaps: int) -> None:
    patches = mosaics.over(mosaics.patches(crs, 2048), overlaps)
    quadtree = rasters.QUADTREES[crs]
    body = "earth" if quadtree is EARTH else "mars"
    for tile in data.tiles_of(data.Sizes(), f"{body}-{overlaps}")[:40]:
        xmin, ymin, xmax, ymax = box_in(quadtree.box(tile), quadtree.crs, crs)
        x, y = (xmin + xmax) / 2 + 1, (ymin + ymax) / 2 + 1
        assert sum(holds(patch.bounds, (x, y, x, y)) for patch in patches) == overlaps


def test_a_document_names_each_raster_of_a_tile_in_the_cells_that_the_tile_lies_in() -> None:
    patches = mosaics.patches(rasters.UTM, 1024)
    tiles = mosaics.document(patches, EARTH)["tiles"]
    tile = (14, 5958, 8320)
    here = [patch.name for patch in patches if _meets(patch.bounds, box_in(EARTH.box(tile), EARTH.crs, patch.crs))]
    assert set(here) <= set(tiles.get(quadkey(tile)[: mosaics.ZOOM], []))


def _meets(one, other) -> bool:
    return one[0] < other[2] and one[2] > other[0] and one[1] < other[3] and one[3] > other[1]


def test_a_crowded_document_has_all_those_assets_and_not_one_in_the_cells_of_the_others() -> None:
    mosaic = mosaics.document(mosaics.patches(rasters.UTM, 1024), EARTH)
    crowd = mosaics.crowded(mosaic, 1000)["tiles"]
    assert len({name for names in crowd.values() for name in names if name.startswith("absent/")}) == 1000
    assert {key: crowd[key] for key in mosaic["tiles"]} == mosaic["tiles"]
    assert all(len(key) == mosaics.ZOOM and names for key, names in crowd.items())


@pytest.mark.parametrize("tile", [(0, 0, 0), (13, 2976, 4224), (14, 5958, 8320)])
def test_quadkeys_and_boxes_are_those_of_morecantile(tile: tuple[int, int, int]) -> None:
    zoom, row, col = tile
    web = morecantile.tms.get("WebMercatorQuad")
    assert quadkey(tile) == (web.quadkey(morecantile.Tile(col, row, zoom)) or "")
    assert EARTH.box(tile) == pytest.approx(tuple(web.xy_bounds(morecantile.Tile(col, row, zoom))))


def test_the_set_of_mars_is_a_quadtree_that_morecantile_reads() -> None:
    read = morecantile.TileMatrixSet.model_validate(json.loads(json.dumps(mars().document)))
    assert read.is_quadtree
    assert mars().box((13, 3990, 7200)) == pytest.approx(tuple(read.xy_bounds(morecantile.Tile(7200, 3990, 13))))


def test_a_texture_is_the_same_each_time_and_uses_the_whole_range() -> None:
    one = texture(300, 500, 3, roughness=0.7)
    assert one.shape == (300, 500)
    assert np.array_equal(one, texture(300, 500, 3, roughness=0.7))
    assert not np.array_equal(one, texture(300, 500, 4, roughness=0.7))
    assert 0 <= one.min() < one.max() <= 1
    assert one.std() > 0.05
