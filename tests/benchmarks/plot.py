"""A small plot as SVG: how many times better, on a scale of powers of ten."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, isfinite, log10

_LEFT, _WIDTH, _ROW, _TOP = 170, 560, 22, 42
_FIRST, _SECOND, _MARK, _LINE, _TEXT = "#1f6f8b", "#99c8d6", "#c0392b", "#d5d9dc", "#37414a"
_FONT = 'font-family="sans-serif" font-size="12"'
_LOWEST = 0.5


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One row."""

    name: str
    value: float
    second: float | None
    """With all caches off."""
    target: float | None


def svg(bars: Sequence[Bar]) -> str:
    """The plot."""
    values = [v for bar in bars for v in (bar.value, bar.target) if v is not None and isfinite(v)]
    highest = 10 ** ceil(log10(max([10.0, *values])))
    height = _TOP + _ROW * len(bars) + 12

    def x(value: float) -> float:
        return _LEFT + _WIDTH * log10(max(value, _LOWEST) / _LOWEST) / log10(highest / _LOWEST)

    box = f"0 0 {_LEFT + _WIDTH + 60} {height}"
    key = f'<tspan fill="{_SECOND}">■</tspan> caches off, <tspan fill="{_MARK}">|</tspan> to be reached'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" {_FONT} fill="{_TEXT}">',
        '<rect width="100%" height="100%" fill="#fff"/>',
        f'<text x="{_LEFT}" y="16">CPU time per tile: TiTiler / ogcapi ({key})</text>',
    ]
    tick = 1
    while tick <= highest:
        place = x(tick)
        parts.append(f'<path d="M{place:.1f} {_TOP - 6}V{height - 8}" stroke="{_LINE}"/>')
        parts.append(f'<text x="{place:.1f}" y="{_TOP - 10}" text-anchor="middle">{tick}</text>')
        tick *= 10
    for number, bar in enumerate(bars):
        if not isfinite(bar.value):
            continue
        top = _TOP + number * _ROW
        parts.append(f'<text x="{_LEFT - 8}" y="{top + 13}" text-anchor="end">{escape(bar.name)}</text>')
        parts.append(_bar(x(bar.value), top + 2, 14, _FIRST))
        if bar.second is not None and isfinite(bar.second):
            parts.append(_bar(x(bar.second), top + 9, 7, _SECOND))
        if bar.target is not None:
            parts.append(f'<path d="M{x(bar.target):.1f} {top}v18" stroke="{_MARK}" stroke-width="2"/>')
        parts.append(f'<text x="{x(bar.value) + 6:.1f}" y="{top + 13}">{bar.value:.3g}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _bar(end: float, top: float, height: float, colour: str) -> str:
    return f'<rect x="{_LEFT}" y="{top}" width="{max(end - _LEFT, 0):.1f}" height="{height}" fill="{colour}"/>'
