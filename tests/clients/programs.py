"""Programs of others that the tests here run: where they are, and what follows where they are not."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import NoReturn

import pytest

DEBIAN_PYTHON = "/usr/bin/python3"
"""The Python that distributions build QGIS's modules for."""


def missing(program: str, how: str) -> NoReturn:
    """Leave a test out and say why; in continuous integration nothing may be missing."""
    reason = f"{program} is not here ({how})"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def need_gdal() -> None:
    if shutil.which("gdalinfo") is None:
        missing("GDAL's command line", "Debian: gdal-bin")


def need_qgis() -> None:
    if not _has_qgis():
        missing("QGIS with its Python", "Debian: python3-qgis")


@cache
def _has_qgis() -> bool:
    command = [DEBIAN_PYTHON, "-c", "import qgis.core, PyQt5"]
    return Path(DEBIAN_PYTHON).is_file() and subprocess.run(command, capture_output=True, check=False).returncode == 0


def need_owslib() -> None:
    if importlib.util.find_spec("owslib") is None:
        missing("OWSLib", "requirements/dev.lock")


def chromium() -> str:
    """The program of a browser that can be steered."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        missing("Chromium", "Debian: chromium")
    return found
