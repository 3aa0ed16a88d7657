"""What an early draft of OGC API Coverages had beside a coverage, and GDAL's OGCAPI driver still reads (CIS 1.1)."""

from __future__ import annotations

from ogcapi.model.collection import Collection
from ogcapi.model.crs import CRS84
from ogcapi.model.link import Document

_ENCODINGS = {"float16": "FLOAT32"}  # as GDAL reads tiles of them


def domain_set(one: Collection) -> Document:
    """A grid of longitudes and latitudes over the coverage: its own where it has such a grid, else one as fine.

    Longitude comes first whatever the system's own order: GDAL names the axes in its requests as they are named here.
    """
    crs, cells = one.body.geographic, one.coverage.grid
    box = cells.bbox if one.storage_crs.is_geographic else one.extent.span
    axes = (
        ("Lon", box.xmin, box.xmax, box.width / cells.width),
        ("Lat", box.ymin, box.ymax, box.height / cells.height),
    )
    return {
        "type": "DomainSet",
        "generalGrid": {
            "type": "GeneralGridCoverage",
            "srsName": crs.uri or CRS84.uri,
            "axisLabels": [label for label, *_ in axes],
            "axis": [
                {
                    "type": "RegularAxis",
                    "axisLabel": label,
                    "lowerBound": low,
                    "upperBound": high,
                    "resolution": resolution,
                    "uomLabel": "deg",
                }
                for label, low, high, resolution in axes
            ],
            "gridLimits": {
                "type": "GridLimits",
                "axisLabels": ["i", "j"],
                "axis": [
                    {"type": "IndexAxis", "axisLabel": label, "lowerBound": 0, "upperBound": size - 1}
                    for label, size in (("i", cells.width), ("j", cells.height))
                ],
            },
        },
    }


def range_type(one: Collection) -> Document:
    """The fields (SWE Common `DataRecord`)."""
    return {
        "type": "DataRecord",
        "field": [
            {
                "type": "Quantity",
                "name": field.name,
                "label": field.title or field.name,
                "definition": _encoding(field.dtype),  # older versions look here
                "encodingInfo": {"dataType": _encoding(field.dtype)},
                **({"uom": {"type": "UnitReference", "code": field.unit}} if field.unit else {}),
            }
            for field in one.fields
        ],
    }


def _encoding(dtype: str) -> str:
    return _ENCODINGS.get(dtype, dtype.upper())
