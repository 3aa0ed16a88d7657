"""The cache of blocks, and files as blocks while they change, break or lie behind HTTP."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st

from ogcapi.model.problem import SourceFailed
from ogcapi.sources import blocks, ranges
from ogcapi.sources.blocks import Block, BlockCache, across, default_budget, down, memory_limit
from ogcapi.sources.gdal import File
from ogcapi.sources.gdalblocks import open_gdal
from ogcapi.sources.geotiff import open_geotiff
from ogcapi.sources.pyramids import forget_headers, open_pyramid, reading
from tests.data import SHARED, forget_revisions, needs_shared, write_raster
from tests.sources.files_over_http import serving
from tests.sources.test_geotiff import BOUNDS, as_gdal_reads, assembled, noise

BLOCK_BYTES = 100


@dataclass
class Counted:
    """A level of numbered blocks that remembers what it was asked."""

    width: int = 100
    height: int = 100
    block_width: int = 10
    block_height: int = 10
    planes: int = 1
    dtypes: tuple = (np.dtype("uint8"),)
    nodata: tuple = (None,)
    key: tuple = ("a.tif", "1", 0)
    asked: list = field(default_factory=list)
    error: Exception | None = None
    gate: threading.Event | None = None

    def read_blocks(self, indices):
        self.asked.append(list(indices))
        if self.gate is not None:
            self.gate.wait(5)
        if self.error is not None:
            raise self.error
        return [Block(np.full((10, 10, 1), index, "uint8")) for index in indices]


def numbers(found):
    return [int(block.values[0, 0, 0]) for block in found]


asked = st.lists(st.lists(st.integers(0, 99), max_size=8), max_size=30)


@given(asked, st.integers(0, 12))
def test_blocks_come_in_the_order_asked_and_never_beyond_the_budget(requests, room):
    cache, level = BlockCache(room * BLOCK_BYTES), Counted()
    for indices in requests:
        assert numbers(cache.get(level, indices)) == indices
        assert cache.nbytes <= cache.budget
        assert cache.nbytes == sum(block.nbytes for block in cache._known.values())
    assert not cache._coming


@given(asked)
def test_what_is_in_the_cache_is_not_read_again(requests):
    cache, level = BlockCache(1 << 20), Counted()
    for indices in requests:
        cache.get(level, indices)
        assert cache.has(level, indices)
    read = [index for indices in level.asked for index in indices]
    assert sorted(read) == sorted({index for indices in requests for index in indices})


def test_missing_blocks_are_read_together():
    cache, level = BlockCache(1 << 20), Counted()
    cache.get(level, [3])
    cache.get(level, [5, 3, 4, 5])
    assert level.asked == [[3], [5, 4]]


def test_the_block_longest_unused_goes_first():
    cache, level = BlockCache(3 * BLOCK_BYTES), Counted()
    cache.get(level, [1, 2, 3])
    cache.get(level, [1])
    cache.get(level, [4])
    assert [cache.has(level, [i]) for i in (1, 2, 3, 4)] == [True, False, True, True]


def test_levels_and_revisions_are_kept_apart():
    cache = BlockCache(1 << 20)
    levels = [Counted(key=("a.tif", revision, number)) for revision in "12" for number in (0, 1)]
    for level in levels:
        cache.get(level, [1])
    assert [level.asked for level in levels] == [[[1]]] * 4


def test_without_a_budget_nothing_is_kept():
    cache, level = BlockCache(0), Counted()
    cache.get(level, [1])
    cache.get(level, [1])
    assert level.asked == [[1], [1]]
    assert cache.nbytes == 0


def test_a_block_that_another_thread_reads_is_waited_for():
    cache, level = BlockCache(1 << 20), Counted(gate=threading.Event())
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(cache.get, level, [1, 2])
        while not level.asked:
            time.sleep(0.001)
        others = [pool.submit(cache.get, level, [2, 1]) for _ in range(7)]
        time.sleep(0.02)
        assert not any(other.done() for other in others)
        level.gate.set()
        assert numbers(first.result()) == [1, 2]
        assert all(numbers(other.result()) == [2, 1] for other in others)
    assert level.asked == [[1, 2]]


def test_a_failure_is_shared_by_those_who_wait_and_not_kept():
    cache = BlockCache(1 << 20)
    level = Counted(gate=threading.Event(), error=SourceFailed("a.tif", "no"))
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(cache.get, level, [1])]
        while not level.asked:
            time.sleep(0.001)
        waiting += [pool.submit(cache.get, level, [1]) for _ in range(3)]
        time.sleep(0.02)
        level.gate.set()
        for one in waiting:
            with pytest.raises(SourceFailed):
                one.result()
    assert len(level.asked) == 1
    level.error = None
    assert numbers(cache.get(level, [1])) == [1]


def test_threads_that_wait_for_each_other_do_not_wait_for_ever():
    cache, level = BlockCache(0), Counted()
    with ThreadPoolExecutor(16) as pool:
        orders = [[i % 7, (i + 3) % 7, (i + 5) % 7] for i in range(600)]
        assert [numbers(found) for found in pool.map(lambda order: cache.get(level, order), orders)] == orders


def test_the_budget_is_a_share_of_the_memory_that_is_allowed(tmp_path, monkeypatch):
    (tmp_path / "memory.max").write_text("400000000\n")
    assert memory_limit(tmp_path) == 400_000_000
    (tmp_path / "memory.max").write_text("max\n")
    assert memory_limit(tmp_path) > 400_000_000
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "own").write_text("0::/a/b\n")
    (tmp_path / "a" / "memory.max").write_text("300000000\n")  # of a group around the process's own
    assert memory_limit(tmp_path, tmp_path / "own") == 300_000_000
    (tmp_path / "memory" / "c").mkdir(parents=True)
    (tmp_path / "own").write_text("5:cpu,memory:/c\n")
    (tmp_path / "memory" / "c" / "memory.limit_in_bytes").write_text("200000000\n")
    assert memory_limit(tmp_path, tmp_path / "own") == 200_000_000
    monkeypatch.setattr(blocks, "memory_limit", lambda: 400_000_000)
    assert (default_budget(), default_budget(4)) == (100_000_000, 25_000_000)
    monkeypatch.setattr(blocks, "memory_limit", lambda: 1 << 40)
    assert default_budget(2) == 1 << 29


# Every format, through GDAL


@pytest.mark.parametrize("interleave", ["pixel", "band"])
@pytest.mark.parametrize("bands", [1, 3, 6])
@pytest.mark.parametrize("kind", ["plain", "mask", "alpha", "nodata"])
def test_gdal_gives_the_same_blocks(tmp_path, kind, bands, interleave):
    values = noise("int16", (bands, 300, 700))
    extra = {}
    if kind == "mask":
        extra["mask"] = (np.add.outer(np.arange(300), np.arange(700)) % 40 > 5).astype("uint8") * 255
    if kind == "alpha":
        values = np.concatenate([values, (values[:1] > 0) * np.int16(255)])
        extra["colorinterp"] = [rasterio.enums.ColorInterp.gray] * bands + [rasterio.enums.ColorInterp.alpha]
    if kind == "nodata":
        extra["nodata"] = int(values[0, 0, 0])
    path = write_raster(
        tmp_path / "a.tif", values, bounds=BOUNDS, interleave=interleave, overviews=(2,), blockysize=1, **extra
    )
    file = File(href=str(path), name="a.tif")
    theirs, ours = open_gdal(file), open_geotiff(file)
    assert theirs.header == ours.header
    for level, own in zip(theirs.levels, ours.levels, strict=True):
        for found, expected in zip(assembled(level), assembled(own), strict=True):
            np.testing.assert_array_equal(found, expected)
        assert level.nodata == own.nodata
        assert 256 <= level.block_height <= 1024 or level.block_height == level.height


@pytest.mark.parametrize(
    ("suffix", "driver", "options"),
    [("png", "PNG", {}), ("jp2", "JP2OpenJPEG", {"QUALITY": 100, "REVERSIBLE": "YES"}), ("nc", "netCDF", {})],
)
def test_other_formats_are_blocks_too(tmp_path, suffix, driver, options):
    source = write_raster(tmp_path / "a.tif", noise("uint8", (1, 600, 900)), bounds=BOUNDS)
    path = tmp_path / f"a.{suffix}"
    with rasterio.open(source) as dataset:
        rasterio.shutil.copy(dataset, path, driver=driver, **options)
    pyramid = open_pyramid(File(href=str(path), name="a"))
    values, valid = assembled(pyramid.levels[0])
    np.testing.assert_array_equal(values, as_gdal_reads(path, pyramid.header)[0])
    assert valid.all()


def test_what_lies_beside_a_tiff_counts(tmp_path):
    """Overviews and masks in files of their own are GDAL's business."""
    path = write_raster(tmp_path / "a.tif", noise("uint8", (1, 300, 300)), bounds=BOUNDS)
    file = File(href=str(path), name="a.tif")
    assert open_geotiff(file) is not None
    with rasterio.Env(TIFF_USE_OVR=True), rasterio.open(path, "r+") as dataset:
        dataset.build_overviews([2])
    assert open_geotiff(file) is None
    assert len(open_pyramid(file).levels) == 2
    other = write_raster(tmp_path / "b.tif", noise("uint8", (1, 300, 300)), bounds=BOUNDS)
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=False), rasterio.open(other, "r+") as dataset:
        dataset.write_mask(np.eye(300, dtype="uint8") * 255)
    pyramid = open_pyramid(File(href=str(other), name="b.tif"))
    np.testing.assert_array_equal(assembled(pyramid.levels[0])[1], np.eye(300, dtype=bool))


def test_complex_numbers_are_refused_by_name(tmp_path):
    path = write_raster(tmp_path / "a.tif", np.ones((20, 20), "complex64"), bounds=BOUNDS)
    with pytest.raises(SourceFailed, match="complex64"):
        open_pyramid(File(href=str(path), name="a.tif"))


@needs_shared
def test_real_rasters_are_not_left_to_gdal():
    for path in SHARED.glob("**/*.tif"):
        assert open_geotiff(File(href=str(path), name=path.name)) is not None, path


# Files that change


def cells_of(path, number):
    """A file whose every cell says which version it is, in blocks that lie elsewhere in each."""
    rows = np.full((2, 400, 500), number, "uint16")
    write_raster(
        path,
        rows,
        bounds=BOUNDS,
        compress=("deflate", "zstd", "none")[number % 3],
        tiled=True,
        blockxsize=128,
        blockysize=128,
        overviews=(2,),
        predictor=2 if number % 3 < 2 else 1,
    )
    return path.read_bytes()


@pytest.mark.parametrize("manner", ["rename", "rewrite"])
def test_a_storm_of_threads_over_files_that_change_sees_whole_files_only(tmp_path, manner):
    versions = [cells_of(tmp_path / f"v{number}.tif", number) for number in range(1, 5)]
    path = tmp_path / "a.tif"
    path.write_bytes(versions[0])
    cache = BlockCache(1 << 20)
    file = File(href=str(path), name="a.tif")
    stop = time.monotonic() + 2.5
    wrong, read, failed, seen = [], [0], [0], set()

    def look(seed):
        made = np.random.default_rng(seed)
        while time.monotonic() < stop:
            try:
                values = reading(file, lambda pyramid: look_at(pyramid, made))
            except SourceFailed:
                failed[0] += 1
                continue
            read[0] += 1
            seen.update(values)
            if len(values) != 1 or not values <= {1, 2, 3, 4}:
                wrong.append(values)

    def look_at(pyramid, made):
        level = pyramid.levels[made.integers(0, len(pyramid.levels))]
        count = across(level) * down(level) * level.planes
        found = cache.get(level, made.permutation(count)[: made.integers(1, count + 1)].tolist())
        return {int(value) for block in found for value in np.unique(block.values)}

    def change():
        number = 0
        while time.monotonic() < stop:
            number += 1
            content = versions[number % 4]
            if manner == "rename":
                (tmp_path / "new").write_bytes(content)
                (tmp_path / "new").rename(path)
            else:
                with path.open("r+b") as same:
                    same.truncate(0)
                    same.write(content)
            time.sleep(0.06)

    with ThreadPoolExecutor(17) as pool:
        list(pool.map(lambda task: task(), [change, *(lambda seed=seed: look(seed) for seed in range(16))]))
    assert not wrong
    assert read[0] > 50
    assert len(seen) > 1
    assert cache.nbytes <= cache.budget


def test_a_header_is_read_once_while_the_file_stays_the_same(tmp_path, monkeypatch):
    cells_of(tmp_path / "a.tif", 1)
    file = File(href=str(tmp_path / "a.tif"), name="a.tif")
    first = open_pyramid(file)
    assert open_pyramid(file) is first
    (tmp_path / "a.tif").write_bytes(cells_of(tmp_path / "b.tif", 2))
    second = open_pyramid(file)
    assert second.revision != first.revision
    assert second.levels[0].read_blocks([0])[0].values.max() == 2
    with pytest.raises(ranges.Changed):
        first.levels[0].read_blocks([0])


# Behind HTTP


@pytest.fixture
def web(tmp_path, monkeypatch):
    monkeypatch.setattr(ranges, "_WAITS_S", (0.0, 0.0))
    forget_headers()
    with serving(tmp_path) as site:
        yield site


def test_a_header_costs_one_request_and_near_blocks_another(tmp_path, web):
    cells_of(tmp_path / "a.tif", 1)
    file = File(href=f"{web.address}/a.tif?sig=secret", name="a.tif")
    pyramid = open_pyramid(file)
    assert web.requests == [("GET", "/a.tif?sig=secret", "bytes=0-65535")]
    level = pyramid.levels[0]
    cache = BlockCache(1 << 20)
    cache.get(level, range(16))
    assert len(web.requests) == 2
    cache.get(open_pyramid(file).levels[0], range(16))
    assert len(web.requests) == 2
    forget_revisions()
    open_pyramid(file)
    assert [method for method, *_ in web.requests] == ["GET", "GET", "HEAD"]


def test_a_header_says_the_same_behind_http(tmp_path, web):
    for number, options in enumerate(
        [{}, {"tiled": True}, {"mask": np.eye(75, 90, dtype="uint8")}, {"descriptions": ["a", "ü"]}]
    ):
        path = write_raster(
            tmp_path / f"{number}.tif", noise("int16"), bounds=BOUNDS, nodata=3, overviews=(2,), **options
        )
        there = open_pyramid(File(href=f"{web.address}/{number}.tif", name="a"))
        here = open_pyramid(File(href=str(path), name="a"))
        assert there.header == here.header
        for one, other in zip(there.levels, here.levels, strict=True):
            for found, expected in zip(assembled(one), assembled(other), strict=True):
                np.testing.assert_array_equal(found, expected)


def test_a_header_far_into_the_file_is_found(tmp_path, web):
    """Overviews that were added later lie at the end."""
    path = write_raster(tmp_path / "a.tif", noise("float64", (1, 400, 500)), bounds=BOUNDS, overviews=(2, 4))
    assert path.stat().st_size > 1_000_000
    pyramid = open_pyramid(File(href=f"{web.address}/a.tif", name="a.tif"))
    assert len(pyramid.levels) == 3
    assert all(method == "GET" for method, *_ in web.requests)
    np.testing.assert_array_equal(assembled(pyramid.levels[2])[0], as_gdal_reads(path, pyramid.header, 1)[0])


def test_a_file_that_changes_behind_http_is_read_anew(tmp_path, web):
    cells_of(tmp_path / "a.tif", 1)
    file = File(href=f"{web.address}/a.tif", name="a.tif")
    cache = BlockCache(1 << 20)

    def values(pyramid):
        return {int(value) for block in cache.get(pyramid.levels[0], [0, 5]) for value in np.unique(block.values)}

    assert reading(file, values) == {1}
    cells_of(tmp_path / "a.tif", 2)
    assert reading(file, values) == {1}  # nothing was asked
    cache.clear()
    assert reading(file, values) == {2}
    first = open_pyramid(file)
    cells_of(tmp_path / "a.tif", 3)
    web.after = [lambda: None]
    with pytest.raises(ranges.Changed):
        first.levels[0].read_blocks([1])
