"""Our own pictures, and how far those of clients are from them."""

from __future__ import annotations

import io
from dataclasses import dataclass
from math import floor
from typing import Any

import httpx
import numpy as np
import pyproj
from PIL import Image

from tests.clients.made import Server


@dataclass(frozen=True)
class View:
    """Whole cells of one matrix of a tile matrix set, for one picture."""

    collection: str
    set_id: str
    matrix_id: str
    crs: pyproj.CRS
    uri: str
    """What documents call the system."""
    bbox: tuple[float, float, float, float]
    """xmin, ymin, xmax, ymax, whatever the order of the system's axes."""
    size: tuple[int, int]
    cell: float
    """Side of a cell in units of the system."""

    @property
    def centre(self) -> tuple[float, float]:
        xmin, ymin, xmax, ymax = self.bbox
        return (xmin + xmax) / 2, (ymin + ymax) / 2

    @property
    def is_yx(self) -> bool:
        """Whether texts give northing first."""
        return bool(self.crs.axis_info[0].direction == "north")

    def text(self, *point: float) -> tuple[float, ...]:
        """A point in the order of the system's axes."""
        return point[::-1] if self.is_yx else point


def view(server: Server, collection: str, set_id: str, size: tuple[int, int] = (400, 240), above: int = 0) -> View:
    """The middle of a collection, in the cells of the deepest matrix or of one so many levels above it."""
    limits = httpx.get(f"{server.url}/collections/{collection}/map/tiles/{set_id}").json()["tileMatrixSetLimits"]
    limit = limits[-1 - above]
    told = httpx.get(f"{server.url}/tileMatrixSets/{set_id}").json()
    (matrix,) = (one for one in told["tileMatrices"] if one["id"] == limit["tileMatrix"])
    crs = pyproj.CRS.from_user_input(told["crs"])
    spatial = httpx.get(f"{server.url}/collections/{collection}").json()["extent"]["spatial"]
    first, second, third, fourth = spatial["bbox"][0]
    to_set = pyproj.Transformer.from_crs(spatial["crs"], crs)  # each in the order of its own axes
    middle = to_set.transform((first + third) / 2, (second + fourth) / 2)
    is_yx = crs.axis_info[0].direction == "north"
    x, y = middle[::-1] if is_yx else middle
    corner = matrix["pointOfOrigin"]
    left, top = corner[::-1] if is_yx else corner
    cell, (width, height) = matrix["cellSize"], size
    col, row = floor((x - left) / cell) - width // 2, floor((top - y) / cell) - height // 2
    xmin, ymax = left + col * cell, top - row * cell
    bbox = xmin, ymax - height * cell, xmin + width * cell, ymax
    return View(collection, set_id, limit["tileMatrix"], crs, told["crs"], bbox, size, cell)


def own(server: Server, seen: View, style: str | None = None) -> Image.Image:
    """What we draw there, on white."""
    xmin, ymin, xmax, ymax = seen.bbox
    width, height = seen.size
    lower, upper = seen.text(xmin, ymin), seen.text(xmax, ymax)
    query: dict[str, Any] = {
        "bbox": ",".join(map(repr, (*lower, *upper))),
        "bbox-crs": seen.uri,
        "crs": seen.uri,
        "width": width,
        "height": height,
        "f": "png",
    }
    styled = f"/styles/{style}" if style else ""
    answer = httpx.get(f"{server.url}/collections/{seen.collection}{styled}/map", params=query, timeout=60)
    assert answer.status_code == 200, answer.text
    return on_white(Image.open(io.BytesIO(answer.content)))


def on_white(picture: Image.Image) -> Image.Image:
    """A picture on white paper."""
    colours = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", colours.size, "white"), colours).convert("RGB")


def apart(one: Image.Image, other: Image.Image, levels: int = 8, reach: int = 0) -> float:
    """How many of the pixels differ by more than some levels in a colour from all pixels within reach, of 1."""
    assert one.size == other.size
    ours, theirs = (
        np.asarray(one, float),
        np.pad(np.asarray(other, float), ((reach,) * 2, (reach,) * 2, (0, 0)), "edge"),
    )
    rows, cols, _ = ours.shape
    shifts = [(down, right) for down in range(2 * reach + 1) for right in range(2 * reach + 1)]
    between = [np.abs(ours - theirs[down : down + rows, right : right + cols]).max(axis=2) for down, right in shifts]
    return float((np.min(between, axis=0) > levels).mean())


def is_picture(picture: Image.Image) -> bool:
    """Whether more than one colour is to be seen, so that two empty pictures do not pass for alike."""
    return bool(np.asarray(picture, float).std() > 5)
