"""Requests of names and values, and the exception reports that answer bad ones (OWS Common 1.1, OGC 06-121r3)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import compile_path

from ogcapi.model.problem import NotFound, Problem, shown
from ogcapi.model.wmts import COLLECTION_WMTS, DATASET_WMTS
from ogcapi.web.pages import fill, xml_text

T = TypeVar("T")
_PLACES = [compile_path(service.kvp.path)[0] for service in (DATASET_WMTS, COLLECTION_WMTS)]


class Refused(Problem):
    """A request that is answered with an exception of this code (OWS Common, table 25)."""

    status, title = 400, "Bad Request"

    def __init__(self, code: str, locator: str | None, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.locator = locator


@dataclass(frozen=True)
class Given:
    """The values of a request, by name in lower case; names that nobody asks for are passed over."""

    values: Mapping[str, tuple[str, ...]]
    """Each value once, however often it was given."""

    @classmethod
    def of(cls, request: Request) -> Given:
        """What the query of a request gives."""
        values: dict[str, dict[str, None]] = {}
        for name, text in QueryParams(request.scope["query_string"]).multi_items():
            values.setdefault(name.lower(), {})[text] = None
        return cls({name: tuple(texts) for name, texts in values.items()})

    def get(self, name: str) -> str | None:
        """A value; None if it was not given. Raises `Refused` where it is empty, or there are several."""
        texts = self.values.get(name.lower(), ())
        if len(texts) > 1:
            raise invalid(name, texts[1], f"one value; {shown(texts[0])} was given, too")
        if texts == ("",):
            raise missing(name)
        return texts[0] if texts else None

    def needed(self, name: str) -> str:
        """A value. Raises `Refused` where there is none."""
        text = self.get(name)
        if text is None:
            raise missing(name)
        return text

    def several(self, name: str) -> list[str]:
        """The values of a list, without blanks around them; none if it was not given. Raises `Refused`."""
        text = self.get(name)
        return [] if text is None else [part.strip() for part in text.split(",")]

    def one_of(self, name: str, *known: str) -> str:
        """A value that is one of those known. Raises `Refused`."""
        text = self.needed(name)
        if text not in known:
            raise invalid(name, text, "one of " + ", ".join(known) if len(known) > 1 else known[0])
        return text

    def number(self, name: str, low: int, high: int, code: str) -> int:
        """A whole number. Raises `Refused`, with that code for one that is not from low to high."""
        text = self.needed(name)
        if not re.fullmatch("-?[0-9]+", text):
            raise invalid(name, text, "a whole number")
        digits = text.lstrip("0") or "0"
        if len(digits) > 12 or not low <= int(digits) <= high:
            raise Refused(code, name, f"{name}={shown(text)} was given; expected a whole number from {low} to {high}.")
        return int(digits)

    def known(self, name: str, find: Callable[[str], T]) -> T:
        """What a value names. Raises `Refused` where there is no such thing."""
        text = self.needed(name)
        try:
            return find(text)
        except NotFound as error:
            raise Refused("InvalidParameterValue", name, error.detail) from error


def missing(name: str) -> Refused:
    """A parameter that is not there, or is empty."""
    return Refused("MissingParameterValue", name, f"The parameter {name} is needed.")


def invalid(name: str, text: str, expected: str) -> Refused:
    """A parameter whose value cannot be understood or is not known."""
    return Refused("InvalidParameterValue", name, f"{name}={shown(text)} was given; expected {expected}.")


def is_by_names(path: str) -> bool:
    """Whether requests by names and values go to a path, so that every problem there is answered with a report."""
    return any(place.match(path) for place in _PLACES)


def report(found: Problem, headers: Mapping[str, str]) -> Response:
    """A problem as an `ows:ExceptionReport`."""
    code, locator = (found.code, found.locator) if isinstance(found, Refused) else ("NoApplicableCode", None)
    text = fill("wmts_exception.xml", code=code, locator=locator, text=found.detail)
    return Response(xml_text(text), found.status, headers, "application/xml")
