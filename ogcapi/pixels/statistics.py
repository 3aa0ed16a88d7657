"""Statistics of a raster's valid cells, bounded in work and equal in every process."""

from __future__ import annotations

from math import isfinite

import numpy as np

from ogcapi.model.raster import FieldStatistics, Raster

_MAX_RANKED = 1 << 20  # cells that percentiles are taken from; more are thinned to every second, third, …


def statistics(raster: Raster) -> tuple[FieldStatistics, ...]:
    """The statistics of each field of a raster, in order."""
    return tuple(_statistics(raster, i) for i in range(len(raster.fields)))


def _statistics(raster: Raster, index: int) -> FieldStatistics:
    field = raster.fields[index]
    stored = raster.values[index][raster.valid[index]].astype(np.float64)
    with np.errstate(over="ignore"):
        values = stored * field.scale + field.offset
    values = values[np.isfinite(values)]
    if values.size == 0:
        return FieldStatistics(count=0)
    step = -(-values.size // _MAX_RANKED)
    p2, p98 = np.percentile(values[::step], (2, 98), method="nearest")
    with np.errstate(over="ignore", invalid="ignore"):
        mean, deviation = float(values.mean()), float(values.std())
    is_finite = isfinite(mean) and isfinite(deviation)  # sums of the greatest floats overflow
    return FieldStatistics(
        count=int(values.size),
        minimum=float(values.min()),
        maximum=float(values.max()),
        p2=float(p2),
        p98=float(p98),
        mean=mean if is_finite else None,
        deviation=deviation if is_finite else None,
    )
