"""How much two servers' tiles are the same."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image
from rasterio.io import MemoryFile

Array = Any
PICTURES = {"png", "jpeg", "webp"}
NEAR = {"png": 1, "jpeg": 8, "webp": 8, "tif": 1e-3, "npy": 1e-3}
"""How much values may differ: levels of 256 in pictures, stored values in others. JPEG and WebP lose some."""


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """Shares of cells, 0 to 1."""

    shown: float
    """That are shown by both or by neither."""
    equal: float
    """Of those that both show, with equal values in all fields."""
    near: float
    """Of those that both show, with values that differ by no more than `NEAR` in any field."""


def likeness(form: str, pairs: Sequence[tuple[bytes, bytes]]) -> Likeness:
    """Of all pairs of tiles together."""
    cells = both_shown = same_shown = equal = near = 0
    for one, other in pairs:
        (values, shown), (others, other_shown) = decode(form, one), decode(form, other)
        if values.shape != others.shape:
            cells += shown.size
            continue
        both = shown & other_shown
        difference = np.abs(values - others)
        cells += shown.size
        same_shown += int((shown == other_shown).sum())
        both_shown += int(both.sum())
        equal += int(((difference == 0).all(axis=-1) & both).sum())
        near += int(((difference <= NEAR[form]).all(axis=-1) & both).sum())
    return Likeness(shown=same_shown / max(cells, 1), equal=equal / max(both_shown, 1), near=near / max(both_shown, 1))


def decode(form: str, content: bytes) -> tuple[Array, Array]:
    """Values (row, col, field) as float64, and shown (row, col)."""
    if form in PICTURES:
        rgba = np.asarray(Image.open(io.BytesIO(content)).convert("RGBA"))
        return rgba[..., :3].astype(np.float64), rgba[..., 3] > 0
    if form == "npy":
        values = np.load(io.BytesIO(content))
        fields = 3 if values.shape[0] >= 3 else 1  # more than the fields: whether there are data, at the end
        shown = values[fields] > 0 if values.shape[0] > fields else (values[:fields] != 0).any(axis=0)
        return np.moveaxis(values[:fields], 0, -1).astype(np.float64), shown
    with MemoryFile(content) as file, file.open() as dataset:
        fields = 3 if dataset.count >= 3 else 1
        values = dataset.read(list(range(1, fields + 1)))
        return np.moveaxis(values, 0, -1).astype(np.float64), dataset.dataset_mask() > 0
