"""Coverages and maps on boxes of any system."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.io import MemoryFile
from starlette.testclient import TestClient

from ogcapi.model.crs import parse_crs
from tests.data import write_raster
from tests.web.conftest import ROOT, Serve

MARS = "http://www.opengis.net/def/crs/IAU/2015/"
EPSG = "http://www.opengis.net/def/crs/EPSG/0/"


def opened(content: bytes) -> tuple[np.ndarray[Any, Any], dict[str, Any], tuple[float, ...]]:
    with MemoryFile(content) as file, file.open() as raster:
        return raster.read(), dict(raster.profile), tuple(raster.bounds)


def test_a_coverage_without_parameters_is_the_file_itself(client: TestClient) -> None:
    values, profile, _ = opened(client.get("/collections/earth-relief/coverage").content)
    with rasterio.open(ROOT / "demo/earth/relief.tif") as file:
        np.testing.assert_array_equal(values, file.read())
        assert profile["transform"] == file.transform
        assert profile["crs"] == file.crs
        assert profile["dtype"] == "int16"


def test_a_box_of_whole_cells_gives_those_cells(client: TestClient) -> None:
    answer = client.get("/collections/earth-relief/coverage?bbox=-20.125,0.125,29.875,40.125")
    values, _, bounds = opened(answer.content)
    assert bounds == (-20.125, 0.125, 29.875, 40.125)
    with rasterio.open(ROOT / "demo/earth/relief.tif") as file:
        np.testing.assert_array_equal(values, file.read(window=file.window(*bounds)))


def test_the_answers_box_and_system_are_in_its_headers(client: TestClient) -> None:
    box = client.get("/collections/earth-relief/map?bbox=10,20,30,50&crs=[OGC:CRS84]&width=40").headers
    assert (box["content-bbox"], box.get("content-crs")) == ("10.0,20.0,30.0,50.0", None)
    lat_first = client.get("/collections/earth-relief/map?bbox=10,20,30,50&width=40").headers
    assert (lat_first["content-bbox"], lat_first["content-crs"]) == ("20.0,10.0,50.0,30.0", f"{EPSG}4326")
    mars = client.get("/collections/mola/map?bbox=-10,100,30,150&width=40").headers
    assert (mars["content-bbox"], mars["content-crs"]) == ("-10.0,100.0,30.0,150.0", f"{MARS}49900")


@pytest.mark.parametrize(
    ("collection", "system", "box"),
    [
        ("earth-relief", f"{EPSG}4326", "20,10,50,30"),
        ("earth-relief", "[EPSG:4326]", "20,10,50,30"),
        ("earth-relief", "http://www.opengis.net/def/crs/OGC/1.3/CRS84", "10,20,30,50"),
        ("mola", f"{MARS}49900", "-10,100,30,150"),
    ],
)
def test_a_box_is_in_the_axis_order_of_its_system(client: TestClient, collection: str, system: str, box: str) -> None:
    plain = "10,20,30,50" if collection == "earth-relief" else box
    asked = {"bbox": box, "bbox-crs": system, "width": "64", "f": "npy"}
    content = client.get(f"/collections/{collection}/coverage", params=asked).content
    default = {"bbox": plain, "width": "64", "f": "npy"}
    assert content == client.get(f"/collections/{collection}/coverage", params=default).content


def test_a_box_across_the_antimeridian_has_both_its_sides(client: TestClient) -> None:
    def values(box: str, width: int) -> np.ndarray[Any, Any]:
        path = f"/collections/mola/coverage?bbox={box}&width={width}&height=80&f=npy"
        return np.asarray(np.load(io.BytesIO(client.get(path).content)))

    whole = values("-5,170,5,-170", 160)
    halves = [values("-5,170,5,180", 80), values("-5,-180,5,-170", 80)]
    np.testing.assert_array_equal(whole, np.concatenate(halves, axis=2))
    assert not np.isnan(whole).any()
    answer = client.get("/collections/mola/coverage?bbox=-5,170,5,-170&width=16")
    assert answer.headers["content-bbox"] == "-5.0,170.0,5.0,-170.0"


@pytest.mark.parametrize("system", ["EPSG:3857", "EPSG:3035", "EPSG:5041", "OGC:CRS84", "EPSG:32633"])
def test_any_system_of_the_body_may_be_asked_for(client: TestClient, system: str) -> None:
    answer = client.get(f"/collections/blue-marble/coverage?crs=[{system}]&bbox=10,50,20,60&width=50&height=40")
    values, profile, _ = opened(answer.content)
    assert values.shape == (3, 40, 50)
    wanted = parse_crs("EPSG:4326" if system == "OGC:CRS84" else system)
    assert parse_crs(profile["crs"].to_wkt()) == wanted


def test_a_side_that_is_missing_follows_from_the_other(client: TestClient) -> None:
    for query, size in (("width=80", (80, 40)), ("height=40", (80, 40)), ("width=80&height=80", (80, 80))):
        answer = client.get(f"/collections/earth-relief/map?bbox=0,0,80,40&{query}")
        assert Image.open(io.BytesIO(answer.content)).size == size


def test_a_map_without_a_size_is_of_a_sensible_one(client: TestClient) -> None:
    image = Image.open(io.BytesIO(client.get("/collections/blue-marble/map").content))
    assert image.size == (1024, 512)
    assert image.mode == "RGBA"


def test_a_styled_map_is_drawn_in_its_style(client: TestClient) -> None:
    path = "/collections/mola/{}map?width=64"
    terrain = client.get(path.format("styles/terrain/")).content
    assert terrain == client.get(path.format("")).content
    assert terrain != client.get(path.format("styles/gray/")).content


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("bbox=1,2,3", "bbox"),
        ("bbox=1,2,3,4,5,6", "bbox"),
        ("bbox=a,b,c,d", "bbox"),
        ("bbox=nan,0,1,1", "bbox"),
        ("bbox=0,10,10,0", "bbox"),
        ("bbox=0,0,0,0", "bbox"),
        ("bbox=", "bbox"),
        ("bbox=0,0,1,1&bbox-crs=EPSG:0", "bbox-crs"),
        ("bbox=0,0,1,1&bbox-crs=[IAU:49900]", "bbox-crs"),
        ("crs=nothing", "crs"),
        ("crs=%2Bproj=laea %2Blat_0=12 %2Btype=crs", "crs"),
        ("crs=[IAU_2015:49901]", "crs"),
        ("crs=http://www.opengis.net/def/crs/IAU/2015/49910", "crs"),
        ("width=0", "width"),
        ("width=-4", "width"),
        ("height=1.5", "height"),
        ("properties=b1", "properties"),
    ],
)
def test_what_cannot_be_understood_is_refused_by_name(client: TestClient, query: str, parameter: str) -> None:
    answer = client.get(f"/collections/earth-relief/coverage?{query}")
    assert answer.status_code == 400
    problem = answer.json()
    assert problem["parameter"] == parameter
    assert problem["expected"]


def test_more_cells_than_one_answer_may_have_are_refused_with_the_limit(serve: Serve) -> None:
    text = "resources: {r: {providers: [{name: COG, data: demo/earth/relief.tif}]}}\nserver: {limits: {cells: 1000}}"
    client = serve(text)
    for path in ("/collections/r/coverage", "/collections/r/map?width=99&height=99"):
        answer = client.get(path)
        assert answer.status_code == 413
        assert answer.json()["limit"] == 1000
    assert client.get("/collections/r/coverage?width=10&height=100").status_code == 200


def test_a_coverage_wholly_beside_the_data_is_not_found_and_a_map_is_blank(serve: Serve, tmp_path: Any) -> None:
    write_raster(tmp_path / "a.tif", np.full((4, 4), 9, "uint8"), bounds=(10, 6, 14, 10))
    client = serve("resources: {a: {providers: [{name: COG, data: a.tif}]}}")
    assert client.get("/collections/a/coverage?bbox=50,50,60,60").status_code == 404
    answer = client.get("/collections/a/map?bbox=50,50,60,60&width=8")
    assert answer.status_code == 200
    assert not np.asarray(Image.open(io.BytesIO(answer.content)))[..., 3].any()
