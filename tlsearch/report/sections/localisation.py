"""How well heat maps say where things are, in words and as a table."""

from __future__ import annotations

from tlsearch.report.numbers import percent, points
from tlsearch.stats.claims import Estimate
from tlsearch.stats.localisation import OVERLAPS, BoxGain, BoxScores, Localisation
from tlsearch.utils.units import counted

HEADINGS = ("", "pointing game", "box accuracy", *(f"overlap {least:g}" for least in OVERLAPS))
"""Those of ``score_rows``."""


def score_rows(found: Localisation, model: str = "model") -> tuple[tuple[str, ...], ...]:
    """Give a row for the model and for each rule that looks at no image, with the columns ``HEADINGS``."""
    return (
        _row(model, found.model),
        _row(f"box in the middle, {percent(found.centre_share, 0)} of each side", found.centre),
        _row("box around the whole image", found.whole),
    )


def sentences(found: Localisation, model: str = "model") -> list[str]:
    """Say what was scored, whether the maps say where things are, and where the threshold comes from."""
    return [
        f"{counted(found.images, 'image')} with {counted(found.boxes, 'box', 'boxes')} of their class. Pointing game: "
        "the hottest point of the heat map lies in one of them. Box accuracy: the box around the hottest part overlaps "
        "one by 0.3, 0.5 and 0.7 at least (intersection over union), the mean of the three.",
        _comparison(found, model),
        _threshold(found),
    ]


def summary(found: Localisation) -> str:
    """Give both scores in a line."""
    return (
        f"pointing game {_value(found.model.pointing)}, box accuracy {_value(found.model.box_accuracy)} on "
        f"{counted(found.images, 'image')}; a box in the middle {percent(found.centre.pointing.value)} and "
        f"{percent(found.centre.box_accuracy.value)}"
    )


def _row(name: str, scores: BoxScores) -> tuple[str, ...]:
    return (name, *map(_value, (scores.pointing, scores.box_accuracy, *scores.by_overlap)))


def _value(estimate: Estimate) -> str:
    low, high = estimate.ci95
    return f"{percent(estimate.value)} [{100 * low:.1f}, {100 * high:.1f}]"


def _comparison(found: Localisation, model: str) -> str:
    """Whether the model is better than both rules in both scores, with the differences."""
    gains = found.over_centre, found.over_whole
    lows = [estimate.ci95[0] for gain in gains for estimate in (gain.pointing, gain.box_accuracy)]
    said = f"over a box in the middle {_gain(found.over_centre)}; over the whole image {_gain(found.over_whole)}"
    if min(lows) > 0:
        return f"The {model} says where things are: {said} (95 % intervals)."
    return (
        f"It is not shown that the {model} says where things are better than a rule that looks at no image: {said} "
        "(95 % intervals)."
    )


def _gain(gain: BoxGain) -> str:
    pointing, accuracy = (
        f"{points(one.value)} [{points(one.ci95[0])}, {points(one.ci95[1])}]"
        for one in (gain.pointing, gain.box_accuracy)
    )
    return f"{pointing} points in the pointing game and {accuracy} in box accuracy"


def _threshold(found: Localisation) -> str:
    share = percent(found.threshold, 0)
    if found.threshold_images and found.threshold_from != "the run":
        return (
            f"A place is in the box from {share} of the heat on, between the least and the greatest of a map. That was "
            f"chosen on {found.threshold_images:,} {found.threshold_from}, as was the size of the box in the middle."
        )
    whose = "chosen by the run of the model" if found.threshold_images else "the default"
    return (
        f"A place is in the box from {share} of the heat on, between the least and the greatest of a map: {whose}. The "
        "size of the box in the middle is the best one for these images, which favours it."
    )
