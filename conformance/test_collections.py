"""OGC API - Common - Part 2: collections, uniform additional dimensions, JSON, HTML."""

from typing import Any

import pytest
from pyproj import CRS

from conformance.classes import conformance_class
from conformance.client import HTML, JSON, Document, Link, Service, essence, links, ogc, with_query
from conformance.matrices import crs_of, in_x_y_order
from conformance.pages import assert_is_html5, assert_shows_links, page
from conformance.places import Places
from conformance.schemas import Validate

COLLECTIONS = conformance_class("common-2", "collections")
DIMENSIONS = conformance_class("common-2", "uad-collections")
AS_JSON = conformance_class("common-2", "json")
AS_HTML = conformance_class("common-2", "html")

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
DATA_RELS = {"data", *ogc("data")}


def collection_url(service: Service, collection: Document) -> str:
    """The address that Common 2 fixes for a collection."""
    return service.address(Link(href="/collections/{id}", rel="").expand(id=collection["id"]))


def single(service: Service, collection: Document) -> Document:
    """The collection's own description."""
    return service.document(collection_url(service, collection))


def is_on_earth(crs: CRS) -> bool:
    """Whether a CRS is of the Earth, by the size of its ellipsoid."""
    return crs.ellipsoid is not None and abs(crs.ellipsoid.semi_major_metre - 6_378_137) < 10_000


def storage_crs(collection: Document) -> CRS:
    return crs_of(collection.get("storageCrs", CRS84))


@COLLECTIONS
def test_the_landing_page_links_to_the_collections(service: Service, at: Places) -> None:
    """`/req/collections/collections-list-op`; the short relation is that of OGC API - Features."""
    listed = service.document(service.address("/collections"))
    found = links(service.landing, DATA_RELS)
    assert "data" in {link.rel for link in found}
    assert any(link.rel in ogc("data") for link in found)
    for link in found:
        with at(link.rel, link.href):
            assert service.document(link.href)["collections"] == listed["collections"]


@COLLECTIONS
def test_the_list_has_links_to_itself_in_every_media_type(service: Service) -> None:
    """`/req/collections/collections-list-links`."""
    assert_self_and_alternate(service, service.document(service.address("/collections")))


@COLLECTIONS
def test_every_collection_is_listed_once(service: Service, collections: list[Document]) -> None:
    """`/req/collections/collections-list-collections`."""
    ids = [collection["id"] for collection in collections]
    assert sorted(set(ids)) == sorted(ids)
    listed = service.document(service.address("/collections"))
    assert listed.get("numberReturned", len(ids)) == len(ids)
    assert listed.get("numberMatched", len(ids)) >= len(ids)


@COLLECTIONS
def test_a_collection_says_the_same_in_the_list_and_by_itself(
    service: Service, collections: list[Document], at: Places
) -> None:
    """`/req/collections/description-success`: property by property; the description may have more links."""
    for entry in collections:
        with at(entry["id"]):
            own = single(service, entry)
            assert {name: value for name, value in own.items() if name != "links"} == {
                name: value for name, value in entry.items() if name != "links"
            }
            missing = [
                link for link in links(entry) if link not in links(own) and link.rel not in ("self", "alternate")
            ]
            assert not missing, "links of the list's entry that the description has not"


@COLLECTIONS
def test_a_collection_has_links_to_itself_in_every_media_type(
    service: Service, collections: list[Document], at: Places
) -> None:
    """`/req/collections/description-links`."""
    for entry in collections:
        with at(entry["id"]):
            assert_self_and_alternate(service, single(service, entry))


def assert_self_and_alternate(service: Service, document: Document) -> None:
    """One `self`, an `alternate` in HTML; all have a type, and lead to it."""
    assert all(entry.get("rel") and entry.get("href") for entry in document["links"])
    own, others = links(document, "self"), links(document, "alternate")
    assert [link.media for link in own] == [JSON]
    assert HTML in {link.media for link in others}
    for link in own + others:
        assert link.type
        answer = service.answer(link.href, link.type)
        assert answer.status_code == 200
        assert essence(answer.headers["content-type"]) == link.media


@COLLECTIONS
def test_the_extent_is_a_box_in_its_crs(collections: list[Document], at: Places) -> None:
    """`/req/collections/description-extent`, `-extent-multi`: four or six numbers each; on Earth in CRS84.

    Off Earth `/per/collections/description-reference-systems` allows another `spatial.crs`, whose axis order holds.
    """
    for entry in collections:
        with at(entry["id"]):
            spatial = entry["extent"]["spatial"]
            crs = crs_of(spatial.get("crs", CRS84))
            if is_on_earth(storage_crs(entry)):
                assert spatial.get("crs", CRS84) == CRS84
            for box in spatial["bbox"]:
                assert_box(crs, box)


def assert_box(crs: CRS, numbers: list[float]) -> None:
    """Lower-left corner, then upper-right; degrees within the globe. West of a box may lie east of its east."""
    assert len(numbers) in (4, 6)
    flat = numbers if len(numbers) == 4 else [*numbers[:2], *numbers[3:5]]
    xmin, ymin, xmax, ymax = in_x_y_order(crs, flat)
    assert ymin < ymax
    if crs.is_geographic:
        assert -90 <= ymin < ymax <= 90
        assert -360 <= xmin <= 360
        assert -360 <= xmax <= 360
    else:
        assert xmin < xmax


@COLLECTIONS
def test_data_in_another_crs_have_their_bounds_in_it(collections: list[Document], at: Places) -> None:
    """`/req/collections/description-extent`: `storageCrsBbox` where `storageCrs` is not CRS84."""
    for entry in collections:
        with at(entry["id"]):
            if entry.get("storageCrs", CRS84) != CRS84:
                for box in entry["extent"]["spatial"]["storageCrsBbox"]:
                    assert_box(storage_crs(entry), box)


@COLLECTIONS
def test_crs84_is_offered_on_earth_and_nowhere_else(collections: list[Document], at: Places) -> None:
    """Common 2, `crs`: no coordinates of another body are in CRS84."""
    for entry in collections:
        with at(entry["id"]):
            if not is_on_earth(storage_crs(entry)):
                assert CRS84 not in entry.get("crs", [])
                assert entry["extent"]["spatial"]["crs"] != CRS84
            elif "crs" in entry:
                assert entry["crs"][0] == CRS84


@COLLECTIONS
def test_a_collection_that_does_not_exist_is_not_found(service: Service) -> None:
    """`/req/collections/description-op`."""
    assert service.get(collection_url(service, {"id": "no-such-collection"})).status_code == 404


@DIMENSIONS
def test_collections_meet_the_schema_with_additional_dimensions(
    collections: list[Document], validate: Validate, at: Places
) -> None:
    """`/req/uad-collections/extent-uad-definition`, `/req/uad-collections/grid-description`."""
    for entry in collections:
        with at(entry["id"]):
            validate(entry, "common/collection-uad")


@DIMENSIONS
def test_additional_dimensions_have_an_interval_and_a_meaning(collections: list[Document], at: Places) -> None:
    """`/req/uad-collections/extent-uad-definition`."""
    for entry in collections:
        with at(entry["id"]):
            for name, dimension in entry["extent"].items():
                if name not in ("spatial", "temporal"):
                    assert dimension["interval"]
                    assert len({"definition", "trs", "vrs"} & dimension.keys()) == 1


@DIMENSIONS
def test_the_spatial_grid_fits_the_bounds_in_the_storage_crs(collections: list[Document], at: Places) -> None:
    """`/req/uad-collections/grid-description`: one grid an axis, in units and axis order of `storageCrs`."""
    for entry in collections:
        spatial = entry.get("extent", {}).get("spatial", {})
        if "grid" not in spatial:
            continue
        with at(entry["id"]):
            bounds = spatial.get("storageCrsBbox", spatial["bbox"])[0]
            axes = len(bounds) // 2
            assert len(spatial["grid"]) == axes
            for axis, grid in enumerate(spatial["grid"]):
                assert_grid(grid, bounds[axis], bounds[axis + axes])


def assert_grid(grid: dict[str, Any], low: float, high: float) -> None:
    """The cells of a regular grid lie within the bounds, and leave no cell's width of them empty."""
    assert grid["cellsCount"] > 0
    if "coordinates" in grid:
        assert len(grid["coordinates"]) == grid["cellsCount"]
        return
    step, first = grid["resolution"], grid["firstCoordinate"]
    centres = sorted((first, first + step * (grid["cellsCount"] - 1)))
    slack = abs(step) * 1.001
    assert abs(step) > 0
    assert low - slack <= centres[0] <= low + slack
    assert high - slack <= centres[1] <= high + slack


@AS_JSON
def test_the_list_meets_its_schema(service: Service, validate: Validate) -> None:
    """`/req/json/content`, `/req/collections/collections-list-success`."""
    validate(service.document(service.address("/collections")), "common/collections")


@AS_JSON
def test_each_collection_meets_its_schema(
    service: Service, collections: list[Document], validate: Validate, at: Places
) -> None:
    """`/req/json/content`, `/req/collections/description-success`."""
    for entry in collections:
        with at(entry["id"]):
            validate(single(service, entry), "common/collection")


@AS_JSON
def test_collections_are_had_as_json(service: Service, collections: list[Document], at: Places) -> None:
    """`/req/json/definition`."""
    for url in (service.address("/collections"), *(collection_url(service, entry) for entry in collections)):
        with at(url):
            for address, accept in ((url, JSON), (with_query(url, f="json"), HTML), (with_query(url, f=JSON), HTML)):
                assert essence(service.answer(address, accept).headers["content-type"]) == JSON


@AS_HTML
def test_the_page_of_the_list_shows_every_collection(service: Service, collections: list[Document]) -> None:
    """`/req/html/definition`, `/req/html/content`."""
    shown = page(service, service.address("/collections"))
    assert_is_html5(shown)
    for entry in collections:
        assert shown.shows(entry.get("title", entry["id"]))
        assert shown.refers_to(collection_url(service, entry))


@AS_HTML
def test_the_page_of_a_collection_shows_what_its_document_says(
    service: Service, collections: list[Document], at: Places
) -> None:
    """`/req/html/definition`, `/req/html/content`: all information of the schema, all links."""
    for entry in collections:
        with at(entry["id"]):
            document = single(service, entry)
            shown = page(service, collection_url(service, entry))
            assert_is_html5(shown)
            for member in ("id", "title", "description", "attribution", "license"):
                assert shown.shows(document.get(member, "")), member
            assert_shows_links(shown, document)


@AS_HTML
@pytest.mark.parametrize("spelling", ["html", HTML])
def test_pages_are_had_by_f(service: Service, spelling: str) -> None:
    """`/req/html/definition`."""
    answer = service.get(with_query(service.address("/collections"), f=spelling), JSON)
    assert essence(answer.headers["content-type"]) == HTML
