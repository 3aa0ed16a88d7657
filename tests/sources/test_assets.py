import threading
import time

import pytest

from ogcapi.model.problem import SourceFailed
from ogcapi.sources import assets as shelves
from ogcapi.sources import mosaic as mosaics
from ogcapi.sources.assets import Asset, Shelf
from ogcapi.sources.waiting import AHEAD, Waiting
from tests.data import forget_revisions, grid_of, open_trusted, read_all, square, write_mosaic

BOX = (0, 0, 10, 10)


@pytest.fixture
def eleven(tmp_path):
    """Rasters in a row; the first above all others."""
    names = [f"slow_{number}.tif" for number in range(11)]
    for number, name in enumerate(names):
        square(tmp_path, name, number, (max(0, number - 1), 0, number or 10, 10))
    return names


def mosaic_of(folder, hrefs, **options):
    return open_trusted(write_mosaic(folder / "mosaic.json", hrefs, zoom=3, box=BOX), **options)


def test_remote_assets_are_opened_some_at_a_time_in_order(tmp_path, site, server, eleven, monkeypatch):
    monkeypatch.setattr(mosaics, "_FIRST_TRIES", 1)
    source = mosaic_of(tmp_path, [f"{site}/{name}" for name in reversed(eleven)])
    assert server.most == 1
    raster = read_all(source, grid_of("EPSG:4326", BOX, 10, 10))
    assert raster.values[0, 0].tolist() == list(range(1, 11))
    assert 2 <= server.most <= AHEAD


def test_few_remote_assets_are_opened_beneath_a_full_raster(tmp_path, site, eleven):
    assets = [Asset(name=name, href=f"{site}/{name}") for name in eleven]
    shelf = Shelf()
    with Waiting(30) as waiting:
        for asset, opened in shelf.in_turn(assets, waiting):
            assert opened() is shelf.known(asset)
            break
    assert sum(shelf.known(asset) is not None for asset in assets) <= 1 + AHEAD


def test_local_assets_are_opened_in_their_turn_only(tmp_path, site, eleven):
    assets = [Asset(name=name, href=str(tmp_path / name)) for name in eleven]
    assets[3:5] = [Asset(name=name, href=f"{site}/{name}") for name in eleven[3:5]]
    shelf = Shelf()
    with Waiting(30) as waiting:
        for number, (asset, opened) in enumerate(shelf.in_turn(assets, waiting)):
            assert asset is assets[number]
            assert shelf.known(asset) is None or number in {3, 4}
            assert opened() is shelf.known(asset)
            later = [asset for place, asset in enumerate(assets) if place > number and place not in {3, 4}]
            assert not any(map(shelf.known, later))


def test_thirty_assets_at_a_host_that_does_not_answer_cost_one_timeout(tmp_path, tar_pit):
    square(tmp_path, "a.tif", 1, (0, 0, 5, 10))
    hrefs = ["a.tif", *(f"{tar_pit.address}/{number}.tif" for number in range(30))]
    began = time.monotonic()
    source = mosaic_of(tmp_path, hrefs)
    grid = grid_of("EPSG:4326", BOX, 10, 10)
    source.revision(grid)
    for raster in (read_all(source, grid), read_all(source, grid)):
        assert raster.valid.sum() == 50
        assert len(raster.missing) == 30
    assert time.monotonic() - began < 3
    assert len(tar_pit.taken) <= 3 + AHEAD  # those that were under way when the first was given up


def test_a_read_ends_in_time_whatever_remote_assets_do_and_local_ones_are_all_read(tmp_path, site, monkeypatch):
    monkeypatch.setattr(mosaics, "_WHOLE_S", 0.6)
    names = [f"stuck_{number}.tif" for number in range(9)]
    for name in ("a.tif", "b.tif", *names):
        square(tmp_path, name, 1, (0, 0, 5, 10) if name == "a.tif" else BOX)
    hrefs = ["a.tif", "a.tif", "a.tif", "a.tif", *(f"{site}/{name}" for name in names), "b.tif"]
    monkeypatch.setattr(mosaics, "_FIRST_TRIES", 1)
    source = mosaic_of(tmp_path, hrefs, headers=1)
    began = time.monotonic()
    raster = read_all(source, grid_of("EPSG:4326", BOX, 10, 10))
    assert 0.5 < time.monotonic() - began < 3
    assert raster.is_full
    assert set(raster.missing) == {f"{site}/{name}" for name in names}


def test_an_asset_that_was_not_waited_for_has_not_failed(tmp_path, site, monkeypatch):
    square(tmp_path, "a.tif", 1, (0, 0, 5, 10))
    square(tmp_path, "b.tif", 1, BOX)
    source = mosaic_of(tmp_path, ["a.tif", f"{site}/b.tif"])
    monkeypatch.setattr(mosaics, "_WHOLE_S", 0.0)
    grid = grid_of("EPSG:4326", BOX, 10, 10)
    raster = read_all(source, grid)
    assert raster.missing == (f"{site}/b.tif",)
    assert not source.status.failures
    monkeypatch.undo()
    assert read_all(source, grid).is_full


def test_what_is_waited_for_gives_what_came_of_it():
    with Waiting(30) as waiting:
        assert waiting.result(waiting.start(lambda: 3), "a") == 3
        with pytest.raises(KeyError):
            waiting.result(waiting.start(lambda: {}["none"]), "a")


def test_nothing_is_waited_for_and_nothing_begins_when_the_time_is_up():
    gate, acts = threading.Event(), []
    with Waiting(0.1) as waiting:
        with pytest.raises(SourceFailed, match=r"'a' failed: it did not come within 0\.1 seconds"):
            waiting.result(waiting.start(gate.wait), "a")
        with pytest.raises(SourceFailed, match="'b' failed"):
            waiting.result(waiting.start(lambda: acts.append(1)), "b")
    gate.set()
    assert not acts


def test_a_failure_is_told_once_a_minute_and_forgotten_when_the_asset_opens(tmp_path, monkeypatch, caplog):
    asset = Asset(name="a.tif", href=str(tmp_path / "a.tif"))
    shelf = Shelf()
    monkeypatch.setattr(shelves, "_RETRY_S", 0.0)
    for _ in range(3):
        with pytest.raises(SourceFailed, match="no such file"):
            shelf.open(asset)
    assert len(caplog.records) == 1
    assert set(shelf.failures) == {"a.tif"}
    square(tmp_path, "a.tif", 1, BOX)
    forget_revisions()
    assert shelf.open(asset).fields
    shelf.succeeded(asset)
    assert not shelf.failures
