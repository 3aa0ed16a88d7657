"""A STAC item of tiled assets (STACTA), which GDAL opens as one raster."""

from __future__ import annotations

from math import isfinite

from ogcapi.model.crs import Crs
from ogcapi.model.link import Document, Urls, link
from ogcapi.model.media import GEOJSON, GEOTIFF, JSON
from ogcapi.model.operations import COLLECTION, STACTA
from ogcapi.model.raster import Field
from ogcapi.resources.expressible import nodata_of
from ogcapi.resources.gdal import Chosen, alike, pyramid_around, tile_address
from ogcapi.resources.tiles import matrix_set_uri

_EXTENSIONS = (
    "https://stac-extensions.github.io/tiled-assets/v1.0.0/schema.json",
    "https://stac-extensions.github.io/raster/v1.1.0/schema.json",
    "https://stac-extensions.github.io/projection/v1.1.0/schema.json",
    "tiled-assets",  # GDAL 3.6 looks for just this word
)


def stacta(chosen: Chosen, url: Urls) -> Document:
    """The coverage tiles of some fields (STAC 1.0.0; Tiled Assets 1.0.0).

    Raises `BadParameter` where the set is no pyramid, and where the fields say in different ways what is no data.
    """
    fields = alike(chosen)
    pyramid = pyramid_around(chosen)
    one, matrix_set = chosen.collection, chosen.tile_set.matrix_set
    first = matrix_set.matrices.index(pyramid.window.matrix) - pyramid.overviews
    used = matrix_set.matrices[first : first + pyramid.overviews + 1]
    limits = {limit.matrix_id: limit for limit in chosen.tile_set.limits}
    address = tile_address(chosen, fields, url)
    for name in ("Matrix", "Row", "Col"):
        address = address.replace(f"{{tile{name}}}", f"{{Tile{name}}}")
    nodata = nodata_of(fields[0])
    absent = {} if nodata is None else {"nodata": nodata if isfinite(nodata) else str(nodata)}
    extent = one.extent.span
    west, south, east, north = extent.bounds
    corners = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    path = {"collectionId": one.id, "tileMatrixSetId": matrix_set.id}
    return {
        "stac_version": "1.0.0",
        "stac_extensions": list(_EXTENSIONS),
        "type": "Feature",
        "id": f"{one.id}-{matrix_set.id}",
        "geometry": {"type": "Polygon", "coordinates": [corners]},
        "bbox": list(extent.bounds),
        "properties": {
            "title": one.title,
            **_moments(chosen),
            "tiles:tile_matrix_links": {
                matrix_set.id: {
                    "url": f"#{matrix_set.id}",
                    "limits": {
                        matrix.id: {
                            "min_tile_col": limits[matrix.id].min_col,
                            "max_tile_col": limits[matrix.id].max_col,
                            "min_tile_row": limits[matrix.id].min_row,
                            "max_tile_row": limits[matrix.id].max_row,
                        }
                        for matrix in used
                        if matrix.id in limits
                    },
                }
            },
            "tiles:tile_matrix_sets": {
                matrix_set.id: {
                    "type": "TileMatrixSetType",
                    "identifier": matrix_set.id,
                    "title": matrix_set.title,
                    "uri": matrix_set_uri(matrix_set, url),
                    "supportedCRS": _crs(matrix_set.crs),
                    "tileMatrix": [
                        {
                            "type": "TileMatrixType",
                            "identifier": matrix.id,
                            "scaleDenominator": matrix.scale_denominator,
                            "topLeftCorner": list(matrix.origin),
                            "tileWidth": matrix.tile_width,
                            "tileHeight": matrix.tile_height,
                            "matrixWidth": matrix.matrix_width,
                            "matrixHeight": matrix.matrix_height,
                        }
                        for matrix in used
                    ],
                }
            },
        },
        "asset_templates": {
            "coverage": {
                "href": address,
                "type": GEOTIFF.name,
                "roles": ["data"],
                "raster:bands": [
                    {
                        "name": field.name,
                        "data_type": field.dtype,
                        **absent,
                        **({"unit": field.unit} if field.unit else {}),
                        **({} if _is_plain(field) else {"scale": field.scale, "offset": field.offset}),
                    }
                    for field in fields
                ],
            }
        },
        "links": [
            link("self", url(STACTA, None, chosen.query, **path), GEOJSON),
            link("collection", url(COLLECTION, JSON, collectionId=one.id), JSON, one.title),
        ],
    }


def _crs(crs: Crs) -> str:
    """A system as GDAL 3.6 reads it, too: the IAU's by a URN of their old name."""
    code = crs.authority_code or ""
    return f"urn:ogc:def:crs:{code.replace(':', '::')}" if code.startswith("IAU_2015") else crs.uri or crs.wkt


def _is_plain(field: Field) -> bool:
    return (field.scale, field.offset) == (1.0, 0.0)


def _moments(chosen: Chosen) -> Document:
    """When the data are of; STAC wants the member even where it is not known."""
    time = chosen.collection.time
    if time is None or time.start is None or time.end is None:
        return {"datetime": None}
    return {"datetime": None, "start_datetime": time.start.isoformat(), "end_datetime": time.end.isoformat()}
