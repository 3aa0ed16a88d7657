"""An OpenAPI 3.0 document, and the walk along all links that shows which of its paths an address belongs to."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from conformance.client import JSON, OPENAPI, Document, Link, Service, essence, links, without_format
from conformance.tilesets import Limits, tile_url

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
MOST_OF_A_PATH = 3  # addresses that are visited for each path


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One operation; parameters are those of its path too, with references resolved."""

    method: str
    path: str
    document: Document
    parameters: list[Document]

    @property
    def id(self) -> str:
        return str(self.document.get("operationId", ""))

    def named(self, place: str) -> dict[str, Document]:
        """The parameters that are in the path, or in the query."""
        return {each["name"]: each for each in self.parameters if each["in"] == place}

    @property
    def is_free_form(self) -> bool:
        """Whether a query parameter of any name is declared: an object with additional properties, exploded."""
        return any(
            each["schema"].get("type") == "object" and each["schema"].get("additionalProperties")
            for each in self.named("query").values()
            if each.get("explode", True) and each.get("style", "form") == "form" and "schema" in each
        )

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.path}"


@dataclass(frozen=True, kw_only=True)
class Api:
    """An API definition, and the part of the addresses' paths that comes before those of the document."""

    url: str
    document: Document
    prefix: str
    operations: dict[tuple[str, str], Operation]

    @classmethod
    def read(cls, service: Service) -> Api:
        found = [link for link in links(service.landing, "service-desc") if link.media == essence(OPENAPI)]
        assert found, "the landing page has no `service-desc` link to OpenAPI"
        answer = service.answer(found[0].href, OPENAPI)
        assert answer.status_code == 200, f"{found[0].href}: {answer.status_code}, not 200"
        document = answer.json()
        servers = document.get("servers") or [{"url": service.root}]
        return cls(
            url=found[0].href,
            document=document,
            prefix=urlsplit(servers[0]["url"]).path.rstrip("/"),
            operations={(each.method, each.path): each for each in _operations(document)},
        )

    def operation(self, url: str, method: str = "get") -> Operation | None:
        """The operation that an address belongs to; of several, the one with the fewest variables."""
        path = urlsplit(url).path.removeprefix(self.prefix) or "/"
        fitting = [each for each in self.operations.values() if each.method == method and _fits(each.path, path)]
        return min(fitting, key=lambda each: each.path.count("{"), default=None)

    def resolve(self, value: Any) -> Any:
        """The object itself, or what its `$ref` points to in this document."""
        return _resolve(self.document, value)


def _resolve(document: Document, value: Any) -> Any:
    while isinstance(value, dict) and "$ref" in value:
        value = pointed(document, value["$ref"])
    return value


def pointed(document: Document, reference: str) -> Any:
    """What a local reference points to; raises `AssertionError` for others, `KeyError` where nothing is there."""
    assert reference.startswith("#/"), f"{reference} is not within the document"
    place: Any = document
    for part in unquote(reference[2:]).split("/"):
        name = part.replace("~1", "/").replace("~0", "~")
        place = place[int(name)] if isinstance(place, list) else place[name]
    return place


def _operations(document: Document) -> Iterator[Operation]:
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                own = item[method]
                merged = {}
                for given in [*item.get("parameters", []), *own.get("parameters", [])]:
                    parameter = _resolve(document, given)
                    merged[parameter["name"], parameter["in"]] = parameter
                yield Operation(method=method, path=path, document=own, parameters=list(merged.values()))


def _fits(template: str, path: str) -> bool:
    parts = re.split(r"({[^}]+})", template)
    pattern = "".join("[^/]+" if part.startswith("{") else re.escape(part) for part in parts)
    return re.fullmatch(pattern, path) is not None


@dataclass
class Walk:
    """All links from the landing page on, a few addresses for each path of the API."""

    visited: dict[str, list[str]] = field(default_factory=dict)
    undescribed: list[str] = field(default_factory=list)

    @classmethod
    def through(cls, service: Service, api: Api) -> Walk:
        walk = cls()
        seen: set[str] = set()
        waiting = deque([service.address("/")])
        while waiting:
            url = waiting.popleft()
            resource = without_format(url)
            if resource in seen or not url.startswith(service.root):
                continue
            seen.add(resource)
            operation = api.operation(resource)
            if operation is None:
                walk.undescribed.append(resource)
                continue
            of_path = walk.visited.setdefault(operation.path, [])
            if len(of_path) < MOST_OF_A_PATH:
                of_path.append(resource)
                waiting.extend(_addresses(service, resource))
        return walk

    @property
    def examples(self) -> list[str]:
        """One address for each path that links lead to."""
        return [urls[0] for urls in self.visited.values()]


def _addresses(service: Service, url: str) -> list[str]:
    """What the JSON document at an address links to; nothing where it is no such document."""
    answer = service.answer(url, JSON)
    if answer.status_code != 200 or essence(answer.headers.get("content-type", "")) != JSON:
        return []
    return list(_within(answer.json()))


def _within(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for member in value:
            yield from _within(member)
    elif isinstance(value, dict):
        if isinstance(value.get("links"), list):
            yield from _filled(value, links(value))
        for name, member in value.items():
            if name != "links":
                yield from _within(member)


def _filled(value: Document, found: list[Link]) -> Iterator[str]:
    for link in found:
        if not link.templated:
            yield link.href
        elif link.rel == "item" and value.get("tileMatrixSetLimits"):
            yield tile_url(link, *Limits.read(value["tileMatrixSetLimits"][0]).middle)
