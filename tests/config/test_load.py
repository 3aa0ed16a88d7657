"""What a configuration says by default, and how a process gets it."""

from pathlib import Path

import pytest

from ogcapi.config import (
    VARIABLE,
    WORKERS,
    CommandLine,
    config_from_environment,
    load_config,
    workers_from_environment,
)
from ogcapi.model.raster import Resampling
from tests.config.files import ROOT, collection, load


class TestDefaults:
    def test_a_collection_needs_its_data_and_nothing_else(self, folder: Path) -> None:
        config = load(folder, "resources: {my_dem: {providers: [{name: COG, data: dem.tif}]}}")
        resource = config.resources["my_dem"]
        assert (resource.id, resource.title, resource.hidden) == ("my_dem", "My dem", False)
        assert resource.provider.data == str(folder / "dem.tif")
        assert resource.options.resampling is Resampling.NEAREST
        assert (config.server.bind.host, config.server.bind.port) == ("127.0.0.1", 8000)
        assert config.folder == folder

    def test_sections_whose_keys_are_all_commented_out_are_the_defaults(self, folder: Path) -> None:
        config = load(folder, "server:\nlogging:\nmetadata:\n" + collection())
        assert config.server == load(folder, collection()).server

    def test_the_result_cannot_be_changed(self, folder: Path) -> None:
        config = load(folder, collection())
        with pytest.raises(ValueError, match="frozen"):
            config.server.bind.port = 1
        with pytest.raises(AttributeError):
            config.resources["dem"].title = "another"  # type: ignore[misc]

    def test_the_demonstration_has_no_mistakes_and_leaves_nothing_out(self) -> None:
        config = load_config(ROOT / "config.yml", {})
        assert list(config.resources) == ["blue-marble", "black-marble", "earth-relief", "mola"]
        assert config.skipped == ()
        for resource in config.resources.values():
            assert resource.description
            assert resource.attribution
            assert resource.license
            assert resource.options.styles


class TestProcesses:
    def test_workers_get_what_the_command_line_said(self, folder: Path) -> None:
        (folder / "my.yml").write_text(collection())
        for sources in (["my.yml"], ["dem.tif", "mosaic.json"]):
            line = CommandLine(sources=sources, folder=folder)
            assert config_from_environment({VARIABLE: line.variable}) == line.config({})

    def test_the_variable_may_be_a_path(self, folder: Path) -> None:
        (folder / "my.yml").write_text(collection(data="${DATA}"))
        config = config_from_environment({VARIABLE: str(folder / "my.yml"), "DATA": "dem.tif"})
        assert list(config.resources) == ["dem"]

    @pytest.mark.parametrize(("text", "workers"), [("3", 3), ("0", 1), ("", 1), ("many", 1), ("-2", 1), ("1.5", 1)])
    def test_each_process_knows_how_many_there_are(self, text: str, workers: int) -> None:
        assert workers_from_environment({WORKERS: text}) == workers
        assert workers_from_environment({}) == 1

    def test_without_the_variable_the_current_folder_is_served(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (folder / "config.yml").write_text(collection())
        monkeypatch.chdir(folder)
        assert list(config_from_environment({}).resources) == ["dem"]
