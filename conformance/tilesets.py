"""Lists of tilesets and tilesets, found by following links."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import httpx

from conformance.client import JSON, Document, Link, Service, distinct, links, ogc
from conformance.matrices import Box, MatrixSet, crs_of, in_x_y_order

KINDS = ("map", "coverage", "vector")
SAMPLE_STEP = 16  # of the tile matrix sets that no tileset uses, every so many are looked at
NO_SUCH_TILE = (400, 404)  # Tiles 1 `/req/core/tc-error` allows either


@dataclass(frozen=True, kw_only=True)
class TilesetList:
    """A list of tilesets; `collection` is the id of its collection, None for those of the dataset."""

    url: str
    kind: str
    collection: str | None
    styled: bool
    document: Document


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The tiles of one matrix that a tileset has, both ends included."""

    matrix: str
    min_row: int
    max_row: int
    min_col: int
    max_col: int

    @classmethod
    def read(cls, entry: Document) -> Limits:
        return cls(
            matrix=entry["tileMatrix"],
            min_row=entry["minTileRow"],
            max_row=entry["maxTileRow"],
            min_col=entry["minTileCol"],
            max_col=entry["maxTileCol"],
        )

    @property
    def middle(self) -> tuple[str, int, int]:
        return self.matrix, (self.min_row + self.max_row) // 2, (self.min_col + self.max_col) // 2

    def narrowed_by(self, other: Limits) -> Limits | None:
        """The tiles that are within both; None where there are none."""
        both = Limits(
            matrix=self.matrix,
            min_row=max(self.min_row, other.min_row),
            max_row=min(self.max_row, other.max_row),
            min_col=max(self.min_col, other.min_col),
            max_col=min(self.max_col, other.max_col),
        )
        empty = self.matrix != other.matrix or both.min_row > both.max_row or both.min_col > both.max_col
        return None if empty else both


@dataclass(frozen=True, kw_only=True)
class Tileset:
    """A tileset, as its list and as its own document have it."""

    url: str
    within: TilesetList
    entry: Document
    document: Document
    matrix_set: MatrixSet

    @property
    def kind(self) -> str:
        return self.within.kind

    @property
    def limits(self) -> list[Limits]:
        """Where there are none, all of the first matrix that has few tiles, as a place to look at."""
        if entries := self.document.get("tileMatrixSetLimits"):
            return [Limits.read(entry) for entry in entries]
        return [
            Limits(matrix=matrix.id, min_row=0, max_row=matrix.height - 1, min_col=0, max_col=matrix.width - 1)
            for matrix in list(self.matrix_set.matrices.values())[:2]
        ]

    @property
    def bounds(self) -> Box | None:
        """The bounding box in x, y order, where there is one in the CRS of the tile matrix set."""
        box = self.document.get("boundingBox")
        crs = self.matrix_set.crs
        if not box or ("crs" in box and not crs_of(box["crs"]).equals(crs)):
            return None
        xmin, ymin, xmax, ymax = in_x_y_order(crs, [*box["lowerLeft"], *box["upperRight"]])
        return xmin, ymin, xmax, ymax

    def covered(self, limits: Limits) -> Box:
        """What the tiles within the limits cover."""
        matrix = self.matrix_set.matrices[limits.matrix]
        one = matrix.bounds(limits.min_row, limits.min_col)
        other = matrix.bounds(limits.max_row, limits.max_col)
        low = (min(one[0], other[0]), min(one[1], other[1]))
        return (*low, max(one[2], other[2]), max(one[3], other[3]))

    @property
    def templates(self) -> list[Link]:
        """The templated `item` links."""
        return [link for link in links(self.document, "item") if link.templated]

    def template(self, *media: str) -> Link | None:
        """The template of tiles in the first of these media types that the tileset has."""
        found = {link.media: link for link in reversed(self.templates)}
        return next((found[name] for name in media if name in found), None)

    def samples(self) -> list[tuple[str, int, int]]:
        """Matrix, row, col of a few tiles: a corner of the coarsest matrix, the middle of the finest."""
        first, last = self.limits[0], self.limits[-1]
        return list(dict.fromkeys([(first.matrix, first.max_row, first.min_col), last.middle]))


def tile_url(template: Link, matrix: str, row: object, col: object) -> str:
    """The address of a tile."""
    return template.expand(tileMatrix=matrix, tileRow=row, tileCol=col)


@dataclass
class Tiling:
    """What the tilesets of a server are, and which of their links lead nowhere."""

    lists: list[TilesetList] = field(default_factory=list)
    tilesets: list[Tileset] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    @classmethod
    def discover(cls, service: Service) -> Tiling:
        tiling = cls()
        tiling._follow(service, service.landing, None, styled=False)
        for collection in _collections(service):
            tiling._follow(service, collection, collection["id"], styled=False)
            for styles in distinct(links(collection, ogc("styles"))):
                tiling._try(styles.href, partial(tiling._styles, service, styles.href, collection["id"]))
        return tiling

    def of(self, kind: str, *, dataset: bool | None = None) -> list[Tileset]:
        """The tilesets of one kind, of collections and of the dataset or of one of the two."""
        chosen = [tileset for tileset in self.tilesets if tileset.kind == kind]
        return [each for each in chosen if dataset is None or (each.within.collection is None) is dataset]

    def firsts(self, *kinds: str, styled: bool = False) -> list[Tileset]:
        """The first tileset of each list."""
        return [group[0] for group in self._by_list(kinds, styled)]

    def representatives(self, *kinds: str) -> list[Tileset]:
        """The first and the last tileset of each list without a style: enough to look at pixels."""
        return [each for group in self._by_list(kinds, False) for each in (group[0], group[-1])[: len(group)]]

    def _by_list(self, kinds: tuple[str, ...], styled: bool) -> list[list[Tileset]]:
        groups: dict[str, list[Tileset]] = {}
        for tileset in self.tilesets:
            if tileset.kind in (kinds or KINDS) and tileset.within.styled is styled:
                groups.setdefault(tileset.within.url, []).append(tileset)
        return list(groups.values())

    def matrix_sets(self, service: Service) -> list[MatrixSet]:
        """Those of all tilesets, and of the service's own list those with variable widths and every so many."""
        found = {tileset.matrix_set.url: tileset.matrix_set for tileset in self.tilesets}
        for position, entry in enumerate(matrix_set_entries(service)):
            url = distinct(links(entry, "self") or links(entry))[0].href
            chosen = position % SAMPLE_STEP == 0 or entry.get("id") in ("GNOSISGlobalGrid", "CDB1GlobalGrid")
            if url not in found and chosen:
                found[url] = MatrixSet.read(url, service.document(url))
        assert found, "there are neither tilesets nor a list of tile matrix sets"
        return list(found.values())

    def _follow(self, service: Service, document: Document, collection: str | None, *, styled: bool) -> None:
        for kind in KINDS:
            for link in distinct(links(document, ogc(f"tilesets-{kind}"))):
                self._try(link.href, partial(self._list, service, link.href, kind, collection, styled))

    def _styles(self, service: Service, url: str, collection: str) -> None:
        for style in service.document(url)["styles"]:
            self._follow(service, style, collection, styled=True)

    def _list(self, service: Service, url: str, kind: str, collection: str | None, styled: bool) -> None:
        document = service.document(url)
        found = TilesetList(url=url, kind=kind, collection=collection, styled=styled, document=document)
        self.lists.append(found)
        for entry in document["tilesets"]:
            self._try(f"{url}: {entry.get('title')}", partial(self._tileset, service, found, entry))

    def _tileset(self, service: Service, within: TilesetList, entry: Document) -> None:
        own = distinct(links(entry, "self"))
        assert own, "no `self` link"
        document = service.document(own[0].href)
        scheme = distinct(links(document, ogc("tiling-scheme")))
        assert scheme, f"{own[0].href}: no link to the tile matrix set"
        matrix_set = MatrixSet.read(scheme[0].href, service.document(scheme[0].href))
        self.tilesets.append(
            Tileset(url=own[0].href, within=within, entry=entry, document=document, matrix_set=matrix_set)
        )

    def _try(self, place: str, step: Callable[[], object]) -> None:
        try:
            step()
        except (AssertionError, LookupError, TypeError, ValueError, httpx.HTTPError) as error:
            self.broken.append(f"{place}: {error!r}")


def _collections(service: Service) -> list[Document]:
    """The list's entries; none where the server has no collections at all."""
    answer = service.answer(service.address("/collections"), JSON)
    entries: list[Document] = answer.json()["collections"] if answer.status_code == 200 else []
    return entries


def matrix_set_entries(service: Service) -> list[Document]:
    """The list of tile matrix sets that the landing page links to."""
    found = distinct(links(service.landing, ogc("tiling-schemes")))
    entries: list[Document] = service.document(found[0].href)["tileMatrixSets"] if found else []
    return entries
