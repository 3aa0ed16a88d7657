"""The assets of mosaics: opened when needed, remembered, left alone for a while when they fail."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import islice
from os.path import realpath
from pathlib import Path

from ogcapi.model.problem import SourceFailed
from ogcapi.sources import storage
from ogcapi.sources.header import self_contained
from ogcapi.sources.raster import FileSource
from ogcapi.sources.waiting import AHEAD, Waiting

logger = logging.getLogger("ogcapi.sources")

_KNOWN = 10_000  # headers kept
_RETRY_S = 10.0
_LOG_AGAIN_S = 60.0
_AT_ONCE = 4  # headers read in parallel


@dataclass(frozen=True, kw_only=True)
class Asset:
    """A file that a mosaic is made of."""

    name: str
    """As its document names it, without credentials."""
    href: str
    """Where it is: an absolute path or a URL; or any text that can be neither, and will fail."""
    within: tuple[Path, ...] | None = None
    """Folders beneath one of which a local file has to lie, symbolic links followed; None: anywhere."""

    @cached_property
    def is_remote(self) -> bool:
        """Whether it is a URL. Raises `SourceFailed` for a scheme that is not known."""
        return storage.is_remote(self.href)


@dataclass
class _Failure:
    name: str
    reason: str
    retry_at: float
    log_at: float


class Shelf:
    """The opened assets of one mosaic. Safe in any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[str, FileSource] = OrderedDict()
        self._failures: dict[str, _Failure] = {}

    @property
    def failures(self) -> Mapping[str, str]:
        """Name of each asset that failed when last tried, and why."""
        with self._lock:
            return {failure.name: failure.reason for failure in self._failures.values() if failure.reason}

    def known(self, asset: Asset) -> FileSource | None:
        """The asset if it has been opened before."""
        with self._lock:
            return self._known.get(asset.href)

    def open(self, asset: Asset) -> FileSource:
        """The asset, its header read. Raises `SourceFailed`, at once where it failed in the last seconds."""
        with self._lock:
            failure = self._failures.get(asset.href)
            if failure is not None and failure.reason and time.monotonic() < failure.retry_at:
                raise SourceFailed(asset.name, failure.reason)
            source = self._known.get(asset.href)
            if source is not None:
                self._known.move_to_end(asset.href)
        if source is not None:
            return source
        try:
            _check(asset)
            source = FileSource(self_contained(asset.href, asset.name))
        except SourceFailed as error:
            self.failed(asset, error)
            raise
        with self._lock:
            self._known[asset.href] = source
            while len(self._known) > _KNOWN:
                self._known.popitem(last=False)
        return source

    def open_all(self, assets: Sequence[Asset]) -> list[FileSource | None]:
        """Each of the assets, some at a time; None where one fails."""

        def opened(asset: Asset) -> FileSource | None:
            try:
                return self.open(asset)
            except SourceFailed:
                return None

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return list(pool.map(opened, assets))

    def in_turn(self, assets: Iterable[Asset], waiting: Waiting) -> Iterator[tuple[Asset, Callable[[], FileSource]]]:
        """Each of the assets, and what gives it opened or raises `SourceFailed`.

        A local one is opened then, not before. Remote ones are opened beside, at most four ahead of their turn.
        """
        coming = iter(assets)
        ahead: deque[tuple[Asset, Future[FileSource] | None]] = deque()
        while True:
            for asset in islice(coming, AHEAD - len(ahead)):
                is_new = asset.is_remote and self.known(asset) is None
                ahead.append((asset, waiting.start(partial(self.open, asset)) if is_new else None))
            if not ahead:
                return
            asset, begun = ahead.popleft()
            yield asset, partial(self.open, asset) if begun is None else partial(waiting.result, begun, asset.name)

    def failed(self, asset: Asset, error: SourceFailed, retry_s: float | None = None) -> None:
        """Remember, and log at most once a minute, that the asset could not be read.

        It is not opened for that time; None is the usual one.
        """
        now = time.monotonic()
        with self._lock:
            earlier = self._failures.get(asset.href)
            is_new = earlier is None or now >= earlier.log_at
            log_at = now + _LOG_AGAIN_S if earlier is None or is_new else earlier.log_at
            self._failures[asset.href] = _Failure(
                asset.name, error.reason, now + (_RETRY_S if retry_s is None else retry_s), log_at
            )
        if is_new:
            logger.warning("The asset %s failed: %s", asset.name, error.reason)

    def succeeded(self, asset: Asset) -> None:
        """Forget that the asset failed."""
        with self._lock:
            failure = self._failures.get(asset.href)
            if failure is not None:
                failure.reason = ""  # when to log again stays known


def _check(asset: Asset) -> None:
    wrong = storage.fault(asset.href)
    if wrong is not None:
        raise SourceFailed(asset.name, wrong)
    if asset.within is None or asset.is_remote:
        return
    place = Path(realpath(asset.href))  # which follows links that lead nowhere too
    if not any(place.is_relative_to(folder) for folder in asset.within):
        raise SourceFailed(asset.name, "it lies outside the folders that its document may name files in")
