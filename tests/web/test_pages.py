"""Pages show the documents that they are given, all of them, safely, and from this host alone."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ogcapi.web.page_maps import part_of, picture, tile_count
from ogcapi.web.page_text import box_order, by_number, coordinate, extent_lines, number
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
        file.name for file in TEMPLATES.glob("*.html") if "_frame.html" in file.read_text()
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


def test_what_scrolls_can_be_reached_with_the_keyboard(page: Page) -> None:
    _, _, elements = page
    for _, attributes in elements.tags:
        if attributes.get("class") == "scroll":
            assert (attributes.get("tabindex"), attributes.get("role")) == ("0", "region")
            assert attributes.get("aria-label")


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


_LON, _LAT = ("Lon", "east", "degree"), ("Lat", "north", "degree")
_POLAR = (("E", "south", "metre"), ("N", "south", "metre"))


def test_extents_run_from_west_to_east_first_whatever_the_axis_order() -> None:
    lines = extent_lines([-5, 100, 5, 120], (_LAT, _LON))
    assert [name for name, _ in lines] == ["Longitude", "Latitude"]
    assert lines == extent_lines([100, -5, 120, 5], (_LON, _LAT))


@pytest.mark.parametrize(
    ("axes", "words"),
    [
        ((_LON, _LAT), "west, south, east, north"),
        ((_LAT, _LON), "south, west, north, east"),
        (_POLAR, "least E, least N, greatest E, greatest N"),
    ],
)
def test_the_order_of_a_box_is_told_in_words(axes: Any, words: str) -> None:
    assert box_order(axes) == words


@pytest.mark.parametrize(("name", "box"), [("blue_marble", "-90.0,-45,90.0,45"), ("mola", "-45,-90.0,45,90.0")])
def test_a_collection_shows_a_box_of_its_own_in_the_right_order(name: str, box: str) -> None:
    template, document, related = PAGES[name]
    _, elements = _page(template, document, related)
    part = part_of(document, DOCUMENTS["systems"])
    assert part is not None
    assert [float(text) for text in part["bbox"].split(",")] == [float(text) for text in box.split(",")]
    assert f"bbox={part['bbox']}" in elements.text
    assert box_order(DOCUMENTS["systems"][document["extent"]["spatial"]["crs"]]["axes"]) in elements.text


def test_the_middle_of_a_box_over_the_antimeridian_lies_at_the_antimeridian() -> None:
    spatial = {"bbox": [[170, -20, -170, -10]], "crs": "http://www.opengis.net/def/crs/OGC/1.3/CRS84"}
    part = part_of({"extent": {"spatial": spatial}}, DOCUMENTS["systems"])
    assert part is not None
    assert [float(text) for text in part["bbox"].split(",")] == [175, -17.5, -175, -12.5]


def test_a_field_of_which_no_value_was_found_says_so() -> None:
    schema = json.loads(json.dumps(DOCUMENTS["mola.schema"]))
    words = "no valid values found in the sample"
    assert words not in _page("schema.html", schema, {})[1].text
    del schema["properties"]["height"]["examples"]
    assert words in _page("schema.html", schema, {})[1].text


def _of_several(title: str, set_id: str, *layers: str) -> dict[str, Any]:
    """The tileset of several collections, as the dataset has it."""
    found = next(one for one in DOCUMENTS["mola.tilesets_map"]["tilesets"] if one["tileMatrixSetId"] == set_id)
    return {
        **found,
        "title": f"{title} ({set_id})",
        "layers": [{"id": layer, "title": layer.capitalize(), "dataType": "map"} for layer in layers],
    }


def test_layers_are_listed_from_the_top() -> None:
    set_id = DOCUMENTS["mola.tilesets_map"]["tilesets"][0]["tileMatrixSetId"]
    document = _of_several("Planets: Mars", set_id, "lowest", "middle", "highest")
    _, elements = _page("tileset.html", document, {"systems": DOCUMENTS["systems"]})
    _, _, text = elements.text.partition("top first")
    assert text.index("Highest") < text.index("Middle") < text.index("Lowest")
    assert "collections=lowest" in text


def test_tilesets_of_several_bodies_are_listed_by_body() -> None:
    ids = [one["tileMatrixSetId"] for one in DOCUMENTS["mola.tilesets_map"]["tilesets"]]
    tilesets = [_of_several("Planets: Mars", id, "mola") for id in ids]
    other = _of_several("Planets: Moon", ids[0], "lola")
    document = {**DOCUMENTS["mola.tilesets_map"], "tilesets": [*tilesets, other]}
    html, _ = _page("tilesets.html", document, {"systems": DOCUMENTS["systems"]})
    assert re.findall(r'<h2 class="subject">([^<]+?) <', html) == ["Planets: Mars", "Planets: Moon"]
    alone, _ = _page("tilesets.html", DOCUMENTS["mola.tilesets_map"], {"systems": DOCUMENTS["systems"]})
    assert 'class="subject"' not in alone


@given(
    st.tuples(st.integers(0, 7), st.integers(0, 7)).map(sorted),
    st.tuples(st.integers(0, 15), st.integers(0, 15)).map(sorted),
    st.lists(st.sampled_from([1, 2, 4, 8]), min_size=8, max_size=8),
)
def test_tiles_with_several_columns_count_once(rows: list[int], columns: list[int], coalesce: list[int]) -> None:
    matrix = {
        "limits": {"minTileRow": rows[0], "maxTileRow": rows[1], "minTileCol": columns[0], "maxTileCol": columns[1]},
        "variableMatrixWidths": [
            {"coalesce": count, "minTileRow": row, "maxTileRow": row} for row, count in enumerate(coalesce) if count > 1
        ],
    }
    distinct = {
        (row, column // coalesce[row])
        for row in range(rows[0], rows[1] + 1)
        for column in range(columns[0], columns[1] + 1)
    }
    assert tile_count(matrix) == len(distinct)


def test_many_sets_that_differ_in_a_number_are_a_family_of_their_own() -> None:
    zones = [{"id": f"UTM{zone:02}WGS84Quad"} for zone in range(1, 61)]
    first, last = {"id": "CDB1GlobalGrid"}, {"id": "WebMercatorQuad"}
    assert by_number([first, *zones, last]) == [[first, last], zones]
    assert by_number([first, *zones[:2], last]) == [[first, *zones[:2], last]]


def test_the_title_of_the_service_stands_once_in_every_title() -> None:
    document = {**DOCUMENTS["landing"], "title": SERVICE["title"]}
    assert f"<title>{SERVICE['title']}</title>" in _page("landing.html", document, {})[0]
    assert f"<title>Conformance – {SERVICE['title']}</title>" in _page(*PAGES["conformance"])[0]


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
