"""The capabilities of a WMTS 1.0.0, and requests by names and values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

import httpx
from lxml import etree

from conformance.client import Service, essence, links

XML = ("application/xml", "text/xml")
NAMES = {"w": "http://www.opengis.net/wmts/1.0", "o": "http://www.opengis.net/ows/1.1"}
HREF = "{http://www.w3.org/1999/xlink}href"


def elements(element: Any, path: str) -> list[Any]:
    """The elements at a path; `w:` is WMTS, `o:` is OWS Common."""
    return list(element.xpath(path, namespaces=NAMES))


def texts(element: Any, path: str) -> list[str]:
    """The texts of the elements at a path."""
    return [(found.text or "").strip() for found in elements(element, path)]


def parsed(answer: httpx.Response) -> Any:
    """The root of an XML answer."""
    assert essence(answer.headers.get("content-type", "")) in XML
    return etree.fromstring(answer.content)


@dataclass(frozen=True)
class Tile:
    """One tile, as `GetTile` names it."""

    layer: str
    style: str
    format: str
    matrix_set: str
    matrix: str
    row: int
    col: int
    size: tuple[int, int]

    def query(self, **others: str) -> dict[str, str]:
        """The request for it, with some parameters set to other values."""
        return {
            "service": "WMTS",
            "request": "GetTile",
            "version": "1.0.0",
            "layer": self.layer,
            "style": self.style,
            "format": self.format,
            "tilematrixset": self.matrix_set,
            "tilematrix": self.matrix,
            "tilerow": str(self.row),
            "tilecol": str(self.col),
            **others,
        }


class Wmts:
    """One WMTS."""

    def __init__(self, service: Service, address: str) -> None:
        self.service = service
        self.address = address

    @classmethod
    def discover(cls, service: Service) -> Wmts | None:
        """The one that the landing page links to."""
        found = links(service.landing, "wmts")
        return cls(service, found[0].href) if found else None

    @cached_property
    def root(self) -> Any:
        """The capabilities."""
        return parsed(self.service.answer(self.address))

    def place(self, operation: str) -> str:
        """Where an operation's requests by names and values go."""
        way = "o:Constraint[@name='GetEncoding']//o:Value[text()='KVP']"
        (found,) = elements(self.root, f"//o:Operation[@name='{operation}']//o:Get[{way}]")
        return str(found.get(HREF))

    def ask(self, query: dict[str, str], operation: str = "GetTile") -> httpx.Response:
        """The answer to a request by names and values."""
        return self.service.get(self.place(operation) + urlencode(query))

    @property
    def layers(self) -> list[Any]:
        return elements(self.root, "//w:Layer")

    def tiles(self, layer: Any) -> Iterator[Tile]:
        """The first, the middle and the last tile of every matrix of every set of a layer, in its first format."""
        for link in elements(layer, "w:TileMatrixSetLink"):
            (name,) = texts(link, "w:TileMatrixSet")
            for limits in elements(link, ".//w:TileMatrixLimits"):
                (matrix_id,) = texts(limits, "w:TileMatrix")
                (matrix,) = elements(
                    self.root, f"//w:TileMatrixSet[o:Identifier='{name}']/w:TileMatrix[o:Identifier='{matrix_id}']"
                )
                first_row, last_row, first_col, last_col = (
                    int(texts(limits, f"w:{end}")[0])
                    for end in ("MinTileRow", "MaxTileRow", "MinTileCol", "MaxTileCol")
                )
                middle = (first_row + last_row) // 2, (first_col + last_col) // 2
                for row, col in dict.fromkeys([(first_row, first_col), middle, (last_row, last_col)]):
                    yield Tile(
                        layer=texts(layer, "o:Identifier")[0],
                        style=texts(layer, "w:Style[@isDefault='true']/o:Identifier")[0],
                        format=texts(layer, "w:Format")[0],
                        matrix_set=name,
                        matrix=matrix_id,
                        row=row,
                        col=col,
                        size=(int(texts(matrix, "w:TileWidth")[0]), int(texts(matrix, "w:TileHeight")[0])),
                    )


def exception(answer: httpx.Response) -> tuple[int, str, str | None]:
    """Status, code and locator (lower case) of an exception report."""
    (found,) = elements(parsed(answer), "o:Exception")
    locator = found.get("locator")
    return answer.status_code, found.get("exceptionCode"), locator and locator.lower()
