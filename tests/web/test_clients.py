"""Files that clients open: what they say. `tests/clients` opens them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import numpy as np
import pytest
from lxml import etree
from PIL import Image
from starlette.testclient import TestClient

from ogcapi.app import create_app
from ogcapi.config import load_config
from tests.clients.made import MARS_SET, truth, write_config, write_data


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clients")
    write_data(folder)
    return folder


@pytest.fixture(scope="module")
def config(folder: Path) -> Path:
    return write_config(folder)


@pytest.fixture(scope="module")
def made(config: Path) -> TestClient:
    """A client of the made collections, without a network."""
    return TestClient(create_app(load_config(config, {})), raise_server_exceptions=False)


def test_addresses_in_files_are_those_that_the_client_uses(made: TestClient) -> None:
    path = f"/collections/mars/coverage/tiles/{MARS_SET}/gdal-wms.xml"
    answer = made.get(path, headers={"host": "elsewhere.example:8080"})
    assert answer.headers["content-type"] == "application/xml"
    service = etree.fromstring(answer.content)
    assert service.findtext("Service/ServerUrl") == (
        f"http://elsewhere.example:8080/collections/mars/coverage/tiles/{MARS_SET}/${{z}}/${{y}}/${{x}}.tif"
    )


def test_files_are_asked_for_again_only_when_they_change(made: TestClient) -> None:
    answer = made.get("/collections/utm/coverage.vrt")
    again = made.get("/collections/utm/coverage.vrt", headers={"if-none-match": answer.headers["etag"]})
    assert again.status_code == 304
    assert answer.headers["cache-control"]


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("nowhere/coverage.vrt", ["nowhere"]),
        ("utm/coverage.vrt?properties=b1,b9", ["b9", "b1, b2, b3"]),
        ("utm/coverage/tiles/NoSet/coverage.vrt", ["NoSet", "WebMercatorQuad"]),
        ("utm/coverage/tiles/mars-native/coverage.vrt", ["mars-native"]),
        ("utm/coverage/tiles/NoSet/gdal-wms.xml", ["NoSet", "WebMercatorQuad"]),
        ("utm/coverage/tiles/WebMercatorQuad/gdal-wms.xml?properties=x", ["x", "b1, b2, b3"]),
    ],
)
def test_a_file_of_something_unknown_is_not_found_and_known_names_are_told(
    made: TestClient, path: str, named: list[str]
) -> None:
    answer = made.get(f"/collections/{path}")
    assert answer.status_code == 404
    assert all(name in answer.json()["detail"] for name in named)


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("coverage/tiles/GNOSISGlobalGrid/gdal-wms.xml", "WorldCRS84Quad"),
        ("coverage/tiles/GNOSISGlobalGrid/gdal-wmts.xml", "WorldCRS84Quad"),
        ("coverage/tiles/GNOSISGlobalGrid/coverage.vrt", "WorldCRS84Quad"),
        ("coverage/tiles/GNOSISGlobalGrid/stacta.json", "degrees-native"),
        ("coverage/tiles/GNOSISGlobalGrid/values.qlr", "degrees-native"),
        ("map/tiles/GNOSISGlobalGrid/wmts.qlr", "WorldCRS84Quad"),
        ("map/tiles/GNOSISGlobalGrid/tilejson.json", "WebMercatorQuad"),
        ("map/tiles/GNOSISGlobalGrid/style.json", "WebMercatorQuad"),
    ],
)
def test_a_set_that_a_format_cannot_express_is_refused_and_others_are_named(
    made: TestClient, name: str, known: str
) -> None:
    answer = made.get(f"/collections/degrees/{name}")
    assert answer.status_code == 400
    assert known in answer.json()["expected"]
    assert answer.json()["value"] == "GNOSISGlobalGrid"


def test_the_tiles_of_the_datas_own_cells_are_a_tile_set_like_others(made: TestClient) -> None:
    tile_set = made.get("/collections/utm/coverage/tiles/utm-native").json()
    (scheme,) = [one["href"] for one in tile_set["links"] if one["rel"].endswith("tiling-scheme")]
    matrix_set = made.get(scheme).json()
    assert matrix_set["id"] == tile_set["tileMatrixSetId"] == "utm-native"
    assert matrix_set["tileMatrices"][-1]["cellSize"] == 10
    assert made.get("/tileMatrixSets/oblong-native").status_code == 404
    assert made.get("/tileMatrixSets/none-native").status_code == 404


@pytest.mark.parametrize("base", ["drawn/map", "drawn/styles/ramp/map", "mars/map"])
def test_web_maps_get_tiles_of_512_cells(made: TestClient, base: str) -> None:
    mercator = "MarsMercatorSphere" if base.startswith("mars") else "WebMercatorQuad"
    base = base.replace("drawn", "degrees").replace("/styles/ramp", "/styles/default")
    one = base.partition("/")[0]
    if "styles" in base:
        (first, *_) = made.get(f"/collections/{one}/styles").json()["styles"]
        base = base.replace("default", first["id"])
    told = made.get(f"/collections/{base}/tiles/{mercator}/tilejson.json").json()
    style = made.get(f"/collections/{base}/tiles/{mercator}/style.json").json()
    (source,) = style["sources"].values()
    assert told["tilejson"] == "3.0.0"
    assert (source["tiles"], source["tileSize"], source["bounds"]) == (told["tiles"], 512, told["bounds"])
    longitude, latitude, zoom = told["center"]
    col = int((longitude / 360 + 0.5) * 2**zoom)
    row = int((0.5 - np.arcsinh(np.tan(np.radians(latitude))) / (2 * np.pi)) * 2**zoom)
    (template,) = told["tiles"]
    answer = made.get(template.replace("{z}", str(zoom)).replace("{x}", str(col)).replace("{y}", str(row)))
    picture = Image.open(io.BytesIO(answer.content))
    assert (picture.format, picture.size) == ("PNG", (512, 512))
    assert picture.convert("RGBA").getextrema()[3][1] == 255


def test_the_deepest_level_of_web_maps_has_the_cells_of_the_deepest_matrix(made: TestClient) -> None:
    limits = made.get("/collections/degrees/map/tiles/WebMercatorQuad").json()["tileMatrixSetLimits"]
    told = made.get("/collections/degrees/map/tiles/WebMercatorQuad/tilejson.json").json()
    assert told["maxzoom"] == int(limits[-1]["tileMatrix"]) - 1


def test_values_are_drawn_only_from_fields_that_are_there(made: TestClient) -> None:
    answer = made.get("/collections/drawn/coverage/tiles/drawn-native/values.qlr?style=none")
    assert answer.status_code == 404
    assert "ramp" in answer.json()["detail"]
    (style, *_) = made.get("/collections/utm/styles").json()["styles"]
    path = "/collections/utm/coverage/tiles/utm-native/values.qlr?properties=b1"
    assert made.get(f"{path}&style={style['id']}").status_code == 400
    assert "<rasterrenderer" not in made.get(path).text


def test_maps_open_in_qgis_through_wmts(made: TestClient) -> None:
    answer = made.get("/collections/drawn/styles/gray/map/tiles/WorldCRS84Quad/wmts.qlr")
    assert answer.headers["content-type"] == "application/x-qgis-layer-definition"
    source = parse_qs(etree.fromstring(answer.content).findtext(".//datasource"))
    assert source["url"] == ["http://testserver/collections/drawn/wmts/1.0.0/WMTSCapabilities.xml"]
    assert (source["layers"], source["styles"]) == (["drawn"], ["gray"])
    assert (source["crs"], source["tileMatrixSet"]) == (["OGC:CRS84"], ["WorldCRS84Quad"])


@pytest.mark.parametrize(
    ("asked", "status", "size"),
    [("bytes=0-3", 206, 4), ("bytes=-5", 206, 5), ("bytes=99999999-", 416, 0), ("bytes=0-3,5-6", 200, None)],
)
def test_a_part_of_a_tile_is_given_when_one_is_asked_for(
    made: TestClient, asked: str, status: int, size: int | None
) -> None:
    path = "/collections/utm/coverage/tiles/utm-native/0/0/0.tif"
    whole = made.get(path).content
    for _ in range(2):  # made anew, and kept
        answer = made.get(path, headers={"range": asked})
        assert answer.status_code == status
        assert len(answer.content) == (len(whole) if size is None else size)
        if status == 206:
            first, last = answer.headers["content-range"].removeprefix("bytes ").partition("/")[0].split("-")
            assert answer.content == whole[int(first) : int(last) + 1]


@pytest.mark.parametrize("name", ["degrees", "laea", "drawn"])
def test_every_file_that_a_tile_set_links_to_is_there(made: TestClient, name: str) -> None:
    for kind in ("coverage", "map"):
        for one in made.get(f"/collections/{name}/{kind}/tiles").json()["tilesets"]:
            for link in one["links"]:
                if link["rel"] == "enclosure":
                    answer = made.get(link["href"])
                    assert (answer.status_code, answer.headers["content-type"]) == (200, link["type"]), link["href"]
    one = made.get("/collections/degrees/coverage/tiles/GNOSISGlobalGrid").json()
    assert [link for link in one["links"] if link["rel"] == "enclosure"] == []


def test_files_stand_on_the_page_of_their_tiles(made: TestClient) -> None:
    page = made.get("/collections/utm/coverage/tiles/WebMercatorQuad", headers={"accept": "text/html"}).text
    assert "/collections/utm/coverage/tiles/WebMercatorQuad/coverage.vrt" in page


def values_of(made: TestClient, query: str) -> np.ndarray[Any, Any]:
    answer = made.get(f"/collections/{query}")
    assert answer.status_code == 200, answer.text
    return np.asarray(np.load(io.BytesIO(answer.content)))


def test_a_subset_by_axes_is_the_same_as_a_box(made: TestClient) -> None:
    box = values_of(made, "degrees/coverage?bbox=0,40,10,45&f=npy&width=100&height=50")
    for asked in (
        "subset=Lat(40:45),Lon(0:10)&scale-size=Lat(50),Lon(100)",
        "subset=Lon(0:10),Lat(40:45)&scaleSize=Lon(100),Lat(50)",
        "subset=long(0:10),lat(40:45)&width=100&height=50",
    ):
        np.testing.assert_array_equal(values_of(made, f"degrees/coverage?{asked}&f=npy"), box)


def test_a_subset_by_the_axes_of_the_storage_system_needs_no_transformation(made: TestClient, folder: Path) -> None:
    found = values_of(made, "utm/coverage?subset=E(400960:401960),N(5299040:5300040)&f=npy")
    with truth(folder, "utm") as (values, _):
        np.testing.assert_array_equal(found, values[:, :100, 100:200])


def test_an_empty_crs_means_that_of_the_data(made: TestClient) -> None:
    plain = made.get("/collections/laea/coverage?width=50")
    empty = made.get("/collections/laea/coverage?width=50&crs=")
    assert empty.content == plain.content
    assert empty.headers["content-crs"] == "http://www.opengis.net/def/crs/EPSG/0/3035"


@pytest.mark.parametrize(
    "query",
    [
        "subset=Lat(1)",
        "subset=Lat(1:2:3)",
        "subset=Lat(x:y)",
        "subset=Lat(1:nan)",
        "subset=Lat(40:45),Lat(40:45)",
        "subset=Z(40:45)",
        "subset=Lon(0:1),Long(0:1)",
        "subset=Lat(45:40)",
        "subset=Lat(40:45)&bbox=0,40,10,45",
        "subset=",
        "scale-size=Lat(0)",
        "scale-size=Lat(1.5)",
        "scale-size=Q(5)",
        "scale-size=Lat(5)&scaleSize=Lat(5)",
        "scale-size=Lat(5)&width=5",
    ],
)
def test_axes_that_cannot_be_understood_are_refused(made: TestClient, query: str) -> None:
    answer = made.get(f"/collections/degrees/coverage?{query}")
    assert answer.status_code == 400
    assert answer.json()["parameter"] == query.partition("=")[0]
    assert answer.json()["expected"]


def test_what_is_wrong_with_a_subset_is_told_as_it_was_given(made: TestClient) -> None:
    for query in ("Lat(45:40)", "Z(1:2)", "Lon(0:1),Long(0:2)"):
        problem = made.get(f"/collections/degrees/coverage?subset={query}").json()
        assert problem["value"] == query.lower()


def test_a_set_that_is_no_pyramid_is_said_through_wmts(made: TestClient) -> None:
    base = "/collections/canada/coverage/tiles/CanadianNAD83_LCC"
    limits = made.get(base).json()["tileMatrixSetLimits"]
    raster = etree.fromstring(made.get(f"{base}/coverage.vrt").content)
    service = etree.fromstring(raster.findtext("VRTRasterBand/SimpleSource/SourceFilename"))
    alone = etree.fromstring(made.get(f"{base}/gdal-wmts.xml").content)
    assert service.tag == alone.tag == "GDAL_WMTS"
    for name in ("TileMatrix", "Layer", "Format", "GetCapabilitiesUrl", "DataType"):
        assert service.findtext(name) == alone.findtext(name)
    assert service.findtext("TileMatrix") == limits[-1]["tileMatrix"]
    assert service.findtext("GetCapabilitiesUrl").endswith("/collections/canada/wmts/1.0.0/WMTSCapabilities.xml")
    left, cell, _, top, _, _ = map(float, raster.findtext("GeoTransform").split(","))
    window = {one.tag: float(one.text) for one in service.find("DataWindow")}
    assert (window["UpperLeftX"], window["UpperLeftY"]) == (left, top)
    assert window["LowerRightX"] - left == pytest.approx(cell * int(raster.get("rasterXSize")))
    assert made.get(f"{base}/gdal-wms.xml").status_code == 400


def test_a_scale_follows_from_the_size_of_a_cell_where_the_document_of_a_set_contradicts_itself(
    made: TestClient,
) -> None:
    raster = etree.fromstring(made.get("/collections/canada/coverage/tiles/CanadianNAD83_LCC/coverage.vrt").content)
    _, cell, *_ = map(float, raster.findtext("GeoTransform").split(","))
    told = etree.fromstring(made.get("/collections/canada/wmts/1.0.0/WMTSCapabilities.xml").content)
    (*_, scale) = told.findall(".//{*}ScaleDenominator")
    assert float(scale.text) * 0.28e-3 == pytest.approx(cell, rel=1e-12)
