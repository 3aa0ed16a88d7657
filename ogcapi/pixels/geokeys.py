"""GeoKeys: how GeoTIFF names a coordinate reference system. GDAL says it once for each; the files are our own."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from ogcapi.model.crs import Crs
from ogcapi.pixels.tiff import GEO_KEYS, Tag, read_tags


@lru_cache(maxsize=256)
def geokeys(crs: Crs) -> Mapping[int, Tag]:
    """The tags that name a system, as GDAL writes them; cells are areas."""
    import rasterio  # noqa: PLC0415 - slow to import, and other formats do not need it
    from rasterio.io import MemoryFile  # noqa: PLC0415

    place = {"crs": rasterio.crs.CRS.from_wkt(crs.wkt), "transform": rasterio.Affine(1, 0, 0, 0, -1, 1)}
    with MemoryFile() as file:
        with file.open(driver="GTiff", width=1, height=1, count=1, dtype="uint8", **place):
            pass
        tags = read_tags(bytes(file.getbuffer()))
    return MappingProxyType({code: tags[code] for code in GEO_KEYS if code in tags})
