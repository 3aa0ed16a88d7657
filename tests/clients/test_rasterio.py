"""The wheel of rasterio against a server that answers over HTTP: exact values by one address."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio

from tests.clients.made import MARS_SET, NODATA, Server, truth


@pytest.mark.parametrize("name", ["mars", "aligned", "utm", "laea", "degrees"])
def test_one_address_opens_as_the_data_themselves(server: Server, folder: Path, name: str) -> None:
    with (
        truth(folder, name) as (values, source),
        rasterio.open(f"{server.url}/collections/{name}/coverage.vrt") as opened,
    ):
        np.testing.assert_array_equal(opened.read(), values)
        assert opened.nodata == source.nodata
        assert opened.dtypes == source.dtypes
        assert opened.crs == source.crs
        np.testing.assert_allclose(opened.transform, source.transform, rtol=1e-14)
        assert opened.colorinterp == source.colorinterp


def test_in_a_set_whose_cells_are_the_datas_own_nothing_is_resampled(server: Server, folder: Path) -> None:
    with (
        truth(folder, "aligned") as (values, source),
        rasterio.open(f"{server.url}/collections/aligned/coverage/tiles/{MARS_SET}/coverage.vrt") as opened,
    ):
        np.testing.assert_array_equal(opened.read(), values)
        assert (opened.nodata, opened.crs, opened.transform) == (source.nodata, source.crs, source.transform)


def test_a_decimated_read_needs_the_tiles_of_that_level_alone(server: Server, folder: Path) -> None:
    with rasterio.open(f"{server.url}/collections/aligned/coverage/tiles/{MARS_SET}/coverage.vrt") as opened:
        shape = opened.height // 4, opened.width // 4
        with server.tiles() as asked:
            found = opened.read(1, out_shape=shape)
    assert {path.split("/")[-3] for path in asked} == {"4"}
    assert len(asked) <= 6
    assert {NODATA} < set(np.unique(found))


def test_a_window_needs_the_tiles_under_it_alone(server: Server, folder: Path) -> None:
    window = rasterio.windows.Window(600, 600, 50, 50)
    with rasterio.open(f"{server.url}/collections/utm/coverage.vrt") as opened, server.tiles() as asked:
        found = opened.read(window=window)
    with truth(folder, "utm") as (values, _):
        np.testing.assert_array_equal(found, values[:, 600:650, 600:650])
    assert len(asked) == 1


def test_fields_are_chosen_by_name_in_any_order(server: Server, folder: Path) -> None:
    with (
        truth(folder, "utm") as (values, _),
        rasterio.open(f"{server.url}/collections/utm/coverage.vrt?properties=b3,b1") as opened,
    ):
        np.testing.assert_array_equal(opened.read(), values[[2, 0]])
        assert [color.name for color in opened.colorinterp] == ["blue", "red"]


def test_statistics_of_stored_values_are_there_without_reading_any(server: Server, folder: Path) -> None:
    whole = np.load(folder / "mars.npy")
    valid = whole[whole != NODATA]
    with server.tiles() as asked, rasterio.open(f"{server.url}/collections/mars/coverage.vrt") as opened:
        tags = opened.tags(1)
    assert asked == []
    assert float(tags["STATISTICS_MINIMUM"]) >= valid.min()
    assert float(tags["STATISTICS_MAXIMUM"]) <= valid.max()
    assert float(tags["STATISTICS_MEAN"]) == pytest.approx(valid.mean(), abs=20)


def test_data_whose_cells_are_not_square_come_in_a_set_of_their_system(server: Server, folder: Path) -> None:
    with (
        truth(folder, "oblong") as (values, _),
        rasterio.open(f"{server.url}/collections/oblong/coverage.vrt") as opened,
    ):
        place = [opened.index(x, y) for x, y in ((0.05, 19.9), (9.95, 0.1), (5.05, 9.9))]
        assert [opened.read()[:, row, col].tolist() for row, col in place] == [
            values[:, row, col].tolist() for row, col in ((0, 0), (99, 99), (50, 50))
        ]
        assert opened.nodata == 3


def test_the_wms_driver_gets_exact_values_and_knows_what_is_no_data(server: Server, folder: Path) -> None:
    with (
        truth(folder, "aligned") as (values, source),
        rasterio.open(f"{server.url}/collections/aligned/coverage/tiles/{MARS_SET}/gdal-wms.xml") as opened,
    ):
        row, col = opened.index(source.bounds.left + 1, source.bounds.top - 1)
        height, width = values.shape[1:]
        window = rasterio.windows.Window(col, row, width, height)
        np.testing.assert_array_equal(opened.read(window=window), values)
        assert (opened.nodata, opened.crs) == (NODATA, source.crs)


def test_tiled_assets_are_the_data_themselves(server: Server, folder: Path) -> None:
    with (
        truth(folder, "laea") as (values, source),
        rasterio.open(f'STACTA:"{server.url}/collections/laea/coverage/tiles/laea-native/stacta.json"') as opened,
    ):
        window = rasterio.windows.Window(0, 0, source.width, source.height)
        np.testing.assert_array_equal(opened.read(window=window), values)
        assert (opened.nodata, opened.dtypes, opened.crs) == (source.nodata, source.dtypes, source.crs)
        np.testing.assert_allclose(opened.transform, source.transform, rtol=1e-12)
