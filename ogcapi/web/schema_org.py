"""schema.org annotations of pages (Common 1 `/rec/html/schema-org`), as JSON-LD."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ogcapi.model.link import Document
from ogcapi.web.page_links import links, page_address
from ogcapi.web.page_text import body_of

__all__ = ["catalog_annotation", "dataset_annotation", "page_annotation", "service_annotation"]

_CONTEXT = {"@context": "https://schema.org/"}


def page_annotation(title: str, here: str, service: Mapping[str, Any], path: Sequence[tuple[str, str]]) -> Document:
    """Any page: what it is called, and where it stands."""
    crumbs = [(service["title"], service["home"]), *path]
    return _CONTEXT | {
        "@type": "WebPage",
        "name": title,
        "url": here,
        "isPartOf": {"@type": "WebSite", "name": service["title"], "url": service["home"]},
        "breadcrumb": {
            "@type": "BreadcrumbList",
            "itemListElement": [
                {"@type": "ListItem", "position": position, "name": name, "item": href}
                for position, (name, href) in enumerate(crumbs, 1)
            ],
        },
    }


def catalog_annotation(service: Mapping[str, Any], collections: Sequence[Mapping[str, Any]]) -> Document:
    """The service as a catalogue of its collections."""
    return _CONTEXT | _without_nothing(
        {
            "@type": "DataCatalog",
            "name": service["title"],
            "description": service.get("description"),
            "url": service["home"],
            "license": service.get("license"),
            "dataset": [
                _without_nothing(
                    {
                        "@type": "Dataset",
                        "name": collection.get("title", collection["id"]),
                        "description": collection.get("description"),
                        "url": page_address(collection),
                        "license": collection.get("license"),
                    }
                )
                for collection in collections
            ],
        }
    )


def dataset_annotation(
    collection: Mapping[str, Any], here: str, service: Mapping[str, Any], schema: Mapping[str, Any] | None
) -> Document:
    """A collection as a dataset: where, when, what is measured, and how to get it."""
    extent = collection.get("extent", {})
    interval = extent.get("temporal", {}).get("interval", [None])[0]
    fields = (schema or {}).get("properties", {})
    return _CONTEXT | _without_nothing(
        {
            "@type": "Dataset",
            "name": collection.get("title", collection["id"]),
            "description": collection.get("description"),
            "url": here,
            "identifier": collection["id"],
            "keywords": collection.get("keywords"),
            "license": collection.get("license"),
            "creditText": collection.get("attribution"),
            "includedInDataCatalog": {"@type": "DataCatalog", "name": service["title"], "url": service["home"]},
            "spatialCoverage": _place(collection, extent.get("spatial", {})),
            "temporalCoverage": interval and "/".join(end or ".." for end in interval),
            "variableMeasured": [
                _without_nothing(
                    {
                        "@type": "PropertyValue",
                        "name": name,
                        "description": field.get("title"),
                        "unitText": field.get("x-ogc-unit"),
                    }
                )
                for name, field in fields.items()
            ],
            "distribution": [
                _without_nothing(
                    {
                        "@type": "DataDownload",
                        "name": link.get("title"),
                        "contentUrl": link["href"],
                        "encodingFormat": link.get("type"),
                    }
                )
                for rel in ("map", "coverage")
                for link in links(collection, rel)
            ],
        }
    )


def service_annotation(service: Mapping[str, Any], here: str) -> Document:
    """The API itself."""
    return _CONTEXT | {"@type": "WebAPI", "name": service["title"], "url": service["home"], "documentation": here}


def _place(collection: Mapping[str, Any], spatial: Mapping[str, Any]) -> Document:
    """On Earth with its box (south west north east); elsewhere by name, since schema.org's boxes are WGS 84."""
    body = body_of(collection)
    if body != "Earth" or not spatial.get("bbox"):
        return {"@type": "Place", "name": body}
    west, south, east, north = spatial["bbox"][0]
    return {"@type": "Place", "geo": {"@type": "GeoShape", "box": f"{south} {west} {north} {east}"}}


def _without_nothing(members: Mapping[str, Any]) -> Document:
    return {name: value for name, value in members.items() if value not in (None, [], "")}
