"""Overviews made beside serving."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ogcapi.config import VARIABLE, load_config
from ogcapi.sources import overview_background
from ogcapi.sources.catalog import Catalog
from ogcapi.sources.mosaic import MosaicSource
from ogcapi.sources.overview_background import Background
from tests.sources.test_overview import write_assets

WAIT_S = 90


class Beside:
    """A mosaic whose overview is made beside it, and for how long nobody has asked for data."""

    def __init__(self, folder: Path) -> None:
        self.quiet_s = 0.0
        self.catalog = Catalog(load_config(folder / "config.yml", {}), start_s=None)
        self.background = Background(self.catalog, lambda: self.quiet_s)

    @property
    def mosaic(self) -> MosaicSource:
        mosaic = self.catalog["m"].coverage
        assert isinstance(mosaic, MosaicSource)
        return mosaic

    @property
    def is_made(self) -> bool:
        return self.mosaic.overview is not None and self.mosaic.overview.is_current

    @property
    def state(self) -> str:
        """Of the process that makes it, as Linux tells it; empty where there is none."""
        process = self.background._process
        if process is None or process.poll() is not None:
            return ""
        return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]


@pytest.fixture
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Beside]:
    write_assets(tmp_path / "a", [(10.0 * i, 0.0, 10.0 * i + 10, 10.0) for i in range(4)], nodata=-1)
    (tmp_path / "config.yml").write_text(
        f"server: {{cache: {{folder: {tmp_path / 'cache'}}}}}\n"
        "resources: {m: {providers: [{name: MosaicJSON, data: a/mosaic.json}]}}\n"
    )
    monkeypatch.setenv(VARIABLE, str(tmp_path / "config.yml"))
    monkeypatch.setattr(overview_background, "_FIRST_S", 0.0)
    monkeypatch.setattr(overview_background, "_QUIET_S", 0.2)
    made = Beside(tmp_path)
    made.background.start()
    yield made
    made.background.stop()


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not is_so():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.02)


def test_it_is_made_and_used_when_nobody_asks_for_data(beside: Beside) -> None:
    time.sleep(1)
    assert beside.state == ""
    assert not beside.is_made
    beside.quiet_s = 100.0
    wait_until(lambda: beside.is_made)


@pytest.mark.skipif(sys.platform != "linux", reason="states of processes are read as Linux tells them")
def test_it_rests_while_data_are_asked_for_and_ends_with_the_server(beside: Beside) -> None:
    beside.quiet_s = 100.0
    wait_until(lambda: beside.state != "")
    beside.quiet_s = 0.0
    wait_until(lambda: beside.state in {"T", ""})
    assert beside.state == "T"
    process = beside.background._process
    assert process is not None
    beside.background.stop()
    wait_until(lambda: process.poll() is not None)
