"""Every candidate is measured on this machine, at a size that suits the time, or left out."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

from tlsearch.config import RunConfig
from tlsearch.config_values import parse_weights
from tlsearch.errors import PluginError, PluginFailedError, TlsearchError, TrialError, WeightsError
from tlsearch.models.measured import MeasuredCandidate
from tlsearch.pipeline.candidates import AvailableCandidate
from tlsearch.pipeline.context import Data, RunContext
from tlsearch.pipeline.limits.refusal import plan_is_late, refuse_while_measuring
from tlsearch.pipeline.measure import fitting_size, measure_at_fitting_size, measure_in_full
from tlsearch.pipeline.preflight import Ready
from tlsearch.plugins.facts import PluginFacts
from tlsearch.results.schema import LeftOut
from tlsearch.types import Candidate
from tlsearch.utils.units import format_duration
from tlsearch.worker.client import WorkerDiedError

FEWEST_PIXELS = 64
"""Side below which a network that was trained on images of 224 px sees too little to compete with one that sees more:
VGG16 told ten kinds of clothes in 0.76 of the images at 32 px, where EfficientNet-Lite0 at 128 px did in 0.81."""

LEFT_OUT = ("left out of the plan",)
"""What the checkpoint knows by this: what took no part in the run when it began."""


def measure_all(
    context: RunContext, data: Data, ready: Ready
) -> tuple[dict[Candidate, MeasuredCandidate], list[LeftOut]]:
    """Measure every candidate, each at a size that suits the time.

    What was left out when the run began stays left out in every later attempt at it.

    Returns:
        What was measured, and what is left out: candidates whose plugin fails, which is fatal only for what the user
        named, and those for which there is time on small images only, where another can see more.

    Raises:
        UsageError: The limit of time is too short for the shortest run; known before all is measured, it is raised
            then.
        PluginError: No candidate is left.
    """
    return _Measuring(context, data, ready).all()


class _Measuring:
    """Candidates while they are measured."""

    def __init__(self, context: RunContext, data: Data, ready: Ready) -> None:
        self._context, self._data, self._ready = context, data, ready
        began: tuple[LeftOut, ...] = context.checkpoint.get(LEFT_OUT, tuple[LeftOut, ...]) or ()
        known = {item.name: item for item in began}
        here = list(zip(ready.candidates, ready.sizes, strict=True))
        self._candidates = [(item, size) for item, size in here if _label(item) not in known]
        self._left_out = [known[label] for item, _ in here if (label := _label(item)) in known]
        self._sure: list[MeasuredCandidate] = []  # those that take part as they are
        self._longest = 0.0  # seconds of a measurement

    def all(self) -> tuple[dict[Candidate, MeasuredCandidate], list[LeftOut]]:
        looks = self._looks()
        sees_enough = any(size >= FEWEST_PIXELS for _, _, size in looks)
        some_fit = any(facts.is_timed for _, facts, _ in looks)
        measured: dict[Candidate, MeasuredCandidate] = {}
        for number, (item, facts, size) in enumerate(looks):
            why = "" if self._was_named(facts.candidate) else self._too_long(facts, size, sees_enough, some_fit)
            if why:
                self._left_out.append(LeftOut(facts.candidate.label, why))
                continue
            self._refuse(sum(at < seen.candidate.image_size for _, seen, at in looks[number:]))
            smallest = item.backbone.min_image_size
            call = partial(measure_at_fitting_size, self._context, self._data, measured, facts, smallest)
            measured |= {settled.candidate: settled for settled in self._measured(item, call)}
        if not measured:
            raise nothing_usable(self._left_out)
        return measured, self._left_out

    def _looks(self) -> list[tuple[AvailableCandidate, MeasuredCandidate, int]]:
        """Every candidate at its full size, with the size at which its first view fits into its time."""
        context, data, candidates = self._context, self._data, self._candidates
        known: dict[Candidate, MeasuredCandidate] = {}
        looks: list[tuple[AvailableCandidate, MeasuredCandidate, int]] = []
        for number, (item, size) in enumerate(candidates):
            self._refuse(len(candidates) - number)
            for facts in self._measured(item, partial(measure_in_full, context, data, known, item, size)):
                known[facts.candidate] = facts
                fitting = fitting_size(context, data, facts, item.backbone.min_image_size)
                looks.append((item, facts, fitting))
                stays = len(self._ready.candidates) == 1 or self._was_named(facts.candidate)
                if stays and fitting == facts.candidate.image_size:
                    self._sure.append(facts)
        return looks

    def _refuse(self, unknown: int) -> None:
        """Refuse the limit of time where it is known to be too short, with so many measurements to come."""
        refuse_while_measuring(self._context, self._data, self._sure, unknown, self._longest)

    def _measured(self, item: AvailableCandidate, call: Callable[[], MeasuredCandidate]) -> list[MeasuredCandidate]:
        """What was measured of a candidate; nothing where its plugin fails."""
        began = time.monotonic()
        try:
            return [call()]
        except (TrialError, PluginError, WeightsError, WorkerDiedError) as error:
            if isinstance(error, WorkerDiedError) and plan_is_late(self._context.budget):
                raise  # it was ended for that, and no plugin is to blame
            names = item.backbone.name, item.weights.name
            self._left_out.append(plugin_failed(self._context.config, self._ready.plugins, names, error))
            return []
        finally:
            self._longest = max(self._longest, time.monotonic() - began)

    def _too_long(self, facts: MeasuredCandidate, size: int, sees_enough: bool, some_fit: bool) -> str:
        """Why there is no time for a candidate, at the size that fits, where there is for another; else empty."""
        limit = format_duration(self._context.budget.most(1.0))
        if self._context.config.image_size is not None:  # no step was timed of what does not fit
            return f"in {limit} there is no time for its features" if some_fit and not facts.is_timed else ""
        return f"in {limit} there is time for images of {size} px only" if sees_enough and size < FEWEST_PIXELS else ""

    def _was_named(self, candidate: Candidate) -> bool:
        """Whether the user asked for the network."""
        return bool({candidate.backbone, candidate.label} & set(self._context.config.backbones))


def _label(item: AvailableCandidate) -> str:
    return f"{item.backbone.name}@{item.weights.name}"


def plugin_failed(config: RunConfig, plugins: PluginFacts, candidate: tuple[str, str], error: TlsearchError) -> LeftOut:
    """What to say of a candidate (backbone, weights) whose plugin failed. Raises where the user named it."""
    backbone, weights = candidate
    label, reason = f"{backbone}@{weights}", str(error).rstrip(".")
    added = plugins.of("weights").get(label)
    own = next(f"{b.distribution} {b.version}" for b in plugins.backbones if b.name == backbone)
    named = {text for text in config.backbones if "@" in text or added is None}
    named |= {"@".join(parse_weights(text)[:2]) for text in config.weights}
    if not {backbone, label} & named:
        return LeftOut(label, f"its plugin {added or own} fails: {reason}")
    if isinstance(error, WeightsError):
        raise error
    # No output folder is left, where a log could be.
    more = f": `tlsearch plugins check {backbone}` shows where" if isinstance(error, PluginFailedError) else ""
    raise PluginError(f"{label} of {added or own} cannot be used: {reason}{more}.") from error


def nothing_usable(broken: Sequence[LeftOut]) -> PluginError:
    """The error where no backbone is left."""
    return PluginError("No backbone can be used: " + "; ".join(f"{b.name}, {b.reason}" for b in broken) + ".")
