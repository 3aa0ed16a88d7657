"""Overviews made beside serving."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

import pytest

from ogcapi.config import VARIABLE, CommandLine, load_config
from ogcapi.sources.catalog import Catalog
from ogcapi.sources.locking import is_locked, locked
from ogcapi.sources.overview import LOCK, manifest_in
from ogcapi.sources.overview_background import Background
from tests.sources.test_overview import two_by_two, write_assets


@pytest.fixture
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Catalog:
    """One mosaic, which is hidden, of a configuration that the environment names."""
    write_assets(tmp_path / "a", two_by_two(), nodata=-1)
    (tmp_path / "config.yml").write_text(
        f"server: {{cache: {{folder: {tmp_path / 'cache'}}}}}\n"
        "resources: {m: {visibility: hidden, providers: [{name: MosaicJSON, data: a/mosaic.json}]}}\n"
    )
    line = CommandLine(sources=(str(tmp_path / "config.yml"),), folder=tmp_path)
    monkeypatch.setenv(VARIABLE, line.variable)
    return Catalog(load_config(tmp_path / "config.yml", {}), start_s=None)


def wait_for(what: Callable[[], Any], seconds: float = 240) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_what_is_due_is_made_and_taken_up(catalog: Catalog) -> None:
    overview = catalog["m"].coverage.overview
    background = Background(catalog)
    background.look()
    assert overview.is_coming
    wait_for(lambda: manifest_in(overview.rule.folder))
    background.look()
    assert overview.is_current
    assert not overview.is_awaited
    background.stop()


@dataclass
class Started:
    """Processes that would have been started."""

    count: int = 0

    def __call__(self, *_: Any, **__: Any) -> Any:
        self.count += 1
        return subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE, text=True)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    found = Started()
    monkeypatch.setattr("ogcapi.sources.overview_background._start", found)
    return found


def test_what_was_made_in_vain_is_awaited_no_more_however_busy_the_server_is(
    catalog: Catalog, started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    overview = catalog["m"].coverage.overview
    for name in ("_FIRST_S", "_LOOK_S"):
        monkeypatch.setattr(f"ogcapi.sources.overview_background.{name}", 0.1)
    background = Background(catalog, lambda: 0.0 if started.count and background.is_idle else inf)
    background.start()
    wait_for(lambda: started.count)
    wait_for(lambda: background.is_idle and not overview.is_coming, 20)
    assert started.count == 1
    background.stop()


def test_what_is_made_in_vain_or_by_another_server_is_not_begun_at_each_look(
    catalog: Catalog, started: Started
) -> None:
    overview = catalog["m"].coverage.overview
    background = Background(catalog)
    with locked(overview.rule.folder.parent / LOCK) as is_ours:
        assert is_ours
        background.look()
        assert started.count == 0
    assert overview.is_coming
    for _ in range(3):
        background.look()
        wait_for(lambda: background.is_idle)
    assert started.count == 1
    assert not overview.is_coming


def test_after_the_end_no_process_begins(catalog: Catalog, started: Started) -> None:
    background = Background(catalog)
    background.stop()
    background.look()
    assert started.count == 0


_SERVER = """
import os, sys, time
from ogcapi.config import config_from_environment
from ogcapi.sources.catalog import Catalog
from ogcapi.sources.overview_background import Background
Background(Catalog(config_from_environment(os.environ), start_s=None)).look()
time.sleep(600)
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="/proc tells which processes there are")
def test_the_process_ends_with_the_one_that_began_it_however_that_ends(catalog: Catalog) -> None:
    folder = catalog["m"].coverage.overview.rule.folder
    server = subprocess.Popen([sys.executable, "-c", _SERVER])
    wait_for(lambda: is_locked(folder.parent / LOCK))
    (child,) = children(server.pid)
    server.send_signal(signal.SIGKILL)
    server.wait()
    wait_for(lambda: not is_alive(child), 10)
    assert manifest_in(folder) is None, "it was killed too late"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="/proc tells the states of processes")
def test_it_is_begun_when_nobody_asks_for_data_and_rests_while_somebody_does(catalog: Catalog) -> None:
    quiet_s = 0.0
    background = Background(catalog, lambda: quiet_s)
    background.look()
    assert background.is_idle
    quiet_s = 100.0
    background.look()
    process = background._process
    assert process is not None
    quiet_s = 0.0
    wait_for(lambda: state(process.pid) in {"T", "Z"})
    assert state(process.pid) == "T"
    background.stop()
    assert process.poll() is not None


def state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]


def children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(text) for task in tasks for text in (task / "children").read_text().split()]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
