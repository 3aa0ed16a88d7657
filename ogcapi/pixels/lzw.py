"""LZW as TIFF has it (TIFF 6.0, section 13), undone by a compiled loop that trusts nothing in the bytes."""

from __future__ import annotations

import numpy as np

from ogcapi.pixels.compiled import kernel

_CLEAR, _END, _FIRST = 256, 257, 258
_SHORTEST, _LONGEST = 9, 12  # bits of a code

DAMAGED = -1
"""What `undo_lzw` says of bytes that no writer leaves."""


@kernel("int64(uint8[::1], uint8[::1])")
def undo_lzw(stored, out):  # type: ignore[no-untyped-def]
    """Write what those bytes were, as far as there is room; how many bytes that made, or `DAMAGED`.

    A string of the table is the one before it and the byte that followed, so both are where they were written first.
    """
    starts, lengths = np.empty(1 << _LONGEST, np.int64), np.empty(1 << _LONGEST, np.int64)
    made, before, before_length = 0, 0, 0
    free, width = _FIRST, _SHORTEST
    held, bits = np.int64(0), 0
    at = 0
    while made < out.size:
        while bits < width:
            if at == stored.size:
                return made
            held = (held << 8 | np.int64(stored[at])) & 0xFFFFF
            at += 1
            bits += 8
        bits -= width
        code = held >> bits & ((1 << width) - 1)
        if code == _CLEAR:
            free, width, before_length = _FIRST, _SHORTEST, 0
            continue
        if code == _END:
            return made
        length = 1
        if code < _CLEAR:
            out[made] = code
        else:
            if before_length == 0 or code > free:
                return DAMAGED
            start, length = before, before_length + 1  # of a string that is known only now
            if code < free:
                start, length = starts[code], lengths[code]
            length = min(length, out.size - made)
            for step in range(length):
                out[made + step] = out[start + step]
        if before_length and free < 1 << _LONGEST:
            starts[free], lengths[free] = before, before_length + 1
            free += 1
            if free == (1 << width) - 1 and width < _LONGEST:
                width += 1
        before, before_length = made, length
        made += length
    return made
