"""The conformance classes that are declared: those whose tests in `conformance/` pass, whatever the catalogue holds."""

from __future__ import annotations

from ogcapi.model.link import Document, Urls, self_links
from ogcapi.model.operations import CONFORMANCE, COVERAGE_TILES, MAP_TILES

_BOTH = ("http://", "https://")  # standards and test suites spell these bases either way
_HTTP = ("http://",)
_TILE_ENCODINGS = (
    media.tiles_class for tile in (MAP_TILES[2], COVERAGE_TILES[2]) for media in tile.answers if media.tiles_class
)
_DECLARED: tuple[tuple[tuple[str, ...], str, tuple[str, ...]], ...] = (
    (_HTTP, "ogcapi-common-1/1.0", ("core", "landing-page", "json", "html", "oas30")),
    (_BOTH, "ogcapi-common-2/1.0", ("collections", "uad-collections", "json", "html")),
    (_HTTP, "ogcapi-common-3/1.0", ("schemas", "returnables-and-receivables")),
    (
        _HTTP,
        "ogcapi-tiles-1/1.0",
        (
            "core",
            "tileset",
            "tilesets-list",
            "dataset-tilesets",
            "geodata-tilesets",
            "collections-selection",
            "oas30",
            *_TILE_ENCODINGS,
        ),
    ),
    (
        _HTTP,
        "tms/2.0",
        (
            "tilematrixset",
            "tilematrixsetlimits",
            "tilesetmetadata",
            "variablematrixwidth",
            "json-tilematrixset",
            "json-tilematrixsetlimits",
            "json-tilesetmetadata",
            "json-variablematrixwidth",
        ),
    ),
)

CLASSES: tuple[str, ...] = tuple(
    f"{scheme}www.opengis.net/spec/{standard}/conf/{name}"
    for schemes, standard, names in _DECLARED
    for name in names
    for scheme in schemes
)


def conformance(url: Urls) -> Document:
    """The conformance declaration (Common 1 `/req/landing-page/conformance-success`)."""
    return {"links": self_links(url, CONFORMANCE, "Conformance"), "conformsTo": list(CLASSES)}
