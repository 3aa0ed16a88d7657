"""Texture that compresses as pictures of the ground do, the same in every run."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = Any
PERIOD = 2048
"""Cells after which the fine part of a texture repeats; far more than deflate looks back."""
_COARSE = 512  # cells from one point of the coarse part to the next


def texture(height: int, width: int, seed: int, *, roughness: float) -> Array:
    """Octave noise (row, col), float32 within 0 and 1; `roughness` is the share of each octave of the one before."""
    fine = _fine(seed, roughness)
    rows, cols = np.arange(height) % PERIOD, np.arange(width) % PERIOD
    values = fine[rows][:, cols]
    values += _coarse(height, width, seed)
    values += 2.5
    values /= 5
    return np.clip(values, 0, 1, out=values)


def _fine(seed: int, roughness: float) -> Array:
    """Periodic octaves of waves of 512 to 2 cells, with a mean of 0 and a deviation of about 0.6."""
    random = np.random.default_rng(seed)
    down, across = np.fft.fftfreq(PERIOD)[:, None], np.fft.rfftfreq(PERIOD)[None]
    frequency = np.hypot(down, across)
    octaves = np.log2(np.maximum(frequency, 1 / PERIOD) * 512)
    share = np.where(octaves >= 0, roughness**octaves / np.maximum(frequency, 1 / PERIOD), 0)
    waves = np.fft.rfft2(random.standard_normal((PERIOD, PERIOD))) * share
    values = np.fft.irfft2(waves, s=(PERIOD, PERIOD)).astype(np.float32)
    return values * np.float32(0.6 / values.std())


def _coarse(height: int, width: int, seed: int) -> Array:
    """Hills of several hundred cells, which do not repeat: about 0.6 as deviation."""
    shape = (height // _COARSE + 2, width // _COARSE + 2)
    points = np.random.default_rng([seed, 1]).standard_normal(shape).astype(np.float32) * np.float32(0.9)
    down, across = (_between(count, points.shape[axis]) for axis, count in enumerate((height, width)))
    return down @ points @ across.T


def _between(count: int, points: int) -> Array:
    """Weights (cell, point) of linear interpolation."""
    place = np.arange(count) / _COARSE
    first = place.astype(int)
    weights = np.zeros((count, points), np.float32)
    weights[np.arange(count), first] = 1 - (place - first)
    weights[np.arange(count), first + 1] = place - first
    return weights
