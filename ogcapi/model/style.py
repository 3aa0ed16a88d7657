"""Styles: named rules from values to colours. Data stay data; a style is always a separate step."""

from __future__ import annotations

from dataclasses import dataclass, field

from ogcapi.model.raster import Rgba

Range = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Ramp:
    """A continuous colour ramp over the range."""

    colors: tuple[Rgba, ...]
    """At least two, evenly spread over the range from its start to its end."""
    name: str | None = None


@dataclass(frozen=True, kw_only=True)
class Intervals:
    """One colour for each half-open interval [low, high) of physical values; none elsewhere."""

    steps: tuple[tuple[float, float, Rgba], ...]


@dataclass(frozen=True, kw_only=True)
class Categories:
    """One colour for each stored value; none for others."""

    colors: tuple[tuple[int, Rgba, str | None], ...]
    """(stored value, colour, label)."""


@dataclass(frozen=True, kw_only=True)
class Style:
    """How a raster becomes a picture. Depends on values alone, never on the tile."""

    id: str
    title: str
    description: str | None = None
    fields: tuple[str, ...]
    """One field (gray or through a colormap) or three (red, green, blue)."""
    ranges: tuple[Range, ...]
    """One for each field, in physical units: the first becomes 0, the second full intensity; it may be the lesser."""
    gamma: float = 1.0
    """Exponent 1/gamma on the intensity between 0 and 1."""
    colormap: Ramp | Intervals | Categories | None = field(default=None, hash=False)
    """None: gray of one field, colour of three."""

    def __post_init__(self) -> None:
        if len(self.fields) not in {1, 3}:
            raise ValueError("a style has one field or three")
        if len(self.ranges) != len(self.fields):
            raise ValueError("a style has one range for each field")
        if self.colormap is not None and len(self.fields) != 1:
            raise ValueError("a colormap goes with one field")
        if self.gamma <= 0:
            raise ValueError("gamma is positive")
