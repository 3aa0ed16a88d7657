"""Colormaps, as a configuration writes them.

| form | YAML |
|---|---|
| ramp by name | `terrain`, `viridis_r` |
| ramp of colours, evenly spread over the range | `["#000004", "#b63679", "#fcfdbf"]` |
| ramp of physical values and colours | `[[-8000, navy], [0, lightblue], [0, green], [6000, white]]` |
| intervals [from, to) of physical values | `[{from: 0, to: 10, color: green}, {from: 10, color: red}]` |
| categories of stored values | `{1: "#0b6623", 2: {color: "#1e90ff", label: Water}}` |

Colours are CSS names, #rgb, #rgba, #rrggbb or #rrggbbaa. A ramp of values fixes the style's range: see `stated_range`.
A value that stands twice in such a ramp is a hard edge between two colours.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import lru_cache
from math import inf, isfinite, isnan

import numpy as np
from PIL import ImageColor

from ogcapi.model.raster import Rgba
from ogcapi.model.style import Categories, Intervals, Ramp, Range

_SIZE = 256  # colours in a ramp
_FINE_SIZE = 4096  # of a ramp of values: its hard edges, such as a coast, lie within 1/8190 of the range
_TRANSPARENT = (0, 0, 0, 0)
_HEX = re.compile(r"#([0-9a-fA-F]{3,4}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})")
_FORMS = (
    "the name of a colormap, a list of colours, a list of [value, colour], "
    "a list of intervals {from, to, color} or a mapping of stored values to colours"
)


def color(text: object) -> Rgba:
    """The colour that a CSS name or hexadecimal notation names; not premultiplied. Raises ValueError."""
    if isinstance(text, str):
        name = text.strip().lower()
        if name == "transparent":
            return _TRANSPARENT
        if _HEX.fullmatch(name) or name in ImageColor.colormap:
            red, green, blue, *alpha = ImageColor.getrgb(name)
            return red, green, blue, alpha[0] if alpha else 255
    hint = "; a colour that begins with # stands in quotes" if text is None else ""
    raise ValueError(f"{text!r} is no colour: expected a CSS name, #rgb, #rgba, #rrggbb or #rrggbbaa{hint}")


@lru_cache(maxsize=256)
def ramp(name: str) -> Ramp:
    """The ramp that rio-tiler knows by that name; names that end in `_r` are reversed ones.

    Raises ValueError with the nearest names.
    """
    from rio_tiler.colormap import cmap  # noqa: PLC0415 - slow to import, and few processes need it

    names = set(cmap.list())
    if name not in names:
        near = get_close_matches(name.lower(), names, n=5, cutoff=0.6)
        hint = f" (did you mean {near[0]}?)" if near else ""
        some = ", ".join(near or ["viridis", "terrain", "gray"])
        raise ValueError(f"{name!r} is no colormap: expected one of rio-tiler's names, such as {some}{hint}")
    table = cmap.get(name)
    if not isinstance(table, dict):
        raise ValueError(f"{name!r} is a colormap of intervals; write them out as from, to and color")
    colors = tuple(_rgba(rgba) for _, rgba in sorted(table.items()))
    return Ramp(colors=colors, name=name)


def colormap(spec: object) -> Ramp | Intervals | Categories:
    """The colormap that a configuration's value describes, in one of the forms above.

    Raises ValueError that says where in the value something is wrong, and what was expected.
    """
    if isinstance(spec, str):
        return ramp(spec)
    if isinstance(spec, Mapping) and spec:
        return Categories(colors=tuple(_category(value, entry) for value, entry in spec.items()))
    members = _list(spec)
    if not members:
        raise ValueError(f"{spec!r} is no colormap: expected {_FORMS}")
    if isinstance(members[0], Mapping):
        return Intervals(steps=tuple(_interval(i, entry) for i, entry in enumerate(members)))
    if _list(members[0]):
        values, colors = _positions(members)
        return _ramp(values, colors, _FINE_SIZE)
    if len(members) < 2:
        raise ValueError("a ramp has at least two colours")
    return _ramp(range(len(members)), [_color(i, text) for i, text in enumerate(members)], _SIZE)


def stated_range(spec: object) -> Range | None:
    """The range that a colormap's own values span; None where it has none and the style's `range` decides.

    A ramp of values is drawn over just this range. Raises ValueError as `colormap` does.
    """
    members = _list(spec)
    if members and _list(members[0]):
        values, _ = _positions(members)
        return values[0], values[-1]
    found = colormap(spec)
    if isinstance(found, Ramp):
        return None
    if isinstance(found, Categories):
        values = [float(value) for value, _, _ in found.colors]
    else:
        values = [end for low, high, _ in found.steps for end in (low, high) if isfinite(end)]
    return (min(values), max(values)) if values else None


def _list(value: object) -> list[object]:
    """The members of a list or tuple; none of anything else."""
    return list(value) if isinstance(value, list | tuple) else []


def _rgba(channels: Sequence[int]) -> Rgba:
    red, green, blue, alpha = (int(channel) for channel in channels)
    return red, green, blue, alpha


def _number(place: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or isnan(value):
        raise ValueError(f"{place}: {value!r} is no number")
    return float(value)


def _color(place: object, text: object) -> Rgba:
    try:
        return color(text)
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from error


def _positions(members: Sequence[object]) -> tuple[list[float], list[Rgba]]:
    """Values and colours of a list of [value, colour]."""
    pairs = []
    for i, member in enumerate(members):
        pair = _list(member)
        if len(pair) != 2:
            raise ValueError(f"{i}: {member!r} is no [value, colour]")
        pairs.append((_number(f"{i}.0", pair[0]), _color(f"{i}.1", pair[1])))
    values = [value for value, _ in pairs]
    if values != sorted(values) or values[0] == values[-1] or not all(map(isfinite, values)):
        raise ValueError(f"the values of a ramp ascend; these are {', '.join(f'{value:g}' for value in values)}")
    return values, [found for _, found in pairs]


def _ramp(positions: Sequence[float], colors: Sequence[Rgba], size: int) -> Ramp:
    """`size` colours evenly spread from the first position to the last, mixed between the given ones."""
    at = np.linspace(positions[0], positions[-1], size)
    channels = [np.interp(at, positions, channel) for channel in zip(*colors, strict=True)]
    return Ramp(colors=tuple(_rgba(levels) for levels in np.rint(channels).astype(int).T.tolist()))


def _known(place: object, entry: Mapping[object, object], required: set[str], optional: set[str]) -> None:
    """Raises ValueError where a mapping lacks a key or has one too many."""
    if not required <= set(entry) <= required | optional:
        expected = ", ".join([*sorted(required), *(f"{key} (optional)" for key in sorted(optional))])
        raise ValueError(f"{place}: has the keys {', '.join(map(str, entry)) or 'none'}; expected {expected}")


def _interval(place: int, entry: object) -> tuple[float, float, Rgba]:
    if not isinstance(entry, Mapping):
        raise ValueError(f"{place}: {entry!r} is no interval: expected a mapping of from, to and color")
    _known(place, entry, {"color"}, {"from", "to"})
    low = _number(f"{place}.from", entry.get("from", -inf))
    high = _number(f"{place}.to", entry.get("to", inf))
    if low >= high:
        raise ValueError(f"{place}: the interval from {low:g} to {high:g} is empty")
    return low, high, _color(f"{place}.color", entry["color"])


def _category(value: object, entry: object) -> tuple[int, Rgba, str | None]:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{value!r} is no category: expected a stored value, a whole number")
    if not isinstance(entry, Mapping):
        return value, _color(value, entry), None
    _known(value, entry, {"color"}, {"label"})
    label = entry.get("label")
    return value, _color(f"{value}.color", entry["color"]), None if label is None else str(label)
