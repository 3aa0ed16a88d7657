"""Overviews of mosaics: made as the mosaic itself would be read, and used where grids are coarser."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from ogcapi.model.grid import BBox, Grid
from ogcapi.model.problem import TooManyAssets, Unavailable
from ogcapi.model.raster import Resampling, Selection
from ogcapi.pixels.overlay import MosaicMethod
from ogcapi.sources import overview_plan
from ogcapi.sources.locking import is_locked, locked
from ogcapi.sources.mosaic import MosaicSource
from ogcapi.sources.overview import LOCK, OverviewRule, is_made, manifest_in, remove
from ogcapi.sources.overview_build import Making
from ogcapi.sources.overview_plan import Plan, parts_of, plan
from tests.data import grid_of, open_trusted, read_all, write_mosaic, write_raster

CELLS = 200  # a side, of an asset of ten degrees


def terrain(seed: int, dtype: str = "int16", fields: int = 1) -> Any:
    """Values (field, row, col) without steps, so that what is averaged in one way or in two is nearly the same."""
    rows, cols = np.mgrid[:CELLS, :CELLS] / CELLS
    waves = [np.sin(3 * rows + seed + n) + np.cos(4 * cols * (n + 1)) for n in range(fields)]
    values = 1000 + 400 * np.array(waves)
    return values.astype(dtype) if np.dtype(dtype).itemsize > 1 else (values / 10).astype(dtype)


def write_assets(folder: Path, boxes: Sequence[tuple[float, float, float, float]], **options: Any) -> Path:
    """A mosaic of assets of those boxes."""
    folder.mkdir(exist_ok=True)
    dtype, fields, crs = options.pop("dtype", "int16"), options.pop("fields", 1), options.get("crs")
    bounds = {}
    for number, box in enumerate(boxes):
        values = terrain(number, dtype, fields)
        if options.get("nodata") is not None:
            values[:, :40, :70] = options["nodata"]
        path = write_raster(
            folder / f"{number}.tif", values, bounds=box, tiled=True, blockxsize=128, blockysize=128, **options
        )
        bounds[str(path)] = box
    assert crs is None
    write_mosaic(folder / "mosaic.json", list(bounds), zoom=6, bounds=bounds)
    return folder / "mosaic.json"


def two_by_two(x: float = 0.0, y: float = 0.0) -> list[tuple[float, float, float, float]]:
    return [(x + 10 * i, y + 10 * j, x + 10 * i + 10, y + 10 * j + 10) for j in (1, 0) for i in (0, 1)]


def opened(document: Path, folder: Path, *, most_assets: int = 512, assets: int = 64, **options: Any) -> MosaicSource:
    rule = OverviewRule(folder=folder, assets=assets, resampling=options.pop("resampling", None))
    return open_trusted(document, most_assets=most_assets, overview=rule, **options)


def make(mosaic: MosaicSource) -> Making:
    """Its overview, made; the blocks that were made for it are told by how many there were."""
    assert mosaic.overview is not None
    made = Making(mosaic=mosaic, folder=mosaic.overview.rule.folder, plan=plan(mosaic), key=mosaic.key)
    for _ in made.blocks(made.pending, 2):
        pass
    made.finish()
    mosaic.overview.look(mosaic.key)
    assert mosaic.overview.is_current
    return made


def selection(mosaic: MosaicSource, method: Resampling) -> Selection:
    return Selection(fields=tuple(field.name for field in mosaic.fields), method=method)


def coarse(mosaic: MosaicSource, factor: int) -> Grid:
    grid = mosaic.grid
    return Grid(crs=grid.crs, bbox=grid.bbox, width=grid.width // factor, height=grid.height // factor)


@pytest.mark.parametrize(
    ("dtype", "fields", "nodata"),
    [("int16", 1, -1), ("float32", 1, float("nan")), ("float32", 2, -9999.0), ("uint8", 3, None), ("uint16", 2, 0)],
)
def test_every_level_is_what_the_mosaic_itself_gives_by_averages(tmp_path, dtype, fields, nodata):
    mosaic = opened(
        write_assets(tmp_path / "a", two_by_two(), dtype=dtype, fields=fields, nodata=nodata), tmp_path / "o"
    )
    made = make(mosaic)
    path = tmp_path / "o" / manifest_in(tmp_path / "o").file
    assert len(made.plan.levels) > 0
    for number, grid in enumerate(made.plan.levels):
        with rasterio.open(path, **({"overview_level": number - 1} if number else {})) as dataset:
            assert dataset.shape == grid.shape
            assert set(dataset.dtypes) == {dtype}
            assert dataset.crs == rasterio.CRS.from_epsg(4326)
            values, known = dataset.read(), dataset.read_masks() > 0
        wanted = mosaic.read_assets(grid, selection(mosaic, Resampling.AVERAGE), 60)
        assert (known == wanted.valid).mean() > (0.999 if number == 0 else 0.98)
        both = known & wanted.valid
        off = np.abs(values[both].astype(float) - wanted.values[both])
        assert off.max() <= (
            0 if number == 0 else 4
        )  # at edges, cells that are valid in part count as much as whole ones
        assert (off <= 1).mean() > 0.985


def test_the_file_is_a_cloud_optimized_geotiff_with_the_mosaics_fields(tmp_path):
    boxes = [(10.0 * i, 0.0, 10.0 * i + 10, 10.0) for i in range(6)]
    document = write_assets(tmp_path / "a", boxes, dtype="uint8", fields=3, descriptions=("red", "near", "far"))
    mosaic = opened(document, tmp_path / "o")
    make(mosaic)
    path = tmp_path / "o" / manifest_in(tmp_path / "o").file
    with rasterio.open(path) as dataset:
        assert dataset.descriptions == ("red", "near", "far")
        assert dataset.block_shapes == [(512, 512)] * 3
        assert dataset.overviews(1) == [2]
    with rasterio.open(path) as full, rasterio.open(path, overview_level=0) as half:
        first = [int(of.get_tag_item("BLOCK_OFFSET_0_0", "TIFF", 1)) for of in (half, full)]
        assert first == sorted(first)
    assert [field.name for field in mosaic.fields] == ["red", "near", "far"]


def test_coarser_grids_are_answered_by_the_overview_and_finer_ones_by_the_assets(tmp_path):
    mosaic = opened(write_assets(tmp_path / "a", two_by_two(), nodata=-1), tmp_path / "o")
    plain = open_trusted(tmp_path / "a" / "mosaic.json")
    make(mosaic)
    finer = coarse(mosaic, 1)
    assert np.array_equal(read_all(mosaic, finer).values, read_all(plain, finer).values)
    for path in (tmp_path / "a").glob("*.tif"):
        path.rename(path.with_suffix(".gone"))
    for method in (Resampling.NEAREST, Resampling.BILINEAR, Resampling.AVERAGE):
        raster = mosaic.read(coarse(mosaic, 8), selection(mosaic, method))
        assert raster.values.dtype == np.int16
        assert raster.valid.mean() > 0.9
        assert raster.missing == ()


def test_the_border_between_overview_and_assets_cannot_be_seen(tmp_path):
    mosaic = opened(write_assets(tmp_path / "a", two_by_two(), nodata=-1), tmp_path / "o")
    plain = open_trusted(tmp_path / "a" / "mosaic.json")
    base = make(mosaic).plan.levels[0]
    ours, theirs = read_all(mosaic, base), read_all(plain, base, Resampling.AVERAGE)
    assert np.array_equal(ours.valid, theirs.valid)
    assert np.array_equal(ours.values[ours.valid], theirs.values[theirs.valid])


def test_assets_in_several_systems_have_an_overview_in_an_equidistant_cylindrical_one(tmp_path):
    folder = tmp_path / "a"
    folder.mkdir()
    east = write_raster(folder / "e.tif", terrain(1), bounds=(400000, 0, 600000, 200000), crs="EPSG:32633", nodata=-1)
    west = write_raster(folder / "w.tif", terrain(2), bounds=(400000, 0, 600000, 200000), crs="EPSG:32632", nodata=-1)
    boxes = {str(west): (8.1, 0, 9.9, 1.8), str(east): (14.1, 0, 15.9, 1.8)}
    write_mosaic(folder / "mosaic.json", list(boxes), zoom=6, bounds=boxes)
    mosaic = opened(folder / "mosaic.json", tmp_path / "o")
    made = make(mosaic)
    assert made.plan.levels[0].crs.uri.endswith("/EPSG/0/4087")
    raster = read_all(mosaic, grid_of("EPSG:4326", (8, -0.1, 16, 1.9), 80, 20))
    plain = read_all(open_trusted(folder / "mosaic.json"), grid_of("EPSG:4326", (8, -0.1, 16, 1.9), 80, 20))
    assert (raster.valid == plain.valid).mean() > 0.97
    assert raster.valid.any(axis=1)[0, 5:15].all()
    assert raster.valid.any(axis=1)[0, 65:75].all()


def test_there_is_no_seam_at_the_antimeridian(tmp_path):
    folder = tmp_path / "a"
    folder.mkdir()
    cols = np.arange(1440)
    whole = np.broadcast_to(1000 * np.sin(np.radians(cols / 4 + 0.125)), (720, 1440)).astype("float32")
    west = write_raster(folder / "w.tif", whole[:, :720], bounds=(-180, -90, 0, 90))
    east = write_raster(folder / "e.tif", whole[:, 720:], bounds=(0, -90, 180, 90))
    boxes = {str(west): (-180, -85, 0, 85), str(east): (0, -85, 180, 85)}
    write_mosaic(folder / "mosaic.json", list(boxes), zoom=1, bounds=boxes)
    mosaic = opened(folder / "mosaic.json", tmp_path / "o")
    make(mosaic)
    across = grid_of("EPSG:4326", (160, -20, 200, 20), 40, 40)
    raster = read_all(mosaic, across, Resampling.BILINEAR)
    x = 160 + np.arange(40) + 0.5
    assert raster.valid.all()
    assert np.abs(raster.values[0] - 1000 * np.sin(np.radians(x + 180))).max() < 1


def test_classes_become_the_most_frequent_of_those_beneath(tmp_path):
    folder = tmp_path / "a"
    folder.mkdir()
    values = np.where(np.indices((400, 400)).sum(0) % 4 == 0, 7, 3).astype("uint8")
    path = folder / "c.tif"
    write_raster(path, values, bounds=(0, 0, 20, 20))
    with rasterio.open(path, "r+") as dataset:
        dataset.write_colormap(1, {3: (255, 0, 0, 255), 7: (0, 255, 0, 255)})
    write_mosaic(folder / "mosaic.json", [str(path)], zoom=3, box=(0, 0, 20, 20))
    made = make(mosaic := opened(folder / "mosaic.json", tmp_path / "o"))
    assert made.plan.methods == (Resampling.MODE,)
    assert set(np.unique(read_all(mosaic, coarse(mosaic, 8)).values)) == {3}


def test_only_the_blocks_that_a_change_touches_are_made_anew(tmp_path):
    boxes = [(10.0 * i, 0.0, 10.0 * i + 10, 10.0) for i in range(16)]
    document = write_assets(tmp_path / "a", boxes, nodata=-1)
    first = make(opened(document, tmp_path / "o", assets=1))
    blocks = len(first.plan.blocks)
    time.sleep(0.05)
    write_raster(tmp_path / "a" / "15.tif", terrain(9), bounds=boxes[15], nodata=-1)
    mosaic = opened(document, tmp_path / "o", assets=1)
    mosaic.overview.look(mosaic.key)
    assert not mosaic.overview.is_current
    again = Making(mosaic=mosaic, folder=tmp_path / "o", plan=plan(mosaic), key=mosaic.key)
    assert blocks == len(again.plan.blocks) > 1
    assert 0 < len(again.pending) < blocks
    make(mosaic)
    fresh = opened(document, tmp_path / "fresh", assets=1)
    make(fresh)
    assert _bytes(tmp_path / "o") == _bytes(tmp_path / "fresh")


def _bytes(folder: Path) -> bytes:
    return (folder / manifest_in(folder).file).read_bytes()


def test_killed_in_the_middle_it_goes_on_and_ends_with_the_same_bytes(tmp_path):
    boxes = [(20.0 * i, 20.0 * j, 20.0 * i + 20, 20.0 * j + 20) for j in range(3) for i in range(6)]
    write_assets(tmp_path / "a", boxes, dtype="float32", nodata=-9999.0)
    config = tmp_path / "config.yml"
    config.write_text(
        f"server: {{cache: {{folder: {tmp_path / 'cache'}}}, limits: {{assets: 1}}}}\n"
        "resources: {m: {providers: [{name: MosaicJSON, data: a/mosaic.json}]}}\n"
    )
    command = [sys.executable, "-m", "ogcapi", "overviews", "build", "--config", str(config), "--workers", "1"]
    victim = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 300
    while not list(tmp_path.glob("cache/overviews/*/m=*/blocks/*")) and victim.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.002)
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    assert not list(tmp_path.glob("cache/overviews/*/m=*/overview.json")), "it was killed too late"
    (folder,) = tmp_path.glob("cache/overviews/*/m=*")
    kept = len([path for path in (folder / "blocks").iterdir() if "." not in path.name])
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    blocks = int(told.split(" blocks to make")[0].rsplit(" ", 1)[1])
    assert f"{blocks - kept} of {blocks} blocks to make" in told
    broken = _bytes(folder)
    remove(folder)
    subprocess.run(command, capture_output=True, check=True, timeout=120)
    assert _bytes(folder) == broken


def test_a_full_disk_ends_it_with_a_clear_message_and_leaves_nothing_half_made(tmp_path):
    write_assets(tmp_path / "a", two_by_two(), dtype="float32", nodata=-9999.0)
    config = tmp_path / "config.yml"
    config.write_text(
        f"server: {{cache: {{folder: {tmp_path / 'cache'}}}}}\n"
        "resources: {m: {providers: [{name: MosaicJSON, data: a/mosaic.json}]}}\n"
    )
    line = "import resource, signal, sys; from ogcapi.cli import main; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
    build = [sys.executable, "-c", line + "resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000)); main()"]
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "0"}
    subprocess.run([sys.executable, "-m", "ogcapi", "check", str(config)], check=True, capture_output=True, timeout=120)
    ended = subprocess.run(
        [*build, "overviews", "build", "--config", str(config)],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
        timeout=120,
    )
    assert ended.returncode == 1
    assert "m: no overview was made" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not list(tmp_path.glob("cache/overviews/*/m=*/overview.json"))
    assert not list(tmp_path.glob("cache/overviews/*/m=*/blocks/*.*"))


def test_an_asset_that_fails_is_told_where_it_lacks_and_asked_again_the_next_time(tmp_path):
    document = write_assets(tmp_path / "a", two_by_two(), nodata=-1, compress="deflate")
    whole = (tmp_path / "a" / "3.tif").read_bytes()
    (tmp_path / "a" / "3.tif").write_bytes(whole[:2000] + b"\xff" * (len(whole) - 2000))
    mosaic = opened(document, tmp_path / "o")
    make(mosaic)
    assert [name for name, _ in manifest_in(tmp_path / "o").missing] == ["3.tif"]
    assert mosaic.read(coarse(mosaic, 8), selection(mosaic, Resampling.NEAREST)).missing == ("3.tif",)
    made = Making(mosaic=mosaic, folder=tmp_path / "o", plan=plan(mosaic), key=mosaic.key)
    assert 0 < len(made.pending) < len(made.plan.blocks) + 1
    north, south = (replace(coarse(mosaic, 8), bbox=box) for box in halves(mosaic.grid.bbox))
    lacking = [mosaic.read(grid, selection(mosaic, Resampling.NEAREST)).missing for grid in (north, south)]
    assert ("3.tif",) in lacking


def halves(box: BBox) -> tuple[BBox, BBox]:
    middle = (box.ymin + box.ymax) / 2
    return replace(box, ymin=middle), replace(box, ymax=middle)


def test_assets_that_are_never_there_are_tried_less_and_less_often(tmp_path):
    document = write_assets(tmp_path / "a", two_by_two(), nodata=-1)
    (tmp_path / "a" / "3.tif").unlink()
    mosaic = opened(document, tmp_path / "o")
    make(mosaic)
    make(mosaic)
    assert manifest_in(tmp_path / "o").tries == 2
    written = tmp_path / "o" / "overview.json"
    for age_s, is_still_good in ((150, True), (250, False)):
        os.utime(written, (time.time() - age_s,) * 2)
        assert is_made(tmp_path / "o", mosaic.key, lacking_s=100) == is_still_good


def test_more_assets_than_are_read_for_one_answer_are_refused_until_there_is_an_overview(tmp_path):
    document = write_assets(tmp_path / "a", two_by_two(), nodata=-1)
    mosaic = opened(document, tmp_path / "o", most_assets=2)
    grid = coarse(mosaic, 8)
    with pytest.raises(TooManyAssets) as refused:
        read_all(mosaic, grid)
    assert refused.value.members == {"assets": 4, "limit": 2}
    with locked(tmp_path / "o" / LOCK) as is_ours:
        assert is_ours
        with pytest.raises(Unavailable):
            read_all(mosaic, grid)
    make(mosaic)
    assert read_all(mosaic, grid).valid.mean() > 0.9
    assert mosaic.revision(grid) == mosaic.overview.answers(grid).source.revision()


@pytest.mark.parametrize("method", [MosaicMethod.MEAN, MosaicMethod.HIGHEST, MosaicMethod.COUNT])
def test_whatever_becomes_of_overlaps_becomes_of_them_in_the_overview(tmp_path, method):
    boxes = [(0.0, 0.0, 20.0, 20.0), (5.0, 0.0, 25.0, 20.0), (10.0, 0.0, 30.0, 20.0)]
    mosaic = opened(write_assets(tmp_path / "a", boxes, nodata=-1), tmp_path / "o", method=method)
    made = make(mosaic)
    grid = made.plan.levels[0]
    wanted = mosaic.read_assets(grid, selection(mosaic, Resampling.AVERAGE), 60)
    raster = read_all(mosaic, grid)
    assert raster.values.dtype == wanted.values.dtype
    assert np.array_equal(raster.valid, wanted.valid)
    assert np.array_equal(raster.values[raster.valid], wanted.values[wanted.valid])


def test_what_was_made_of_other_assets_or_by_another_rule_does_not_count(tmp_path):
    document = write_assets(tmp_path / "a", two_by_two(), nodata=-1)
    mosaic = opened(document, tmp_path / "o")
    make(mosaic)
    other = opened(document, tmp_path / "o", resampling=Resampling.NEAREST)
    assert is_made(tmp_path / "o", mosaic.key)
    assert not is_made(tmp_path / "o", other.key)
    other.overview.look(other.key)
    assert not other.overview.is_current


def test_a_box_of_the_plan_holds_the_mosaic(tmp_path):
    mosaic = opened(write_assets(tmp_path / "a", two_by_two(3.3, 1.7)), tmp_path / "o")
    base = plan(mosaic).levels[0]
    box: BBox = mosaic.grid.bbox
    assert base.bbox.xmin <= box.xmin < box.xmax <= base.bbox.xmax
    assert base.bbox.ymin <= box.ymin < box.ymax <= base.bbox.ymax


def test_a_long_strip_is_halved_only_as_often_as_its_cells_can_be(tmp_path):
    path = write_raster(tmp_path / "s.tif", np.ones((8, 600_000), "uint8"), bounds=(0, 0, 60, 0.0008))
    write_mosaic(tmp_path / "mosaic.json", [str(path)], zoom=3, box=(0, 0, 60, 0.0008))
    levels = plan(opened(tmp_path / "mosaic.json", tmp_path / "o")).levels
    assert len(levels) > 5
    for finer, coarser in pairwise(levels):
        assert (coarser.width * 2, coarser.height * 2) == finer.shape[::-1]


def scattered(folder: Path, places: Sequence[tuple[float, float]]) -> Path:
    """A mosaic of tiny assets far apart, whose whole has a hundred billion times as many cells as they have."""
    folder.mkdir()
    bounds = {}
    for number, (x, y) in enumerate(places):
        box = (x, y, x + 2e-4, y + 2e-4)
        bounds[str(write_raster(folder / f"{number}.tif", terrain(number), bounds=box))] = box
    write_mosaic(folder / "mosaic.json", list(bounds), zoom=12, bounds=bounds)
    return folder / "mosaic.json"


def test_an_overview_is_so_fine_that_few_assets_lie_in_a_square(tmp_path):
    document = scattered(tmp_path / "a", [(-170.0, -60.0), (-169.8, -60.0), (170.0, 60.0)])
    mosaic = opened(document, tmp_path / "o", assets=1)
    made = plan(mosaic)
    squares = [square for block in made.blocks for _, _, square in parts_of(block.grid, 256)]
    assert max(len(mosaic.assets_on(square)) for square in squares) == 1
    assert made.levels[0].width > opened_plan(document, tmp_path / "o", assets=3).levels[0].width


def test_the_more_assets_the_finer_an_overview_may_be(tmp_path, monkeypatch):
    bounds = {}
    for number in range(4):
        box = (20.0 * number, 0.0, 20.0 * number + 20, 20.0)
        values = np.ones((1024, 1024), "uint8")
        bounds[str(write_raster(tmp_path / f"{number}.tif", values, bounds=box))] = box
    monkeypatch.setattr(overview_plan, "_SMALL", 1)
    monkeypatch.setattr(overview_plan, "_SMALL_EACH", 512 * 512)
    widths = []
    for assets in (1, 4):
        document = tmp_path / f"{assets}.json"
        write_mosaic(document, list(bounds)[:assets], zoom=3, bounds=bounds)
        widths.append(opened_plan(document, tmp_path / "o").levels[0].width)
    assert widths == [512, 2048]


@pytest.mark.parametrize(("most", "width"), [(1, 512), (4, 1024)])
def test_many_assets_above_each_other_do_not_make_it_finer(tmp_path, monkeypatch, most, width):
    values, box = np.ones((2048, 2048), "uint8"), (0.0, 0.0, 20.0, 20.0)
    hrefs = [str(write_raster(tmp_path / f"{number}.tif", values, bounds=box)) for number in range(4)]
    write_mosaic(tmp_path / "mosaic.json", hrefs, zoom=3, bounds=dict.fromkeys(hrefs, box))
    monkeypatch.setattr(overview_plan, "_SMALL", 512 * 512)
    monkeypatch.setattr(overview_plan, "_SMALL_EACH", 512 * 512)
    assert opened_plan(tmp_path / "mosaic.json", tmp_path / "o", assets=most).levels[0].width == width


def opened_plan(document: Path, folder: Path, **options: Any) -> Plan:
    return plan(opened(document, folder, **options))


def test_assets_that_lie_above_each_other_do_not_make_it_large(tmp_path):
    document = scattered(tmp_path / "a", [(-170.0, -60.0)] * 3 + [(170.0, 60.0)])
    begin = time.monotonic()
    made = opened_plan(document, tmp_path / "o", assets=1)
    assert time.monotonic() - begin < 30
    assert made.levels[0] == opened_plan(document, tmp_path / "o", assets=3).levels[0]
    assert len(made.blocks) == 2


@pytest.mark.parametrize("how", ["removed", "broken"])
def test_where_the_overview_cannot_be_read_the_assets_answer(tmp_path, how):
    mosaic = opened(write_assets(tmp_path / "a", two_by_two(), nodata=-1), tmp_path / "o")
    plain = open_trusted(tmp_path / "a" / "mosaic.json")
    make(mosaic)
    grid = coarse(mosaic, 4)
    tag = mosaic.revision(grid)
    if how == "removed":
        remove(tmp_path / "o")
        assert mosaic.revision(grid) == plain.revision(grid)
    else:
        path = tmp_path / "o" / manifest_in(tmp_path / "o").file
        path.write_bytes(path.read_bytes()[:1500])
    raster = read_all(mosaic, grid)
    assert np.array_equal(raster.values, read_all(plain, grid).values)
    assert raster.missing == ()
    assert mosaic.revision(grid) == plain.revision(grid) != tag


def test_a_lock_that_cannot_be_looked_at_is_not_held(tmp_path):
    (tmp_path / "file").write_text("")
    assert not is_locked(tmp_path / "file" / LOCK)
    with locked(tmp_path / LOCK) as is_ours:
        assert is_ours
        assert is_locked(tmp_path / LOCK)
    assert not is_locked(tmp_path / LOCK)


def one_asset(folder: Path, values: Any, **options: Any) -> Path:
    """A mosaic of one asset of twenty degrees."""
    folder.mkdir(exist_ok=True)
    path = write_raster(folder / "0.tif", values, bounds=(0, 0, 20, 20), **options)
    write_mosaic(folder / "mosaic.json", [str(path)], zoom=4, bounds={str(path): (0, 0, 20, 20)})
    return folder / "mosaic.json"


@pytest.mark.parametrize(("dtype", "nodata"), [("int16", 0), ("float32", 0.0), ("float32", 2.0), ("int32", -(1 << 31))])
def test_means_that_happen_to_be_nodata_stay_data(tmp_path, dtype, nodata):
    squares = (np.indices((1600, 1600)) // 2).sum(0) % 2  # each becomes a cell of the finest level
    values = np.where(squares, nodata + 10, nodata - 10 if nodata > -(1 << 31) else nodata + 1).astype(dtype)
    mosaic = opened(one_asset(tmp_path / "a", values, nodata=nodata), tmp_path / "o")
    finest, *coarser = make(mosaic).plan.levels
    share = read_all(mosaic, finest).valid.mean()
    for grid in coarser:
        raster = read_all(mosaic, grid)
        assert raster.valid.mean() == pytest.approx(share, rel=0.01)
        wanted = nodata if nodata > -(1 << 31) else nodata + 5
        assert np.abs(raster.values[raster.valid].astype(float) - wanted).max() <= 1


def test_a_cell_may_be_valid_in_some_fields_only(tmp_path):
    values = terrain(1, "uint8", 2)
    both = write_raster(tmp_path / "a.tif", values, bounds=(0, 0, 10, 10))
    one = write_raster(tmp_path / "b.tif", values[:1], bounds=(10, 0, 20, 10))
    boxes = {str(both): (0, 0, 10, 10), str(one): (10, 0, 20, 10)}
    write_mosaic(tmp_path / "mosaic.json", list(boxes), zoom=5, bounds=boxes)
    mosaic = opened(tmp_path / "mosaic.json", tmp_path / "o")
    make(mosaic)
    grid = coarse(mosaic, 8)
    plain = read_all(open_trusted(tmp_path / "mosaic.json"), grid)
    assert np.array_equal(read_all(mosaic, grid).valid, plain.valid)


def test_a_kept_block_that_is_broken_is_made_anew(tmp_path):
    mosaic = opened(one_asset(tmp_path / "a", terrain(1)), tmp_path / "o")
    made = make(mosaic)
    wanted = _bytes(tmp_path / "o")
    (block,) = (tmp_path / "o" / "blocks").iterdir()
    block.write_bytes(block.read_bytes()[:-40])
    with pytest.raises(OSError, match="broken"):
        made.finish()
    assert len(made.pending) == 1
    make(mosaic)
    assert _bytes(tmp_path / "o") == wanted


def test_a_file_that_would_be_the_same_keeps_its_tag(tmp_path):
    mosaic = opened(one_asset(tmp_path / "a", terrain(1)), tmp_path / "o")
    made = make(mosaic)
    tag = mosaic.revision(made.plan.levels[0])
    time.sleep(0.02)
    made.finish()
    mosaic.overview.look(mosaic.key)
    assert mosaic.revision(made.plan.levels[0]) == tag
