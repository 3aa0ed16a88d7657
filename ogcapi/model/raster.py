"""Rasters: fields, what is selected of them, and cell values in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from ogcapi.model.grid import Grid
from ogcapi.model.problem import BadParameter

Values = npt.NDArray[Any]
Valid = npt.NDArray[np.bool_]
Rgba = tuple[int, int, int, int]


class Resampling(StrEnum):
    """How a cell's value is made of the source's cells around its centre."""

    NEAREST = "nearest"
    BILINEAR = "bilinear"
    CUBIC = "cubic"
    LANCZOS = "lanczos"
    AVERAGE = "average"
    MODE = "mode"


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field of a coverage: what its values are."""

    name: str
    dtype: str
    """numpy's name of the stored values' type."""
    title: str | None = None
    nodata: float | int | None = None
    """Stored value that means no data where values leave without a mask; None: validity leaves as a mask."""
    unit: str | None = None
    """Unit of the physical values (UCUM where the source knows it)."""
    scale: float = 1.0
    """physical = stored * scale + offset."""
    offset: float = 0.0
    interpretation: str | None = None
    """Colour that the source says the field is: red, green, blue, gray, palette, …"""
    colors: Mapping[int, Rgba] | None = field(default=None, hash=False)
    """The source's own colour table, by stored value."""
    categories: Mapping[int, str] | None = field(default=None, hash=False)
    """Names of stored values that stand for classes."""

    def __post_init__(self) -> None:
        np.dtype(self.dtype)
        if self.nodata is not None and self.is_integer and self.nodata != np.dtype(self.dtype).type(self.nodata):
            raise ValueError(f"nodata {self.nodata} is no {self.dtype}")

    @property
    def is_integer(self) -> bool:
        """Whether stored values are whole numbers."""
        return np.dtype(self.dtype).kind in "iu"


@dataclass(frozen=True, kw_only=True)
class FieldStatistics:
    """What is known of one field's finite valid values, in physical units; numbers are None where there is no value."""

    count: int
    """Cells with a finite valid value."""
    minimum: float | None = None
    maximum: float | None = None
    p2: float | None = None
    """2nd percentile: a value that occurs."""
    p98: float | None = None
    """98th percentile: a value that occurs."""
    mean: float | None = None
    deviation: float | None = None
    """Standard deviation of these very values."""

    @property
    def document(self) -> dict[str, Any]:
        """The same as JSON; `FieldStatistics(**document)` is equal to this."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Interval:
    """The value of `datetime`: a span of time, ends included; None is an open end."""

    start: datetime | None
    end: datetime | None


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What of a coverage is read on a grid."""

    fields: tuple[str, ...]
    """Names, in the order of the answer."""
    interval: Interval | None = None
    method: Resampling = Resampling.NEAREST
    is_drawn: bool = False
    """Whether the values only become a picture: what decoders of lossy compressions differ in is then of no account."""

    @classmethod
    def of(cls, fields: Sequence[Field], properties: Sequence[str] | None, **others: Any) -> Selection:
        """All fields, or those that `properties` names (Coverages `/req/field-selection`: unknown ones are a 400)."""
        known = [field.name for field in fields]
        for name in properties or ():
            if name not in known:
                raise BadParameter("properties", name, "fields of this collection: " + ", ".join(known))
        return cls(fields=tuple(properties or known), **others)


@dataclass(frozen=True, kw_only=True)
class Raster:
    """Cell values on a grid (Coverages: a domain set and its range set)."""

    grid: Grid
    fields: tuple[Field, ...]
    values: Values
    """(field, row, col): stored values, neither scaled nor offset; anything where not valid."""
    valid: Valid
    """(field, row, col): True where there are data."""
    missing: tuple[str, ...] = ()
    """Names of assets that could not be read and whose cells may therefore be empty."""

    def __post_init__(self) -> None:
        shape = (len(self.fields), *self.grid.shape)
        if self.values.shape != shape or self.valid.shape != shape:
            raise ValueError(f"values {self.values.shape} and valid {self.valid.shape} must both be {shape}")
        if self.valid.dtype != bool:
            raise ValueError(f"valid must be bool, not {self.valid.dtype}")

    @property
    def is_full(self) -> bool:
        """Whether every cell of every field is valid."""
        return bool(self.valid.all())

    @classmethod
    def empty(cls, grid: Grid, fields: Sequence[Field], missing: tuple[str, ...] = ()) -> Raster:
        """No valid cell: the identity of an overlay."""
        shape = (len(fields), *grid.shape)
        dtype = np.result_type(*(field.dtype for field in fields))
        return cls(
            grid=grid, fields=tuple(fields), values=np.zeros(shape, dtype), valid=np.zeros(shape, bool), missing=missing
        )
