"""How the server speaks HTTP: promises of this project that are no conformance class."""

import http.client
import json
from urllib.parse import urlsplit

import pytest

from conformance.client import HTML, JSON, Document, Service, essence, links, with_query
from conformance.openapi import Api, Walk
from conformance.pages import page
from conformance.places import Places
from conformance.schemas import Validate
from conformance.tilesets import Tiling, tile_url

PROBLEM = "application/problem+json"
TOO_LARGE = 413
UNKNOWN_MEDIA = "example/unknown"
ELSEWHERE = "https://client.example"


@pytest.fixture(scope="session")
def tiles(tiling: Tiling) -> list[str]:
    """A tile of a few tilesets, in their first media type."""
    chosen = tiling.firsts("map", "coverage")[-4:]
    return [tile_url(tileset.templates[0], *tileset.samples()[-1]) for tileset in chosen]


@pytest.fixture(scope="session")
def documents(service: Service, walk: Walk) -> list[str]:
    """What there is as JSON, one address for each path."""
    return [url for url in walk.examples if service.answer(url, JSON).status_code == 200]


# Methods --------------------------------------------------------------------------------------------------------------


def test_head_is_get_without_a_body(service: Service, documents: list[str], tiles: list[str], at: Places) -> None:
    """RFC 9110, 9.3.2."""
    for url in (*documents, *tiles[:2]):
        with at(url):
            got, head = service.answer(url), service.request("HEAD", url, {"Accept": "*/*"})
            assert head.status_code == got.status_code
            assert head.content == b""
            for name in ("content-type", "etag", "vary", "cache-control"):
                assert head.headers.get(name) == got.headers.get(name), name


def test_options_say_what_is_allowed(service: Service, walk: Walk, at: Places) -> None:
    """RFC 9110, 9.3.7."""
    for url in walk.examples:
        with at(url):
            answer = service.request("OPTIONS", url)
            assert answer.status_code in (200, 204)
            assert {"GET", "HEAD", "OPTIONS"} <= {name.strip() for name in answer.headers["allow"].split(",")}


def test_other_methods_are_refused_with_a_problem(service: Service, walk: Walk, at: Places) -> None:
    """RFC 9110, 15.5.6: 405, with what is allowed."""
    for url in walk.examples[:8]:
        with at(url):
            answer = service.request("DELETE", url, {"Accept": JSON})
            assert answer.status_code == 405
            assert "GET" in answer.headers["allow"]
            assert essence(answer.headers["content-type"]) == PROBLEM


# Other origins --------------------------------------------------------------------------------------------------------


def test_pages_of_other_origins_may_read(service: Service, documents: list[str], tiles: list[str], at: Places) -> None:
    """Common 1 `/rec/core/cross-origin`; also what is refused may be read."""
    for url in (*documents, *tiles[:1], with_query(documents[0], unknownQueryParameter="1")):
        with at(url):
            answer = service.get(url, headers={"Origin": ELSEWHERE})
            assert answer.headers["access-control-allow-origin"] in ("*", ELSEWHERE)
            if answer.headers["access-control-allow-origin"] != "*":
                assert "origin" in answer.headers["vary"].lower()


def test_pages_of_other_origins_may_ask_first(service: Service, walk: Walk, at: Places) -> None:
    """Fetch: the preflight is answered."""
    for url in walk.examples[:8]:
        with at(url):
            headers = {"Origin": ELSEWHERE, "Access-Control-Request-Method": "GET"}
            answer = service.request("OPTIONS", url, headers)
            assert answer.status_code in (200, 204)
            assert answer.headers["access-control-allow-origin"] in ("*", ELSEWHERE)
            assert "GET" in answer.headers["access-control-allow-methods"] or answer.status_code == 200


# Negotiation ----------------------------------------------------------------------------------------------------------


def test_what_depends_on_accept_says_so(service: Service, api: Api, walk: Walk, at: Places) -> None:
    """RFC 9110, 12.5.5: `Vary: Accept` where there are several media types."""
    for url in walk.examples:
        operation = api.operation(url)
        described = api.resolve(operation.document["responses"]["200"]) if operation is not None else {}
        if len(described.get("content", {})) > 1:
            with at(url):
                assert "accept" in [name.strip() for name in service.answer(url).headers["vary"].lower().split(",")]


def test_what_cannot_be_accepted_is_refused(service: Service, walk: Walk, at: Places) -> None:
    """RFC 9110, 15.5.7: 406; the problem is readable all the same."""
    for url in walk.examples:
        with at(url):
            answer = service.get(url, UNKNOWN_MEDIA)
            assert answer.status_code == 406
            assert essence(answer.headers["content-type"]) in (PROBLEM, HTML)


@pytest.mark.parametrize(
    "accept", ["*", "text/html;q=0, application/json", f"{UNKNOWN_MEDIA}, application/json;q=0.1", "application/*", ""]
)
def test_odd_accept_headers_are_understood(service: Service, accept: str) -> None:
    """A bare `*`, refusals by q=0, unknown types, ranges, and nothing at all are no reason to fail."""
    answer = service.get(service.address("/conformance"), accept)
    assert answer.status_code == 200
    assert essence(answer.headers["content-type"]) == JSON


def test_documents_are_compressed_and_images_are_not(service: Service, tiles: list[str], at: Places) -> None:
    """gzip for documents, never for images; what comes out is the same."""
    for url in (service.address("/conformance"), service.address("/collections")):
        with at(url):
            plain, packed = (service.get(url, JSON, {"Accept-Encoding": coding}) for coding in ("identity", "gzip"))
            assert "content-encoding" not in plain.headers
            assert packed.headers["content-encoding"] == "gzip"
            assert "accept-encoding" in packed.headers["vary"].lower()
            assert packed.content == plain.content
    for url in tiles:
        with at(url):
            tile = service.get(url, headers={"Accept-Encoding": "gzip"})
            if tile.headers["content-type"].startswith("image/"):
                assert "content-encoding" not in tile.headers


# Problems -------------------------------------------------------------------------------------------------------------


def wrong_requests(service: Service, collections: list[Document]) -> list[tuple[str, int, str]]:
    """Addresses that are refused, with the status, and a word that the problem has to name."""
    collection = collections[0]["id"]
    return [
        (service.address("/no-such-path"), 404, ""),
        (service.address("/collections/no-such-collection"), 404, "no-such-collection"),
        (service.address("/?unknownQueryParameter=1"), 400, "unknownQueryParameter"),
        (service.address("/?f=no-such-format"), 400, "no-such-format"),
        (service.address("/?f=json&f=json"), 400, "f"),
        (service.address(f"/collections/{collection}?f=png,json"), 400, "png,json"),
        (service.address(f"/collections/{collection}/no-such-resource"), 404, ""),
    ]


def test_problems_are_documents(service: Service, collections: list[Document], validate: Validate, at: Places) -> None:
    """RFC 9457: status, title, and a detail that names the parameter, its value, or what is missing."""
    for url, status, word in wrong_requests(service, collections):
        with at(url):
            answer = service.get(url, JSON)
            assert answer.status_code == status
            assert essence(answer.headers["content-type"]) == PROBLEM
            problem = answer.json()
            validate(problem, "common/exception")
            assert problem["status"] == status
            assert problem["title"]
            assert word in answer.text


def test_problems_are_pages_for_browsers(service: Service, collections: list[Document], at: Places) -> None:
    """The same words, and the same status."""
    for url, status, word in wrong_requests(service, collections):
        if "f=" in url:
            continue
        with at(url):
            answer = service.get(url, "text/html,application/xhtml+xml,*/*;q=0.8")
            assert answer.status_code == status
            assert essence(answer.headers["content-type"]) == HTML
            assert word in answer.text


@pytest.mark.parametrize(
    "path", ["/collections/%zz", "/%", "/?f=%zz", "/?%ff=1", "/collections/..%2f..%2fetc%2fpasswd", "/../../etc/passwd"]
)
def test_malformed_addresses_are_refused(service: Service, path: str) -> None:
    """Broken percent-encoding and climbing paths; sent as they are, past what an HTTP library would mend."""
    address = urlsplit(service.root)
    connect = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
    connection = connect(address.netloc, timeout=30)
    connection.putrequest("GET", address.path + path, skip_accept_encoding=True)
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    assert answer.status in (400, 404)
    assert b"root:" not in body


@pytest.mark.parametrize("path", ["//conformance", "/conformance/"])
def test_slashes_too_many_do_no_harm(service: Service, path: str) -> None:
    """OGC's suites put the address of the landing page, with its slash, before the paths."""
    assert service.get(service.address(path), JSON).json().keys() >= {"conformsTo"}


def test_the_landing_page_is_had_without_its_slash(service: Service) -> None:
    """OGC's suites are given the address without."""
    assert service.get(service.root, JSON).json()["links"] == service.landing["links"]


# Links ----------------------------------------------------------------------------------------------------------------


def test_links_are_absolute_and_answer_with_their_type(
    service: Service, collections: list[Document], at: Places
) -> None:
    """Common 1: the addresses hold for whoever reads the document, wherever."""
    for document in (service.landing, service.document(service.address("/conformance")), *collections):
        for link in links(document):
            with at(link.rel, link.href):
                assert link.href.startswith(("http://", "https://"))
                if not link.templated and link.href.startswith(service.root):
                    answer = service.answer(link.href, link.type or "*/*")
                    if answer.status_code != TOO_LARGE:  # to be asked for in parts
                        assert answer.status_code == 200
                        assert not link.type or essence(answer.headers["content-type"]) == link.media


# Caching --------------------------------------------------------------------------------------------------------------


def test_documents_and_tiles_say_how_long_they_keep(service: Service, walk: Walk, tiles: list[str], at: Places) -> None:
    """RFC 9111: `Cache-Control` on each resource."""
    for url in (*walk.examples, *tiles):
        with at(url):
            assert service.answer(url).headers["cache-control"]


def test_unchanged_resources_are_not_sent_again(service: Service, tiles: list[str], at: Places) -> None:
    """RFC 9110, 13.1.2: a strong ETag, the same each time, and 304."""
    for url in (service.address("/"), service.address("/collections"), *tiles):
        if "no-store" in service.answer(url).headers.get("cache-control", ""):
            continue  # an answer that is not to be kept, as one that lacks some of its data
        with at(url):
            etag = service.answer(url).headers["etag"]
            assert etag.startswith('"')
            answer = service.get(url, headers={"If-None-Match": etag})
            assert answer.status_code == 304
            assert answer.content == b""
            assert answer.headers["etag"] == etag
            assert service.get(url, headers={"If-None-Match": f'"other", {etag}'}).status_code == 304
            assert service.get(url, headers={"If-None-Match": '"other"'}).status_code == 200


def test_representations_have_etags_of_their_own(service: Service) -> None:
    """RFC 9110, 8.8.3: what differs in its bytes differs in its ETag: format and compression."""
    url = service.address("/conformance")
    asked = [(JSON, "identity"), (JSON, "gzip"), (HTML, "identity"), (HTML, "gzip")]
    etags = [service.get(url, accept, {"Accept-Encoding": coding}).headers["etag"] for accept, coding in asked]
    assert len(set(etags)) == len(etags)


def test_hints_of_tiles_are_those_of_the_standard(service: Service, tiles: list[str], at: Places) -> None:
    """Tiles 1 `/rec/core/tc-deepfullempty`."""
    for url in tiles:
        with at(url):
            assert service.answer(url).headers.get("oatiles-hint", "empty") in ("empty", "full")


# Pages ----------------------------------------------------------------------------------------------------------------


def test_pages_load_nothing_from_elsewhere(service: Service, walk: Walk, at: Places) -> None:
    """Each page forbids it, and keeps to it; and what it loads is there."""
    origin = "{0.scheme}://{0.netloc}/".format(urlsplit(service.root))
    for url in walk.examples:
        answer = service.answer(with_query(url, f="html"))
        if answer.status_code != 200:
            continue  # this resource has no page
        with at(url):
            assert "default-src" in answer.headers["content-security-policy"]
            assert "http" not in answer.headers["content-security-policy"].replace(origin.rstrip("/"), "")
            shown = page(service, with_query(url, f="html"))
            assert [loaded for loaded in shown.loaded if not loaded.startswith((origin, "data:"))] == []
            assert [code for code in shown.code if service.answer(code).status_code != 200] == []


def test_pages_have_a_language_and_linked_data(service: Service, collections: list[Document], at: Places) -> None:
    """WCAG 3.1.1; Common 1 `/rec/html/schema-org`."""
    for path in ("/", "/collections", f"/collections/{collections[0]['id']}"):
        with at(path):
            shown = page(service, service.address(path))
            assert shown.language
            assert [json.loads(text)["@context"] for text in shown.linked_data]
