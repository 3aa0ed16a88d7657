"""OGC API - Common - Part 1: core, landing page, JSON, HTML; `oas30` is in test_openapi.py."""

import pytest

from conformance.classes import conformance_class
from conformance.client import HTML, JSON, Service, essence, links, ogc, with_query
from conformance.pages import assert_is_html5, assert_shows_links, page
from conformance.places import Places
from conformance.schemas import Validate

CORE = conformance_class("common-1", "core")
LANDING_PAGE = conformance_class("common-1", "landing-page")
AS_JSON = conformance_class("common-1", "json")
AS_HTML = conformance_class("common-1", "html")

CONFORMANCE_RELS = {"conformance", *ogc("conformance")}
FIXED_PATHS = ("/", "/conformance")


@CORE
def test_the_server_speaks_http_1_1(service: Service) -> None:
    """`/req/core/http`."""
    assert service.get(service.address("/")).http_version == "HTTP/1.1"


@CORE
def test_a_query_parameter_that_is_not_declared_is_refused(service: Service, at: Places) -> None:
    """`/req/core/query-param-name-unknown`."""
    for path in FIXED_PATHS:
        url = with_query(service.address(path), unknownQueryParameter="1")
        with at(url):
            assert service.get(url).status_code == 400


@CORE
def test_an_invalid_value_of_a_query_parameter_is_refused(service: Service, at: Places) -> None:
    """`/req/core/query-param-value-invalid`."""
    for path in FIXED_PATHS:
        url = with_query(service.address(path), f="no-such-format")
        with at(url):
            assert service.get(url).status_code == 400


@CORE
@pytest.mark.parametrize("query", ["F=json", "f=JSON"])
def test_names_and_values_of_query_parameters_are_case_sensitive(service: Service, query: str) -> None:
    """`/req/core/query-param-capitalization`, B and C."""
    assert service.get(service.address(f"/?{query}"), JSON).status_code == 400


@CORE
def test_percent_encoding_is_read_in_either_case(service: Service) -> None:
    """`/req/core/query-param-capitalization`: `%2f` is `%2F`."""
    bodies = {service.get(service.address(f"/conformance?f=application{slash}json")).text for slash in ("%2f", "%2F")}
    assert len(bodies) == 1
    assert "conformsTo" in bodies.pop()


@LANDING_PAGE
def test_the_landing_page_has_a_title_and_links(service: Service) -> None:
    """`/req/landing-page/root-op`, `/req/landing-page/root-success`."""
    assert service.landing["title"]
    assert links(service.landing)


@LANDING_PAGE
def test_the_landing_page_links_to_the_api_definition(service: Service) -> None:
    """`/req/landing-page/root-success` B."""
    assert links(service.landing, {"service-desc", "service-doc"})


@LANDING_PAGE
def test_the_landing_page_links_to_the_conformance_declaration(service: Service) -> None:
    """`/req/landing-page/root-success` C; the short relation is that of OGC API - Features."""
    found = {link.rel for link in links(service.landing, CONFORMANCE_RELS)}
    assert {"conformance", "http://www.opengis.net/def/rel/ogc/1.0/conformance"} <= found


@LANDING_PAGE
def test_every_link_to_the_api_definition_answers_with_its_media_type(service: Service, at: Places) -> None:
    """`/req/landing-page/api-definition-op`, `/req/landing-page/api-definition-success`."""
    for link in links(service.landing, {"service-desc", "service-doc"}):
        with at(link.rel, link.href):
            answer = service.get(link.href, link.type or "*/*")
            assert answer.status_code == 200
            assert essence(answer.headers["content-type"]) == link.media


@LANDING_PAGE
def test_every_way_to_the_conformance_declaration_leads_to_the_same_one(service: Service, at: Places) -> None:
    """`/req/landing-page/conformance-op`, `/req/landing-page/conformance-success`."""
    fixed = service.document(service.address("/conformance"))
    for link in links(service.landing, CONFORMANCE_RELS):
        with at(link.rel, link.href):
            assert service.document(link.href)["conformsTo"] == fixed["conformsTo"]


@LANDING_PAGE
def test_the_conformance_declaration_names_classes_once_each(service: Service) -> None:
    """`/req/landing-page/conformance-success` B."""
    classes = service.document(service.address("/conformance"))["conformsTo"]
    assert classes
    assert sorted(set(classes)) == sorted(classes)


@AS_JSON
@pytest.mark.parametrize(("path", "schema"), [("/", "common/landingPage"), ("/conformance", "common/conformance")])
def test_the_documents_meet_their_schema(service: Service, validate: Validate, path: str, schema: str) -> None:
    """`/req/json/content`."""
    validate(service.document(service.address(path)), schema)


@AS_JSON
@pytest.mark.parametrize("path", FIXED_PATHS)
def test_json_is_had_by_accept_and_by_f(service: Service, path: str) -> None:
    """`/req/json/definition`; that `f` takes a short name or a media type is what all test suites assume."""
    url = service.address(path)
    asked = service.document(url)
    for spelling in ("json", JSON):
        answer = service.get(with_query(url, f=spelling), HTML)
        assert essence(answer.headers["content-type"]) == JSON
        assert answer.json().keys() == asked.keys()


@AS_HTML
@pytest.mark.parametrize("path", FIXED_PATHS)
def test_html_is_had_by_accept_and_by_f(service: Service, path: str) -> None:
    """`/req/html/definition`."""
    url = service.address(path)
    assert_is_html5(page(service, url))
    for spelling in ("html", HTML):
        answer = service.get(with_query(url, f=spelling), JSON)
        assert essence(answer.headers["content-type"]) == HTML


@AS_HTML
def test_the_landing_page_shows_what_its_document_says(service: Service) -> None:
    """`/req/html/content`: all information of the schema, all links."""
    shown = page(service, service.address("/"))
    for member in ("title", "description"):
        assert shown.shows(service.landing.get(member, ""))
    assert_shows_links(shown, service.landing)


@AS_HTML
def test_the_page_of_the_conformance_declaration_shows_every_class(service: Service) -> None:
    """`/req/html/content`."""
    shown = page(service, service.address("/conformance"))
    document = service.document(service.address("/conformance"))
    assert [uri for uri in document["conformsTo"] if not shown.shows(uri)] == []
    assert_shows_links(shown, document)
