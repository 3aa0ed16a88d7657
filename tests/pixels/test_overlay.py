import pytest

from ogcapi.model.raster import Field
from ogcapi.pixels.overlay import MosaicMethod, fields_of


@pytest.mark.parametrize(
    ("method", "dtype", "made"),
    [
        (MosaicMethod.FIRST, "uint8", "uint8"),
        (MosaicMethod.HIGHEST, "int32", "int32"),
        (MosaicMethod.MEAN, "uint16", "float32"),
        (MosaicMethod.MEDIAN, "int32", "float64"),
        (MosaicMethod.STDEV, "float32", "float32"),
        (MosaicMethod.SUM, "uint8", "float64"),
        (MosaicMethod.COUNT, "float64", "uint16"),
    ],
)
def test_fields_have_the_type_of_what_is_made_of_them(method, dtype, made):
    (field,) = fields_of(method, [Field(name="a", dtype=dtype, nodata=0, colors={1: (0, 0, 0, 0)})])
    assert field.dtype == made
    assert (field.colors is None) == (method not in {MosaicMethod.FIRST, MosaicMethod.HIGHEST})
