"""Files that clients open, opened: GDAL, rasterio and others against a server that answers over HTTP."""

from __future__ import annotations

import io
import json
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import numpy as np
import pytest
import rasterio
import yaml
from lxml import etree
from PIL import Image
from starlette.testclient import TestClient

from ogcapi.app import create_app
from ogcapi.config import load_config
from ogcapi.model.body import body_of
from ogcapi.model.crs import parse_crs
from ogcapi.model.grid import BBox, carry
from ogcapi.model.tiles import TileMatrixSet
from ogcapi.sources.tile_matrix_sets import planetary
from tests.data import numbered, write_raster
from tests.web.conftest import ROOT

NODATA = -32767
MARS = "IAU_2015:49910"
MARS_SET = "MarsEquidistantCylindricalSphere"
_DEBIAN_GDAL = shutil.which("gdalinfo")
STYLES: dict[str, Any] = {
    "ramp": {"fields": ["b1"], "colormap": [[0, "#000080"], [2000, "#ffff00"], [5000, "#ff0000"]]},
    "gray": {"fields": ["b1"], "range": [0, 5000], "gamma": 1.5},
    "turned": {"fields": ["b1"], "range": [5000, 0]},
    "steps": {"fields": ["b1"], "colormap": [{"to": 900, "color": "#102030"}, {"from": 1500, "color": "#c08040"}]},
}
QGIS_PYTHON = "/usr/bin/python3"
needs_gdal = pytest.mark.skipif(_DEBIAN_GDAL is None, reason="GDAL's command line is not here")


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


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clients")
    whole = write_mars(folder, "mars", (4_500_000.0, 1_100_000.0), 200.0)
    np.save(folder / "mars.npy", whole)
    cell, (x, y) = planetary_cell()
    np.save(folder / "aligned.npy", write_mars(folder, "aligned", (x + 5000 * cell, y - 2500 * cell), cell))
    random = np.random.default_rng(3)
    rgb = ("red", "green", "blue")
    write_raster(
        folder / "utm.tif",
        random.integers(0, 255, (3, 700, 900), "uint8"),
        bounds=(399_960, 5_300_040 - 7000, 399_960 + 9000, 5_300_040),
        crs="EPSG:32633",
        colorinterp=[rasterio.enums.ColorInterp[color] for color in rgb],
    )
    write_raster(
        folder / "laea.tif",
        numbered(600, 800),
        bounds=(4_000_000, 2_000_000, 4_080_000, 2_060_000),
        crs="EPSG:3035",
        nodata=-1,
    )
    degrees = numbered(300, 1000, "int16")
    degrees[10:40, 10:40] = -9999
    write_raster(folder / "degrees.tif", degrees, bounds=(-10, 35, 40, 50), crs="EPSG:4326", nodata=-9999)
    mixed = np.stack([np.arange(10_000).reshape(100, 100) % 50, np.arange(10_000).reshape(100, 100) % 7])
    write_raster(folder / "oblong.tif", mixed.astype("uint8"), bounds=(0, 0, 10, 20), crs="EPSG:4326", nodata=3)
    write_raster(folder / "canada.tif", numbered(800, 1000), bounds=(-100, 50, -90, 58), crs="EPSG:4326", nodata=-1)
    return folder


def planetary_cell() -> tuple[float, tuple[float, float]]:
    """A cell of a set that Mars is tiled in, and where its cells are counted from."""
    matrix = planetary_sets()[MARS_SET]["6"]
    return matrix.cell_size, matrix.origin


def planetary_sets() -> dict[str, TileMatrixSet]:
    return {one.id: one for one in planetary(body_of(parse_crs(MARS)))}


@pytest.fixture(scope="module")
def config(folder: Path) -> Path:
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
    }
    (folder / "config.yml").write_text(yaml.safe_dump({"resources": resources}))
    return folder / "config.yml"


@pytest.fixture(scope="module")
def made(config: Path) -> TestClient:
    """A client of the made collections, without a network."""
    return TestClient(create_app(load_config(config, {})), raise_server_exceptions=False)


@pytest.fixture(scope="module")
def server(config: Path) -> Iterator[Server]:
    with listening(config) as running:
        yield running


@contextmanager
def truth(folder: Path, name: str) -> Iterator[tuple[np.ndarray[Any, Any], Any]]:
    """Values read from the files themselves, and the file that says where they lie."""
    is_mosaic = (folder / f"{name}.json").is_file()
    with rasterio.open(folder / (f"{name}1.tif" if is_mosaic else f"{name}.tif")) as source:
        yield np.load(folder / f"{name}.npy")[None] if is_mosaic else source.read(), source


@pytest.mark.parametrize("name", ["mars", "aligned", "utm", "laea", "degrees"])
def test_one_address_opens_as_the_data_themselves(server: Server, folder: Path, name: str) -> None:
    with (
        truth(folder, name) as (values, source),
        rasterio.open(f"{server.url}/collections/{name}/coverage.vrt") as opened,
    ):
        np.testing.assert_array_equal(opened.read(), values)
        assert opened.nodata == source.nodata
        assert opened.dtypes == source.dtypes
        assert opened.crs == source.crs
        np.testing.assert_allclose(opened.transform, source.transform, rtol=1e-14)
        assert opened.colorinterp == source.colorinterp


def test_in_a_set_whose_cells_are_the_datas_own_nothing_is_resampled(server: Server, folder: Path) -> None:
    with (
        truth(folder, "aligned") as (values, source),
        rasterio.open(f"{server.url}/collections/aligned/coverage/tiles/{MARS_SET}/coverage.vrt") as opened,
    ):
        np.testing.assert_array_equal(opened.read(), values)
        assert (opened.nodata, opened.crs, opened.transform) == (source.nodata, source.crs, source.transform)


def test_a_decimated_read_needs_the_tiles_of_that_level_alone(server: Server, folder: Path) -> None:
    with rasterio.open(f"{server.url}/collections/aligned/coverage/tiles/{MARS_SET}/coverage.vrt") as opened:
        shape = opened.height // 4, opened.width // 4
        with server.tiles() as asked:
            found = opened.read(1, out_shape=shape)
    assert {path.split("/")[-3] for path in asked} == {"4"}
    assert len(asked) <= 6
    assert {NODATA} < set(np.unique(found))


def test_a_window_needs_the_tiles_under_it_alone(server: Server, folder: Path) -> None:
    window = rasterio.windows.Window(600, 600, 50, 50)
    with rasterio.open(f"{server.url}/collections/utm/coverage.vrt") as opened, server.tiles() as asked:
        found = opened.read(window=window)
    with truth(folder, "utm") as (values, _):
        np.testing.assert_array_equal(found, values[:, 600:650, 600:650])
    assert len(asked) == 1


def test_fields_are_chosen_by_name_in_any_order(server: Server, folder: Path) -> None:
    with (
        truth(folder, "utm") as (values, _),
        rasterio.open(f"{server.url}/collections/utm/coverage.vrt?properties=b3,b1") as opened,
    ):
        np.testing.assert_array_equal(opened.read(), values[[2, 0]])
        assert [color.name for color in opened.colorinterp] == ["blue", "red"]


def test_statistics_of_stored_values_are_there_without_reading_any(server: Server, folder: Path) -> None:
    whole = np.load(folder / "mars.npy")
    valid = whole[whole != NODATA]
    with server.tiles() as asked, rasterio.open(f"{server.url}/collections/mars/coverage.vrt") as opened:
        tags = opened.tags(1)
    assert asked == []
    assert float(tags["STATISTICS_MINIMUM"]) >= valid.min()
    assert float(tags["STATISTICS_MAXIMUM"]) <= valid.max()
    assert float(tags["STATISTICS_MEAN"]) == pytest.approx(valid.mean(), abs=20)


def test_data_whose_cells_are_not_square_come_in_a_set_of_their_system(server: Server, folder: Path) -> None:
    with (
        truth(folder, "oblong") as (values, _),
        rasterio.open(f"{server.url}/collections/oblong/coverage.vrt") as opened,
    ):
        place = [opened.index(x, y) for x, y in ((0.05, 19.9), (9.95, 0.1), (5.05, 9.9))]
        assert [opened.read()[:, row, col].tolist() for row, col in place] == [
            values[:, row, col].tolist() for row, col in ((0, 0), (99, 99), (50, 50))
        ]
        assert opened.nodata == 3


def test_the_wms_driver_gets_exact_values_and_knows_what_is_no_data(server: Server, folder: Path) -> None:
    with (
        truth(folder, "aligned") as (values, source),
        rasterio.open(f"{server.url}/collections/aligned/coverage/tiles/{MARS_SET}/gdal-wms.xml") as opened,
    ):
        row, col = opened.index(source.bounds.left + 1, source.bounds.top - 1)
        height, width = values.shape[1:]
        window = rasterio.windows.Window(col, row, width, height)
        np.testing.assert_array_equal(opened.read(window=window), values)
        assert (opened.nodata, opened.crs) == (NODATA, source.crs)


@needs_gdal
@pytest.mark.parametrize("path", ["mars/coverage.vrt", "mars/coverage/tiles/MarsMercatorSphere/coverage.vrt"])
def test_gdals_own_programs_open_it(server: Server, path: str, tmp_path: Path) -> None:
    address = f"/vsicurl/{server.url}/collections/{path}"
    ran = subprocess.run(["gdalinfo", "-json", address], capture_output=True, text=True, check=True, timeout=60)
    found = json.loads(ran.stdout)
    assert found["bands"][0]["noDataValue"] == NODATA
    assert found["bands"][0]["type"] == "Float32"
    assert "Mars" in found["coordinateSystem"]["wkt"]


def test_addresses_in_files_are_those_that_the_client_uses(made: TestClient) -> None:
    path = f"/collections/mars/coverage/tiles/{MARS_SET}/gdal-wms.xml"
    answer = made.get(path, headers={"host": "elsewhere.example:8080"})
    assert answer.headers["content-type"] == "application/xml"
    service = etree.fromstring(answer.content)
    assert service.findtext("Service/ServerUrl") == (
        f"http://elsewhere.example:8080/collections/mars/coverage/tiles/{MARS_SET}/${{z}}/${{y}}/${{x}}.tif"
    )


def test_files_are_asked_for_again_only_when_they_change(made: TestClient) -> None:
    answer = made.get("/collections/utm/coverage.vrt")
    again = made.get("/collections/utm/coverage.vrt", headers={"if-none-match": answer.headers["etag"]})
    assert again.status_code == 304
    assert answer.headers["cache-control"]


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("nowhere/coverage.vrt", ["nowhere"]),
        ("utm/coverage.vrt?properties=b1,b9", ["b9", "b1, b2, b3"]),
        ("utm/coverage/tiles/NoSet/coverage.vrt", ["NoSet", "WebMercatorQuad"]),
        ("utm/coverage/tiles/mars-native/coverage.vrt", ["mars-native"]),
        ("utm/coverage/tiles/NoSet/gdal-wms.xml", ["NoSet", "WebMercatorQuad"]),
        ("utm/coverage/tiles/WebMercatorQuad/gdal-wms.xml?properties=x", ["x", "b1, b2, b3"]),
    ],
)
def test_a_file_of_something_unknown_is_not_found_and_known_names_are_told(
    made: TestClient, path: str, named: list[str]
) -> None:
    answer = made.get(f"/collections/{path}")
    assert answer.status_code == 404
    assert all(name in answer.json()["detail"] for name in named)


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("coverage/tiles/GNOSISGlobalGrid/gdal-wms.xml", "WorldCRS84Quad"),
        ("coverage/tiles/GNOSISGlobalGrid/gdal-wmts.xml", "WorldCRS84Quad"),
        ("coverage/tiles/GNOSISGlobalGrid/coverage.vrt", "WorldCRS84Quad"),
        ("coverage/tiles/GNOSISGlobalGrid/stacta.json", "degrees-native"),
        ("coverage/tiles/GNOSISGlobalGrid/values.qlr", "degrees-native"),
        ("map/tiles/GNOSISGlobalGrid/wmts.qlr", "WorldCRS84Quad"),
        ("map/tiles/GNOSISGlobalGrid/tilejson.json", "WebMercatorQuad"),
        ("map/tiles/GNOSISGlobalGrid/style.json", "WebMercatorQuad"),
    ],
)
def test_a_set_that_a_format_cannot_express_is_refused_and_others_are_named(
    made: TestClient, name: str, known: str
) -> None:
    answer = made.get(f"/collections/degrees/{name}")
    assert answer.status_code == 400
    assert known in answer.json()["expected"]
    assert answer.json()["value"] == "GNOSISGlobalGrid"


def test_the_tiles_of_the_datas_own_cells_are_a_tile_set_like_others(made: TestClient) -> None:
    tile_set = made.get("/collections/utm/coverage/tiles/utm-native").json()
    (scheme,) = [one["href"] for one in tile_set["links"] if one["rel"].endswith("tiling-scheme")]
    matrix_set = made.get(scheme).json()
    assert matrix_set["id"] == tile_set["tileMatrixSetId"] == "utm-native"
    assert matrix_set["tileMatrices"][-1]["cellSize"] == 10
    assert made.get("/tileMatrixSets/oblong-native").status_code == 404
    assert made.get("/tileMatrixSets/none-native").status_code == 404


def test_tiled_assets_are_the_data_themselves(server: Server, folder: Path) -> None:
    with (
        truth(folder, "laea") as (values, source),
        rasterio.open(f'STACTA:"{server.url}/collections/laea/coverage/tiles/laea-native/stacta.json"') as opened,
    ):
        window = rasterio.windows.Window(0, 0, source.width, source.height)
        np.testing.assert_array_equal(opened.read(window=window), values)
        assert (opened.nodata, opened.dtypes, opened.crs) == (source.nodata, source.dtypes, source.crs)
        np.testing.assert_allclose(opened.transform, source.transform, rtol=1e-12)


@pytest.mark.parametrize("base", ["drawn/map", "drawn/styles/ramp/map", "mars/map"])
def test_web_maps_get_tiles_of_512_cells(made: TestClient, base: str) -> None:
    mercator = "MarsMercatorSphere" if base.startswith("mars") else "WebMercatorQuad"
    base = base.replace("drawn", "degrees").replace("/styles/ramp", "/styles/default")
    one = base.partition("/")[0]
    if "styles" in base:
        (first, *_) = made.get(f"/collections/{one}/styles").json()["styles"]
        base = base.replace("default", first["id"])
    told = made.get(f"/collections/{base}/tiles/{mercator}/tilejson.json").json()
    style = made.get(f"/collections/{base}/tiles/{mercator}/style.json").json()
    (source,) = style["sources"].values()
    assert told["tilejson"] == "3.0.0"
    assert (source["tiles"], source["tileSize"], source["bounds"]) == (told["tiles"], 512, told["bounds"])
    longitude, latitude, zoom = told["center"]
    col = int((longitude / 360 + 0.5) * 2**zoom)
    row = int((0.5 - np.arcsinh(np.tan(np.radians(latitude))) / (2 * np.pi)) * 2**zoom)
    (template,) = told["tiles"]
    answer = made.get(template.replace("{z}", str(zoom)).replace("{x}", str(col)).replace("{y}", str(row)))
    picture = Image.open(io.BytesIO(answer.content))
    assert (picture.format, picture.size) == ("PNG", (512, 512))
    assert picture.convert("RGBA").getextrema()[3][1] == 255


def test_the_deepest_level_of_web_maps_has_the_cells_of_the_deepest_matrix(made: TestClient) -> None:
    limits = made.get("/collections/degrees/map/tiles/WebMercatorQuad").json()["tileMatrixSetLimits"]
    told = made.get("/collections/degrees/map/tiles/WebMercatorQuad/tilejson.json").json()
    assert told["maxzoom"] == int(limits[-1]["tileMatrix"]) - 1


def has_qgis() -> bool:
    command = [QGIS_PYTHON, "-c", "import qgis.core, PyQt5"]
    return Path(QGIS_PYTHON).is_file() and subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not has_qgis(), reason="QGIS and its Python are not here")
def test_qgis_draws_values_as_our_styles_do(server: Server, folder: Path, tmp_path: Path) -> None:
    base = f"{server.url}/collections/drawn"
    for style in STYLES:
        asked = f"{base}/coverage/tiles/drawn-native/values.qlr?style={style}"
        (tmp_path / f"{style}.qlr").write_bytes(httpx.get(asked).content)
    paths = [str(tmp_path / f"{style}.qlr") for style in STYLES]
    own = {"QT_QPA_PLATFORM": "offscreen", "XDG_CACHE_HOME": str(tmp_path), "HOME": str(tmp_path), "PATH": "/usr/bin"}
    script = [QGIS_PYTHON, str(Path(__file__).with_name("qgis_layer.py")), *paths]
    ran = subprocess.run(script, capture_output=True, text=True, check=True, timeout=120, env=own)
    layers = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [layer["valid"] for layer in layers] == [True] * len(STYLES)
    for style, layer, path in zip(STYLES, layers, paths, strict=True):
        assert layer["crs"] == "EPSG:4326"
        assert layer["extent"] == pytest.approx([-10, 35, 40, 50])
        own_map = httpx.get(f"{base}/styles/{style}/map?width=1000&height=300&f=png").content
        ours = Image.open(io.BytesIO(own_map)).convert("RGBA")
        white = Image.alpha_composite(Image.new("RGBA", ours.size, "white"), ours).convert("RGB")
        theirs = Image.open(f"{path}.png").convert("RGB")
        apart = np.abs(np.asarray(white, float) - np.asarray(theirs, float)).max(axis=2)
        assert (apart > 3).mean() < 0.01, style


def test_values_are_drawn_only_from_fields_that_are_there(made: TestClient) -> None:
    answer = made.get("/collections/drawn/coverage/tiles/drawn-native/values.qlr?style=none")
    assert answer.status_code == 404
    assert "ramp" in answer.json()["detail"]
    (style, *_) = made.get("/collections/utm/styles").json()["styles"]
    path = "/collections/utm/coverage/tiles/utm-native/values.qlr?properties=b1"
    assert made.get(f"{path}&style={style['id']}").status_code == 400
    assert "<rasterrenderer" not in made.get(path).text


def test_maps_open_in_qgis_through_wmts(made: TestClient) -> None:
    answer = made.get("/collections/drawn/styles/gray/map/tiles/WorldCRS84Quad/wmts.qlr")
    assert answer.headers["content-type"] == "application/x-qgis-layer-definition"
    source = parse_qs(etree.fromstring(answer.content).findtext(".//datasource"))
    assert source["url"] == ["http://testserver/collections/drawn/wmts/1.0.0/WMTSCapabilities.xml"]
    assert (source["layers"], source["styles"]) == (["drawn"], ["gray"])
    assert (source["crs"], source["tileMatrixSet"]) == (["OGC:CRS84"], ["WorldCRS84Quad"])


@pytest.mark.parametrize(
    ("asked", "status", "size"),
    [("bytes=0-3", 206, 4), ("bytes=-5", 206, 5), ("bytes=99999999-", 416, 0), ("bytes=0-3,5-6", 200, None)],
)
def test_a_part_of_a_tile_is_given_when_one_is_asked_for(
    made: TestClient, asked: str, status: int, size: int | None
) -> None:
    path = "/collections/utm/coverage/tiles/utm-native/0/0/0.tif"
    whole = made.get(path).content
    for _ in range(2):  # made anew, and kept
        answer = made.get(path, headers={"range": asked})
        assert answer.status_code == status
        assert len(answer.content) == (len(whole) if size is None else size)
        if status == 206:
            first, last = answer.headers["content-range"].removeprefix("bytes ").partition("/")[0].split("-")
            assert answer.content == whole[int(first) : int(last) + 1]


@pytest.mark.parametrize("name", ["degrees", "laea", "drawn"])
def test_every_file_that_a_tile_set_links_to_is_there(made: TestClient, name: str) -> None:
    for kind in ("coverage", "map"):
        for one in made.get(f"/collections/{name}/{kind}/tiles").json()["tilesets"]:
            for link in one["links"]:
                if link["rel"] == "enclosure":
                    answer = made.get(link["href"])
                    assert (answer.status_code, answer.headers["content-type"]) == (200, link["type"]), link["href"]
    one = made.get("/collections/degrees/coverage/tiles/GNOSISGlobalGrid").json()
    assert [link for link in one["links"] if link["rel"] == "enclosure"] == []


def test_files_stand_on_the_page_of_their_tiles(made: TestClient) -> None:
    page = made.get("/collections/utm/coverage/tiles/WebMercatorQuad", headers={"accept": "text/html"}).text
    assert "/collections/utm/coverage/tiles/WebMercatorQuad/coverage.vrt" in page


def has_ogcapi() -> bool:
    command = ["gdalinfo", "--formats"]
    return _DEBIAN_GDAL is not None and b"OGCAPI" in subprocess.run(command, capture_output=True, check=False).stdout


@pytest.mark.skipif(not has_ogcapi(), reason="no GDAL with the driver OGCAPI is here")
def test_gdals_driver_of_ogc_apis_copies_values(server: Server, folder: Path, tmp_path: Path) -> None:
    address = f"OGCAPI:{server.url}/collections/degrees"
    command = ["gdal_translate", "-q", "-oo", "API=COVERAGE", "-oo", "CACHE=NO", address, "copy.tif"]
    subprocess.run(command, check=True, timeout=60, cwd=tmp_path)
    with truth(folder, "degrees") as (values, source), rasterio.open(tmp_path / "copy.tif") as copy:
        np.testing.assert_array_equal(copy.read(), values)
        np.testing.assert_allclose(copy.transform, source.transform, atol=1e-9)
        assert (copy.dtypes, copy.crs) == (source.dtypes, source.crs)


def values_of(made: TestClient, query: str) -> np.ndarray[Any, Any]:
    answer = made.get(f"/collections/{query}")
    assert answer.status_code == 200, answer.text
    return np.asarray(np.load(io.BytesIO(answer.content)))


def test_a_subset_by_axes_is_the_same_as_a_box(made: TestClient) -> None:
    box = values_of(made, "degrees/coverage?bbox=0,40,10,45&f=npy&width=100&height=50")
    for asked in (
        "subset=Lat(40:45),Lon(0:10)&scale-size=Lat(50),Lon(100)",
        "subset=Lon(0:10),Lat(40:45)&scaleSize=Lon(100),Lat(50)",
        "subset=long(0:10),lat(40:45)&width=100&height=50",
    ):
        np.testing.assert_array_equal(values_of(made, f"degrees/coverage?{asked}&f=npy"), box)


def test_a_subset_by_the_axes_of_the_storage_system_needs_no_transformation(made: TestClient, folder: Path) -> None:
    found = values_of(made, "utm/coverage?subset=E(400960:401960),N(5299040:5300040)&f=npy")
    with truth(folder, "utm") as (values, _):
        np.testing.assert_array_equal(found, values[:, :100, 100:200])


def test_an_empty_crs_means_that_of_the_data(made: TestClient) -> None:
    plain = made.get("/collections/laea/coverage?width=50")
    empty = made.get("/collections/laea/coverage?width=50&crs=")
    assert empty.content == plain.content
    assert empty.headers["content-crs"] == "http://www.opengis.net/def/crs/EPSG/0/3035"


@pytest.mark.parametrize(
    "query",
    [
        "subset=Lat(1)",
        "subset=Lat(1:2:3)",
        "subset=Lat(x:y)",
        "subset=Lat(1:nan)",
        "subset=Lat(40:45),Lat(40:45)",
        "subset=Z(40:45)",
        "subset=Lon(0:1),Long(0:1)",
        "subset=Lat(40:45)&bbox=0,40,10,45",
        "subset=",
        "scale-size=Lat(0)",
        "scale-size=Lat(1.5)",
        "scale-size=Q(5)",
        "scale-size=Lat(5)&scaleSize=Lat(5)",
        "scale-size=Lat(5)&width=5",
    ],
)
def test_axes_that_cannot_be_understood_are_refused(made: TestClient, query: str) -> None:
    answer = made.get(f"/collections/degrees/coverage?{query}")
    assert answer.status_code == 400
    assert answer.json()["parameter"] == query.partition("=")[0]
    assert answer.json()["expected"]


def test_a_set_that_is_no_pyramid_is_said_through_wmts(made: TestClient) -> None:
    base = "/collections/canada/coverage/tiles/CanadianNAD83_LCC"
    limits = made.get(base).json()["tileMatrixSetLimits"]
    raster = etree.fromstring(made.get(f"{base}/coverage.vrt").content)
    service = etree.fromstring(raster.findtext("VRTRasterBand/SimpleSource/SourceFilename"))
    alone = etree.fromstring(made.get(f"{base}/gdal-wmts.xml").content)
    assert service.tag == alone.tag == "GDAL_WMTS"
    for name in ("TileMatrix", "Layer", "Format", "GetCapabilitiesUrl", "DataType"):
        assert service.findtext(name) == alone.findtext(name)
    assert service.findtext("TileMatrix") == limits[-1]["tileMatrix"]
    assert service.findtext("GetCapabilitiesUrl").endswith("/collections/canada/wmts/1.0.0/WMTSCapabilities.xml")
    left, cell, _, top, _, _ = map(float, raster.findtext("GeoTransform").split(","))
    window = {one.tag: float(one.text) for one in service.find("DataWindow")}
    assert (window["UpperLeftX"], window["UpperLeftY"]) == (left, top)
    assert window["LowerRightX"] - left == pytest.approx(cell * int(raster.get("rasterXSize")))
    assert made.get(f"{base}/gdal-wms.xml").status_code == 400


def test_a_scale_follows_from_the_size_of_a_cell_where_the_document_of_a_set_contradicts_itself(
    made: TestClient,
) -> None:
    raster = etree.fromstring(made.get("/collections/canada/coverage/tiles/CanadianNAD83_LCC/coverage.vrt").content)
    _, cell, *_ = map(float, raster.findtext("GeoTransform").split(","))
    told = etree.fromstring(made.get("/collections/canada/wmts/1.0.0/WMTSCapabilities.xml").content)
    (*_, scale) = told.findall(".//{*}ScaleDenominator")
    assert float(scale.text) * 0.28e-3 == pytest.approx(cell, rel=1e-12)
