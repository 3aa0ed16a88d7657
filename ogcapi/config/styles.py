"""Styles of the file as the model's styles."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ogcapi.config.mistakes import KeyPath
from ogcapi.config.sections import StyleSection
from ogcapi.config.values import check_id, is_number
from ogcapi.model.style import Categories, Intervals, Ramp, Range, Style
from ogcapi.pixels.colormaps import colormap, stated_range

_RANGE = "[low, high] with low and high different"


def style_of(id_: str, section: StyleSection, add: Callable[[KeyPath, str], None]) -> Style | None:
    """The style that a section describes; None after telling `add` (keys below the style, what was expected)."""
    mistakes: list[tuple[KeyPath, str]] = []
    colors: Ramp | Intervals | Categories | None = None
    stated: Range | None = None
    try:
        check_id(id_)
    except ValueError as error:
        mistakes.append(((), str(error)))
    if len(section.fields) not in {1, 3}:
        mistakes.append((("fields",), "one field, or three for red, green and blue"))
    if section.colormap is not None:
        try:
            spec = _with_numbers(section.colormap)
            colors, stated = colormap(spec), stated_range(spec)
        except ValueError as error:
            text = str(error)
            expected = text.partition(" is no colormap: expected ")[2] or f"a colormap without mistakes ({text})"
            mistakes.append((("colormap",), expected))
        if len(section.fields) != 1:
            mistakes.append((("colormap",), "no colormap, or one field instead of three"))
    try:
        ranges = _ranges(section.range, len(section.fields), stated)
    except ValueError as error:
        mistakes.append((("range",), str(error)))
    if isinstance(colors, Ramp) and stated and section.range is not None and ranges != (stated,):
        mistakes.append((("range",), "no range, as the colormap has one"))
    for keys, expected in mistakes:
        add(keys, expected)
    if mistakes:
        return None
    return Style(
        id=id_,
        title=section.title or id_[0].upper() + id_[1:],
        description=section.description,
        fields=section.fields,
        ranges=ranges,
        gamma=section.gamma,
        colormap=colors,
    )


def _with_numbers(spec: Any) -> Any:
    """A colormap whose keys are numbers again: keys of the file are texts."""
    if not isinstance(spec, Mapping):
        return spec
    return {int(key) if re.fullmatch(r"-?[0-9]{1,18}", key) else key: value for key, value in spec.items()}


def _ranges(value: Any, count: int, stated: Range | None) -> tuple[Range, ...]:
    """One range for each field, or what the colormap states. Raises `ValueError` with what was expected."""
    if value is None and stated is not None:
        return (stated,)
    if _is_range(value):
        return ((float(value[0]), float(value[1])),) * count
    if isinstance(value, list) and len(value) == count and all(map(_is_range, value)):
        return tuple((float(low), float(high)) for low, high in value)
    raise ValueError(_RANGE if count == 1 else f"{_RANGE}, or {count} of them: one for each field")


def _is_range(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(is_number, value)) and value[0] != value[1]
