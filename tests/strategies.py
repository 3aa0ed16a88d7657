"""Values that several tests draw."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ogcapi.model.crs import parse_crs
from ogcapi.model.grid import BBox, Grid
from ogcapi.model.raster import Field, Raster

DTYPES = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64"]


def grid_of(height: int, width: int, crs: str = "EPSG:32618") -> Grid:
    """A grid whose numbers are not round."""
    bbox = BBox(xmin=500_000.3, ymin=4_000_000.7, xmax=500_000.3 + 10.1 * width, ymax=4_000_000.7 + 9.9 * height)
    return Grid(crs=parse_crs(crs), bbox=bbox, width=width, height=height)


def raster_of(values: npt.NDArray[np.generic], valid: npt.NDArray[np.bool_], *nodata: float | None) -> Raster:
    """A raster with one nodata for each field."""
    fields = tuple(Field(name=f"b{i}", dtype=values.dtype.name, nodata=n) for i, n in enumerate(nodata, start=1))
    return Raster(grid=grid_of(*values.shape[1:]), fields=fields, values=values, valid=valid)


@st.composite
def rasters(draw: st.DrawFn) -> Raster:
    """Rasters of any type, whose nodata often are values that occur."""
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    shape = draw(st.tuples(st.integers(1, 4), st.integers(1, 9), st.integers(1, 9)))
    elements = hnp.from_dtype(dtype)
    values = draw(hnp.arrays(dtype, shape, elements=elements))
    valid = draw(
        st.one_of(hnp.arrays(bool, shape), hnp.arrays(bool, shape[1:]).map(lambda v: np.stack([v] * shape[0])))
    )
    one_nodata = st.none() | elements.map(lambda v: v.item()) | st.sampled_from(values.ravel().tolist())
    shared = one_nodata.map(lambda n: [n] * shape[0])
    nodata = draw(shared | st.lists(one_nodata, min_size=shape[0], max_size=shape[0]))
    return raster_of(values, valid, *nodata)
