"""Media types: their names, short names and file extensions, in one table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class MediaType:
    """A media type that the server can answer with."""

    name: str
    """The full media type, parameters included, as in `Content-Type` and in links."""
    short: tuple[str, ...]
    """Values of `f` and file extensions; the first is the one that links use."""
    title: str
    also: tuple[str, ...] = ()
    """Media types by which clients ask for it, too, since it is one of those."""
    tiles_class: str | None = None
    """Conformance class of Tiles 1 that offering tiles in it earns."""

    @property
    def essence(self) -> str:
        """The type without parameters."""
        return self.name.partition(";")[0].strip()

    @property
    def names(self) -> tuple[str, ...]:
        """Everything that `f` takes for it."""
        return tuple(dict.fromkeys((*self.short, self.name, self.essence, *self.also)))


JSON = MediaType("application/json", ("json",), "JSON")
HTML = MediaType("text/html", ("html",), "a web page")
PROBLEM = MediaType("application/problem+json", ("json",), "problem")
SCHEMA = MediaType("application/schema+json", ("json",), "JSON Schema", also=("application/json",))
OPENAPI = MediaType(
    "application/vnd.oai.openapi+json;version=3.0", ("json",), "OpenAPI 3.0", also=("application/json",)
)
PNG = MediaType("image/png", ("png",), "PNG", tiles_class="png")
JPEG = MediaType("image/jpeg", ("jpeg", "jpg"), "JPEG", tiles_class="jpeg")
WEBP = MediaType("image/webp", ("webp",), "WebP")
GEOJSON = MediaType("application/geo+json", ("json",), "GeoJSON", also=("application/json",))
MAPLIBRE = MediaType("application/vnd.mapbox.style+json", ("json",), "MapLibre style", also=("application/json",))
QLR = MediaType("application/x-qgis-layer-definition", ("qlr",), "QGIS layer", also=("application/xml", "text/xml"))
XML = MediaType("application/xml", ("xml",), "XML", also=("text/xml",))
SVG = MediaType("image/svg+xml", ("svg",), "SVG")
GEOTIFF = MediaType("image/tiff; application=geotiff", ("geotiff", "tiff", "tif"), "GeoTIFF", tiles_class="tiff")
TIFF = MediaType("image/tiff", ("tif", "tiff"), "TIFF")
"""GeoTIFF for clients of WMTS, which know the type only without parameters."""
XML = MediaType("application/xml", ("xml",), "XML")
TEXT_XML = MediaType("text/xml", (), "XML")
TEXT = MediaType("text/plain", ("txt", "text"), "text")
NPY = MediaType("application/x-npy", ("npy",), "NumPy array")
