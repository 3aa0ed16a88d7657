import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ogcapi.model.crs import parse_crs
from ogcapi.model.raster import Resampling
from ogcapi.pixels import control as controls
from ogcapi.pixels.control import control
from ogcapi.pixels.gather import Piece, fill, need
from ogcapi.pixels.mesh import Kept
from ogcapi.pixels.warp import Geometry, Window, warp
from tests.data import grid_of

DTYPES = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16", "float32", "float64"]
KINDS = pytest.mark.parametrize("dtype", DTYPES)
NODATA = {"i": (-3, 0, None), "u": (3, 0, None), "f": (-3.0, 0.0, -0.0, float("nan"), float("inf"), None)}


class Stored:
    """A raster in memory with holes of every kind, and the reference's way to read it."""

    def __init__(self, seed, dtype, fields, nodata=None, masks=None, geometry=None):
        rng = np.random.default_rng(seed)
        self.geometry = geometry or Geometry(
            crs=parse_crs("EPSG:4326"), width=90, height=70, transform=(0.1, 0.0, 10.0, 0.0, -0.1, 52.0)
        )
        shape = self.geometry.height, self.geometry.width, fields
        self.values = rng.integers(-4 if np.dtype(dtype).kind != "u" else 0, 100, shape).astype(dtype)
        self.nodata = nodata
        self.mask = None
        if masks is not None:
            self.mask = rng.integers(0, 4, (*shape[:2], masks)).astype(np.uint8)
            self.mask = self.mask[..., 0] if masks == 1 else self.mask
        if self.values.dtype.kind == "f":
            self.values[rng.random(shape) < 0.1] = np.nan
            self.values[rng.random(shape) < 0.02] = np.inf
            self.values[rng.random(shape) < 0.1] *= -1  # there are two zeros

    @property
    def valid(self):
        valid = np.ones(self.values.shape, bool)
        if self.mask is not None:
            valid &= (self.mask if self.mask.ndim == 3 else self.mask[..., None]) != 0
        if self.values.dtype.kind == "f":
            valid &= ~np.isnan(self.values)
        for field, value in enumerate(self.nodata or ()):
            if value is not None:
                valid[..., field] &= self.values[..., field] != value
        return valid

    def read(self, window):
        part = np.s_[:, window.top : window.bottom, window.left : window.right]
        return self.values.transpose(2, 0, 1)[part], self.valid.transpose(2, 0, 1)[part]

    def on(self, grid, method=Resampling.NEAREST):
        return warp(grid, self.geometry, self.read, self.values.shape[2], self.values.dtype.name, method)

    def piece(self, top=0, left=0, bottom=None, right=None, is_planar=False):
        part = np.s_[top:bottom, left:right]
        values = self.values[part].copy()
        if is_planar:
            values = np.ascontiguousarray(values.transpose(2, 0, 1)).transpose(1, 2, 0)
        values.setflags(write=False)
        mask = None if self.mask is None else self.mask[part]
        return Piece(values=values, top=top, left=left, nodata=self.nodata, mask=mask)


GRIDS = {
    "mercator": grid_of("EPSG:3857", (1.05e6, 5.8e6, 2.2e6, 6.9e6), 83, 71),
    "lambert": grid_of("EPSG:3035", (4.2e6, 2.4e6, 5.1e6, 3.3e6), 83, 71),
}
ON = pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)


def filled(stored, grid, pieces, method=Resampling.NEAREST):
    values = np.zeros((stored.values.shape[2], *grid.shape), stored.values.dtype)
    valid = np.zeros(values.shape, bool)
    for piece in pieces:
        left = fill(control(grid, stored.geometry, corners=True), piece, method, values, valid)
        assert left == (~valid).sum()
    return values, valid


def same(one, other):
    (values, valid), (others, known) = one, other
    assert (valid == known).all()
    assert values.tobytes() == others.tobytes()


@ON
@KINDS
@settings(max_examples=10, deadline=None)
@given(data=st.data(), seed=st.integers(0, 1000), fields=st.integers(1, 4), is_planar=st.booleans())
def test_nearest_gives_the_bits_that_the_reference_gives(grid, dtype, data, seed, fields, is_planar):
    nodata = data.draw(
        st.none() | st.lists(st.sampled_from(NODATA[np.dtype(dtype).kind]), min_size=fields, max_size=fields)
    )
    masks = data.draw(st.sampled_from([None, 1, fields]))
    stored = Stored(seed, dtype, fields, nodata, masks)
    same(filled(stored, grid, [stored.piece(is_planar=is_planar)]), stored.on(grid))


@ON
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), size=st.integers(5, 40))
def test_a_raster_may_come_in_blocks(grid, seed, size):
    stored = Stored(seed, "uint16", 2, nodata=(3, None), masks=1)
    blocks = [
        stored.piece(top, left, top + size, left + size) for top in range(0, 70, size) for left in range(0, 90, size)
    ]
    np.random.default_rng(seed).shuffle(blocks)
    same(filled(stored, grid, blocks), stored.on(grid))


@ON
def test_valid_cells_stay_as_they_are(grid):
    top, bottom = (Stored(seed, "int16", 2, nodata=(5, 6), masks=2) for seed in (1, 2))
    (values, valid), (others, known) = top.on(grid), bottom.on(grid)
    expected = np.where(valid, values, others), valid | known
    got = filled(top, grid, [top.piece(), bottom.piece()])
    same((np.where(got[1], got[0], 0), got[1]), (np.where(expected[1], expected[0], 0), expected[1]))


def test_fields_may_be_some_of_the_samples_in_any_order():
    stored, grid = Stored(3, "uint8", 4), GRIDS["mercator"]
    values, valid = np.zeros((2, *grid.shape), np.uint8), np.zeros((2, *grid.shape), bool)
    piece = Piece(values=stored.values, top=0, left=0, samples=(3, 1))
    fill(control(grid, stored.geometry), piece, Resampling.NEAREST, values, valid)
    assert (values == stored.on(grid)[0][[3, 1]]).all()


def test_a_part_may_lie_anywhere_in_the_output():
    stored, grid = Stored(3, "float32", 1), GRIDS["lambert"]
    values, valid = np.zeros((1, 100, 200), np.float32), np.zeros((1, 100, 200), bool)
    fill(
        control(grid, stored.geometry, range(11, 50), range(3, 70)),
        stored.piece(),
        Resampling.NEAREST,
        values,
        valid,
        origin=(7, 9),
    )
    whole = stored.on(grid)
    part = np.s_[:, 7 : 7 + 39, 9 : 9 + 67]
    same((values[part], valid[part]), tuple(of[:, 11:50, 3:70] for of in whole))
    assert valid.sum() == whole[1][:, 11:50, 3:70].sum()


def test_values_of_another_type_are_refused():
    stored, grid = Stored(3, "float32", 1), GRIDS["lambert"]
    with pytest.raises(TypeError, match="float32"):
        fill(
            control(grid, stored.geometry),
            stored.piece(),
            Resampling.NEAREST,
            np.zeros((1, *grid.shape)),
            np.zeros((1, *grid.shape), bool),
        )


OTHERS = pytest.mark.parametrize("method", [method for method in Resampling if method is not Resampling.NEAREST])
WORLD = Geometry(crs=parse_crs("EPSG:4326"), width=48, height=24, transform=(7.5, 0.0, -180.0, 0.0, -7.5, 90.0))
ACROSS = Geometry(crs=parse_crs("EPSG:4326"), width=60, height=50, transform=(0.5, 0.0, 160.0, 0.0, -0.5, 20.0))
TURNED = Geometry(crs=parse_crs("EPSG:4326"), width=60, height=50, transform=(0.2, 0.1, 8.0, 0.1, -0.2, 48.0))
PLACES = {
    "as large": (None, grid_of("EPSG:3857", (1.1e6, 5.9e6, 2e6, 6.7e6), 83, 71)),
    "smaller": (None, grid_of("EPSG:3857", (1.1e6, 5.9e6, 2e6, 6.7e6), 233, 171)),
    "larger": (None, grid_of("EPSG:3857", (1.0e6, 5.7e6, 2.2e6, 6.9e6), 17, 18)),
    "askew": (None, grid_of("EPSG:3035", (4.2e6, 2.4e6, 5.1e6, 3.3e6), 83, 71)),
    "much larger, askew": (None, grid_of("EPSG:3035", (4.2e6, 2.4e6, 5.1e6, 3.3e6), 23, 17)),
    "around the body": (WORLD, grid_of("EPSG:3857", (-2e7, -1.9e7, 2e7, 1.9e7), 100, 90)),
    "around the body, few": (WORLD, grid_of("EPSG:3857", (1e7, -1.9e7, 3e7, 1.9e7), 9, 7)),
    "pole": (WORLD, grid_of("EPSG:3413", (-3e6, -3e6, 3e6, 3e6), 50, 60)),
    "across the antimeridian": (ACROSS, grid_of("EPSG:3832", (1.5e6, -1e6, 4.5e6, 2e6), 70, 70)),
    "turned": (TURNED, grid_of("EPSG:3857", (0.9e6, 5.0e6, 3e6, 6.5e6), 64, 64)),
}
AT = pytest.mark.parametrize(("geometry", "grid"), PLACES.values(), ids=PLACES)


def close(one, other):
    (values, valid), (others, known) = one, other
    assert (valid == known).all()
    values, others = values[valid].astype(float), others[valid].astype(float)
    finite = np.isfinite(others)
    assert (np.isfinite(values) == finite).all()
    return values[finite], others[finite]


@pytest.fixture
def exact(monkeypatch):
    """Positions that PROJ gives, each of them, as the reference has them."""
    monkeypatch.setattr(controls, "_ALLOWED", -1.0)
    monkeypatch.setattr(controls, "kept", Kept(1 << 24))


@AT
@OTHERS
@KINDS
@pytest.mark.usefixtures("exact")
def test_other_methods_give_what_the_reference_gives(geometry, grid, method, dtype):
    kind = np.dtype(dtype).kind
    for seed, nodata, masks in (
        (1, None, None),
        (2, (NODATA[kind][0], None), None),
        (3, (None, NODATA[kind][1]), 1),
        (4, None, 2),
    ):
        stored = Stored(seed, dtype, 2, nodata, masks, geometry=geometry)
        got, expected = close(filled(stored, grid, [stored.piece()], method), stored.on(grid, method))
        assert expected.size
        if method is Resampling.MODE:
            assert (got != expected).mean() < 2e-3  # areas that are equal but for rounding
        elif kind == "f":
            assert got == pytest.approx(expected, rel=2e-3 if dtype == "float16" else 1e-6, abs=1e-6)
        else:
            assert np.abs(got - expected).max(initial=0) <= 1
            assert (got != expected).mean() < 2e-3


@OTHERS
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 100), size=st.integers(5, 40))
def test_other_methods_may_come_in_blocks_with_what_is_around_them(method, seed, size):
    grid = PLACES["askew"][1]
    stored, around = Stored(seed, "uint16", 2, nodata=(3, None), masks=1), 12
    values, valid = np.zeros((2, *grid.shape), np.uint16), np.zeros((2, *grid.shape), bool)
    for top in range(0, 70, size):
        for left in range(0, 90, size):
            piece = stored.piece(max(0, top - around), max(0, left - around), top + size + around, left + size + around)
            core = Window(left=left, top=top, right=min(left + size, 90), bottom=min(top + size, 70))
            fill(control(grid, stored.geometry, corners=True), piece, method, values, valid, core=core)
    same((values, valid), filled(stored, grid, [stored.piece()], method))


@AT
@pytest.mark.parametrize("method", list(Resampling))
@pytest.mark.parametrize("block", [(7, 9), (64, 64)])
def test_what_is_needed_is_all_that_is_needed(geometry, grid, method, block):
    stored = Stored(5, "int16", 1, nodata=(3,), geometry=geometry)
    made = control(grid, stored.geometry, corners=True)
    needed = need(made, method, block)
    window, turn = needed.window, stored.geometry.width
    here = np.zeros(stored.values.shape[:2], bool)
    for row, col in needed.blocks:
        here[row * block[1] : (row + 1) * block[1], col * block[0] : (col + 1) * block[0]] = True
    spoilt = np.where(here[..., None], stored.values, 77)
    cols = np.arange(window.left, window.right) % turn
    piece = Piece(
        values=spoilt[window.top : window.bottom, cols], top=window.top, left=window.left, nodata=stored.nodata
    )
    same(filled(stored, grid, [piece], method), filled(stored, grid, [stored.piece()], method))


def test_loops_work_where_no_folder_can_be_written(tmp_path):
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path\n"
        "from ogcapi.pixels import compiled, placing\n"
        "import numpy as np\n"
        "compiled._registered[:] = [one for one in compiled._registered if 'missed' in str(one)]\n"
        "compiled.warm(Path('/proc/nowhere'))\n"
        "print(placing.missed(np.arange(81.0).reshape(9, 9), 4, 4, 0.0))\n"
    )
    environment = {"PATH": os.environ["PATH"], "HOME": "/proc/nowhere", "NUMBA_CACHE_DIR": "/proc/nowhere"}
    root = Path(controls.__file__).parents[2]
    package = tmp_path / "ogcapi"
    shutil.copytree(root / "ogcapi" / "pixels", package / "pixels", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(root / "ogcapi" / "model", package / "model", ignore=shutil.ignore_patterns("__pycache__"))
    (package / "__init__.py").write_text("")
    (package / "pixels").chmod(0o555)
    done = subprocess.run(
        [sys.executable, "-B", "-c", script, str(tmp_path)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    (package / "pixels").chmod(0o755)
    assert (done.returncode, done.stdout.strip()) == (0, "0.0"), done.stderr
