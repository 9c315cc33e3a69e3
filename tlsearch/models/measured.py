"""A candidate as it was measured on this machine: what the parent process knows of a network that it never loads."""

from __future__ import annotations

from dataclasses import dataclass

from tlsearch.models.cuts import Cuts
from tlsearch.types import Candidate

UNTIMED_RATIO = 3.0
"""What a training step takes in arithmetic: the forward work, and twice that for two gradients."""


@dataclass(frozen=True, kw_only=True)
class MeasuredCandidate:
    """A candidate with its cut points and its speed.

    Attributes:
        candidate: The candidate, its ``depth`` filled in.
        cuts: Its cut points.
        precision: The dtype policy that was chosen for its features.
        forward_seconds: Seconds an image for a forward pass of the whole backbone in that precision.
        train_ratio: How many times longer a training step takes than the same forward work; ``UNTIMED_RATIO`` where no
            step was timed.
        is_timed: Whether a training step was timed.
        freezes_depthwise: Whether its trials keep depthwise kernels as they are: it has some, and the backend takes
            several times as long for their gradients as for what they compute.
        parameters: The number of values of the network; None where they were not counted.
    """

    candidate: Candidate
    cuts: Cuts
    precision: str
    forward_seconds: float
    train_ratio: float
    is_timed: bool = True
    freezes_depthwise: bool = False
    parameters: int | None = None
