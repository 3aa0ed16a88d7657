"""WMTS 1.0.0: its operations, of all collections and of each alone; which tile matrix sets it can express; layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

from ogcapi.model.collection import Collection, TileSet
from ogcapi.model.media import HTML, JPEG, JSON, PNG, TEXT, TEXT_XML, TIFF, XML, MediaType
from ogcapi.model.operation import Operation
from ogcapi.model.problem import NotFound, shown
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


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A collection as a layer."""

    collection: Collection
    tile_sets: tuple[TileSet, ...]
    """Those that WMTS can express, each down to the deepest matrix of the whole service."""

    def tile_set(self, set_id: str) -> TileSet:
        """The tiles in one of its sets. Raises `NotFound`."""
        for one in self.tile_sets:
            if one.matrix_set.id == set_id:
                return one
        known = ", ".join(one.matrix_set.id for one in self.tile_sets)
        raise NotFound(f"{self.collection.id} has no tile matrix set {shown(set_id)} here; expected one of {known}.")


@dataclass(frozen=True)
class Contents:
    """The layers of one service, in the order of the configuration."""

    layers: tuple[Layer, ...]

    @cached_property
    def _by_id(self) -> dict[str, Layer]:
        return {layer.collection.id: layer for layer in self.layers}

    def __contains__(self, layer_id: object) -> bool:
        return layer_id in self._by_id

    def __getitem__(self, layer_id: str) -> Layer:
        if layer_id not in self._by_id:
            known = ", ".join(list(self._by_id)[:20])
            more = f" and {len(self.layers) - 20} more" if len(self.layers) > 20 else ""
            raise NotFound(f"There is no layer {shown(layer_id)} here; expected one of {known}{more}.")
        return self._by_id[layer_id]

    @cached_property
    def matrix_sets(self) -> tuple[tuple[TileMatrixSet, int], ...]:
        """Each set that a layer is offered in, and how many of its matrices are in use."""
        found: dict[str, tuple[TileMatrixSet, int]] = {}
        for one in (each for layer in self.layers for each in layer.tile_sets):
            _, known = found.get(one.matrix_set.id, (one.matrix_set, 0))
            found[one.matrix_set.id] = one.matrix_set, max(known, one.depth)
        return tuple(found.values())


def contents(found: Sequence[Collection]) -> Contents:
    """Collections as layers of one service; those without a set that WMTS can express are left out.

    Every layer has tiles down to the deepest matrix that one of them needs: clients, and OGC's test suite, ask for
    any tile matrix of a set that a layer names.
    """
    offered = [(one, [each for each in one.tile_sets if why_not(each.matrix_set) is None]) for one in found]
    deepest: dict[str, int] = {}
    for each in chain.from_iterable(sets for _, sets in offered):
        deepest[each.matrix_set.id] = max(deepest.get(each.matrix_set.id, 0), each.depth)
    return Contents(
        tuple(
            Layer(
                collection=one,
                tile_sets=tuple(one.drawn(each.matrix_set, deepest[each.matrix_set.id]) for each in sets),
            )
            for one, sets in offered
            if sets
        )
    )
