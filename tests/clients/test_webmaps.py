"""MapLibre and Leaflet in a browser: maps of Earth and Mars look as our own, pixel by pixel."""

from __future__ import annotations

import json
from math import log2, pi

import httpx
import pyproj
import pytest

from tests.clients.browser import Browser
from tests.clients.made import Server
from tests.clients.packages import Pages
from tests.clients.pictures import View, apart, is_picture, own, view

FRAME = """<!doctype html>
<meta charset="utf-8">
<link rel="stylesheet" href="leaflet.css">
<style>body {{ margin: 0 }} #map {{ width: {width}px; height: {height}px; background: white }}</style>
<div id="map"></div>
"""
MAPLIBRE = """
<script type="module">
import * as maplibregl from "./maplibre-gl.mjs";
async function show() {{
  const map = new maplibregl.Map({{
    container: "map", style: "{address}", center: {centre}, zoom: {zoom}, attributionControl: false, fadeDuration: 0,
    canvasContextAttributes: {{preserveDrawingBuffer: true}},
  }});
  await new Promise((drawn, failed) => {{
    map.on("error", (event) => failed(event.error));
    map.once("idle", drawn);
  }});
}}
window.ready = show();
</script>
"""
LEAFLET = """
<script src="leaflet.js"></script>
<script>
async function show() {{
  const options = {{zoomControl: false, attributionControl: false, fadeAnimation: false, zoomAnimation: false}};
  const map = L.map("map", options).setView({centre}, {zoom});
  const layer = L.tileLayer("{address}", {{...{tiles}, maxZoom: {zoom}}});
  await new Promise((drawn, failed) => {{
    layer.on("tileerror", (event) => failed(event.error));
    layer.on("load", drawn);
    layer.addTo(map);
  }});
}}
window.ready = show();
</script>
"""
PLACES = [
    ("mola", "MarsMercatorSphere"),
    ("mars", "MarsMercatorSphere"),
    ("utm", "WebMercatorQuad"),
    ("laea", "WebMercatorQuad"),
    ("degrees", "WebMercatorQuad"),
]


def degrees(seen: View) -> tuple[float, float]:
    """Longitude and latitude of the middle."""
    to_angles = pyproj.Transformer.from_crs(seen.crs, seen.crs.geodetic_crs, always_xy=True)
    longitude, latitude = to_angles.transform(*seen.centre)
    return longitude, latitude


def zoom_of(seen: View, side: int) -> int:
    """The level at which web maps with tiles of so many pixels have these cells."""
    assert seen.crs.ellipsoid is not None
    return round(log2(2 * pi * seen.crs.ellipsoid.semi_major_metre / seen.cell / side))


@pytest.mark.parametrize(("collection", "set_id"), PLACES)
def test_maplibre_shows_the_style_as_it_is(
    server: Server, pages: Pages, browser: Browser, collection: str, set_id: str
) -> None:
    seen = view(server, collection, set_id)
    width, height = seen.size
    address = f"{server.url}/collections/{collection}/map/tiles/{set_id}/style.json"
    script = MAPLIBRE.format(address=address, centre=json.dumps(degrees(seen)), zoom=zoom_of(seen, 512))
    page = pages.write(f"maplibre-{collection}.html", FRAME.format(width=width, height=height) + script)
    theirs, ours = browser.picture(page, seen.size), own(server, seen)
    assert is_picture(ours)
    assert apart(ours, theirs, 24) < 0.02


@pytest.mark.parametrize(("collection", "set_id"), PLACES)
@pytest.mark.parametrize("side", [256, 512])
def test_leaflet_shows_tiles_of_both_sizes(
    server: Server, pages: Pages, browser: Browser, collection: str, set_id: str, side: int
) -> None:
    seen = view(server, collection, set_id)
    (width, height), zoom = seen.size, zoom_of(seen, 256)
    base = f"{server.url}/collections/{collection}/map/tiles/{set_id}"
    tiles = {256: {"tileSize": 256}, 512: {"tileSize": 512, "zoomOffset": -1}}[side]
    address = f"{base}/{{z}}/{{y}}/{{x}}.png"
    if side == 512:
        (address,) = httpx.get(f"{base}/tilejson.json").json()["tiles"]
    script = LEAFLET.format(address=address, centre=json.dumps(degrees(seen)[::-1]), zoom=zoom, tiles=json.dumps(tiles))
    page = pages.write(f"leaflet-{side}-{collection}.html", FRAME.format(width=width, height=height) + script)
    theirs, ours = browser.picture(page, seen.size), own(server, seen)
    assert is_picture(ours)
    assert apart(ours, theirs) < 0.005
