"""Tiles that are stored already, as they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from ogcapi.model.collection import Collection, PictureSource
from ogcapi.model.grid import Grid
from ogcapi.model.media import MediaType
from ogcapi.model.raster import Selection
from ogcapi.model.style import Style
from ogcapi.pixels.tables import is_plain


def stored_picture(found: Sequence[Collection], grid: Grid, style: Style | None, media: MediaType) -> bytes | None:
    """The picture that the topmost collection keeps of just this grid, opaque and in these colours; mostly None."""
    top = found[-1]
    rule = style or top.styles[0]
    if not hasattr(top.coverage, "stored") or not is_plain(rule, top.fields):
        return None
    source = cast(PictureSource, top.coverage)  # to ask `isinstance` of a protocol costs a tenth of such an answer
    return source.stored(grid, Selection(fields=rule.fields, method=top.resampling), media)
