"""The command line, as a person meets it."""

import json
import os
import re
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import pytest
import rasterio
from click.testing import CliRunner, Result

from ogcapi import __version__
from ogcapi.cli import main
from ogcapi.config import WORKERS

ROOT = Path(__file__).parent.parent
START_S = 60


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a small GeoTIFF, `dem.tif`, whose field is `height`."""
    monkeypatch.chdir(tmp_path)
    write_raster(tmp_path / "dem.tif")
    return tmp_path


def write_raster(path: Path) -> None:
    profile = {"driver": "GTiff", "width": 16, "height": 16, "count": 1, "dtype": "int16", "crs": "EPSG:4326"}
    with rasterio.open(path, "w", transform=rasterio.Affine(1, 0, 0, 0, -1, 16), **profile) as raster:
        raster.write(np.arange(256, dtype="int16").reshape(1, 16, 16))
        raster.set_band_description(1, "height")


def write_mosaic(path: Path, *hrefs: str) -> None:
    document = {"mosaicjson": "0.0.3", "minzoom": 0, "maxzoom": 3, "bounds": [0, 0, 16, 16], "tiles": {"1": hrefs}}
    path.write_text(json.dumps({**document, "quadkey_zoom": 1}))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


class TestServe:
    def test_a_source_that_does_not_exist_is_named_and_nothing_starts(self, folder: Path) -> None:
        result = run("serve", "dem.tif", "absent.tif", "ftp://example.org/x.tif")
        assert result.exit_code == 2
        assert "'absent.tif' was given; expected a file or folder that exists" in result.stderr
        assert "'ftp://example.org/x.tif' was given; expected" in result.stderr
        assert "2 mistakes." in result.stderr
        assert "dem.tif" not in result.output

    def test_without_sources_it_asks_for_some_or_a_configuration(self, folder: Path) -> None:
        for command in ("serve", "check"):
            result = run(command)
            assert result.exit_code == 2
            assert f"There is no config.yml in this folder. Name what is meant: main {command} FILE" in result.stderr

    @pytest.mark.parametrize("name", ["config.yaml", "pygeoapi-config.yml", "my config.yml"])
    def test_a_configuration_of_a_similar_name_is_pointed_out(self, folder: Path, name: str) -> None:
        for other in (name, "compose.yml"):
            (folder / other).write_text("resources: {}")
        for command in ("serve", "check"):
            result = run(command)
            assert result.exit_code == 2
            assert f"no config.yml in this folder, but {name}." in result.stderr
            assert f"main {command} {shlex.quote(name)}" in " ".join(result.stderr.split())
            assert "compose.yml" not in result.stderr

    def test_the_mistakes_of_a_configuration_stop_the_start(self, folder: Path) -> None:
        (folder / "config.yml").write_text("resources: {dem: {titel: x, providers: [{name: COG, data: absent.tif}]}}")
        for arguments in (("serve",), ("serve", "config.yml")):
            result = run(*arguments)
            assert result.exit_code == 2
            assert "resources.dem.titel" in result.stderr
            assert "resources.dem.providers[0].data" in result.stderr

    def test_a_port_in_use_is_said_before_anything_starts(self, folder: Path) -> None:
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = other.getsockname()[1]
            result = run("serve", "dem.tif", "--port", str(port))
        assert result.exit_code == 1
        assert f"cannot listen at 127.0.0.1:{port}: it is in use" in result.stderr

    def test_a_host_that_is_not_this_machine_is_said(self, folder: Path) -> None:
        result = run("serve", "dem.tif", "--host", "192.0.2.1", "--port", "0")
        assert result.exit_code == 1
        assert "cannot listen at 192.0.2.1:0" in result.stderr

    def test_reload_goes_with_one_process(self, folder: Path) -> None:
        result = run("serve", "dem.tif", "--reload", "--workers", "2")
        assert result.exit_code == 2

    def test_it_tells_what_is_served_and_answers(self, folder: Path) -> None:
        write_raster(folder / "other.tif")
        with serving(folder, "serve", "dem.tif", "other.tif") as (greeting, address):
            assert "dem    Dem" in greeting
            assert "other  Other" in greeting
            assert f"{address}/api" in greeting
            assert len(greeting.splitlines()) < 24
            with urlopen(f"{address}/collections?f=json", timeout=10) as answer:
                document = json.load(answer)
            assert [collection["id"] for collection in document["collections"]] == ["dem", "other"]

    def test_every_process_serves_the_same_configuration(self, folder: Path) -> None:
        (folder / "my.yml").write_text(
            "metadata: {identification: {title: ${TITLE}}}\n"
            "resources: {a: {title: My dem, providers: [{name: COG, data: dem.tif}]}}"
        )
        with serving(folder, "serve", "my.yml", "--workers", "2", TITLE="My maps") as (greeting, address):
            assert greeting.startswith("My maps: http://127.0.0.1:")
            assert {title_at(address) for _ in range(8)} == {"My maps"}

    @pytest.mark.parametrize(
        ("arguments", "environ", "processes"), [(["--workers", "2"], {}, 2), ([], {WORKERS: "2"}, 2), ([], {}, 1)]
    )
    def test_there_are_as_many_processes_as_the_command_or_the_environment_says(
        self, folder: Path, arguments: list[str], environ: dict[str, str], processes: int
    ) -> None:
        log = folder / "server.log"
        with serving(folder, "serve", "dem.tif", *arguments, **environ):
            wait_until(
                lambda: len(set(re.findall(r"Started server process \[\d+\]", log.read_text()))) == processes, log
            )

    def test_what_is_left_out_is_said_whatever_is_logged(self, folder: Path) -> None:
        (folder / "my.yml").write_text(
            "logging: {level: ERROR}\n"
            "resources:\n"
            "  obs: {providers: [{type: feature, name: CSV, data: obs.csv}]}\n"
            "  dem: {providers: [{name: COG, data: dem.tif}]}\n"
        )
        with serving(folder, "serve", "my.yml") as (greeting, _):
            assert "obs is left out: there is no raster in it, only CSV (feature)." in greeting

    def test_a_public_address_is_told_from_the_one_it_listens_at(self, folder: Path) -> None:
        (folder / "my.yml").write_text(
            "server: {url: https://example.org/maps}\nresources: {dem: {providers: [{name: COG, data: dem.tif}]}}"
        )
        with serving(folder, "serve", "my.yml") as (greeting, address):
            first, blank, second, *_ = greeting.splitlines()
            assert first.endswith(": https://example.org/maps/")
            assert (blank, second) == (
                "",
                f"All links lead there (server.url). The server itself listens at {address}/",
            )

    def test_what_cannot_be_served_is_said_after_the_greeting(self, folder: Path) -> None:
        (folder / "note.txt").write_text("words")
        with serving(folder, "serve", "note.txt") as (greeting, _):
            assert "Collections (opened in a moment; see /readyz):\n  note  Note\n" in greeting
            after = (folder / "server.log").read_text().partition("Stop with")[2]
            assert "The collection note (" in after
            assert "cannot be served" in after

    def test_with_reload_a_change_of_the_configuration_is_served_and_a_mistake_in_it_is_told(
        self, folder: Path
    ) -> None:
        path, log = folder / "my.yml", folder / "server.log"
        text = "metadata: {identification: {title: First}}\nresources: {dem: {providers: [{name: COG, data: dem.tif}]}}"
        path.write_text(text)
        with serving(folder, "serve", "my.yml", "--reload") as (_, address):
            assert title_at(address) == "First"
            path.write_text(text.replace("First", "Second"))
            wait_until(lambda: title_at(address) == "Second", log)
            path.write_text(text.replace("title", "titel"))
            wait_until(lambda: "did you mean title?" in log.read_text(), log)
            path.write_text(text.replace("First", "Third"))
            wait_until(lambda: title_at(address) == "Third", log)
            assert "Traceback" not in log.read_text()


def title_at(address: str) -> str | None:
    """Title of the service; None while nobody answers."""
    try:
        with urlopen(f"{address}/?f=json", timeout=10) as answer:
            title: str = json.load(answer)["title"]
            return title
    except OSError:
        return None


def wait_until(is_so: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + START_S
    while not is_so():
        assert time.monotonic() < deadline, f"it took too long:\n{log.read_text()}"
        time.sleep(0.1)


@contextmanager
def serving(folder: Path, *arguments: str, **environ: str) -> Iterator[tuple[str, str]]:
    """Run `python -m ogcapi` on a free port; what it says first, and its address, once it answers."""
    command = [sys.executable, "-m", "ogcapi", *arguments, "--port", "0"]
    environ = {**os.environ, **environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    log = folder / "server.log"
    with log.open("wb") as output:
        server = subprocess.Popen(command, cwd=folder, env=environ, stdout=output, stderr=subprocess.STDOUT)
    try:
        address = wait_for(server, log)
        yield log.read_text().partition("Stop with")[0], address
    finally:
        server.terminate()
        server.wait(timeout=30)


def wait_for(server: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and server.poll() is None:
        found = re.search(r"http://127\.0\.0\.1:\d+", log.read_text())
        if found:
            try:
                with urlopen(f"{found[0]}/healthz", timeout=5):
                    return found[0]
            except OSError:
                pass
        time.sleep(0.1)
    raise AssertionError(f"the server did not answer:\n{log.read_text()}")


class TestCheck:
    def config(self, folder: Path, options: str = "{}", provider: str = "COG", data: str = "dem.tif") -> str:
        path = folder / "config.yml"
        path.write_text(f"resources:\n  a:\n    providers: [{{name: {provider}, data: {data}, options: {options}}}]\n")
        return str(path)

    def test_a_configuration_without_mistakes_is_told_in_one_line(self, folder: Path) -> None:
        result = run("check", self.config(folder, "{styles: {s: {fields: [height], range: [0, 255]}}}"))
        assert result.stdout == "No mistakes: 1 collection, their sources open.\n"
        assert result.exit_code == 0

    def test_mistakes_of_the_text_and_of_the_data_are_told_at_once_in_the_order_of_the_lines(
        self, folder: Path
    ) -> None:
        (folder / "bad.tif").write_bytes(b"II*\0 and nothing more")
        (folder / "config.yml").write_text("""
resources:
  bad: {providers: [{name: COG, data: bad.tif}]}
  titled: {titel: Dem, providers: [{name: COG, data: dem.tif, options: {styles: {s: {fields: [hight]}}}}]}
  absent: {providers: [{name: COG, data: absent.tif}]}
  broken: {providers: [{name: MosaicJSON, data: broken.json}]}
  data: {providers: [{name: rasterio, data: readme.txt}]}
""")
        (folder / "broken.json").write_text("{}")
        (folder / "readme.txt").write_text("words")
        result = run("check")
        assert result.exit_code == 1
        assert [line.partition("):")[0] for line in result.stderr.splitlines()[:-1]] == [
            "resources.bad.providers[0].data (line 3",
            "resources.titled.titel (line 4",
            "resources.titled.providers[0].options.styles.s.range (line 4",
            "resources.titled.providers[0].options.styles.s.fields[0] (line 4",
            "resources.absent.providers[0].data (line 5",
            "resources.broken.providers[0].data (line 6",
            "resources.data.providers[0].data (line 7",
        ]
        assert result.stderr.splitlines()[-1] == "7 mistakes."

    def test_a_place_has_one_mistake(self, folder: Path) -> None:
        result = run("check", self.config(folder, data='"https://127.0.0.1:9/${ABSENT}.tif"'))
        assert result.exit_code == 1
        assert len(result.stderr.splitlines()) == 2
        assert "expected the environment variable ABSENT to be set" in result.stderr

    def test_a_text_that_is_not_yaml_is_all_that_can_be_told(self, folder: Path) -> None:
        (folder / "config.yml").write_text("a: b: c")
        result = run("check")
        assert (result.exit_code, len(result.stderr.splitlines())) == (1, 2)

    def test_fields_and_tile_matrix_sets_that_are_not_there_are_mistakes(self, folder: Path) -> None:
        styles = "{s: {fields: [hight], range: [0, 1]}, t: {fields: [a, height, c], range: [0, 1]}}"
        sets = "[WebMercatorQuat, MarsMercatorSphere, WorldCRS84Quad]"
        result = run("check", self.config(folder, f"{{tile_matrix_sets: {sets}, styles: {styles}}}"))
        assert result.exit_code == 1
        where = "resources.a.providers[0].options"
        for place, said in {
            "styles.s.fields[0]": "'hight' was given; expected one of height (did you mean height?).",
            "styles.t.fields[0]": "'a' was given; expected one of height",
            "styles.t.fields[2]": "'c' was given; expected one of height",
            "tile_matrix_sets[0]": "'WebMercatorQuat' was given; expected a set of Earth: one of",
            "tile_matrix_sets[1]": "'MarsMercatorSphere' was given; expected a set of Earth: one of",
        }.items():
            assert f"{where}.{place} (line 3): {said}" in result.stderr
        assert "did you mean WebMercatorQuad?" in result.stderr
        assert "5 mistakes." in result.stderr

    def test_a_file_that_is_no_raster_is_a_mistake(self, folder: Path) -> None:
        (folder / "dem.tif").write_bytes(b"II*\0 and nothing more")
        result = run("check", self.config(folder))
        assert result.exit_code == 1
        assert "resources.a.providers[0].data" in result.stderr

    def test_every_tile_matrix_set_that_is_none_is_a_mistake(self, folder: Path) -> None:
        path = Path(self.config(folder))
        for name in ("one.json", "three.json"):
            (folder / name).write_text("{}")
        path.write_text("server: {tile_matrix_sets: [\none.json,\nabsent.json,\nthree.json]}\n" + path.read_text())
        result = run("check", str(path))
        assert result.exit_code == 1
        first, second, third, count = result.stderr.splitlines()
        for n, line in enumerate((first, second, third)):
            assert line.startswith(f"server.tile_matrix_sets[{n}] (line {n + 2}): ")
        assert count == "3 mistakes."

    def test_some_assets_of_a_mosaic_are_opened_and_all_of_them_with_all(self, folder: Path) -> None:
        good = [f"dem{n}.tif" for n in range(60)]
        for name in good:
            os.link(folder / "dem.tif", folder / name)
        bad = good[8]
        write_mosaic(folder / "mosaic.json", *good)
        (folder / bad).unlink()
        (folder / bad).write_text("no raster")
        path = self.config(folder, provider="MosaicJSON", data="mosaic.json")
        Path(path).write_text("server: {limits: {asset_headers: 1}}\n" + Path(path).read_text())
        assert run("check", path).exit_code == 0
        result = run("check", path, "--all")
        assert result.exit_code == 1
        assert bad in result.stderr
        assert "1 mistake." in result.stderr

    def test_every_asset_of_a_small_mosaic_is_opened(self, folder: Path) -> None:
        write_mosaic(folder / "mosaic.json", "dem.tif", "absent.tif")
        result = run("check", self.config(folder, provider="MosaicJSON", data="mosaic.json"))
        assert result.exit_code == 1
        assert "absent.tif" in result.stderr

    def test_sources_can_be_checked_like_a_configuration(self, folder: Path) -> None:
        assert run("check", "dem.tif").exit_code == 0
        (folder / "bad.tif").write_bytes(b"")
        result = run("check", "dem.tif", "bad.tif", "absent.tif")
        assert result.exit_code == 1
        assert "'absent.tif' was given" in result.stderr
        assert "bad.tif' was given" in result.stderr
        assert "2 mistakes." in result.stderr

    def test_the_demonstration_has_no_mistakes(self) -> None:
        result = run("check", str(ROOT / "config.yml"), "--all")
        assert (result.exit_code, result.stderr) == (0, "")


@pytest.mark.parametrize(("given", "threads"), [({}, "1"), ({"OMP_NUM_THREADS": "3"}, "3")])
def test_libraries_count_in_one_thread_each_unless_someone_says_otherwise(given: dict[str, str], threads: str) -> None:
    environ = {name: text for name, text in os.environ.items() if not name.endswith("_NUM_THREADS")} | given
    script = "import ogcapi.__main__, os; print(os.environ['OMP_NUM_THREADS'])"
    command = [sys.executable, "-c", script]
    printed = subprocess.run(command, check=True, env=environ, cwd=ROOT, capture_output=True, text=True).stdout
    assert printed.strip() == threads


def test_the_version_is_the_package_s() -> None:
    assert run("--version").stdout.split()[-1] == __version__


def test_it_says_what_it_can_do_and_where_more_is_said() -> None:
    result = run("--help")
    (document,) = re.findall(r"docs/\S+\.md", result.stdout)
    assert (ROOT / document).is_file()
    assert "serve" in result.stdout
    assert "check" in result.stdout
