"""Map tiles that are blocks of a file: sent as they are stored, and looking as they always do."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.data import forget_revisions, write_raster
from tests.sources.test_geotiff import picture
from tests.web.conftest import Serve

HALF = 20037508.342789244  # m, of the side of the Web Mercator square
SPAN = 2 * HALF / 2**7
CONFIG = """
resources:
  one:
    providers:
      - name: COG
        data: a.tif
        options:
          styles:
            plain: {fields: [b1, b2, b3], range: [0, 255]}
            bright: {fields: [b1, b2, b3], range: [0, 255], gamma: 2}
            turned: {fields: [b3, b2, b1], range: [0, 255]}
            gray: {fields: [b1], range: [0, 255]}
  two:
    providers: [{name: COG, data: a.tif}]
"""


def write(folder: Path, **options: Any) -> None:
    """A file in line with tiles of 256 cells at level 7, from column 64, row 32; of level 6 in its overview."""
    place = {"transform": (SPAN / 256, 0, 0, 0, -SPAN / 256, HALF / 2), "crs": "EPSG:3857"}
    made = {"compress": "jpeg", "photometric": "YCBCR", "interleave": "pixel", "overviews": (2,)}
    tiles = {"tiled": True, "blockxsize": 256, "blockysize": 256}
    write_raster(folder / "a.tif", picture(3, 600, 700), **place, **made | tiles | options)


def cells(content: bytes) -> Any:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).astype(int)


@pytest.mark.parametrize("path", ["collections/one/map", "collections/one/styles/plain/map", "collections/two/map"])
@pytest.mark.parametrize("options", [{}, {"photometric": "RGB"}])
def test_a_tile_that_is_a_block_loses_nothing(serve: Serve, tmp_path: Path, path: str, options: Any) -> None:
    write(tmp_path, **options)
    client = serve(CONFIG)
    for place in ("7/32/64", "7/33/65", "6/16/32"):
        jpeg, png = (client.get(f"/{path}/tiles/WebMercatorQuad/{place}?f={form}") for form in ("jpeg", "png"))
        assert jpeg.headers["content-type"] == "image/jpeg"
        np.testing.assert_array_equal(cells(jpeg.content), cells(png.content))
        assert "oatiles-hint" not in jpeg.headers


def test_it_is_what_the_file_holds(serve: Serve, tmp_path: Path) -> None:
    write(tmp_path)
    content = serve(CONFIG).get("/collections/one/map/tiles/WebMercatorQuad/7/32/64?f=jpeg").content
    stream = content[content.rfind(b"\xff\xda") :]
    assert len(stream) > 1000
    assert stream in (tmp_path / "a.tif").read_bytes()


def test_a_dataset_tile_is_the_block_of_the_topmost_collection(serve: Serve, tmp_path: Path) -> None:
    write(tmp_path)
    client = serve(CONFIG)
    alone = client.get("/collections/two/map/tiles/WebMercatorQuad/7/32/64?f=jpeg").content
    assert client.get("/map/tiles/WebMercatorQuad/7/32/64?f=jpeg&collections=one,two").content == alone


@pytest.mark.parametrize(
    ("path", "place", "options"),
    [
        ("styles/bright/map", "7/32/64?", {}),
        ("styles/turned/map", "7/32/64?", {}),
        ("styles/gray/map", "7/32/64?", {}),
        ("map", "7/32/64?width=200&height=200&", {}),
        ("map", "7/34/64?", {}),
        ("map", "7/32/66?", {}),
        ("map", "5/8/16?", {}),
        ("map", "7/32/64?", {"nodata": 0}),
        ("map", "7/32/64?", {"mask": np.triu(np.full((600, 700), 255, "uint8"))}),
        ("map", "7/32/64?", {"blockxsize": 128}),
        ("map", "7/32/64?", {"compress": "deflate", "photometric": "RGB"}),
    ],
)
def test_other_tiles_are_drawn(serve: Serve, tmp_path: Path, path: str, place: str, options: Any) -> None:
    write(tmp_path, **options)
    client = serve(CONFIG)
    jpeg, png = (
        client.get(f"/collections/one/{path}/tiles/WebMercatorQuad/{place}f={form}").content for form in ("jpeg", "png")
    )
    opened = Image.open(io.BytesIO(png)).convert("RGBA")
    white = Image.new("RGBA", opened.size, "white")
    expected = np.asarray(Image.alpha_composite(white, opened).convert("RGB")).astype(int)
    assert cells(jpeg).shape == expected.shape
    assert 0 < np.abs(cells(jpeg) - expected).mean() < 8


def test_a_block_that_is_damaged_is_a_problem(serve: Serve, tmp_path: Path) -> None:
    write(tmp_path)
    content = (tmp_path / "a.tif").read_bytes()
    client = serve(CONFIG)
    stream = client.get("/collections/one/map/tiles/WebMercatorQuad/7/32/64?f=jpeg").content
    at = content.rindex(b"\xff\xc0", 0, content.index(stream[stream.rfind(b"\xff\xda") :]))
    (tmp_path / "a.tif").write_bytes(content[:at] + bytes(8) + content[at + 8 :])
    forget_revisions()
    answer = client.get("/collections/one/styles/plain/map/tiles/WebMercatorQuad/7/32/64?f=jpeg")
    assert answer.status_code == 502
