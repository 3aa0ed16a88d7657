"""Links between resources, with the relations of the standards."""

from __future__ import annotations

from typing import Any, Protocol

from ogcapi.model.media import MediaType
from ogcapi.model.operation import Operation

OGC_REL = "http://www.opengis.net/def/rel/ogc/1.0/"
OGC_REL_HTTPS = "https://www.opengis.net/def/rel/ogc/1.0/"

Link = dict[str, Any]
Document = dict[str, Any]


class Urls(Protocol):
    """Absolute addresses of operations; made by `web/` for the address that a client used."""

    def __call__(self, operation: Operation, f: MediaType | None = None, query: str = "", /, **path: str) -> str:
        """The address of an operation in a format; path parameters that are not given stay templates.

        `query` is a further, already encoded, part of the query.
        """
        ...


def link(rel: str, href: str, type: MediaType | None = None, title: str | None = None, **others: Any) -> Link:
    """A link (RFC 8288) without empty members."""
    members = {"rel": rel, "href": href, "type": type.name if type else None, "title": title, **others}
    return {name: value for name, value in members.items() if value is not None}


def self_links(url: Urls, operation: Operation, title: str, query: str = "", /, **path: str) -> list[Link]:
    """`self` for the document and `alternate` for each other form of it (Common 2 `/req/collections/…-links`)."""
    rels = ["self"] + ["alternate"] * (len(operation.answers) - 1)
    return [
        link(rel, url(operation, media, query, **path), media, f"{title} as {media.title}")
        for rel, media in zip(rels, operation.answers, strict=True)
    ]


def ogc_links(name: str, href: str, type: MediaType | None = None, title: str | None = None) -> list[Link]:
    """One link in both spellings of OGC's relations: standards and test suites compare either."""
    return [link(base + name, href, type, title) for base in (OGC_REL, OGC_REL_HTTPS)]
