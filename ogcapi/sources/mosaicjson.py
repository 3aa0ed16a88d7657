"""MosaicJSON documents (0.0.1 to 0.0.3): which assets lie in which quadkey cell."""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from math import ceil, floor, isfinite
from os.path import normpath, sep
from pathlib import Path
from typing import Any

from ogcapi.model.body import body_of
from ogcapi.model.crs import Crs
from ogcapi.model.grid import BBox, Footprint, Grid, normal
from ogcapi.model.problem import SourceFailed, shown
from ogcapi.model.raster import Interval
from ogcapi.model.tiles import TileMatrix, TileMatrixSet
from ogcapi.pixels.overlay import MosaicMethod
from ogcapi.sources import storage
from ogcapi.sources.assets import Asset
from ogcapi.sources.mosaic import MOST_ASSETS, MosaicSource
from ogcapi.sources.overview import OverviewRule
from ogcapi.sources.tile_matrix_sets import BadTileMatrixSet, parse, registered

MAX_BYTES = 128_000_000
"""Largest document that is read, unpacked, where nothing else is said."""
_VERSIONS = ("0.0.1", "0.0.2", "0.0.3")
_EDGE = 1e-6  # of a cell: a grid that reaches less far into a cell does not touch it
_COLUMN = str.maketrans("0123", "0101")
_ROW = str.maketrans("0123", "0011")
_TEXTS = ("name", "description", "attribution", "version")


class MosaicJsonSource(MosaicSource):
    """The assets of a MosaicJSON document."""

    def __init__(
        self,
        index: MosaicJson,
        *,
        method: MosaicMethod,
        headers: int,
        most_assets: int = MOST_ASSETS,
        overview: OverviewRule | None = None,
    ) -> None:
        self.matrix_set_document: dict[str, Any] | None = index.matrix_set_document
        """The embedded tile matrix set as the document gives it."""
        self.document_metadata: Mapping[str, str] = index.metadata
        """Those of name, description, attribution and version that the document gives."""
        super().__init__(index, method=method, headers=headers, most_assets=most_assets, overview=overview)


def open_mosaic(
    href: str,
    *,
    method: MosaicMethod,
    trusted: bool,
    roots: Sequence[Path],
    headers: int = 32,
    most_assets: int = MOST_ASSETS,
    max_bytes: int = MAX_BYTES,
    name: str | None = None,
    overview: OverviewRule | None = None,
) -> MosaicJsonSource:
    """The mosaic of a document at a path or URL. Raises `SourceFailed`: what is wrong in it, and what was expected.

    A local document may name local files beneath its own folder or one of the roots; absolute paths to anywhere only
    if it is trusted (the operator named it). A remote document may name none. `headers` limits how many assets are
    opened to learn the extent, `most_assets` how many one answer may touch, `max_bytes` how large the document may be,
    unpacked. `name` is what problems call it; without `overview` all answers are made of the assets.
    """
    document = read_document(href, trusted=trusted, roots=roots, max_bytes=max_bytes, name=name)
    return MosaicJsonSource(document, method=method, headers=headers, most_assets=most_assets, overview=overview)


def read_document(
    href: str, *, trusted: bool, roots: Sequence[Path], max_bytes: int = MAX_BYTES, name: str | None = None
) -> MosaicJson:
    """The document alone, no asset opened. Raises `SourceFailed`."""
    name = name or storage.public_name(href)
    content = storage.fetch(href, max_bytes, name=name)
    if content[:2] == b"\x1f\x8b":
        content = _unpacked(name, content, max_bytes)
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise SourceFailed(name, f"it is no JSON document: {error}") from error
    if not isinstance(document, dict):
        raise SourceFailed(name, "it is no MosaicJSON document: expected a JSON object")
    places = _Places(document_href=href, name=name, trusted=trusted, roots=tuple(roots))
    return MosaicJson(
        href=href, name=name, document=document, places=places, digest=hashlib.sha256(content).hexdigest()
    )


def _unpacked(name: str, content: bytes, max_bytes: int) -> bytes:
    try:
        with gzip.open(BytesIO(content)) as members:  # a file may have many, one after the other
            text = members.read(max_bytes + 1)
    except EOFError as error:
        raise SourceFailed(name, "it is truncated: gzip cannot unpack it") from error
    except (zlib.error, gzip.BadGzipFile) as error:
        raise SourceFailed(name, "it is damaged: gzip cannot unpack it") from error
    if len(text) > max_bytes:
        raise SourceFailed(name, f"it is larger than {max_bytes:,} bytes when unpacked")
    return text


@dataclass(frozen=True, kw_only=True)
class _Places:
    """Where the assets of a document may lie."""

    document_href: str
    name: str
    trusted: bool
    roots: tuple[Path, ...]

    @cached_property
    def _allowed(self) -> tuple[str, ...]:
        folder = Path(self.document_href).absolute().parent
        return tuple(normpath(one.absolute()) for one in (folder, *self.roots))

    @cached_property
    def _within(self) -> tuple[Path, ...]:
        return tuple(Path(one).resolve() for one in self._allowed)

    def asset(self, prefix: str, text: str) -> Asset:
        """The asset that a document names. Raises `SourceFailed` where it may not lie there.

        What can be no path and no URL is an asset too: one that fails.
        """
        name, href = storage.public_name(text), prefix + text
        name = name.rpartition(sep)[2] if name.startswith(sep) else name  # folders of the machine are nobody's business
        try:
            is_remote = storage.is_remote(href)
        except SourceFailed as error:
            raise SourceFailed(self.name, f"its asset {shown(storage.short_name(href))}: {error.reason}") from error
        if is_remote or storage.fault(href) is not None:
            return Asset(name=name, href=href)
        if storage.is_remote(self.document_href):
            address = storage.resolved(href, self.document_href)
            if storage.fault(address) is None and not storage.is_remote(address):
                raise SourceFailed(self.name, f"its asset {shown(name)} is no address; expected a URL")
            return Asset(name=name, href=address)
        is_absolute = href.startswith(sep)  # texts, not paths: there may be a hundred thousand of them
        place = normpath(href if is_absolute else f"{self._allowed[0]}{sep}{href}")
        if is_absolute and self.trusted:
            return Asset(name=name, href=place)
        if not any(place.startswith(one.rstrip(sep) + sep) for one in self._allowed):
            expected = "a path beneath the document's folder or an allowed root"
            raise SourceFailed(self.name, f"its asset {shown(name)} lies elsewhere; expected {expected}")
        return Asset(name=name, href=place, within=self._within)


class MosaicJson:
    """A document, as an `AssetIndex`."""

    def __init__(self, *, href: str, name: str, document: Mapping[str, Any], places: _Places, digest: str) -> None:
        """Raises `SourceFailed` with the key path, the value and what was expected."""
        self.name, self.revision = name, digest
        self._href = href
        reader = _Reader(name, document)
        reader.check_version()
        self.metadata: dict[str, str] = {
            key: document[key].encode(errors="replace").decode()  # halves of characters can be sent to nobody
            for key in _TEXTS
            if isinstance(document.get(key), str)
        }
        self.matrix_set_document = reader.optional("tilematrixset", dict, "a tile matrix set (JSON object)")
        self._matrix_set = reader.matrix_set(self.matrix_set_document)
        keys, zoom = reader.quadkeys()
        self._matrix = reader.quadtree_level(self._matrix_set, zoom)
        prefix = reader.optional("asset_prefix", str, "a text") or ""
        numbers: dict[str, int] = {}
        self._cells: dict[tuple[int, int], tuple[int, tuple[int, ...]]] = {}
        """(column, row): the quadkey as a number, and the assets by number, topmost first."""
        for key, hrefs in keys.items():
            here = tuple(numbers.setdefault(text, len(numbers)) for text in hrefs)
            self._cells[_number(key.translate(_COLUMN), 2), _number(key.translate(_ROW), 2)] = _number(key, 4), here
        self.assets: Sequence[Asset] = tuple(places.asset(prefix, text) for text in numbers)
        if not self.assets:
            raise SourceFailed(name, "tiles: names no assets; expected at least one")
        self.bounds = reader.bounds(self._matrix_set) or self._cell_bounds()
        self.cell_size = reader.finest_cell(self._matrix_set)

    @property
    def crs(self) -> Crs:
        """That of the embedded tile matrix set; without one, WebMercatorQuad's."""
        return self._matrix_set.crs

    def look(self) -> str:
        """The revision of the document's file."""
        return storage.revision(self._href)

    def _cell_bounds(self) -> Footprint:
        """Of all cells together, where the document does not say."""
        cols, rows = zip(*self._cells, strict=True)
        first = self._matrix.tile_bbox(min(rows), min(cols))
        whole = first.union(self._matrix.tile_bbox(max(rows), max(cols)))
        return Footprint(crs=self.crs, bboxes=normal(whole, self.crs))

    def find(self, grid: Grid, interval: Interval | None = None) -> Sequence[Asset]:  # noqa: ARG002 - without time
        """The lists of the cells that a grid touches, merged by first appearance.

        Beyond the edges of the matrix set the outermost cells count: assets at a pole reach farther than the cells of
        Mercator's projection.
        """
        merged: dict[int, None] = {}
        for bbox in grid.bboxes_in(self.crs):
            for numbers in self._touched(bbox):
                merged |= dict.fromkeys(numbers)
        return [self.assets[number] for number in merged]

    def _touched(self, bbox: BBox) -> Iterator[tuple[int, ...]]:
        """The lists of the cells that a box touches, in the order in which cogeo-mosaic goes through them.

        Under a tile of the quadtree it goes down from tile to tile, so by quadkey; in any other box column by column.
        """
        (x, y), (wide, high) = self._matrix.origin, self._matrix.tile_span
        cols = _range((bbox.xmin - x) / wide, (bbox.xmax - x) / wide, self._matrix.matrix_width)
        rows = _range((y - bbox.ymax) / high, (y - bbox.ymin) / high, self._matrix.matrix_height)
        if len(cols) * len(rows) <= len(self._cells):
            found = [cell for col in cols for row in rows if (cell := (col, row)) in self._cells]
        else:
            found = [cell for cell in self._cells if cell[0] in cols and cell[1] in rows]
        is_tile = len(cols) == len(rows) and not len(cols) & (len(cols) - 1)
        is_tile = is_tile and cols.start % len(cols) == 0 and rows.start % len(rows) == 0
        for cell in sorted(found, key=(lambda cell: self._cells[cell][0]) if is_tile else None):
            yield self._cells[cell][1]


def _range(start: float, end: float, count: int) -> range:
    """The cells from start to end, those beyond the edges replaced by the outermost."""
    first, last = floor(start + _EDGE), max(ceil(end - _EDGE) - 1, floor(start + _EDGE))
    return range(min(max(first, 0), count - 1), min(max(last, 0), count - 1) + 1)


def _number(digits: str, base: int) -> int:
    return int(digits, base) if digits else 0


class _Reader:
    """Members of a document, checked."""

    def __init__(self, name: str, document: Mapping[str, Any]) -> None:
        self._name = name
        self._document = document

    def wrong(self, key: str, value: object, expected: str) -> SourceFailed:
        """What to raise for a member."""
        return SourceFailed(self._name, f"{key}: {shown(value)} was given; expected {expected}")

    def missing(self, key: str, expected: str) -> SourceFailed:
        """What to raise where a member is not there."""
        return SourceFailed(self._name, f"{key} is missing; expected {expected}")

    def optional(self, key: str, kind: type, expected: str) -> Any:
        value = self._document.get(key)
        if value is not None and (not isinstance(value, kind) or isinstance(value, bool)):
            raise self.wrong(key, value, expected)
        return value

    def check_version(self) -> None:
        expected = "one of " + ", ".join(_VERSIONS)
        if "mosaicjson" not in self._document:
            raise self.missing("mosaicjson", expected)
        if self._document["mosaicjson"] not in _VERSIONS:
            raise self.wrong("mosaicjson", self._document["mosaicjson"], expected)

    def matrix_set(self, document: dict[str, Any] | None) -> TileMatrixSet:
        if document is None:
            return registered()["WebMercatorQuad"]
        try:
            return parse(document, default_id="embedded")
        except BadTileMatrixSet as error:
            raise SourceFailed(self._name, f"tilematrixset: {error}") from error

    def quadkeys(self) -> tuple[dict[str, list[str]], int]:
        """The lists of assets by quadkey, and the level of the quadkeys."""
        if "tiles" not in self._document:
            raise self.missing("tiles", "lists of assets by quadkey")
        tiles = self._document["tiles"]
        if not isinstance(tiles, dict) or not tiles:
            raise self.wrong("tiles", tiles, "lists of assets by quadkey, at least one")
        told = self._level("quadkey_zoom")
        zoom = len(next(iter(tiles))) if told is None else told
        for key, hrefs in tiles.items():
            if len(key) != zoom or key.strip("0123"):
                whose = "as the first has" if told is None else "as quadkey_zoom says"
                raise self.wrong("tiles", key, f"quadkeys of {zoom} digits from 0 to 3, {whose}")
            if not isinstance(hrefs, list) or not all(isinstance(text, str) and text for text in hrefs):
                raise self.wrong(f"tiles.{key}", hrefs, "a list of paths or URLs")
        return tiles, zoom

    def _level(self, key: str) -> int | None:
        value: int | None = self.optional(key, int, "a whole number, 0 or more")
        if value is not None and value < 0:
            raise self.wrong(key, value, "a whole number, 0 or more")
        return value

    def quadtree_level(self, matrix_set: TileMatrixSet, zoom: int) -> TileMatrix:
        """The matrix whose tiles the quadkeys count."""
        matrix = next((m for m in matrix_set.matrices if m.id == str(zoom)), None)
        if matrix is None:
            ids = f"{matrix_set.matrices[0].id} to {matrix_set.matrices[-1].id}"
            raise self.wrong("quadkey_zoom", zoom, f"a tile matrix of {matrix_set.id}, {ids}")
        size = (matrix.matrix_width, matrix.matrix_height)
        if size != (1 << zoom, 1 << zoom) or matrix.bottom_left or matrix.variable_widths:
            expected = f"a quadtree, as quadkeys need: {1 << zoom} by {1 << zoom} tiles from the top left at {zoom}"
            raise self.wrong("tilematrixset", matrix_set.id, expected)
        return matrix

    def finest_cell(self, matrix_set: TileMatrixSet) -> float:
        """Of the level `maxzoom`, or the deepest that the set has."""
        self._level("minzoom")
        level = self._level("maxzoom")
        return next((m for m in matrix_set.matrices if m.id == str(level)), matrix_set.matrices[-1]).cell_size

    def bounds(self, matrix_set: TileMatrixSet) -> Footprint | None:
        """`bounds`, in longitudes and latitudes of the set's body; from east to west across the antimeridian."""
        expected = "four numbers: west, south, east, north in degrees"
        bounds = self.optional("bounds", list, expected)
        if bounds is None:
            return None
        if len(bounds) != 4 or not all(type(n) in {int, float} and isfinite(n) for n in bounds):
            raise self.wrong("bounds", bounds, expected)
        west, south, east, north = bounds
        east = east + 360 if east < west else east
        if not west < east or not -90.001 <= south < north <= 90.001:
            raise self.wrong("bounds", bounds, expected)
        crs = body_of(matrix_set.crs).geographic
        return Footprint(crs=crs, bboxes=normal(BBox(xmin=west, ymin=south, xmax=east, ymax=north), crs))
