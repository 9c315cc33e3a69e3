"""How well the winner's heat maps say where things are, where the data set has boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tlsearch.errors import TlsearchError
from tlsearch.explain.boxed_images import BoxedImages, LabelledImage, boxed_images
from tlsearch.explain.boxes import Threshold
from tlsearch.explain.localise import FEWEST, BoxRequest
from tlsearch.pipeline.context import Data, RunContext
from tlsearch.predictor import has_config, read_config, update_config
from tlsearch.report.sections.localisation import summary
from tlsearch.results.schema import Insights
from tlsearch.runs.budget import TimeBudget
from tlsearch.stats.localisation import Localisation
from tlsearch.worker.models.requests import ScoreBoxes

MOST_CHOOSING = 300
"""Images that choose the threshold."""

MOST_SCORED = 1000
"""Test images that are scored."""

SECONDS_PER_IMAGE = 0.1
"""What is allowed for each of them: the decoding of a large picture, the network, and a gradient through its end."""

LEAST_SECONDS = 5.0
"""What loading the model is allowed."""


def with_localisation(context: RunContext, data: Data, insights: Insights) -> Insights:
    """Add how well the winner's boxes fit those of the test images, where there are boxes.

    The threshold is chosen on validation images, or, with folds, on all but the test images: nothing was trained on
    their boxes. It is kept beside the model, for ``tlsearch explain --boxes``. All of this comes after the answer and
    changes nothing of it, so that whatever goes wrong here is only told. The test images are open already.
    """
    if not any(data.index.images[row].boxes for row in (*data.split.test, *data.pool)):
        return insights
    scored = _boxed(data, data.split.test).at_most(MOST_SCORED)
    choosing = _boxed(data, data.pool if data.uses_folds else data.split.val).at_most(MOST_CHOOSING)
    if len(scored.files) < FEWEST:
        why = f"{len(scored.files)} test images have boxes of their class, and {FEWEST} are the fewest"
        return replace(insights, no_localisation=why)
    share = _affordable(context.budget, len(scored.files) + len(choosing.files))
    scored, choosing = (images.at_most(int(share * len(images.files))) for images in (scored, choosing))
    if len(scored.files) < FEWEST:
        return replace(insights, no_localisation="the time limit left no time for it")
    request = BoxRequest(
        model=context.output / "model",
        scored=scored,
        choosing=choosing,
        source="training and validation images" if data.uses_folds else "validation images",
        seed=context.config.seed,
    )
    try:
        seconds = context.budget.left_before_report()
        found = context.pool.near.send(ScoreBoxes(boxes=request, seconds=seconds))
    except TlsearchError as error:
        return replace(insights, no_localisation=str(error))
    for folder in (request.model, context.output / "refit"):
        if _network_of(folder) == _network_of(request.model):  # what is refitted may be a network from scratch
            _keep_threshold(folder, found)
    context.callbacks.on_step("boxes", summary(found))
    return replace(insights, localisation=found)


def _affordable(budget: TimeBudget, images: int) -> float:
    """The share of so many images for which there is time, 0 to 1."""
    left = budget.left_before_report()
    if left is None:
        return 1.0
    return min(1.0, max(0.0, (left - budget.price(LEAST_SECONDS)) / budget.price(SECONDS_PER_IMAGE * images)))


def _boxed(data: Data, rows: Sequence[int]) -> BoxedImages:
    index = data.index
    images = [
        LabelledImage(
            file=index.file(row),
            label=index.images[row].label,
            group=data.split.groups[row],
            boxes=index.images[row].boxes,
        )
        for row in rows
    ]
    return boxed_images(images, index.classes)


def _network_of(folder: Path) -> tuple[object, object] | None:
    """The network and the weights of the model in a folder; None where there is no model."""
    if not has_config(folder):
        return None
    config = read_config(folder)
    return config.get("backbone"), config.get("weights")


def _keep_threshold(folder: Path, found: Localisation) -> None:
    """Write a threshold that was chosen into ``config.json`` of a model, where there is one."""
    if not found.threshold_images or not has_config(folder):
        return
    threshold = Threshold(value=found.threshold, source=found.threshold_from, images=found.threshold_images)
    update_config(folder, threshold.in_config())
