"""WMTS 1.0.0: what it says of itself, and its tiles."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from math import ceil
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pyproj
import pytest
from PIL import Image
from starlette.testclient import TestClient

from tests.data import write_raster
from tests.web.conftest import Serve
from tests.web.wmts import (
    HREF,
    SERVICES,
    TILE,
    capabilities,
    found,
    kvp,
    layers,
    limits,
    pair,
    serving,
    sets,
    text,
    texts,
)


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


def is_north_first(urn: str) -> bool:
    return pyproj.CRS.from_user_input(urn).axis_info[0].abbrev in {"Lat", "Y"}


def box_of(layer: Any, urn: str) -> list[float]:
    """A layer's box in a system, from west to north."""
    (box,) = found(layer, f"o:BoundingBox[@crs='{urn}']")
    corners = [pair(box, f"o:{corner}Corner") for corner in ("Lower", "Upper")]
    return [number for corner in corners for number in (corner[::-1] if is_north_first(urn) else corner)]


def corner_of(matrix: Any, urn: str) -> tuple[float, float, float]:
    """Left and top of a matrix, and the side of its tiles."""
    first, second = pair(matrix, "w:TopLeftCorner")
    left, top = (second, first) if is_north_first(urn) else (first, second)
    metres = 1.0 if pyproj.CRS.from_user_input(urn).is_projected else np.pi / 180 * 6378137
    return left, top, float(text(matrix, "w:ScaleDenominator")) * 0.28e-3 / metres * 256


@pytest.mark.parametrize("service", SERVICES)
def test_limits_are_given_for_every_matrix_and_hold_the_box_of_the_data(client: TestClient, service: str) -> None:
    root = capabilities(client, service)
    for layer in layers(root).values():
        for name in texts(layer, "w:TileMatrixSetLink/w:TileMatrixSet"):
            one, known = sets(root)[name], limits(layer, name)
            system = text(one, "o:SupportedCRS")
            assert list(known) == texts(one, "w:TileMatrix/o:Identifier")
            for matrix in found(one, "w:TileMatrix"):
                first_row, last_row, first_col, last_col = known[text(matrix, "o:Identifier")]
                assert 0 <= first_row <= last_row < int(text(matrix, "w:MatrixHeight"))
                assert 0 <= first_col <= last_col < int(text(matrix, "w:MatrixWidth"))
                west, south, east, north = box_of(layer, system)
                left, top, tile = corner_of(matrix, system)
                reach = (left + first_col * tile, top - (last_row + 1) * tile)
                reach += (left + (last_col + 1) * tile, top - first_row * tile)
                slack = tile / 256
                assert reach[0] <= west + slack
                assert reach[1] <= south + slack
                assert reach[2] >= east - slack
                assert reach[3] >= north - slack


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


def test_every_id_that_a_collection_may_have_is_that_of_a_layer(serve: Serve, tmp_path: Path) -> None:
    write_raster(tmp_path / "one.tif", np.ones((8, 8), "uint8"), bounds=(0, 0, 8, 8))
    ids = ["mars:dem", "dem_2:mars", "1:2", ":", "a&b'c", "é火:x", "a+b;c=d~e", "tileRow"]
    entry = {"type": "collection", "title": "T", "providers": [{"type": "coverage", "name": "COG", "data": "one.tif"}]}
    client = serve(json.dumps({"resources": dict.fromkeys(ids, entry)}))
    root = capabilities(client)
    assert list(layers(root)) == ids
    assert set(ids) - set(texts(root, "//w:LayerRef")) == {"dem_2:mars", "1:2", ":", "é火:x"}  # which are no URIs
    for layer, resource, values in resources(root):
        href = resource.get("template")
        for name, value in values.items():
            href = href.replace(f"{{{name}}}", value)
        assert client.get(href).status_code == 200
        asked = TILE | {"layer": text(layer, "o:Identifier")} | {name.lower(): value for name, value in values.items()}
        assert kvp(client, asked).status_code == 200
