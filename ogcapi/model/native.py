"""The tile matrix set of a coverage's own cells: tiles in it are pieces of the coverage, and nothing is resampled."""

from __future__ import annotations

from ogcapi.model.grid import Grid
from ogcapi.model.tiles import PIXEL_M, TileMatrix, TileMatrixSet

SUFFIX = "-native"
_TILE = 512  # cells: what most files are cut into
_SMALL_TILE = 256  # where there are many fields, for an answer may have only so many cells
_MANY = 64  # fields
_SHIFT = 1e-3  # of a cell: as far as the last row may lie beside its place when cells are taken for square
_FINEST_LEVEL = 30  # GDAL counts cells in 31 bits


def native_id(collection_id: str) -> str:
    """The id of a collection's native set."""
    return collection_id + SUFFIX


def collection_of(set_id: str) -> str | None:
    """The id of the collection whose native set has that id; None where no native set has such an id."""
    return set_id.removesuffix(SUFFIX) if set_id.endswith(SUFFIX) else None


def native_matrix_set(collection_id: str, title: str, grid: Grid, fields: int) -> TileMatrixSet | None:
    """Matrices of the cells of a grid, from one tile that holds it all to its own cells; ids count from 0.

    None where a tile matrix set cannot say so: its cells are square (TMS 2.0, 6.2.1.1).
    """
    cell_size = grid.cell_width
    if abs(grid.cell_height - cell_size) * grid.height > _SHIFT * cell_size:
        return None
    tile = _TILE if fields <= _MANY else _SMALL_TILE
    deepest = (-(-max(grid.width, grid.height) // tile) - 1).bit_length()
    if deepest > _FINEST_LEVEL:
        return None
    matrices = tuple(
        _matrix(grid, cell_size * (1 << (deepest - level)), str(level), tile) for level in range(deepest + 1)
    )
    axes = [axis[0] for axis in grid.crs.axes]
    return TileMatrixSet(
        id=native_id(collection_id),
        title=f"{title}, its own cells",
        crs=grid.crs,
        matrices=matrices,
        document={
            "crs": grid.crs.document,
            "orderedAxes": axes[::-1] if grid.crs.is_yx else axes,
            "tileMatrices": [_document(matrix, grid) for matrix in matrices],
        },
    )


def _matrix(grid: Grid, cell_size: float, matrix_id: str, tile: int) -> TileMatrix:
    cells = round(cell_size / grid.cell_width) * tile  # of the grid, along a tile
    return TileMatrix(
        id=matrix_id,
        scale_denominator=cell_size * grid.crs.metres_per_unit / PIXEL_M,
        cell_size=cell_size,
        origin=(grid.bbox.xmin, grid.bbox.ymax),
        tile_width=tile,
        tile_height=tile,
        matrix_width=-(-grid.width // cells),
        matrix_height=-(-grid.height // cells),
    )


def _document(matrix: TileMatrix, grid: Grid) -> dict[str, object]:
    return {
        "id": matrix.id,
        "scaleDenominator": matrix.scale_denominator,
        "cellSize": matrix.cell_size,
        "cornerOfOrigin": "topLeft",
        "pointOfOrigin": list(grid.crs.text_order(*matrix.origin)),
        "tileWidth": matrix.tile_width,
        "tileHeight": matrix.tile_height,
        "matrixWidth": matrix.matrix_width,
        "matrixHeight": matrix.matrix_height,
    }
