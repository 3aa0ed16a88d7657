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
from math import inf
from typing import Protocol

from ogcapi.model.collection import Collection
from ogcapi.model.problem import Problem
from ogcapi.sources.locking import is_locked
from ogcapi.sources.mosaic import MosaicSource
from ogcapi.sources.overview import LOCK, is_made

log = logging.getLogger("ogcapi.overviews")
_LOOK_S = 10.0  # between two looks at all mosaics, or longer where a look is dear
_LOOK_SHARE = 50  # of the time, at most one part in so many is spent on looking
_AGAIN_S = 300.0  # until what was tried in vain is tried again
_LACKING_S = 900.0  # until assets that could not be read are tried again
_FIRST_S = 5.0  # after the start, when much is asked for
_QUIET_S = 2.0  # without questions for data: then the process may work
_REST_S, _TURN_S = 60.0, 5.0  # while there are questions all the time, it rests so long and works so long
_GLANCE_S = 0.25
_END_S = 5.0  # that a process gets to end by itself
_COMMAND = ("-m", "ogcapi", "overviews", "build", "--background", "--until-eof", "--workers", "1")


class Collections(Protocol):
    """The collections of a service."""

    def opened(self) -> tuple[Collection, ...]:
        """Those that can be served now, hidden ones too."""
        ...


class Background:
    """Keeps the overviews of all mosaics current, from `start` to `stop`.

    The process that makes them reads the same configuration, which the environment names.
    """

    def __init__(self, catalog: Collections, quiet_s: Callable[[], float] = lambda: inf) -> None:
        """`quiet_s` tells for how long no data have been asked for."""
        self._catalog = catalog
        self._quiet_s = quiet_s
        self._ending = threading.Event()
        self._starting = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._tried: frozenset[str] = frozenset()
        self._again = 0.0
        """Monotonic time from which on what was tried is tried again."""
        self._is_awaited = False
        """Whether some mosaic was said to get one, which the next look takes up or takes back."""

    def start(self) -> None:
        """Begin, in a thread of its own."""
        threading.Thread(target=self._run, name="overviews", daemon=True).start()

    def stop(self) -> None:
        """End; what is made so far stays for the next time."""
        with self._starting:  # no process begins from here on
            self._ending.set()
        process = self._process
        if process is not None and not self.is_idle:
            _rest(process, is_resting=False)
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(_END_S)

    def _run(self) -> None:
        wait_s = _FIRST_S
        while not self._ending.wait(wait_s):
            begin = time.monotonic()
            if not self.is_idle or self._is_awaited or self._quiet_s() >= _QUIET_S:
                self.look()
            wait_s = max(_LOOK_S, _LOOK_SHARE * (time.monotonic() - begin))

    def look(self) -> None:
        """Take up overviews that have come, and have those made that are due; also while others are being made."""
        found = {key: mosaic for mosaic in self._mosaics() if (key := self._due(mosaic)) is not None}
        is_new = not self._tried.issuperset(found)
        for mosaic in found.values():
            assert mosaic.overview is not None
            # until the next look, which takes it up
            mosaic.overview.is_awaited = not self.is_idle or is_new or _is_begun(mosaic)
        self._is_awaited = any(mosaic.overview is not None and mosaic.overview.is_awaited for mosaic in found.values())
        is_turn = (is_new or time.monotonic() >= self._again) and self._quiet_s() >= _QUIET_S
        if found and is_turn and self.is_idle and not any(map(_is_begun, found.values())):
            self._tried, self._again = frozenset(found), inf
            self._make()

    @property
    def is_idle(self) -> bool:
        """Whether no process of this one makes overviews now."""
        return self._process is None or self._process.poll() is not None

    def _mosaics(self) -> list[MosaicSource]:
        found = (one.coverage for one in self._catalog.opened())
        mosaics = [one for one in found if isinstance(one, MosaicSource) and one.overview is not None]
        return [one for one in mosaics if one.refusing or not one.is_remote]  # others can do without

    def _due(self, mosaic: MosaicSource) -> str | None:
        """The key of a mosaic that has no current overview; one that has come is taken up."""
        assert mosaic.overview is not None
        try:
            key = mosaic.key
        except Problem:
            return None
        mosaic.overview.look(key)
        mosaic.overview.is_awaited = False
        return None if is_made(mosaic.overview.rule.folder, key, _LACKING_S) else key

    def _make(self) -> None:
        """Start the process that makes all that is missing; what it says is logged."""
        with self._starting:
            if self._ending.is_set():
                return
            try:
                self._process = _start()
            except OSError as error:
                log.warning("Overviews cannot be made: %s", error.strerror)
                self._again = time.monotonic() + _AGAIN_S
                return
        for act in (self._tell, self._watch):
            threading.Thread(target=act, args=(self._process,), name=f"overviews{act.__name__}", daemon=True).start()

    def _tell(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            log.info("Overviews: %s", line.strip())
        process.wait()
        self._again = time.monotonic() + _AGAIN_S

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


def _is_begun(mosaic: MosaicSource) -> bool:
    """Whether another server's process is at it."""
    return mosaic.overview is not None and is_locked(mosaic.overview.rule.folder.parent / LOCK)


def _start() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *_COMMAND],
        stdin=subprocess.PIPE,  # which ends with this process, however it ends
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
