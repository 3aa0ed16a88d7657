"""Where data may be, in a configuration and on the command line."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ogcapi.config import ConfigMistakes, config_of
from ogcapi.config.sources import unique_ids
from ogcapi.config.values import check_id
from tests.config.files import collection, load, mistakes


class TestData:
    def test_addresses_are_kept_and_paths_are_made_absolute(self, folder: Path) -> None:
        for data in ("https://example.org/a.tif", "s3://bucket/a.tif"):
            provider = load(folder, collection(data=data)).resources["dem"].provider
            assert (provider.data, provider.trusted) == (data, False)
        (folder / "below").mkdir()
        provider = load(folder, collection(data="below/../dem.tif")).resources["dem"].provider
        assert (provider.data, provider.trusted) == (str(folder / "dem.tif"), True)

    @pytest.mark.parametrize(
        "data", ['NETCDF:"file.nc":sst', "/vsizip/a.zip/dem.tif", "HDF5:a.h5://grid", "/vsicurl/https://example.org/a"]
    )
    @pytest.mark.parametrize("name", ["rasterio", "COG", "MosaicJSON"])
    def test_names_that_only_gdal_understands_are_refused(self, folder: Path, name: str, data: str) -> None:
        said = mistakes(folder, collection(name=name, data=f"'{data}'"))
        assert "expected the path or the address of a file that GDAL can open" in said

    def test_a_file_may_be_called_like_such_a_name(self, folder: Path) -> None:
        (folder / "DEM:1").write_bytes((folder / "dem.tif").read_bytes())
        provider = load(folder, collection(name="rasterio", data="'DEM:1'")).resources["dem"].provider
        assert provider.data == str(folder / "DEM:1")

    def test_a_path_that_cannot_be_looked_at_is_a_mistake(self, folder: Path) -> None:
        name = "a" * 300 + ".tif"
        assert "a path that can be looked at (File name too long)" in mistakes(folder, collection(data=name))
        with pytest.raises(ConfigMistakes, match=r"can be read \(File name too long\)"):
            config_of([name], folder)

    def test_a_folder_is_no_file(self, folder: Path) -> None:
        (folder / "folder").mkdir()
        assert "a file that exists" in mistakes(folder, collection(data="folder"))


class TestSources:
    def test_a_file_is_a_collection_named_after_it(self, folder: Path) -> None:
        resource = config_of(["dem.tif"], folder).resources["dem"]
        assert (resource.provider.name, resource.provider.data) == ("COG", str(folder / "dem.tif"))
        assert resource.provider.trusted

    def test_a_folder_is_its_mosaics_and_the_rasters_that_are_in_none(self, folder: Path) -> None:
        (folder / "other.tif").write_bytes((folder / "dem.tif").read_bytes())
        (folder / "notes.json").write_text('{"about": "something else"}')
        (folder / "broken.json").write_text("{")
        (folder / "notes.txt").write_text("words")
        (folder / "deeper").mkdir()
        (folder / "deeper" / "third.tif").write_bytes((folder / "dem.tif").read_bytes())
        config = config_of([str(folder)], Path.cwd())
        assert list(config.resources) == ["mosaic", "other"]
        assert config.resources["mosaic"].provider.name == "MosaicJSON"
        assert not config.resources["mosaic"].provider.trusted

    def test_the_assets_of_a_mosaic_with_a_prefix_are_found_too(self, folder: Path) -> None:
        mosaic = {"mosaicjson": "0.0.3", "asset_prefix": str(folder) + "/", "tiles": {"1": ["dem.tif"]}}
        (folder / "mosaic.json").write_text(json.dumps(mosaic))
        assert list(config_of(["."], folder).resources) == ["mosaic"]

    def test_an_asset_that_is_named_itself_is_served_too(self, folder: Path) -> None:
        assert list(config_of(["mosaic.json", "dem.tif"], folder).resources) == ["mosaic", "dem"]

    def test_a_source_is_served_once_however_often_it_is_named(self, folder: Path) -> None:
        assert list(config_of(["dem.tif", "./dem.tif", str(folder / "dem.tif")], folder).resources) == ["dem"]

    def test_addresses_are_not_opened_to_be_named(self, folder: Path) -> None:
        sources = ["https://example.org/a/My%20dem.tif?key=1", "s3://bucket/m.json.gz", "http://example.org/"]
        config = config_of(sources, folder)
        assert list(config.resources) == ["My-dem", "m", "collection"]
        assert [r.provider.name for r in config.resources.values()] == ["COG", "MosaicJSON", "COG"]

    def test_every_source_that_cannot_be_served_is_named(self, folder: Path) -> None:
        (folder / "empty").mkdir()
        (folder / "data.json").write_text("{}")
        (folder / "config.yml").write_text("")
        with pytest.raises(ConfigMistakes) as found:
            config_of(["absent.tif", "empty", "data.json", "config.yml", "ftp://example.org/a.tif", "dem.tif"], folder)
        assert [mistake.given for mistake in found.value.mistakes] == [
            "'absent.tif'",
            "'empty'",
            "'data.json'",
            "'config.yml'",
            "'ftp://example.org/a.tif'",
        ]

    @given(names=st.lists(st.one_of(st.text(), st.sampled_from(["a", "a.tif", "a-2", "a-2.tif", "A", ""]))))
    def test_ids_are_good_different_and_the_same_every_time(self, names: list[str]) -> None:
        ids = unique_ids(names)
        assert len(set(ids)) == len(ids) == len(names)
        assert [check_id(id_) for id_ in ids] == ids
        assert unique_ids(names) == ids

    def test_ids_are_file_names_without_extension_of_whatever_kind(self) -> None:
        names = ["note.txt", "a.b.tif", "Relief.BIL", "2020.01", "v1.2", "m.json.gz", "plain", ".hidden"]
        assert unique_ids(names) == ["note", "a.b", "Relief", "2020.01", "v1.2", "m", "plain", "hidden"]

    def test_names_that_collide_get_numbers_in_order(self) -> None:
        assert unique_ids(["dem.tif", "dem.vrt", "dem-2.tif", "dem.json"]) == ["dem", "dem-2", "dem-2-2", "dem-3"]
