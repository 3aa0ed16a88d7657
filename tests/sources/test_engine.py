"""Large reads end between their blocks where nobody waits for them any more."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ogcapi.model.stop import Stop, Stopped, stoppable
from ogcapi.sources import engine
from ogcapi.sources.blocks import shared_cache
from ogcapi.sources.raster import open_file
from tests.data import grid_of, read_all, write_raster
from tests.sources.files_over_http import serving


def test_a_read_that_nobody_waits_for_ends_between_its_blocks_and_spoils_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_WINDOW_BYTES", 1)
    values = np.arange(1024 * 1024, dtype="float32").reshape(1024, 1024)
    write_raster(tmp_path / "a.tif", values, bounds=(0, 0, 10, 10), tiled=True, blockxsize=256, blockysize=256)
    shared_cache().clear()
    with serving(tmp_path) as site:
        source = open_file(f"{site.address}/a.tif")
        grid = grid_of("EPSG:4326", (0, 0, 10, 10), 1024, 1024)
        site.requests.clear()
        stop = Stop()

        def want() -> None:
            stop.is_wanted = len(site.gets) >= 2

        site.after += [want] * 16
        with stoppable(stop), pytest.raises(Stopped):
            read_all(source, grid)
        site.after.clear()
        assert len(site.gets) in {2, 3}  # the third may have begun when the second had been answered
        assert (read_all(source, grid).values[0] == values).all()
        assert len(site.gets) == 16
