"""OpenLayers in a browser: OGC API Tiles and WMTS look as our own maps, cell by cell."""

from __future__ import annotations

import json
import warnings

import pytest

from tests.clients.browser import Browser
from tests.clients.made import Server
from tests.clients.packages import Pages
from tests.clients.pictures import View, apart, is_picture, own, view

PAGE = """<!doctype html>
<meta charset="utf-8">
<style>body {{ margin: 0 }} #map {{ width: {width}px; height: {height}px }}</style>
<script src="proj4.js"></script>
<script src="ol.js"></script>
<div id="map"></div>
<script>
const [name, ...others] = {names};
proj4.defs(name, {definition});
for (const other of others) proj4.defs(other, proj4.defs(name));  // one object: else it warps from one to the other
ol.proj.proj4.register(proj4);
const projection = ol.proj.get(name);
async function show() {{
  const source = {source};
  const view = new ol.View({{projection, center: {centre}, resolutions: [{cell}], resolution: {cell}}});
  const layers = [new ol.layer.Tile({{source}})];
  const map = new ol.Map({{target: "map", layers, view, controls: [], interactions: []}});
  await new Promise((drawn) => map.once("loadend", drawn));
}}
window.ready = show();
</script>
"""
TILES = """new ol.source.OGCMapTile({{
    url: "{url}", crossOrigin: "anonymous", projection, transition: 0}})"""
WMTS = """new ol.source.WMTS({{...ol.source.WMTS.optionsFromCapabilities(
    new ol.format.WMTSCapabilities().read(await (await fetch("{url}")).text()),
    {{layer: "{layer}", matrixSet: "{set}", projection, crossOrigin: "anonymous"}}),
    transition: 0}})"""
PLACES = [
    ("mola", "MarsEquidistantCylindricalSphere"),
    ("mola", "MarsMercatorSphere"),
    ("aligned", "MarsEquidistantCylindricalSphere"),
    ("utm", "WebMercatorQuad"),
    ("laea", "EuropeanETRS89_LAEAQuad"),
    ("degrees", "WorldCRS84Quad"),
]


def proj4_of(seen: View) -> str:
    """A system as proj4 takes it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pyproj warns of what a definition leaves out
        return str(seen.crs.to_proj4())


def page_of(seen: View, source: str) -> str:
    code = ":".join(seen.crs.to_authority() or ())
    # OpenLayers must be told which systems give northing first: definitions of PROJ do not say it
    order = " +axis=neu" if seen.is_yx else ""
    width, height = seen.size
    return PAGE.format(
        width=width,
        height=height,
        names=json.dumps([seen.uri, code, f"urn:ogc:def:crs:{code.replace(':', '::')}"]),
        definition=json.dumps(f"{proj4_of(seen)}{order}"),
        source=source,
        centre=json.dumps(seen.centre),
        cell=repr(seen.cell),
    )


@pytest.mark.parametrize(
    ("by", "collection", "set_id"),
    [
        *(("tiles", *place) for place in [*PLACES, ("mola", "MarsGeographicSphere")]),
        *(("wmts", *place) for place in PLACES),  # it takes a degree of Mars for one of the Earth
    ],
)
def test_maps_lie_where_they_should(
    server: Server, pages: Pages, browser: Browser, by: str, collection: str, set_id: str
) -> None:
    seen = view(server, collection, set_id)
    base = f"{server.url}/collections/{collection}"
    if by == "tiles":
        source = TILES.format(url=f"{base}/map/tiles/{set_id}")
    else:
        source = WMTS.format(url=f"{base}/wmts/1.0.0/WMTSCapabilities.xml", layer=collection, set=set_id)
    page = pages.write(f"{by}-{collection}-{set_id}.html", page_of(seen, source))
    theirs, ours = browser.picture(page, seen.size), own(server, seen)
    assert is_picture(ours)
    assert apart(ours, theirs) < 0.005
