"""What clients are tried with: rasters of two planets, and a server that listens."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import rasterio
import yaml

from ogcapi.model.body import body_of
from ogcapi.model.crs import parse_crs
from ogcapi.model.grid import BBox, carry
from ogcapi.model.tiles import TileMatrixSet
from ogcapi.sources.tile_matrix_sets import planetary
from tests.data import numbered, write_raster

ROOT = Path(__file__).resolve().parents[2]
NODATA = -32767
MARS = "IAU_2015:49910"
MARS_SET = "MarsEquidistantCylindricalSphere"
STYLES: dict[str, Any] = {
    "ramp": {"fields": ["b1"], "colormap": [[0, "#000080"], [2000, "#ffff00"], [5000, "#ff0000"]]},
    "gray": {"fields": ["b1"], "range": [0, 5000], "gamma": 1.5},
    "turned": {"fields": ["b1"], "range": [5000, 0]},
    "steps": {"fields": ["b1"], "colormap": [{"to": 900, "color": "#102030"}, {"from": 1500, "color": "#c08040"}]},
}


@dataclass(frozen=True)
class Server:
    """A server in a process of its own: GDAL may hold Python's lock while it asks."""

    url: str
    log: Path

    def asked(self) -> list[str]:
        """The paths that were asked for, in order."""
        found = re.findall(r" (?:GET|HEAD) (/\S*) \d{3} ", self.log.read_text())
        return [path.partition("?")[0] for path in found]

    @contextmanager
    def tiles(self) -> Iterator[list[str]]:
        """The tiles that are asked for meanwhile."""
        before, found = len(self.asked()), list[str]()
        yield found
        found += [path for path in self.asked()[before:] if path.endswith((".tif", ".png"))]


@contextmanager
def listening(config: Path) -> Iterator[Server]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Server(f"http://127.0.0.1:{port}", config.parent / "log.txt")
    command = [sys.executable, "-m", "ogcapi", "serve", str(config), "--port", str(port)]
    with server.log.open("w") as log, subprocess.Popen(command, stdout=log, stderr=log, cwd=ROOT) as process:
        try:
            while process.poll() is None and not is_ready(server):
                time.sleep(0.1)
            assert process.poll() is None, server.log.read_text()
            yield server
        finally:
            process.terminate()


def is_ready(server: Server) -> bool:
    try:
        return httpx.get(f"{server.url}/healthz", timeout=5).is_success
    except httpx.TransportError:
        return False


def heights(seed: int, height: int, width: int) -> np.ndarray[Any, Any]:
    """Heights with gaps, and a true 0 that is no gap."""
    random = np.random.default_rng(seed)
    values = (-3000 + 1000 * random.random((height, width))).astype("float32")
    values[random.random((height, width)) < 0.1] = NODATA
    values[: height // 3, : width // 2] = NODATA
    values[-1, -1] = 0
    return values


def waves(height: int, width: int, top: int, dtype: str, shift: int = 0) -> np.ndarray[Any, Any]:
    """Hills between 0 and a height, whose place can be seen in a picture."""
    rows, cols = np.arange(height)[:, None] + shift, np.arange(width) + shift
    return (top * (0.5 + 0.25 * np.sin(rows / 11) + 0.25 * np.cos(cols / 17))).round().astype(dtype)


def write_mars(folder: Path, name: str, corner: tuple[float, float], cell: float) -> np.ndarray[Any, Any]:
    """A mosaic of two files that overlap; what it looks like, the first file on top."""
    x, y = corner
    first, second = heights(1, 700, 600), heights(2, 500, 900)
    for number, values, left, top in ((1, first, 0, 0), (2, second, 400, 350)):
        write_raster(
            folder / f"{name}{number}.tif",
            values,
            transform=(cell, 0, x + left * cell, 0, -cell, y - top * cell),
            crs=MARS,
            nodata=NODATA,
            tiled=True,
            blockxsize=256,
            blockysize=256,
            overviews=(2, 4),
        )
    write_index(folder / f"{name}.json", [f"{name}1.tif", f"{name}2.tif"])
    whole = np.full((850, 1300), NODATA, "float32")
    whole[350:, 400:] = second
    whole[:700, :600] = np.where(first == NODATA, whole[:700, :600], first)
    return whole


def write_index(path: Path, names: list[str]) -> None:
    """A mosaic.json as the tutorial makes it: by tiles of Mars in Mercator."""
    mercator = planetary_sets()["MarsMercatorSphere"]
    tiles: dict[str, list[str]] = {}
    for name in names:
        with rasterio.open(path.parent / name) as source:
            crs, box = parse_crs(MARS), BBox(**dict(zip(("xmin", "ymin", "xmax", "ymax"), source.bounds, strict=True)))
        (limit,) = (one for one in mercator.limits(carry(box, crs, mercator.crs)) if one.matrix_id == "8")
        for row in range(limit.min_row, limit.max_row + 1):
            for col in range(limit.min_col, limit.max_col + 1):
                digits = (((row >> level & 1) << 1) | (col >> level & 1) for level in range(7, -1, -1))
                tiles.setdefault("".join(map(str, digits)), []).append(name)
    own = {"id": mercator.id, **mercator.document}
    index = {"mosaicjson": "0.0.3", "minzoom": 8, "maxzoom": 12, "quadkey_zoom": 8, "bounds": [75, 14, 80, 20]}
    path.write_text(json.dumps({**index, "tiles": tiles, "tilematrixset": own}))


def planetary_cell() -> tuple[float, tuple[float, float]]:
    """A cell of a set that Mars is tiled in, and where its cells are counted from."""
    matrix = planetary_sets()[MARS_SET]["6"]
    return matrix.cell_size, matrix.origin


def planetary_sets() -> dict[str, TileMatrixSet]:
    return {one.id: one for one in planetary(body_of(parse_crs(MARS)))}


@contextmanager
def truth(folder: Path, name: str) -> Iterator[tuple[np.ndarray[Any, Any], Any]]:
    """Values read from the files themselves, and the file that says where they lie."""
    is_mosaic = (folder / f"{name}.json").is_file()
    with rasterio.open(folder / (f"{name}1.tif" if is_mosaic else f"{name}.tif")) as source:
        yield np.load(folder / f"{name}.npy")[None] if is_mosaic else source.read(), source


def write_data(folder: Path) -> None:
    """All rasters, and what mosaics look like as arrays."""
    whole = write_mars(folder, "mars", (4_500_000.0, 1_100_000.0), 200.0)
    np.save(folder / "mars.npy", whole)
    cell, (x, y) = planetary_cell()
    np.save(folder / "aligned.npy", write_mars(folder, "aligned", (x + 5000 * cell, y - 2500 * cell), cell))
    rgb = ("red", "green", "blue")
    write_raster(
        folder / "utm.tif",
        np.stack([waves(700, 900, 250, "uint8", shift) for shift in (0, 11, 23)]),
        bounds=(399_960, 5_300_040 - 7000, 399_960 + 9000, 5_300_040),
        crs="EPSG:32633",
        colorinterp=[rasterio.enums.ColorInterp[color] for color in rgb],
    )
    write_raster(
        folder / "laea.tif",
        waves(600, 800, 5000, "int32"),
        bounds=(4_000_000, 2_000_000, 4_080_000, 2_060_000),
        crs="EPSG:3035",
        nodata=-1,
    )
    degrees = waves(300, 1000, 5000, "int16")
    degrees[10:40, 10:40] = -9999
    write_raster(folder / "degrees.tif", degrees, bounds=(-10, 35, 40, 50), crs="EPSG:4326", nodata=-9999)
    mixed = np.stack([np.arange(10_000).reshape(100, 100) % 50, np.arange(10_000).reshape(100, 100) % 7])
    write_raster(folder / "oblong.tif", mixed.astype("uint8"), bounds=(0, 0, 10, 20), crs="EPSG:4326", nodata=3)
    write_raster(folder / "canada.tif", numbered(800, 1000), bounds=(-100, 50, -90, 58), crs="EPSG:4326", nodata=-1)


def write_config(folder: Path) -> Path:
    """The configuration that serves them, and the Mars that comes with the project."""

    def coverage(data: str, **options: Any) -> dict[str, Any]:
        name = "MosaicJSON" if data.endswith("json") else "COG"
        provider = {"type": "coverage", "name": name, "data": data, "options": options}
        return {"type": "collection", "title": f"<{data}> & more", "description": "made", "providers": [provider]}

    resources = {
        "mars": coverage("mars.json"),
        "aligned": coverage("aligned.json"),
        "utm": coverage("utm.tif"),
        "drawn": coverage("degrees.tif", tile_matrix_sets=["WorldCRS84Quad"], styles=STYLES),
        "laea": coverage("laea.tif", tile_matrix_sets=["EuropeanETRS89_LAEAQuad", "WebMercatorQuad"]),
        "degrees": coverage("degrees.tif", tile_matrix_sets=["WorldCRS84Quad", "WebMercatorQuad", "GNOSISGlobalGrid"]),
        "oblong": coverage("oblong.tif"),
        "canada": coverage("canada.tif", tile_matrix_sets=["CanadianNAD83_LCC"]),
        "mola": yaml.safe_load((ROOT / "config.yml").read_text())["resources"]["mola"],
    }
    (provider,) = resources["mola"]["providers"]
    provider["data"] = str(ROOT / provider["data"])
    (folder / "config.yml").write_text(yaml.safe_dump({"resources": resources}, sort_keys=False))
    return folder / "config.yml"
