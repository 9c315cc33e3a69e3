"""What is found about a folder of new pictures: small frozen records, as ``--format json`` prints them."""

from __future__ import annotations

from dataclasses import dataclass

from tlsearch.monitoring.drift import TwoSampleTest

COMPARISONS = 3
"""They share the level."""


@dataclass(frozen=True, kw_only=True)
class UnlikePictures:
    """Pictures that are unlike the training images.

    ``count`` of all pictures are, ``share`` of them. ``expected`` is the share that would be falsely called so among
    pictures like the training images, and ``p_value`` how easily that gives as many. ``examples`` are the names of
    some, the most unlike first.
    """

    count: int
    share: float
    expected: float
    p_value: float
    examples: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ClassShare:
    """How often the model predicts a class: for held-out images at its training, and for the new pictures."""

    label: str
    before: float
    now: float


@dataclass(frozen=True, kw_only=True)
class MonitorReport:
    """New pictures, compared with the images that a model was trained on.

    Attributes:
        applies: Whether the model's figures still apply to such pictures, as far as they can tell.
        too_few: Whether they are too few to tell anything; then ``applies`` says only that nothing speaks against it.
        sentence: The same for people, with the reason.
        pictures: How many were read.
        unread: How many could not be read.
        unlike: Those that are unlike the training images.
        features: By how much features differ: the maximum mean discrepancy, 0 to 1.4.
        classes: By how much the shares of predicted classes differ: the total variation, 0 to 1.
        shares: Those shares, the largest change first.
        not_sure: The share of pictures with several classes in their prediction set; None where the model has no sets.
        coverage: The coverage of these sets.
        level: Below this p-value, divided by the three comparisons, a difference is one.
    """

    applies: bool
    too_few: bool
    sentence: str
    pictures: int
    unread: int
    unlike: UnlikePictures
    features: TwoSampleTest
    classes: TwoSampleTest
    shares: tuple[ClassShare, ...]
    not_sure: float | None
    coverage: float | None
    level: float

    def differs(self, p_value: float) -> bool:
        """Whether a comparison with this p-value shows a difference."""
        return p_value < self.level / COMPARISONS
