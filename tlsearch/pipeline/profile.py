"""profile: accuracy by depth for every candidate, from one forward pass over the plain images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from tlsearch.errors import PluginError, TrialError
from tlsearch.pipeline.context import RunContext
from tlsearch.pipeline.jobs import Asked, Job, run_jobs
from tlsearch.pipeline.plan import Plan, nothing_usable, plugin_failed
from tlsearch.report.configuration import after_block
from tlsearch.results.schema import ProfilePoint
from tlsearch.search.warm_start import depths_of
from tlsearch.types import Candidate
from tlsearch.worker.client import WorkerDiedError
from tlsearch.worker.protocol import ProfileCandidate

Profile = Mapping[Candidate, tuple[ProfilePoint, ...]]

BARS = " .:-=+*#%@"


def make_profile(context: RunContext, plan: Plan) -> tuple[Plan, Profile]:
    """Find out how good the features of every candidate are after each of its cut points.

    Returns:
        The plan without the candidates whose plugin failed, and the profile of the others.

    Raises:
        PluginError: A plugin failed that the user named, or no candidate is left.
    """
    with context.budget.measure("profile"):
        return _make_profile(context, plan)


def _make_profile(context: RunContext, plan: Plan) -> tuple[Plan, Profile]:
    """Probe every candidate at every cut point, and say where its features are best."""
    profile: dict[Candidate, tuple[ProfilePoint, ...]] = {}
    broken = []
    candidates = plan.space.candidates
    jobs = [_probed(context, plan.data.training, candidate) for candidate in candidates]
    for candidate, result in zip(candidates, run_jobs(context.pool, jobs), strict=True):
        try:
            scores = result.result()
        except (TrialError, PluginError, WorkerDiedError) as error:
            broken.append(
                plugin_failed(context.config, plan.plugins, (candidate.backbone, candidate.weights or ""), error)
            )
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
    plan.costs.remember_profile()
    if broken:
        space = replace(plan.space, candidates=tuple(profile))
        plan = replace(plan, space=space, left_out=(*plan.left_out, *broken))
    return plan, profile


Scores = tuple[tuple[float, float], ...]


def _probed(context: RunContext, train: tuple[int, ...], candidate: Candidate) -> Job[Scores]:
    """(accuracy, standard error) of a linear probe at each cut."""
    request = ProfileCandidate(candidate=candidate, train=train, seed=context.config.seed)
    key = ("profile", candidate, train, request.seed)
    kept: Scores | None = context.checkpoint.get(key, Scores)
    if kept is not None:
        return kept
    scores: Scores
    scores, _ = yield Asked(request, context.progress("profile"))
    context.checkpoint.put(key, scores)
    return scores


def profile_line(candidate: Candidate, points: Sequence[ProfilePoint]) -> str:
    """``efficientnet_lite0@imagenet  .:+*#  best 0.865 after block 13 of 18 (cut point stage6a)``."""
    low = min(p.accuracy for p in points)
    spread = max(max(p.accuracy for p in points) - low, 1e-9)
    bars = "".join(BARS[round((p.accuracy - low) / spread * (len(BARS) - 1))] for p in points)
    best = max(points, key=lambda p: p.accuracy)
    return (
        f"{candidate.label:<28} {bars}  best {best.accuracy:.3f} {after_block(best.depth, len(points), best.cut_point)}"
    )


def affordable(plan: Plan) -> dict[Candidate, bool]:
    """Whether the last stage of a candidate can be tuned within the cap of one trial, and the model may be used."""
    space, result = plan.space, dict[Candidate, bool]()
    for candidate in space.candidates:
        late = depths_of(candidate, space.hints_of(candidate))[1]
        spec = space.spec(space.params(candidate, train_suffix=True, freeze_depth=late))
        result[candidate] = plan.affords(spec) and plan.may_ship(spec)
    return result


def best_candidates(profile: Profile, affordable: Mapping[Candidate, bool]) -> list[Candidate]:
    """The one or two candidates whose suffixes are worth tuning first.

    They are the best probe, and the next where its probe lies within two standard errors of it and it can be tuned in
    the time.
    """
    ranked = sorted(profile, key=lambda c: max(p.accuracy for p in profile[c]), reverse=True)
    ranked = [c for c in ranked if affordable[c]] or ranked[:1]
    first = max(profile[ranked[0]], key=lambda p: p.accuracy)
    doubt = 0.0 if first.stderr is None else 2 * first.stderr
    near = [c for c in ranked[1:2] if max(p.accuracy for p in profile[c]) >= first.accuracy - doubt]
    return [ranked[0], *near]
