"""The API definition: OGC API - Common - Part 1, oas30; OGC API - Tiles - Part 1, oas30."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from conformance.classes import conformance_class
from conformance.client import HTML, JSON, OPENAPI, Service, essence, links, same_media, with_query
from conformance.openapi import Api, Walk, pointed
from conformance.pages import assert_is_html5, page
from conformance.places import Places
from conformance.schemas import Validate
from conformance.tilesets import Tiling, tile_url

CORE = conformance_class("common-1", "core")
OAS30 = conformance_class("common-1", "oas30")
TILES_OAS30 = conformance_class("tiles-1", "oas30")


# Common ---------------------------------------------------------------------------------------------------------------


@OAS30
def test_the_api_definition_is_linked_and_served_as_openapi_3_0(service: Service) -> None:
    """`/req/oas30/oas-definition-1`: the type to the letter, without a space."""
    found = links(service.landing, "service-desc")
    assert OPENAPI in [link.type for link in found]
    for link in found:
        if link.type == OPENAPI:
            answer = service.answer(link.href, OPENAPI)
            assert answer.status_code == 200
            assert same_media(answer.headers["content-type"], OPENAPI)


@OAS30
def test_the_api_definition_has_a_page(service: Service) -> None:
    """`/req/oas30/oas-definition-1`: a `text/html` version."""
    found = [link for link in links(service.landing, {"service-doc", "service-desc"}) if link.media == HTML]
    assert found
    assert_is_html5(page(service, found[0].href))


@OAS30
@pytest.mark.parametrize("spelling", ["json", JSON, OPENAPI])
def test_the_api_definition_is_had_by_f(service: Service, api: Api, spelling: str) -> None:
    """`/req/landing-page/api-definition-success`: OGC's suites ask for `f=json` and `f=application/json`."""
    answer = service.get(with_query(api.url, f=spelling), HTML)
    assert answer.status_code == 200
    assert answer.json()["paths"].keys() == api.document["paths"].keys()


@OAS30
def test_the_api_definition_is_valid(api: Api, validate: Validate) -> None:
    """`/req/oas30/oas-definition-2`."""
    assert re.fullmatch(r"3\.0\.\d+", api.document["openapi"])
    validate(api.document, "openapi-3.0")


def references(value: Any) -> Iterator[str]:
    """All `$ref`s in a document."""
    if isinstance(value, list):
        for member in value:
            yield from references(member)
    elif isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for member in value.values():
            yield from references(member)


@OAS30
def test_the_api_definition_refers_to_nothing_outside_itself(api: Api, at: Places) -> None:
    """`/req/oas30/oas-definition-2`: readers need no other document, and every reference leads somewhere."""
    with at(api.url):
        assert "$ref" not in api.document
    for reference in sorted(set(references(api.document))):
        with at(reference):
            pointed(api.document, reference)


@OAS30
def test_operations_have_ids_of_their_own(api: Api) -> None:
    """OpenAPI 3.0.3, 4.7.10: `operationId` is unique."""
    ids = [operation.id for operation in api.operations.values()]
    assert all(ids)
    assert sorted(set(ids)) == sorted(ids)


@OAS30
def test_path_variables_are_declared(api: Api, at: Places) -> None:
    """`/req/oas30/oas-definition-2`: each variable of a path is a required parameter, and the other way round."""
    for operation in api.operations.values():
        with at(operation):
            declared = operation.named("path")
            assert sorted(declared) == sorted(re.findall(r"{([^}]+)}", operation.path))
            assert all(parameter["required"] for parameter in declared.values())


@OAS30
def test_parameters_say_what_they_are(api: Api, at: Places) -> None:
    """`/req/oas30/completeness`: each has a description and a schema."""
    for operation in api.operations.values():
        for parameter in operation.parameters:
            with at(operation, parameter["name"]):
                assert parameter["description"]
                assert "schema" in parameter or "content" in parameter
                assert parameter["in"] in ("path", "query", "header", "cookie")


@OAS30
def test_operations_list_their_answers(api: Api, at: Places) -> None:
    """`/req/oas30/completeness`: what success is, and what else may happen."""
    for operation in api.operations.values():
        with at(operation):
            answers = {status: api.resolve(answer) for status, answer in operation.document["responses"].items()}
            assert any(status.startswith("2") for status in answers)
            assert any(status.startswith("4") or status == "default" for status in answers)
            assert all(answer["description"] for answer in answers.values())


@OAS30
def test_whatever_is_linked_is_described(walk: Walk) -> None:
    """`/req/oas30/oas-impl`: no link leads to an address that the definition does not know."""
    assert walk.visited
    assert walk.undescribed == []


@OAS30
def test_linked_resources_answer_as_described(service: Service, api: Api, walk: Walk, at: Places) -> None:
    """`/req/oas30/oas-impl`: status and media type are among those that the operation lists."""
    for url in walk.examples:
        with at(url):
            operation = api.operation(url)
            assert operation is not None
            answer = service.answer(url)
            described = api.resolve(operation.document["responses"][str(answer.status_code)])
            if "content" in described:
                served = answer.headers["content-type"]
                assert any(same_media(served, media) or media == "*/*" for media in described["content"]), served


@OAS30
def test_paths_without_variables_are_there(service: Service, api: Api, at: Places) -> None:
    """`/req/oas30/oas-impl`: everything described works."""
    root = service.root.removesuffix(api.prefix) + api.prefix
    for (method, path), operation in api.operations.items():
        needs = [each for each in operation.parameters if each.get("required")]
        if method == "get" and not needs:
            with at(operation):
                assert service.answer(root + path).status_code in (200, 204)


@OAS30
def test_several_media_types_are_chosen_by_a_declared_parameter(api: Api, walk: Walk, at: Places) -> None:
    """`/req/oas30/completeness`: whoever may choose the format with `f` reads so in the definition."""
    for url in walk.examples:
        operation = api.operation(url)
        with at(url):
            assert operation is not None
            described = api.resolve(operation.document["responses"]["200"])
            if len(described.get("content", {})) > 1:
                assert "f" in operation.named("query")


@CORE
def test_no_operation_takes_a_parameter_that_it_does_not_declare(
    service: Service, api: Api, walk: Walk, at: Places
) -> None:
    """`/req/core/query-param-name-unknown`; `/req/oas30/completeness`: and the definition says that it may refuse.

    Where it declares free-form parameters, an object whose members are parameters, it takes any name.
    """
    for url in walk.examples:
        operation = api.operation(url)
        if operation is not None and operation.is_free_form:
            continue
        with at(url):
            assert operation is not None
            assert service.get(with_query(url, unknownQueryParameter="1")).status_code == 400
            assert {"400", "4XX", "default"} & operation.document["responses"].keys()


@CORE
def test_no_operation_takes_a_format_that_it_does_not_have(service: Service, api: Api, walk: Walk, at: Places) -> None:
    """`/req/core/query-param-value-invalid`."""
    for url in walk.examples:
        operation = api.operation(url)
        if operation is not None and "f" in operation.named("query"):
            with at(url):
                assert service.get(with_query(url, f="no-such-format")).status_code == 400


@CORE
def test_numbers_are_read_strictly(service: Service, api: Api, walk: Walk, at: Places) -> None:
    """`/req/core/query-param-value-integer`, `/req/core/query-param-value-invalid`: of each declared integer."""
    for url in walk.examples:
        operation = api.operation(url)
        for name, parameter in operation.named("query").items() if operation is not None else ():
            if api.resolve(parameter.get("schema", {})).get("type") == "integer":
                for value in ("1.5", "one", "", "-1", "9" * 400):
                    changed = with_query(url, **{name: value})
                    with at(changed[:200]):
                        assert service.get(changed).status_code in (400, 413)


# Tiles ----------------------------------------------------------------------------------------------------------------


def addresses(tiling: Tiling) -> Iterator[tuple[str, str]]:
    """The address of each list, tileset and a tile of it, with the end that its operation's id must have."""
    for tileset in tiling.tilesets:
        origin = "dataset" if tileset.within.collection is None else "collection"
        style = ".style" if tileset.within.styled else ""
        end = f".{origin}{style}.{tileset.kind}."
        yield tileset.within.url, end + "getTileSetsList"
        yield tileset.url, end + "getTileSet"
        yield tile_url(tileset.templates[0], *tileset.samples()[0]), end + "getTile"


@TILES_OAS30
def test_tilesets_and_tiles_are_described(api: Api, tiling: Tiling, at: Places) -> None:
    """`/req/oas30/completeness` A, B: all lists, tilesets and tiles that links lead to."""
    for url, _ in addresses(tiling):
        with at(url):
            assert api.operation(url) is not None


@TILES_OAS30
def test_operation_ids_say_what_kind_of_tiles_they_serve(api: Api, tiling: Tiling, at: Places) -> None:
    """`/req/oas30/operation-id`: the suffixes of table "OpenAPI operation ID suffixes"."""
    for url, end in dict(addresses(tiling)).items():
        with at(url):
            operation = api.operation(url)
            assert operation is not None
            assert operation.id.endswith(end)
            assert operation.id != end.removeprefix(".")


@TILES_OAS30
def test_tile_operations_declare_matrix_row_and_column(api: Api, tiling: Tiling, at: Places) -> None:
    """`/req/core/tc-tilematrix-definition`, `tc-tilerow-definition`, `tc-tilecol-definition`."""
    for url, end in dict(addresses(tiling)).items():
        if end.endswith("getTile"):
            with at(url):
                operation = api.operation(url)
                assert operation is not None
                parameters = operation.named("path")
                assert api.resolve(parameters["tileMatrix"]["schema"])["type"] == "string"
                for name in ("tileRow", "tileCol"):
                    schema = api.resolve(parameters[name]["schema"])
                    assert schema["type"] == "integer"
                    assert schema["minimum"] == 0


@TILES_OAS30
def test_tile_operations_list_the_media_types_of_their_templates(api: Api, tiling: Tiling, at: Places) -> None:
    """`/req/oas30/completeness` B: definition and links agree."""
    for tileset in tiling.representatives():
        with at(tileset.url):
            operation = api.operation(tile_url(tileset.templates[0], *tileset.samples()[0]))
            assert operation is not None
            described = {essence(media) for media in api.resolve(operation.document["responses"]["200"])["content"]}
            assert {template.media for template in tileset.templates} <= described
            assert {"404", "400", "4XX", "default"} & operation.document["responses"].keys()


@TILES_OAS30
def test_the_selection_of_collections_is_declared(service: Service, api: Api, tiling: Tiling, at: Places) -> None:
    """`/req/oas30/completeness` C: `collections` on the tilesets and tiles of the dataset, where it is taken."""
    for tileset in tiling.of("map", dataset=True):
        for url in (tileset.url, tile_url(tileset.templates[0], *tileset.samples()[0])):
            with at(url):
                operation = api.operation(url)
                assert operation is not None
                taken = service.answer(with_query(url, collections="no-such-collection")).status_code != 200
                assert not taken or "collections" in operation.named("query")
