"""Mosaics with more assets beneath a tile than one answer may be made of."""

from __future__ import annotations

import io
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

from ogcapi.cli import main
from ogcapi.sources.locking import locked
from ogcapi.sources.overview import LOCK
from tests.sources.test_overview import write_assets
from tests.web.conftest import Serve

TILE = "/collections/m/map/tiles/WebMercatorQuad"


@pytest.fixture
def crowded(tmp_path: Path, serve: Serve) -> TestClient:
    """Four assets that lie apart, of which an answer may have two."""
    write_assets(tmp_path / "a", [(x, y, x + 10, y + 10) for y in (15, 0) for x in (0, 15)], nodata=-1)
    return serve(f"""
server: {{cache: {{folder: {tmp_path / "cache"}}}, limits: {{assets_per_request: 2}}}}
resources: {{m: {{providers: [{{name: MosaicJSON, data: a/mosaic.json}}]}}}}
""")


def build(folder: Path) -> str:
    result = CliRunner().invoke(main, ["overviews", "build", "--config", str(folder / "config.yml")])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("path", ["map/tiles", "coverage/tiles"])
def test_a_tile_of_too_many_assets_is_refused_with_the_first_level_that_is_answered(
    crowded: TestClient, path: str
) -> None:
    answer = crowded.get(f"/collections/m/{path}/WebMercatorQuad/0/0/0")
    assert answer.status_code == 413
    told = answer.json()
    assert (told["assets"], told["limit"]) == (4, 2)
    first = told["tileMatrix"]
    assert f"from the tile matrix {first} on" in told["detail"]
    web_map = crowded.get("/collections/m/map/tiles/WebMercatorQuad/tilejson.json").json()
    assert web_map["minzoom"] == int(first)
    tile_set = crowded.get(f"/collections/m/{path}/WebMercatorQuad?f=json").json()
    assert tile_set["layers"][0]["minTileMatrix"] == first
    for limit in tile_set["tileMatrixSetLimits"]:
        tiles = [
            crowded.get(f"/collections/m/{path}/WebMercatorQuad/{limit['tileMatrix']}/{row}/{col}").status_code
            for row in range(limit["minTileRow"], limit["maxTileRow"] + 1)
            for col in range(limit["minTileCol"], limit["maxTileCol"] + 1)
        ]
        if int(limit["tileMatrix"]) >= int(first):
            assert set(tiles) == {200}
            break
        assert 413 in tiles


def test_where_assets_lie_above_each_other_it_is_told_in_time_that_no_level_is_answered(
    tmp_path: Path, serve: Serve
) -> None:
    write_assets(tmp_path / "a", [(x, -30.0, x + 0.01, -29.99) for x in [-60.0, *[60.0] * 3]])
    client = serve(f"""
server: {{cache: {{folder: {tmp_path / "cache"}}}, limits: {{assets_per_request: 2}}}}
resources: {{m: {{providers: [{{name: MosaicJSON, data: a/mosaic.json}}]}}}}
""")
    begin = time.monotonic()
    answer = client.get(f"{TILE}/0/0/0")
    assert (answer.status_code, answer.json()["assets"]) == (413, 4)
    assert "minTileMatrix" not in client.get(f"{TILE}?f=json").json()["layers"][0]
    assert time.monotonic() - begin < 20


def test_a_map_and_a_coverage_of_too_many_assets_are_refused_in_words(crowded: TestClient) -> None:
    for path in ("map?width=64", "coverage?width=64"):
        answer = crowded.get(f"/collections/m/{path}")
        assert answer.status_code == 413
        assert "4 assets" in answer.json()["detail"]


def test_while_an_overview_is_made_the_tile_is_to_be_asked_for_again(crowded: TestClient, tmp_path: Path) -> None:
    build(tmp_path)
    (folder,) = tmp_path.glob("cache/overviews/*/m=*")
    with locked(folder / LOCK) as is_ours:
        assert is_ours
        answer = crowded.get(f"{TILE}/0/0/0")
    assert (answer.status_code, int(answer.headers["retry-after"]) > 0) == (503, True)


def test_with_an_overview_every_level_is_answered(tmp_path: Path, crowded: TestClient, serve: Serve) -> None:
    assert crowded.get(f"{TILE}/0/0/0").status_code == 413
    assert "blocks to make" in build(tmp_path)
    assert "current" in build(tmp_path)
    (tmp_path / "demo").unlink()
    client = serve((tmp_path / "config.yml").read_text())
    assert "minTileMatrix" not in client.get("/collections/m/map/tiles/WebMercatorQuad?f=json").json()["layers"][0]
    answer = client.get("/collections/m/coverage/tiles/WebMercatorQuad/1/0/1?f=npy")
    assert answer.status_code == 200
    assert np.load(io.BytesIO(answer.content)).dtype == np.int16
    info = client.get(
        "/collections/m/wmts?service=WMTS&version=1.0.0&request=GetFeatureInfo&layer=m&style=default&format=image/png"
        "&tilematrixset=WebMercatorQuad&tilematrix=1&tilerow=0&tilecol=1&i=6&j=250&infoformat=application/json"
    )
    assert "2.tif" in info.text
    tag = answer.headers["etag"]
    assert client.get("/collections/m/coverage/tiles/WebMercatorQuad/1/0/1?f=npy").headers["etag"] == tag


def test_overviews_are_listed_and_removed(tmp_path: Path, crowded: TestClient) -> None:
    assert crowded.get("/readyz").status_code == 200
    config = ["--config", str(tmp_path / "config.yml")]

    def said(*line: str) -> str:
        return CliRunner().invoke(main, ["overviews", *line, *config]).output

    assert said("list") == "m: none\n"
    build(tmp_path)
    assert said("list").startswith("m: current, ")
    assert "expected one of m" in said("build", "n")
    own = next((tmp_path / "cache" / "overviews").glob("*/m=*"))
    other = own.with_name("other")
    shutil.copytree(own, other)
    assert "other: of no mosaic of this configuration" in said("list")
    assert "m: " in said("remove")
    assert other.exists()
    assert "MB removed" in said("remove", "other")
    assert said("list") == "m: none\n"


def test_what_hinders_all_overviews_is_told_in_words(tmp_path: Path, crowded: TestClient) -> None:
    (tmp_path / "cache").mkdir(exist_ok=True)
    (tmp_path / "cache" / "overviews").write_text("no folder")
    assert crowded.get(f"{TILE}/0/0/0").status_code == 413
    config = tmp_path / "config.yml"
    told = CliRunner().invoke(main, ["overviews", "build", "--config", str(config)])
    assert (told.exit_code, told.output.startswith("No overviews can be made: ")) == (1, True)
    named = CliRunner().invoke(main, ["overviews", "build", "m", "--config", str(config)])
    assert (named.exit_code, named.output.startswith("m: no overview was made: ")) == (1, True)
    config.write_text(config.read_text().replace("server: {", "server: {overviews: off, "))
    assert "overviews is off" in CliRunner().invoke(main, ["overviews", "build", "--config", str(config)]).output
