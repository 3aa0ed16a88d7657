"""Pages show the documents that they are given, all of them, safely, and from this host alone."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from ogcapi.web.page_maps import picture
from ogcapi.web.page_text import coordinate, number
from ogcapi.web.pages import render

PROJECT = Path(__file__).parents[2]
TEMPLATES = PROJECT / "templates"
STATIC = PROJECT / "ogcapi" / "static"
DOCUMENTS = {file.stem: json.loads(file.read_text()) for file in Path(__file__).with_name("documents").glob("*.json")}
BASE = "http://127.0.0.1:8400"
SERVICE = {
    "title": "Rasters of the planets",
    "description": "Maps, tiles and cell values",
    "version": "0.1.0",
    "attribution": "Somebody",
    "license": "CC-BY-4.0",
    "home": BASE + "/",
    "api": BASE + "/api",
    "conformance": BASE + "/conformance",
    "collections": BASE + "/collections",
    "tile_matrix_sets": BASE + "/tileMatrixSets",
    "static": BASE + "/static",
}
PROBLEM = {
    "type": "about:blank",
    "title": "Bad Request",
    "status": 400,
    "detail": "width='wide' was given; expected a whole number.",
    "code": "BadParameter",
    "parameter": "width",
    "value": "wide",
    "expected": "a whole number",
}


def _collection(name: str) -> dict[str, Any]:
    return next(one for one in DOCUMENTS["collections"]["collections"] if one["id"] == name)


def _pages() -> dict[str, tuple[str, dict[str, Any], dict[str, Any]]]:
    """Name of each case: template, document, related documents."""
    sets = DOCUMENTS["tileMatrixSetDocuments"]
    systems = {"systems": DOCUMENTS["systems"]}
    pages = {
        "landing": ("landing.html", "landing", {"collections": "collections", "conformance": "conformance"}),
        "landing of nothing": ("landing.html", "landing", {}),
        "collections": ("collections.html", "collections", {}),
        "conformance": ("conformance.html", "conformance", {}),
        "tile matrix sets": ("tilematrixsets.html", "tileMatrixSets", {}),
        "api": ("api.html", "api", {}),
    }
    found = {
        name: (template, DOCUMENTS[document], systems | {key: DOCUMENTS[other] for key, other in related.items()})
        for name, (template, document, related) in pages.items()
    }
    found["problem"] = ("problem.html", PROBLEM, {})
    for set_id, document in sets.items():
        found[set_id] = ("tilematrixset.html", document, systems)
    for name in ("blue_marble", "mola"):
        collection = _collection(name)
        mine = {key.partition(".")[2]: DOCUMENTS[key] for key in DOCUMENTS if key.startswith(f"{name}.")}
        kept = {key: mine[key] for key in ("schema", "styles", "tilesets_map", "tilesets_coverage")}
        found[name] = ("collection.html", collection, systems | kept | {"tile_matrix_sets": sets})
        found[f"{name} alone"] = ("collection.html", collection, {})
        context = systems | {"collection": collection}
        found[f"schema of {name}"] = ("schema.html", mine["schema"], context)
        found[f"styles of {name}"] = ("styles.html", mine["styles"], context)
        found[f"style of {name}"] = ("style.html", mine["style"], context | {"tilesets_map": mine["tilesets_map"]})
        for kind in ("tilesets_map", "tilesets_coverage"):
            found[f"{kind} of {name}"] = ("tilesets.html", mine[kind], context | {"tile_matrix_sets": sets})
            for tileset in mine[kind]["tilesets"]:
                matrix_set = {"tile_matrix_set": sets[tileset["tileMatrixSetId"]]}
                found[f"{kind} {tileset['title']}"] = ("tileset.html", tileset, context | matrix_set)
    found["style of intervals"] = ("style.html", DOCUMENTS["mola.steps"], systems | {"collection": _collection("mola")})
    return found


PAGES = _pages()


class _Elements(HTMLParser):
    """What a test wants to know of a page: start tags with attributes, text, contents of data blocks."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.data: list[tuple[str, str]] = []
        self._type: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._type = (dict(attrs).get("type") or "") if tag == "script" else None

    def handle_endtag(self, tag: str) -> None:
        self._type = None

    def handle_data(self, data: str) -> None:
        if self._type:
            self.data.append((self._type, data))
        else:
            self.text += data


def _page(template: str, document: dict[str, Any], related: dict[str, Any]) -> tuple[str, _Elements]:
    path = [("Collections", BASE + "/collections"), ("This", BASE + "/collections/this")]
    html = render(template, document=document, service=SERVICE, path=path, here=BASE + "/collections/this", **related)
    elements = _Elements()
    elements.feed(html)
    return html, elements


def _addresses(document: Any) -> set[str]:
    """Every address in the links of a document and of its parts."""
    if isinstance(document, dict):
        own = {link["href"] for link in document.get("links", ()) if isinstance(link, dict)}
        return own.union(*(_addresses(value) for value in document.values()))
    return set().union(*map(_addresses, document)) if isinstance(document, list) else set()


@pytest.fixture(params=PAGES, scope="module")
def page(request: pytest.FixtureRequest) -> tuple[dict[str, Any], str, _Elements]:
    template, document, related = PAGES[request.param]
    return document, *_page(template, document, related)


Page = tuple[dict[str, Any], str, _Elements]


def test_every_template_has_a_case() -> None:
    assert {template for template, _, _ in PAGES.values()} == {
        file.name for file in TEMPLATES.glob("*.html") if not file.name.startswith("_")
    }


def test_every_link_of_a_document_is_on_its_page(page: Page) -> None:
    document, _, elements = page
    shown = {attributes.get("href") for _, attributes in elements.tags}
    assert {href for href in _addresses(document) if href not in shown and href not in elements.text} == set()


def test_a_page_links_to_its_json(page: Page) -> None:
    _, _, elements = page
    assert any(
        tag == "a" and attributes.get("type") == "application/json" and "f=json" in (attributes.get("href") or "")
        for tag, attributes in elements.tags
    )


def test_a_page_is_annotated_with_schema_org(page: Page) -> None:
    _, _, elements = page
    found = [json.loads(text) for type, text in elements.data if type == "application/ld+json"]
    assert [one["@context"] for one in found] == ["https://schema.org/"]
    assert found[0]["name"]


def test_a_page_loads_nothing_from_another_host_and_runs_nothing_of_its_own(page: Page) -> None:
    _, _, elements = page
    for tag, attributes in elements.tags:
        assert "style" not in attributes
        assert not any(name.startswith("on") for name in attributes)
        if tag in {"script", "img", "iframe"} and "src" in attributes:
            assert (attributes["src"] or "").startswith(BASE)
        if tag == "link" and attributes.get("rel") in {"stylesheet", "icon"}:
            assert (attributes["href"] or "").startswith(BASE)
        if tag == "script" and "src" not in attributes:
            assert attributes.get("type") in {"application/json", "application/ld+json"}
        assert tag != "style"


def test_a_page_has_one_first_heading_and_pictures_have_alternatives(page: Page) -> None:
    _, _, elements = page
    names = [tag for tag, _ in elements.tags]
    assert names.count("h1") == 1
    assert names.count("main") == 1
    assert all("alt" in attributes for tag, attributes in elements.tags if tag == "img")


def test_ids_on_a_page_are_unique(page: Page) -> None:
    _, _, elements = page
    ids = [attributes["id"] for _, attributes in elements.tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_a_page_keeps_text_as_text() -> None:
    evil = "<script>alert(1)</script>\"'&"
    document = {**_collection("mola"), "title": evil, "description": evil, "keywords": [evil], "license": evil}
    html, elements = _page("collection.html", document, {"systems": DOCUMENTS["systems"]})
    assert "<script>alert" not in html
    assert evil in elements.text
    assert all("<script>alert" not in text or type for type, text in elements.data)


def test_the_body_of_a_collection_names_its_latitudes() -> None:
    _, _, related = PAGES["mola"]
    _, elements = _page("collection.html", _collection("mola"), related)
    text = elements.text.replace("\u202f", " ")
    assert "Latitude90° S to 90° N" in re.sub(r"\s*\n\s*", "", text)
    assert "Longitude180° W to 180° E" in re.sub(r"\s*\n\s*", "", text)


def test_an_unregistered_set_is_not_said_to_be_registered() -> None:
    _, elements = _page(*PAGES["tile matrix sets"])
    _, _, mars = elements.text.partition("MarsMercatorSphere")
    assert "by OGC" in elements.text
    assert "by OGC" not in mars


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.08789062, "0.0878906"),
        (1024, "1024"),
        (-8000.0, "−8000"),
        (3396190, "3 396 190"),
        (148848291.77169532, "148 848 292"),
        (0.0, "0"),
        (1.5e-7, "1.5 × 10⁻⁷"),
    ],
)
def test_numbers_have_thin_spaces_and_no_false_precision(value: float, text: str) -> None:
    assert number(value).replace("\u202f", " ") == text


@pytest.mark.parametrize(
    ("value", "axis", "text"),
    [
        (-33.7, ("Lon", "east", "degree"), "33.7° W"),
        (33.7, ("Lon", "west", "degree"), "33.7° W"),
        (0.0, ("Lat", "north", "degree"), "0°"),
        (-10669445.554, ("E", "east", "metre"), "E −10 669 446 m"),
    ],
)
def test_coordinates_keep_their_direction(value: float, axis: tuple[str, str, str], text: str) -> None:
    assert coordinate(value, axis).replace("\u202f", " ") == text


def test_a_picture_has_the_shape_of_the_extent_whatever_the_axis_order() -> None:
    for name in ("mola", "blue_marble"):  # 2:1, latitude first
        found = picture(_collection(name), DOCUMENTS["systems"], 480, 240)
        assert found is not None
        assert (found["width"], found["height"]) == (480, 240)


def test_every_conformance_class_is_on_the_page_of_conformance() -> None:
    _, elements = _page(*PAGES["conformance"])
    assert [uri for uri in DOCUMENTS["conformance"]["conformsTo"] if uri not in elements.text] == []


def test_every_operation_is_on_the_page_of_the_api_without_script() -> None:
    _, elements = _page(*PAGES["api"])
    assert [path for path in DOCUMENTS["api"]["paths"] if path not in elements.text] == []


def test_a_problem_is_told_in_the_same_words_as_in_json() -> None:
    _, elements = _page(*PAGES["problem"])
    for value in (PROBLEM["title"], PROBLEM["detail"], PROBLEM["parameter"], PROBLEM["value"], PROBLEM["expected"]):
        assert str(value) in elements.text


def test_a_related_document_of_an_unknown_name_is_refused() -> None:
    with pytest.raises(TypeError, match="stiles"):
        _page("landing.html", DOCUMENTS["landing"], {"stiles": {}})


@pytest.mark.parametrize(
    "file", [*TEMPLATES.glob("*.html"), *STATIC.glob("*.*"), *STATIC.glob("map/*.js")], ids=lambda file: file.name
)
def test_our_own_files_name_no_other_host(file: Path) -> None:
    addresses = set(re.findall(r"""https?://[^\s"'<>)]+""", file.read_text()))
    names = {"http://www.w3.org/2000/svg", "http://www.opengis.net/", "http://www.opengis.net/def/crs/OGC/1.3/CRS84"}
    assert addresses <= names


def test_the_stylesheet_is_small() -> None:
    assert (STATIC / "style.css").stat().st_size < 15_000


def _luminance(color: str) -> float:
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def _contrast(one: str, other: str) -> float:
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("side", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("name", ["ink", "soft", "accent"])
@pytest.mark.parametrize("ground", ["paper", "sheet"])
def test_text_has_contrast(name: str, ground: str, side: int) -> None:
    declared = re.findall(r"--(\w+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)", (STATIC / "style.css").read_text())
    grounds = [pair[side] for found, *pair in declared if found == ground]
    colors = [pair[side] for found, *pair in declared if found == name]
    assert grounds
    assert colors
    assert min(_contrast(color, on) for color in colors for on in grounds) >= 4.5
