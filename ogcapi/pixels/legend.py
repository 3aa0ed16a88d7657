"""Legends: what the colours of a style mean, with its title and the unit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import ceil, floor, inf, log10

import numpy as np

from ogcapi.model.raster import Field, Rgba
from ogcapi.model.style import Categories, Intervals, Style
from ogcapi.pixels.drawing import SOFT_INK, Bar, Drawing, Text, Tick, png, svg, text_width
from ogcapi.pixels.scales import Pixels
from ogcapi.pixels.style import colors_at

_MARGIN = 12
_TITLE, _SIZE, _SMALL = 14, 12, 11  # of letters
_LINE = 18  # from one base line to the next
_BAR = 280, 14  # width and height of a ramp
_CHANNEL = 110, 10  # width and height of the bar of one channel
_SWATCH = 20, 13
_GAP = 8
_ROWS, _COLUMNS = 16, 3  # of swatches, at most
_MAX_TICKS = 7

_Shape = Text | Bar | Tick
_Block = tuple[list[_Shape], float, float]  # shapes, width, height


def legend_png(style: Style, fields: Sequence[Field]) -> bytes:
    """The legend as PNG; `fields` are the collection's, which tell titles and units."""
    return png(_legend(style, fields))


def legend_svg(style: Style, fields: Sequence[Field]) -> str:
    """The legend as an SVG document; `fields` are the collection's, which tell titles and units."""
    return svg(_legend(style, fields))


def legend_size(style: Style, fields: Sequence[Field]) -> tuple[int, int]:
    """Width and height of the legend as PNG."""
    drawing = _legend(style, fields)
    return drawing.width, drawing.height


def ticks(low: float, high: float, count: int) -> list[float]:
    """At most `count` round numbers from low to high: multiples of 1, 2, 2.5 or 5 times a power of ten."""
    if not 0 < high - low < inf:
        return [low]
    power = 10.0 ** floor(log10((high - low) / count))
    for factor in (1, 2, 2.5, 5, 10, 20, 25, 50):
        step = factor * power
        first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
        if last - first < count:
            break
    return [i * step for i in range(first, last + 1)]


def numbers(values: Sequence[float]) -> list[str]:
    """Numbers with as many decimals as tell each from the next, in groups of three digits."""
    largest = max(map(abs, values), default=0.0)
    apart = min((abs(b - a) for a, b in pairwise(values) if a != b), default=largest) or 1.0
    if largest >= 1e7 or apart < 1e-4:
        digits = max(4, ceil(log10(largest / apart)) + 1) if largest else 1
        return [f"{value:.{digits}g}".replace("e+0", "e").replace("e+", "e").replace("e-0", "e-") for value in values]
    for decimals in range(max(0, ceil(-log10(apart))), 6):
        texts = [f"{value:,.{decimals}f}" for value in values]
        if all(abs(float(t.replace(",", "")) - v) <= apart * 1e-3 for t, v in zip(texts, values, strict=True)):
            break
    return [_typeset(text, largest) for text in texts]


def _typeset(text: str, largest: float) -> str:
    text = text.replace(",", "\u2009" if largest >= 10_000 else "")
    return f"−{text[1:]}" if text.startswith("-") and text.strip("-0.") else text.lstrip("-")


def _legend(style: Style, fields: Sequence[Field]) -> Drawing:
    known = {field.name: field for field in fields}
    drawn = [known.get(name, Field(name=name, dtype="float64")) for name in style.fields]
    subtitle = _subtitle(drawn)
    heading = [(line, _TITLE, True) for line in _wrapped(style.title, _TITLE, _BAR[0])]
    heading += [(line, _SIZE, False) for line in _wrapped(subtitle, _SIZE, _BAR[0])]
    y = float(_MARGIN - 4)
    shapes: list[_Shape] = []
    width = 0.0
    for line, size, strong in heading:
        y += _LINE
        shapes.append(Text(x=_MARGIN, y=y - 3, text=line, size=size, strong=strong))
        width = max(width, text_width(line, size))
    body, body_width, body_height = _body(style, drawn, y + _GAP)
    return Drawing(
        width=ceil(max(width, body_width)) + 2 * _MARGIN,
        height=ceil(y + _GAP + body_height) + _MARGIN,
        label=f"Legend: {style.title}" + (f", {subtitle}" if subtitle else ""),
        shapes=[*shapes, *body],
    )


def _subtitle(drawn: Sequence[Field]) -> str:
    """The field and its unit; of three, the unit that they share."""
    units = {field.unit or "" for field in drawn}
    unit = units.pop() if len(units) == 1 else ""
    if len(drawn) > 1:
        return unit
    name = drawn[0].title or drawn[0].name
    return f"{name} ({unit})" if unit else name


def _body(style: Style, drawn: Sequence[Field], y: float) -> _Block:
    if isinstance(style.colormap, Categories):
        return _swatches(list(_categories(style.colormap)), y)
    if isinstance(style.colormap, Intervals):
        return _swatches(list(_intervals(style.colormap)), y)
    return _ramp(style, y) if len(drawn) == 1 else _channels(style, drawn, y)


def _ramp(style: Style, y: float) -> _Block:
    width, height = _BAR
    low, high = sorted(style.ranges[0])
    colors = _rgba(colors_at(style, 0, np.linspace(low, high, width)))
    shapes: list[_Shape] = [Bar(x=_MARGIN, y=y, width=width, height=height, colors=colors)]
    places, labels = _ticks_that_fit(low, high, width)
    for place, label in zip(places, labels, strict=True):
        half = text_width(label, _SMALL) / 2
        shapes.append(Tick(x=_MARGIN + round(place * (width - 1)), y=y + height, height=4))
        x = min(max(place * width, half), width - half)
        shapes.append(Text(x=_MARGIN + x, y=y + height + 15, text=label, size=_SMALL, anchor="middle", ink=SOFT_INK))
    return shapes, width, height + 18


def _rgba(colors: Pixels) -> list[Rgba]:
    return [(red, green, blue, alpha) for red, green, blue, alpha in colors.tolist()]


def _ticks_that_fit(low: float, high: float, width: float) -> tuple[list[float], list[str]]:
    """Places of ticks from 0 to 1, and their labels, as many as stand apart."""
    for count in range(_MAX_TICKS, 1, -1):
        values = ticks(low, high, count)
        labels = numbers(values)
        widest = max(text_width(label, _SMALL) for label in labels)
        if len(values) * (widest + _GAP) <= width or count == 2:
            break
    span = high - low or 1.0
    return [(value - low) / span for value in values], labels


def _channels(style: Style, drawn: Sequence[Field], y: float) -> _Block:
    """Three bars with the names of their fields and the ends of their ranges."""
    width, height = _CHANNEL
    names = [_shortened(field.title or field.name, _SIZE, _BAR[0] / 2) for field in drawn]
    ends = [numbers(pair) for pair in style.ranges]
    name_width = max(text_width(name, _SIZE) for name in names) + _GAP
    start_width = max(text_width(start, _SIZE) for start, _ in ends) + _GAP / 2
    end_width = max(text_width(end, _SIZE) for _, end in ends) + _GAP / 2
    x = _MARGIN + name_width + start_width
    shapes: list[_Shape] = []
    for i, (name, (start, end)) in enumerate(zip(names, ends, strict=True)):
        line = y + i * _LINE + height
        colors = colors_at(style, i, np.linspace(*style.ranges[i], width))
        bar = Bar(x=x, y=line - height, width=width, height=height, colors=_rgba(colors))
        shapes.append(Text(x=_MARGIN, y=line, text=name, size=_SIZE))
        shapes.append(Text(x=x - _GAP / 2, y=line, text=start, size=_SIZE, anchor="end", ink=SOFT_INK))
        shapes.append(bar)
        shapes.append(Text(x=x + width + _GAP / 2, y=line, text=end, size=_SIZE, ink=SOFT_INK))
    return shapes, name_width + start_width + width + end_width, 2 * _LINE + height


def _swatches(entries: Sequence[tuple[Rgba, str]], y: float) -> _Block:
    """Colours with their labels, in columns from the top down; those beyond the room are counted."""
    room = _ROWS * _COLUMNS
    rest = len(entries) - room
    shown = entries[:room]
    columns = ceil(len(shown) / _ROWS) or 1
    rows = ceil(len(shown) / columns)
    width, height = _SWATCH
    shapes: list[_Shape] = []
    x, top = float(_MARGIN), y
    for first in range(0, len(shown), rows or 1):
        column = [(color, _shortened(label, _SIZE, _BAR[0])) for color, label in shown[first : first + rows]]
        for i, (color, label) in enumerate(column):
            shapes.append(Bar(x=x, y=top + i * _LINE, width=width, height=height, colors=(color,)))
            shapes.append(Text(x=x + width + _GAP, y=top + i * _LINE + 11, text=label, size=_SIZE))
        x += width + _GAP + max(text_width(label, _SIZE) for _, label in column) + 2 * _GAP
    if rest > 0:
        shapes.append(Text(x=_MARGIN, y=top + rows * _LINE + 11, text=f"and {rest} more", size=_SIZE, ink=SOFT_INK))
    return shapes, x - _MARGIN - 2 * _GAP, (rows + (rest > 0)) * _LINE - (_LINE - height)


def _categories(colormap: Categories) -> Iterator[tuple[Rgba, str]]:
    """Colours that show, with their labels, else stored values; of more than there is room for, labelled ones alone."""
    shown = [(value, rgba, label) for value, rgba, label in colormap.colors if rgba[3]]
    labelled = [each for each in shown if each[2]]
    for value, rgba, label in labelled if labelled and len(shown) > _ROWS * _COLUMNS else shown:
        yield rgba, label or str(value)


def _intervals(colormap: Intervals) -> Iterator[tuple[Rgba, str]]:
    ends = sorted({end for low, high, _ in colormap.steps for end in (low, high) if abs(end) < inf})
    texts = dict(zip(ends, numbers(ends), strict=True))
    for low, high, rgba in colormap.steps:
        if low == -inf:
            yield rgba, f"< {texts[high]}" if high in texts else "all values"
        else:
            yield rgba, f"{texts[low]} to {texts[high]}" if high in texts else f"≥ {texts[low]}"


def _wrapped(text: str, size: int, width: float) -> list[str]:
    """The words in lines that are not wider, at most three."""
    lines: list[str] = []
    for word in text.split():
        if lines and text_width(f"{lines[-1]} {word}", size) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    if len(lines) > 3:
        lines = [*lines[:2], f"{lines[2]} …"]
    return [_shortened(line, size, width) for line in lines]


def _shortened(text: str, size: int, width: float) -> str:
    """The text, cut where it is wider."""
    if text_width(text, size) <= width:
        return text
    while len(text) > 1 and text_width(f"{text}…", size) > width:
        text = text[:-1]
    return f"{text.rstrip()}…"
