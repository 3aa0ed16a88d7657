"""What pages say to write in other programs does there what it says."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import rasterio
from lxml import html
from PIL import Image

from ogcapi.app import create_app
from ogcapi.config import load_config
from tests.clients.programs import missing, need_gdal
from tests.web.conftest import ROOT
from tests.web.test_running import Client, listening

SETS = [
    ("mola", None),
    ("mola", "MarsMercatorSphere"),
    ("mola", "MarsNorthPolarQuad"),
    ("mola", "MarsEquidistantCylindricalSphere"),
    ("blue-marble", "WebMercatorQuad"),
    ("blue-marble", "UPSArcticWGS84Quad"),
]


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with listening(create_app(load_config(ROOT / "config.yml", {}))) as port:
        yield port


def address(port: int, collection: str, set_id: str | None) -> str:
    return f"/collections/{collection}" + (f"/map/tiles/{set_id}" if set_id else "")


def snippets(port: int, path: str) -> dict[str, str]:
    """What a page says to write, by program."""
    status, _, body = Client(port, f"{path}?f=html").answer()
    assert status == 200
    found = html.fromstring(body.decode()).xpath("//code[@data-program]")
    return {code.get("data-program"): code.text.replace("//localhost/", f"//127.0.0.1:{port}/") for code in found}


def ran(command: list[str], folder: Path) -> str:
    environment = {**os.environ, "GDAL_HTTP_TIMEOUT": "30"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(("collection", "set_id"), SETS)
def test_rasterio_and_curl_do_what_the_page_says(
    port: int, tmp_path: Path, collection: str, set_id: str | None
) -> None:
    written = snippets(port, address(port, collection, set_id))
    told = ran([sys.executable, "-c", written["rasterio"]], tmp_path)
    assert "BoundingBox" in told
    assert "--" not in told
    if shutil.which("curl") is None:
        missing("curl", "Debian: curl")
    ran(["sh", "-ec", written["curl"].replace("curl ", "curl -sSf ")], tmp_path)
    with rasterio.open(tmp_path / f"{collection}.tif") as dataset:
        assert dataset.count >= 1
    with Image.open(tmp_path / f"{collection}.png") as picture:
        assert picture.width == 1024
    with Image.open(tmp_path / f"{collection}-tile.png") as picture:
        assert picture.format == "PNG"


@pytest.mark.parametrize("collection", ["mola", "blue-marble"])
def test_gdal_does_what_the_page_says(port: int, tmp_path: Path, collection: str) -> None:
    need_gdal()
    ran(["sh", "-ec", snippets(port, address(port, collection, None))["GDAL"]], tmp_path)
    with rasterio.open(tmp_path / f"{collection}.tif") as dataset:
        assert dataset.width == 1024


def test_programs_that_cannot_use_a_set_are_not_told_of(port: int) -> None:
    assert {"MapLibre", "Leaflet", "OpenLayers"} <= set(snippets(port, address(port, "mola", "MarsMercatorSphere")))
    polar = set(snippets(port, address(port, "mola", "MarsNorthPolarQuad")))
    assert not {"MapLibre", "Leaflet"} & polar
    assert "OpenLayers" in polar


def test_leaflet_and_maplibre_are_told_addresses_that_answer(port: int) -> None:
    written = snippets(port, address(port, "blue-marble", "WebMercatorQuad"))
    template = json.loads(written["Leaflet"].split("L.tileLayer(")[1].split(", {")[0])
    for name, value in (("{z}", "0"), ("{x}", "0"), ("{y}", "0")):
        template = template.replace(name, value)
    style = json.loads(written["MapLibre"].split("style: ")[1].removesuffix(" });"))
    for found in (template, style):
        assert Client(port, found.split(f":{port}")[1]).answer()[0] == 200
