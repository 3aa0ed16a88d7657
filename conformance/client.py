"""A stranger's way through an OGC API: begin at the landing page and follow the links."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

Document = dict[str, Any]

TIMEOUT_S = 60.0

JSON = "application/json"
HTML = "text/html"
OPENAPI = "application/vnd.oai.openapi+json;version=3.0"
JDK_ACCEPT = "text/html, image/gif, image/jpeg, */*; q=0.2"  # what Java's HttpURLConnection sends when told nothing


def ogc(*names: str) -> frozenset[str]:
    """The spellings of OGC link relations: with http, with https, and as CURIE."""
    forms = ("http://www.opengis.net/def/rel/ogc/1.0/{}", "https://www.opengis.net/def/rel/ogc/1.0/{}", "[ogc-rel:{}]")
    return frozenset(form.format(name) for name in names for form in forms)


@dataclass(frozen=True, kw_only=True)
class Link:
    """One entry of `links`; what is left out is the empty string."""

    href: str
    rel: str
    type: str = ""
    templated: bool = False

    @property
    def media(self) -> str:
        """The media type without its parameters."""
        return essence(self.type)

    def expand(self, **variables: object) -> str:
        """The address with the variables of its template put in."""
        href = self.href
        for name, value in variables.items():
            href = href.replace(f"{{{name}}}", quote(str(value), safe=""))
        return href


def links(document: Document, rels: str | Iterable[str] | None = None) -> list[Link]:
    """The links of a document, or those with one of the relations; entries without `href` or `rel` are passed over."""
    wanted = {rels} if isinstance(rels, str) else None if rels is None else set(rels)
    return [
        Link(
            href=entry["href"],
            rel=entry["rel"],
            type=entry.get("type", ""),
            templated=entry.get("templated", False),
        )
        for entry in document.get("links", [])
        if {"href", "rel"} <= entry.keys() and (wanted is None or entry["rel"] in wanted)
    ]


def distinct(found: Iterable[Link]) -> list[Link]:
    """One link to each resource: the one to JSON where the resource is linked in several formats."""
    best: dict[str, Link] = {}
    for link in found:
        resource = without_format(link.href)
        if resource not in best or (link.media == JSON and best[resource].media != JSON):
            best[resource] = link
    return list(best.values())


def without_format(url: str) -> str:
    """The address of the resource itself, whatever its format."""
    return with_query(url, f=None)


def with_query(url: str, **query: str | None) -> str:
    """The address with these query parameters set, or taken away where the value is None."""
    changed = httpx.URL(url)
    for name, value in query.items():
        changed = changed.copy_remove_param(name) if value is None else changed.copy_set_param(name, value)
    return str(changed).removesuffix("?")


def essence(media: str) -> str:
    """A media type without parameters, in lower case."""
    return media.partition(";")[0].strip().lower()


def same_media(served: str, promised: str) -> bool:
    """Whether a Content-Type is what a link promised; parameters that the link does not name are allowed."""
    have, want = ([part.strip().lower() for part in media.split(";")] for media in (served, promised))
    return have[0] == want[0] and set(want[1:]) <= set(have[1:])


class Service:
    """The server under test."""

    def __init__(self, root: str) -> None:
        self.root = root.rstrip("/")
        self._client = httpx.Client(timeout=TIMEOUT_S, follow_redirects=True)
        self._answers: dict[tuple[str, str], httpx.Response] = {}

    def close(self) -> None:
        self._client.close()

    def address(self, path: str) -> str:
        """The address of a path that a standard fixes."""
        return f"{self.root}{path}"

    def request(self, method: str, url: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
        """The answer to a request, asked for anew; no request may make the server fail."""
        answer = self._client.request(method, url, headers=headers)
        assert answer.status_code < 500, f"{method} {url[:300]}: {answer.status_code} {answer.text[:300]}"
        return answer

    def get(self, url: str, accept: str = "*/*", headers: Mapping[str, str] | None = None) -> httpx.Response:
        """The answer to a GET, asked for anew."""
        return self.request("GET", url, {"Accept": accept, **(headers or {})})

    def answer(self, url: str, accept: str = "*/*") -> httpx.Response:
        """The answer to a GET, asked for once in a run."""
        key = (url, accept)
        if key not in self._answers:
            self._answers[key] = self.get(url, accept)
        return self._answers[key]

    def document(self, url: str) -> Document:
        """The JSON document at an address, asked for once in a run; anything else is an `AssertionError`."""
        answer = self.answer(url, JSON)
        assert answer.status_code == 200, f"GET {url} as {JSON}: {answer.status_code}, not 200"
        served = answer.headers.get("content-type", "")
        assert essence(served).endswith("json"), f"GET {url} as {JSON}: Content-Type is {served!r}"
        document = answer.json()
        assert isinstance(document, dict), f"GET {url}: not a JSON object"
        return document

    @property
    def landing(self) -> Document:
        """The landing page."""
        return self.document(self.address("/"))

    def linked(self, document: Document, rels: str | Iterable[str]) -> Document:
        """The JSON document that the first link with one of the relations leads to."""
        found = distinct(links(document, rels))
        assert found, f"no link with a relation of {sorted({rels} if isinstance(rels, str) else rels)}"
        return self.document(found[0].href)
