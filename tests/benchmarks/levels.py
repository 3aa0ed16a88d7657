"""What a tile of a mosaic costs at each level: python -m tests.benchmarks.levels [--most 100000].

Mosaics of 1, 15, 1,000 and 100,000 assets, with their overviews; CPU time of the server per tile that it has to make,
against that of a tile of one asset at its deepest level. Of 100,000 the assets are so small that a tile of their own
resolution touches nine of them.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from math import ceil, sqrt
from pathlib import Path

import click
import numpy as np

from ogcapi.model.crs import parse_crs
from ogcapi.model.grid import BBox, Grid
from ogcapi.model.raster import Field, Raster
from ogcapi.pixels.geotiff import geotiff
from tests.benchmarks import rivals, servers
from tests.benchmarks.client import Http, get, run

COUNTS = (1, 15, 1_000, 100_000)
_SIDES = {100_000: 128}  # cells of an asset, where there are very many
_SIDE = 512  # else
_FIELD = Field(name="height", dtype="int16", nodata=-32768)
_WORLD = BBox(xmin=-160, ymin=-56, xmax=160, ymax=56)
_TILES = 40  # of a level, asked again and again
_SECONDS = 1.5


def assets(folder: Path, number: int) -> dict[str, tuple[float, float, float, float]]:
    """Files side by side over most of the Earth, made where they are not there yet; where each of them lies."""
    folder.mkdir(parents=True, exist_ok=True)
    across = ceil(sqrt(number * _WORLD.width / _WORLD.height))
    down = ceil(number / across)
    wide, high = _WORLD.width / across, _WORLD.height / down
    side = _SIDES.get(number, _SIDE)
    rows, cols = np.mgrid[:side, :side]
    found = {}
    for one in range(number):
        row, col = divmod(one, across)
        box = BBox(
            xmin=_WORLD.xmin + col * wide,
            xmax=_WORLD.xmin + (col + 1) * wide,
            ymax=_WORLD.ymax - row * high,
            ymin=_WORLD.ymax - (row + 1) * high,
        )
        path = folder / f"{one}.tif"
        found[str(path)] = box.bounds
        if not path.exists():
            values = (1000 + 500 * np.sin(rows / 20 + one) + 300 * np.cos(cols / 30 - one)).astype("int16")[None]
            grid = Grid(crs=parse_crs("EPSG:4326"), bbox=box, width=side, height=side)
            path.write_bytes(
                geotiff(Raster(grid=grid, fields=(_FIELD,), values=values, valid=np.ones(values.shape, bool)))
            )
    return found


def document(path: Path, found: dict[str, tuple[float, float, float, float]]) -> None:
    """A mosaic.json of assets, whose cells are about as large as they."""
    import morecantile

    quads = morecantile.tms.get("WebMercatorQuad")
    zoom = min(12, max(0, round(np.log2(360 / (_WORLD.width / sqrt(len(found)))))))
    tiles: dict[str, list[str]] = {}
    for name, box in found.items():
        for tile in quads.tiles(*box, [zoom]):
            tiles.setdefault(quads.quadkey(tile), []).append(name)
    told = {"mosaicjson": "0.0.3", "minzoom": 0, "maxzoom": zoom, "quadkey_zoom": zoom, "bounds": _WORLD.bounds}
    path.write_text(json.dumps({**told, "tiles": tiles}))


@click.command()
@click.option("--most", type=int, default=COUNTS[-1], help="Assets of the largest mosaic.")
@click.option("--folder", type=click.Path(path_type=Path), default=rivals.CHECKOUT / ".bench", help="For the data.")
def main(most: int, folder: Path) -> None:
    """Measure, and print a line for each level of each mosaic."""
    folder = (folder / "levels").absolute()
    counts = [number for number in COUNTS if number <= most]
    for number in counts:
        if not (folder / f"{number}.json").exists():
            document(folder / f"{number}.json", assets(folder / str(number), number))
            click.echo(f"made {number:,} assets")
    config = folder / "config.yml"
    resources = {
        f"of-{number}": {"providers": [{"name": "MosaicJSON", "data": str(folder / f"{number}.json")}]}
        for number in counts
    }
    cache = {"folder": str(folder / "cache"), "blocks": rivals.BLOCKS, "tiles": 0}
    server = {"cache": cache, "overviews": "manual", "access_log": "off"}
    config.write_text(json.dumps({"server": server, "logging": {"level": "ERROR"}, "resources": resources}))
    environment = {**os.environ, "PYTHONPATH": str(rivals.CHECKOUT)}
    program = [sys.executable, "-m", "ogcapi"]
    subprocess.run([*program, "overviews", "build", "--config", str(config)], check=True, env=environment)
    servers.pin_client()
    rows = list(_measured(program, config, folder, counts))
    text = _report(rows)
    click.echo(text)
    if most >= COUNTS[-1]:
        (rivals.CHECKOUT / "docs" / "levels.md").write_text(text)


def _report(rows: Sequence[tuple[int, str, float]]) -> str:
    """The page of a run."""
    base = next(cost for number, _, cost in reversed(rows) if number == 1)
    lines = [
        "# What a tile of a mosaic costs at each level",
        "",
        "`make bench` writes this page: CPU time of the server per map tile of 256 cells in WebMercatorQuad that it",
        "has to make (40 tiles of each level by turns, 200 MB for decoded blocks), and how many times that of a tile",
        f"of one asset at its deepest level. Assets have {_SIDE} cells a side, of 100,000 {_SIDES[100_000]}: near the",
        "resolution of such small ones a tile touches many of them, and above it the overview answers.",
        "",
        "| assets | level | CPU ms | of one asset's |",
        "| ---: | ---: | ---: | ---: |",
        *(f"| {number:,} | {level} | {cost:.2f} | {cost / base:.2f} |" for number, level, cost in rows),
        "",
        f"The dearest level costs {max(cost for *_, cost in rows) / base:.1f} times a tile of one asset.",
        "",
    ]
    return "\n".join(lines)


def _measured(
    program: Sequence[str], config: Path, folder: Path, counts: Sequence[int]
) -> Iterator[tuple[int, str, float]]:
    """Assets, level and CPU milliseconds per tile, coarsest level first."""
    server = servers.start(
        "ogcapi",
        lambda port: [*program, "serve", str(config), "--port", str(port)],
        log=folder / "ogcapi.log",
        ready="/readyz",
        environment={"PYTHONPATH": str(rivals.CHECKOUT)},
    )
    try:
        for number in counts:
            told = get(server.port, f"/collections/of-{number}/map/tiles/WebMercatorQuad?f=json", Http())
            for limit in json.loads(told.body)["tileMatrixSetLimits"]:
                luck = random.Random(number)
                paths = [
                    f"/collections/of-{number}/map/tiles/WebMercatorQuad/{limit['tileMatrix']}"
                    f"/{luck.randint(limit['minTileRow'], limit['maxTileRow'])}"
                    f"/{luck.randint(limit['minTileCol'], limit['maxTileCol'])}?f=png"
                    for _ in range(_TILES)
                ]
                run(server.port, paths, wire=Http(), connections=4)
                before_s = server.cpu_s()
                outcome = run(server.port, paths, wire=Http(), connections=4, seconds=_SECONDS)
                assert not outcome.failures, f"of-{number} {limit['tileMatrix']}"
                yield number, limit["tileMatrix"], 1000 * (server.cpu_s() - before_s) / outcome.count
    finally:
        server.stop()


if __name__ == "__main__":
    main()
