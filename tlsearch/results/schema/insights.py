"""What a run found besides its winner: whether more data would help, label errors, calibration, prediction sets."""

from __future__ import annotations

from dataclasses import dataclass

from tlsearch.explain.records import MapStudy
from tlsearch.stats.calibration import Calibration
from tlsearch.stats.localisation import Localisation
from tlsearch.stats.prediction_sets import PredictionSets
from tlsearch.types import Interval


@dataclass(frozen=True)
class SizePoint:
    """A linear probe that was fitted on ``share`` of the images at hand, ``images`` of them.

    ``score`` is that on images of other folds, the same ones at every share, mean over ``draws`` draws;
    ``stderr`` is its standard error over the images scored and the draws.
    """

    share: float
    images: int
    score: float
    stderr: float


@dataclass(frozen=True, kw_only=True)
class MoreData:
    """Whether more images would help: a linear probe on growing shares of the training features.

    ``metric`` is ``accuracy`` or ``balanced_accuracy``, ``examined`` the number of images scored. ``last_gain``
    is what the last doubling gained, ``gain_ci95`` its 95 % interval over the same images and draws.
    """

    metric: str
    points: tuple[SizePoint, ...]
    draws: int
    examined: int
    last_gain: float
    gain_ci95: Interval


@dataclass(frozen=True, kw_only=True)
class Suspect:
    """An image whose label may be wrong, by probabilities of a model that has not seen it.

    ``given`` and ``suggested`` are classes, ``given_probability`` and ``suggested_probability`` what the strongest such
    model gave them. Of ``models`` that have not seen the image, the winner and a linear probe, ``agree`` call it
    something else than its label. Suspects come in order, the most suspect first.
    """

    path: str
    given: str
    suggested: str
    given_probability: float
    suggested_probability: float
    models: int = 1
    agree: int = 1


@dataclass(frozen=True, kw_only=True)
class LabelErrors:
    """Suspected label errors among the ``examined`` training and validation images.

    ``estimated`` is how many labels confident learning counts as wrong. ``suspects`` are the first of the images that
    look like another class, however many that count is, and ``suspected`` is how many look so, None where it is not
    known. ``by_winner`` of the images were judged by the winner, the others by linear probes.
    """

    examined: int
    estimated: int
    suspects: tuple[Suspect, ...] = ()
    by_winner: int = 0
    suspected: int | None = None


@dataclass(frozen=True, kw_only=True)
class Insights:
    """All of them; None where there was nothing to work on or no time.

    ``no_heat_maps`` says why there are no heat maps, ``no_localisation`` why boxes that images have were not scored.
    """

    more_data: MoreData | None = None
    label_errors: LabelErrors | None = None
    calibration: Calibration | None = None
    heat_maps: MapStudy | None = None
    no_heat_maps: str | None = None
    localisation: Localisation | None = None
    no_localisation: str | None = None
    prediction_sets: PredictionSets | None = None
