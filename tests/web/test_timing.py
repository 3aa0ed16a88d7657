"""`Server-Timing`."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from tests.web.conftest import Serve

CONFIG = """
server: {{timing: {timing}}}
resources: {{mola: {{providers: [{{name: MosaicJSON, data: demo/mars/mosaic.json}}]}}}}
"""
MAP = {"find", "read", "style", "encode", "total"}
COVERAGE = MAP - {"style"}


def stages(client: TestClient, path: str) -> dict[str, float]:
    """Milliseconds of each stage."""
    answer = client.get(path)
    assert answer.status_code == 200
    told = answer.headers.get("server-timing", "")
    return {name: float(took) for name, took in (part.split(";dur=") for part in told.split(", ") if part)}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/collections/mola/map/tiles/MarsMercatorSphere/0/0/0", MAP),
        ("/map/tiles/MarsMercatorSphere/0/0/0", MAP),
        ("/collections/mola/coverage/tiles/MarsMercatorSphere/0/0/0", COVERAGE),
        ("/collections/mola/map?width=64", MAP),
        ("/collections/mola/coverage?width=64", COVERAGE),
    ],
)
def test_data_tell_how_long_each_stage_took_if_they_are_to(serve: Serve, path: str, expected: set[str]) -> None:
    measured = serve(CONFIG.format(timing="true"))
    took = stages(measured, path)
    assert set(took) == expected
    assert 0 <= sum(took[stage] for stage in expected - {"total"}) <= took["total"] + 0.01  # of rounding
    assert stages(serve(CONFIG.format(timing="false")), path) == {}


def test_a_tile_that_is_kept_does_not_tell_how_long_it_took_to_make(serve: Serve) -> None:
    client, path = serve(CONFIG.format(timing="true")), "/collections/mola/map/tiles/MarsMercatorSphere/0/0/0"
    assert "read" in stages(client, path)
    assert "read" not in stages(client, path)
