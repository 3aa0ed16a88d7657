"""What pages say to write in other programs, run as it stands there: in browsers, QGIS and OWSLib."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from lxml import html
from PIL import Image

from tests.clients.browser import Browser
from tests.clients.made import Server
from tests.clients.packages import Pages
from tests.clients.pictures import is_picture, on_white
from tests.clients.programs import need_owslib, need_qgis
from tests.clients.test_qgis import drawn

SIZE = (400, 240)
FRAME = """<!doctype html>
<meta charset="utf-8">
<link rel="stylesheet" href="leaflet.css">
<style>body {{ margin: 0 }} #map {{ width: {size[0]}px; height: {size[1]}px }}</style>
{libraries}
<div id="map"></div>
<script{kind}>
{before}
{snippet}
window.ready = new Promise((drawn) => {{ {after} }});
</script>
"""
FRAMES = {
    "OpenLayers": {
        "kind": "",
        "libraries": '<script src="proj4.js"></script><script src="ol.js"></script>',
        "before": "",
        "after": 'map.once("loadend", drawn);',
    },
    "MapLibre": {
        "kind": ' type="module"',
        "libraries": "",
        "before": 'import * as maplibregl from "./maplibre-gl.mjs";',
        "after": 'map.once("idle", drawn);',
    },
    "Leaflet": {
        "kind": "",
        "libraries": '<script src="leaflet.js"></script>',
        "before": "",
        "after": 'map.eachLayer((layer) => layer.once("load", () => setTimeout(drawn, 500)));',  # it fades tiles in
    },
}
PAGES = [
    "mola",
    "mola/map/tiles/MarsEquidistantCylindricalSphere",
    "mola/map/tiles/MarsNorthPolarQuad",
    "mola/styles/gray/map/tiles/MarsMercatorSphere",
    "laea/map/tiles/EuropeanETRS89_LAEAQuad",
    "degrees/map/tiles/WorldCRS84Quad",
    "utm",
]


def snippets(server: Server, page: str) -> dict[str, str]:
    """What a page says to write, by program."""
    answer = httpx.get(f"{server.url}/collections/{page}?f=html")
    assert answer.status_code == 200, page
    return {code.get("data-program"): code.text for code in html.fromstring(answer.text).xpath("//code[@data-program]")}


@pytest.mark.parametrize("program", list(FRAMES))
@pytest.mark.parametrize("page", PAGES)
def test_browsers_show_a_picture(server: Server, pages: Pages, browser: Browser, program: str, page: str) -> None:
    snippet = snippets(server, page).get(program)
    if snippet is None:
        assert program != "OpenLayers"
        return
    written = FRAME.format(size=SIZE, snippet=snippet, **FRAMES[program])
    picture = browser.picture(pages.write(f"{program}-{page.replace('/', '-')}.html", written), SIZE)
    assert is_picture(picture)


def test_owslib_gets_the_tile(server: Server, tmp_path: Path) -> None:
    need_owslib()
    written = snippets(server, "mola")["Python (OWSLib)"]
    subprocess.run([sys.executable, "-c", written], cwd=tmp_path, check=True, timeout=120, env=dict(os.environ))
    assert is_picture(on_white(Image.open(tmp_path / "tile.png")))


def test_qgis_adds_the_layer(server: Server, tmp_path: Path) -> None:
    need_qgis()
    written = snippets(server, "mola")["QGIS"]
    source, _, provider = ast.literal_eval(written.partition("iface.addRasterLayer")[2])
    ((told, picture),) = drawn([{"source": source, "provider": provider, "size": SIZE}], tmp_path)
    assert told["crs"].startswith("IAU_2015:")
    assert is_picture(picture)
