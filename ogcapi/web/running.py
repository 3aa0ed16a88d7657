"""Running: data are made in threads of their own, of bounded number and with a bounded queue.

Where a process has one core, an answer that needs nothing but a moment is made where the request came in.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from math import inf

from starlette.requests import Request
from starlette.responses import Response

from ogcapi.model.problem import Unavailable
from ogcapi.model.stop import Stop, Stopped, check, stoppable

Handler = Callable[[Request], Response]

_PER_CORE = 2  # threads: some wait for files while others count
_LEAST_THREADS = 2  # so that one long read does not hold up all else
_WORK_BYTES = 128 << 20  # that one thread may need at a time, beside the caches
_WAITING_PER_THREAD = 32
_PATIENCE_S = 0.02  # only work that takes longer is worth asking whether its client is still there
_RETRY_S = 1
_MOMENT_S = 0.005  # for which all other requests may be held up
_MOST_PASSED_OVER = 15
_GONE = 499  # customary in logs for an answer that nobody read


def threads_for(cores: int, memory_bytes: int, workers: int) -> int:
    """Threads of each of so many processes: two a core, fewer where half of the memory would not do for them."""
    return max(_LEAST_THREADS, min(_PER_CORE * cores, memory_bytes // 2 // _WORK_BYTES) // workers)


class Workshop:
    """Threads that make data, and the queue before them.

    Work whose client goes away leaves the queue, or ends at its next `check`. With `at_once`, answers are
    first tried without a thread; after each vain attempt, twice as many requests as before are not.
    """

    def __init__(self, threads: int, waiting: int | None = None, *, at_once: bool = False) -> None:
        self._threads = threads
        self._at_once = at_once
        self._passed_over = 0
        self._to_pass_over = 0
        self._asked_at = -inf
        self._most_waiting = _WAITING_PER_THREAD * threads if waiting is None else waiting
        self._started = 0
        self._jobs: deque[_Job] = deque()
        self._calls: queue.SimpleQueue[None] = queue.SimpleQueue()
        """One for each job that ever came; the job itself may have left the queue when a thread answers the call."""

    @property
    def quiet_s(self) -> float:
        """Seconds since data were last asked for."""
        return time.monotonic() - self._asked_at

    @property
    def waiting(self) -> int:
        """Requests in the queue."""
        return len(self._jobs)

    def endpoint(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """The handler, run in one of the threads. Raises `Unavailable` (503, `Retry-After`) where the queue is full."""

        async def run(request: Request) -> Response:
            self._asked_at = time.monotonic()
            answer = self._made_at_once(handler, request)
            if answer is not None:
                return answer
            if self.waiting >= self._most_waiting:
                raise Unavailable("Too many requests wait already; try again in a moment.", _RETRY_S)
            loop = asyncio.get_running_loop()
            job = _Job(handler, request, copy_context(), loop, loop.create_future())
            watching: list[asyncio.Task[None]] = []
            patience = loop.call_later(_PATIENCE_S, lambda: watching.append(loop.create_task(self._watch(job))))
            self._add(job)
            try:
                return await job.answer
            except Stopped:
                return Response(status_code=_GONE)
            finally:
                job.stop.is_wanted = True
                patience.cancel()
                for task in watching:
                    task.cancel()

        return run

    def _made_at_once(self, handler: Handler, request: Request) -> Response | None:
        """The answer where it can be given in a moment: what it is made of lies in memory, and it is small."""
        if not self._at_once:
            return None
        if self._to_pass_over:
            self._to_pass_over -= 1
            return None
        try:
            with stoppable(Stop(_MOMENT_S)):
                answer = handler(request)
        except Stopped:
            self._passed_over = self._to_pass_over = min(2 * self._passed_over + 1, _MOST_PASSED_OVER)
            return None
        self._passed_over = 0
        return answer

    def _add(self, job: _Job) -> None:
        self._jobs.append(job)
        self._calls.put(None)
        if self._started < self._threads:
            self._started += 1
            threading.Thread(target=self._work, name=f"data-{self._started}", daemon=True).start()

    def _work(self) -> None:
        while True:
            self._calls.get()
            with suppress(IndexError):
                self._jobs.popleft().do()

    async def _watch(self, job: _Job) -> None:
        """End a job when its client goes away."""
        while (await job.request.receive())["type"] != "http.disconnect":
            pass
        job.stop.is_wanted = True
        with suppress(ValueError):  # a thread has begun it
            self._jobs.remove(job)
            job.finish(Stopped())


@dataclass(frozen=True, eq=False)
class _Job:
    """One request for data."""

    handler: Handler
    request: Request
    context: Context
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[Response]
    stop: Stop = field(default_factory=Stop)

    def do(self) -> None:
        """Make the answer, in the thread that calls."""
        result: Response | BaseException
        try:
            result = self.context.run(self._made)
        except BaseException as error:  # noqa: BLE001 - it is raised where the answer is awaited
            # which a future would refuse
            result = RuntimeError("a handler ran out of values") if isinstance(error, StopIteration) else error
        with suppress(RuntimeError):  # the server has ended meanwhile
            self.loop.call_soon_threadsafe(self.finish, result)

    def finish(self, result: Response | BaseException) -> None:
        """Hand the answer over to who awaits it, in the thread of the loop."""
        if self.answer.done():
            return
        if isinstance(result, BaseException):
            self.answer.set_exception(result)
        else:
            self.answer.set_result(result)

    def _made(self) -> Response:
        with stoppable(self.stop):
            check()
            return self.handler(self.request)
