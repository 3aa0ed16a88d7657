"""`Server-Timing`: how long each stage of an answer took (W3C Server Timing)."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import ParamSpec, TypeVar

from starlette.requests import Request
from starlette.responses import Response

_P = ParamSpec("_P")
_T = TypeVar("_T")
Endpoint = Callable[[Request], Awaitable[Response]]

_stages: ContextVar[dict[str, float] | None] = ContextVar("stages", default=None)


def timed(stage: str, act: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """What `act` returns; the time it took counts for that stage where the request is measured."""
    stages = _stages.get()
    if stages is None:
        return act(*args, **kwargs)
    begun = time.perf_counter()
    try:
        return act(*args, **kwargs)
    finally:
        stages[stage] = stages.get(stage, 0.0) + time.perf_counter() - begun


def measured(endpoint: Endpoint) -> Endpoint:
    """The endpoint, whose answers tell the milliseconds of each stage and, as `total`, of all with the waiting."""

    async def run(request: Request) -> Response:
        stages: dict[str, float] = {}
        token = _stages.set(stages)
        begun = time.perf_counter()
        try:
            answer = await endpoint(request)
        finally:
            _stages.reset(token)
        stages["total"] = time.perf_counter() - begun
        shown = (f"{stage};dur={seconds * 1000:.3f}" for stage, seconds in stages.items())
        answer.headers["Server-Timing"] = ", ".join(shown)
        return answer

    return run
