"""OGC API - Tiles - Part 1: tileset, tilesets list, tilesets of the dataset and of collections, their selection."""

import re
from dataclasses import dataclass

import pytest

from conformance.classes import conformance_class
from conformance.client import (
    HTML,
    JSON,
    Document,
    Service,
    distinct,
    essence,
    links,
    ogc,
    with_query,
    without_format,
)
from conformance.images import pixels
from conformance.matrices import crs_of, is_same_crs
from conformance.places import Places
from conformance.schemas import Validate
from conformance.tilesets import KINDS, NO_SUCH_TILE, Limits, Tileset, Tiling, tile_url

TILESET = conformance_class("tiles-1", "tileset")
LIST = conformance_class("tiles-1", "tilesets-list")
DATASET = conformance_class("tiles-1", "dataset-tilesets")
GEODATA = conformance_class("tiles-1", "geodata-tilesets")
SELECTION = conformance_class("tiles-1", "collections-selection")

TILESETS_RELS = ogc(*(f"tilesets-{kind}" for kind in KINDS))


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
