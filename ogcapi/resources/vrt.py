"""A virtual raster for GDAL, rasterio and QGIS: exact values, with all that is known of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ogcapi.model.link import Document, Urls
from ogcapi.model.raster import Field, FieldStatistics
from ogcapi.resources.expressible import alike_groups, nodata_of
from ogcapi.resources.gdal import (
    Chosen,
    alike,
    choose,
    crs_text,
    gdal_type,
    number,
    service,
    window_around,
)
from ogcapi.resources.pyramids import Window, pyramid_of
from ogcapi.resources.wmtsfiles import gdal_wmts

_COLORS = frozenset("Gray Palette Red Green Blue Hue Saturation Lightness Cyan Magenta Yellow Black".split())  # noqa: SIM905


def virtual_raster(chosen: Chosen, measured: Mapping[str, FieldStatistics], url: Urls) -> Document:
    """A virtual raster: the data's own window of the tiles, with all that is known of each field.

    Fields with one type and one value for no data come from one service. `measured`: statistics by name of field.
    """
    window = window_around(chosen)
    groups = list(alike_groups(chosen.fields))
    pyramid = pyramid_of(window)
    if pyramid is None:
        return {**_frame(chosen, window, measured, [chosen.collection.fields]), **_through_wmts(chosen, window, url)}
    return {
        **_frame(chosen, window, measured, groups),
        "services": [service(pyramid, chosen, group, url) for group in groups],
        "template": "gdal-wms.xml",
        "source_width": pyramid.width,
        "source_height": pyramid.height,
        "left": window.left - pyramid.col * window.matrix.tile_width,
        "top": window.top - pyramid.row * window.matrix.tile_height,
    }


def _through_wmts(chosen: Chosen, window: Window, url: Urls) -> Document:
    """The source where the set is no pyramid: GDAL's WMTS driver takes any set that WMTS can express."""
    alike(choose(chosen.collection, chosen.tile_set, None))
    return {
        "services": [gdal_wmts(chosen, url)],
        "template": "gdal-wmts.xml",
        "source_width": window.width,
        "source_height": window.height,
        "left": 0,
        "top": 0,
    }


def _frame(
    chosen: Chosen,
    window: Window,
    measured: Mapping[str, FieldStatistics],
    groups: Sequence[Sequence[Field]],
) -> Document:
    """All but where the values come from; each group of fields comes from one service."""
    place = {field.name: (n, k) for n, group in enumerate(groups) for k, field in enumerate(group, 1)}
    return {
        "title": chosen.collection.title,
        "attribution": chosen.collection.attribution,
        "width": window.width,
        "height": window.height,
        "crs": crs_text(window.matrix_set.crs),
        "is_yx": window.matrix_set.crs.is_yx,
        "transform": [window.transform[i] for i in (2, 0, 1, 5, 3, 4)],  # in GDAL's order
        "block": [window.matrix.tile_width, window.matrix.tile_height],
        "bands": [
            {**_band(field, measured.get(field.name)), "service": place[field.name][0], "band": place[field.name][1]}
            for field in chosen.fields
        ],
    }


def _band(field: Field, found: FieldStatistics | None) -> Document:
    nodata = nodata_of(field)
    color = (field.interpretation or "").title()
    return {
        "type": gdal_type(field.dtype),
        "description": field.title or field.name,
        "nodata": None if nodata is None else number(nodata),
        "unit": field.unit,
        "scale": field.scale,
        "offset": field.offset,
        "color": color if color in _COLORS else None,
        "colors": _table(field.colors, (0, 0, 0, 0)) if field.colors else None,
        "categories": _table(field.categories, "") if field.categories else None,
        "statistics": _statistics(field, found) if found else {},
    }


def _table(known: Mapping[int, Any], other: Any) -> list[Any] | None:
    """What GDAL counts from 0 on; None where it cannot."""
    if min(known) < 0 or max(known) > 0xFFFF:
        return None
    return [known.get(value, other) for value in range(max(known) + 1)]


def _statistics(field: Field, found: FieldStatistics) -> dict[str, str]:
    """Of stored values, as GDAL names them."""
    ends = (found.minimum, found.maximum, found.mean)
    if any(each is None for each in (*ends, found.deviation)) or field.scale == 0:
        return {}
    low, high, mean = ((each - field.offset) / field.scale for each in ends if each is not None)
    low, high = sorted((low, high))
    deviation = (found.deviation or 0.0) / abs(field.scale)
    return {
        "STATISTICS_APPROXIMATE": "YES",  # of a sample
        "STATISTICS_MAXIMUM": number(high),
        "STATISTICS_MEAN": number(mean),
        "STATISTICS_MINIMUM": number(low),
        "STATISTICS_STDDEV": number(deviation),
    }
