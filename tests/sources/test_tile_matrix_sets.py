"""Tile matrix sets: registered, made and read."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ogcapi.model.body import bodies
from ogcapi.model.crs import parse_crs
from ogcapi.sources.tile_matrix_sets import BadTileMatrixSet, defaults, parse, planetary, registered

SHARED = Path(__file__).resolve().parents[3] / "shared"
MARS, MOON, EARTH = (next(body for body in bodies() if body.name == name) for name in ("Mars", "Moon", "Earth"))
PLANETCANTILE = ("EquidistantCylindricalSphere", "MercatorSphere")

GOOD: dict[str, Any] = {
    "id": "Two",
    "crs": "http://www.opengis.net/def/crs/EPSG/0/4326",
    "tileMatrices": [
        {
            "id": "0",
            "scaleDenominator": 279541132.014358,
            "cellSize": 0.703125,
            "pointOfOrigin": [90, -180],
            "tileWidth": 256,
            "tileHeight": 256,
            "matrixWidth": 2,
            "matrixHeight": 1,
        }
    ],
}


def test_all_sixty_nine_sets_of_the_registry_are_known_by_their_uri() -> None:
    assert len(registered()) == 69
    for name, one in registered().items():
        assert one.id == name
        assert one.uri == f"http://www.opengis.net/def/tilematrixset/OGC/1.0/{name}"


@pytest.mark.skipif(not SHARED.exists(), reason="the registry's own documents are not beside the project")
def test_registered_sets_have_the_numbers_of_the_registry() -> None:
    for path in sorted((SHARED / "schemas" / "tile-matrix-sets").glob("*.json")):
        assert registered()[path.stem].same_as(parse(json.loads(path.read_text()))), path.stem


@pytest.mark.skipif(not SHARED.exists(), reason="planetcantile's documents are not beside the project")
@pytest.mark.parametrize("path", sorted((SHARED / "data" / "tms").glob("*Sphere.json")), ids=lambda path: path.stem)
def test_made_sets_have_the_numbers_of_planetcantile(path: Path) -> None:
    document = json.loads(path.read_text())
    body = next(body for body in bodies() if path.stem.startswith(body.id))
    made = {one.id: one for one in planetary(body)}
    if path.stem.endswith(PLANETCANTILE):
        assert made[path.stem].same_as(parse(document))
    elif path.stem.endswith("GeographicSphere"):
        for ours, theirs in zip(made[path.stem].document["tileMatrices"], document["tileMatrices"], strict=True):
            assert ours["pointOfOrigin"] == theirs["pointOfOrigin"][::-1] == [90, -180]
            assert ours["scaleDenominator"] == pytest.approx(theirs["scaleDenominator"], rel=1e-9)
            assert ours["cellSize"] == theirs["cellSize"]
    else:  # polar sets are in other systems, and so under other ids
        assert path.stem not in made


def test_a_polar_set_is_symmetric_about_its_pole() -> None:
    for one in planetary(MARS):
        if "Polar" in one.id:
            assert one.bbox.xmin == -one.bbox.xmax == one.bbox.ymin == -one.bbox.ymax


def test_every_body_gets_sets_of_its_own() -> None:
    for body in bodies():
        found = planetary(body)
        assert found
        assert all(one.body == body for one in found), body
        assert all(one.id.startswith(body.id) and " " not in one.id for one in found)


def test_sets_that_are_not_registered_have_no_uri_whatever_they_say_themselves() -> None:
    assert parse({**GOOD, "uri": registered()["WorldCRS84Quad"].uri}).uri is None


@pytest.mark.parametrize(
    ("system", "expected"),
    [
        ("EPSG:32618", ["WebMercatorQuad", "WorldCRS84Quad", "UTM18WGS84Quad"]),
        ("EPSG:3035", ["WebMercatorQuad", "WorldCRS84Quad", "EuropeanETRS89_LAEAQuad"]),
        ("EPSG:4326", ["WebMercatorQuad", "WorldCRS84Quad"]),
        ("EPSG:3857", ["WebMercatorQuad", "WorldCRS84Quad"]),
        ("EPSG:5041", ["WebMercatorQuad", "WorldCRS84Quad", "UPSArcticWGS84Quad"]),
    ],
)
def test_earths_defaults_are_the_two_world_sets_and_that_of_the_storage_system(
    system: str, expected: list[str]
) -> None:
    assert [one.id for one in defaults(EARTH, parse_crs(system))] == expected


def changed(**members: Any) -> dict[str, Any]:
    return {**GOOD, **members}


def matrix(**members: Any) -> dict[str, Any]:
    return changed(tileMatrices=[{**GOOD["tileMatrices"][0], **members}])


@pytest.mark.parametrize(
    ("document", "named"),
    [
        ([], "a JSON object"),
        (changed(id="a/b"), "id"),
        (changed(id=None), "id"),
        (changed(crs=None), "crs"),
        (changed(crs="EPSG:999999"), "crs.*no such"),
        (changed(crs={"uri": "http://www.opengis.net/def/crs/IAU/2015/49901"}), "counts to the west"),
        (changed(tileMatrices=[]), "tileMatrices"),
        (changed(tileMatrices=[7]), r"tileMatrices\[0\]"),
        (changed(tileMatrices=GOOD["tileMatrices"] * 2), "every id may occur once"),
        (matrix(cellSize=0), r"cellSize: 0 was given; expected a positive number"),
        (matrix(cellSize="1"), "cellSize"),
        (matrix(cellSize=float("nan")), "cellSize"),
        (matrix(cellSize=float("inf")), "cellSize"),
        (matrix(tileWidth=1.5), "tileWidth"),
        (matrix(matrixWidth=True), "matrixWidth"),
        (matrix(pointOfOrigin=[-180, 90]), "latitude first"),
        (matrix(pointOfOrigin=[90]), "pointOfOrigin"),
        (matrix(cornerOfOrigin="center"), "cornerOfOrigin"),
        (matrix(id=0), "id"),
        (matrix(variableMatrixWidths=[{"coalesce": 2}]), "variableMatrixWidths"),
        (matrix(variableMatrixWidths=3), "variableMatrixWidths"),
        (matrix(cornerOfOrigin=["topLeft"]), "cornerOfOrigin"),
        (matrix(tileWidth=100000), "at most 8192"),
    ],
)
def test_a_bad_document_is_refused_by_the_name_of_what_is_bad(document: Any, named: str) -> None:
    with pytest.raises(BadTileMatrixSet, match=named):
        parse(document)


@pytest.mark.parametrize(
    "crs",
    [
        "http://www.opengis.net/def/crs/EPSG/0/4326",
        {"uri": "http://www.opengis.net/def/crs/EPSG/0/4326"},
        {"wkt": parse_crs("EPSG:4326").proj.to_json_dict()},
        {"wkt": parse_crs("EPSG:4326").wkt},
        parse_crs("EPSG:4326").wkt,
    ],
)
def test_a_system_is_read_in_every_form_and_written_as_its_uri(crs: Any) -> None:
    assert parse(changed(crs=crs)).document["crs"] == "http://www.opengis.net/def/crs/EPSG/0/4326"


documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda members: st.lists(members, max_size=3) | st.dictionaries(st.text(max_size=5), members, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(sorted(GOOD)), documents)
def test_any_member_of_a_document_is_read_or_refused(name: str, value: Any) -> None:
    with contextlib.suppress(BadTileMatrixSet):
        parse(changed(**{name: value}))


@given(st.sampled_from([*GOOD["tileMatrices"][0], "cornerOfOrigin", "variableMatrixWidths"]), documents)
def test_any_member_of_a_matrix_is_read_or_refused(name: str, value: Any) -> None:
    with contextlib.suppress(BadTileMatrixSet):
        parse(matrix(**{name: value}))
