"""The values at a place: what GetFeatureInfo of WMTS answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from ogcapi.model.body import EARTH, Body
from ogcapi.model.collection import Collection
from ogcapi.model.crs import Crs, transformation
from ogcapi.model.grid import Grid
from ogcapi.model.link import Document
from ogcapi.model.raster import Field, Raster


@dataclass(frozen=True, kw_only=True)
class Place:
    """A position in a system, in x, y order, and on its body."""

    crs: Crs
    x: float
    y: float
    body: Body

    @classmethod
    def centre_of(cls, grid: Grid, body: Body) -> Place:
        """The middle of a grid."""
        box = grid.bbox
        return cls(crs=grid.crs, x=(box.xmin + box.xmax) / 2, y=(box.ymin + box.ymax) / 2, body=body)

    @property
    def geographic(self) -> Place | None:
        """The same in the body's geographic system; None where there is no such place."""
        crs = self.body.geographic
        x, y = (self.x, self.y) if crs == self.crs else transformation(self.crs, crs)(self.x, self.y)
        return Place(crs=crs, x=float(x), y=float(y), body=self.body) if isfinite(x) and isfinite(y) else None

    @property
    def document(self) -> Document:
        """The position in the order of the system's axes, which are named."""
        axes = [abbreviation for abbreviation, _, _ in self.crs.axes]
        return {
            "crs": self.crs.document,
            "axes": axes[::-1] if self.crs.is_yx else axes,
            "coordinates": list(self.crs.text_order(self.x, self.y)),
        }


def feature_info(one: Collection, place: Place, raster: Raster, assets: Sequence[str] | None) -> Document:
    """The values of a raster of one cell, in physical units; null where there are no data.

    A collection of one GeoJSON feature, for programs that show features, with more about its values beside it. It has
    no geometry off Earth, since positions in GeoJSON are on WGS 84 (RFC 7946, 4).
    """
    fields = [_field(field, raster, number) for number, field in enumerate(raster.fields)]
    there = place.geographic
    geometry = None
    if one.body == EARTH and there is not None:
        geometry = {"type": "Point", "coordinates": [there.x, there.y]}
    positions = [place] + ([there] if there is not None and there.crs != place.crs else [])
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "id": one.id,
                "geometry": geometry,
                "properties": {field["name"]: field["value"] for field in fields},
            }
        ],
        "collection": one.id,
        "title": one.title,
        "positions": [each.document for each in positions],
        "fields": fields,
        **({} if assets is None else {"assets": list(assets)}),
    }


def _field(field: Field, raster: Raster, number: int) -> Document:
    document: Document = {"name": field.name, "title": field.title or field.name, "value": None}
    if raster.valid[number, 0, 0]:
        stored = raster.values[number, 0, 0].item()
        is_plain = (field.scale, field.offset) == (1.0, 0.0)
        if field.is_integer and is_plain:
            stored = int(stored)
        value = stored if is_plain else stored * field.scale + field.offset
        document["value"] = value if isfinite(value) else str(value)  # which JSON has no numbers for
        label = (field.categories or {}).get(stored)
        document |= {"label": label} if label else {}
    return document | ({"unit": field.unit} if field.unit else {})


def feature_info_text(document: Document) -> str:
    """The same as lines of plain text."""
    lines = [document["title"]]
    for position in document["positions"]:
        named = zip(position["axes"], position["coordinates"], strict=True)
        lines.append(", ".join(f"{axis} {number!r}" for axis, number in named))
    lines += [f"{field['title']}: {field_text(field)}" for field in document["fields"]]
    if "assets" in document:
        lines.append("From: " + (", ".join(document["assets"]) or "no asset"))
    return "\n".join(lines) + "\n"


def field_text(field: Document) -> str:
    """A value as people read it: with its unit, and its class's name."""
    if field["value"] is None:
        return "no data"
    unit = f" {field['unit']}" if "unit" in field else ""
    label = f" ({field['label']})" if "label" in field else ""
    return f"{field['value']}{unit}{label}"
