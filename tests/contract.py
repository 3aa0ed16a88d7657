"""What every source of rasters keeps, whatever it is made of: subclass it with a fixture `source`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ogcapi.model.body import body_of
from ogcapi.model.collection import CoverageSource
from ogcapi.model.crs import parse_crs
from ogcapi.model.grid import BBox, Grid
from ogcapi.model.raster import Resampling, Selection
from tests.data import read_all


class SourceContract:
    """Tests of the `CoverageSource` protocol."""

    @pytest.fixture
    def source(self) -> CoverageSource:
        raise NotImplementedError

    @pytest.fixture
    def view(self, source: CoverageSource) -> Grid:
        """The whole, in few cells."""
        return replace(source.grid, width=min(source.grid.width, 60), height=min(source.grid.height, 50))

    def test_a_read_is_on_exactly_the_grid_asked_for(self, source, view):
        raster = read_all(source, view)
        assert raster.grid == view
        assert raster.fields == source.fields
        assert raster.values.dtype == np.result_type(*(field.dtype for field in source.fields))
        assert raster.valid.any()

    def test_fields_come_in_the_order_of_the_selection(self, source, view):
        whole = read_all(source, view)
        names = [field.name for field in source.fields][::-1]
        turned = source.read(view, Selection(fields=tuple(names)))
        assert [field.name for field in turned.fields] == names
        assert (turned.values == whole.values[::-1]).all()
        assert (turned.valid == whole.valid[::-1]).all()

    def test_one_field_reads_as_it_does_among_all(self, source, view):
        whole = read_all(source, view)
        for number, field in enumerate(source.fields):
            alone = source.read(view, Selection(fields=(field.name,)))
            assert alone.values.dtype == field.dtype
            assert (alone.valid[0] == whole.valid[number]).all()
            assert (alone.values[0][alone.valid[0]] == whole.values[number][alone.valid[0]]).all()

    def test_reading_twice_gives_the_same(self, source, view):
        one, other = read_all(source, view), read_all(source, view)
        assert (one.values == other.values).all()
        assert (one.valid == other.valid).all()

    @pytest.mark.parametrize("method", Resampling)
    def test_every_method_is_valid_where_nearest_is(self, source, view, method):
        assert (read_all(source, view, method).valid == read_all(source, view).valid).all()

    def test_two_halves_are_the_whole(self, source):
        box = source.grid.bbox
        wide, high = min(source.grid.width, 64), min(source.grid.height, 64)
        bbox = BBox(
            xmin=box.xmin,
            ymin=box.ymax - high * source.grid.cell_height,
            xmax=box.xmin + wide * source.grid.cell_width,
            ymax=box.ymax,
        )
        grid = replace(source.grid, bbox=bbox, width=wide // 2 * 2, height=high)
        middle = (bbox.xmin + bbox.xmax) / 2
        halves = (replace(bbox, xmax=middle), replace(bbox, xmin=middle))
        whole = read_all(source, grid)
        parts = [read_all(source, replace(grid, bbox=half, width=grid.width // 2)) for half in halves]
        assert (np.concatenate([part.valid for part in parts], axis=2) == whole.valid).all()
        assert (np.concatenate([part.values for part in parts], axis=2) == whole.values).all()

    def test_the_footprint_is_in_the_storage_crs_and_within_one_turn(self, source):
        assert source.footprint.crs == source.grid.crs == source.storage_crs
        half = (source.storage_crs.x_period or np.inf) / 2
        for bbox in source.footprint.bboxes:
            assert -half * (1 + 1e-9) <= bbox.xmin < bbox.xmax <= half * (1 + 1e-9)

    def test_no_cell_beyond_the_footprint_is_valid(self, source):
        geographic = body_of(source.storage_crs).geographic
        world = Grid(crs=geographic, bbox=BBox(xmin=-180, ymin=-90, xmax=180, ymax=90), width=72, height=36)
        raster = read_all(source, world)
        xs, ys = world.centres()
        boxes = source.footprint.carried(geographic)
        for _, row, col in np.argwhere(raster.valid):
            assert any(b.xmin <= xs[col] <= b.xmax and b.ymin <= ys[row] <= b.ymax for b in boxes)

    def test_where_nothing_meets_nothing_is_read(self, source):
        box = source.footprint.bboxes[0]
        for part in np.linspace(-1, 1, 9):
            shift = part * max(box.width, 1e-6) * 1.5
            grid = Grid(
                crs=source.storage_crs,
                bbox=BBox(xmin=box.xmin + shift, ymin=box.ymin, xmax=box.xmax + shift, ymax=box.ymax),
                width=8,
                height=8,
            )
            assert source.meets(grid) or not read_all(source, grid).valid.any()

    def test_it_meets_its_own_grid(self, source):
        assert source.meets(source.grid)

    def test_emptiness_is_no_failure(self, source):
        geographic = body_of(source.storage_crs).geographic
        pole = Grid(crs=geographic, bbox=BBox(xmin=0, ymin=89.99, xmax=0.001, ymax=90), width=3, height=3)
        assert read_all(source, pole).values.shape == (len(source.fields), 3, 3)

    def test_its_revision_stays_while_its_files_do(self, source, view):
        assert source.revision() == source.revision()
        assert source.revision(view) == source.revision(view)

    def test_a_sample_is_bounded_and_the_same_every_time(self, source):
        one, other = source.sample(), source.sample()
        assert max(one.grid.shape) <= 512
        assert one.fields == source.fields
        assert (one.values == other.values).all()
        assert (one.valid == other.valid).all()

    def test_threads_read_the_same(self, source, view):
        from concurrent.futures import ThreadPoolExecutor

        whole = read_all(source, view)
        with ThreadPoolExecutor(4) as pool:
            for raster in pool.map(lambda _: read_all(source, view), range(8)):
                assert (raster.values == whole.values).all()

    def test_the_status_counts_assets(self, source):
        assert source.status.assets >= 1

    def test_its_system_is_one_that_is_served(self, source):
        assert parse_crs(source.storage_crs.wkt) == source.storage_crs
