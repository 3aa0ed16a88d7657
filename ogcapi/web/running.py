"""Running: data are made in threads of their own, of bounded number and with a bounded queue."""

from __future__ import annotations

import asyncio
import contextvars
import os
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from ogcapi.model.problem import Unavailable
from ogcapi.model.stop import Stopped, check, stoppable

_QUEUE_PER_THREAD = 32  # requests that may wait for each thread


class Workshop:
    """Threads that make data; more than they can make soon is refused at once."""

    def __init__(self, threads: int | None = None) -> None:
        self._threads = threads or 2 * (os.cpu_count() or 1)
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="data")
        self._waiting = 0

    def endpoint(self, handler: Callable[[Request], Response]) -> Callable[[Request], Awaitable[Response]]:
        """The handler run in a thread; its work stops when the client goes away.

        Raises `Unavailable` (503 with `Retry-After`) where the queue is full.
        """

        async def run(request: Request) -> Response:
            if self._waiting >= self._threads * (1 + _QUEUE_PER_THREAD):
                raise Unavailable("Too many requests wait already; try again in a moment.", 1)
            self._waiting += 1
            stop = threading.Event()
            loop = asyncio.get_running_loop()
            context = contextvars.copy_context()
            work = loop.run_in_executor(self._pool, context.run, _stoppably, handler, request, stop)
            gone: asyncio.Future[None] = asyncio.ensure_future(_gone(request))
            both: set[asyncio.Future[Any]] = {work, gone}
            try:
                await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
                if not work.done():
                    stop.set()
                try:
                    return await work
                except Stopped:
                    return Response(status_code=499)  # nobody reads it
            finally:
                gone.cancel()
                self._waiting -= 1

        return run


def _stoppably(handler: Callable[[Request], Response], request: Request, stop: threading.Event) -> Response:
    with stoppable(stop):
        check()
        return handler(request)


async def _gone(request: Request) -> None:
    """Return when the client has gone away."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
