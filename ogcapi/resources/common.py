"""Landing page, collections, schemas (Common 1, 2 and 3)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from math import isfinite
from typing import Any

import numpy as np

from ogcapi.model.collection import Collection
from ogcapi.model.crs import CRS84, Crs
from ogcapi.model.grid import Grid, text_bbox
from ogcapi.model.link import OGC_REL, Document, Link, Urls, link, ogc_links, self_links
from ogcapi.model.media import GEOTIFF, HTML, JSON, OPENAPI, PNG, SCHEMA, XML
from ogcapi.model.operations import (
    API,
    COLLECTION,
    COLLECTION_LIST,
    CONFORMANCE,
    COVERAGE_OF,
    COVERAGE_TILES,
    DATASET_MAP_TILES,
    DOMAIN_SET,
    LANDING_PAGE,
    LEGEND,
    MAP,
    MAP_TILES,
    MATRIX_SET_LIST,
    RANGE_TYPE,
    SCHEMA_OF,
    STYLE_LIST,
    VRT,
)
from ogcapi.model.raster import Field, FieldStatistics
from ogcapi.model.service import Service
from ogcapi.model.wmts import COLLECTION_WMTS, DATASET_WMTS, why_not

_MAX_NAMED = 20  # failing assets that a collection names; it counts all


def landing_page(service: Service, url: Urls) -> Document:
    """The landing page (Common 1 `/req/landing-page/root-success`)."""
    links = [
        *self_links(url, LANDING_PAGE, service.title),
        link("service-desc", url(API, OPENAPI), OPENAPI, "This API as OpenAPI 3.0"),
        link("service-doc", url(API, HTML), HTML, "This API as a page to try"),
        link("conformance", url(CONFORMANCE, JSON), JSON, "Conformance classes"),
        *ogc_links("conformance", url(CONFORMANCE, JSON), JSON, "Conformance classes"),
        link("data", url(COLLECTION_LIST, JSON), JSON, "Collections"),
        *ogc_links("data", url(COLLECTION_LIST, JSON), JSON, "Collections"),
        link(OGC_REL + "tiling-schemes", url(MATRIX_SET_LIST, JSON), JSON, "Tile matrix sets"),
        *ogc_links("tilesets-map", url(DATASET_MAP_TILES[0], JSON), JSON, "Map tiles of all collections"),
        link("wmts", url(DATASET_WMTS.capabilities), XML, "WMTS of all collections"),
    ]
    if service.license and service.license.url:
        links.append(link("license", service.license.url, None, service.license.name))
    if service.terms_of_service:
        links.append(link("terms-of-service", service.terms_of_service, None, "Terms of service"))
    return {
        "title": service.title,
        "description": service.description,
        **_given(attribution=service.attribution, keywords=list(service.keywords)),
        "links": links,
    }


def collections(found: Sequence[Collection], service: Service, url: Urls) -> Document:
    """All collections, each as it describes itself (Common 2 `/req/collections/collections-list-success`)."""
    return {
        "links": self_links(url, COLLECTION_LIST, f"Collections of {service.title}"),
        "numberMatched": len(found),
        "numberReturned": len(found),
        "collections": [collection(one, url) for one in found],
    }


def collection(one: Collection, url: Urls) -> Document:
    """One collection (Common 2 `/req/collections/description-success`)."""
    path = {"collectionId": one.id}
    status = one.coverage.status
    return {
        "id": one.id,
        "title": one.title,
        **_given(
            description=one.description,
            keywords=list(one.keywords),
            attribution=one.attribution,
            license=one.license,
        ),
        "extent": extent(one),
        "crs": [crs.document for crs in systems_of(one)],
        "storageCrs": one.storage_crs.document,
        "dataType": "coverage",
        "x-body": one.body.name,
        "x-assets": {
            "count": status.assets,
            "failingCount": len(status.failures),
            "failing": sorted(status.failures)[:_MAX_NAMED],
        },
        "links": [*self_links(url, COLLECTION, one.title, **path), *_data_links(one, url)],
    }


def _data_links(one: Collection, url: Urls) -> Iterable[Link]:
    """What there is beneath a collection, as far as it has it."""
    path = {"collectionId": one.id}
    yield link(OGC_REL + "schema", url(SCHEMA_OF, SCHEMA, **path), SCHEMA, "Fields")
    yield from ogc_links("coverage", url(COVERAGE_OF, **path), GEOTIFF, "Values")
    yield from ogc_links("coverage-domainset", url(DOMAIN_SET, **path), JSON, "Grid of the values")
    yield from ogc_links("coverage-rangetype", url(RANGE_TYPE, **path), JSON, "Fields of the values")
    yield link("enclosure", url(VRT, **path), XML, "Values for GDAL, rasterio and QGIS")
    yield from ogc_links("map", url(MAP, **path), PNG, "Map in the default style")
    yield link(OGC_REL + "styles", url(STYLE_LIST, JSON, **path), JSON, "Styles")
    if one.tile_sets:
        yield from ogc_links("tilesets-map", url(MAP_TILES[0], JSON, **path), JSON, "Map tiles")
        yield from ogc_links("tilesets-coverage", url(COVERAGE_TILES[0], JSON, **path), JSON, "Coverage tiles")
    if any(why_not(each.matrix_set) is None for each in one.tile_sets):
        yield link("wmts", url(COLLECTION_WMTS.capabilities, **path), XML, "WMTS")
    legend = url(LEGEND, PNG, **path, styleId=one.styles[0].id)
    yield from ogc_links("legend", legend, PNG, "Legend of the default style")
    if one.license and one.license.startswith(("http://", "https://")):
        yield link("license", one.license, None, "Licence")
    for further in one.links:
        yield dict(further)


def systems_of(one: Collection) -> tuple[Crs, ...]:
    """The systems that `crs=` is known to take, the default of the body first on Earth, else the storage CRS."""
    own = (one.body.geographic, one.storage_crs)
    ordered = (*(own if one.body.geographic == CRS84 else own[::-1]), *(t.matrix_set.crs for t in one.tile_sets))
    return tuple(dict.fromkeys(ordered))


def extent(one: Collection) -> Document:
    """Spatial extent, with the grid of the data, and temporal extent (Common 2 `/req/uad-collections/…`)."""
    crs = one.body.geographic
    spatial: Document = {
        "bbox": [list(text_bbox(one.extent.span, crs))],
        "crs": crs.document,
        "storageCrsBbox": [list(text_bbox(one.coverage.footprint.span, one.storage_crs))],
        "grid": grid(one.coverage.grid),
    }
    if one.time is None:
        return {"spatial": spatial}
    ends = [_instant(end) if end else None for end in (one.time.start, one.time.end)]
    return {"spatial": spatial, "temporal": {"interval": [ends]}}


def _instant(moment: datetime) -> str:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat().replace("+00:00", "Z")


def grid(cells: Grid) -> list[Document]:
    """The grid of the data axis by axis in the order of its CRS (Common 2 `/req/uad-collections/grid-description`)."""
    x = {
        "cellsCount": cells.width,
        "resolution": cells.cell_width,
        "firstCoordinate": cells.bbox.xmin + cells.cell_width / 2,
        "relativeBounds": [-cells.cell_width / 2, cells.cell_width / 2],
    }
    y = {
        "cellsCount": cells.height,
        "resolution": -cells.cell_height,
        "firstCoordinate": cells.bbox.ymax - cells.cell_height / 2,
        "relativeBounds": [-cells.cell_height / 2, cells.cell_height / 2],
    }
    return [y, x] if cells.crs.is_yx else [x, y]


def schema(one: Collection, measured: Sequence[FieldStatistics], url: Urls) -> Document:
    """The fields as JSON Schema (Common 3 `/req/schemas/…`; Coverages `/req/core/coverage-fields-schema`).

    The least and the greatest value that were found in a sample are given as examples: they bind nobody.
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": url(SCHEMA_OF, collectionId=one.id),
        "title": one.title,
        "type": "object",
        "properties": {
            field.name: _field(field, found, number)
            for number, (field, found) in enumerate(zip(one.fields, measured, strict=True), start=1)
        },
        "additionalProperties": False,
    }


def _field(field: Field, found: FieldStatistics, number: int) -> Document:
    kind = np.dtype(field.dtype)
    bounds: Document = {}
    if field.is_integer:
        info = np.iinfo(kind)
        low, high = sorted(stored * field.scale + field.offset for stored in (int(info.min), int(info.max)))
        bounds = {"minimum": low, "maximum": high}
    is_class = field.is_integer and (field.scale, field.offset) == (1.0, 0.0)
    described: Document = {
        "title": field.title or field.name,
        "type": "integer" if is_class else "number",
        "format": field.dtype,
        **bounds,
        "x-ogc-propertySeq": number,
    }
    if (field.scale, field.offset) != (1.0, 0.0):
        described["description"] = f"Values leave as stored: physical = stored × {field.scale} + {field.offset}."
    if found.minimum is not None:
        described["examples"] = [found.minimum, found.maximum]
    if field.unit:
        described["x-ogc-unit"] = field.unit
    if field.nodata is not None and isfinite(field.nodata):
        described["x-ogc-nullValues"] = [field.nodata]
    if field.categories:
        described["oneOf"] = [{"const": value, "title": name} for value, name in sorted(field.categories.items())]
    return described


def _given(**members: Any) -> Document:
    """The members that are not empty."""
    return {name: value for name, value in members.items() if value}
