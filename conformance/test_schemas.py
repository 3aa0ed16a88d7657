"""OGC API - Common - Part 3: schemas, returnables and receivables."""

import pytest
from jsonschema import Draft202012Validator

from conformance.classes import conformance_class
from conformance.client import Document, Service, distinct, essence, links, ogc, same_media, without_format
from conformance.places import Places
from conformance.schemas import Validate

SCHEMAS = conformance_class("common-3", "schemas")
RETURNABLES = conformance_class("common-3", "returnables-and-receivables")

SCHEMA_MEDIA = "application/schema+json"
DIALECT = "https://json-schema.org/draft/2020-12/schema"


@pytest.fixture(scope="session")
def logical_schemas(service: Service, collections: list[Document]) -> dict[str, Document]:
    """The schema of each collection that links to one, by its address."""
    found = [link for entry in collections for link in distinct(links(entry, ogc("schema")))]
    documents = {}
    for link in found:
        answer = service.answer(link.href, SCHEMA_MEDIA)
        assert answer.status_code == 200, f"GET {link.href} as {SCHEMA_MEDIA}: {answer.status_code}"
        documents[without_format(link.href)] = answer.json()
    return documents


@RETURNABLES
def test_every_collection_links_to_its_schema(service: Service, collections: list[Document], at: Places) -> None:
    """`/req/returnables-and-receivables/link`."""
    for entry in collections:
        with at(entry["id"]):
            found = links(entry, ogc("schema"))
            assert "http://www.opengis.net/def/rel/ogc/1.0/schema" in {link.rel for link in found}
            assert SCHEMA_MEDIA in {link.media for link in found}


@RETURNABLES
def test_a_schema_is_served_as_json_schema(service: Service, collections: list[Document], at: Places) -> None:
    """`/req/returnables-and-receivables/op`, `/req/returnables-and-receivables/response`."""
    for entry in collections:
        for link in distinct(links(entry, ogc("schema"))):
            with at(link.href):
                answer = service.answer(link.href, SCHEMA_MEDIA)
                assert answer.status_code == 200
                assert same_media(answer.headers["content-type"], SCHEMA_MEDIA)


@RETURNABLES
def test_json_is_enough_to_ask_for_a_schema(service: Service, collections: list[Document], at: Places) -> None:
    """`/req/returnables-and-receivables/op`: most clients accept `application/json` and mean any JSON."""
    for entry in collections:
        for link in distinct(links(entry, ogc("schema"))):
            with at(link.href):
                assert essence(service.answer(link.href).headers["content-type"]).endswith("json")
                assert service.document(link.href)["type"] == "object"


@SCHEMAS
def test_a_schema_is_valid_json_schema(logical_schemas: dict[str, Document], validate: Validate, at: Places) -> None:
    """`/req/schemas/json-schema` A."""
    for url, schema in logical_schemas.items():
        with at(url):
            assert schema["$schema"] == DIALECT
            Draft202012Validator.check_schema(schema)
            validate(schema, "schemas/schema")


@SCHEMAS
def test_a_schema_names_itself_and_describes_an_object(logical_schemas: dict[str, Document], at: Places) -> None:
    """`/req/schemas/json-schema` B: `$id` is its address without a query."""
    for url, schema in logical_schemas.items():
        with at(url):
            assert schema["$id"] == url
            assert schema["type"] == "object"
            assert schema["properties"]


@SCHEMAS
def test_every_property_has_a_type_or_is_a_geometry(logical_schemas: dict[str, Document], at: Places) -> None:
    """`/req/schemas/properties` A, B, C."""
    for url, schema in logical_schemas.items():
        for name, member in schema["properties"].items():
            with at(url, name):
                if str(member.get("format", "")).startswith("geometry-"):
                    assert not {"type", "$ref"} & member.keys()
                else:
                    assert "type" in member


@SCHEMAS
def test_additional_keywords_are_those_of_the_standard(logical_schemas: dict[str, Document], at: Places) -> None:
    """`/req/schemas/additional-keywords`, `/req/schemas/unit`, `/req/schemas/definition`."""
    for url, schema in logical_schemas.items():
        for name, member in schema["properties"].items():
            with at(url, name):
                extra = {keyword for keyword in member if keyword.startswith("x-")}
                assert all(keyword.startswith("x-ogc-") for keyword in extra)
                assert member.get("x-ogc-unitLang", "UCUM") in ("UCUM", "QUDT")
                assert str(member.get("x-ogc-definition", "http://")).partition(":")[0] in ("http", "https", "urn")


@SCHEMAS
def test_the_order_of_properties_is_unambiguous(logical_schemas: dict[str, Document], at: Places) -> None:
    """`/req/schemas/property-seq`, `/req/schemas/role-id`: no place in the sequence twice, at most one identifier."""
    for url, schema in logical_schemas.items():
        with at(url):
            members = schema["properties"].values()
            sequence = [member["x-ogc-propertySeq"] for member in members if "x-ogc-propertySeq" in member]
            assert sorted(set(sequence)) == sorted(sequence)
            assert sum(member.get("x-ogc-role") == "id" for member in members) <= 1
