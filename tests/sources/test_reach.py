import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ogcapi.model.crs import parse_crs, transformation
from ogcapi.sources.reach import reach
from tests.data import grid_of

SYSTEMS = ["EPSG:4326", "EPSG:3857", "EPSG:32631", "EPSG:3035", "EPSG:27700"]


@given(
    st.sampled_from(["EPSG:4326", "EPSG:3857"]),
    st.sampled_from(SYSTEMS),
    st.tuples(st.floats(-20, 25), st.floats(30, 75)),
    st.floats(0.01, 4),
    st.tuples(st.integers(1, 300), st.integers(1, 300)),
)
def test_every_cell_centre_lies_in_one_of_the_boxes(source, target, place, degrees, shape):
    source, target = parse_crs(source), parse_crs(target)
    x, y = transformation(parse_crs("EPSG:4326"), source)(*place)
    side = degrees if source.is_geographic else degrees * 111_320
    grid = grid_of(str(source), (x, y - side, x + side, y), *shape)
    x, y = transformation(source, target)(*np.meshgrid(*grid.centres()))
    known = np.isfinite(x) & np.isfinite(y)
    held = np.zeros(x.shape, bool)
    for box in reach(grid, target):
        wide, high = 1e-9 * box.width, 1e-9 * box.height
        held |= (box.xmin - wide <= x) & (x <= box.xmax + wide) & (box.ymin - high <= y) & (y <= box.ymax + high)
    assert held[known].all()
