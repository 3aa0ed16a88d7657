"""The catalogue: what is served, what is not, and when it is looked at again."""

from __future__ import annotations

import json
import os
import shutil
import socket
import time
from pathlib import Path

import numpy as np
import pytest

from ogcapi.config import load_config
from ogcapi.model.problem import NotFound, Unavailable
from ogcapi.sources.catalog import Catalog
from tests.data import forget_revisions, write_raster

ROOT = Path(__file__).resolve().parents[2]


class Clock:
    """A clock that stands still until it is told to go on."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def raster(path: Path, value: int = 1, crs: str = "EPSG:4326", west: float = 10) -> Path:
    """A small raster of one value."""
    return write_raster(path, np.full((8, 8), value, "uint8"), bounds=(west, 12, west + 8, 20), crs=crs)


def catalog_of(folder: Path, text: str, clock: Clock | None = None) -> Catalog:
    (folder / "config.yml").write_text(text)
    return Catalog(load_config(folder / "config.yml", {}), clock or Clock())


def test_a_bad_source_is_left_out_and_says_why_and_the_others_are_served(tmp_path: Path) -> None:
    raster(tmp_path / "good.tif")
    (tmp_path / "bad.tif").write_bytes(b"no raster at all")
    (tmp_path / "bad.json").write_text('{"mosaicjson": "0.0.3"}')
    catalog = catalog_of(
        tmp_path,
        "resources: {good: {providers: [{name: COG, data: good.tif}]}, bad: {providers: [{name: COG, data: bad.tif}]}, "
        "worse: {providers: [{name: MosaicJSON, data: bad.json}]}}",
    )
    assert [one.id for one in catalog.listed()] == ["good"]
    assert set(catalog.failing()) == {"bad", "worse"}
    with pytest.raises(Unavailable, match="bad cannot be opened") as found:
        catalog["bad"]
    assert found.value.retry_after_s == 30
    assert str(tmp_path) not in str(found.value.document) + str(catalog.failing())  # where it lies is nobody's business
    with pytest.raises(NotFound, match="nothing"):
        catalog["nothing"]


def test_what_failed_is_tried_again_after_a_while_and_not_before(tmp_path: Path) -> None:
    clock = Clock()
    (tmp_path / "a.tif").write_bytes(b"")
    catalog = catalog_of(tmp_path, "resources: {a: {providers: [{name: COG, data: a.tif}]}}", clock)
    raster(tmp_path / "a.tif")
    clock.now += 29
    assert not catalog.listed()
    clock.now += 2
    assert [one.id for one in catalog.listed()] == ["a"]
    assert not catalog.failing()


def test_a_file_that_is_replaced_is_noticed(tmp_path: Path) -> None:
    clock = Clock()
    raster(tmp_path / "a.tif")
    catalog = catalog_of(tmp_path, "resources: {a: {providers: [{name: COG, data: a.tif}]}}", clock)
    before = catalog["a"]
    assert catalog["a"] is before
    raster(tmp_path / "new.tif", west=50)
    os.utime(tmp_path / "new.tif", ns=(1, 1))
    (tmp_path / "new.tif").replace(tmp_path / "a.tif")
    forget_revisions()
    clock.now += 11
    assert catalog["a"].coverage.grid.bbox.xmin == 50


def test_collections_of_two_bodies_have_the_sets_of_their_own(tmp_path: Path) -> None:
    raster(tmp_path / "earth.tif")
    raster(tmp_path / "moon.tif", crs="IAU_2015:30100")
    catalog = catalog_of(
        tmp_path,
        "resources: {e: {providers: [{name: COG, data: earth.tif}]}, m: {providers: [{name: COG, data: moon.tif}]}}",
    )
    earth, moon = catalog.listed()
    assert {each.matrix_set.body.name for each in earth.tile_sets} == {"Earth"}
    assert {each.matrix_set.body.name for each in moon.tile_sets} == {"Moon"}
    assert {"MoonMercatorSphere", "UTM60WGS84Quad", "GNOSISGlobalGrid"} <= catalog.matrix_sets.keys()
    assert not any(name.startswith("Mars") for name in catalog.matrix_sets)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ("{tile_matrix_sets: [NoSuchSet]}", "no tile matrix set NoSuchSet"),
        ("{tile_matrix_sets: [WebMercatorQuad]}", "for Earth, not Moon"),
        ("{styles: {s: {fields: [nothing], range: [0, 1]}}}", "no field nothing"),
    ],
)
def test_options_that_do_not_fit_the_data_are_named(tmp_path: Path, options: str, reason: str) -> None:
    raster(tmp_path / "moon.tif", crs="IAU_2015:30100")
    text = f"resources: {{m: {{providers: [{{name: COG, data: moon.tif, options: {options}}}]}}}}"
    assert reason in catalog_of(tmp_path, text).failing()["m"]


def test_further_sets_are_read_from_documents_and_bad_ones_reported(tmp_path: Path) -> None:
    raster(tmp_path / "a.tif")
    document = {
        "id": "WebMercatorQuad",
        "crs": "http://www.opengis.net/def/crs/EPSG/0/3857",
        "tileMatrices": [
            {
                "id": "0",
                "scaleDenominator": 1e8,
                "cellSize": 28000,
                "cornerOfOrigin": "bottomLeft",
                "pointOfOrigin": [0, 0],
                "tileWidth": 100,
                "tileHeight": 200,
                "matrixWidth": 7,
                "matrixHeight": 3,
            }
        ],
    }
    (tmp_path / "own.json").write_text(json.dumps(document))
    (tmp_path / "bad.json").write_text("{}")
    catalog = catalog_of(
        tmp_path,
        "server: {tile_matrix_sets: [own.json, bad.json]}\n"
        "resources: {a: {providers: [{name: COG, data: a.tif, options: {tile_matrix_sets: [WebMercatorQuad-2]}}]}}",
    )
    (found,) = catalog["a"].tile_sets
    assert found.matrix_set.id == "WebMercatorQuad-2"
    assert found.matrix_set.document["tileMatrices"] == document["tileMatrices"]
    assert [(limit.min_row, limit.max_row) for limit in found.limits] == [(0, 0)]
    assert "id" in catalog.failing()["bad.json"]


def test_two_mosaics_with_sets_of_one_name_keep_their_own(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "demo/mars", tmp_path / "mars")
    document = json.loads((tmp_path / "mars/mosaic.json").read_text())
    for name, count in (("a", 3), ("b", 4)):
        own = {"id": "Own", "tileMatrices": document["tilematrixset"]["tileMatrices"][:count]}
        made = {**document, "tilematrixset": {**document["tilematrixset"], **own}}
        (tmp_path / "mars" / f"{name}.json").write_text(json.dumps(made))
    catalog = catalog_of(
        tmp_path,
        "resources: {a: {providers: [{name: MosaicJSON, data: mars/a.json}]}, "
        "b: {providers: [{name: MosaicJSON, data: mars/b.json}]}}",
    )
    first, second = (next(s for s in catalog[name].matrix_sets if s.id.startswith("Own")) for name in "ab")
    assert (first.id, len(first.matrices)) == ("Own", 3)
    assert (second.id, len(second.matrices)) == ("Own-2", 4)
    assert (catalog.matrix_sets["Own"], catalog.matrix_sets["Own-2"]) == (first, second)


def test_a_configured_set_with_the_name_of_a_made_one_gets_a_suffix(tmp_path: Path) -> None:
    raster(tmp_path / "moon.tif", crs="IAU_2015:30100")
    document = {"id": "MoonMercatorSphere", "crs": "http://www.opengis.net/def/crs/IAU/2015/30190"}
    matrix = {"id": "0", "scaleDenominator": 1e8, "cellSize": 28000, "pointOfOrigin": [0, 1e6]}
    sizes = {"tileWidth": 256, "tileHeight": 256, "matrixWidth": 1, "matrixHeight": 1}
    (tmp_path / "own.json").write_text(json.dumps({**document, "tileMatrices": [{**matrix, **sizes}]}))
    catalog = catalog_of(
        tmp_path,
        "server: {tile_matrix_sets: [own.json]}\nresources: {m: {providers: [{name: COG, data: moon.tif}]}}",
    )
    assert len(catalog.matrix_sets["MoonMercatorSphere-2"].matrices) == 1
    assert len(catalog.matrix_sets["MoonMercatorSphere"].matrices) > 1


def test_a_source_that_does_not_answer_keeps_nobody_waiting(tmp_path: Path) -> None:
    raster(tmp_path / "a.tif")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/a.tif?token=secret"
        begun = time.monotonic()
        catalog = catalog_of(
            tmp_path,
            f"resources: {{far: {{providers: [{{name: COG, data: '{address}'}}]}}, "
            "near: {providers: [{name: COG, data: a.tif}]}}",
        )
        assert [one.id for one in catalog.listed()] == ["near"]
        with pytest.raises(Unavailable, match="far"):
            catalog["far"]
        assert "secret" not in str(catalog.failing())
        assert time.monotonic() - begun < 40  # a bound, not a measurement: nothing waits for ever


def test_hidden_collections_are_served_and_not_listed(tmp_path: Path) -> None:
    raster(tmp_path / "a.tif")
    catalog = catalog_of(tmp_path, "resources: {a: {visibility: hidden, providers: [{name: COG, data: a.tif}]}}")
    assert catalog.listed() == ()
    assert catalog["a"].id == "a"


def test_a_mosaics_own_set_is_the_known_one_where_the_two_are_the_same(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "demo/mars", tmp_path / "mars")
    catalog = catalog_of(tmp_path, "resources: {m: {providers: [{name: MosaicJSON, data: mars/mosaic.json}]}}")
    ids = [each.matrix_set.id for each in catalog["m"].tile_sets]
    assert ids.count("MarsMercatorSphere") == 1
    assert not any(name.endswith("-2") for name in ids)


def test_a_set_of_another_geometry_under_a_known_id_gets_a_suffix(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "demo/mars", tmp_path / "mars")
    path = tmp_path / "mars/mosaic.json"
    document = json.loads(path.read_text())
    del document["tilematrixset"]["tileMatrices"][-1]
    path.write_text(json.dumps(document))
    catalog = catalog_of(tmp_path, "resources: {m: {providers: [{name: MosaicJSON, data: mars/mosaic.json}]}}")
    ids = [each.matrix_set.id for each in catalog["m"].tile_sets]
    assert {"MarsMercatorSphere", "MarsMercatorSphere-2"} <= set(ids)
    assert catalog.matrix_sets["MarsMercatorSphere-2"].document["id"] == "MarsMercatorSphere-2"


def test_statistics_of_an_automatic_style_are_the_same_in_every_process(tmp_path: Path) -> None:
    values = np.linspace(0, 100, 10000, dtype="float32").reshape(100, 100)
    write_raster(tmp_path / "a.tif", values, bounds=(0, 0, 10, 10))
    text = "server: {cache: {folder: kept}}\nresources: {a: {providers: [{name: COG, data: a.tif}]}}"
    first = catalog_of(tmp_path, text)["a"].styles
    assert list((tmp_path / "kept").iterdir())
    assert catalog_of(tmp_path, text)["a"].styles == first
    ((low, high),) = first[0].ranges
    assert (low, high) == (pytest.approx(2, abs=0.2), pytest.approx(98, abs=0.2))
