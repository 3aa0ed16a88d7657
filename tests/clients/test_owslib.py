"""OWSLib: WMTS by names and by resources, as Python programs use it."""

from __future__ import annotations

import io

import httpx
import pytest
from PIL import Image

from tests.clients.made import MARS_SET, Server
from tests.clients.programs import need_owslib

SERVICES = ["/wmts?service=WMTS&request=GetCapabilities", "/wmts/1.0.0/WMTSCapabilities.xml"]
TILES = [
    ("mola", "gray", MARS_SET),
    ("aligned", None, MARS_SET),
    ("utm", None, "WebMercatorQuad"),
    ("laea", None, "EuropeanETRS89_LAEAQuad"),
    ("degrees", None, "WorldCRS84Quad"),
]


@pytest.fixture(autouse=True)
def _owslib() -> None:
    need_owslib()


def tile_of(server: Server, collection: str, set_id: str) -> tuple[str, int, int]:
    """A tile of the deepest matrix."""
    limits = httpx.get(f"{server.url}/collections/{collection}/map/tiles/{set_id}").json()["tileMatrixSetLimits"]
    limit = limits[-1]
    return limit["tileMatrix"], limit["maxTileRow"], limit["maxTileCol"]


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(("collection", "style", "set_id"), TILES)
def test_tiles_are_those_of_the_api(
    server: Server, service: str, collection: str, style: str | None, set_id: str
) -> None:
    from owslib.wmts import WebMapTileService

    opened = WebMapTileService(f"{server.url}{service}")
    layer = opened[collection]
    matrix, row, col = tile_of(server, collection, set_id)
    style = style or next(iter(layer.styles))
    answer = opened.gettile(
        layer=collection,
        style=style,
        tilematrixset=set_id,
        tilematrix=matrix,
        row=row,
        column=col,
        format="image/png",
    )
    known = f"{server.url}/collections/{collection}/styles/{style}/map/tiles/{set_id}/{matrix}/{row}/{col}?f=png"
    theirs, ours = Image.open(io.BytesIO(answer.read())), Image.open(io.BytesIO(httpx.get(known).content))
    assert theirs.convert("RGBA").tobytes() == ours.convert("RGBA").tobytes()


@pytest.mark.parametrize("service", SERVICES)
def test_what_the_service_says_is_understood(server: Server, service: str) -> None:
    from owslib.wmts import WebMapTileService

    opened = WebMapTileService(f"{server.url}{service}")
    assert opened.identification.type == "OGC WMTS"
    assert {"GetCapabilities", "GetTile", "GetFeatureInfo"} <= {one.name for one in opened.operations}
    layer = opened["mola"]
    assert layer.title == "Topography of Mars"
    assert "application/json" in layer.infoformats
    assert [name for name, style in layer.styles.items() if style["isDefault"]] == ["terrain"]
    assert set(layer.tilematrixsetlinks) >= {MARS_SET, "MarsMercatorSphere"}
    assert opened.tilematrixsets[MARS_SET].crs == "urn:ogc:def:crs:IAU_2015::49910"
    west, south, east, north = opened["degrees"].boundingBoxWGS84
    assert (west, south, east, north) == pytest.approx((-10, 35, 40, 50))
