"""What a WMTS has and says of itself (OGC 07-057r7), as its templates want it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby

from ogcapi.model.body import EARTH
from ogcapi.model.collection import Collection
from ogcapi.model.crs import CRS84, Crs
from ogcapi.model.grid import BBox
from ogcapi.model.link import Document, Urls
from ogcapi.model.media import PNG
from ogcapi.model.operations import COLLECTION, LANDING_PAGE, LEGEND
from ogcapi.model.service import Service
from ogcapi.model.style import Style
from ogcapi.model.tiles import PIXEL_M, TileMatrix, TileMatrixSet
from ogcapi.model.wmts import VERSION, Contents, Layer, Wmts
from ogcapi.resources.tiles import box_in

SECTIONS = ("ServiceIdentification", "ServiceProvider", "OperationsMetadata", "Contents", "Themes")
"""The parts of capabilities that can be asked for one by one, in the order of the document."""
_EARTH_RADIUS_M = 6378137.0  # by which clients take degrees of any body for metres
_VARIABLES = {  # of our templates: of WMTS's
    "{styleId}": "{Style}",
    "{tileMatrixSetId}": "{TileMatrixSet}",
    "{tileMatrix}": "{TileMatrix}",
    "{tileRow}": "{TileRow}",
    "{tileCol}": "{TileCol}",
    "{j}": "{J}",
    "{i}": "{I}",
}
LegendSize = Callable[[Style], tuple[int, int]]


def identification(title: str, abstract: str | None, keywords: Sequence[str], service: Service) -> Document:
    """`ows:ServiceIdentification`."""
    constraints = [service.license.name] if service.license else []
    constraints += [service.terms_of_service] if service.terms_of_service else []
    return {"title": title, "abstract": abstract, "keywords": keywords, "constraints": constraints}


def provider(service: Service, url: Urls) -> Document:
    """`ows:ServiceProvider`."""
    contact = service.contact
    name = service.provider.name if service.provider else (contact and contact.name) or service.title
    return {
        "name": name,
        "site": (service.provider and service.provider.url) or url(LANDING_PAGE),
        "person": contact and contact.name,
        "email": contact and contact.email,
        "page": contact and contact.url,
    }


def operations(wmts: Wmts, url: Urls, path: dict[str, str]) -> list[Document]:
    """`ows:OperationsMetadata`: requests by names and values.

    Those by resources are not named here: they follow from `ServiceMetadataURL` and the `ResourceURL`s, and OGC's test
    suite wants every address of an operation to end with a question mark, and one encoding of each.
    """
    parameters = {
        "AcceptVersions": [VERSION],
        "AcceptFormats": [media.name for media in wmts.kvp.answers],
        "Sections": ["All", *SECTIONS],
    }
    asked = {"GetCapabilities": parameters, "GetTile": {}, "GetFeatureInfo": {}}
    href = url(wmts.kvp, **path) + "?"
    return [{"name": name, "href": href, "parameters": taken} for name, taken in asked.items()]


def layer(one: Layer, wmts: Wmts, legend_size: LegendSize, url: Urls) -> Document:
    """`Layer`."""
    collection = one.collection
    return {
        "title": collection.title,
        "abstract": collection.description,
        "keywords": collection.keywords,
        "identifier": collection.id,
        "wgs84": _corners(_whole(collection.extent.bboxes), CRS84) if collection.body == EARTH else None,
        "boxes": _boxes(one),
        "page": url(COLLECTION, collectionId=collection.id),
        "styles": [_style(collection, each, legend_size(each), url) for each in collection.styles],
        "formats": [media.name for media in wmts.pictures],
        "info_formats": [media.name for media in wmts.info.answers],
        "links": [{"set": each.matrix_set.id, "limits": each.limits} for each in one.tile_sets],
        "resources": list(_resources(collection, wmts, url)),
    }


def _boxes(one: Layer) -> list[Document]:
    """One box for each CRS of the layer's sets, under the very name that the sets give it: clients compare texts."""
    sets = sorted((each.matrix_set for each in one.tile_sets), key=lambda matrix_set: matrix_set.crs.urn or "")
    found = []
    for urn, same in groupby(sets, key=lambda matrix_set: matrix_set.crs.urn):
        alike = list(same)
        box = _whole([box_in(matrix_set, [one.collection]) for matrix_set in alike])
        found.append({"crs": urn, **_corners(box, alike[0].crs)})
    return found


def _whole(boxes: Sequence[BBox]) -> BBox:
    """One box around all: clients know none that pass the antimeridian."""
    whole = boxes[0]
    for box in boxes[1:]:
        whole = whole.union(box)
    return whole


def _corners(box: BBox, crs: Crs) -> Document:
    lower, upper = crs.text_order(box.xmin, box.ymin), crs.text_order(box.xmax, box.ymax)
    return {"lower": _pair(lower), "upper": _pair(upper)}


def _pair(numbers: tuple[float, float]) -> str:
    """Two numbers with exactly one space between them, which GDAL counts on."""
    return " ".join(repr(number + 0.0) for number in numbers)


def _style(collection: Collection, each: Style, size: tuple[int, int], url: Urls) -> Document:
    """`Style`; its title is its identifier, with which OpenLayers compares what it is told."""
    width, height = size
    return {
        "title": each.id,
        "abstract": ": ".join(filter(None, (each.title, each.description))),
        "identifier": each.id,
        "is_default": each is collection.styles[0],
        "legend": {
            "href": url(LEGEND, PNG, collectionId=collection.id, styleId=each.id),
            "format": PNG.name,
            "width": width,
            "height": height,
        },
    }


def _resources(collection: Collection, wmts: Wmts, url: Urls) -> Iterable[Document]:
    """`ResourceURL`s, PNG first: GDAL takes the first one."""
    for kind, operation in (("tile", wmts.tile), ("FeatureInfo", wmts.info)):
        template = url(operation, collectionId=collection.id)
        for ours, theirs in _VARIABLES.items():
            template = template.replace(ours, theirs)
        for media in operation.answers:
            yield {"format": media.name, "type": kind, "template": f"{template}.{media.short[0]}"}


def matrix_set(one: TileMatrixSet, matrices: int) -> Document:
    """`TileMatrixSet` with its first so many matrices."""
    return {
        "title": one.title,
        "identifier": one.id,
        "crs": one.crs.urn,
        "matrices": [_matrix(matrix, one.crs) for matrix in one.matrices[:matrices]],
    }


def _matrix(matrix: TileMatrix, crs: Crs) -> Document:
    return {
        "identifier": matrix.id,
        "scale": repr(scale_denominator(matrix, crs)),
        "corner": _pair(crs.text_order(*matrix.origin)),
        "tile_width": matrix.tile_width,
        "tile_height": matrix.tile_height,
        "width": matrix.matrix_width,
        "height": matrix.matrix_height,
    }


def scale_denominator(matrix: TileMatrix, crs: Crs) -> float:
    """The scale from which clients of WMTS find the size of a cell again: they take every degree for one of Earth's.

    It follows from the size of a cell: that which a document of a set says may contradict it, as in OGC's own
    CanadianNAD83_LCC. In JSON the same matrix has the scale of its own body.
    """
    radius = _EARTH_RADIUS_M / crs.semi_major_m if crs.is_geographic else 1.0
    return matrix.cell_size * crs.metres_per_unit * radius / PIXEL_M


def themes(of: Contents) -> list[Document]:
    """`Theme`s: the layers of each body.

    The schema wants references to layers to be URIs. A layer whose id is none, as `dem_2:mars` is, is in no theme: in
    another spelling its reference would lead to no layer.
    """
    found: dict[str, Document] = {}
    for one in of.layers:
        body = one.collection.body
        theme = found.setdefault(body.id, {"title": body.name, "identifier": body.id, "layers": []})
        if re.match("[^:]*$|[A-Za-z][A-Za-z0-9+.-]*:", one.collection.id):
            theme["layers"].append(one.collection.id)
    return list(found.values())
