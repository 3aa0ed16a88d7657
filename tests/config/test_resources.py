"""What is wrong with one part of a configuration hides nothing of the others."""

import json
import re
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ogcapi.config import ConfigMistakes
from tests.config.files import load, mistakes

PROVIDER = "resources.dem.providers[0]"
STYLE = f"{PROVIDER}.options.styles.s"
WRONG: dict[str, Any] = {
    "server.bind.port": 0,
    "server.trusted_proxies[0]": "nobody",
    "server.tile_matrix_sets[1]": "absent.json",
    "logging.level": "LOUD",
    "resources.dem.title": 7,
    "resources.dem.links[0].href": "nowhere",
    "resources.dem.extents.temporal.begin": "once",
    f"{PROVIDER}.name": "GeoTIFF",
    f"{PROVIDER}.data": "absent.tif",
    f"{PROVIDER}.options.resampling": "cubik",
    f"{PROVIDER}.options.tile_matrix_sets": [],
    f"{STYLE}.fields": ["a", "b"],
    f"{STYLE}.range": [0],
    f"{STYLE}.gamma": -1,
    f"{STYLE}.colormap": "virdis",
}


def document() -> dict[str, Any]:
    """A configuration without mistakes."""
    styles = {"s": {"fields": ["a"], "range": [0, 1]}, "t": {"fields": ["r", "g", "b"], "range": [0, 1]}}
    provider = {"type": "coverage", "name": "COG", "data": "dem.tif", "options": {"styles": styles}}
    extents = {"temporal": {"begin": "2020-01-01"}}
    collection = {"links": [{"href": "http://example.org"}], "extents": extents, "providers": [provider]}
    server = {"bind": {"port": 80}, "trusted_proxies": ["::1"], "tile_matrix_sets": ["mosaic.json", "mosaic.json"]}
    return {"server": server, "logging": {"level": "INFO"}, "resources": {"dem": collection}}


def with_wrong(places: AbstractSet[str]) -> str:
    """The configuration with a wrong value at each of the places."""
    whole = document()
    for place in places:
        *path, last = (int(key) if key.isdecimal() else key for key in re.findall(r"[^.\[\]]+", place))
        inner: Any = whole
        for key in path:
            inner = inner[key]
        inner[last] = WRONG[place]
    return json.dumps(whole)


def found_in(folder: Path, text: str) -> ConfigMistakes:
    with pytest.raises(ConfigMistakes) as found:
        load(folder, text)
    return found.value


@given(places=st.sets(st.sampled_from(sorted(WRONG)), min_size=1))
def test_no_mistake_hides_another_and_none_follows_from_it(folder: Path, places: set[str]) -> None:
    found = found_in(folder, with_wrong(places))
    assert {mistake.where for mistake in found.mistakes} == places


@given(places=st.sets(st.sampled_from(sorted(WRONG)), min_size=1))
def test_what_is_not_mistaken_can_still_be_looked_at(folder: Path, places: set[str]) -> None:
    rest = found_in(folder, with_wrong(places)).rest
    assert rest is not None
    assert len(rest.server.tile_matrix_sets) == 2 - ("server.tile_matrix_sets[1]" in places)
    is_readable = not places & {f"{PROVIDER}.name", f"{PROVIDER}.data"}
    assert list(rest.resources) == ["dem"] * is_readable
    if is_readable:
        styles = [style.id for style in rest.resources["dem"].options.styles]
        assert styles == (["t"] if f"{STYLE}.fields" in places else ["s", "t"])


def test_a_provider_that_nobody_knows_hides_neither_a_bad_id_nor_what_else_is_wrong(folder: Path) -> None:
    providers = "[{name: GeoTIFF, data: absent.tif}, {type: coverige, name: COG, data: absent.tif}]"
    said = mistakes(folder, f"resources: {{'bad id/': {{titel: Dem, providers: {providers}}}}}")
    for place in ("", ".titel", *(f".providers[{n}].data" for n in (0, 1)), ".providers[0].name", ".providers[1].type"):
        assert f"resources.bad id/{place} (line 1)" in said
    assert said.count("\n") == 5


def test_a_resource_of_an_unknown_type_is_read_if_it_looks_like_a_collection(folder: Path) -> None:
    said = mistakes(folder, "resources: {dem: {type: colection, providers: [{name: COG, data: absent.tif}]}}")
    assert "did you mean collection?" in said
    assert "resources.dem.providers[0].data" in said
    assert "processor" not in mistakes(folder, "resources: {p: {type: proces, processor: {name: HelloWorld}}}")


def test_a_collection_without_providers_is_told_what_else_is_wrong(folder: Path) -> None:
    said = mistakes(folder, "resources: {dem: {titel: Dem}}")
    assert "resources.dem.titel" in said
    assert "resources.dem.providers (line 1): nothing was given; expected a list of providers" in said
    assert said.count("\n") == 1


def test_collections_without_rasters_are_left_out_unread(folder: Path) -> None:
    providers = "[{type: feature, name: CSV, data: absent.csv}]"
    assert load(folder, f"resources: {{lakes/large: {{anything: 1, providers: {providers}}}}}").resources == {}
