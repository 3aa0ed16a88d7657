"""Overviews made beside serving: by one process of the lowest priority, which rests while data are asked for."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from ogcapi.model.collection import Collection
from ogcapi.model.problem import Problem
from ogcapi.sources.mosaic import MosaicSource
from ogcapi.sources.overview import is_made

log = logging.getLogger("ogcapi.overviews")
_LOOK_S = 10.0  # between two looks at all mosaics, or longer where a look is dear
_LOOK_SHARE = 50  # of the time, at most one part in so many is spent on looking
_AGAIN_S = 300.0  # after a failure
_LACKING_S = 900.0  # until assets that could not be read are tried again
_END_S = 5.0  # that a process gets to end by itself
_FIRST_S = 5.0  # after the start, when much is asked for
_QUIET_S = 2.0  # without questions for data: then the process may work
_REST_S, _TURN_S = 60.0, 5.0  # while there are questions all the time, it rests so long and works so long
_GLANCE_S = 0.25
_COMMAND = ("-m", "ogcapi", "overviews", "build", "--background", "--workers", "1")


class Collections(Protocol):
    """The collections of a service."""

    def listed(self) -> tuple[Collection, ...]:
        """Those that can be served now."""
        ...


class Background:
    """Keeps the overviews of all mosaics current, from `start` to `stop`.

    The process that makes them reads the same configuration, which the environment names.
    """

    def __init__(self, catalog: Collections, quiet_s: Callable[[], float]) -> None:
        """`quiet_s` tells for how long no data have been asked for."""
        self._catalog = catalog
        self._quiet_s = quiet_s
        self._ending = threading.Event()
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Begin, in a thread of its own."""
        threading.Thread(target=self._run, name="overviews", daemon=True).start()

    def stop(self) -> None:
        """End; what is made so far stays for the next time."""
        self._ending.set()
        process = self._process
        if process is not None and process.poll() is None:
            _rest(process, is_resting=False)
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(_END_S)

    def _run(self) -> None:
        wait_s = _FIRST_S
        while not self._ending.wait(wait_s):
            begin = time.monotonic()
            if self._quiet_s() < _QUIET_S:
                wait_s = _QUIET_S
                continue
            is_due = bool(sum(map(self._is_due, self._mosaics())))  # each is looked at
            wait_s = max(_LOOK_S, _LOOK_SHARE * (time.monotonic() - begin))
            if is_due and not self._made():
                wait_s = _AGAIN_S

    def _mosaics(self) -> list[MosaicSource]:
        found = (one.coverage for one in self._catalog.listed())
        mosaics = [one for one in found if isinstance(one, MosaicSource) and one.overview is not None]
        return [one for one in mosaics if one.refusing or not one.is_remote]  # others can do without

    def _is_due(self, mosaic: MosaicSource) -> bool:
        """Whether a mosaic has no current overview; one that has come is taken up."""
        assert mosaic.overview is not None
        try:
            key = mosaic.key
        except Problem:
            return False
        mosaic.overview.look(key)
        return not is_made(mosaic.overview.rule.folder, key, _LACKING_S)

    def _made(self) -> bool:
        """Whether a process has ended well that makes all that is missing."""
        command = [sys.executable, *_COMMAND]
        try:
            self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        except OSError as error:
            log.warning("Overviews cannot be made: %s", error.strerror)
            return False
        threading.Thread(target=self._tell, args=(self._process,), daemon=True).start()
        self._watch(self._process)
        return self._process.wait() == 0

    def _tell(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            log.info("Overviews: %s", line.strip())

    def _watch(self, process: subprocess.Popen[str]) -> None:
        """Let the process rest while data are asked for, but not for ever."""
        rested_since: float | None = None
        while process.poll() is None:
            now = time.monotonic()
            is_busy = self._quiet_s() < _QUIET_S and not self._ending.is_set()
            has_turn = rested_since is not None and (now - rested_since) % (_REST_S + _TURN_S) > _REST_S
            rested_since = (now if rested_since is None else rested_since) if is_busy else None
            _rest(process, is_resting=is_busy and not has_turn)
            self._ending.wait(_GLANCE_S)


def _rest(process: subprocess.Popen[str], *, is_resting: bool) -> None:
    if sys.platform != "win32":  # which cannot stop a process for a while
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGSTOP if is_resting else signal.SIGCONT)
