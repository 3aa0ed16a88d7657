"""QGIS without a window: layers have the right system and place, and look as our own maps."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pyproj
import pytest
import rasterio
from lxml import etree
from PIL import Image

from tests.clients.made import MARS, MARS_SET, NODATA, STYLES, Server
from tests.clients.pictures import View, apart, is_picture, own, view
from tests.clients.programs import DEBIAN_PYTHON, need_qgis

_TIMEOUT_S = 180
_ROUNDED = 1  # pixel: Qt rounds where tiles lie
EPSG_4326 = "http://www.opengis.net/def/crs/EPSG/0/4326"
PLACES = [  # not Mars in Mercator, which the PROJ of Debian 12 does not know by its code
    ("mola", MARS_SET, MARS),
    ("mola", "MarsGeographicSphere", "IAU_2015:49900"),
    ("aligned", MARS_SET, MARS),
    ("utm", "WebMercatorQuad", "EPSG:3857"),
    ("laea", "EuropeanETRS89_LAEAQuad", "EPSG:3035"),
    ("degrees", "WorldCRS84Quad", "OGC:CRS84"),
]
VALUES = [
    ("mars", MARS, NODATA),
    ("utm", "EPSG:32633", None),
    ("laea", "EPSG:3035", -1),
    ("degrees", "EPSG:4326", -9999),
]


@pytest.fixture(autouse=True)
def _qgis() -> None:
    need_qgis()


def drawn(layers: Sequence[dict[str, Any]], folder: Path) -> list[tuple[dict[str, Any], Image.Image]]:
    """What QGIS knows of layers, and how it draws them."""
    asked = [{**layer, "picture": str(folder / f"{number}.png")} for number, layer in enumerate(layers)]
    own = {"QT_QPA_PLATFORM": "offscreen", "XDG_CACHE_HOME": str(folder), "HOME": str(folder), "PATH": "/usr/bin"}
    ran = subprocess.run(
        [DEBIAN_PYTHON, str(Path(__file__).with_name("qgis_layer.py"))],
        input="\n".join(map(json.dumps, asked)),
        capture_output=True,
        text=True,
        check=False,
        timeout=_TIMEOUT_S,
        env=own,
    )
    assert ran.returncode == 0, ran.stderr
    told = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [one["valid"] for one in told] == [True] * len(layers), (told, ran.stderr)
    return [(one, Image.open(each["picture"]).convert("RGB")) for one, each in zip(told, asked, strict=True)]


def part(seen: View) -> dict[str, Any]:
    return {"extent": seen.bbox, "size": seen.size}


def test_a_wmts_connection_shows_our_maps_in_their_place(server: Server, tmp_path: Path) -> None:
    """One address is pasted; what follows it is what QGIS makes of the layers that it lists there."""
    views = [view(server, collection, set_id) for collection, set_id, _ in PLACES]
    layers = []
    for seen, (collection, set_id, crs) in zip(views, PLACES, strict=True):
        style = httpx.get(f"{server.url}/collections/{collection}/styles").json()["styles"][0]["id"]
        address = f"{server.url}/collections/{collection}/wmts/1.0.0/WMTSCapabilities.xml"
        source = (
            f"crs={crs}&dpiMode=7&format=image/png&layers={collection}&styles={style}"
            f"&tileMatrixSet={set_id}&url={address}"
        )
        layers.append({"source": source, "provider": "wms", **part(seen)})
    for (told, theirs), seen, (collection, set_id, crs) in zip(drawn(layers, tmp_path), views, PLACES, strict=True):
        where = f"{collection} in {set_id}"
        assert told["crs"] == crs, where
        box = box_of(server, collection, set_id)
        assert told["extent"] == pytest.approx(box, abs=seen.cell), where
        ours = own(server, seen)
        assert is_picture(ours), where
        assert apart(ours, theirs, reach=_ROUNDED) < 0.01, where


def test_layer_definitions_of_maps_show_our_maps(server: Server, tmp_path: Path) -> None:
    views = [view(server, collection, set_id) for collection, set_id, _ in PLACES]
    layers = []
    for seen in views:
        path = tmp_path / f"{seen.collection}-{seen.set_id}.qlr"
        address = f"{server.url}/collections/{seen.collection}/map/tiles/{seen.set_id}/wmts.qlr"
        path.write_bytes(httpx.get(address).content)
        layers.append({"definition": str(path), **part(seen)})
    for (told, theirs), seen, (_, _, crs) in zip(drawn(layers, tmp_path), views, PLACES, strict=True):
        assert told["crs"] == crs
        assert apart(own(server, seen), theirs, reach=_ROUNDED) < 0.01, seen


def box_of(server: Server, collection: str, set_id: str) -> list[float]:
    """Where the capabilities say that a collection lies, in x, y order."""
    address = f"{server.url}/collections/{collection}/wmts/1.0.0/WMTSCapabilities.xml"
    root = etree.fromstring(httpx.get(address).content)
    told = httpx.get(f"{server.url}/tileMatrixSets/{set_id}").json()
    crs = next(
        one.findtext("{*}SupportedCRS")
        for one in root.findall(".//{*}TileMatrixSet")
        if one.findtext("{*}Identifier") == set_id
    )
    (box,) = (one for one in root.findall(".//{*}BoundingBox") if one.get("crs") == crs)
    lower, upper = (list(map(float, box.findtext(f"{{*}}{name}Corner").split())) for name in ("Lower", "Upper"))
    is_yx = told["orderedAxes"][0] in {"Lat", "N", "Y"}
    return [*lower[::-1], *upper[::-1]] if is_yx else [*lower, *upper]


def test_virtual_rasters_are_the_data_themselves(server: Server, folder: Path, tmp_path: Path) -> None:
    layers = [
        {
            "source": f"/vsicurl/{server.url}/collections/{name}/coverage.vrt",
            "provider": "gdal",
            "size": [300, 200],
        }
        for name, _, _ in VALUES
    ]
    for (told, theirs), (name, crs, nodata) in zip(drawn(layers, tmp_path), VALUES, strict=True):
        assert (told["crs"], told["nodata"]) == (crs, nodata)
        with rasterio.open(f"{server.url}/collections/{name}/coverage.vrt") as opened:
            assert told["extent"] == pytest.approx(list(opened.bounds), rel=1e-12)
        assert is_picture(theirs), name


def test_values_are_drawn_as_our_styles_do(server: Server, folder: Path, tmp_path: Path) -> None:
    base, layers = f"{server.url}/collections/drawn", []
    for style in STYLES:
        asked = f"{base}/coverage/tiles/drawn-native/values.qlr?style={style}"
        (tmp_path / f"{style}.qlr").write_bytes(httpx.get(asked).content)
        layers.append({"definition": str(tmp_path / f"{style}.qlr"), "size": [1000, 300]})
    for style, (told, theirs) in zip(STYLES, drawn(layers, tmp_path), strict=True):
        assert told["crs"] == "EPSG:4326"
        assert told["extent"] == pytest.approx([-10, 35, 40, 50])
        whole = View("drawn", "", "", pyproj.CRS("EPSG:4326"), EPSG_4326, (-10, 35, 40, 50), (1000, 300), 0.05)
        assert apart(own(server, whole, style), theirs, 3) < 0.01, style
