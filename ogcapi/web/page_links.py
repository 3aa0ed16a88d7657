"""What templates ask of links and addresses. Pure functions of documents."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from markupsafe import Markup, escape

from ogcapi.model.link import OGC_REL, OGC_REL_HTTPS, Link

__all__ = [
    "breakable",
    "distinct_links",
    "first_link",
    "json_address",
    "links",
    "page_address",
    "relation",
    "with_query",
    "without_format",
]


def relation(rel: str) -> str:
    """The short name of a link relation, the same for both spellings of OGC's."""
    return rel.removeprefix(OGC_REL).removeprefix(OGC_REL_HTTPS)


def links(document: Mapping[str, Any] | None, rel: str, type: str | None = None) -> list[Link]:
    """The links of that relation (short name) and media type, each address once."""
    found: dict[str, Link] = {}
    for link in (document or {}).get("links", ()):
        if relation(link["rel"]) == rel and (type is None or link.get("type", "").startswith(type)):
            found.setdefault(link["href"], link)
    return list(found.values())


def first_link(document: Mapping[str, Any] | None, rel: str, type: str | None = None) -> Link | None:
    """The first of `links`, if there is one."""
    return next(iter(links(document, rel, type)), None)


def distinct_links(document: Mapping[str, Any]) -> list[Link]:
    """All links; those that differ only in how their relation is spelled once."""
    found: dict[tuple[str, str, str | None], Link] = {}
    for link in document.get("links", ()):
        found.setdefault((relation(link["rel"]), link["href"], link.get("type")), link)
    return list(found.values())


def with_query(href: str, **parameters: object) -> str:
    """The address with query parameters set; others stay."""
    parts = urlsplit(href)
    query = dict(parse_qsl(parts.query, keep_blank_values=True)) | {name: str(v) for name, v in parameters.items()}
    return urlunsplit(parts._replace(query=urlencode(query, safe="/,:;")))


def json_address(document: Mapping[str, Any], here: str) -> str:
    """Where this page's document is as JSON."""
    link = first_link(document, "self", "application/") or first_link(document, "alternate", "application/")
    return str(link["href"]) if link else with_query(here, f="json")


def page_address(document: Mapping[str, Any]) -> str:
    """The address of a linked document's page: its own, without the format."""
    candidates = (first_link(document, rel) for rel in ("self", "describedby"))
    link = first_link(document, "alternate", "text/html") or next(filter(None, candidates), None)
    return without_format(link["href"]) if link else ""


def without_format(href: str) -> str:
    """The address without `f`: a browser gets the page there, a program JSON."""
    parts = urlsplit(href)
    query = [(name, value) for name, value in parse_qsl(parts.query) if name != "f"]
    return urlunsplit(parts._replace(query=urlencode(query)))


def breakable(href: str) -> Markup:
    """The address as HTML that may break into lines where one would read a pause."""
    return Markup("<wbr>").join(escape(part) for part in re.split(r"(?<=[/&])(?!/)|(?=[?{])", href))
