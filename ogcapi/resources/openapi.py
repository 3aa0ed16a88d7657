"""The OpenAPI 3.0 document: made of the operations themselves, so that it cannot say what they do not do."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ogcapi.model.link import Document, Urls
from ogcapi.model.media import HTML, PROBLEM, SVG, TEXT, TEXT_XML, XML, MediaType
from ogcapi.model.operation import Operation
from ogcapi.model.operations import LANDING_PAGE, OPERATIONS
from ogcapi.model.service import Service
from ogcapi.resources.components import SCHEMAS

_PATH: dict[str, tuple[str, Document]] = {  # description and schema of each path parameter
    "collectionId": ("Id of a collection.", {"type": "string"}),
    "styleId": ("Id of a style of the collection.", {"type": "string"}),
    "tileMatrixSetId": ("Id of a tile matrix set, as in the list of tile sets.", {"type": "string"}),
    "tileMatrix": ("Id of a tile matrix of the set, as in its limits.", {"type": "string"}),
    "tileRow": ("Row of the tile, from the corner of origin.", {"type": "integer", "minimum": 0}),
    "j": ("Row of a cell of the tile, from the top.", {"type": "integer", "minimum": 0}),
    "i": ("Column of a cell of the tile, from the left.", {"type": "integer", "minimum": 0}),
    "tileCol": ("Column of the tile, from the corner of origin.", {"type": "integer", "minimum": 0}),
}
_PROBLEMS = {  # status: (when, which operations: metadata, data or both)
    "400": ("A parameter is unknown, given twice or cannot be understood.", "both"),
    "404": ("There is nothing at this address.", "both"),
    "405": ("The method is not GET, HEAD or OPTIONS.", "both"),
    "406": ("None of the accepted media types can be given.", "both"),
    "413": ("More cells than one answer may have.", "data"),
    "500": ("The server failed.", "both"),
    "502": ("The only source of the answer could not be read.", "data"),
    "503": ("The collection cannot be served for the moment.", "both"),
}


def openapi(service: Service, collection_ids: Sequence[str], url: Urls) -> Document:
    """The whole API (Common 1 `/req/oas30/…`), with local references only."""
    info: Document = {"title": service.title, "description": service.description, "version": service.version}
    if service.contact:
        contact = {"name": service.contact.name, "email": service.contact.email, "url": service.contact.url}
        info["contact"] = {name: value for name, value in contact.items() if value}
    if service.license:
        info["license"] = {"name": service.license.name} | ({"url": service.license.url} if service.license.url else {})
    if service.terms_of_service:
        info["termsOfService"] = service.terms_of_service
    return {
        "openapi": "3.0.3",
        "info": info,
        "servers": [{"url": url(LANDING_PAGE).rstrip("/")}],
        "tags": [{"name": tag} for tag in dict.fromkeys(operation.tag for operation in OPERATIONS)],
        "paths": {operation.path: {"get": _operation(operation)} for operation in OPERATIONS},
        "components": {
            "parameters": _parameters(collection_ids),
            "responses": {status: _problem(when) for status, (when, _) in _PROBLEMS.items()},
            "schemas": SCHEMAS,
        },
    }


def _operation(operation: Operation) -> Document:
    named = re.findall(r"{(\w+)}", operation.path)
    data = operation.schema is None and (HTML not in operation.answers or "tileRow" in named)
    problems = {
        status: {"$ref": f"#/components/responses/{status}"}
        for status, (_, where) in _PROBLEMS.items()
        if (data or where == "both") and (named or status not in {"404", "503"})
    }
    parameters = [f"path.{name}" for name in named] + [f"query.{p.name}" for p in operation.query]
    parameters += ["query.others"] if operation.is_lenient else []
    return {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": [*({"$ref": f"#/components/parameters/{name}"} for name in parameters), _format(operation)],
        "responses": {
            "200": {
                "description": operation.summary,
                "content": {media.name: {"schema": _content(operation, media)} for media in operation.answers},
            },
            "304": {"description": "What the client has is still current (`If-None-Match`)."},
            **problems,
        },
    }


def _content(operation: Operation, media: MediaType) -> Document:
    if media in {HTML, SVG, TEXT, TEXT_XML, XML}:
        return {"type": "string"}
    if operation.schema:
        return {"$ref": f"#/components/schemas/{operation.schema}"}
    return {"type": "string", "format": "binary"} if "json" not in media.name else {"type": "object"}


def _format(operation: Operation) -> Document:
    """`f`, with every spelling that it takes: short names and full media types."""
    return {
        "name": "f",
        "in": "query",
        "description": "The format of the answer, before any `Accept` header.",
        "schema": {
            "type": "string",
            "enum": list(dict.fromkeys(n for media in operation.answers for n in media.names)),
        },
    }


_OTHERS = {  # the way to say so (Common 1, note at `/req/core/query-param-name-unknown`)
    "name": "others",
    "in": "query",
    "description": "Parameters of any other name are passed over.",
    "schema": {"type": "object", "additionalProperties": {"type": "string"}},
    "style": "form",
    "explode": True,
}


def _parameters(collection_ids: Sequence[str]) -> Document:
    found: Document = {"query.others": _OTHERS}
    for name, (description, schema) in _PATH.items():
        known = {"enum": list(collection_ids)} if name == "collectionId" and collection_ids else {}
        found[f"path.{name}"] = {
            "name": name,
            "in": "path",
            "required": True,
            "description": description,
            "schema": {**schema, **known},
        }
    for parameter in dict.fromkeys(p.name for operation in OPERATIONS for p in operation.query):
        declared = next(p for operation in OPERATIONS for p in operation.query if p.name == parameter)
        found[f"query.{declared.name}"] = {
            "name": declared.name,
            "in": "query",
            "description": declared.description,
            "schema": declared.schema,
            "style": "form",
            "explode": declared.explode,
        }
    return found


def _problem(when: str) -> Document:
    content = {media.name: {"schema": {"$ref": "#/components/schemas/problem"}} for media in (PROBLEM,)}
    return {"description": when, "content": {**content, HTML.name: {"schema": {"type": "string"}}}}
