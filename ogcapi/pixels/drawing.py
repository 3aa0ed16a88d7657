"""Small drawings of text, boxes and bars of colour, written as SVG or as PNG.

Lengths are CSS pixels; y grows downward.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from itertools import groupby
from typing import Literal
from xml.sax.saxutils import escape, quoteattr

from PIL import Image, ImageDraw, ImageFont

from ogcapi.model.raster import Rgba

INK: Rgba = (28, 28, 26, 255)
SOFT_INK: Rgba = (96, 96, 92, 255)
_PAPER: Rgba = (255, 255, 255, 255)
_FRAME: Rgba = (214, 213, 208, 255)
_EDGE: Rgba = (0, 0, 0, 56)

_SVG_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Noto Sans', sans-serif"
_PLAIN = str.maketrans({"−": "-", "–": "-", "\u2009": " ", "\u00a0": " ", "≥": ">=", "×": "x"})
_WIDE_FONTS = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "LiberationSans-Regular.ttf", "Arial.ttf", "Helvetica.ttc")
_SVG_SLACK = 1.1  # a reader's own font may be so much wider than Pillow's
_ANCHORS = {"start": "ls", "middle": "ms", "end": "rs"}

_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True, kw_only=True)
class Text:
    """One line of text."""

    x: float
    y: float
    """Of the base line."""
    text: str
    size: int
    anchor: Literal["start", "middle", "end"] = "start"
    """Which part of the text is at x."""
    ink: Rgba = INK
    strong: bool = False


@dataclass(frozen=True, kw_only=True)
class Bar:
    """Colours side by side from the left to the right, all of one width, with a fine edge around them all."""

    x: float
    y: float
    width: float
    height: float
    colors: Sequence[Rgba]


@dataclass(frozen=True, kw_only=True)
class Tick:
    """A short vertical line downward."""

    x: float
    y: float
    height: float


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """Shapes on a white card, so that they stand out on light and on dark pages."""

    width: int
    height: int
    label: str
    """What the drawing shows, for those who cannot see it."""
    shapes: Sequence[Text | Bar | Tick]


def text_width(text: str, size: int) -> float:
    """Room that a line of text takes in any of the formats."""
    return max(_font(size, _is_plain(text)).getlength(_printable(text)), len(text) * size * 0.3) * _SVG_SLACK


def svg(drawing: Drawing) -> str:
    """A self-contained SVG document."""
    size = f'width="{drawing.width}" height="{drawing.height}" viewBox="0 0 {drawing.width} {drawing.height}"'
    label = quoteattr(_without_controls(drawing.label))
    card = f'x="0.5" y="0.5" width="{drawing.width - 1}" height="{drawing.height - 1}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label={label} font-family="{_SVG_FONT}">',
            f"<rect {card} {_paint('fill', _PAPER)} {_paint('stroke', _FRAME)}/>",
            *(_svg_shape(shape) for shape in drawing.shapes),
            "</svg>\n",
        ]
    )


def png(drawing: Drawing) -> bytes:
    """A PNG with one pixel for each unit of length."""
    image = Image.new("RGB", (drawing.width, drawing.height), _PAPER[:3])
    pen = ImageDraw.Draw(image, "RGBA")  # mixes what is half transparent with what lies beneath
    pen.rectangle((0, 0, drawing.width - 1, drawing.height - 1), outline=_FRAME)
    for shape in drawing.shapes:
        match shape:
            case Text():
                font = _font(shape.size, _is_plain(shape.text))
                pen.text(
                    (shape.x, shape.y), _printable(shape.text), fill=shape.ink, font=font, anchor=_ANCHORS[shape.anchor]
                )
            case Bar():
                for x, width, color in _runs(shape):
                    pen.rectangle(_pixels(x, shape.y, width, shape.height), fill=color)
                pen.rectangle(_pixels(shape.x, shape.y, shape.width, shape.height), outline=_EDGE)
            case Tick():
                pen.rectangle(_pixels(shape.x, shape.y, 1, shape.height), fill=SOFT_INK)
    out = BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


def _svg_shape(shape: Text | Bar | Tick) -> str:
    match shape:
        case Text():
            style = f'font-size="{shape.size}" text-anchor="{shape.anchor}" {_paint("fill", shape.ink)}'
            weight = ' font-weight="600"' if shape.strong else ""
            text = escape(_without_controls(shape.text))
            return f'<text x="{shape.x:g}" y="{shape.y:g}" {style}{weight}>{text}</text>'
        case Bar():
            y, height = shape.y, shape.height
            runs = (
                f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" {_paint("fill", color)}/>'
                for x, width, color in _runs(shape)
            )
            edge = f'x="{shape.x + 0.5:g}" y="{y + 0.5:g}" width="{shape.width - 1:g}" height="{height - 1:g}"'
            edge = f'<rect {edge} fill="none" {_paint("stroke", _EDGE)}/>'
            return f'<g shape-rendering="crispEdges">{"".join(runs)}</g>{edge}'
        case Tick():
            box = f'x="{shape.x:g}" y="{shape.y:g}" width="1" height="{shape.height:g}"'
            return f"<rect {box} {_paint('fill', SOFT_INK)}/>"


def _runs(bar: Bar) -> list[tuple[float, float, Rgba]]:
    """x, width and colour of each run of one colour."""
    step = bar.width / len(bar.colors)
    runs, first = [], 0
    for color, members in groupby(bar.colors):
        count = sum(1 for _ in members)
        runs.append((bar.x + first * step, count * step, color))
        first += count
    return runs


def _pixels(x: float, y: float, width: float, height: float) -> tuple[int, int, int, int]:
    """First and last pixel of a box, both included."""
    return round(x), round(y), max(round(x + width) - 1, round(x)), round(y + height) - 1


def _paint(what: str, color: Rgba) -> str:
    red, green, blue, alpha = color
    opacity = "" if alpha == 255 else f' {what}-opacity="{alpha / 255:.3g}"'
    return f'{what}="#{red:02x}{green:02x}{blue:02x}"{opacity}'


def _without_controls(text: str) -> str:
    """The text without characters that XML cannot hold."""
    return "".join(" " if unicodedata.category(c) in {"Cc", "Cs", "Cn"} else c for c in text)


def _is_plain(text: str) -> bool:
    """Whether Pillow's own font, which knows little more than ASCII, has every character."""
    return all(" " <= c <= "~" or c in "°±…·" for c in text.translate(_PLAIN))


def _printable(text: str) -> str:
    """The text in characters that the font of a PNG has."""
    if _is_plain(text):
        return text.translate(_PLAIN)
    text = _without_controls(text)
    if _wide_font(12) is not None:
        return text
    letters = unicodedata.normalize("NFKD", text.translate(_PLAIN))
    return "".join(c if _is_plain(c) else "?" for c in letters if not unicodedata.combining(c))


@lru_cache(maxsize=64)
def _font(size: int, plain: bool) -> _Font:
    return (None if plain else _wide_font(size)) or ImageFont.load_default(size)


@lru_cache(maxsize=64)
def _wide_font(size: int) -> _Font | None:
    """A font of this computer that knows many scripts; None where there is none."""
    for name in _WIDE_FONTS:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return None
