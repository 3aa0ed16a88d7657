"""Every operation, declared once; those of WMTS in `wmts`."""

from __future__ import annotations

from typing import Any

from ogcapi.model.media import (
    GEOJSON,
    GEOTIFF,
    HTML,
    JPEG,
    JSON,
    MAPLIBRE,
    NPY,
    OPENAPI,
    PNG,
    QLR,
    SCHEMA,
    SVG,
    WEBP,
    XML,
    MediaType,
)
from ogcapi.model.operation import Operation, Parameter
from ogcapi.model.parameters import (
    BBOX,
    BBOX_CRS,
    COLLECTIONS,
    CRS,
    HEIGHT,
    PROPERTIES,
    SCALE_SIZE,
    SCALE_SIZE_GDAL,
    STYLE_ID,
    SUBSET,
    WIDTH,
)
from ogcapi.model.wmts import COLLECTION_WMTS, DATASET_WMTS

DOCUMENT = (JSON, HTML)
PICTURE = (PNG, JPEG, WEBP)
COVERAGE = (GEOTIFF, NPY)

LANDING_PAGE = Operation(
    name="getLandingPage", path="/", summary="What is here", tag="Capabilities", answers=DOCUMENT, schema="landingPage"
)
API = Operation(
    name="getApi", path="/api", summary="This API as OpenAPI 3.0", tag="Capabilities", answers=(OPENAPI, HTML)
)
CONFORMANCE = Operation(
    name="getConformance",
    path="/conformance",
    summary="Conformance classes that the server keeps",
    tag="Capabilities",
    answers=DOCUMENT,
    schema="conformance",
)
COLLECTION_LIST = Operation(
    name="getCollections",
    path="/collections",
    summary="All collections",
    tag="Collections",
    answers=DOCUMENT,
    schema="collections",
)
COLLECTION = Operation(
    name="getCollection",
    path="/collections/{collectionId}",
    summary="One collection",
    tag="Collections",
    answers=DOCUMENT,
    schema="collection",
)
SCHEMA_OF = Operation(
    name="getSchema",
    path="/collections/{collectionId}/schema",
    summary="The fields of a collection as JSON Schema",
    tag="Collections",
    answers=(SCHEMA, HTML),
    schema="schema",
)
MATRIX_SET_LIST = Operation(
    name="getTileMatrixSetsList",
    path="/tileMatrixSets",
    summary="All tile matrix sets",
    tag="Tile matrix sets",
    answers=DOCUMENT,
    schema="tileMatrixSets",
)
MATRIX_SET = Operation(
    name="getTileMatrixSet",
    path="/tileMatrixSets/{tileMatrixSetId}",
    summary="One tile matrix set",
    tag="Tile matrix sets",
    answers=DOCUMENT,
    schema="tileMatrixSet",
)
STYLE_LIST = Operation(
    name="getStyles",
    path="/collections/{collectionId}/styles",
    summary="The styles of a collection",
    tag="Styles",
    answers=DOCUMENT,
    schema="styles",
)
STYLE = Operation(
    name="getStyle",
    path="/collections/{collectionId}/styles/{styleId}",
    summary="One style",
    tag="Styles",
    answers=DOCUMENT,
    schema="style",
)
LEGEND = Operation(
    name="getLegend",
    path="/collections/{collectionId}/styles/{styleId}/legend",
    summary="The legend of a style",
    tag="Styles",
    answers=(PNG, SVG),
)


def _tiles(
    base: str,
    origin: str,
    what: str,
    answers: tuple[MediaType, ...],
    query: tuple[Parameter[Any], ...],
    tile_query: tuple[Parameter[Any], ...],
) -> tuple[Operation, Operation, Operation]:
    """Tile sets, tile set and tile beneath a resource (Tiles `/req/oas30/operation-id` for the names)."""
    tag = "Coverage tiles" if origin.endswith("coverage") else "Map tiles"
    one = f"{base}/tiles/{{tileMatrixSetId}}"
    return (
        Operation(
            name=f"tiles.{origin}.getTileSetsList",
            path=f"{base}/tiles",
            summary=f"The tile sets of {what}",
            tag=tag,
            answers=DOCUMENT,
            query=query,
            schema="tileSets",
        ),
        Operation(
            name=f"tiles.{origin}.getTileSet",
            path=one,
            summary=f"One tile set of {what}",
            tag=tag,
            answers=DOCUMENT,
            query=query,
            schema="tileSet",
        ),
        Operation(
            name=f"tiles.{origin}.getTile",
            path=one + "/{tileMatrix}/{tileRow}/{tileCol}",
            summary=f"One tile of {what}",
            tag=tag,
            answers=answers,
            query=(*query, *tile_query),
        ),
    )


DATASET_MAP_TILES = _tiles("/map", "dataset.map", "all collections as maps", PICTURE, (COLLECTIONS,), (WIDTH, HEIGHT))
MAP_TILES = _tiles(
    "/collections/{collectionId}/map", "collection.map", "a collection as a map", PICTURE, (), (WIDTH, HEIGHT)
)
STYLED_MAP_TILES = _tiles(
    "/collections/{collectionId}/styles/{styleId}/map",
    "collection.style.map",
    "a collection as a map in a style",
    PICTURE,
    (),
    (WIDTH, HEIGHT),
)
COVERAGE_TILES = _tiles(
    "/collections/{collectionId}/coverage",
    "collection.coverage",
    "a collection's values",
    COVERAGE,
    (),
    (PROPERTIES,),
)

_SUBSET = (BBOX, BBOX_CRS, CRS, WIDTH, HEIGHT)
COVERAGE_OF = Operation(
    name="coverages.collection.getCoverage",
    path="/collections/{collectionId}/coverage",
    summary="The values of a collection",
    tag="Coverages",
    answers=COVERAGE,
    query=(*_SUBSET, PROPERTIES, SUBSET, SCALE_SIZE, SCALE_SIZE_GDAL),
)
DOMAIN_SET = Operation(
    name="getCoverageDomainSet",
    path="/collections/{collectionId}/coverage/domainset",
    summary="Where the cells of a collection lie, for GDAL's OGCAPI driver",
    tag="Files for clients",
    answers=(JSON,),
)
RANGE_TYPE = Operation(
    name="getCoverageRangeType",
    path="/collections/{collectionId}/coverage/rangetype",
    summary="The fields of a collection, for GDAL's OGCAPI driver",
    tag="Files for clients",
    answers=(JSON,),
)
MAP = Operation(
    name="maps.collection.getMap",
    path="/collections/{collectionId}/map",
    summary="A collection as a map",
    tag="Maps",
    answers=PICTURE,
    query=_SUBSET,
)
STYLED_MAP = Operation(
    name="maps.collection.style.getMap",
    path="/collections/{collectionId}/styles/{styleId}/map",
    summary="A collection as a map in a style",
    tag="Maps",
    answers=PICTURE,
    query=_SUBSET,
)

_COVERAGE = "/collections/{collectionId}/coverage"
_COVERAGE_SET = _COVERAGE + "/tiles/{tileMatrixSetId}"


def _file(name: str, path: str, summary: str, media: MediaType, *query: Parameter[Any]) -> Operation:
    """A file for a client, under an address of its own."""
    return Operation(name=name, path=path, summary=summary, tag="Files for clients", answers=(media,), query=query)


VRT = _file(
    "getCoverageVrt",
    _COVERAGE + ".vrt",
    "The values of a collection in its own cells, as a virtual raster for GDAL, rasterio and QGIS",
    XML,
    PROPERTIES,
)
TILES_VRT = _file(
    "getCoverageTilesVrt",
    _COVERAGE_SET + "/coverage.vrt",
    "The values of a collection in the cells of a tile matrix set, as a virtual raster for GDAL, rasterio and QGIS",
    XML,
    PROPERTIES,
)
GDAL_WMS = _file(
    "getCoverageTilesGdalWms",
    _COVERAGE_SET + "/gdal-wms.xml",
    "Coverage tiles as a service description for GDAL's WMS driver",
    XML,
    PROPERTIES,
)
STACTA = _file(
    "getCoverageTilesStacta",
    _COVERAGE_SET + "/stacta.json",
    "Coverage tiles as a STAC item of tiled assets",
    GEOJSON,
    PROPERTIES,
)
VALUES_QLR = _file(
    "getCoverageTilesQlr",
    _COVERAGE_SET + "/values.qlr",
    "Values as a layer of QGIS, drawn by QGIS in a style of the collection",
    QLR,
    PROPERTIES,
    STYLE_ID,
)
GDAL_WMTS = _file(
    "getCoverageTilesGdalWmts",
    _COVERAGE_SET + "/gdal-wmts.xml",
    "Coverage tiles as a service description for GDAL's WMTS driver, which knows no value for no data",
    XML,
)
COVERAGE_FILES = (TILES_VRT, GDAL_WMS, GDAL_WMTS, STACTA, VALUES_QLR)


def _map_files(base: str, origin: str, what: str) -> tuple[Operation, Operation, Operation]:
    one = f"{base}/tiles/{{tileMatrixSetId}}"
    return (
        _file(f"get{origin}Qlr", f"{one}/wmts.qlr", f"Map tiles of {what} as a layer of QGIS", QLR),
        _file(f"get{origin}TileJson", f"{one}/tilejson.json", f"Map tiles of {what} as TileJSON 3.0", JSON),
        _file(f"get{origin}MapLibreStyle", f"{one}/style.json", f"Map tiles of {what} as a MapLibre style", MAPLIBRE),
    )


MAP_FILES = _map_files("/collections/{collectionId}/map", "Map", "a collection")
STYLED_MAP_FILES = _map_files(
    "/collections/{collectionId}/styles/{styleId}/map", "StyledMap", "a collection in a style"
)

OPERATIONS: tuple[Operation, ...] = (
    LANDING_PAGE,
    API,
    CONFORMANCE,
    COLLECTION_LIST,
    COLLECTION,
    SCHEMA_OF,
    MATRIX_SET_LIST,
    MATRIX_SET,
    STYLE_LIST,
    STYLE,
    LEGEND,
    MAP,
    STYLED_MAP,
    COVERAGE_OF,
    *DATASET_MAP_TILES,
    *MAP_TILES,
    *STYLED_MAP_TILES,
    *COVERAGE_TILES,
    DOMAIN_SET,
    RANGE_TYPE,
    VRT,
    *COVERAGE_FILES,
    *MAP_FILES,
    *STYLED_MAP_FILES,
    *DATASET_WMTS.resources,
    *COLLECTION_WMTS.resources,
)
