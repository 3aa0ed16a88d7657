"""What files say of the WMTS of a collection: its address, and which tile matrix sets it has."""

from __future__ import annotations

import numpy as np

from ogcapi.model.collection import Collection
from ogcapi.model.link import Document, Urls
from ogcapi.model.media import TIFF
from ogcapi.model.tiles import TileMatrixSet
from ogcapi.model.wmts import COLLECTION_WMTS, why_not
from ogcapi.resources.gdal import Chosen, gdal_type, inexpressible, window_around


def capabilities_address(one: Collection, url: Urls) -> str:
    """Where the WMTS of a collection describes itself."""
    return url(COLLECTION_WMTS.capabilities, collectionId=one.id)


def check_wmts(one: Collection, matrix_set: TileMatrixSet) -> None:
    """Raises `BadParameter` for a set that the WMTS of a collection does not have."""
    offered = [each.matrix_set for each in one.tile_sets if why_not(each.matrix_set) is None]
    if matrix_set not in offered:
        raise inexpressible(matrix_set, "is none of those that WMTS can have", offered)


def gdal_wmts(chosen: Chosen, url: Urls) -> Document:
    """A service description for GDAL's WMTS driver. Raises `BadParameter` for sets that WMTS cannot express."""
    one, matrix_set = chosen.collection, chosen.tile_set.matrix_set
    check_wmts(one, matrix_set)
    window = window_around(chosen)
    width, _, xmin, _, height, ymax = window.transform
    return {
        "capabilities": capabilities_address(one, url),
        "layer": one.id,
        "style": one.styles[0].id,
        "matrix_set": matrix_set.id,
        "matrix": window.matrix.id,
        "format": TIFF.name,
        "upper_left": [xmin, ymax],
        "lower_right": [xmin + window.width * width, ymax + window.height * height],
        "block": [window.matrix.tile_width, window.matrix.tile_height],
        "bands": len(one.fields),
        "type": gdal_type(np.result_type(*(field.dtype for field in one.fields)).name),
    }
