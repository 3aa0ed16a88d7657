"""WMTS 1.0.0: its operations, of all collections and of each alone, and which tile matrix sets it can express."""

from __future__ import annotations

from dataclasses import dataclass

from ogcapi.model.media import HTML, JPEG, JSON, PNG, TEXT, TEXT_XML, TIFF, XML, MediaType
from ogcapi.model.operation import Operation
from ogcapi.model.tiles import TileMatrixSet

VERSION = "1.0.0"
INFO = (JSON, HTML, TEXT)
"""What GetFeatureInfo answers with."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Wmts:
    """The addresses of one service."""

    kvp: Operation
    """Where requests of names and values go (OGC 07-057r7, 8). OpenAPI has no words for them; capabilities have."""
    capabilities: Operation
    tile: Operation
    info: Operation
    """The values at a cell of a tile, by row (`j`) and column (`i`) of the cell."""
    of_dataset: bool

    @property
    def resources(self) -> tuple[Operation, ...]:
        """All that has an address of its own (OGC 07-057r7, 10)."""
        return self.capabilities, self.tile, self.info

    @property
    def pictures(self) -> tuple[MediaType, ...]:
        """What GetTile answers with."""
        return self.tile.answers


def _wmts(base: str, origin: str, layer: str, tiles: tuple[MediaType, ...]) -> Wmts:
    def operation(name: str, path: str, summary: str, answers: tuple[MediaType, ...]) -> Operation:
        return Operation(
            name=f"wmts.{origin}.{name}",
            path=f"{base}/wmts{path}",
            summary=summary,
            tag="WMTS",
            answers=answers,
            is_lenient=True,
        )

    place = layer + "/{styleId}/{tileMatrixSetId}/{tileMatrix}/{tileRow}/{tileCol}"
    return Wmts(
        kvp=operation("kvp", "", "WMTS by names and values", (XML, TEXT_XML)),
        capabilities=operation(
            "getCapabilities", f"/{VERSION}/WMTSCapabilities.xml", "What the WMTS has", (XML, TEXT_XML)
        ),
        # a path with /tiles/ is that of an answer that the cache of encoded tiles keeps
        tile=operation("getTile", f"/{VERSION}/tiles{place}", "One tile of the WMTS", tiles),
        info=operation("getFeatureInfo", f"/{VERSION}/info{place}/{{j}}/{{i}}", "The values at a cell of a tile", INFO),
        of_dataset=origin == "dataset",
    )


DATASET_WMTS = _wmts("", "dataset", "/{collectionId}", (PNG, JPEG))
COLLECTION_WMTS = _wmts("/collections/{collectionId}", "collection", "", (PNG, JPEG, TIFF))


def why_not(matrix_set: TileMatrixSet) -> str | None:
    """Why WMTS cannot express a tile matrix set; None where it can."""
    if any(matrix.variable_widths for matrix in matrix_set.matrices):
        return "its tiles are not equally wide in all rows, and WMTS has no words for that"
    if any(matrix.bottom_left for matrix in matrix_set.matrices):
        return "its rows are counted from the bottom, and those of WMTS from the top"
    if matrix_set.crs.urn is None:
        return "its coordinate reference system is not registered, and WMTS names systems by their registered codes"
    return None
