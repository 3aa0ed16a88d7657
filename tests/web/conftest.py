"""The demonstration, served."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from ogcapi.app import create_app
from ogcapi.config import load_config

ROOT = Path(__file__).resolve().parents[2]
Serve = Callable[[str], TestClient]


@pytest.fixture(scope="session")
def client() -> TestClient:
    """A client of the demonstration, at http://testserver."""
    config = load_config(ROOT / "config.yml", {})
    config = replace(
        config, server=config.server.model_copy(update={"overviews": "off"})
    )  # there may be some from before
    return TestClient(create_app(config), raise_server_exceptions=False)


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    """Serves the text of a configuration that lies in a folder of its own, where `demo` is the demonstration's data."""
    (tmp_path / "demo").symlink_to(ROOT / "demo")

    def served(text: str) -> TestClient:
        path = tmp_path / "config.yml"
        path.write_text(text)
        return TestClient(create_app(load_config(path, {})), raise_server_exceptions=False)

    return served
