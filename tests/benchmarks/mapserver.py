"""MapServer: its map file, and where it has the tiles of a scenario."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.benchmarks.fastcgi import FastCgi
from tests.benchmarks.quadtree import Tile
from tests.benchmarks.rivals import Rival
from tests.benchmarks.scenarios import RGB, Scenario

_HEAD = """MAP
  NAME "benchmark"
  SIZE 256 256
  MAXSIZE 4096
  PROJECTION "init=epsg:3857" END
  CONFIG "GDAL_CACHEMAX" "200"
  CONFIG "GDAL_DISABLE_READDIR_ON_OPEN" "EMPTY_DIR"
  WEB METADATA "wms_enable_request" "*" END END
  OUTPUTFORMAT NAME "png" DRIVER AGG/PNG MIMETYPE "image/png" IMAGEMODE RGBA EXTENSION "png" TRANSPARENT ON END
  OUTPUTFORMAT NAME "jpeg" DRIVER AGG/JPEG MIMETYPE "image/jpeg" IMAGEMODE RGB EXTENSION "jpg"
    FORMATOPTION "QUALITY=85" END
"""
_LAYER = """  LAYER
    NAME "{name}" GROUP "{group}" TYPE RASTER STATUS OFF
    DATA "{path}"
    PROJECTION {projection} END
    {scale}
    PROCESSING "CLOSE_CONNECTION=DEFER"
    PROCESSING "RESAMPLE={resampling}"
  END
"""


def rival(program: str, folder: Path, data: Path, scenarios: Sequence[Scenario]) -> Rival:
    """One process, with files kept open."""
    for one in scenarios:
        if draws(one):  # a map file each, because it is read at each request
            _settings(folder, one).write_text(_HEAD + "".join(_layers(data, one)) + "END\n")
    conf = folder / "mapserver.conf"
    conf.write_text('CONFIG\n  ENV\n    MS_MAP_PATTERN ".*"\n  END\nEND\n')

    def path(scenario: Scenario, tile: Tile) -> str | None:
        if not draws(scenario):
            return None
        zoom, row, col = tile
        layer = scenario.collection
        query = f"map={_settings(folder, scenario)}&mode=tile&tilemode=gmap&tile={col}+{row}+{zoom}&layers={layer}"
        return f"/?{query}&map.imagetype={scenario.form}"

    return Rival(
        name="MapServer",
        command=lambda _: [program],
        path=path,
        ready=None,
        environment={"MAPSERVER_CONFIG_FILE": str(conf)},
        wire=FastCgi(),
        listens=False,
    )


def draws(scenario: Scenario) -> bool:
    """Whether it makes such tiles: no WebP, values, colour maps or means, no other planets, no lists of assets."""
    return (
        scenario.form in {"png", "jpeg"}
        and scenario.colormap is None
        and scenario.method == "first"
        and not scenario.remote
        and not scenario.data.startswith(("mars", "crowd"))
    )


def _settings(folder: Path, scenario: Scenario) -> Path:
    return folder / f"{scenario.collection}.map"


def _layers(data: Path, one: Scenario) -> Iterator[str]:
    keys = () if one.range is None else _BANDS if one.data in RGB else ("SCALE",)
    for number, path in enumerate(_files(data, one)):
        yield _LAYER.format(
            name=f"{one.collection}-{number}",
            group=one.collection,
            path=path,
            projection='"init=epsg:3857"' if one.data.startswith("aligned") else '"init=epsg:32631"',
            scale=" ".join('PROCESSING "{}={},{}"'.format(key, *(one.range or ())) for key in keys),
            resampling=one.resampling.upper(),
        )


_BANDS = ("SCALE_1", "SCALE_2", "SCALE_3")


def _files(data: Path, scenario: Scenario) -> list[Path]:
    """What is drawn, the lowest first."""
    if not scenario.is_mosaic:
        return [data / scenario.document]
    document = json.loads((data / scenario.document).read_text())
    names = dict.fromkeys(name for assets in document["tiles"].values() for name in assets)
    return [data / name for name in reversed(names)]
