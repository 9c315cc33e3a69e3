"""profile: accuracy by depth for every candidate, from one forward pass over the plain images.

Of many candidates, those that have no chance are left out before, by a few images.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tlsearch.errors import OutOfTimeError, PluginError, TrialError
from tlsearch.listeners.callback_list import CallbackList
from tlsearch.pipeline.candidates.measured import nothing_usable, plugin_failed
from tlsearch.pipeline.context import RunContext
from tlsearch.pipeline.jobs import Job, run_jobs
from tlsearch.pipeline.plan import Plan
from tlsearch.pipeline.profile.screen import cheapest_of, most_accurate, published_accuracy, screen
from tlsearch.pipeline.profile.timed import NO_TIME, Scores, most_seconds, timed_scores
from tlsearch.report.configuration import after_block
from tlsearch.results.schema import LeftOut, ProfilePoint
from tlsearch.search.cost import COMPILE_SECONDS
from tlsearch.search.warm_start import depths_of
from tlsearch.types import Candidate
from tlsearch.worker.client import WorkerDiedError
from tlsearch.worker.protocol import ProfileCandidate

Profile = Mapping[Candidate, tuple[ProfilePoint, ...]]

BARS = " .:-=+*#%@"

COSTLY = 2.0
"""How many times the work of tuning one network from its middle it may take to tune the last stage of another that is
no better. Of two that a linear probe cannot tell apart on 3,409 photographs of clothes, the last stage of VGG16 took
3.6 times the work of the later half of EfficientNet-Lite0 and half of the search, and came out 3.5 points lower."""

_FAILED = ("left out of the profile",)
"""What the checkpoint knows by this: the candidates that failed, where others did not."""


def make_profile(context: RunContext, plan: Plan) -> tuple[Plan, Profile]:
    """Find out how good the features of every candidate are after each of its cut points.

    Returns:
        The plan without the candidates that are far behind, or whose plugin failed, and the profile of the others.

    Raises:
        PluginError: A plugin failed that the user named, or no candidate is left.
    """
    with context.budget.measure("profile"):
        return _make_profile(context, screen(context, plan))


def _make_profile(context: RunContext, plan: Plan) -> tuple[Plan, Profile]:
    """Probe every candidate at every cut point, and say where its features are best.

    What failed in an earlier attempt at the run is not asked again: the study knows the candidates that were left.
    """
    profile: dict[Candidate, tuple[ProfilePoint, ...]] = {}
    known: tuple[LeftOut, ...] | None = context.checkpoint.get(_FAILED, tuple[LeftOut, ...])
    failed = list(known or ())
    for item in failed:
        context.callbacks.on_warning(f"{item.name} is left out: {item.reason}.")
    broken = [*failed]
    candidates = [c for c in plan.space.candidates if c.label not in {item.name for item in failed}]
    cheapest = cheapest_of(plan)
    jobs = [_probed(context, plan, candidate, needed=candidate is cheapest) for candidate in candidates]
    for candidate, result in zip(candidates, run_jobs(context.pool, jobs), strict=True):
        try:
            scores = result.result()
        except OutOfTimeError:
            broken.append(LeftOut(candidate.label, NO_TIME))
            context.callbacks.on_warning(f"{candidate.label} is left out: {broken[-1].reason}")
            continue
        except (TrialError, PluginError, WorkerDiedError) as error:
            failed.append(
                plugin_failed(context.config, plan.plugins, (candidate.backbone, candidate.weights or ""), error)
            )
            broken.append(failed[-1])
            context.callbacks.on_warning(f"{candidate.label} is left out: {broken[-1].reason}.")
            continue
        cuts = plan.measured[candidate].cuts
        points = tuple(
            ProfilePoint(cut_point=cut.name, depth=depth, accuracy=accuracy, stderr=error)
            for depth, (cut, (accuracy, error)) in enumerate(zip(cuts, scores, strict=True), 1)
        )
        profile[candidate] = points
        context.callbacks.on_step("profile", profile_line(candidate, points))
    if not profile:
        raise nothing_usable(broken)
    if known is None:
        context.checkpoint.put(_FAILED, tuple(failed))
    plan.costs.remember_profile()
    if broken:
        space = replace(plan.space, candidates=tuple(profile))
        plan = replace(plan, space=space, left_out=(*plan.left_out, *broken))
    return plan, profile


def _probed(context: RunContext, plan: Plan, candidate: Candidate, *, needed: bool) -> Job[Scores]:
    """(accuracy, standard error) of a linear probe at each cut; what it took sets the pace of what comes later.

    Where it is ``needed`` it has all the time that it takes, else it raises ``OutOfTimeError``.
    """
    train, seconds = plan.data.training, None if needed else most_seconds(context.budget)
    request = ProfileCandidate(candidate=candidate, train=train, seed=context.config.seed, seconds=seconds)
    # Besides the passes, the network is built and a probe is solved at every cut: of few images that is most of it.
    estimated = COMPILE_SECONDS + plan.measured[candidate].forward_seconds * len(plan.data.pool)
    return (yield from timed_scores(context, request, ("profile", candidate, train, request.seed), estimated))


def profile_line(candidate: Candidate, points: Sequence[ProfilePoint]) -> str:
    """``efficientnet_lite0@imagenet  .:+*#  best 0.865 after block 13 of 18 (cut point stage6a)``."""
    low = min(p.accuracy for p in points)
    spread = max(max(p.accuracy for p in points) - low, 1e-9)
    bars = "".join(BARS[round((p.accuracy - low) / spread * (len(BARS) - 1))] for p in points)
    best = max(points, key=lambda p: p.accuracy)
    return (
        f"{candidate.label:<28} {bars}  best {best.accuracy:.3f} {after_block(best.depth, len(points), best.cut_point)}"
    )


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """What it takes to tune a candidate, and what else speaks for it.

    Attributes:
        fits: Whether its last stage can be tuned within the cap of one trial, and the model may be used.
        late: The operations of a trial that tunes its last stage.
        middle: The operations of a trial that tunes its later half.
        published: The accuracy on ImageNet that its weights were published with, 0 to 1; None where it is not known.
    """

    fits: bool = True
    late: float = 0.0
    middle: float = 0.0
    published: float | None = None


def tuning_of(plan: Plan) -> dict[Candidate, Tuning]:
    """Say what it takes to tune each candidate."""
    space, result = plan.space, dict[Candidate, Tuning]()
    for candidate in space.candidates:
        middle, late = (
            space.spec(space.params(candidate, train_suffix=True, freeze_depth=depth))
            for depth in depths_of(candidate, space.hints_of(candidate))
        )
        result[candidate] = Tuning(
            fits=plan.affords(late) and plan.may_ship(late),
            late=plan.costs.operations(late),
            middle=plan.costs.operations(middle),
            published=published_accuracy(plan, candidate),
        )
    return result


def tried_once(plan: Plan, best: Sequence[Candidate]) -> list[Candidate]:
    """The candidate that is tuned once although its probe is not among the best.

    It is the most accurate one on ImageNet, where it can be tuned in the time: see ``screen``.
    """
    candidate = most_accurate(plan)
    return [] if candidate is None or candidate in best or not tuning_of(plan)[candidate].fits else [candidate]


def best_candidates(profile: Profile, tuning: Mapping[Candidate, Tuning], *, timed: bool) -> list[Candidate]:
    """The one or two candidates whose suffixes are worth tuning first.

    They are the best probe, and the next where its probe lies within two standard errors of it and it can be tuned in
    the time. Where the time is limited and one of two such candidates takes over twice the work of the other, it is
    the cheaper one alone: in the time of one trial of the dearer, several of the cheaper show what tuning brings. A
    dearer one whose published accuracy is higher stays, for tuning may bring out what its features do not show.
    """
    ranked = sorted(profile, key=lambda c: max(p.accuracy for p in profile[c]), reverse=True)
    ranked = [c for c in ranked if tuning[c].fits] or ranked[:1]
    first = max(profile[ranked[0]], key=lambda p: p.accuracy)
    doubt = 0.0 if first.stderr is None else 2 * first.stderr
    near = [c for c in ranked[1:2] if max(p.accuracy for p in profile[c]) >= first.accuracy - doubt]
    both = [ranked[0], *near]
    cheap, dear = min(both, key=lambda c: tuning[c].late), max(both, key=lambda c: tuning[c].late)
    return [cheap] if timed and _outdone(tuning[dear], tuning[cheap]) else both


def _outdone(dear: Tuning, cheap: Tuning) -> bool:
    """Whether nothing speaks for tuning the dearer of two candidates whose features are equally good."""
    promises = dear.published is not None and cheap.published is not None and dear.published > cheap.published
    return dear.late > COSTLY * cheap.middle and not promises


def choose_best(callbacks: CallbackList, plan: Plan, profile: Profile) -> list[Candidate]:
    """Choose the candidates that are tuned first, and say which one is not, and why."""
    tuning, timed = tuning_of(plan), plan.cap is not None
    best = best_candidates(profile, tuning, timed=timed)
    for candidate in best_candidates(profile, tuning, timed=False):
        if candidate not in best:
            times = tuning[candidate].late / tuning[best[0]].middle
            callbacks.on_step(
                "profile",
                f"{candidate.label} is not tuned at first: its features are not clearly better than those of "
                f"{best[0].label}, and to tune its last stage takes {times:.1f} times the work of tuning most of that",
            )
    return best
