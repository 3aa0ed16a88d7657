"""WMTS 1.0.0 (OGC 07-057r7), which has no conformance classes: what OGC's test suite asks, where the server has one."""

import pytest

from conformance.client import Service
from conformance.images import size_of
from conformance.places import Places
from conformance.schemas import Validate
from conformance.wmts import HREF, XML, Tile, Wmts, elements, exception, parsed, texts

CAPABILITIES = {"service": "WMTS", "request": "GetCapabilities"}
MISSING, INVALID = "MissingParameterValue", "InvalidParameterValue"
SECTIONS = ["ServiceIdentification", "ServiceProvider", "OperationsMetadata", "Contents", "Themes"]


@pytest.fixture(scope="module")
def wmts(service: Service) -> Wmts:
    found = Wmts.discover(service)
    if found is None:
        pytest.skip("the landing page has no link of the relation `wmts`")
    return found


@pytest.fixture(scope="module")
def tile(wmts: Wmts) -> Tile:
    """The middle tile of a layer."""
    tiles = list(wmts.tiles(wmts.layers[len(wmts.layers) // 2]))
    return tiles[len(tiles) // 2]


def test_capabilities_meet_their_schema(wmts: Wmts, validate: Validate) -> None:
    answer = wmts.service.answer(wmts.address)
    assert "wmtsGetCapabilities_response.xsd" in answer.text
    validate(answer.content, "wmts")


def test_requests_by_names_and_values_have_a_place(wmts: Wmts) -> None:
    """Every address of every operation, and one encoding of capabilities: the suite fails others."""
    for way in elements(wmts.root, "o:OperationsMetadata/o:Operation//o:Get"):
        assert way.get(HREF).endswith(("?", "&"))
    assert texts(wmts.root, "//o:Operation[@name='GetCapabilities']//o:Constraint[@name='GetEncoding']//o:Value") == [
        "KVP"
    ]
    assert wmts.place("GetTile")
    assert parsed(wmts.ask(CAPABILITIES, "GetCapabilities")).get("version") == "1.0.0"


def test_case_and_order_of_names_change_nothing(wmts: Wmts, tile: Tile) -> None:
    for query in (CAPABILITIES, tile.query()):
        first = wmts.ask(query)
        assert first.status_code == 200
        for changed in (str.upper, str.title, str.swapcase):
            turned = {changed(name): query[name] for name in reversed(query)}
            assert wmts.ask(turned).content == first.content


@pytest.mark.parametrize(
    ("query", "code", "locator"),
    [
        ("request~GetCapabilities!service~!'WMTS'version~'1.0.0", MISSING, ("service", "request")),
        ("request=GetCapabilities", MISSING, ("service",)),
        ("service=BOGUS&request=GetCapabilities", INVALID, ("service",)),
        ("service=WMTS", MISSING, ("request",)),
        ("service=WMTS&request=GetBOGUS", INVALID, ("request",)),
        ("service=WMTS&request=GetCapabilities&acceptversions=9999.99.99", "VersionNegotiationFailed", (None,)),
        ("service=WMTS&request=GetCapabilities&sections=Bogus", INVALID, ("sections",)),
        ("service=WMTS&request=GetCapabilities&sections=", MISSING, ("sections",)),
    ],
)
def test_bad_requests_are_answered_with_reports(
    wmts: Wmts, validate: Validate, query: str, code: str, locator: tuple[str | None, ...]
) -> None:
    answer = wmts.service.get(wmts.place("GetCapabilities") + query)
    status, found, where = exception(answer)
    assert (status, found) == (400, code)
    assert where in locator
    validate(answer.content, "wmts")


@pytest.mark.parametrize("names", [*([name] for name in SECTIONS), SECTIONS[1:3]])
def test_sections_that_are_asked_for_come_alone(wmts: Wmts, names: list[str]) -> None:
    root = parsed(wmts.ask({**CAPABILITIES, "sections": ",".join(names)}, "GetCapabilities"))
    found = {child.tag.rpartition("}")[2] for child in root}
    assert found == set(names)


def test_the_update_sequence_tells_whether_there_is_anything_new(wmts: Wmts) -> None:
    sequence = wmts.root.get("updateSequence")
    if sequence is None:
        pytest.skip("the capabilities have no updateSequence")
    same = parsed(wmts.ask({**CAPABILITIES, "updatesequence": sequence}, "GetCapabilities"))
    assert not len(same)
    later = wmts.ask({**CAPABILITIES, "updatesequence": str(int(sequence) + 1)}, "GetCapabilities")
    assert exception(later)[:2] == (400, "InvalidUpdateSequence")


def test_each_accepted_format_that_is_offered_is_given(wmts: Wmts) -> None:
    for media in texts(wmts.root, "//o:Parameter[@name='AcceptFormats']//o:Value"):
        answer = wmts.ask({**CAPABILITIES, "acceptformats": media}, "GetCapabilities")
        assert media in XML
        assert answer.headers["content-type"].startswith(media)


def test_names_are_unique_and_lead_somewhere(wmts: Wmts) -> None:
    root = wmts.root
    layers, sets = texts(root, "//w:Layer/o:Identifier"), texts(root, "w:Contents/w:TileMatrixSet/o:Identifier")
    for names in (layers, sets):
        assert len(set(names)) == len(names)
    assert set(texts(root, "//w:LayerRef")) <= set(layers)
    assert set(texts(root, "//w:TileMatrixSetLink/w:TileMatrixSet")) <= set(sets)
    for one in elements(root, "w:Contents/w:TileMatrixSet"):
        for path in ("w:TileMatrix/o:Identifier", "w:TileMatrix/w:ScaleDenominator"):
            assert len(set(texts(one, path))) == len(texts(one, path))


def test_legends_have_the_size_that_is_promised(wmts: Wmts, at: Places) -> None:
    for legend in elements(wmts.root, "//w:LegendURL"):
        with at(legend.get(HREF)):
            answer = wmts.service.answer(legend.get(HREF), "*/*")
            assert answer.headers["content-type"] == legend.get("format")
            assert size_of(answer) == (int(legend.get("width")), int(legend.get("height")))


def test_the_first_the_middle_and_the_last_tile_of_every_matrix_are_pictures(wmts: Wmts, at: Places) -> None:
    for layer in wmts.layers:
        for tile in wmts.tiles(layer):
            with at(tile):
                answer = wmts.ask(tile.query())
                assert (answer.status_code, answer.headers["content-type"]) == (200, tile.format)
                assert size_of(answer) == tile.size


def test_every_format_of_the_document_is_had_of_every_layer(wmts: Wmts, at: Places) -> None:
    formats = sorted(set(texts(wmts.root, "//w:Layer/w:Format")))
    for layer in wmts.layers:
        tile = next(wmts.tiles(layer))
        for media in formats:
            with at(tile, media):
                answer = wmts.ask(tile.query(format=media))
                assert (answer.status_code, answer.headers["content-type"]) == (200, media)


@pytest.mark.parametrize("name", ["layer", "style", "format", "tilematrixset", "tilematrix", "tilerow", "tilecol"])
def test_every_parameter_of_a_tile_is_needed_and_known(wmts: Wmts, tile: Tile, name: str) -> None:
    query = tile.query()
    del query[name]
    assert exception(wmts.ask(query)) == (400, MISSING, name)
    assert exception(wmts.ask(tile.query(**{name: "BOGUS"}))) == (400, INVALID, name)


@pytest.mark.parametrize("name", ["tilerow", "tilecol"])
def test_a_tile_out_of_range_is_refused(wmts: Wmts, tile: Tile, name: str) -> None:
    assert exception(wmts.ask(tile.query(**{name: "2147483647"}))) == (400, "TileOutOfRange", name)


def test_the_values_at_a_cell_are_told_in_every_format(wmts: Wmts, tile: Tile, at: Places) -> None:
    asked = {"request": "GetFeatureInfo", "i": "0", "j": "0"}
    for media in sorted(set(texts(wmts.root, "//w:InfoFormat"))):
        with at(media):
            answer = wmts.ask(tile.query(**asked, infoformat=media), "GetFeatureInfo")
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith(media)
            outside = wmts.ask(tile.query(**asked, infoformat=media) | {"i": "9999"}, "GetFeatureInfo")
            assert exception(outside) == (400, "PointIJOutOfRange", "i")


def test_resources_are_had_by_their_templates(wmts: Wmts, at: Places) -> None:
    for layer in wmts.layers:
        tile = next(wmts.tiles(layer))
        values = {"Style": tile.style, "TileMatrixSet": tile.matrix_set, "TileMatrix": tile.matrix}
        values |= {"TileRow": str(tile.row), "TileCol": str(tile.col), "I": "0", "J": "0"}
        for resource in elements(layer, "w:ResourceURL"):
            address = resource.get("template")
            for name, value in values.items():
                address = address.replace(f"{{{name}}}", value)
            with at(address):
                answer = wmts.service.answer(address, "*/*")
                assert answer.status_code == 200
                assert answer.headers["content-type"].startswith(resource.get("format"))
                if resource.get("resourceType") == "tile":
                    assert answer.content == wmts.ask(tile.query(format=resource.get("format"))).content


def test_the_capabilities_as_a_resource(wmts: Wmts, at: Places) -> None:
    for place in elements(wmts.root, "w:ServiceMetadataURL"):
        address = place.get(HREF)
        with at(address):
            assert wmts.service.get(address).content == wmts.ask(CAPABILITIES, "GetCapabilities").content
            assert wmts.service.get(address, "example/unknown").status_code == 406
            assert wmts.service.get(address.rpartition("/")[0] + "/Bogus").status_code == 404
