import gzip
import itertools
import json

import morecantile
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ogcapi.model.crs import parse_crs
from ogcapi.model.problem import SourceFailed
from ogcapi.pixels.overlay import MosaicMethod
from ogcapi.sources.mosaicjson import open_mosaic, read_document
from ogcapi.sources.raster import open_file
from tests.data import DEMO, SHARED, grid_of, needs_shared, numbered, read_all, write_mosaic, write_raster

WEB_MERCATOR = morecantile.tms.get("WebMercatorQuad")


def index_of(path, trusted=True, roots=()):
    return read_document(str(path), trusted=trusted, roots=roots)


def opened(path, trusted=True, roots=()):
    return open_mosaic(str(path), method=MosaicMethod.FIRST, trusted=trusted, roots=roots)


def document(folder, tiles, **members):
    path = folder / "mosaic.json"
    known = {"mosaicjson": "0.0.2", "minzoom": 0, "maxzoom": 5, "bounds": [-180, -85, 180, 85], "tiles": tiles}
    path.write_text(json.dumps({k: v for k, v in (known | members).items() if v is not None}))
    return path


def every_cell(zoom):
    """A list for each quadkey: one asset of its own, and those of the tiles above it."""
    keys = ["".join(digits) for digits in itertools.product("0123", repeat=zoom)]
    return {key: [f"{key[:n]}.tif" for n in range(zoom, 0, -1)] for key in keys}


# Order


def as_cogeo_mosaic(tiles, zoom, tile):
    """What the reader of reference finds for a tile of its own set: from tile to tile down to the quadkeys."""
    found = [tile]
    while found[0].z < zoom:
        found = [child for one in found for child in WEB_MERCATOR.children(one)]
    while found[0].z > zoom:
        found = [WEB_MERCATOR.parent(found[0])[0]]
    return list(dict.fromkeys(name for one in found for name in tiles.get(WEB_MERCATOR.quadkey(one), [])))


@given(data=st.data())
def test_under_a_tile_assets_come_in_the_order_of_quadkeys(tmp_path_factory, data):
    zoom = 3
    folder = tmp_path_factory.mktemp("mosaic")
    keys = data.draw(st.lists(st.sampled_from(sorted(every_cell(zoom))), min_size=1, unique=True))
    names = [f"{n}.tif" for n in range(6)]
    tiles = {key: data.draw(st.lists(st.sampled_from(names), min_size=1, unique=True)) for key in keys}
    index = index_of(document(folder, tiles))
    level = data.draw(st.integers(0, 5))
    tile = morecantile.Tile(*data.draw(st.tuples(*[st.integers(0, 2**level - 1)] * 2)), level)
    bounds = WEB_MERCATOR.xy_bounds(tile)
    found = index.find(grid_of("EPSG:3857", bounds, 256, 256))
    assert [asset.name for asset in found] == as_cogeo_mosaic(tiles, zoom, tile)


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """An asset for every cell of the third level."""
    folder = tmp_path_factory.mktemp("full")
    return index_of(document(folder, {key: [f"{key}.tif"] for key in every_cell(3)}))


@given(box=st.tuples(*[st.integers(-175, 175)] * 2, *[st.integers(-84, 82)] * 2))
def test_in_any_other_box_assets_come_column_by_column(full, box):
    west, east, south, north = (*sorted(box[:2]), *sorted(box[2:]))
    index = full
    grid = grid_of("EPSG:4326", (west + 0.3, south + 0.3, east + 1.3, north + 1.3), 5, 5)
    (left, bottom, right, top) = grid.bboxes_in(parse_crs("EPSG:3857"))[0].bounds
    first, last = WEB_MERCATOR._tile(left, top, 3), WEB_MERCATOR._tile(right, bottom, 3)
    cells = [(x, y) for x in range(first.x, last.x + 1) for y in range(first.y, last.y + 1)]
    names = [WEB_MERCATOR.quadkey(morecantile.Tile(*cell, 3)) + ".tif" for cell in cells]
    is_tile = last.x - first.x == last.y - first.y
    found = [asset.name for asset in index.find(grid)]
    assert sorted(found) == sorted(names) if is_tile else found == names


def test_a_grid_takes_no_cell_that_it_only_borders_on(tmp_path):
    index = index_of(document(tmp_path, {key: [f"{key}.tif"] for key in every_cell(2)}))
    half = 20037508.342789244
    found = index.find(grid_of("EPSG:3857", (-half, 0, 0, half), 4, 4))
    assert [asset.name for asset in found] == ["00.tif", "01.tif", "02.tif", "03.tif"]


def test_a_grid_across_the_antimeridian_takes_the_cells_of_both_sides(tmp_path):
    index = index_of(document(tmp_path, {key: [f"{key}.tif"] for key in every_cell(2)}))
    found = index.find(grid_of("EPSG:4326", (170, 10, 190, 20), 4, 4))
    assert [asset.name for asset in found] == ["13.tif", "02.tif"]


@pytest.mark.parametrize(
    ("crs", "bounds", "row"),
    [
        ("EPSG:4326", (-180, 86, 180, 90), "0"),
        ("EPSG:4326", (-180, -90, 180, -89), "2"),
        ("EPSG:3413", (-1e5, -1e5, 1e5, 1e5), "0"),
        ("EPSG:3031", (-10, -10, 10, 10), "2"),
    ],
)
def test_a_grid_at_a_pole_takes_the_outermost_cells(tmp_path, crs, bounds, row):
    index = index_of(document(tmp_path, {key: [f"{key}.tif"] for key in every_cell(2)}))
    found = {asset.name for asset in index.find(grid_of(crs, bounds, 4, 4))}
    ends = {"0": ["00", "01", "10", "11"], "2": ["22", "23", "32", "33"]}[row]
    assert found == {f"{key}.tif" for key in ends}


class Counting(dict):
    """A mapping that counts how often it is asked, and refuses to be gone through."""

    asked = 0

    def __contains__(self, key):
        self.asked += 1
        return super().__contains__(key)

    def __iter__(self):
        raise AssertionError("all cells were gone through")


def test_finding_looks_at_the_touched_cells_of_a_hundred_thousand_assets_only(tmp_path):
    keys = ["".join(digits) for digits in itertools.product("0123", repeat=9)][:100_000]
    index = index_of(document(tmp_path, {key: [f"{key}.tif"] for key in keys}, maxzoom=20))
    assert len(index.assets) == 100_000
    cells, index._cells = index._cells, Counting(index._cells)
    assert len(index.find(grid_of("EPSG:3857", (-2e7, 2e7 - 1000, -2e7 + 1000, 2e7), 256, 256))) == 1
    assert index._cells.asked == 1
    index._cells = cells
    assert len(index.find(grid_of("EPSG:4326", (-180, -90, 180, 90), 4, 4))) == 100_000  # nothing is cut


# Versions and members


def test_all_versions_plain_or_packed_read_the_same(tmp_path):
    write_raster(tmp_path / "a.tif", numbered(5, 5), bounds=(0, 0, 5, 5))
    plain = json.loads(write_mosaic(tmp_path / "mosaic.json", ["a.tif"], zoom=4).read_text())
    for version in ("0.0.1", "0.0.2", "0.0.3"):
        made = {k: v for k, v in plain.items() if version != "0.0.1" or k != "quadkey_zoom"} | {"mosaicjson": version}
        (tmp_path / "one.json").write_text(json.dumps(made))
        (tmp_path / "two.json.gz").write_bytes(gzip.compress(json.dumps(made).encode()))
        for name in ("one.json", "two.json.gz"):
            source = opened(tmp_path / name)
            assert (read_all(source, source.grid).values[0] == numbered(5, 5)).all()


def test_metadata_and_the_embedded_set_are_the_documents():
    source = opened(DEMO / "mars" / "mosaic.json")
    assert source.document_metadata["name"] == "Topography of Mars"
    assert "MOLA" in source.document_metadata["attribution"]
    assert source.matrix_set_document["id"] == "MarsMercatorSphere"


def test_a_mosaic_without_an_embedded_set_has_none(tmp_path):
    write_raster(tmp_path / "a.tif", numbered(5, 5), bounds=(0, 0, 5, 5))
    source = opened(write_mosaic(tmp_path / "mosaic.json", ["a.tif"], zoom=4, name="A"))
    assert source.matrix_set_document is None
    assert source.document_metadata == {"name": "A"}


def test_the_system_of_an_embedded_set_may_be_written_in_many_ways(tmp_path):
    plain = json.loads((DEMO / "mars" / "mosaic.json").read_text())
    crs = parse_crs("IAU_2015:49990")
    for written in (crs.uri, {"uri": crs.uri}, {"wkt": crs.proj.to_json_dict()}, crs.wkt, {"wkt": crs.wkt}):
        plain["tilematrixset"]["crs"] = written
        (tmp_path / "mosaic.json").write_text(json.dumps(plain))
        assert index_of(tmp_path / "mosaic.json").crs == crs


def test_a_prefix_goes_before_every_asset(tmp_path):
    (tmp_path / "data").mkdir()
    write_raster(tmp_path / "data" / "x_a.tif", numbered(5, 5), bounds=(0, 0, 5, 5))
    source = opened(write_mosaic(tmp_path / "mosaic.json", ["a.tif"], zoom=4, box=(0, 0, 5, 5), asset_prefix="data/x_"))
    raster = read_all(source, source.grid)
    assert raster.is_full
    assert not raster.missing


def test_bounds_are_those_of_the_cells_where_the_document_has_none(tmp_path):
    index = index_of(document(tmp_path, {"0": ["a.tif"], "1": ["a.tif"]}, bounds=None))
    (box,) = index.bounds.carried(parse_crs("EPSG:4326"))
    assert box.bounds == pytest.approx((-180, 0, 180, 85.0511), abs=1e-3)


def test_bounds_may_cross_the_antimeridian(tmp_path):
    boxes = index_of(document(tmp_path, {"0": ["a.tif"]}, bounds=[170, -5, -170, 5])).bounds.bboxes
    assert [b.bounds for b in boxes] == [(170, -5, 180, 5), (-180, -5, -170, 5)]


# Documents that are refused

BAD = {
    "no mosaicjson": ({"mosaicjson": None}, "mosaicjson is missing; expected one of 0.0.1, 0.0.2, 0.0.3"),
    "another version": ({"mosaicjson": "9.0"}, "mosaicjson: '9.0' was given"),
    "no tiles": ({"tiles": None}, "tiles is missing"),
    "tiles of another type": ({"tiles": ["a.tif"]}, "tiles: .* expected lists of assets by quadkey"),
    "tiles without any": ({"tiles": {}}, "tiles: '{}' was given"),
    "tiles without assets": ({"tiles": {"0": []}}, "tiles: names no assets"),
    "quadkeys of mixed length": (
        {"tiles": {"00": ["a.tif"], "012": ["a.tif"]}},
        "'012' was given; expected quadkeys of 2",
    ),
    "quadkeys of another level": ({"quadkey_zoom": 3}, "'0' was given; expected quadkeys of 3 digits"),
    "quadkeys that are none": ({"tiles": {"04": ["a.tif"]}}, "'04' was given"),
    "a cell of another type": ({"tiles": {"0": "a.tif"}}, "tiles.0: 'a.tif' was given; expected a list"),
    "an asset of another type": ({"tiles": {"0": [3]}}, "tiles.0: .* expected a list of paths"),
    "quadkey_zoom of another type": ({"quadkey_zoom": "1"}, "quadkey_zoom: '1' was given; expected a whole number"),
    "minzoom of another type": ({"minzoom": True}, "minzoom: 'True' was given"),
    "maxzoom below zero": ({"maxzoom": -1}, "maxzoom: '-1' was given"),
    "bounds of another type": ({"bounds": "all"}, "bounds: 'all' was given; expected four numbers"),
    "three bounds": ({"bounds": [0, 0, 1]}, "bounds: "),
    "bounds upside down": ({"bounds": [0, 5, 1, 2]}, "bounds: "),
    "latitudes beyond a pole": ({"bounds": [0, 0, 1, 95]}, "bounds: "),
    "a prefix of another type": ({"asset_prefix": 3}, "asset_prefix: '3' was given; expected a text"),
    "a set of another type": ({"tilematrixset": "WebMercatorQuad"}, "tilematrixset: 'WebMercatorQuad' was given"),
    "a set without matrices": ({"tilematrixset": {"id": "a", "crs": "EPSG:3857"}}, "tilematrixset: tileMatrices"),
    "a set of an unknown system": ({"tilematrixset": {"id": "a", "crs": "EPSG:9"}}, "tilematrixset: crs"),
}


@pytest.mark.parametrize(("members", "reason"), BAD.values(), ids=BAD)
def test_what_is_wrong_in_a_document_is_named_with_what_was_expected(tmp_path, members, reason):
    with pytest.raises(SourceFailed, match=reason):
        index_of(document(tmp_path, **({"tiles": {"0": ["a.tif"]}} | members)))


def test_a_set_that_is_no_quadtree_is_refused(tmp_path):
    wide = json.loads(json.dumps(morecantile.tms.get("WGS1984Quad").model_dump(mode="json", exclude_none=True)))
    wide["id"] = "Wide"
    with pytest.raises(SourceFailed, match="expected a quadtree"):
        index_of(document(tmp_path, {"0": ["a.tif"]}, tilematrixset=wide))


def test_a_quadkey_level_deeper_than_the_set_is_refused(tmp_path):
    with pytest.raises(SourceFailed, match="quadkey_zoom: '30' was given; expected a tile matrix of"):
        index_of(document(tmp_path, {"0" * 30: ["a.tif"]}))


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\x1f\x8bxx", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_document_is_refused(tmp_path, content):
    (tmp_path / "mosaic.json").write_bytes(content)
    with pytest.raises(SourceFailed):
        index_of(tmp_path / "mosaic.json")


def test_a_truncated_packed_document_is_refused(tmp_path):
    packed = gzip.compress(document(tmp_path, {"0": ["a.tif"]}).read_bytes())
    (tmp_path / "mosaic.json.gz").write_bytes(packed[:-9])
    with pytest.raises(SourceFailed, match="truncated"):
        index_of(tmp_path / "mosaic.json.gz")


def test_a_document_packed_in_many_members_is_read_to_the_end(tmp_path):
    plain = document(tmp_path, {"0": ["a.tif"], "1": ["b" * 2000 + ".tif"]}).read_bytes()
    parts = (plain[:10], b"", plain[10:50], plain[50:])
    (tmp_path / "mosaic.json.gz").write_bytes(b"".join(map(gzip.compress, parts)))
    assert len(index_of(tmp_path / "mosaic.json.gz").assets) == 2
    with pytest.raises(SourceFailed, match="larger than 2,000 bytes when unpacked"):
        read_document(str(tmp_path / "mosaic.json.gz"), trusted=True, roots=(), max_bytes=2000)


@pytest.mark.parametrize("last", [b"\x1f\x8b\x08", b"junk"])
def test_a_packed_document_with_a_bad_last_member_is_refused(tmp_path, last):
    packed = gzip.compress(document(tmp_path, {"0": ["a.tif"]}).read_bytes())
    (tmp_path / "mosaic.json.gz").write_bytes(packed + last)
    with pytest.raises(SourceFailed, match="gzip cannot unpack it"):
        index_of(tmp_path / "mosaic.json.gz")


# Where assets may lie


@pytest.fixture
def places(tmp_path):
    """A document's folder, another folder, and the same raster in both."""
    for name in ("own", "own/deeper", "other"):
        (tmp_path / name).mkdir()
        write_raster(tmp_path / name / "a.tif", numbered(5, 5), bounds=(0, 0, 5, 5))
    return tmp_path


def mosaic_of(places, href):
    return write_mosaic(places / "own" / "mosaic.json", [href], zoom=3, box=(0, 0, 5, 5))


@pytest.mark.parametrize("href", ["a.tif", "./a.tif", "deeper/a.tif", "deeper/../a.tif"])
@pytest.mark.parametrize("trusted", [True, False])
def test_a_document_may_name_files_beneath_its_own_folder(places, href, trusted):
    source = opened(mosaic_of(places, href), trusted=trusted)
    assert read_all(source, source.grid).is_full


@pytest.mark.parametrize("trusted", [True, False])
def test_a_path_that_climbs_out_of_its_folder_is_refused_but_into_an_allowed_root(places, trusted):
    path = mosaic_of(places, "../other/a.tif")
    with pytest.raises(SourceFailed, match=r"its asset '\.\./other/a\.tif' lies elsewhere"):
        opened(path, trusted=trusted)
    assert opened(path, trusted=trusted, roots=[places / "other"]).fields[0].dtype == "int32"


def test_an_absolute_path_needs_trust_or_an_allowed_root(places):
    path = mosaic_of(places, str(places / "other" / "a.tif"))
    with pytest.raises(SourceFailed, match="lies elsewhere"):
        opened(path, trusted=False)
    for source in (opened(path), opened(path, trusted=False, roots=[places / "other"])):
        assert read_all(source, source.grid).is_full


def test_a_link_out_of_the_folder_leads_nowhere(places):
    (places / "own" / "link.tif").symlink_to(places / "other" / "a.tif")
    source = opened(mosaic_of(places, "link.tif"))
    assert "outside" in source.status.failures["link.tif"]
    assert read_all(opened(mosaic_of(places, "link.tif"), roots=[places / "other"]), source.grid).valid.any()


@pytest.mark.parametrize("href", ["/etc/passwd", "/vsicurl/a.tif", "GTI:a.gti", "<VRTDataset/>"])
def test_what_gdal_would_take_for_instructions_is_never_opened(places, href):
    try:
        source = opened(mosaic_of(places, href))
    except SourceFailed:
        return
    assert source.status.failures
    assert not read_all(source, source.grid).valid.any()


@pytest.mark.parametrize("href", ["file:///etc/passwd", "ftp://host/a.tif", "/vsicurl/http://host/a.tif"])
def test_other_schemes_are_refused(places, href):
    with pytest.raises(SourceFailed, match="scheme"):
        opened(mosaic_of(places, href))


@pytest.mark.parametrize(
    ("href", "name", "reason"),
    [
        ("a\0.tif", "a\\x00.tif", "NUL"),
        ("a\ud800.tif", "a\\ud800.tif", "characters"),
        ("http://[::1/x.tif", "http://[::1/x.tif", "malformed"),
        ("http:///x.tif", "http:///x.tif", "malformed"),
        ("https://host:port/x.tif?key=secret", "https://host:port/x.tif", "malformed"),
        ("s3://[/x.tif", "s3://[/x.tif", "malformed"),
        ("a" * 5000 + ".tif", "a" * 5000 + ".tif", "no such file"),
        ("loop.tif", "loop.tif", "no such file"),
    ],
)
@pytest.mark.parametrize("place", ["first", "last"])
def test_an_asset_that_is_no_path_and_no_address_fails_alone(places, href, name, reason, place):
    (places / "own" / "loop.tif").symlink_to("loop.tif")
    names = [href, "a.tif"] if place == "first" else ["a.tif", href]
    path = places / "own" / "mosaic.json"
    tiles = {"0": names, "1": names, "2": names, "3": names}
    path.write_text(document(places, tiles, bounds=[-10, -10, 10, 10], name="x\ud800").read_text())
    source = opened(path)
    raster = read_all(source, grid_of("EPSG:4326", (-5, -5, 5, 5), 10, 10))
    assert raster.valid.sum() == 25
    assert raster.missing == (name,)
    assert reason in source.status.failures[name]
    assert source.revision(raster.grid) == opened(path).revision(raster.grid)
    assert source.document_metadata["name"].isprintable()


@pytest.mark.parametrize("href", ["//[::1/x.tif", "http://[::1/x.tif", "a\ud800.tif"])
def test_a_malformed_address_in_a_remote_document_fails_alone(places, site, href):
    path = places / "own" / "mosaic.json"
    path.write_text(document(places, {"0": ["a.tif", href]}, bounds=None).read_text())
    source = opened(f"{site}/own/mosaic.json")
    raster = read_all(source, grid_of("EPSG:4326", (-5, 0, 5, 5), 10, 5))
    assert raster.valid.sum() == 25
    assert len(raster.missing) == 1


def test_problems_of_a_mosaic_with_a_name_tell_no_folder(places):
    folder = str(places)
    path = places / "own" / "mosaic.json"
    for content, gone in (
        ("", False),
        ("{}", False),
        ("{}", True),
        (json.dumps({"mosaicjson": "0.0.2", "tiles": {"0": [f"{folder}/a.tif"]}}), False),
        (json.dumps({"mosaicjson": "0.0.2", "tiles": {"0": [f"file://{folder}/a.tif"]}}), False),
    ):
        path.write_text(content)
        if gone:
            path.unlink()
        with pytest.raises(SourceFailed) as failure:
            open_mosaic(str(path), method=MosaicMethod.FIRST, trusted=False, roots=(), name="mosaic.json")
        assert folder not in str(failure.value.document)
        assert "mosaic.json" in failure.value.detail


def test_an_asset_may_not_be_of_a_format_that_reads_further_files(places):
    import rasterio.shutil

    rasterio.shutil.copy(places / "other" / "a.tif", places / "own" / "b.vrt", driver="VRT")
    assert open_file(str(places / "own" / "b.vrt")).fields  # the operator may name one
    source = opened(mosaic_of(places, "b.vrt"))
    assert "not a readable GTiff" in source.status.failures["b.vrt"]


def test_a_remote_document_names_remote_files_only(places, site):
    (places / "own" / "mosaic.json").write_text(mosaic_of(places, "a.tif").read_text())
    source = opened(f"{site}/own/mosaic.json")
    assert (read_all(source, source.grid).values[0] == numbered(5, 5)).all()
    mosaic_of(places, str(places / "other" / "a.tif"))
    source = opened(f"{site}/own/mosaic.json")
    assert source.status.failures  # an address on the same host, where there is no such file
    for href in ("file:/etc/passwd", "file:///etc/passwd"):
        mosaic_of(places, href)
        with pytest.raises(SourceFailed):
            opened(f"{site}/own/mosaic.json")


def test_a_document_may_name_files_elsewhere_on_the_web(places, site):
    source = opened(mosaic_of(places, f"{site}/other/a.tif?key=secret"), trusted=False)
    assert read_all(source, source.grid).is_full
    missing = opened(mosaic_of(places, f"{site}/none.tif?key=secret"), trusted=False)
    assert read_all(missing, source.grid).missing == (f"{site}/none.tif",)


# Real documents


@needs_shared
def test_the_mosaic_of_jezero_has_its_bounds_although_its_assets_are_out_of_reach():
    index = index_of(SHARED / "mosaicjson" / "jezero_ctx_hillshade_py_mosaic_0.0.3.json")
    assert len(index.assets) == 10
    assert index.crs == parse_crs("IAU_2015:49990")
    (box,) = index.bounds.carried(parse_crs("IAU_2015:49910"))
    expected = (4499999.688084169, 868454.426105146, 4617853.226751639, 1172328.3451582233)
    assert box.bounds == pytest.approx(expected, abs=1e-6)
    assert index.cell_size == 0.004968347751626335  # maxzoom 25 is deeper than the set
    (only,) = index.find(grid_of("IAU_2015:49900", (75, 14, 76, 16), 4, 4))
    assert "P05_002809" in only.name


@needs_shared
@pytest.mark.parametrize(
    "name",
    [
        "cogeo_mosaic.json",
        "cogeo_mosaic.json.gz",
        "cogeo_mosaic_0.0.1.json",
        "snowmelt_runoff_onset_cascades_0.0.2.json",
    ],
)
def test_documents_of_others_are_understood(name):
    index = index_of(SHARED / "mosaicjson" / name)
    assert index.assets
    assert np.isfinite(index.bounds.bboxes[0].bounds).all()
