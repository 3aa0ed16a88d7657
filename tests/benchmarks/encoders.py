"""What it costs to draw a tile and to write it, ours and others side by side: milliseconds of CPU and kilobytes.

    python -m tests.benchmarks.encoders [--rounds 9]

Tiles of 256 x 256 cells of the demo's data. The writers take turns, and each number is the median of the rounds; the
last column says how many times as much the other one costs.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from io import BytesIO

import click
import numpy as np
import rasterio
from PIL import Image
from rasterio.io import MemoryFile

from ogcapi.model.raster import Field, Raster
from ogcapi.model.style import Style
from ogcapi.pixels.colormaps import colormap, ramp
from ogcapi.pixels.encode import geotiff, jpeg, npy, png, webp
from ogcapi.pixels.style import Picture, render
from tests.data import DEMO, grid_of
from tests.pixels.gdal_geotiff import gdal_geotiff

SIDE = 256
REPEATS = 8  # calls in one measurement


@dataclass(frozen=True, kw_only=True)
class Row:
    """One thing to do, by us and by another library."""

    what: str
    ours: Callable[[], bytes | Picture]
    other: str = ""
    theirs: Callable[[], bytes] | None = None


def tile(path: str, row: int, col: int) -> np.ndarray:
    with rasterio.open(DEMO / path) as dataset:
        return dataset.read(window=((row, row + SIDE), (col, col + SIDE)))


def raster_of(values: np.ndarray, valid: np.ndarray | None = None, nodata: float | None = None) -> Raster:
    fields = tuple(Field(name=f"b{i}", dtype=values.dtype.name, nodata=nodata) for i in range(1, len(values) + 1))
    grid = grid_of("EPSG:3857", (0, 0, 1e5, 1e5), SIDE, SIDE)
    return Raster(
        grid=grid, fields=fields, values=values, valid=np.ones(values.shape, bool) if valid is None else valid
    )


def style_of(raster: Raster, colors: object = None) -> Style:
    low, high = (float(edge) for edge in np.percentile(raster.values, (2, 98)))
    names = tuple(field.name for field in raster.fields)
    colors = colormap(colors) if isinstance(colors, list) else colors
    return Style(id="s", title="S", fields=names, ranges=((low, high),) * len(names), colormap=colors)


def by_pillow(picture: Picture, kind: str, **options: object) -> Callable[[], bytes]:
    cells = picture.rgba if kind != "JPEG" else np.ascontiguousarray(picture.rgba[..., :3])
    if picture.is_opaque:
        cells = np.ascontiguousarray(picture.rgba[..., :3])
        if (cells == cells[..., :1]).all():
            cells = cells[..., 0].copy()

    def write() -> bytes:
        out = BytesIO()
        Image.fromarray(cells).save(out, kind, **options)
        return out.getvalue()

    return write


def by_gdal(picture: Picture, **options: object) -> Callable[[], bytes]:
    bands = np.ascontiguousarray(np.moveaxis(picture.rgba, 2, 0))

    def write() -> bytes:
        with MemoryFile() as file:
            with file.open(driver="PNG", width=SIDE, height=SIDE, count=4, dtype="uint8", **options) as dataset:
                dataset.write(bands)
            return bytes(file.getbuffer())

    return write


def rows() -> list[Row]:
    marble = tile("earth/blue_marble.tif", 300, 700)
    relief, mola = tile("earth/relief.tif", 200, 500), tile("mars/mola_N000E.tif", 200, 200)
    noise = np.random.default_rng(1).normal(0, 25, marble.shape)
    deep = raster_of(np.clip(marble * 40.0 + noise, 1, 65535).astype(np.uint16), nodata=0)
    shallow, heights, depths = raster_of(marble), raster_of(mola, nodata=-9999.0), raster_of(relief)
    hole = np.ones((1, SIDE, SIDE), bool)
    hole[:, :40] = False
    cut = replace(heights, valid=hole)
    three, plain, gray = style_of(deep), style_of(shallow), style_of(heights)
    viridis, fine = (
        style_of(heights, ramp("viridis")),
        style_of(heights, [[-4e3, "navy"], [0, "green"], [4e3, "white"]]),
    )
    colored, drawn, clear = render(three, deep), render(gray, heights), render(gray, cut)
    part = replace(deep, valid=hole.repeat(3, 0))
    masked, mapped = render(three, part), render(viridis, heights)
    coverages = {
        "3 x uint16": deep,
        "3 x uint8": shallow,
        "int16": depths,
        "float32": heights,
        "float32, part": cut,
    }
    return [
        Row(what="draw 3 x uint16", ours=lambda: render(three, deep)),
        Row(what="draw 3 x uint8", ours=lambda: render(plain, shallow)),
        Row(what="draw 3 x uint16, part", ours=lambda: render(three, part)),
        Row(what="draw int16, ramp", ours=lambda: render(viridis, depths)),
        Row(what="draw float32, gray", ours=lambda: render(gray, heights)),
        Row(what="draw float32, gray, part", ours=lambda: render(gray, cut)),
        Row(what="draw float32, ramp", ours=lambda: render(viridis, heights)),
        Row(what="draw float32, 4096 colours", ours=lambda: render(fine, heights)),
        *_pictures(colored, masked, drawn, clear),
        Row(what="PNG palette", ours=lambda: png(mapped)),
        Row(what="JPEG colour, part", ours=lambda: jpeg(masked)),
        *(
            Row(
                what=f"GeoTIFF {name}",
                ours=partial(geotiff, one),
                other="GDAL 4",
                theirs=partial(gdal_geotiff, one),
            )
            for name, one in coverages.items()
        ),
        Row(what="npy 3 x uint16", ours=lambda: npy(deep)),
        Row(what="npy float32, part", ours=lambda: npy(cut)),
    ]


def _pictures(colored: Picture, masked: Picture, drawn: Picture, clear: Picture) -> list[Row]:
    def against_pillow(what: str, encode: Callable[[Picture], bytes], picture: Picture, kind: str, **options) -> Row:
        theirs = by_pillow(picture, kind, **options)
        return Row(what=what, ours=lambda: encode(picture), other="Pillow", theirs=theirs)

    return [
        Row(what="PNG colour", ours=lambda: png(colored), other="GDAL 6", theirs=by_gdal(colored)),
        against_pillow("PNG colour", png, colored, "PNG", compress_level=3),
        against_pillow("PNG colour, part", png, masked, "PNG", compress_level=3),
        against_pillow("PNG gray", png, drawn, "PNG", compress_level=3),
        against_pillow("PNG gray, part", png, clear, "PNG", compress_level=3),
        against_pillow("JPEG colour", jpeg, colored, "JPEG", quality=85),
        against_pillow("JPEG gray", jpeg, drawn, "JPEG", quality=85),
        against_pillow("WebP colour", webp, colored, "WEBP", quality=85, method=2),
        against_pillow("WebP colour, part", webp, masked, "WEBP", quality=85, method=2),
    ]


def cpu_ms(act: Callable[[], object]) -> float:
    start = time.thread_time()
    for _ in range(REPEATS):
        act()
    return (time.thread_time() - start) / REPEATS * 1e3


def size_kb(made: object) -> str:
    return f"{len(made) / 1e3:8.1f}" if isinstance(made, bytes) else " " * 8


@click.command(help=__doc__)
@click.option("--rounds", "count", default=9, show_default=True)
def main(count: int) -> None:
    click.echo(f"{'':28}{'ms':>8}{'kB':>8}  {'other':10}{'ms':>8}{'kB':>8}{'x':>7}")
    for row in rows():
        made = [size_kb(act()) if act else "" for act in (row.ours, row.theirs)]
        spent = [(cpu_ms(row.ours), cpu_ms(row.theirs) if row.theirs else 0.0) for _ in range(count)]
        ours, theirs = (statistics.median(column) for column in zip(*spent, strict=True))
        line = f"{row.what:28}{ours:8.3f}{made[0]}"
        if row.theirs:
            ratio = statistics.median(other / own for own, other in spent)
            line += f"  {row.other:10}{theirs:8.3f}{made[1]}{ratio:7.1f}"
        click.echo(line)


if __name__ == "__main__":
    main()
