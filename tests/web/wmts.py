"""A WMTS as its tests see it: requests, and what their answers say."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from starlette.testclient import TestClient

from tests.web.conftest import Serve
from tests.xsd import valid

NAMES = {
    "w": "http://www.opengis.net/wmts/1.0",
    "o": "http://www.opengis.net/ows/1.1",
    "x": "http://www.w3.org/1999/xlink",
}
HREF = "{http://www.w3.org/1999/xlink}href"
SERVICES = ("/wmts", "/collections/mola/wmts", "/collections/black-marble/wmts")
CAPABILITIES = {"service": "WMTS", "request": "GetCapabilities"}
TILE = {
    "service": "WMTS",
    "request": "GetTile",
    "version": "1.0.0",
    "layer": "mola",
    "style": "terrain",
    "format": "image/png",
    "tilematrixset": "MarsGeographicSphere",
    "tilematrix": "1",
    "tilerow": "0",
    "tilecol": "1",
}
INFO = {**TILE, "request": "GetFeatureInfo", "infoformat": "application/json", "i": "5", "j": "200"}


def capabilities(client: TestClient, service: str = "/wmts") -> Any:
    return valid(client.get(f"{service}/1.0.0/WMTSCapabilities.xml").content)


def found(element: Any, path: str) -> list[Any]:
    return element.xpath(path, namespaces=NAMES)


def texts(element: Any, path: str) -> list[str]:
    return [str(text) for text in found(element, f"{path}/text()")]


def text(element: Any, path: str) -> str:
    (only,) = texts(element, path)
    return only


def layers(root: Any) -> dict[str, Any]:
    return {text(layer, "o:Identifier"): layer for layer in found(root, "//w:Layer")}


def sets(root: Any) -> dict[str, Any]:
    return {text(one, "o:Identifier"): one for one in found(root, "w:Contents/w:TileMatrixSet")}


def limits(layer: Any, set_id: str) -> dict[str, tuple[int, int, int, int]]:
    """First and last row, first and last column of each matrix."""
    rows = found(layer, f"w:TileMatrixSetLink[w:TileMatrixSet='{set_id}']//w:TileMatrixLimits")
    ends = ("MinTileRow", "MaxTileRow", "MinTileCol", "MaxTileCol")
    return {text(row, "w:TileMatrix"): tuple(int(text(row, f"w:{end}")) for end in ends) for row in rows}


def pair(element: Any, path: str) -> list[float]:
    return [float(number) for number in text(element, path).split(" ")]


def kvp(client: TestClient, values: dict[str, str], service: str = "/wmts") -> Any:
    return client.get(f"{service}?{urlencode(values)}")


def refusal(answer: Any) -> tuple[int, str, str | None]:
    """Status, code and locator of an exception report."""
    assert answer.headers["content-type"] == "application/xml"
    (one,) = found(valid(answer.content), "o:Exception")
    assert text(one, "o:ExceptionText")
    return answer.status_code, one.get("exceptionCode"), one.get("locator")


def serving(serve: Serve, data: str, provider: str = "COG", url: str | None = None, **options: Any) -> TestClient:
    """A client of one collection, `one`."""
    entry = {"type": "coverage", "name": provider, "data": data, "options": options}
    resources = {"one": {"type": "collection", "title": "One", "providers": [entry]}}
    return serve(json.dumps({"server": {"url": url} if url else {}, "resources": resources}))
