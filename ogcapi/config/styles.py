"""Values of styles: fields, colormaps, and ranges that go with both."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationInfo

from ogcapi.config.values import is_number, reading
from ogcapi.model.style import Categories, Intervals, Ramp, Range
from ogcapi.pixels.colormaps import colormap, stated_range

_UNKNOWN = (0.0, 1.0)  # stands for a range in a style that is not drawn
_RANGE = "[low, high], two different numbers"


@dataclass(frozen=True)
class ConfiguredColormap:
    """A colormap, and the range that it brings along."""

    colors: Ramp | Intervals | Categories
    stated: Range | None


def one_or_three(names: tuple[str, ...]) -> tuple[str, ...]:
    """Fields of a style."""
    if len(names) not in {1, 3}:
        raise ValueError("one field, or three for red, green and blue")
    return names


def configured_colormap(value: Any, info: ValidationInfo) -> ConfiguredColormap | None:
    """The colormap of one field."""
    if value is None:
        return None
    if len(info.data.get("fields", [""])) != 1:
        raise ValueError("no colormap, or one field instead of three")
    spec = _with_numbers(value)
    try:
        return ConfiguredColormap(colormap(spec), stated_range(spec))
    except ValueError as error:
        text = str(error)
        expected = text.partition(" is no colormap: expected ")[2] or f"a colormap without mistakes ({text})"
        raise ValueError(expected) from error


def _with_numbers(spec: Any) -> Any:
    """A colormap whose keys are numbers again: keys of the file are texts."""
    if not isinstance(spec, Mapping):
        return spec
    return {int(key) if re.fullmatch(r"-?[0-9]{1,18}", key) else key: value for key, value in spec.items()}


def ranges(value: Any, info: ValidationInfo) -> tuple[Range, ...]:
    """One range for each field; where none is given, the one that the colormap states."""
    if "fields" not in info.data:
        return _ranges_of_unknown_fields(value)
    count = len(info.data["fields"])
    given: ConfiguredColormap | None = info.data.get("colormap")
    stated = given.stated if given else None
    if value is None and stated:
        return (stated,)
    if value is None and ("colormap" not in info.data or reading(info).is_partial):
        return (_UNKNOWN,) * count  # what would say the range is mistaken itself, or the range was
    if _is_range(value):
        found: tuple[Range, ...] = ((float(value[0]), float(value[1])),) * count
    elif isinstance(value, list) and len(value) == count and all(map(_is_range, value)):
        found = tuple((float(low), float(high)) for low, high in value)
    else:
        raise ValueError(_RANGE if count == 1 else f"{_RANGE}, or {count} such pairs: one for each field")
    if stated and given and isinstance(given.colors, Ramp) and found != (stated,):
        raise ValueError("no range, as the values of the colormap are one")
    return found


def _ranges_of_unknown_fields(value: Any) -> tuple[Range, ...]:
    """Any range that would be right for some fields: the fields are mistaken themselves."""
    if value is None or _is_range(value) or (isinstance(value, list) and value and all(map(_is_range, value))):
        return ()
    raise ValueError(f"{_RANGE}, or such a pair for each field")


def _is_range(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(is_number, value)) and value[0] != value[1]
