"""How far from square images are."""

from __future__ import annotations

import statistics
from collections.abc import Iterable

from tlsearch.data.index import ImageRecord

FAR_FROM_SQUARE = 1.5
"""From this median of long side / short side on, the ways to make a square of an image are compared.

It is the ratio of a photograph on film (3:2). Cameras give 4:3 (1.33) to 3:2, and networks have learned from squashed
and cropped photographs of these: below, whatever the way, little is lost. Films (16:9 is 1.78), panoramas, documents
and lines of text lie above."""


def median_aspect(images: Iterable[ImageRecord]) -> float:
    """The median over images of long side / short side: 1 where they are square."""
    return statistics.median(max(i.width, i.height) / max(1, min(i.width, i.height)) for i in images)
