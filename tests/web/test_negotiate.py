"""Negotiation by `Accept`."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from ogcapi.model.media import GEOTIFF, HTML, JPEG, JSON, NPY, OPENAPI, PNG, WEBP, MediaType
from ogcapi.model.problem import NotAcceptable
from ogcapi.web.negotiate import accepted, prefers_page

DOCUMENT, PICTURE, COVERAGE = (JSON, HTML), (PNG, JPEG, WEBP), (GEOTIFF, NPY)
JDK = "text/html, image/gif, image/jpeg, */*; q=0.2"
OLD_JDK = "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
IMAGE_OF_A_PAGE = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"


@pytest.mark.parametrize(
    ("header", "answers", "expected"),
    [
        ("", DOCUMENT, JSON),
        ("*/*", DOCUMENT, JSON),
        ("*", DOCUMENT, JSON),
        (BROWSER, DOCUMENT, HTML),
        (JDK, DOCUMENT, HTML),
        ("application/json", DOCUMENT, JSON),
        ("application/json, application/javascript, text/javascript, text/json", DOCUMENT, JSON),
        ("text/html;q=0, application/json", DOCUMENT, JSON),
        ("text/html; q=0.1, application/json;q=0.2", DOCUMENT, JSON),
        ("text/html;q=0.3, application/json ; q = 0.2", DOCUMENT, HTML),
        ("application/json;charset=utf-8", DOCUMENT, JSON),
        ("text/*", DOCUMENT, HTML),
        ("*/*, application/json;q=0", DOCUMENT, HTML),
        ("APPLICATION/JSON", DOCUMENT, JSON),
        ("application/vnd.oai.openapi+json;version=3.0", (OPENAPI, HTML), OPENAPI),
        ("application/vnd.oai.openapi+json; version=3.0, text/html;q=0.9", (OPENAPI, HTML), OPENAPI),
        ("application/json", (OPENAPI, HTML), OPENAPI),
        (JDK, PICTURE, JPEG),
        (OLD_JDK, PICTURE, JPEG),
        (JDK, COVERAGE, GEOTIFF),
        (BROWSER, PICTURE, WEBP),
        (IMAGE_OF_A_PAGE, PICTURE, PNG),
        ("image/png, image/jpeg", PICTURE, PNG),
        ("image/jpeg, image/png;q=0.9", PICTURE, JPEG),
        ("image/tiff", COVERAGE, GEOTIFF),
        ("image/tiff; application=geotiff", COVERAGE, GEOTIFF),
        ("application/x-npy", COVERAGE, NPY),
        (";;;,,,;q", DOCUMENT, JSON),
    ],
)
def test_the_best_acceptable_form_is_given(header: str, answers: tuple[MediaType, ...], expected: MediaType) -> None:
    assert accepted([header], answers) is expected


@pytest.mark.parametrize(
    ("header", "answers"),
    [
        ("application/xml", DOCUMENT),
        ("application/json", PICTURE),
        ("text/html", PICTURE),
        ("*/*;q=0", DOCUMENT),
        ("image/png;q=nonsense", (PNG,)),
        ("image/tiff; application=other", COVERAGE),
    ],
)
def test_what_cannot_be_met_is_not_acceptable(header: str, answers: tuple[MediaType, ...]) -> None:
    with pytest.raises(NotAcceptable):
        accepted([header], answers)


@given(st.lists(st.text(max_size=60), max_size=4))
def test_any_header_gives_an_offered_form_or_a_problem(headers: list[str]) -> None:
    with contextlib.suppress(NotAcceptable):
        assert accepted(headers, PICTURE) in PICTURE


weights = st.integers(0, 1000).map(lambda thousandths: thousandths / 1000)


@given(weights, weights)
def test_the_greater_weight_wins_and_the_first_offered_of_equals(json: float, html: float) -> None:
    header = f"text/html;q={html}, application/json;q={json}"
    if json == html == 0:
        with pytest.raises(NotAcceptable):
            accepted([header], DOCUMENT)
    else:
        assert accepted([header], DOCUMENT) is (HTML if html > json else JSON)


@given(st.permutations(["text/html;q=0.2", "application/json;q=0.7", "image/png", "*/*;q=0.1"]))
def test_the_order_of_the_header_does_not_matter(parts: list[str]) -> None:
    assert accepted([",".join(parts)], DOCUMENT) is JSON
    assert accepted(parts, DOCUMENT) is JSON


def test_problems_are_pages_only_for_those_who_would_rather_have_pages() -> None:
    assert prefers_page([BROWSER])
    assert not prefers_page([])
    assert not prefers_page(["*/*"])
    assert not prefers_page(["image/png"])


@given(st.lists(st.sampled_from(["f=png", "f=jpeg", "f=x", "width=9", "width=0", "other=1", "width=7&width=7", ""])))
def test_a_query_is_answered_the_same_however_often_it_was_asked(client: TestClient, queries: list[str]) -> None:
    place = "/collections/mola/map/tiles/MarsMercatorSphere/0/0/0"
    wanted = {"f=png": 200, "f=jpeg": 200, "width=9": 200, "": 200}
    for query in queries:
        answer = client.get(f"{place}?{query}")
        assert answer.status_code == wanted.get(query, 400)
        if answer.status_code == 200:
            assert answer.headers["content-type"] == ("image/jpeg" if query == "f=jpeg" else "image/png")
