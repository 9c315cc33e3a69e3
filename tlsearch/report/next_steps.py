"""What to do after a run: what would help most, each step with its evidence."""

from __future__ import annotations

from collections.abc import Iterator

from tlsearch.report.more_images import more_images
from tlsearch.report.text import shown_suspects
from tlsearch.results.result import RunResult
from tlsearch.utils.units import counted, format_duration

FEW_TUNED = 5
"""Trials that tuned layers below which more time is the first thing to try."""


def next_steps(result: RunResult, model: str) -> Iterator[str]:
    """What would help most, the surest first. ``model`` is the folder of the model to use."""
    tuned = sum(row.role == "trial" and row.kind == "fine_tuning" and row.state == "complete" for row in result.trials)
    limit = result.plan.time_limit
    if limit is not None and tuned < FEW_TUNED:
        trials = f"only {counted(tuned, 'trial')}" if tuned else "no trial"
        yield (
            f"Next, give it more time: {trials} that tuned layers of a network came to an end within "
            f"{format_duration(limit)} (--time-limit, with another --output)."
        )
    if step := more_images(result, model).step:
        yield step
    errors = result.insights.label_errors
    if errors is not None and errors.estimated and errors.suspects:
        yield (
            f"Next, look at the {counted(shown_suspects(errors), 'label')} that the report shows: models that had not "
            "seen these images are surest of another class there, and some of the labels may be wrong."
        )
    absent = [item.name for item in result.plan.left_out if "download" in item.reason]
    if absent:
        yield f"Next, try another network: {', '.join(absent)} took no part (tlsearch weights fetch {absent[0]})."
