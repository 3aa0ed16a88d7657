"""WMTS 1.0.0: what it says of itself, its tiles, its values, and how it refuses."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Iterator
from math import ceil, floor
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import numpy as np
import pyproj
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from PIL import Image
from rasterio.io import MemoryFile
from starlette.testclient import TestClient

from ogcapi.web.running import Workshop
from tests.data import square, write_mosaic, write_raster
from tests.web.conftest import Serve
from tests.xsd import valid

NAMES = {
    "w": "http://www.opengis.net/wmts/1.0",
    "o": "http://www.opengis.net/ows/1.1",
    "x": "http://www.w3.org/1999/xlink",
}
HREF = "{http://www.w3.org/1999/xlink}href"
SERVICES = ("/wmts", "/collections/mola/wmts", "/collections/black-marble/wmts")
CAPABILITIES = {"service": "WMTS", "request": "GetCapabilities"}
TILE = {
    "service": "WMTS",
    "request": "GetTile",
    "version": "1.0.0",
    "layer": "mola",
    "style": "terrain",
    "format": "image/png",
    "tilematrixset": "MarsGeographicSphere",
    "tilematrix": "1",
    "tilerow": "0",
    "tilecol": "1",
}
INFO = {**TILE, "request": "GetFeatureInfo", "infoformat": "application/json", "i": "5", "j": "200"}


def capabilities(client: TestClient, service: str = "/wmts") -> Any:
    return valid(client.get(f"{service}/1.0.0/WMTSCapabilities.xml").content)


def found(element: Any, path: str) -> list[Any]:
    return element.xpath(path, namespaces=NAMES)


def texts(element: Any, path: str) -> list[str]:
    return [str(text) for text in found(element, f"{path}/text()")]


def text(element: Any, path: str) -> str:
    (only,) = texts(element, path)
    return only


def layers(root: Any) -> dict[str, Any]:
    return {text(layer, "o:Identifier"): layer for layer in found(root, "//w:Layer")}


def sets(root: Any) -> dict[str, Any]:
    return {text(one, "o:Identifier"): one for one in found(root, "w:Contents/w:TileMatrixSet")}


def limits(layer: Any, set_id: str) -> dict[str, tuple[int, int, int, int]]:
    """First and last row, first and last column of each matrix."""
    rows = found(layer, f"w:TileMatrixSetLink[w:TileMatrixSet='{set_id}']//w:TileMatrixLimits")
    ends = ("MinTileRow", "MaxTileRow", "MinTileCol", "MaxTileCol")
    return {text(row, "w:TileMatrix"): tuple(int(text(row, f"w:{end}")) for end in ends) for row in rows}


def pair(element: Any, path: str) -> list[float]:
    return [float(number) for number in text(element, path).split(" ")]


def kvp(client: TestClient, values: dict[str, str], service: str = "/wmts") -> Any:
    return client.get(f"{service}?{urlencode(values)}")


def refusal(answer: Any) -> tuple[int, str, str | None]:
    """Status, code and locator of an exception report."""
    assert answer.headers["content-type"] == "application/xml"
    (one,) = found(valid(answer.content), "o:Exception")
    assert text(one, "o:ExceptionText")
    return answer.status_code, one.get("exceptionCode"), one.get("locator")


@pytest.mark.parametrize("service", SERVICES)
def test_capabilities_meet_the_schema_and_name_it(client: TestClient, service: str) -> None:
    root = capabilities(client, service)
    assert root.get("version") == "1.0.0"
    place = root.get("{http://www.w3.org/2001/XMLSchema-instance}schemaLocation")
    assert place.endswith("http://schemas.opengis.net/wmts/1.0/wmtsGetCapabilities_response.xsd")
    (here,) = found(root, "w:ServiceMetadataURL")
    assert here.get(HREF) == f"http://testserver{service}/1.0.0/WMTSCapabilities.xml"


@pytest.mark.parametrize("service", SERVICES)
def test_operations_have_one_address_each_for_names_and_values(client: TestClient, service: str) -> None:
    """OGC's test suite fails where an address does not end with a question mark, or there are two encodings."""
    operations = found(capabilities(client, service), "//o:Operation")
    assert [one.get("name") for one in operations] == ["GetCapabilities", "GetTile", "GetFeatureInfo"]
    for operation in operations:
        (way,) = found(operation, ".//o:Get")
        assert way.get(HREF) == f"http://testserver{service}?"
        assert text(way, "o:Constraint[@name='GetEncoding']//o:Value") == "KVP"


@pytest.mark.parametrize("service", SERVICES)
def test_a_layer_has_one_box_for_each_system_of_its_sets_under_the_same_name(client: TestClient, service: str) -> None:
    root = capabilities(client, service)
    for layer in layers(root).values():
        systems = {
            text(sets(root)[name], "o:SupportedCRS") for name in texts(layer, "w:TileMatrixSetLink/w:TileMatrixSet")
        }
        assert sorted(box.get("crs") for box in found(layer, "o:BoundingBox")) == sorted(systems)


def test_boxes_in_degrees_of_the_earth_are_for_the_earth_alone(client: TestClient) -> None:
    known = layers(capabilities(client))
    assert not found(known.pop("mola"), "o:WGS84BoundingBox")
    assert all(found(layer, "o:WGS84BoundingBox") for layer in known.values())


def test_systems_have_the_names_that_clients_know(client: TestClient) -> None:
    named = {name: text(one, "o:SupportedCRS") for name, one in sets(capabilities(client)).items()}
    assert named["WebMercatorQuad"] == "urn:ogc:def:crs:EPSG::3857"
    assert named["WorldCRS84Quad"] == "urn:ogc:def:crs:OGC:1.3:CRS84"
    assert named["MarsEquidistantCylindricalSphere"] == "urn:ogc:def:crs:IAU_2015::49910"
    for urn in named.values():
        assert pyproj.CRS.from_user_input(urn).to_authority() is not None


@pytest.mark.parametrize("service", SERVICES)
def test_matrices_are_those_of_the_documents_in_the_order_of_the_axes(client: TestClient, service: str) -> None:
    for name, one in sets(capabilities(client, service)).items():
        system = pyproj.CRS.from_user_input(text(one, "o:SupportedCRS"))
        documents = {each["id"]: each for each in client.get(f"/tileMatrixSets/{name}").json()["tileMatrices"]}
        for matrix in found(one, "w:TileMatrix"):
            document = documents[text(matrix, "o:Identifier")]
            assert pair(matrix, "w:TopLeftCorner") == document["pointOfOrigin"]
            assert int(text(matrix, "w:MatrixWidth")) == document["matrixWidth"]
            assert int(text(matrix, "w:TileHeight")) == document["tileHeight"]
            # what GDAL and QGIS make of it, whatever the body
            metres = 1.0 if system.is_projected else np.pi / 180 * 6378137
            cell_size = float(text(matrix, "w:ScaleDenominator")) * 0.28e-3 / metres
            assert cell_size == pytest.approx(document["cellSize"], rel=1e-9)


def test_latitude_comes_first_where_the_system_says_so(client: TestClient) -> None:
    root = capabilities(client)
    mars = sets(root)["MarsGeographicSphere"]
    assert {text(matrix, "w:TopLeftCorner") for matrix in found(mars, "w:TileMatrix")} == {"90.0 -180.0"}
    (box,) = found(layers(root)["mola"], "o:BoundingBox[@crs='urn:ogc:def:crs:IAU_2015::49900']")
    assert pair(box, "o:UpperCorner") == pytest.approx([89.9375, 180])


@pytest.mark.parametrize("service", SERVICES)
def test_limits_are_given_for_every_matrix_and_hold_the_box_of_the_data(client: TestClient, service: str) -> None:
    root = capabilities(client, service)
    for layer in layers(root).values():
        for name in texts(layer, "w:TileMatrixSetLink/w:TileMatrixSet"):
            one, known = sets(root)[name], limits(layer, name)
            assert list(known) == texts(one, "w:TileMatrix/o:Identifier")
            for matrix in found(one, "w:TileMatrix"):
                first_row, last_row, first_col, last_col = known[text(matrix, "o:Identifier")]
                assert 0 <= first_row <= last_row < int(text(matrix, "w:MatrixHeight"))
                assert 0 <= first_col <= last_col < int(text(matrix, "w:MatrixWidth"))


@pytest.mark.parametrize("service", SERVICES)
def test_identifiers_are_unique_and_one_style_is_the_default(client: TestClient, service: str) -> None:
    root = capabilities(client, service)
    for path in ("//w:Layer/o:Identifier", "w:Contents/w:TileMatrixSet/o:Identifier", "//w:Theme/o:Identifier"):
        assert len(set(texts(root, path))) == len(texts(root, path))
    for layer in layers(root).values():
        styles = found(layer, "w:Style")
        assert [style.get("isDefault") for style in styles] == ["true"] + [None] * (len(styles) - 1)
        # OpenLayers compares the style that it is told with the title
        assert texts(layer, "w:Style/o:Title") == texts(layer, "w:Style/o:Identifier")


def test_layers_have_the_same_formats_together_and_values_alone(client: TestClient) -> None:
    assert all(
        texts(layer, "w:Format") == ["image/png", "image/jpeg"] for layer in layers(capabilities(client)).values()
    )
    alone = layers(capabilities(client, "/collections/mola/wmts"))["mola"]
    assert texts(alone, "w:Format") == ["image/png", "image/jpeg", "image/tiff"]


def test_a_collection_alone_ends_at_its_own_finest_matrix(client: TestClient) -> None:
    for name, one in sets(capabilities(client, "/collections/black-marble/wmts")).items():
        document = client.get(f"/collections/black-marble/map/tiles/{name}").json()
        assert text(one, "w:TileMatrix[last()]/o:Identifier") == document["tileMatrixSetLimits"][-1]["tileMatrix"]


def test_layers_together_all_go_down_to_the_deepest_of_them(client: TestClient) -> None:
    """Also where a layer's data are coarser: OGC's test suite asks for every matrix."""
    known = layers(capabilities(client))
    depths = {
        layer_id: len(limits(layer, "WebMercatorQuad")) for layer_id, layer in known.items() if layer_id != "mola"
    }
    assert len(set(depths.values())) == 1
    own = client.get("/collections/earth-relief/map/tiles/WebMercatorQuad").json()["tileMatrixSetLimits"]
    assert depths["earth-relief"] > len(own)
    *_, deepest = limits(known["earth-relief"], "WebMercatorQuad").items()
    matrix, (row, _, col, _) = deepest
    place = {"layer": "earth-relief", "style": "gray", "tilematrixset": "WebMercatorQuad", "tilematrix": matrix}
    answer = kvp(client, {**TILE, **place, "tilerow": str(row), "tilecol": str(col)})
    assert Image.open(io.BytesIO(answer.content)).size == (256, 256)


def test_themes_are_the_bodies(client: TestClient) -> None:
    root = capabilities(client)
    themes = {text(theme, "o:Identifier"): texts(theme, "w:LayerRef") for theme in found(root, "//w:Theme")}
    assert themes == {"Earth": ["blue-marble", "black-marble", "earth-relief"], "Mars": ["mola"]}


@pytest.mark.parametrize("service", SERVICES)
def test_legends_are_pictures_of_the_size_that_is_promised(client: TestClient, service: str) -> None:
    for legend in found(capabilities(client, service), "//w:LegendURL"):
        assert legend.get("format") == "image/png"
        picture = Image.open(io.BytesIO(client.get(legend.get(HREF)).content))
        assert picture.format == "PNG"
        assert picture.size == (int(legend.get("width")), int(legend.get("height")))


def resources(root: Any) -> Iterator[tuple[Any, Any, dict[str, str]]]:
    """Each template with its layer, and what fills it in: one tile of the set that was named last."""
    for layer in layers(root).values():
        name = texts(layer, "w:TileMatrixSetLink/w:TileMatrixSet")[-1]
        matrix, (row, _, _, col) = list(limits(layer, name).items())[-1]
        for resource in found(layer, "w:ResourceURL"):
            filled = {"Style": texts(layer, "w:Style/o:Identifier")[-1], "TileMatrixSet": name, "TileMatrix": matrix}
            yield layer, resource, {**filled, "TileRow": str(row), "TileCol": str(col), "I": "1", "J": "2"}


@pytest.mark.parametrize("service", SERVICES)
def test_templates_and_names_lead_to_the_same_bytes_of_the_promised_type(client: TestClient, service: str) -> None:
    kinds: dict[str, list[str]] = {}
    for layer, resource, values in resources(capabilities(client, service)):
        kinds.setdefault(text(layer, "o:Identifier"), []).append(resource.get("format"))
        href = resource.get("template")
        for name, value in values.items():
            href = href.replace(f"{{{name}}}", value)
        assert "{" not in href
        by_path = client.get(href)
        assert (by_path.status_code, by_path.headers["content-type"].split(";")[0]) == (200, resource.get("format"))
        asked = {"service": "WMTS", "version": "1.0.0", "layer": text(layer, "o:Identifier"), "format": "image/png"}
        if resource.get("resourceType") == "tile":
            asked |= {"request": "GetTile", "format": resource.get("format")}
        else:
            asked |= {"request": "GetFeatureInfo", "infoformat": resource.get("format")}
        by_name = kvp(client, asked | values, service)
        assert by_name.content == by_path.content
        assert by_name.headers["etag"] == by_path.headers["etag"]
    # GDAL takes the first
    assert all(formats[0] == "image/png" for formats in kinds.values())


def test_a_tile_is_the_map_tile_of_its_style(client: TestClient) -> None:
    for media, extension in (("image/png", "png"), ("image/jpeg", "jpg")):
        for style in ("terrain", "gray"):
            tile = kvp(client, {**TILE, "style": style, "format": media})
            path = f"/collections/mola/styles/{style}/map/tiles/MarsGeographicSphere/1/0/1.{extension}"
            assert tile.content == client.get(path).content
            assert tile.headers["content-type"] == media


def test_a_tile_as_tiff_has_the_true_values(client: TestClient) -> None:
    answer = kvp(client, {**TILE, "format": "image/tiff"}, "/collections/mola/wmts")
    assert answer.headers["content-type"] == "image/tiff"
    path = "/collections/mola/coverage/tiles/MarsGeographicSphere/1/0/1.tif"
    assert answer.content == client.get(path).content


@given(
    st.randoms(use_true_random=False), st.sampled_from([TILE, INFO, {"service": "WMTS", "request": "GetCapabilities"}])
)
def test_case_and_order_of_names_change_nothing(
    client: TestClient, chance: random.Random, asked: dict[str, str]
) -> None:
    names = chance.sample(sorted(asked), len(asked))
    spelled = {"".join(chance.choice((c.upper(), c.lower())) for c in name): asked[name] for name in names}
    first, again = kvp(client, asked), kvp(client, spelled)
    assert (first.status_code, first.content) == (200, again.content)
    assert first.headers["etag"] == again.headers["etag"]


def test_names_that_nobody_knows_are_passed_over(client: TestClient) -> None:
    """OWSLib adds `version` to addresses of tiles."""
    path = "/wmts/1.0.0/tiles/mola/terrain/MarsGeographicSphere/1/0/1.png"
    assert client.get(f"{path}?version=1.0.0&x=y").content == client.get(path).content
    assert kvp(client, {**TILE, "map": "x", "_": "1"}).content == client.get(path).content
    assert client.get("/wmts/1.0.0/WMTSCapabilities.xml?SERVICE=WMTS&f=xml").status_code == 200


MISSING, INVALID = "MissingParameterValue", "InvalidParameterValue"


@pytest.mark.parametrize("service", ["/wmts", "/collections/mola/wmts"])
@pytest.mark.parametrize(
    ("query", "code", "locator"),
    [
        ("", MISSING, "service"),
        ("request~GetCapabilities!service~'WMTS'", MISSING, "service"),
        ("request=GetCapabilities", MISSING, "service"),
        ("service=&request=GetCapabilities", MISSING, "service"),
        ("service=BOGUS&request=GetCapabilities", INVALID, "service"),
        ("service=WMTS", MISSING, "request"),
        ("service=WMTS&request=GetBOGUS", INVALID, "request"),
        ("service=WMTS&request=GetTile", MISSING, "version"),
        ("service=WMTS&request=GetCapabilities&Request=GetTile", INVALID, "request"),
        ("service=WMTS&request=GetCapabilities&AcceptVersions=9.9.9", "VersionNegotiationFailed", None),
        ("service=WMTS&request=GetCapabilities&sections=", MISSING, "Sections"),
        ("service=WMTS&request=GetCapabilities&sections=Bogus", INVALID, "Sections"),
        ("service=WMTS&request=GetCapabilities&updateSequence=9" + 14 * "9", "InvalidUpdateSequence", None),
        ("service=WMTS&request=GetCapabilities&updateSequence=" + 5000 * "9", "InvalidUpdateSequence", None),
        ("service=WMTS&request=GetCapabilities&updateSequence=x", "InvalidUpdateSequence", None),
    ],
)
def test_a_bad_request_is_answered_with_a_report(
    client: TestClient, service: str, query: str, code: str, locator: str | None
) -> None:
    assert refusal(client.get(f"{service}?{query}")) == (400, code, locator)


@pytest.mark.parametrize(("asked", "needed"), [(TILE, 0), (INFO, 3)])
def test_every_parameter_of_a_tile_is_needed(client: TestClient, asked: dict[str, str], needed: int) -> None:
    names = ["version", "Layer", "Style", "Format", "TileMatrixSet", "TileMatrix", "TileRow", "TileCol"]
    for name in names + ["InfoFormat", "I", "J"][:needed]:
        without = {key: value for key, value in asked.items() if key != name.lower()}
        assert refusal(kvp(client, without)) == (400, MISSING, name)
        assert refusal(kvp(client, {**without, name: ""})) == (400, MISSING, name)


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("version", "2.0.0", INVALID),
        ("Layer", "nothing", INVALID),
        ("Style", "nothing", INVALID),
        ("Format", "image/bogus", INVALID),
        ("TileMatrixSet", "WebMercatorQuad", INVALID),
        ("TileMatrix", "99", INVALID),
        ("TileMatrix", "20", INVALID),
        ("TileRow", "-1", "TileOutOfRange"),
        ("TileRow", "--1", INVALID),
        ("TileRow", "one", INVALID),
        ("TileCol", "٣", INVALID),
        ("TileRow", "2", "TileOutOfRange"),
        ("TileCol", "4", "TileOutOfRange"),
        ("TileRow", "9" * 5000, "TileOutOfRange"),
        ("I", "256", "PointIJOutOfRange"),
        ("J", "256", "PointIJOutOfRange"),
        ("I", "x", INVALID),
        ("InfoFormat", "text/bogus", INVALID),
    ],
)
def test_a_parameter_that_is_not_known_or_out_of_range_is_named(
    client: TestClient, name: str, value: str, code: str
) -> None:
    assert refusal(kvp(client, {**INFO, name.lower(): value})) == (400, code, name)
    if name not in {"I", "J", "InfoFormat"}:
        assert refusal(kvp(client, {**TILE, name.lower(): value})) == (400, code, name)


@pytest.mark.parametrize(
    "path",
    [
        "tiles/nothing/terrain/MarsGeographicSphere/1/0/1.png",
        "tiles/mola/nothing/MarsGeographicSphere/1/0/1.png",
        "tiles/mola/terrain/WebMercatorQuad/1/0/1.png",
        "tiles/mola/terrain/MarsGeographicSphere/99/0/1.png",
        "tiles/mola/terrain/MarsGeographicSphere/1/9/1.png",
        "tiles/mola/terrain/MarsGeographicSphere/1/0/1.tif",
        "info/mola/terrain/MarsGeographicSphere/1/0/1/256/0.json",
        "info/mola/nothing/MarsGeographicSphere/1/0/1/0/0.json",
        "info/mola/terrain/MarsGeographicSphere/1/0/1/0/0.bogus",
        "Bogus",
    ],
)
def test_a_resource_that_is_not_there_is_a_problem(client: TestClient, path: str) -> None:
    answer = client.get(f"/wmts/1.0.0/{path}")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def test_a_collection_that_is_not_there_is_not_found(client: TestClient) -> None:
    assert refusal(kvp(client, CAPABILITIES, "/collections/nothing/wmts")) == (404, "NoApplicableCode", None)


def test_a_layer_that_cannot_be_opened_now_is_unavailable_and_not_listed(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "broken.tif").write_text("no raster")
    client = serving(serve, "broken.tif")
    assert not layers(capabilities(client))
    answer = kvp(client, {**TILE, "layer": "one"})
    assert refusal(answer) == (503, "NoApplicableCode", None)
    assert int(answer.headers["retry-after"]) >= 1
    assert client.get("/wmts/1.0.0/tiles/one/a/WebMercatorQuad/0/0/0.png").status_code == 503


def test_capabilities_that_cannot_be_accepted_are_refused(client: TestClient) -> None:
    answer = client.get("/wmts/1.0.0/WMTSCapabilities.xml", headers={"Accept": "example/unknown"})
    assert answer.status_code == 406


SECTIONS = {
    "ServiceIdentification": "o:ServiceIdentification",
    "ServiceProvider": "o:ServiceProvider",
    "OperationsMetadata": "o:OperationsMetadata",
    "Contents": "w:Contents",
    "Themes": "w:Themes",
}


@given(st.lists(st.sampled_from(sorted(SECTIONS)), min_size=1))
def test_only_the_sections_that_are_asked_for_are_given(client: TestClient, names: list[str]) -> None:
    root = valid(kvp(client, CAPABILITIES | {"sections": ",".join(names)}).content)
    children = {etree.QName(child).localname for child in root}
    assert children == set(names)


def test_all_sections_are_the_whole_document(client: TestClient) -> None:
    asked = CAPABILITIES | {"acceptversions": "2.0.0,1.0.0"}
    whole = client.get("/wmts/1.0.0/WMTSCapabilities.xml").content
    assert kvp(client, asked).content == whole
    assert kvp(client, asked | {"sections": "All"}).content == whole


@pytest.mark.parametrize(
    ("accepted", "media"),
    [("text/xml", "text/xml"), ("application/xml,text/xml", "application/xml"), ("a/b,text/xml", "text/xml")],
)
def test_the_first_accepted_format_that_is_known_is_given(client: TestClient, accepted: str, media: str) -> None:
    answer = kvp(client, CAPABILITIES | {"acceptformats": accepted})
    assert answer.headers["content-type"].split(";")[0] == media


def test_who_has_the_current_document_is_told_only_so(client: TestClient) -> None:
    sequence = capabilities(client).get("updateSequence")
    assert sequence.isdigit()
    assert sequence[0] in "12345678"
    root = valid(kvp(client, CAPABILITIES | {"updatesequence": sequence}).content)
    assert (dict(root.attrib)["updateSequence"], len(root)) == (sequence, 0)
    assert len(valid(kvp(client, CAPABILITIES | {"updatesequence": "0"}).content))


def test_a_client_asks_again_and_learns_that_nothing_changed(client: TestClient) -> None:
    for address in ("/wmts/1.0.0/WMTSCapabilities.xml", "/wmts?service=WMTS&request=GetCapabilities"):
        answer = client.get(address)
        assert "max-age=60" in answer.headers["cache-control"]
        again = client.get(address, headers={"If-None-Match": answer.headers["etag"]})
        assert again.status_code == 304


def cell_of(client: TestClient, row: int, col: int) -> Any:
    """A cell of the coverage tile that shows the same tile."""
    content = client.get("/collections/mola/coverage/tiles/MarsGeographicSphere/3/2/9.tif").content
    with MemoryFile(content) as file, file.open() as dataset:
        return dataset.read(1)[row, col], dataset.xy(row, col)


@given(st.integers(0, 255), st.integers(0, 255))
def test_the_values_at_a_cell_are_those_of_the_coverage_tile(client: TestClient, row: int, col: int) -> None:
    place = {"tilematrix": "3", "tilerow": "2", "tilecol": "9", "i": str(col), "j": str(row)}
    info = kvp(client, INFO | place).json()
    value, (x, y) = cell_of(client, row, col)
    (field,) = info["fields"]
    assert (field["name"], field["value"], field["unit"]) == ("height", value, "m")
    assert info["features"][0]["properties"] == {"height": value}
    assert info["positions"][0]["axes"] == ["Lat", "Lon"]
    assert info["positions"][0]["coordinates"] == pytest.approx([y, x])


def test_values_are_told_to_people_and_programs_in_the_same_words(client: TestClient) -> None:
    info = kvp(client, INFO).json()
    value = f"{info['fields'][0]['value']} m"
    for media in ("text/html", "text/plain"):
        answer = kvp(client, INFO | {"infoformat": media})
        assert answer.headers["content-type"] == f"{media}; charset=utf-8"
        assert value in answer.text
        assert info["assets"][0] in answer.text
    assert info["features"][0]["geometry"] is None  # for GeoJSON is of the Earth


def serving(serve: Serve, data: str, provider: str = "COG", **options: Any) -> TestClient:
    """A client of one collection, `one`."""
    entry = {"type": "coverage", "name": provider, "data": data, "options": options}
    return serve(json.dumps({"resources": {"one": {"type": "collection", "title": "One", "providers": [entry]}}}))


def asked_at(root: Any, set_id: str, x: float, y: float, level: int = -1) -> dict[str, str]:
    """A request for the values at a position, of the last or another matrix."""
    matrix = found(sets(root)[set_id], "w:TileMatrix")[level]
    left, top = pair(matrix, "w:TopLeftCorner")
    metres = np.pi / 180 * 6378137 if abs(left) <= 180 else 1.0
    size = float(text(matrix, "w:ScaleDenominator")) * 0.28e-3 / metres
    col, row = floor((x - left) / size), floor((top - y) / size)
    place = {"tilerow": row // 256, "tilecol": col // 256, "i": col % 256, "j": row % 256}
    named = {"layer": "one", "tilematrixset": set_id, "tilematrix": text(matrix, "o:Identifier")}
    return {**INFO, **named, **{name: str(number) for name, number in place.items()}}


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("first", ["a.tif"]),
        ("last", ["b.tif"]),
        ("highest", ["b.tif"]),
        ("lowest", ["a.tif"]),
        ("mean", ["a.tif", "b.tif"]),
    ],
)
def test_values_of_a_mosaic_name_the_assets_that_they_came_from(
    serve: Serve, tmp_path: Path, method: str, expected: list[str]
) -> None:
    square(tmp_path, "a.tif", 3, (0, 0, 8, 8))
    square(tmp_path, "b.tif", 5, (4, 0, 12, 8))
    write_mosaic(tmp_path / "mosaic.json", ["a.tif", "b.tif"], zoom=4)
    styles = {"plain": {"fields": ["b1"], "range": [0, 9]}}
    client = serving(serve, "mosaic.json", "MosaicJSON", mosaic_method=method, styles=styles)
    root = capabilities(client)

    def at(x: float, y: float) -> Any:
        asked = asked_at(root, "WorldCRS84Quad", x, y) | {"style": "plain"}
        return kvp(client, asked).json()

    assert at(6, 4)["assets"] == expected
    assert (at(2, 4)["assets"], at(2, 4)["fields"][0]["value"]) == (["a.tif"], 3)
    assert (at(10, 4)["assets"], at(10, 4)["fields"][0]["value"]) == (["b.tif"], 5)
    assert at(10, 4)["features"][0]["geometry"]["coordinates"] == pytest.approx([10, 4], abs=0.5)


def test_values_are_physical_and_absent_ones_are_null(serve: Serve, tmp_path: Path) -> None:
    values = np.full((8, 8), 7, "int16")
    values[:, 4:] = -1
    path = write_raster(tmp_path / "one.tif", values, bounds=(0, 0, 8, 8), nodata=-1)
    import rasterio

    with rasterio.open(path, "r+") as dataset:
        dataset.scales, dataset.offsets, dataset.units = (0.5,), (10.0,), ("K",)
    client = serving(serve, "one.tif", styles={"plain": {"fields": ["b1"], "range": [0, 9]}})
    root = capabilities(client)
    for x, expected in ((2, 13.5), (6, None)):
        info = kvp(client, asked_at(root, "WorldCRS84Quad", x, 4) | {"style": "plain"}).json()
        assert (info["fields"][0]["value"], info["fields"][0]["unit"]) == (expected, "K")
        assert "assets" not in info


def test_values_are_the_datas_own_at_coarse_levels_too(serve: Serve, tmp_path: Path) -> None:
    """Not those of the overviews that the tile shows."""
    values = np.arange(64 * 64, dtype="int16").reshape(64, 64)
    write_raster(tmp_path / "one.tif", values, bounds=(0, 0, 64, 64), overviews=(2, 4, 8, 16))
    client = serving(serve, "one.tif", styles={"plain": {"fields": ["b1"], "range": [0, 9]}})
    asked = asked_at(capabilities(client), "WorldCRS84Quad", 33.2, 20.2, level=0) | {"style": "plain"}
    info = kvp(client, asked).json()
    x, y = info["positions"][0]["coordinates"]
    assert info["fields"][0]["value"] == values[floor(64 - y), floor(x)]


def test_sets_that_cannot_be_expressed_stay_out_and_say_why(client: TestClient) -> None:
    assert "GNOSISGlobalGrid" not in sets(capabilities(client))
    document = client.get("/collections/earth-relief/map/tiles/GNOSISGlobalGrid").json()
    assert "wide" in document["x-notInWmts"]
    page = client.get("/collections/earth-relief/map/tiles/GNOSISGlobalGrid", headers={"Accept": "text/html"}).text
    assert document["x-notInWmts"] in page
    assert "x-notInWmts" not in client.get("/collections/earth-relief/map/tiles/WebMercatorQuad").json()


def test_a_collection_without_sets_that_can_be_expressed_is_no_layer(serve: Serve, tmp_path: Path) -> None:
    write_raster(tmp_path / "one.tif", np.ones((8, 8), "uint8"), bounds=(0, 0, 8, 8))
    client = serving(serve, "one.tif", tile_matrix_sets=["GNOSISGlobalGrid"])
    assert not layers(capabilities(client))
    answer = client.get("/collections/one/wmts/1.0.0/WMTSCapabilities.xml")
    assert answer.status_code == 404
    assert "GNOSISGlobalGrid" in answer.json()["detail"]
    assert not [link for link in client.get("/collections/one").json()["links"] if link["rel"] == "wmts"]


def test_links_lead_to_the_address_that_clients_know_for_a_wmts(client: TestClient) -> None:
    for path, service in (("/", "/wmts"), ("/collections/mola", "/collections/mola/wmts")):
        (link,) = [link for link in client.get(path).json()["links"] if link["rel"] == "wmts"]
        assert urlsplit(link["href"]).path == f"{service}/1.0.0/WMTSCapabilities.xml"
        assert client.get(link["href"]).headers["content-type"] == link["type"]
        assert link["href"] in client.get(path, headers={"Accept": "text/html"}).text


def test_capabilities_do_not_wait_behind_tiles(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Workshop, "waiting", property(lambda _: 1_000_000))
    answer = kvp(client, {**TILE, "tilecol": "2"})
    assert refusal(answer) == (503, "NoApplicableCode", None)
    assert answer.headers["retry-after"]
    assert kvp(client, CAPABILITIES).status_code == 200


def test_only_layers_that_changed_are_made_again(serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ogcapi.web import capabilities as made

    for name in ("a", "b"):
        write_raster(tmp_path / f"{name}.tif", np.ones((8, 8), "uint8"), bounds=(0, 0, 8, 8))
    entries = {
        name: {
            "type": "collection",
            "title": name,
            "providers": [{"type": "coverage", "name": "COG", "data": f"{name}.tif"}],
        }
        for name in ("a", "b")
    }
    client = serve(json.dumps({"resources": entries}))
    rendered: list[str] = []
    real = made._layer_xml
    monkeypatch.setattr(made, "_layer_xml", lambda one, *rest: rendered.append(one.collection.id) or real(one, *rest))
    before = capabilities(client)
    capabilities(client)
    assert rendered == ["a", "b"]
    entry = client.app.state.site.catalog._entries["b"]
    write_raster(tmp_path / "b.tif", np.ones((8, 8), "uint8"), bounds=(10, 0, 18, 8))
    entry.source_revision, entry.next_look = "another", 0.0
    after = capabilities(client)
    assert rendered == ["a", "b", "b"]
    assert before.get("updateSequence") != after.get("updateSequence")
    (corner,) = texts(layers(after)["b"], "o:WGS84BoundingBox/o:LowerCorner")
    assert ceil(float(corner.split()[0])) == 10


def test_text_of_any_kind_is_well_formed(serve: Serve, tmp_path: Path) -> None:
    write_raster(tmp_path / "one.tif", np.ones((8, 8), "uint8"), bounds=(0, 0, 8, 8))
    entry = {"type": "coverage", "name": "COG", "data": "one.tif"}
    title = "<b> & \"quotes\" 'too' \x08 é 火"
    client = serve(json.dumps({"resources": {"one": {"type": "collection", "title": title, "providers": [entry]}}}))
    assert text(layers(capabilities(client))["one"], "o:Title") == title.replace("\x08", "\ufffd")
