"""Links between resources, with the relations of the standards (standards.md 1.1)."""

from __future__ import annotations

from typing import Any, Protocol

OGC_REL = "http://www.opengis.net/def/rel/ogc/1.0/"
OGC_REL_HTTPS = "https://www.opengis.net/def/rel/ogc/1.0/"

Link = dict[str, Any]
Document = dict[str, Any]


class Urls(Protocol):
    """Absolute addresses of operations, by name; made by `web/` from its routes."""

    def __call__(self, operation: str, f: str | None = None, **path: str) -> str:
        """The address of an operation; path parameters given as `{name}` stay templates."""
        ...


def link(rel: str, href: str, type: str | None = None, title: str | None = None, **others: Any) -> Link:
    """A link (RFC 8288) without empty members."""
    members = {"rel": rel, "href": href, "type": type, "title": title, **others}
    return {name: value for name, value in members.items() if value is not None}
