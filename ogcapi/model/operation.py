"""Operations and their query parameters, declared once: routing, the refusal of unknown names and OpenAPI read them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ogcapi.model.media import MediaType

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, eq=False)
class Parameter(Generic[T]):
    """A query parameter."""

    name: str
    description: str
    schema: dict[str, Any]
    """OpenAPI 3.0 schema of the value."""
    parse: Callable[[str], T]
    """From the text to the value; raises `BadParameter`."""
    explode: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Operation:
    """A path that answers GET."""

    name: str
    """Route name and operationId (Tiles `/req/oas30/operation-id` for the suffixes)."""
    path: str
    """With path parameters in braces, named as in the standards."""
    summary: str
    tag: str
    answers: tuple[MediaType, ...]
    """What it can answer with; the first is the default."""
    query: tuple[Parameter[Any], ...] = ()
    """Parameters besides `f`."""
    is_lenient: bool = False
    """Whether query parameters that it does not know are passed over: clients of WMTS add some to every address."""
    schema: str | None = None
    """Name of the JSON document's schema in the OpenAPI document's components."""
