"""Coordinate reference systems as clients spell them."""

from __future__ import annotations

import pyproj
import pytest

from ogcapi.model.body import EARTH, bodies, body_of
from ogcapi.model.crs import CRS84, UnknownCrs, parse_crs, transformation


@pytest.mark.parametrize(
    "text",
    [
        "http://www.opengis.net/def/crs/IAU/2015/49910",
        "https://www.opengis.net/def/crs/IAU/0/49910",
        "urn:ogc:def:crs:IAU_2015::49910",
        "urn:ogc:def:crs:IAU:2015:49910",
        "[IAU_2015:49910]",
        "[IAU:49910]",
        "IAU_2015:49910",
        "IAU:2015:49910",
    ],
)
def test_every_spelling_of_a_planetary_system_is_the_same_system(text: str) -> None:
    assert parse_crs(text).uri == "http://www.opengis.net/def/crs/IAU/2015/49910"


@pytest.mark.parametrize(
    "text",
    ["OGC:CRS84", "[OGC:CRS84]", "http://www.opengis.net/def/crs/OGC/1.3/CRS84", "urn:ogc:def:crs:OGC:1.3:CRS84"],
)
def test_every_spelling_of_crs84_is_crs84(text: str) -> None:
    assert parse_crs(text) == CRS84
    assert CRS84.uri == "http://www.opengis.net/def/crs/OGC/1.3/CRS84"


@pytest.mark.parametrize(
    ("text", "is_yx"),
    [
        ("EPSG:4326", True),
        ("OGC:CRS84", False),
        ("IAU_2015:49900", True),
        ("IAU_2015:49910", False),
        ("EPSG:3035", True),
        ("EPSG:3857", False),
        ("EPSG:5041", False),
        ("EPSG:32661", True),
        ("EPSG:3031", False),
    ],
)
def test_axis_order_is_that_of_the_system(text: str, is_yx: bool) -> None:
    crs = parse_crs(text)
    assert crs.is_yx is is_yx
    assert crs.text_order(1.0, 2.0) == ((2.0, 1.0) if is_yx else (1.0, 2.0))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("IAU_2015:49901", "counts to the west"),
        ("IAU_2015:49991", "counts to the west"),
        ("EPSG:4978", "neither geographic nor projected"),
        ("EPSG:5773", "neither geographic nor projected"),
        ("EPSG:99999999", "no such"),
        ("", "no such"),
        ("[]", "no such"),
        ("no system", "no such"),
        ("x" * 200_000, "too long"),
    ],
)
def test_what_is_no_usable_system_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(UnknownCrs, match=reason):
        parse_crs(text)


def test_a_system_given_as_wkt_has_its_uri_where_it_is_registered() -> None:
    wkt = pyproj.CRS.from_epsg(32618).to_wkt("WKT1_GDAL")
    assert parse_crs(wkt).uri == "http://www.opengis.net/def/crs/EPSG/0/32618"


def test_an_unregistered_system_is_named_by_its_projjson() -> None:
    crs = parse_crs("+proj=laea +lat_0=12 +lon_0=34 +R=3396190 +type=crs")
    assert crs.uri is None
    assert isinstance(crs.document, dict)
    assert pyproj.CRS.from_json_dict(crs.document["wkt"]).is_projected


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("EPSG:4326", 360.0),
        ("EPSG:3857", 2 * 20037508.342789244),
        ("IAU_2015:49910", 2 * 10669445.554195119),
        ("IAU_2015:49912", 2 * 10669445.554195119),
        ("IAU_2015:49990", 2 * 10669445.554195119),
        ("EPSG:32618", None),
        ("EPSG:3035", None),
        ("IAU_2015:49930", None),
    ],
)
def test_meridians_come_again_after_a_whole_turn_of_the_body(text: str, period: float | None) -> None:
    found = parse_crs(text).x_period
    assert found == (None if period is None else pytest.approx(period, rel=1e-9))


def test_a_degree_is_measured_along_the_equator_of_its_own_body() -> None:
    assert parse_crs("IAU_2015:49900").metres_per_unit == pytest.approx(59274.697523, rel=1e-9)
    assert parse_crs("EPSG:4326").metres_per_unit == pytest.approx(111319.49079327358, rel=1e-9)


def test_every_body_of_the_registry_is_found_from_its_systems() -> None:
    assert len(bodies()) > 90
    for body in bodies():
        assert body_of(body.geographic) == body
        assert body_of(body.crs(10)) == body


def test_a_system_that_no_registry_knows_is_of_the_body_of_its_size() -> None:
    mars = parse_crs("+proj=eqc +R=3396190 +type=crs")
    assert body_of(mars).name == "Mars"
    assert body_of(parse_crs("+proj=eqc +R=1737400 +type=crs")).name == "Moon"
    assert body_of(parse_crs("+proj=eqc +ellps=GRS80 +type=crs")) == EARTH


def test_there_is_no_way_from_one_body_to_another() -> None:
    with pytest.raises(UnknownCrs, match="no transformation"):
        transformation(parse_crs("IAU_2015:49910"), parse_crs("EPSG:4326"))


def test_planetocentric_systems_are_carried_in_x_y_order_too() -> None:
    x, y = transformation(parse_crs("IAU_2015:49912"), parse_crs("IAU_2015:49902"))(1e6, 2e6)
    assert (x, y) == (pytest.approx(16.870604858), pytest.approx(33.4294681008))


@pytest.mark.parametrize("text", ["OGC:CRS84", "EPSG:3857", "EPSG:3035", "IAU_2015:49900", "ESRI:54009"])
def test_the_urn_names_the_system_for_this_server_and_for_proj(text: str) -> None:
    crs = parse_crs(text)
    assert crs.urn is not None
    assert parse_crs(crs.urn) == crs
    assert pyproj.CRS.from_user_input(crs.urn).equals(crs.proj)


def test_systems_of_the_iau_have_the_urn_that_qgis_and_gdal_read() -> None:
    assert parse_crs("IAU_2015:49910").urn == "urn:ogc:def:crs:IAU_2015::49910"


def test_a_system_that_is_not_registered_has_no_urn() -> None:
    assert parse_crs("+proj=laea +lat_0=12 +lon_0=34 +datum=WGS84").urn is None
