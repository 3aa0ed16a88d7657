"""The servers that are compared: how each is started, and where it has the tiles of a scenario."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.benchmarks.client import Http, Wire
from tests.benchmarks.quadtree import Tile, mars
from tests.benchmarks.scenarios import Scenario

BLOCKS = "200MB"
"""Budget of decoded blocks, of every server that has one."""
CHECKOUT = Path(__file__).parents[2]
_GDAL = {  # as TiTiler's documentation recommends
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".tif,.TIF,.tiff",
    "CPL_VSIL_CURL_CACHE_SIZE": "200000000",
    "GDAL_BAND_BLOCK_CACHE": "HASHSET",
    "GDAL_CACHEMAX": "200",
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_HTTP_MERGE_CONSECUTIVE_RANGES": "YES",
    "GDAL_HTTP_MULTIPLEX": "YES",
    "GDAL_HTTP_VERSION": "2",
    "GDAL_INGESTED_BYTES_AT_OPEN": "32768",
    "PROJ_NETWORK": "OFF",
    "PYTHONWARNINGS": "ignore",
    "VSI_CACHE": "TRUE",
    "VSI_CACHE_SIZE": "5000000",
}
_TITILER = ("titiler.application", "titiler.mosaic", "uvicorn[standard]")


@dataclass(frozen=True, kw_only=True)
class Rival:
    """A server program with its settings."""

    name: str
    command: Callable[[int], Sequence[str]]
    """For a port."""
    path: Callable[[Scenario, Tile], str | None]
    """Where a tile is; None: it does not have such tiles."""
    ready: str | None
    environment: Mapping[str, str]
    wire: Wire
    listens: bool = True
    fills_caches: bool = False
    """Whether it is faster after a while, and so is given one before it is measured."""


def matrix_set(scenario: Scenario) -> str:
    """The tile matrix set that a scenario's tiles are of."""
    return mars().id if scenario.data.startswith("mars") else "WebMercatorQuad"


def titiler(folder: Path, data: Path, say: Callable[[str], None]) -> Rival | None:
    """The current release, in an environment of its own; None where that cannot be made."""
    python = folder / "titiler" / "bin" / "python"
    if not (folder / "titiler" / "complete").exists():
        say("installing TiTiler")
        install = [
            str(python),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--upgrade",
            *_TITILER,
        ]
        try:
            subprocess.run([sys.executable, "-m", "venv", "--clear", folder / "titiler"], check=True)
            subprocess.run(install, check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            say(f"without TiTiler: {error}")
            return None
        (folder / "titiler" / "complete").touch()

    def path(scenario: Scenario, tile: Tile) -> str:
        zoom, row, col = tile
        query: list[tuple[str, str]] = [("url", str(data / scenario.document))]
        if scenario.is_picture and scenario.range is not None:
            query.append(("rescale", "{},{}".format(*scenario.range)))
        if scenario.colormap:
            query.append(("colormap_name", scenario.colormap))
        if scenario.resampling != "nearest":
            query += [("resampling", scenario.resampling), ("reproject", scenario.resampling)]
        if scenario.method != "first":
            query.append(("pixel_selection", scenario.method))
        what = "mosaicjson" if scenario.is_mosaic else "cog"
        return f"/{what}/tiles/{matrix_set(scenario)}/{zoom}/{col}/{row}.{scenario.form}?{urlencode(query)}"

    run = [str(python), "-m", "uvicorn", "titiler.application.main:app", "--host", "127.0.0.1"]
    return Rival(
        name="TiTiler",
        command=lambda port: [*run, "--port", str(port), "--workers", "1", "--no-access-log"],
        path=path,
        ready="/healthz",
        environment={**_GDAL, "TILEMATRIXSET_DIRECTORY": str(sets(folder).parent)},
        wire=Http(),
    )


def titiler_version(folder: Path) -> str:
    """What is installed."""
    program = "from importlib.metadata import version as v; print(v('titiler.application'), v('rasterio'))"
    python = folder / "titiler" / "bin" / "python"
    found = subprocess.run([python, "-c", program], capture_output=True, text=True, check=False)
    return "TiTiler {}, rasterio {}".format(*(found.stdout.split() or ("?", "?")))


def ours(
    name: str,
    checkout: Path,
    folder: Path,
    data: Path,
    scenarios: Sequence[Scenario],
    cache: Mapping[str, Any],
    *,
    fills: bool,
) -> Rival:
    """A checkout of ours, with all data of some scenarios configured; `cache` is the section `server.cache`."""
    config = folder / f"{name.replace(',', '').replace(' ', '-')}.yml"
    config.write_text(json.dumps(configuration(folder, data, scenarios, cache), indent=1))

    def path(scenario: Scenario, tile: Tile) -> str:
        zoom, row, col = tile
        style = f"/styles/{scenario.colormap}" if scenario.colormap else ""
        what = f"{style}/map" if scenario.is_picture else "/coverage"
        place = f"{what}/tiles/{matrix_set(scenario)}/{zoom}/{row}/{col}"
        return f"/collections/{scenario.collection}{place}?f={scenario.form}"

    program = [sys.executable, "-m", "ogcapi", "serve", str(config), "--host", "127.0.0.1"]
    return Rival(
        name=name,
        command=lambda port: [*program, "--port", str(port)],
        path=path,
        ready="/healthz",
        environment={"PYTHONPATH": str(checkout)},
        wire=Http(),
        fills_caches=fills,
    )


def sets(folder: Path) -> Path:
    """The document of the tile matrix set that no server knows, in a folder that has nothing else."""
    path = folder / "sets" / f"{mars().id}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(mars().document))
    return path


def configuration(folder: Path, data: Path, scenarios: Sequence[Scenario], cache: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration with all data of some scenarios; JSON is YAML."""
    resources: dict[str, Any] = {}
    for one in scenarios:
        fields = ["b1"] if one.is_mosaic or one.data == "heights" else ["b1", "b2", "b3"]
        styles: dict[str, Any] = {"plain": {"fields": fields, "range": one.range or [0, 255]}}
        if len(fields) == 1:
            styles["viridis"] = {"fields": fields, "range": one.range, "colormap": "viridis"}
        options = {"styles": styles, "resampling": one.resampling, "tile_matrix_sets": [matrix_set(one)]}
        if one.is_mosaic:
            options["mosaic_method"] = one.method
        provider = {
            "type": "coverage",
            "name": "MosaicJSON" if one.is_mosaic else "COG",
            "data": str(data / one.document),
            "options": options,
        }
        resources[one.collection] = {"type": "collection", "providers": [provider]}
    server: dict[str, Any] = {"access_log": "off", "cache": dict(cache)}
    if any(matrix_set(one) == mars().id for one in scenarios):
        server["tile_matrix_sets"] = [str(sets(folder))]
    return {"server": server, "logging": {"level": "ERROR"}, "resources": resources}


def known_cache_keys(checkout: Path, folder: Path, data: Path, scenario: Scenario, keys: Mapping[str, Any]) -> set[str]:
    """Those keys of `server.cache` that a checkout's configuration has."""
    known = set()
    for key, value in keys.items():
        probe = folder / "probe.yml"
        probe.write_text(json.dumps(configuration(folder, data, [scenario], {key: value})))
        command = [sys.executable, "-m", "ogcapi", "check", str(probe)]
        environment = {**os.environ, "PYTHONPATH": str(checkout)}
        if not subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False).returncode:
            known.add(key)
        probe.unlink()
    return known


def mapserver(folder: Path, data: Path, scenarios: Sequence[Scenario], say: Callable[[str], None]) -> Rival | None:
    """MapServer as a FastCGI process, spoken to directly; None where it is not installed."""
    from tests.benchmarks import mapserver as program

    found = os.environ.get("MAPSERV") or shutil.which("mapserv")
    if found is None:
        say("without MapServer: there is no mapserv here (on Debian and Ubuntu: the package cgi-mapserver)")
        return None
    return program.rival(found, folder, data, scenarios)
