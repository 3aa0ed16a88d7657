"""Tile sets and tiles over HTTP."""

from __future__ import annotations

import io
import re
from typing import Any

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from rasterio.io import MemoryFile
from starlette.testclient import TestClient

from ogcapi.model.crs import parse_crs, transformation
from tests.data import write_raster
from tests.web.conftest import Serve

JDK = {"Accept": "text/html, image/gif, image/jpeg, */*; q=0.2"}
EARTH = ("blue-marble", "black-marble", "earth-relief")


def links(document: dict[str, Any], rel: str) -> list[dict[str, Any]]:
    return [link for link in document["links"] if link["rel"].rpartition("/")[2] == rel]


def tile_sets(client: TestClient, path: str) -> dict[str, dict[str, Any]]:
    return {one["tileMatrixSetId"]: one for one in client.get(path).json()["tilesets"]}


def picture(content: bytes) -> np.ndarray[Any, Any]:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGBA"))


@pytest.mark.parametrize("base", ["/map", "/collections/mola/map", "/collections/mola/coverage"])
def test_the_list_tells_of_each_tile_set_what_the_tile_set_tells_itself(client: TestClient, base: str) -> None:
    for set_id, listed in tile_sets(client, f"{base}/tiles").items():
        single = client.get(f"{base}/tiles/{set_id}").json()
        assert single == listed
        assert links(single, "self")[0]["href"].endswith(f"{base}/tiles/{set_id}?f=json")
        assert links(single, "item")
        assert links(single, "tiling-scheme")


def test_every_planetary_collection_is_offered_in_the_sets_of_its_body_alone(client: TestClient) -> None:
    assert all(name.startswith("Mars") for name in tile_sets(client, "/collections/mola/map/tiles"))
    assert not any(name.startswith("Mars") for name in tile_sets(client, "/collections/blue-marble/map/tiles"))


def test_templates_are_filled_in_to_the_tiles_themselves(client: TestClient) -> None:
    for base in ("/map", "/collections/mola/map", "/collections/mola/styles/gray/map", "/collections/mola/coverage"):
        for one in tile_sets(client, f"{base}/tiles").values():
            limit = one["tileMatrixSetLimits"][0]
            for item in links(one, "item"):
                assert item["templated"] is True
                href = item["href"].replace("{tileMatrix}", limit["tileMatrix"])
                href = href.replace("{tileRow}", str(limit["minTileRow"]))
                href = href.replace("{tileCol}", str(limit["minTileCol"]))
                assert "{" not in href
                answer = client.get(href)
                assert answer.status_code == 200
                assert answer.headers["content-type"] == item["type"]


def test_a_client_that_names_pages_first_still_gets_an_image(client: TestClient) -> None:
    answer = client.get("/collections/mola/map/tiles/MarsMercatorSphere/0/0/0", headers=JDK)
    assert answer.headers["content-type"] in {"image/jpeg", "image/png"}


@pytest.mark.parametrize(
    ("asked", "kind", "media"),
    [
        ("?f=png", "PNG", "image/png"),
        (".png", "PNG", "image/png"),
        ("?f=image/png", "PNG", "image/png"),
        ("?f=jpeg", "JPEG", "image/jpeg"),
        (".jpg", "JPEG", "image/jpeg"),
        ("?f=webp", "WEBP", "image/webp"),
        (".webp?f=webp", "WEBP", "image/webp"),
    ],
)
def test_a_format_is_asked_for_by_name_by_media_type_or_by_extension(
    client: TestClient, asked: str, kind: str, media: str
) -> None:
    answer = client.get(f"/collections/blue-marble/map/tiles/WebMercatorQuad/1/0/1{asked}")
    image = Image.open(io.BytesIO(answer.content))
    assert (answer.headers["content-type"], image.format, image.size) == (media, kind, (256, 256))


def test_an_extension_and_another_format_cannot_both_be_met(client: TestClient) -> None:
    path = "/collections/mola/map/tiles/MarsMercatorSphere/0/0/0"
    assert client.get(f"{path}.png?f=jpeg").status_code == 400
    assert client.get(f"{path}.xyz").status_code == 404


@pytest.mark.parametrize(
    "place",
    ["9/0/0", "0/1/0", "0/0/1", "0/-1/0", "0/0/2147483647", "0/2147483647/0", "x/0/0", f"0/{'9' * 5000}/0", "0/0.5/0"],
)
@pytest.mark.parametrize("kind", ["map", "coverage"])
def test_a_tile_beyond_the_limits_is_not_found(client: TestClient, kind: str, place: str) -> None:
    answer = client.get(f"/collections/mola/{kind}/tiles/MarsMercatorSphere/{place}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("/collections/nowhere/map/tiles", "nowhere"),
        ("/collections/mola/map/tiles/WebMercatorQuad", "MarsMercatorSphere"),
        ("/collections/mola/styles/nothing/map/tiles", "terrain"),
        ("/collections/mola/styles/nothing/map/tiles/MarsMercatorSphere/0/0/0", "terrain"),
        ("/map/tiles/nothing", "WebMercatorQuad"),
    ],
)
def test_unknown_names_in_a_path_are_not_found_and_known_ones_are_named(
    client: TestClient, path: str, named: str
) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert named in answer.json()["detail"]


@given(st.integers(1, 1024), st.integers(1, 64))
def test_a_map_tile_has_the_size_that_is_asked_for(client: TestClient, width: int, height: int) -> None:
    answer = client.get(
        "/collections/earth-relief/map/tiles/WorldCRS84Quad/0/0/0", params={"width": width, "height": height}
    )
    assert Image.open(io.BytesIO(answer.content)).size == (width, height)


@pytest.mark.parametrize(
    "query", ["width=1025", "height=0", "width=-1", "width=x", "width=", "width=1e3", "height=9" * 5]
)
def test_a_size_that_is_none_or_too_large_is_refused(client: TestClient, query: str) -> None:
    answer = client.get(f"/collections/earth-relief/map/tiles/WorldCRS84Quad/0/0/0?{query}")
    assert answer.status_code == 400
    assert answer.json()["parameter"] in query


def test_a_coverage_tile_is_a_geotiff_of_exactly_the_tile(client: TestClient) -> None:
    for set_id in tile_sets(client, "/collections/mola/coverage/tiles"):
        matrix_set = client.get(f"/tileMatrixSets/{set_id}").json()
        crs = parse_crs(matrix_set["crs"])
        matrix = matrix_set["tileMatrices"][1]
        answer = client.get(f"/collections/mola/coverage/tiles/{set_id}/1/0/1")
        with MemoryFile(answer.content) as file, file.open() as raster:
            x, y = crs.text_order(*matrix["pointOfOrigin"])
            size = matrix["cellSize"]
            expected = rasterio.Affine(size, 0, x + 256 * size, 0, -size, y)
            assert raster.transform.almost_equals(expected, precision=1e-9 * abs(x))
            # GeoTIFF has no code for every system: what counts is that coordinates mean the same places
            there = transformation(parse_crs(raster.crs.to_wkt()), crs)(1e6 if not crs.is_geographic else 1, 2)
            assert there == (pytest.approx(1e6 if not crs.is_geographic else 1, rel=1e-12), pytest.approx(2, abs=1e-6))
            assert (raster.count, raster.dtypes, raster.descriptions) == (1, ("float32",), ("height",))
            assert raster.units == ("m",)
            assert not raster.profile["tiled"]
            assert np.isnan(raster.nodata)


def test_npy_holds_the_values_of_the_geotiff(client: TestClient) -> None:
    path = "/collections/mola/coverage/tiles/MarsNorthPolarQuad/2/1/1"
    values = np.load(io.BytesIO(client.get(path, params={"f": "npy"}).content))
    with MemoryFile(client.get(path).content) as file, file.open() as raster:
        np.testing.assert_array_equal(values, raster.read())


def test_fields_come_in_the_order_asked_for(client: TestClient) -> None:
    path = "/collections/blue-marble/coverage/tiles/WebMercatorQuad/2/1/1"
    whole = np.load(io.BytesIO(client.get(f"{path}?f=npy").content))
    chosen = np.load(io.BytesIO(client.get(f"{path}?f=npy&properties=b3,b1").content))
    np.testing.assert_array_equal(chosen, whole[[2, 0]])


@pytest.mark.parametrize("names", ["nothing", "b1,", "", "b1,b1", "b1;b2"])
def test_fields_that_are_not_there_are_refused(client: TestClient, names: str) -> None:
    answer = client.get("/collections/blue-marble/coverage/tiles/WebMercatorQuad/0/0/0", params={"properties": names})
    assert answer.status_code == 400
    assert answer.json()["parameter"] == "properties"


def test_every_column_of_a_coalesced_group_has_the_same_bytes(client: TestClient) -> None:
    path = "/collections/earth-relief/map/tiles/GNOSISGlobalGrid/1/0/{}"
    answers = [client.get(path.format(col)) for col in range(4)]
    assert [answer.status_code for answer in answers] == [200] * 4
    first, second, third, fourth = (answer.content for answer in answers)
    assert first == second != third == fourth


def test_a_tile_without_data_inside_the_limits_is_an_image_that_says_so(serve: Serve, patch: Any) -> None:
    client = serve(patch)
    found = tile_sets(client, "/collections/two/map/tiles")["WorldCRS84Quad"]["tileMatrixSetLimits"][-1]
    matrix, row, col = found["tileMatrix"], found["minTileRow"], found["maxTileCol"]
    answer = client.get(f"/collections/two/map/tiles/WorldCRS84Quad/{matrix}/{row}/{col}?f=png")
    assert answer.status_code == 200
    assert answer.headers["oatiles-hint"] == "empty"
    assert not picture(answer.content)[..., 3].any()
    full = client.get(f"/collections/two/map/tiles/WorldCRS84Quad/{matrix}/{row}/{found['minTileCol']}?f=png")
    assert "oatiles-hint" not in full.headers
    jpeg = client.get(f"/collections/two/map/tiles/WorldCRS84Quad/{matrix}/{row}/{col}?f=jpeg")
    assert (picture(jpeg.content)[..., :3] == 255).all()


@pytest.fixture
def patch(tmp_path: Any) -> str:
    """A configuration of two small rasters far apart on one diagonal, as a mosaic: between them lies nothing."""
    import json

    quadkeys = {}
    for name, (west, north), key in (("a", (-20.0, 10.0), "0"), ("b", (10.0, -10.0), "3")):
        values = np.full((64, 64), 7, "uint8")
        write_raster(tmp_path / f"{name}.tif", values, transform=(0.1, 0, west, 0, -0.1, north))
        quadkeys[key] = [f"{name}.tif"]
    document = {
        "mosaicjson": "0.0.3",
        "version": "1.0.0",
        "minzoom": 1,
        "maxzoom": 8,
        "quadkey_zoom": 1,
        "bounds": [-20, -16.4, 16.4, 10],
        "tiles": quadkeys,
    }
    (tmp_path / "mosaic.json").write_text(json.dumps(document))
    return "resources: {two: {providers: [{name: MosaicJSON, data: mosaic.json}]}}"


def test_a_dataset_tile_draws_the_collections_of_its_body_in_order(client: TestClient) -> None:
    place = "WebMercatorQuad/1/0/1?f=png"
    drawn = {
        names: client.get(f"/map/tiles/{place}&collections={names}").content
        for names in ("earth-relief", "blue-marble", "blue-marble,earth-relief", "earth-relief,blue-marble")
    }
    assert drawn["blue-marble,earth-relief"] == drawn["earth-relief"]
    assert drawn["earth-relief,blue-marble"] == drawn["blue-marble"]
    assert drawn["blue-marble"] != drawn["earth-relief"]
    alone = client.get(f"/collections/earth-relief/map/tiles/{place}").content
    assert client.get(f"/map/tiles/{place}").content == alone == drawn["earth-relief"]


def test_collections_are_chosen_by_address_too_and_stay_chosen_along_the_links(client: TestClient) -> None:
    address = "http://testserver/collections/blue-marble"
    by_address = client.get("/map/tiles", params={"collections": address}).json()
    by_id = client.get("/map/tiles", params={"collections": "blue-marble"}).json()
    assert by_address == by_id
    hrefs = [link["href"] for one in by_id["tilesets"] for link in links(one, "item") + links(one, "self")]
    assert all(re.search(r"[?&]collections=blue-marble(&|$)", href) for href in hrefs)


@pytest.mark.parametrize(
    "names",
    ["nothing", "", "http://elsewhere/collections/blue-marble", "blue-marble,", "blue-marble,blue-marble", "mola"],
)
def test_collections_that_cannot_be_drawn_are_refused(client: TestClient, names: str) -> None:
    answer = client.get("/map/tiles/WebMercatorQuad/0/0/0", params={"collections": names})
    assert answer.status_code == 400
    assert answer.json()["parameter"] == "collections"


def test_narrower_collections_have_narrower_limits(serve: Serve, patch: str) -> None:
    text = patch.replace("resources: {", "resources: {all: {providers: [{name: COG, data: demo/earth/relief.tif}]}, ")
    client = serve(text)
    whole = tile_sets(client, "/map/tiles")["WorldCRS84Quad"]["tileMatrixSetLimits"]
    narrow = tile_sets(client, "/map/tiles?collections=two")["WorldCRS84Quad"]["tileMatrixSetLimits"]
    level = {limit["tileMatrix"]: limit for limit in whole}
    assert any(limit["minTileCol"] > level[limit["tileMatrix"]]["minTileCol"] for limit in narrow)
    deep = next(limit for limit in narrow if limit["minTileCol"] > 0)
    path = f"/map/tiles/WorldCRS84Quad/{deep['tileMatrix']}/{deep['minTileRow']}/0"
    assert client.get(path).status_code == 200
    assert client.get(f"{path}?collections=two").status_code == 404


def test_coarse_and_fine_collections_are_drawn_together_down_to_the_deepest_level(serve: Serve, patch: str) -> None:
    more = "all: {providers: [{name: COG, data: demo/earth/relief.tif}]}, "
    client = serve(patch.replace("resources: {", "resources: {" + more))
    whole = tile_sets(client, "/map/tiles")["WebMercatorQuad"]["tileMatrixSetLimits"]
    fine = tile_sets(client, "/collections/two/map/tiles")["WebMercatorQuad"]["tileMatrixSetLimits"]
    assert [limit["tileMatrix"] for limit in whole] == [limit["tileMatrix"] for limit in fine]
    deepest = whole[-1]
    assert (deepest["minTileRow"], deepest["minTileCol"]) == (0, 0)
    far = client.get(f"/map/tiles/WebMercatorQuad/{deepest['tileMatrix']}/3/3?f=png")
    assert picture(far.content)[..., 3].all()


def test_attribution_is_that_of_the_collections_drawn(client: TestClient) -> None:
    found = tile_sets(client, "/map/tiles")
    assert "MOLA" not in found["WebMercatorQuad"]["attribution"]
    assert "MOLA" in found["MarsMercatorSphere"]["attribution"]


def test_limits_of_the_dataset_hold_every_collection_that_is_drawn(serve: Serve, patch: str) -> None:
    more = (
        "all: {providers: [{name: COG, data: demo/earth/relief.tif, options: {tile_matrix_sets: [WorldCRS84Quad]}}]}, "
    )
    client = serve(patch.replace("resources: {", "resources: {" + more))
    found = tile_sets(client, "/map/tiles")["WebMercatorQuad"]
    assert {layer["id"] for layer in found["layers"]} == {"all", "two"}
    first = found["tileMatrixSetLimits"][1]
    assert (first["minTileRow"], first["maxTileRow"], first["minTileCol"], first["maxTileCol"]) == (0, 1, 0, 1)
