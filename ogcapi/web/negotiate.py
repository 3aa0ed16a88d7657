"""Which form of a resource a request wants, and what else it asks: `f`, `Accept`, and the declared parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any, TypeVar, cast

from starlette.datastructures import QueryParams
from starlette.requests import Request

from ogcapi.model.media import HTML, JSON, MediaType
from ogcapi.model.operation import Operation, Parameter
from ogcapi.model.problem import BadParameter, NotAcceptable, NotFound, UnknownParameter, shown

T = TypeVar("T")
_MAX_ACCEPT = 4096  # characters; longer headers are read so far
_MAX_KEPT = 1024  # queries: clients send the same one for every tile
_LONGEST_KEPT = 1024  # characters of query and `Accept`


@dataclass(frozen=True)
class Asked:
    """A request, understood."""

    media: MediaType
    """The form that will be given."""
    path: dict[str, str]
    """Path parameters; an extension is taken off the last one."""
    values: Mapping[str, Any]
    """Query parameters, parsed."""
    canonical: str
    """The query in one spelling, for tags: sorted, without `f`."""

    def get(self, parameter: Parameter[T]) -> T | None:
        """The value of a query parameter; None if it was not given."""
        return cast("T | None", self.values.get(parameter.name))


def understand(request: Request, operation: Operation) -> Asked:
    """What a request asks of an operation.

    Raises `UnknownParameter` (400; Common 1 `/req/core/query-param-name-unknown`), `BadParameter` (400;
    `/req/core/query-param-value-invalid`), `NotAcceptable` (406).
    """
    path = {name: str(value) for name, value in request.path_params.items()}
    extension = None
    last = "i" if "i" in path else "tileCol"
    if last in path:
        path[last], extension = _extension(path[last])
    query, accept = request.scope["query_string"], ",".join(request.headers.getlist("accept"))
    is_short = len(query) + len(accept) + len(extension or "") <= _LONGEST_KEPT
    media, values, canonical = (_choices if is_short else _choices.__wrapped__)(operation, query, accept, extension)
    return Asked(media, path, values, canonical)


@lru_cache(maxsize=_MAX_KEPT)
def _choices(
    operation: Operation, query: bytes, accept: str, extension: str | None
) -> tuple[MediaType, Mapping[str, Any], str]:
    """The form, the parsed query and its one spelling: all that a request says beside its path."""
    given: dict[str, str] = {}
    known = ["f", *(parameter.name for parameter in operation.query)]
    for name, text in QueryParams(query).multi_items():
        if name not in known:
            if operation.is_lenient:
                continue
            raise UnknownParameter(name, known)
        if name in given:
            raise BadParameter(name, text, f"{name} once; it was given more than once")
        given[name] = text
    f = given.pop("f", None)
    if extension is not None:
        _check_extension(extension, operation)
        if f is not None and _named(f, operation.answers) != _named(extension, operation.answers):
            raise BadParameter("f", f, f"the format of the extension, {extension}, or none")
        f = extension
    media = _by_name(f, operation.answers) if f is not None else accepted([accept], operation.answers)
    values = {p.name: p.parse(given[p.name]) for p in operation.query if p.name in given}
    return media, MappingProxyType(values), "&".join(f"{name}={given[name]}" for name in sorted(given))


def _extension(text: str) -> tuple[str, str | None]:
    """A path's last part without its extension, and that."""
    stem, dot, extension = text.rpartition(".")
    if not dot or not extension.isalpha():  # 0.5 has no extension: it is no whole number
        return text, None
    return stem, extension


def _check_extension(extension: str, operation: Operation) -> None:
    known = [name for media in operation.answers for name in media.short]
    if extension not in known:
        raise NotFound(f"The extension {shown(extension)} is not known here; expected one of {', '.join(known)}.")


def _named(name: str, answers: Sequence[MediaType]) -> MediaType | None:
    wanted = name.strip().replace("; ", ";")
    for media in answers:
        if wanted in {known.replace("; ", ";") for known in media.names}:
            return media
    return None


def _by_name(f: str, answers: Sequence[MediaType]) -> MediaType:
    media = _named(f.replace(" ", "+") if " " in f and ";" not in f else f, answers)
    if media is None:
        known = ", ".join(name for answer in answers for name in answer.short)
        raise BadParameter("f", f, f"one of {known}, or a full media type")
    return media


def accepted(headers: Sequence[str], answers: Sequence[MediaType]) -> MediaType:
    """The best answer that `Accept` allows (RFC 9110, 12.5.1): the greatest q; of equals the first that is offered.

    Without a header, the first. Raises `NotAcceptable`.
    """
    ranges = list(_ranges(",".join(headers)[:_MAX_ACCEPT]))
    if not ranges:
        return answers[0]
    weights = [_weight(media, ranges) for media in answers]
    best = max(weights)
    if best <= 0:
        offered = ", ".join(media.name for media in answers)
        raise NotAcceptable(f"Accept: {shown(','.join(headers))} allows none of what is offered: {offered}.")
    return answers[weights.index(best)]


def prefers_page(headers: Sequence[str]) -> bool:
    """Whether a client would rather have a page than JSON; for problems, which are given to every client."""
    try:
        return accepted(headers, (JSON, HTML)) is HTML
    except NotAcceptable:
        return False


@dataclass(frozen=True)
class _Range:
    essence: str
    parameters: frozenset[str]
    q: float


def _ranges(header: str) -> list[_Range]:
    """The media ranges of an `Accept` header; what cannot be read is passed over, a bare `*` is `*/*`."""
    found = []
    for part in header.split(","):
        essence, *rest = (piece.strip().lower() for piece in part.split(";"))
        if not essence:
            continue
        q, parameters = 1.0, set()
        for piece in rest:
            name, _, value = (text.strip() for text in piece.partition("="))
            if name == "q":
                q = _quality(value)
            elif name:
                parameters.add(f"{name}={value}")
        found.append(_Range("*/*" if essence == "*" else essence, frozenset(parameters), q))
    return found


def _quality(text: str) -> float:
    try:
        return min(max(float(text), 0.0), 1.0)
    except ValueError:
        return 0.0


def _weight(media: MediaType, ranges: Sequence[_Range]) -> float:
    """q of the most specific range that a media type falls in; 0 if there is none."""
    parameters = {piece.strip().lower() for piece in media.name.split(";")[1:]}
    kind = media.essence.partition("/")[0]
    best = (-1, 0.0)
    for one in ranges:
        if one.essence == media.essence and one.parameters <= parameters:
            best = max(best, (2 + len(one.parameters), one.q))
        elif one.essence == media.essence and not parameters:
            best = max(best, (2, one.q))  # application/json;charset=utf-8 means application/json
        elif one.essence in media.also:
            best = max(best, (2, one.q))
        elif one.essence in {f"{kind}/*", "*/*"}:
            best = max(best, (int(one.essence != "*/*"), one.q))
    return best[1]
