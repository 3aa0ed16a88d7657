"""One server for all clients."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.browser import Browser
from tests.clients.made import Server, listening, write_config, write_data
from tests.clients.packages import Pages, serving_pages
from tests.clients.programs import chromium

_left_out: set[str] = set()


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clients")
    write_data(folder)
    return folder


@pytest.fixture(scope="session")
def server(folder: Path) -> Iterator[Server]:
    with listening(write_config(folder)) as running:
        yield running


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    """Web pages of another origin than the server's, and the libraries that they use."""
    with serving_pages(tmp_path_factory.mktemp("pages")) as found:
        yield found


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser.started(chromium(), tmp_path_factory.mktemp("browser")) as running:
        yield running


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and isinstance(report.longrepr, tuple):
        _left_out.add(report.longrepr[2].removeprefix("Skipped: "))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    for reason in sorted(_left_out):
        terminalreporter.write_line(f"Client checks were left out: {reason}")
