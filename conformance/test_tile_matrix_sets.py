"""Two Dimensional Tile Matrix Set and Tile Set Metadata 2.0: models, and their JSON twins."""

import json
from itertools import pairwise

import pytest

from conformance.classes import conformance_class
from conformance.client import JSON, Document, Service, distinct, essence, links, ogc, with_query, without_format
from conformance.matrices import PIXEL_M, MatrixSet, crs_of, in_x_y_order, is_same_crs, metres_per_unit
from conformance.places import Places
from conformance.schemas import Schemas, Validate
from conformance.tilesets import Tiling, matrix_set_entries, tile_url

MATRIX_SET = conformance_class("tms-2", "tilematrixset", "json-tilematrixset")
AS_JSON = conformance_class("tms-2", "json-tilematrixset")
LIMITS = conformance_class("tms-2", "tilematrixsetlimits", "json-tilematrixsetlimits")
METADATA = conformance_class("tms-2", "tilesetmetadata", "json-tilesetmetadata")
VARIABLE_WIDTH = conformance_class("tms-2", "variablematrixwidth", "json-variablematrixwidth")

OF_OTHER_PIXELS = {"CanadianNAD83_LCC"}  # registered with scale denominators of pixels of 0.2646 mm
REGISTER = "http://www.opengis.net/def/tilematrixset/OGC/1.0/"


@MATRIX_SET
def test_the_landing_page_links_to_the_tile_matrix_sets(service: Service, at: Places) -> None:
    """Tiles 1, `/rec/tileset/tmxslink`: each with id, title, uri where registered, crs and a link to its definition."""
    entries = matrix_set_entries(service)
    assert len({entry["id"] for entry in entries}) == len(entries)
    for entry in entries:
        with at(entry["id"]):
            assert links(entry)
            assert entry["crs"]
            crs_of(entry["crs"])


@MATRIX_SET
def test_a_tile_matrix_set_is_what_its_list_says(service: Service, matrix_sets: list[MatrixSet], at: Places) -> None:
    """`/req/tilematrixset/model`."""
    entries = {entry["id"]: entry for entry in matrix_set_entries(service)}
    for matrix_set in matrix_sets:
        with at(matrix_set.url):
            entry = entries[matrix_set.id]
            assert without_format(matrix_set.url) in {without_format(link.href) for link in links(entry)}
            for member in ("title", "uri", "crs"):
                assert entry.get(member) == matrix_set.document.get(member), member


@MATRIX_SET
def test_scale_denominators_agree_with_cell_sizes(matrix_sets: list[MatrixSet], at: Places) -> None:
    """`/req/tilematrixset/model`: 0.28 mm pixels; a degree is one of the equator of the CRS's own ellipsoid."""
    for matrix_set in matrix_sets:
        if matrix_set.id in OF_OTHER_PIXELS:
            continue
        metres = metres_per_unit(matrix_set.crs)
        for matrix in matrix_set.document["tileMatrices"]:
            with at(matrix_set.id, matrix["id"]):
                cell_size = matrix["scaleDenominator"] * PIXEL_M / metres
                assert matrix["cellSize"] == pytest.approx(cell_size, rel=1e-6)


@MATRIX_SET
def test_matrices_become_finer(matrix_sets: list[MatrixSet], at: Places) -> None:
    """`/req/tilematrixset/model`: ids are unique, the list is ordered from coarse to fine."""
    for matrix_set in matrix_sets:
        with at(matrix_set.id):
            entries = matrix_set.document["tileMatrices"]
            assert len(matrix_set.matrices) == len(entries)
            assert all(coarse["cellSize"] > fine["cellSize"] for coarse, fine in pairwise(entries))


@MATRIX_SET
def test_the_point_of_origin_is_in_the_axis_order_of_the_crs(matrix_sets: list[MatrixSet], at: Places) -> None:
    """`/req/tilematrixset/model`: the first tile is on the globe, and no latitude beyond 90 degrees."""
    for matrix_set in matrix_sets:
        with at(matrix_set.id):
            for matrix in matrix_set.matrices.values():
                xmin, ymin, _, ymax = matrix.bounds(matrix.height - 1 if matrix.from_bottom else 0, 0)
                if matrix_set.crs.is_geographic:
                    assert ymax <= 90 + 1e-9
                    assert ymin >= -270
                    assert -360 <= xmin <= 180


@MATRIX_SET
def test_the_bounding_box_is_that_of_the_matrices(matrix_sets: list[MatrixSet], at: Places) -> None:
    """`/req/tilematrixset/model`: where there is one, each matrix covers it."""
    given = [matrix_set for matrix_set in matrix_sets if "boundingBox" in matrix_set.document]
    if not given:
        pytest.skip("no tile matrix set has a bounding box")
    for matrix_set in given:
        box = matrix_set.document["boundingBox"]
        xmin, ymin, xmax, ymax = in_x_y_order(matrix_set.crs, [*box["lowerLeft"], *box["upperRight"]])
        for matrix in matrix_set.matrices.values():
            with at(matrix_set.id, matrix.id):
                last = matrix.bounds(matrix.height - 1, matrix.width - 1)
                first = matrix.bounds(0, 0)
                slack = matrix.cell_size
                assert min(first[0], last[0]) <= xmin + slack
                assert max(first[2], last[2]) >= xmax - slack
                assert min(first[1], last[1]) <= ymin + slack
                assert max(first[3], last[3]) >= ymax - slack


@AS_JSON
def test_tile_matrix_sets_meet_the_schemas(matrix_sets: list[MatrixSet], validate: Validate, at: Places) -> None:
    """`/req/json-tilematrixset/schema`."""
    for matrix_set in matrix_sets:
        with at(matrix_set.url):
            validate(matrix_set.document, "tms/tileMatrixSet")
            validate(matrix_set.document, "tiles/tileMatrixSet")


@AS_JSON
def test_tile_matrix_sets_are_served_as_json(service: Service, matrix_sets: list[MatrixSet], at: Places) -> None:
    """`/req/json-tilematrixset/media-type`."""
    for matrix_set in matrix_sets:
        with at(matrix_set.url):
            for url in (matrix_set.url, with_query(matrix_set.url, f="json")):
                assert essence(service.answer(url).headers["content-type"]) == JSON


@AS_JSON
def test_the_list_of_tile_matrix_sets_meets_its_schema(service: Service, validate: Validate) -> None:
    """Tiles 1, `/rec/tileset/tmxslink`."""
    found = distinct(links(service.landing, ogc("tiling-schemes")))
    assert found
    validate(service.document(found[0].href), "tiles/tileMatrixSets")


@AS_JSON
def test_registered_tile_matrix_sets_are_those_of_the_register(
    matrix_sets: list[MatrixSet], schemas: Schemas | None, validate: Validate, at: Places
) -> None:
    """`/req/tilesetmetadata/identifier`: who carries a registered name has its numbers."""
    if schemas is None:
        with at("the register"):
            validate(None, "tile-matrix-sets")  # notes what is left out
        return
    for matrix_set in matrix_sets:
        uri = matrix_set.document.get("uri", "")
        if uri.startswith(REGISTER):
            with at(matrix_set.url):
                registered = json.loads(schemas.registered(uri.removeprefix(REGISTER)).read_text("utf-8"))
                ours, theirs = matrix_set, MatrixSet.read(uri, registered)
                assert matrix_set.id == registered["id"]
                assert ours.crs == theirs.crs
                assert list(ours.matrices) == list(theirs.matrices)
                for name, matrix in ours.matrices.items():
                    other = theirs.matrices[name]
                    assert (matrix.tile_width, matrix.tile_height) == (other.tile_width, other.tile_height)
                    assert (matrix.width, matrix.height) == (other.width, other.height)
                    assert matrix.coalesced == other.coalesced
                    assert matrix.cell_size == pytest.approx(other.cell_size, rel=1e-9)
                    assert matrix.origin == pytest.approx(other.origin, rel=1e-9)


@VARIABLE_WIDTH
def test_rows_of_variable_width_are_within_their_matrix(matrix_sets: list[MatrixSet], at: Places) -> None:
    """`/req/variablematrixwidth/model`, `/req/variablematrixwidth/coalescence1`: whole groups, of two or more."""
    for matrix_set in matrix_sets:
        if not matrix_set.has_variable_widths:
            continue
        for matrix in matrix_set.matrices.values():
            with at(matrix_set.id, matrix.id):
                for first, last, factor in matrix.coalesced:
                    assert 0 <= first <= last < matrix.height
                    assert factor >= 2
                    assert matrix.width % factor == 0
                for (_, last, _), (first, _, _) in pairwise(sorted(matrix.coalesced)):
                    assert last < first


@VARIABLE_WIDTH
def test_tile_matrix_sets_with_variable_widths_meet_the_schema(
    matrix_sets: list[MatrixSet], validate: Validate, at: Places
) -> None:
    """`/req/json-variablematrixwidth/schema`."""
    for matrix_set in matrix_sets:
        if matrix_set.has_variable_widths:
            with at(matrix_set.url):
                validate(matrix_set.document, "tms/tileMatrixSet")


@VARIABLE_WIDTH
def test_every_column_of_a_coalesced_group_is_the_same_tile(service: Service, tiling: Tiling, at: Places) -> None:
    """`/req/variablematrixwidth/coalescence1`: the numbering of columns is as if nothing were coalesced."""
    variable = [each for each in tiling.representatives() if each.matrix_set.has_variable_widths and each.templates]
    if not variable:
        pytest.skip("no tileset has a tile matrix set with variable widths")
    for tileset in variable:
        for limits in tileset.limits:
            row = limits.min_row
            columns = tileset.matrix_set.matrices[limits.matrix].alias_columns(row, limits.min_col)
            if len(columns) == 1:
                continue
            with at(tileset.url, limits.matrix, row, columns):
                assert limits.min_col <= columns.start
                assert columns.stop - 1 <= limits.max_col
                ends = (columns.start, columns.stop - 1)
                tiles = [service.answer(tile_url(tileset.templates[0], limits.matrix, row, col)) for col in ends]
                assert {tile.status_code for tile in tiles} == {200}
                assert tiles[0].content == tiles[1].content


@LIMITS
def test_limits_name_each_matrix_once_and_stay_within_it(tiling: Tiling, at: Places) -> None:
    """`/req/tilematrixsetlimits/model`."""
    for tileset in tiling.tilesets:
        with at(tileset.url):
            names = [entry["tileMatrix"] for entry in tileset.document["tileMatrixSetLimits"]]
            assert names
            assert len(set(names)) == len(names)
            for limits in tileset.limits:
                matrix = tileset.matrix_set.matrices[limits.matrix]
                assert 0 <= limits.min_row <= limits.max_row < matrix.height
                assert 0 <= limits.min_col <= limits.max_col < matrix.width


@LIMITS
def test_limits_are_finer_boxes_of_the_same_extent(tiling: Tiling, at: Places) -> None:
    """`/req/tilematrixsetlimits/model`: what one matrix covers, the next coarser one covers too, but for a tile."""
    for tileset in tiling.tilesets:
        with at(tileset.url):
            for coarse, fine in pairwise(tileset.limits):
                outer, inner = (tileset.covered(limits) for limits in (coarse, fine))
                matrix = tileset.matrix_set.matrices[fine.matrix]
                tiles = [matrix.bounds(row, fine.min_col) for row in {fine.min_row, fine.max_row}]
                slack_x, slack_y = (max(tile[high] - tile[high - 2] for tile in tiles) for high in (2, 3))
                assert outer[0] - slack_x <= inner[0], (coarse, fine)
                assert outer[1] - slack_y <= inner[1], (coarse, fine)
                assert outer[2] + slack_x >= inner[2], (coarse, fine)
                assert outer[3] + slack_y >= inner[3], (coarse, fine)


@LIMITS
def test_limits_cover_the_bounding_box_of_the_tileset(tiling: Tiling, at: Places) -> None:
    """`/req/tilematrixsetlimits/model`: a matrix covers the data, or ends where the tile matrix set does.

    The finest one, but the coarsest one of the dataset: not all of its collections are as fine.
    """
    boxed = [tileset for tileset in tiling.tilesets if tileset.bounds is not None]
    if not boxed:
        pytest.skip("no tileset has a bounding box in its own CRS")
    for tileset in boxed:
        with at(tileset.url):
            assert tileset.bounds is not None
            limits = tileset.limits[0 if tileset.within.collection is None else -1]
            matrix = tileset.matrix_set.matrices[limits.matrix]
            covered, wanted = tileset.covered(limits), tileset.bounds
            first, last = matrix.bounds(0, 0), matrix.bounds(matrix.height - 1, matrix.width - 1)
            edges = (first[0], min(first[1], last[1]), last[2], max(first[3], last[3]))
            slack = matrix.cell_size
            for low in (0, 1):
                assert covered[low] <= max(wanted[low], edges[low]) + slack
                assert covered[low + 2] >= min(wanted[low + 2], edges[low + 2]) - slack


@LIMITS
def test_limits_meet_the_schema(tiling: Tiling, validate: Validate, at: Places) -> None:
    """`/req/json-tilematrixsetlimits/schema`."""
    for tileset in tiling.tilesets:
        with at(tileset.url):
            for entry in tileset.document["tileMatrixSetLimits"]:
                validate(entry, "tms/tileMatrixLimits")


@METADATA
def test_tileset_metadata_meet_the_schema(tiling: Tiling, validate: Validate, at: Places) -> None:
    """`/req/tilesetmetadata/model`, `/req/json-tilesetmetadata/schema`."""
    for tileset in tiling.tilesets:
        with at(tileset.url):
            validate(tileset.document, "tms/tileSet")


@METADATA
def test_a_tileset_is_in_the_crs_of_its_tile_matrix_set(tiling: Tiling, at: Places) -> None:
    """`/req/tilesetmetadata/model`: `crs`, and `tileMatrixSetURI` where the tile matrix set has a URI."""
    for tileset in tiling.tilesets:
        with at(tileset.url):
            matrix_set = tileset.matrix_set
            box = next(iter(matrix_set.matrices.values())).bounds(0, 0)
            assert is_same_crs(crs_of(tileset.document["crs"]), matrix_set.crs, box)
            if "uri" in matrix_set.document:
                assert tileset.document["tileMatrixSetURI"] == matrix_set.document["uri"]


@METADATA
def test_registered_tile_matrix_sets_are_named_by_their_canonical_uri(tiling: Tiling, at: Places) -> None:
    """`/req/tilesetmetadata/identifier`; any other `tileMatrixSetURI` leads to the definition."""
    for tileset in tiling.tilesets:
        with at(tileset.url):
            uri = tileset.document["tileMatrixSetURI"]
            if not uri.startswith(REGISTER):
                assert without_format(uri) == without_format(tileset.matrix_set.url)


@METADATA
def test_layers_name_what_is_drawn(tiling: Tiling, at: Places) -> None:
    """`/req/tilesetmetadata/model`: where there are layers, each has an id and a kind of data, in this order."""
    layered: list[tuple[str, list[Document]]] = [
        (tileset.url, tileset.document["layers"]) for tileset in tiling.tilesets if "layers" in tileset.document
    ]
    if not layered:
        pytest.skip("no tileset lists its layers")
    for url, layers in layered:
        with at(url):
            assert all(layer["id"] and layer["dataType"] in ("map", "vector", "coverage") for layer in layers)
            assert len({layer["id"] for layer in layers}) == len(layers)
