"""Compiled loops that put values on scales and look up their colours: one pass over the cells.

`scales` says the same in numpy and is what these are tested against. Arrays are flat, in C order, of one size, and
read-only but for `out`; tables have an entry for each value of the planes' type. Imported when the first picture is
drawn, not before: numba takes its time.
"""

from __future__ import annotations

import numpy as np

from ogcapi.pixels.compiled import kernel

_VALID = "Array(boolean, 1, 'C', readonly=True)"
_TABLE = "Array(uint8, 1, 'C', readonly=True)"
_INDICES = _TABLE, "Array(uint16, 1, 'C', readonly=True)"
_NUMBERS = "Array(float32, 1, 'C', readonly=True)", "Array(float64, 1, 'C', readonly=True)"


@kernel(
    *(
        f"int64({plane}, {_VALID}, float64, float64, float64, float64, int64, int64, {out}[::1])"
        for plane in _NUMBERS
        for out in ("uint8", "uint16")
    )
)
def levels(plane, valid, scale, offset, start, extent, top, clear, out):  # type: ignore[no-untyped-def]
    """0 at the start of a range to `top` at its end, `clear` where not valid or NaN; the number of others.

    The arithmetic is that of `scales.leveled`, operation by operation, so that it rounds alike.
    """
    drawn = 0
    for i in range(plane.size):
        value = np.float64(plane[i])
        share = (value * scale + offset - start) / extent
        share = share if share > 0.0 else 0.0  # noqa: FURB136 - NaN, of infinity times 0, is at the start
        share = share if share < 1.0 else 1.0  # noqa: FURB136 - as above
        level = np.int32(np.rint(share * top))
        is_drawn = valid[i] & (value == value)  # NaN is not equal to itself
        out[i] = level if is_drawn else clear
        drawn += is_drawn
    return drawn


@kernel(*(f"int64({plane}, {_VALID}, {_TABLE}, int64, uint8[::1])" for plane in _INDICES))
def looked_up(plane, valid, table, clear, out):  # type: ignore[no-untyped-def]
    """The table's entries, `clear` where not valid; the number of others."""
    drawn = 0
    for i in range(plane.size):
        out[i] = table[plane[i]] if valid[i] else clear
        drawn += valid[i]
    return drawn


@kernel(f"int64({_TABLE}, {_VALID}, uint8[::1])")
def freed(indices, valid, out):  # type: ignore[no-untyped-def]
    """The indices, and where not valid the first one that occurs nowhere else; that one, or -1 where there is none."""
    occurs = np.zeros(256, np.uint8)
    for i in range(indices.size):
        occurs[indices[i]] |= valid[i]
    for free in range(256):
        if not occurs[free]:
            for i in range(indices.size):
                out[i] = indices[i] if valid[i] else free
            return free
    return -1


@kernel(*(f"void(UniTuple({plane}, 3), UniTuple({_TABLE}, 3), uint8[::1])" for plane in _INDICES))
def rgb(planes, tables, out):  # type: ignore[no-untyped-def]
    """Red, green and blue, looked up in a table each: three bytes a cell."""
    red, green, blue = planes
    reds, greens, blues = tables
    for i in range(red.size):
        out[3 * i] = reds[red[i]]
        out[3 * i + 1] = greens[green[i]]
        out[3 * i + 2] = blues[blue[i]]


@kernel(
    *(f"void(UniTuple({plane}, 3), UniTuple({_VALID}, 3), UniTuple({_TABLE}, 3), uint32[::1])" for plane in _INDICES)
)
def rgba(planes, valid, tables, out):  # type: ignore[no-untyped-def]
    """The same with full opacity, packed in one number a cell whose lowest byte is red; 0 where any is not valid."""
    red, green, blue = planes
    red_valid, green_valid, blue_valid = valid
    reds, greens, blues = tables
    for i in range(red.size):
        if red_valid[i] & green_valid[i] & blue_valid[i]:
            out[i] = (
                np.uint32(reds[red[i]])
                | np.uint32(greens[green[i]]) << np.uint32(8)
                | np.uint32(blues[blue[i]]) << np.uint32(16)
                | np.uint32(0xFF000000)
            )
        else:
            out[i] = 0
