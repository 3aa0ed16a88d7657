"""Values onto the cells of a grid: the compiled loops with what they are called with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from ogcapi.model.raster import Resampling, Valid, Values
from ogcapi.pixels import frequent, interpolating, kernels
from ogcapi.pixels.control import Control
from ogcapi.pixels.resampling import KERNELS
from ogcapi.pixels.warp import Window, as_stored

_NO_MASK = np.zeros((0, 0, 0), np.uint8)


@dataclass(frozen=True, kw_only=True, eq=False)
class Piece:
    """Stored cells of one window, and which of them are valid.

    Numbers that are NaN are never valid; where there are neither `nodata` nor `mask`, all others are.
    """

    values: Values
    """(row, col, field); any strides, so that (field, row, col) need only be transposed."""
    top: int
    left: int
    """Stored row and column of the first cell."""
    nodata: Sequence[float | int | None] | None = None
    """Of each field, as a value of its type: the stored value that means no data."""
    mask: Values | None = None
    """(row, col), or (row, col, field): 0 where not valid; uint8 or bool."""
    samples: Sequence[int] | None = None
    """Which of the last axis of `values` is each field; None: all as they come."""

    @property
    def mask3(self) -> Values:
        """The mask as (row, col, 1 or field) bytes; of one cell where there is none."""
        if self.mask is None:
            return _NO_MASK
        mask = self.mask if self.mask.ndim == 3 else self.mask[..., None]
        return mask.view(np.uint8)


@dataclass(frozen=True, kw_only=True, eq=False)
class Need:
    """What cells that are not valid yet need of a stored raster."""

    blocks: Values
    """(n, 2): (row, col) of blocks."""
    window: Window
    """Around all needed cells: within the raster, but around the body it may reach on past the last column, up to a
    whole turn from column 0."""


def need(
    control: Control,
    method: Resampling,
    block: tuple[int, int],
    valid: Valid | None = None,
    origin: tuple[int, int] = (0, 0),
) -> Need | None:
    """Which of the blocks of (columns, rows) cells a part needs: for nearest, exactly those that have a cell of it.

    Only cells count that are not valid yet in all fields of `valid` (field, row, col), where the part begins at
    `origin` (row, col). None: nothing is needed.
    """
    geometry = control.geometry
    marks = np.zeros((-(-geometry.height // block[1]), -(-geometry.width // block[0])), np.uint8)
    needs, box = np.zeros((control.patches[0].size, 4), np.int64), np.empty(4, np.int64)
    blocks = np.empty((marks.size, 2), np.int64)
    count = kernels.touch(
        control.patches,
        control.frame,
        (geometry.width, geometry.height),
        block,
        0.0 if method is Resampling.NEAREST else KERNELS[method].radius,
        geometry.period or 0.0,
        _NO_MASK if valid is None else valid.view(np.uint8),
        origin,
        marks,
        needs,
        blocks,
        box,
    )
    if not count:
        return None
    left, top, right, bottom = box.tolist()
    turn = control.frame[-1]
    if turn:
        needs = needs[needs[:, 2] > needs[:, 0]]
        left, right = _around(needs[:, 0], needs[:, 2], turn)
    return Need(blocks=blocks[:count], window=Window(left=left, top=top, right=right, bottom=bottom))


def _around(starts: Values, stops: Values, turn: int) -> tuple[int, int]:
    """The columns that hold all spans, the shortest such way around the body."""
    lengths, starts = stops - starts, starts % turn
    order = np.argsort(starts)
    starts, reach = starts[order], np.maximum.accumulate((starts + lengths)[order])
    gaps = np.append(starts[1:], starts[0] + turn) - np.maximum(reach, reach[-1] - turn)
    widest = int(gaps.argmax())
    if gaps[widest] <= 0:
        return 0, turn
    first = (widest + 1) % len(starts)
    left = int(starts[first])
    return left, left + turn - int(gaps[widest])


def fill(
    control: Control,
    piece: Piece,
    method: Resampling,
    values: Values,
    valid: Valid,
    origin: tuple[int, int] = (0, 0),
    *,
    core: Window | None = None,
) -> int:
    """Write into values and valid (field, row, col) the cells of a part that are not valid yet and lie in the piece.

    A cell lies where its centre does; with a `core`, only those in this window of the piece are written, and what is
    around it serves their kernels. Stored cells outside the piece have no weight. The part begins at `origin` (row,
    col) of the arrays, which are C-contiguous and of the piece's type; methods other than nearest want a control with
    corners. Returns how many cells of the arrays are still not valid.
    """
    if values.dtype != piece.values.dtype:
        raise TypeError(f"{piece.values.dtype} does not go into {values.dtype} as it is")
    if method is Resampling.NEAREST:
        _nearest(control, piece, values, valid, origin)
    else:
        _interpolate(control, piece, method, values, valid, origin, core)
    return int(valid.size - np.count_nonzero(valid))


def _nearest(control: Control, piece: Piece, values: Values, valid: Valid, origin: tuple[int, int]) -> None:
    fields, dtype = len(values), values.dtype
    rows, cols = piece.values.shape[:2]
    stored, strides = _flat(piece.values)
    mask, mask_strides = _flat(piece.mask3)
    unsigned, nodata, bits = _bits(dtype, None if piece.nodata is None else tuple(piece.nodata), fields)
    kernels.nearest(
        control.patches,
        control.frame,
        (piece.left, piece.top, cols, rows),
        stored.view(unsigned),
        strides,
        np.arange(fields) if piece.samples is None else np.array(piece.samples, np.int64),
        mask,
        mask_strides,
        nodata,
        bits,
        values.view(unsigned),
        valid.view(np.uint8),
        origin,
    )


_KINDS = {
    Resampling.BILINEAR: interpolating.BILINEAR,
    Resampling.CUBIC: interpolating.CUBIC,
    Resampling.LANCZOS: interpolating.LANCZOS,
    Resampling.AVERAGE: interpolating.AVERAGE,
}
_COPIED = {np.dtype(name) for name in ("uint8", "int16", "uint16", "float32", "float64")}


def _interpolate(
    control: Control,
    piece: Piece,
    method: Resampling,
    values: Values,
    valid: Valid,
    origin: tuple[int, int],
    core: Window | None,
) -> None:
    fields, dtype = len(values), values.dtype
    rows, cols = piece.values.shape[:2]
    window = piece.left, piece.top, cols, rows
    inner = window if core is None else (core.left, core.top, core.shape[1], core.shape[0])
    shape = fields, len(control.rows), len(control.cols)
    part = np.s_[:, origin[0] : origin[0] + shape[1], origin[1] : origin[1] + shape[2]]
    where = control.patches, control.frame, window, inner
    period, is_made = control.geometry.period or 0.0, valid[part].copy()
    if method is Resampling.MODE:
        stored, known = _ordered(piece, fields)
        found = np.zeros(shape, np.int64)
        frequent.mode(*where, *map(np.ascontiguousarray, (stored, known)), period, found, is_made)
        is_new = is_made & ~valid[part]
        values[part][is_new] = _unordered(found[is_new], dtype)
        valid[part] |= is_new
        return
    numbers, samples = _fractions(piece, fields)
    stored, strides = _flat(numbers)
    made = np.empty(shape)
    interpolating.interpolate(
        *where, stored, strides, samples, _KINDS[method], KERNELS[method].radius, period, made, is_made.view(np.uint8)
    )
    if dtype in _COPIED:
        low, high = (np.iinfo(dtype).min, np.iinfo(dtype).max) if dtype.kind in "iu" else (0, 0)
        interpolating.store(made, is_made, low, high, values, valid, origin)
    else:
        is_new = is_made & ~valid[part]
        values[part][is_new] = as_stored(made[is_new], dtype.name)
        valid[part] |= is_new


def _fractions(piece: Piece, fields: int) -> tuple[Values, Values]:
    """Numbers (row, col, sample) with fractions, NaN where they are not valid, and which of them are the fields."""
    samples = np.arange(fields) if piece.samples is None else np.array(piece.samples, np.int64)
    nodata, has_nodata = _absent(piece.values.dtype, None if piece.nodata is None else tuple(piece.nodata), fields)
    dtype = piece.values.dtype
    if dtype.kind == "f" and dtype.itemsize > 2 and piece.mask is None and not has_nodata.any():
        return piece.values, samples
    if dtype.itemsize < 4 and dtype in _COPIED and piece.mask is None and not has_nodata.any():
        return piece.values.astype(np.float32), samples
    shape = (*piece.values.shape[:2], fields)
    if dtype in _COPIED:
        made = np.empty(shape, np.float64 if dtype.itemsize > 4 else np.float32)
        stored = np.ascontiguousarray(piece.values)
        interpolating.fractions(stored, samples, np.ascontiguousarray(piece.mask3), nodata, has_nodata, made)
    else:
        made = np.where(_known(piece, samples, nodata, has_nodata), piece.values[..., samples].astype(float), np.nan)
    return made, np.arange(fields)


def _known(piece: Piece, samples: Values, nodata: Values, has_nodata: Valid) -> Valid:
    """(row, col, field): whether the stored cells are valid."""
    values = piece.values[..., samples]
    known = ~(has_nodata & (values == nodata))
    if values.dtype.kind == "f":
        known &= ~np.isnan(values)
    return np.asarray(known if piece.mask is None else known & (piece.mask3 != 0))


_TOP_BIT = np.int64(np.iinfo(np.int64).min)


def _ordered(piece: Piece, fields: int) -> tuple[Values, Valid]:
    """Whole numbers (row, col, field) in the order of the values, one for each; and where these are valid."""
    samples = np.arange(fields) if piece.samples is None else np.array(piece.samples, np.int64)
    nodata, has_nodata = _absent(piece.values.dtype, None if piece.nodata is None else tuple(piece.nodata), fields)
    known = _known(piece, samples, nodata, has_nodata)
    values = piece.values[..., samples]
    if values.dtype.kind == "f":
        bits = (values.astype(np.float64) + 0.0).view(np.int64)  # + 0: one zero is as good as the other
        return np.where(bits < 0, ~bits ^ _TOP_BIT, bits), known
    numbers = np.ascontiguousarray(values).astype(np.uint64 if values.dtype.kind == "u" else np.int64).view(np.int64)
    return (numbers ^ _TOP_BIT if values.dtype.kind == "u" else numbers), known


def _unordered(numbers: Values, dtype: np.dtype[Any]) -> Values:
    """The values that `_ordered` numbers so."""
    if dtype.kind == "f":
        return np.where(numbers < 0, ~(numbers ^ _TOP_BIT), numbers).view(np.float64).astype(dtype)
    return (numbers ^ _TOP_BIT).view(np.uint64).astype(dtype) if dtype.kind == "u" else numbers.astype(dtype)


@lru_cache(maxsize=256)
def _absent(dtype: np.dtype[Any], nodata: tuple[float | int | None, ...] | None, fields: int) -> tuple[Values, Valid]:
    """Nodata of each field, and whether there is one."""
    given = (None,) * fields if nodata is None else nodata
    values, is_given = np.array([of or 0 for of in given], dtype), np.array([of is not None for of in given])
    values.setflags(write=False)
    is_given.setflags(write=False)
    return values, is_given


@lru_cache(maxsize=256)
def _bits(
    dtype: np.dtype[Any], nodata: tuple[float | int | None, ...] | None, fields: int
) -> tuple[np.dtype[Any], Values, tuple[Any, Any]]:
    """The type whose numbers are the bits of another; nodata of each field and what is NaN, in such numbers."""
    unsigned = np.dtype(f"u{dtype.itemsize}")
    everything = int(np.iinfo(unsigned).max)
    magnitude = infinite = 0
    if dtype.kind == "f":
        magnitude, infinite = everything >> 1, int(np.array(np.inf, dtype).view(unsigned))
    of_fields = np.zeros((fields, 3), unsigned)
    for field, value in enumerate(nodata or ()):
        if value is not None and value == value:  # NaN is never valid anyway
            digits = magnitude if magnitude and value == 0 else everything  # there are two zeros
            of_fields[field] = int(np.array(value, dtype).view(unsigned)) & digits, digits, 1
    of_fields.setflags(write=False)
    return unsigned, of_fields, (unsigned.type(magnitude), unsigned.type(infinite))


def _flat(values: Values) -> tuple[Values, tuple[int, int, int]]:
    """Values (row, col, field) one after the other, and how far their rows, columns and fields are apart."""
    rows, cols, fields = values.shape
    planar = values.transpose(2, 0, 1)
    if planar.flags.c_contiguous:
        return planar.reshape(-1), (cols, 1, rows * cols if fields > 1 else 0)
    return np.ascontiguousarray(values).reshape(-1), (cols * fields, fields, 1 if fields > 1 else 0)
