"""The GeoTIFF that GDAL writes of a raster: what our own is compared with."""

from __future__ import annotations

import rasterio
from rasterio.enums import ColorInterp
from rasterio.io import DatasetWriter, MemoryFile
from rasterio.transform import Affine

from ogcapi.model.raster import Field, Raster
from ogcapi.pixels.absence import filled, find_absence


def gdal_geotiff(raster: Raster) -> bytes:
    """Strips of 128 kB, DEFLATE with a predictor, one band each field, a mask where nodata cannot tell."""
    absence = find_absence(raster)
    values = filled(raster, absence.nodata)
    colors = raster.fields[0].colors if len(raster.fields) == 1 and values.dtype.name in {"uint8", "uint16"} else None
    count, height, width = values.shape
    names = [field.interpretation for field in raster.fields]
    is_rgb = values.dtype.kind == "u" and names == ["red", "green", "blue"]
    with MemoryFile() as file:
        with file.open(
            driver="GTiff",
            width=width,
            height=height,
            count=count,
            dtype=values.dtype.name,
            nodata=absence.nodata,
            crs=rasterio.crs.CRS.from_wkt(raster.grid.crs.wkt),
            transform=Affine(*raster.grid.transform),
            compress="DEFLATE",
            zlevel=4,
            predictor=1 if colors else {"u": 2, "i": 2, "f": 3}[values.dtype.kind],
            tiled=False,
            blockysize=max(1, min(height, (1 << 17) // (count * width * values.itemsize))),
            interleave="pixel",
            photometric="RGB" if is_rgb else "MINISBLACK",
            alpha="NO",
        ) as dataset:
            _describe(dataset, raster.fields)
            if colors:
                dataset.write_colormap(1, colors)
            dataset.write(values)
            if absence.mask is not None:
                with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
                    dataset.write_mask(absence.mask)
        return bytes(file.getbuffer())


def _describe(dataset: DatasetWriter, fields: tuple[Field, ...]) -> None:
    dataset.descriptions = [field.name for field in fields]
    if any(field.unit for field in fields):
        dataset.units = [field.unit or "" for field in fields]
    if any((field.scale, field.offset) != (1.0, 0.0) for field in fields):
        dataset.scales = [field.scale for field in fields]
        dataset.offsets = [field.offset for field in fields]
    meanings = [ColorInterp.__members__.get(field.interpretation or "", ColorInterp.undefined) for field in fields]
    keeps = {ColorInterp.palette, ColorInterp.alpha}  # said by a colour table, and by a mask
    meanings = [ColorInterp.undefined if meaning in keeps else meaning for meaning in meanings]
    if len(fields) > 1 and set(meanings) != {ColorInterp.undefined}:
        dataset.colorinterp = meanings
