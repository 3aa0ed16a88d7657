"""Work in the background: threads that do not keep the program from ending."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future

log = logging.getLogger("ogcapi.catalog")


class Workers:
    """A few daemon threads that take tasks in the order of submission."""

    def __init__(self, threads: int, name: str) -> None:
        self._tasks: queue.SimpleQueue[tuple[Future[None], Callable[[], None]]] = queue.SimpleQueue()
        for number in range(threads):
            threading.Thread(target=self._work, name=f"{name}-{number}", daemon=True).start()

    def submit(self, task: Callable[[], None]) -> Future[None]:
        """Do a task soon; its future ends with it."""
        future: Future[None] = Future()
        self._tasks.put((future, task))
        return future

    def _work(self) -> None:
        while True:
            future, task = self._tasks.get()
            try:
                task()
            except Exception as error:  # whoever waits for the task is told, and the log
                log.exception("A task in the background failed")
                future.set_exception(error)
            else:
                future.set_result(None)
