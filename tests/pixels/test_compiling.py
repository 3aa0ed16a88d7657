"""Loops are compiled once, in processes of their own, and kept where nobody else may write."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ogcapi.pixels import compiling
from ogcapi.pixels.compiling import is_own

SCRIPT = """
import logging, resource, sys
from pathlib import Path
logging.basicConfig(level="INFO", stream=sys.stdout, format="%(message)s")
from ogcapi.pixels import compiled, lzw
import numpy as np
compiled.warm(Path(sys.argv[1]), 2)
print("made", lzw.undo_lzw(np.zeros(8, np.uint8), np.zeros(8, np.uint8)))
"""
STATEMENT = "Compiling the loops"


@pytest.fixture
def package(tmp_path):
    """A folder with a copy of the package, whose only loop is soon compiled."""
    own = Path(compiling.__file__).parent
    made = tmp_path / "code" / "ogcapi" / "pixels"
    made.mkdir(parents=True)
    for name in ("__init__", "compiled", "compiling", "lzw"):
        shutil.copy2(own / f"{name}.py", made)
    shutil.copy2(own.parent / "__init__.py", made.parent)
    return made.parent.parent


def start(package: Path, folder: Path, script: str = SCRIPT) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(package)}
    return subprocess.Popen(
        [sys.executable, "-P", "-c", script, str(folder)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def told(process: subprocess.Popen[str]) -> str:
    text, _ = process.communicate(timeout=120)
    assert process.returncode == 0, text
    assert "made 7" in text
    return text


def loops(folder: Path) -> list[Path]:
    return sorted(folder.glob("loops-*"))


def test_only_the_first_start_compiles_and_says_so(package, tmp_path):
    folder = tmp_path / "parent" / "kept"
    assert STATEMENT in told(start(package, folder))
    (made,) = loops(folder)
    files = {path: path.stat().st_mtime_ns for path in made.rglob("*.nb?")}
    assert files
    assert STATEMENT not in told(start(package, folder))
    assert {path: path.stat().st_mtime_ns for path in made.rglob("*.nb?")} == files
    assert sorted(path.name for path in folder.iterdir()) == sorted(["lock", made.name])
    assert folder.stat().st_mode & 0o777 == folder.parent.stat().st_mode & 0o777 == 0o700


def test_of_several_starts_at_once_one_compiles(package, tmp_path):
    started = [start(package, tmp_path / "kept") for _ in range(3)]
    assert sum(STATEMENT in told(process) for process in started) == 1
    assert len(loops(tmp_path / "kept")) == 1


def test_who_is_killed_while_it_compiles_stops_nobody(package, tmp_path):
    folder = tmp_path / "kept"
    killed = start(package, folder)
    while not list(folder.glob("making-*/loops")):
        assert killed.poll() is None
        time.sleep(0.01)
    killed.kill()
    killed.communicate()
    assert STATEMENT in told(start(package, folder))
    assert len(loops(folder)) == 1


def test_who_holds_the_lock_for_ever_is_not_awaited_for_ever(package, tmp_path):
    folder = tmp_path / "kept"
    folder.mkdir(mode=0o700)
    impatient = "from ogcapi.pixels import compiling\ncompiling._PATIENCE_S = 0.3\n"
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        told(start(package, folder, impatient + SCRIPT))
    assert len(loops(folder)) == 1


def test_where_no_other_process_can_compile_this_one_does(package, tmp_path):
    text = told(start(package, tmp_path / "kept", "import sys; sys.executable = '/nowhere'\n" + SCRIPT))
    assert "compiled by this process" in text
    assert loops(tmp_path / "kept") == []


def test_damaged_files_are_made_anew(package, tmp_path):
    folder = tmp_path / "kept"
    told(start(package, folder))
    files = [path for made in loops(folder) for path in made.rglob("*.nb?")]
    for path in files:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2] if path.suffix == ".nbi" else b"")
    assert "damaged" in told(start(package, folder))
    assert STATEMENT not in told(start(package, folder))


def test_changed_code_is_compiled_again_and_what_is_long_unused_is_removed(package, tmp_path):
    folder = tmp_path / "kept"
    told(start(package, folder))
    for age in range(1, 7):
        older = folder / f"loops-{age}"
        older.mkdir()
        os.utime(older, (time.time() - 100 * age,) * 2)
    abandoned = folder / "making-it"
    abandoned.mkdir()
    os.utime(abandoned, (0, 0))
    with (package / "ogcapi" / "pixels" / "lzw.py").open("a") as file:
        file.write("\n# another\n")
    assert STATEMENT in told(start(package, folder))
    assert len(loops(folder)) == 5
    assert not (folder / "loops-6").exists()
    assert not abandoned.exists()


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
def test_a_folder_that_others_may_write_to_is_not_used(package, tmp_path, mode):
    folder = tmp_path / "kept"
    folder.mkdir()
    folder.chmod(mode)
    assert not is_own(folder)
    if mode == 0o777:
        assert "others may write" in told(start(package, folder))
        assert list(folder.iterdir()) == []


def test_a_folder_in_the_place_of_which_others_may_put_another_is_not_used(tmp_path):
    folder = tmp_path / "around" / "kept"
    folder.mkdir(parents=True, mode=0o700)
    assert is_own(folder)
    folder.parent.chmod(0o777)
    assert not is_own(folder)
    folder.parent.chmod(0o1777)  # as temporary folders are: others may add, but not replace
    assert is_own(folder)


def test_a_link_is_not_a_folder_of_ones_own(tmp_path):
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "kept").symlink_to(tmp_path / "real")
    assert not is_own(tmp_path / "kept")


@pytest.mark.skipif(os.getuid() != 0, reason="only the administrator can give folders away")
@pytest.mark.parametrize("given", ["", "kept"])
def test_a_folder_of_another_user_is_not_used(tmp_path, given):
    folder = tmp_path / "around" / "kept"
    folder.mkdir(parents=True, mode=0o700)
    os.chown(folder.parent / given, 12345, 12345)
    assert not is_own(folder)
