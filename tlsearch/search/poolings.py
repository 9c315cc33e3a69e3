"""Which ways to pool its features a network has, for the search to choose from."""

from __future__ import annotations

import math

from tlsearch.models.cuts import Cuts
from tlsearch.types import Pooling

MAP_POOLINGS: tuple[Pooling, ...] = ("avg", "avgmax")
"""The poolings of every feature map."""

FLATTEN_VALUES = 7 * 7 * 512
"""The largest feature map, in values an image, that may be flattened: that of VGG at 224 pixels."""

FLATTEN_TOTAL = 100_000_000
"""The values of the flattened maps of all images together, at most: 400 MB of memory."""

FLATTEN_WEIGHTS = 1 << 23
"""The weights between a flattened map and the hidden layer, at most; the layer is narrower where it would have more."""


def flattened_values(cuts: Cuts, images: int) -> int:
    """Give the values of the final map of a network, flattened, where it may be flattened for so many images; else 0.

    A map of one place is a vector already, and tokens are not flattened.
    """
    values = math.prod(cuts[-1].shape)
    small = values <= FLATTEN_VALUES and values * images <= FLATTEN_TOTAL
    return values if values > cuts[-1].channels and small and not cuts[-1].has_tokens else 0


def token_poolings(cuts: Cuts) -> tuple[Pooling, ...]:
    """Give the poolings of a network that gives tokens, as there are; none for one that gives a map."""
    if not cuts[-1].has_tokens:
        return ()
    return ("mean", "class_token") if cuts[-1].leading_tokens else ("mean",)


def nearest_pooling(own: tuple[Pooling, ...], wanted: Pooling) -> Pooling:
    """Give the pooling among a network's ``own`` that stands for ``wanted``: of tokens and of maps it has another name.

    The averages come first among the poolings of both. What tells more, the maxima or the class token, comes second,
    where there is such a thing.
    """
    if wanted in own:
        return wanted
    return own[min(1, len(own) - 1)] if wanted in ("avgmax", "class_token") else own[0]
