"""JSON Schemas (OpenAPI 3.0) of the documents, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

_TEXT = {"type": "string"}
_NUMBER = {"type": "number"}
_INTEGER = {"type": "integer"}
_TEXTS = {"type": "array", "items": _TEXT}
_SYSTEM = {"oneOf": [_TEXT, {"type": "object"}], "description": "A URI, or PROJJSON where there is none."}
_BOXES = {"type": "array", "items": {"type": "array", "items": _NUMBER, "minItems": 4, "maxItems": 4}, "minItems": 1}
_POINT = {"type": "array", "items": _NUMBER, "minItems": 2, "maxItems": 2}


def _object(required: str, **properties: Any) -> dict[str, Any]:
    """An object with its required members, separated by spaces; it may have others."""
    return {"type": "object", "required": required.split(), "properties": properties}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _list(name: str) -> dict[str, Any]:
    return {"type": "array", "items": _ref(name)}


SCHEMAS: dict[str, Any] = {
    "link": _object("href rel", href=_TEXT, rel=_TEXT, type=_TEXT, title=_TEXT, templated={"type": "boolean"}),
    "problem": _object("type title status detail", type=_TEXT, title=_TEXT, status=_INTEGER, detail=_TEXT, code=_TEXT),
    "landingPage": _object("title links", title=_TEXT, description=_TEXT, attribution=_TEXT, links=_list("link")),
    "conformance": _object("conformsTo", conformsTo=_TEXTS, links=_list("link")),
    "extent": _object(
        "spatial",
        spatial=_object(
            "bbox",
            bbox=_BOXES,
            crs=_SYSTEM,
            storageCrsBbox=_BOXES,
            grid={
                "type": "array",
                "items": _object(
                    "cellsCount resolution firstCoordinate",
                    cellsCount=_INTEGER,
                    resolution=_NUMBER,
                    firstCoordinate=_NUMBER,
                    relativeBounds=_POINT,
                ),
            },
        ),
        temporal=_object(
            "interval",
            interval={
                "type": "array",
                "items": {"type": "array", "items": {"type": "string", "format": "date-time", "nullable": True}},
            },
        ),
    ),
    "collection": _object(
        "id links",
        id=_TEXT,
        title=_TEXT,
        description=_TEXT,
        keywords=_TEXTS,
        attribution=_TEXT,
        license=_TEXT,
        extent=_ref("extent"),
        crs={"type": "array", "items": _SYSTEM},
        storageCrs=_SYSTEM,
        dataType=_TEXT,
        links=_list("link"),
    ),
    "collections": _object(
        "links collections",
        links=_list("link"),
        collections=_list("collection"),
        numberMatched=_INTEGER,
        numberReturned=_INTEGER,
    ),
    "schema": _object(
        "type properties", type=_TEXT, title=_TEXT, properties={"type": "object", "additionalProperties": True}
    ),
    "tileMatrixSets": _object(
        "tileMatrixSets",
        links=_list("link"),
        tileMatrixSets={
            "type": "array",
            "items": _object("links", id=_TEXT, title=_TEXT, uri=_TEXT, crs=_SYSTEM, links=_list("link")),
        },
    ),
    "tileMatrixSet": _object(
        "crs tileMatrices",
        id=_TEXT,
        title=_TEXT,
        uri=_TEXT,
        crs=_SYSTEM,
        orderedAxes=_TEXTS,
        tileMatrices={
            "type": "array",
            "items": _object(
                "id scaleDenominator cellSize pointOfOrigin tileWidth tileHeight matrixWidth matrixHeight",
                id=_TEXT,
                scaleDenominator=_NUMBER,
                cellSize=_NUMBER,
                cornerOfOrigin={"type": "string", "enum": ["topLeft", "bottomLeft"]},
                pointOfOrigin=_POINT,
                tileWidth=_INTEGER,
                tileHeight=_INTEGER,
                matrixWidth=_INTEGER,
                matrixHeight=_INTEGER,
            ),
        },
        links=_list("link"),
    ),
    "tileSet": _object(
        "dataType crs links",
        title=_TEXT,
        dataType={"type": "string", "enum": ["map", "vector", "coverage"]},
        crs=_SYSTEM,
        tileMatrixSetId=_TEXT,
        tileMatrixSetURI=_TEXT,
        tileMatrixSetLimits={
            "type": "array",
            "items": _object(
                "tileMatrix minTileRow maxTileRow minTileCol maxTileCol",
                tileMatrix=_TEXT,
                minTileRow=_INTEGER,
                maxTileRow=_INTEGER,
                minTileCol=_INTEGER,
                maxTileCol=_INTEGER,
            ),
        },
        boundingBox=_object("lowerLeft upperRight", lowerLeft=_POINT, upperRight=_POINT, crs=_SYSTEM),
        attribution=_TEXT,
        license=_TEXT,
        links=_list("link"),
    ),
    "tileSets": _object("tilesets", links=_list("link"), tilesets=_list("tileSet")),
    "styles": _object(
        "styles",
        default=_TEXT,
        links=_list("link"),
        styles={"type": "array", "items": _object("id links", id=_TEXT, title=_TEXT, links=_list("link"))},
    ),
    "style": _object(
        "id links",
        id=_TEXT,
        title=_TEXT,
        description=_TEXT,
        fields=_TEXTS,
        ranges={"type": "array", "items": _POINT},
        gamma=_NUMBER,
        colormap={"type": "object"},
        links=_list("link"),
    ),
}
