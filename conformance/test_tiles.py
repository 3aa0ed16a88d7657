"""OGC API - Tiles - Part 1: core, tileset, tilesets list, tilesets of the dataset and of collections, selection."""

import re
from dataclasses import dataclass
from itertools import product

import pytest

from conformance.classes import conformance_class
from conformance.client import (
    HTML,
    JDK_ACCEPT,
    JSON,
    Document,
    Link,
    Service,
    distinct,
    essence,
    links,
    ogc,
    same_media,
    with_query,
    without_format,
)
from conformance.images import pixels, size_of
from conformance.matrices import crs_of, is_same_crs
from conformance.places import Places
from conformance.schemas import Validate
from conformance.tilesets import KINDS, Limits, Tileset, Tiling, tile_url

CORE = conformance_class("tiles-1", "core")
TILESET = conformance_class("tiles-1", "tileset")
LIST = conformance_class("tiles-1", "tilesets-list")
DATASET = conformance_class("tiles-1", "dataset-tilesets")
GEODATA = conformance_class("tiles-1", "geodata-tilesets")
SELECTION = conformance_class("tiles-1", "collections-selection")

TILESETS_RELS = ogc(*(f"tilesets-{kind}" for kind in KINDS))
NO_SUCH_TILE = (400, 404)
BEYOND_32_BITS = 2**31 - 1


# Core -----------------------------------------------------------------------------------------------------------------


def each_format(tileset: Tileset) -> list[tuple[Link, tuple[str, int, int]]]:
    """All samples in the first media type, one in the others."""
    first, *others = tileset.templates
    return [(first, tile) for tile in tileset.samples()] + [(other, tileset.samples()[-1]) for other in others]


@CORE
def test_tiles_are_had_by_the_templates_that_the_server_publishes(service: Service, tiling: Tiling, at: Places) -> None:
    """`/req/core/tc-op`, `/req/core/tc-success` A: in the media type that the template promises."""
    for tileset in tiling.representatives():
        for template, tile in each_format(tileset):
            url = tile_url(template, *tile)
            with at(url):
                answer = service.answer(url)
                assert answer.status_code == 200
                assert same_media(answer.headers["content-type"], template.type)


@CORE
def test_a_tile_of_every_tileset_is_had(service: Service, tiling: Tiling, at: Places) -> None:
    """`/req/core/tc-success`: the middle of the finest matrix, in the first media type."""
    for tileset in tiling.tilesets:
        with at(tileset.url):
            assert service.answer(tile_url(tileset.templates[0], *tileset.samples()[-1])).status_code == 200


@CORE
def test_tiles_have_the_size_that_their_matrix_says(service: Service, tiling: Tiling, at: Places) -> None:
    """`/req/core/tc-success` B, C: width by height, for coverages one more on each axis where cells are points."""
    for tileset in tiling.representatives("map", "coverage"):
        for template, tile in each_format(tileset):
            url = tile_url(template, *tile)
            with at(url):
                size = size_of(service.answer(url))
                matrix = tileset.matrix_set.matrices[tile[0]]
                width, height = matrix.tile_width, matrix.tile_height
                points = [(width + 1, height + 1)] if tileset.kind == "coverage" else []
                assert size is None or size in [(width, height), *points]


@CORE
@pytest.mark.parametrize("accept", [JDK_ACCEPT, "*", "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"])
def test_clients_that_ask_for_nothing_in_particular_get_an_image(
    service: Service, tiling: Tiling, at: Places, accept: str
) -> None:
    """`/req/core/tc-success`: what Java sends by itself names HTML first, and means an image."""
    for tileset in tiling.firsts("map"):
        url = with_query(tile_url(tileset.templates[0], *tileset.samples()[-1]), f=None)
        with at(url):
            answer = service.get(url, accept)
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("image/")


@CORE
def test_every_tile_of_a_small_range_is_there(service: Service, tiling: Tiling, at: Places) -> None:
    """`/req/core/tc-error` B: 200 for each row and column within the limits, also where there is no data."""
    for tileset in tiling.firsts():
        limits = tileset.limits[-1]
        _, middle_row, middle_col = limits.middle
        rows = sorted({limits.min_row, middle_row, limits.max_row})
        cols = sorted({limits.min_col, middle_col, limits.max_col})
        for row, col in product(rows, cols):
            url = tile_url(tileset.templates[0], limits.matrix, row, col)
            with at(url):
                assert service.answer(url).status_code == 200


@CORE
def test_tiles_just_outside_the_limits_are_refused(service: Service, tiling: Tiling, at: Places) -> None:
    """`/req/core/tc-error` A: not found, on each side."""
    for tileset in tiling.firsts():
        limits = tileset.limits[-1]
        _, row, col = limits.middle
        outside = [
            (limits.min_row - 1, col),
            (limits.max_row + 1, col),
            (row, limits.min_col - 1),
            (row, limits.max_col + 1),
        ]
        for outer_row, outer_col in outside:
            url = tile_url(tileset.templates[0], limits.matrix, outer_row, outer_col)
            with at(url):
                assert service.get(url).status_code in NO_SUCH_TILE


@CORE
@pytest.mark.parametrize("index", [BEYOND_32_BITS, 2**63, "9" * 5000, -1, "1.5", "one", "0x0", "%00", "+1", " 1"])
def test_rows_and_columns_that_cannot_be_are_refused(
    service: Service, tiling: Tiling, at: Places, index: object
) -> None:
    """`/req/core/tc-error` A, `/req/core/tc-tilerow-definition`, `/req/core/tc-tilecol-definition`."""
    for tileset in tiling.firsts()[:3]:
        limits = tileset.limits[0]
        for row, col in ((index, limits.min_col), (limits.min_row, index)):
            url = tile_url(tileset.templates[0], limits.matrix, row, col)
            with at(url[:200]):
                assert service.get(url).status_code in NO_SUCH_TILE


@CORE
@pytest.mark.parametrize("matrix", ["no-such-matrix", "-1", "999", "00", "9" * 5000])
def test_tile_matrices_that_are_not_there_are_refused(
    service: Service, tiling: Tiling, at: Places, matrix: str
) -> None:
    """`/req/core/tc-error` A, `/req/core/tc-tilematrix-definition`: the id is a string, to be met exactly."""
    for tileset in tiling.firsts():
        if matrix in tileset.matrix_set.matrices:
            continue
        url = tile_url(tileset.templates[0], matrix, 0, 0)
        with at(url[:200]):
            assert service.get(url).status_code in NO_SUCH_TILE


@CORE
def test_matrices_that_the_limits_leave_out_have_no_tiles(service: Service, tiling: Tiling, at: Places) -> None:
    """`/req/core/tc-error` A; TMS 2.0 `/req/tilematrixsetlimits/model`: an unlisted matrix is not available."""
    for tileset in tiling.firsts():
        listed = {limits.matrix for limits in tileset.limits}
        unlisted = [matrix for matrix in tileset.matrix_set.matrices if matrix not in listed]
        for matrix in unlisted[:1] + unlisted[-1:]:
            url = tile_url(tileset.templates[0], matrix, 0, 0)
            with at(url):
                assert service.get(url).status_code in NO_SUCH_TILE
    if not at.seen:
        pytest.skip("every tileset has all matrices of its tile matrix set")


# Tileset --------------------------------------------------------------------------------------------------------------


@TILESET
@LIST
def test_every_link_to_a_tileset_leads_to_one(tiling: Tiling) -> None:
    """`/req/tileset/description`, `/req/tilesets-list/tileset-path`."""
    assert tiling.broken == []
    assert tiling.tilesets


@TILESET
def test_tilesets_meet_their_schema(tiling: Tiling, validate: Validate, at: Places) -> None:
    """`/req/tileset/description` A."""
    for tileset in tiling.tilesets:
        with at(tileset.url):
            validate(tileset.document, "tiles/tileSet")
            assert tileset.document["dataType"] == tileset.kind


@TILESET
def test_a_tileset_links_to_its_tile_matrix_set(service: Service, tiling: Tiling, at: Places) -> None:
    """`/req/tileset/description` C, D; `tileMatrixSetURI` is always there, for the test suite asks for it."""
    for tileset in tiling.tilesets:
        with at(tileset.url):
            found = links(tileset.document, "http://www.opengis.net/def/rel/ogc/1.0/tiling-scheme")
            assert JSON in {link.media for link in found}
            assert tileset.document["tileMatrixSetURI"]


@TILESET
def test_tile_templates_have_the_three_variables_and_no_other(tiling: Tiling, at: Places) -> None:
    """`/req/tileset/description` E, F, G: one templated `item` link for each media type."""
    for tileset in tiling.tilesets:
        with at(tileset.url):
            items = links(tileset.document, "item")
            assert items
            assert all(link.templated for link in items)
            assert all(link.type for link in items)
            assert len({link.type for link in items}) == len(items)
            for link in items:
                assert sorted(re.findall(r"{(\w+)}", link.href)) == ["tileCol", "tileMatrix", "tileRow"]
                assert link.href.startswith(("http://", "https://"))


@TILESET
def test_a_tileset_has_links_to_itself_and_to_its_page(service: Service, tiling: Tiling, at: Places) -> None:
    """Tiles 1, `/rec/tileset/…`; the page is what `alternate` leads to."""
    for tileset in tiling.representatives():
        with at(tileset.url):
            assert [link.media for link in links(tileset.document, "self")] == [JSON]
            page = next(link for link in links(tileset.document, "alternate") if link.media == HTML)
            assert essence(service.answer(page.href, HTML).headers["content-type"]) == HTML


@TILESET
def test_a_tileset_of_a_tile_matrix_set_that_does_not_exist_is_not_found(
    service: Service, tiling: Tiling, at: Places
) -> None:
    """`/req/tileset/description`: nothing but the listed tilesets is there."""
    for tileset in tiling.firsts():
        url = without_format(tileset.within.url) + "/NoSuchTileMatrixSet"
        with at(url):
            assert service.get(url, JSON).status_code == 404


# Tilesets list --------------------------------------------------------------------------------------------------------


@LIST
def test_lists_of_tilesets_meet_their_schema(tiling: Tiling, validate: Validate, at: Places) -> None:
    """`/req/tilesets-list/tileset-links` A."""
    for found in tiling.lists:
        with at(found.url):
            assert found.document["tilesets"]
            validate(found.document, "tiles/tileSets")


@LIST
def test_entries_link_to_their_tileset_and_tile_matrix_set(tiling: Tiling, at: Places) -> None:
    """`/req/tilesets-list/tileset-links` B: `self`, in JSON, and `tiling-scheme`; no tileset twice in a list."""
    for found in tiling.lists:
        with at(found.url):
            own = []
            for entry in found.document["tilesets"]:
                assert entry["dataType"] == found.kind
                assert links(entry, "http://www.opengis.net/def/rel/ogc/1.0/tiling-scheme")
                assert JSON in {link.type for link in links(entry, "self")}
                own.append(distinct(links(entry, "self"))[0].href)
            assert len(set(own)) == len(own)


@LIST
def test_entries_hold_all_that_is_needed_to_ask_for_a_tile(tiling: Tiling, at: Places) -> None:
    """`/req/tilesets-list/tileset-links`; OGC's suite reads id, URI, limits and templates from the list."""
    for found in tiling.lists:
        for entry in found.document["tilesets"]:
            with at(found.url, entry.get("tileMatrixSetId")):
                assert entry["tileMatrixSetId"]
                assert entry["tileMatrixSetURI"]
                assert entry["tileMatrixSetLimits"]
                templates = [link for link in links(entry, "item") if link.templated]
                assert templates
                for template in templates:
                    assert sorted(re.findall(r"{(\w+)}", template.href)) == ["tileCol", "tileMatrix", "tileRow"]


@LIST
def test_a_tileset_says_the_same_in_the_list_and_by_itself(tiling: Tiling, at: Places) -> None:
    """`/req/tilesets-list/tileset-links`."""
    for tileset in tiling.tilesets:
        with at(tileset.url):
            for member in ("title", "dataType", "tileMatrixSetURI", "tileMatrixSetLimits", "crs"):
                assert tileset.entry.get(member) == tileset.document.get(member), member
            assert links(tileset.entry, "item") == links(tileset.document, "item")
            box = next(iter(tileset.matrix_set.matrices.values())).bounds(0, 0)
            assert is_same_crs(crs_of(tileset.entry["crs"]), tileset.matrix_set.crs, box)


# Tilesets of the dataset and of collections ---------------------------------------------------------------------------


def assert_leads_to_tilesets(service: Service, href: str) -> None:
    """The form of address that OGC's suite looks for, and a list of tilesets at it."""
    assert re.search(r"/tiles($|\?)", href)
    assert service.document(href)["tilesets"]


@DATASET
def test_the_landing_page_links_to_lists_of_tilesets(service: Service, at: Places) -> None:
    """`/req/dataset-tilesets/landingpage`, `/req/dataset-tilesets/operation`."""
    for link in links(service.landing, TILESETS_RELS):
        with at(link.rel, link.href):
            assert_leads_to_tilesets(service, link.href)
    assert any("f=json" in link.href for link in links(service.landing, TILESETS_RELS)), "OGC's suite looks for f=json"


@GEODATA
def test_collections_link_to_lists_of_tilesets(service: Service, collections: list[Document], at: Places) -> None:
    """`/req/geodata-tilesets/desc-links`, `/req/geodata-tilesets/operation`: in the list as in the description."""
    for entry in collections:
        for link in links(entry, TILESETS_RELS):
            with at(entry["id"], link.rel):
                assert_leads_to_tilesets(service, link.href)


@GEODATA
def test_tilesets_of_a_collection_have_the_old_and_the_new_relation(collections: list[Document], at: Places) -> None:
    """`/req/geodata-tilesets/desc-links` wants http; Maps and Coverages want https."""
    for entry in collections:
        for kind in KINDS:
            rels = {link.rel for link in links(entry, ogc(f"tilesets-{kind}"))}
            if rels:
                with at(entry["id"], kind):
                    assert f"http://www.opengis.net/def/rel/ogc/1.0/tilesets-{kind}" in rels


# Selection of collections ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Shared:
    """A map tileset of the dataset, collections that have one in the same tile matrix set, and a tile that all have."""

    tileset: Tileset
    own: dict[str, Tileset]
    tile: tuple[str, int, int]

    @property
    def ids(self) -> list[str]:
        return list(self.own)

    def url(self, *chosen: str) -> str:
        """The address of the tile with these collections, as PNG where there is one."""
        return with_query(png_url(self.tileset, self.tile), collections=",".join(chosen))


def png_url(tileset: Tileset, tile: tuple[str, int, int]) -> str:
    """The address of a tile, as PNG where there is one."""
    return tile_url(tileset.template("image/png") or tileset.templates[0], *tile)


@pytest.fixture(scope="session")
def shared(tiling: Tiling) -> list[Shared]:
    """What the selection is tried with, for the first two tilesets of the dataset and the last one."""
    found = []
    unstyled = [each for each in tiling.of("map", dataset=False) if not each.within.styled]
    for tileset in tiling.of("map", dataset=True):
        same = [each for each in unstyled if each.matrix_set.url == tileset.matrix_set.url]
        if not same:
            continue
        own: dict[str, Tileset] = {}
        common = same[0].limits[0]
        for each in same:
            narrowed = common.narrowed_by(each.limits[0])
            if narrowed is not None:
                own[str(each.within.collection)], common = each, narrowed
        found.append(Shared(tileset=tileset, own=own, tile=(common.matrix, common.max_row, common.min_col)))
    return found[:2] + found[2:][-1:]


@SELECTION
def test_collections_are_chosen_by_id_and_by_url(service: Service, shared: list[Shared], at: Places) -> None:
    """`/req/collections-selection/query-collections`: ids and full URLs, in a list."""
    for each in shared:
        with at(each.tileset.url, each.ids):
            first = service.address(f"/collections/{each.ids[0]}")
            by_id, by_url = service.answer(each.url(*each.ids)), service.answer(each.url(first, *each.ids[1:]))
            assert (by_id.status_code, by_url.status_code) == (200, 200)
            assert by_id.content == by_url.content


@SELECTION
def test_the_first_collection_is_drawn_at_the_bottom(service: Service, shared: list[Shared], at: Places) -> None:
    """`/req/collections-selection/collections-response`: where the top one is opaque one sees it alone."""
    for each in shared:
        one, other = each.ids[0], each.ids[-1]
        for bottom, top in [(one, other), (other, one)] if one != other else []:
            with at(each.tileset.url, bottom, "under", top):
                both, under, over = (
                    pixels(service.answer(each.url(*chosen))) for chosen in ((bottom, top), (bottom,), (top,))
                )
                opaque, absent = over[..., 3] == 255, over[..., 3] == 0
                assert (both[opaque] == over[opaque]).all()
                assert (both[absent] == under[absent]).all()
    if not at.seen:
        pytest.skip("no tileset of the dataset has two collections")


@SELECTION
def test_only_the_chosen_collections_are_drawn(service: Service, shared: list[Shared], at: Places) -> None:
    """`/req/collections-selection/collections-response`: one alone is that collection's own map."""
    for each in shared:
        for name, own in each.own.items():
            with at(each.tileset.url, name):
                drawn = pixels(service.answer(each.url(name)))
                assert (drawn == pixels(service.answer(png_url(own, each.tile)))).all()


@SELECTION
def test_a_tileset_of_chosen_collections_is_about_them(service: Service, shared: list[Shared], at: Places) -> None:
    """`/req/collections-selection/query-collections` on the tileset: its limits do not grow, its tiles are theirs."""
    for each in shared:
        name = each.ids[0]
        url = with_query(each.tileset.url, collections=name)
        with at(url):
            chosen = service.document(url)
            whole = {limits.matrix: limits for limits in each.tileset.limits}
            for entry in map(Limits.read, chosen["tileMatrixSetLimits"]):
                assert whole[entry.matrix].narrowed_by(entry) == entry
            media = (each.tileset.template("image/png") or each.tileset.templates[0]).media
            template = next(link for link in links(chosen, "item") if link.media == media)
            assert service.answer(tile_url(template, *each.tile)).content == service.answer(each.url(name)).content


@SELECTION
@pytest.mark.parametrize("wrong", [["no-such-collection"], ["{id}", "no-such-collection"], ["{id}", "", "{id}"]])
def test_collections_that_are_not_there_cannot_be_chosen(
    service: Service, shared: list[Shared], at: Places, wrong: list[str]
) -> None:
    """`/req/collections-selection/query-collections`; Common 1 `/req/core/query-param-list-empty`: empty is a name."""
    for each in shared:
        url = each.url(*(name.format(id=each.ids[0]) for name in wrong))
        with at(url):
            assert service.get(url).status_code in NO_SUCH_TILE
