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
