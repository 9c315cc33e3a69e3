"""The scores of the winner and of what it is compared with, in the metric of the run. An interval is (low, high)."""

from __future__ import annotations

from dataclasses import dataclass

from tlsearch.stats.intervals import SCORE_INTERVAL
from tlsearch.stats.trend import Rise
from tlsearch.types import Interval


@dataclass(frozen=True, kw_only=True)
class Confirmed:
    """A model on resampled folds; the two spreads answer different questions and are not added up.

    ``seed_spread`` is the standard deviation over seeds, ``sampling_error`` the standard error that comes
    from the choice of images.
    """

    mean: float
    folds: int
    seed_spread: float | None
    sampling_error: float | None


@dataclass(frozen=True, kw_only=True)
class Corrected:
    """The best of ``trials`` on ``images`` validation images, corrected for its having been selected on them."""

    value: float
    ci95: Interval
    trials: int
    images: int


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """The winner's scores in the metric ``name``.

    ``val`` chose the winner and is optimistic for that; ``test`` comes from the exported model on the
    original files, once. ``val_folds`` is the number of folds that ``val`` is the mean of. ``ms_per_image`` is
    the time of one image alone. ``majority`` is what always guessing the largest class scores on test (where the metric
    is not made of counts, the best answer that is the same for every image), ``test_opened`` how often this test set
    has been opened, by this run or any before it. ``test_accuracy`` is the plain accuracy on test, whatever the metric
    is. ``greater_is_better`` is False where a lower score is better.
    ``counts`` names the ``CountMetric`` that the metric is; such scores are fractions 0..1. ``meaning`` says in a few
    words what the score is, and is empty where its plugin does not. ``interval_method`` says how intervals are made:
    "score interval" where the metric is one, else "stratified bootstrap". ``parameters`` is the number of values in the
    model. ``corrected`` is what the selected trial scores on images that did not select it.
    """

    name: str
    val: float
    test: float
    test_ci95: Interval
    ms_per_image: float | None = None
    megabytes: float | None = None
    confirmed: Confirmed | None = None
    val_selected_optimistic: bool = True
    majority: float | None = None
    test_opened: int | None = None
    test_accuracy: float | None = None
    test_accuracy_ci95: Interval | None = None
    val_folds: int = 1
    greater_is_better: bool = True
    counts: str | None = None
    meaning: str = ""
    interval_method: str = SCORE_INTERVAL
    parameters: int | None = None
    corrected: Corrected | None = None

    @property
    def sign(self) -> float:
        """1 where a greater score is better, -1 where a smaller one is: of ``sign * score`` the greater is better."""
        return 1.0 if self.greater_is_better else -1.0


@dataclass(frozen=True, kw_only=True)
class LinearProbe:
    """The best plain linear probe, a linear classifier on final features: what transfer gives without any search.

    ``val`` is the mean of ``val_folds`` folds. ``megabytes``, ``ms_per_image`` and ``parameters`` are as in
    ``Metrics``.
    """

    label: str
    val: float
    test: float
    test_ci95: Interval
    confirmed: Confirmed | None = None
    val_folds: int = 1
    megabytes: float | None = None
    ms_per_image: float | None = None
    parameters: int | None = None


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """A network trained from random initial values. ``weights`` is always None.

    ``stopped_by`` is ``schedule`` or ``time``; ``still_improving`` says that validation rose to the end;
    ``not_affordable`` names architectures that could not be trained from scratch within the time. ``no_claim`` says why
    no gain over it is claimed, and is empty where one may be. ``whole_epochs`` are those of the whole schedule, and
    ``rise`` is what the score would gain in those that are left, or in as many again where none are. ``megabytes``,
    ``ms_per_image`` and ``parameters`` are as in ``Metrics``.
    """

    architecture: str
    seconds: float
    epochs: int
    stopped_by: str
    still_improving: bool
    val: float
    test: float
    test_ci95: Interval
    not_affordable: tuple[str, ...] = ()
    weights: None = None
    confirmed: Confirmed | None = None
    val_folds: int = 1
    no_claim: str = ""
    whole_epochs: int | None = None
    rise: Rise | None = None
    megabytes: float | None = None
    ms_per_image: float | None = None
    parameters: int | None = None
