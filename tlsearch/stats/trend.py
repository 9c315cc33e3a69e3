"""Whether a learning curve has come to its end."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def still_rising(curve: Sequence[float]) -> bool:
    """Whether the last three scores are better than the three before by more than their noise.

    A curve of fewer than six scores counts as rising.
    """
    if len(curve) < 6:
        return True
    before, last = np.asarray(curve[-6:-3]), np.asarray(curve[-3:])
    noise = float(np.hypot(before.std(ddof=1), last.std(ddof=1)) / np.sqrt(3))
    return bool(last.mean() - before.mean() > noise)


STEEP = 0.2
"""Share of all that a curve has gained which its last three scores may gain before it counts as only begun."""


def rising_steeply(curve: Sequence[float]) -> bool:
    """Whether a curve is so far from its end that its last score says little of what the network can do.

    That is so where the last three scores lie above the three before by more than their noise and by more than a fifth
    of what the curve has gained since its first score. A curve of fewer than six scores has only begun.
    """
    if len(curve) < 6:
        return True
    before, last = np.mean(curve[-6:-3]), np.mean(curve[-3:])
    return still_rising(curve) and bool(last - before > STEEP * (last - curve[0]))
