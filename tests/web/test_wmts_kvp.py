"""WMTS by names and values: how requests are read, and how they are refused."""

from __future__ import annotations

import logging
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from starlette.testclient import TestClient

from ogcapi.web.running import Workshop
from tests.web.conftest import Serve
from tests.web.raw import raw
from tests.web.wmts import (
    CAPABILITIES,
    INFO,
    TILE,
    capabilities,
    kvp,
    layers,
    refusal,
    serving,
)
from tests.xsd import valid


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


@pytest.mark.parametrize("place", ["/wmts", "/wmts/", "//wmts", "/collections/mola/wmts", "/geo/wmts"])
def test_an_address_that_cannot_be_read_is_answered_with_a_report(serve: Serve, tmp_path: Path, place: str) -> None:
    (tmp_path / "one.tif").write_text("no raster")
    client = serving(serve, "one.tif", url="https://maps.example/geo")
    assert refusal(raw(client, f"{place}?service=WMTS%&request=GetCapabilities")) == (400, "NoApplicableCode", None)


def test_a_method_that_is_not_allowed_is_answered_with_a_report(client: TestClient) -> None:
    answer = client.post("/wmts", content="<GetCapabilities/>")
    assert refusal(answer) == (405, "NoApplicableCode", None)
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize("asked", [TILE | {"tilerow": "1"}, INFO | {"j": "77"}])
def test_a_bug_is_a_bare_report_whose_reason_is_only_in_the_log(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, asked: dict[str, str]
) -> None:
    def read(*_: object) -> None:
        raise RuntimeError("a secret of the inside")

    monkeypatch.setattr(type(client.app.state.site.catalog["mola"].coverage), "read", read)
    logging.getLogger("ogcapi").addHandler(caplog.handler)
    answer = kvp(client, asked)
    assert refusal(answer) == (500, "NoApplicableCode", None)
    assert answer.headers["cache-control"] == "no-store"
    assert "secret" not in answer.text
    assert "a secret of the inside" in caplog.text


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
    assert kvp(client, asked | {"sections": "Themes,All"}).content == whole


def test_blanks_around_the_values_of_a_list_are_passed_over(client: TestClient) -> None:
    asked = CAPABILITIES | {"acceptversions": "2.0.0, 1.0.0", "acceptformats": "a/b , text/xml"}
    answer = kvp(client, asked | {"sections": "Contents, Themes"})
    assert answer.headers["content-type"].startswith("text/xml")
    assert answer.content == kvp(client, CAPABILITIES | {"sections": "Contents,Themes"}).content


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


def test_capabilities_do_not_wait_behind_tiles(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Workshop, "waiting", property(lambda _: 1_000_000))
    answer = kvp(client, {**TILE, "tilecol": "2"})
    assert refusal(answer) == (503, "NoApplicableCode", None)
    assert answer.headers["retry-after"]
    assert kvp(client, CAPABILITIES).status_code == 200
