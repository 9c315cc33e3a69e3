"""Numbers about heat maps: where their heat lies, and how alike those of two networks are."""

from __future__ import annotations

import numpy as np

from tlsearch.explain.maps import resize_maps
from tlsearch.types import Float32Array, Float64Array

BORDER = 0.1
"""The border frame of a picture: what lies within this share of its side from an edge."""

BORDER_AREA = 1 - (1 - 2 * BORDER) ** 2
"""The share of the frame in the area, .36: what heat that is the same everywhere has in it."""

_CANVAS = 100
"""Pixels of the side on which heat is measured, whatever the resolution of a map."""

_COMPARED = 16
"""Pixels of the side at which maps of two networks are compared."""


def positive_heat(maps: Float32Array) -> Float32Array:
    """Give what speaks for the class, each map summing to 1, on 100 x 100 pixels; 0 where nothing does.

    Args:
        maps: Shape (N, H, W).
    """
    heat = np.clip(resize_maps(maps, _CANVAS), 0.0, None)
    total = heat.sum(axis=(1, 2), keepdims=True)
    return np.asarray(np.divide(heat, total, out=np.zeros_like(heat), where=total > 0))


def border_shares(maps: Float32Array) -> Float64Array:
    """Give the share of the heat for a class in the border frame, shape (N,); NaN where nothing speaks for it."""
    heat = positive_heat(maps).astype(np.float64)
    edge = round(BORDER * _CANVAS)
    inner = heat[:, edge:-edge, edge:-edge].sum(axis=(1, 2))
    return np.where(heat.max(axis=(1, 2)) > 0, 1.0 - inner, np.nan)


def centres(maps: Float32Array) -> Float64Array:
    """Give the centre of the heat for a class, shape (N, 2): x from the left and y from the top, 0 to 1.

    NaN where nothing speaks for the class.
    """
    heat = positive_heat(maps).astype(np.float64)
    at = (np.arange(_CANVAS) + 0.5) / _CANVAS
    found = np.stack([heat.sum(axis=1) @ at, heat.sum(axis=2) @ at], axis=1)
    return np.where(heat.max(axis=(1, 2))[:, None] > 0, found, np.nan)


def rank_correlations(first: Float32Array, second: Float32Array) -> Float64Array:
    """Give Spearman's rank correlation of two maps of each picture, shape (N,), at 16 x 16 pixels.

    Maps may have different resolutions. NaN where a map is the same everywhere.

    Args:
        first: Shape (N, H, W).
        second: Shape (N, h, w).
    """
    from scipy.stats import rankdata

    ranks = []
    for maps in (first, second):
        flat = resize_maps(maps, _COMPARED).reshape(len(maps), -1)
        ranked = rankdata(flat, axis=1)
        ranks.append(ranked - ranked.mean(axis=1, keepdims=True))
    length = np.sqrt((ranks[0] ** 2).sum(axis=1) * (ranks[1] ** 2).sum(axis=1))
    both = (ranks[0] * ranks[1]).sum(axis=1)
    return np.asarray(np.divide(both, length, out=np.full(len(first), np.nan), where=length > 0))
