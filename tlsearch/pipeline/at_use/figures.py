"""What the models of a run cost at use, as the result has it: measured where they were, else by estimate."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from tlsearch.models.use_cost import BYTES, NetworkAtUse, UseCost, linear_values
from tlsearch.pipeline.at_use.use_budget import ALIKE, Shipped, UseBudget
from tlsearch.pipeline.baseline import BaselineResult, scratch_of
from tlsearch.pipeline.confirm import Confirmation
from tlsearch.pipeline.evaluate import Evaluation
from tlsearch.pipeline.plan import Plan
from tlsearch.pipeline.saved_models import SCRATCH
from tlsearch.results.schema import AtUse, Confirmed, ModelAtUse, NetworkOutside, TrialRow, UseChoice
from tlsearch.results.schema.at_use import ModelRole
from tlsearch.search.trial_record import TrialRecord
from tlsearch.stats.pareto import efficient
from tlsearch.types import Candidate, TrialSpec

KERAS = (
    "Keras' own files, one image at a time with the threads of the run: those of the winner were measured, and those "
    "of the other models are estimates from their networks and heads, in proportion to it"
)
EXPORTED = (
    "exported float32 files, one image at a time on one thread by {runtimes}; each network was measured with a linear "
    "head, and the model to use by its own file"
)


@dataclass(frozen=True, kw_only=True)
class Modelled:
    """A model that was tested.

    Attributes:
        role: What it is in the run.
        network: The label of its network.
        val: Its validation score.
        megabytes: Millions of bytes of its Keras file.
        ms_per_image: Milliseconds that it takes for one image with Keras; None where that was not measured.
    """

    role: ModelRole
    network: str
    val: float
    megabytes: float
    ms_per_image: float | None


def use_figures(
    plan: Plan,
    confirmation: Confirmation,
    evaluation: Evaluation,
    probe: TrialRecord,
    baseline: BaselineResult | None,
) -> UseFigures:
    """What every model of a run costs at use; a winner that is the linear probe is there once, as the winner."""
    tested: dict[TrialSpec, Modelled] = {}

    def add(spec: TrialSpec, role: ModelRole, network: Candidate, val: float, name: str) -> None:
        cost = evaluation.costs[name]
        modelled = Modelled(
            role=role, network=network.label, val=val, megabytes=cost.megabytes, ms_per_image=cost.ms_per_image
        )
        tested.setdefault(spec, modelled)

    winner, space = confirmation.winner, plan.space
    add(winner.spec, "winner", space.of(winner.spec), winner.score, "winner")
    add(probe.spec, "linear probe", space.of(probe.spec), probe.score, "linear_probe")
    for number, run in enumerate(scratch_of(baseline)):
        name = f"{SCRATCH}{run.architecture}" if number else "baseline"
        add(run.result.spec, "from scratch", run.candidate, run.result.score, name)
    return UseFigures(
        plan=plan,
        winner=winner.spec,
        tested=tested,
        shipped=confirmation.shipped,
        compared=confirmation.compared > 0,
    )


@dataclass(frozen=True, kw_only=True)
class UseFigures:
    """The costs of the models of a run.

    Attributes:
        plan: The plan.
        winner: The specification of the winner.
        tested: What was tested; the winner is among them.
        shipped: The model to use; None where nothing was asked of it.
        compared: Whether models were compared on resampled folds.
    """

    plan: Plan
    winner: TrialSpec
    tested: Mapping[TrialSpec, Modelled]
    shipped: Shipped | None = None
    compared: bool = True

    def at_use(self, confirmed: Mapping[TrialSpec, Confirmed]) -> AtUse:
        """Give what the result says: every model that was tested, or ``confirmed`` on resampled folds."""
        specs = list(dict.fromkeys([*self.tested, *confirmed]))
        models = [self._model(spec, confirmed.get(spec)) for spec in specs]
        sign = self.plan.data.metric.sign
        table = [(sign * m.score, -_log(m.megabytes), -_log(m.ms_per_image)) for m in models]
        front = efficient(table, (0.0, math.log(ALIKE), math.log(ALIKE)))
        marked = [replace(m, efficient=bool(on)) for m, on in zip(models, front, strict=True)]
        return AtUse(how=self._how, models=tuple(marked), choice=self._choice())

    def with_costs(self, rows: Iterable[TrialRow]) -> list[TrialRow]:
        """Give the rows with what a model of each costs."""
        found = []
        for row in rows:
            megabytes, ms = self._cost(row.spec)
            found.append(replace(row, megabytes=megabytes, ms_per_image=ms))
        return found

    @cached_property
    def _exported(self) -> UseBudget | None:
        """The budget where files were exported for it, the network of the model to use as its own file has it."""
        use, shipped = self.plan.use, self.shipped
        if use is None or not use.networks:
            return None
        if shipped is None or shipped.cost is None:
            return use
        own, spec, cost = use.network_of(shipped.spec), shipped.spec, shipped.cost
        return replace(use, networks=tuple(n.calibrated(spec, cost) if n is own else n for n in use.networks))

    @property
    def _how(self) -> str:
        if self._exported is None:
            return KERAS
        runtimes = dict.fromkeys(network.cost.runtime for network in self._exported.networks)
        return EXPORTED.format(runtimes=" and ".join(runtimes))

    @cached_property
    def _own_files(self) -> Mapping[str, UseCost]:
        """What files cost that were measured themselves, by the label of the configuration."""
        shipped = self.shipped
        if shipped is None or shipped.cost is None:
            return {}
        return {**dict(shipped.passed_over), shipped.spec.label: shipped.cost}

    def _model(self, spec: TrialSpec, confirmed: Confirmed | None) -> ModelAtUse:
        known = self.tested.get(spec)
        megabytes, ms = self._cost(spec)
        own = self._own_files.get(spec.label)
        score = confirmed.mean if confirmed is not None else known.val if known is not None else math.nan
        return ModelAtUse(
            label=spec.label,
            role=known.role if known is not None else "contender",
            network=known.network if known is not None else self.plan.space.of(spec).label,
            score=score,
            folds=confirmed.folds if confirmed is not None else 0,
            megabytes=megabytes,
            ms_per_image=ms,
            measured=self._is_measured(spec),
            efficient=False,
            within=self._is_within(spec, own),
        )

    def _is_measured(self, spec: TrialSpec) -> bool:
        if self._exported is not None:
            return self.shipped is not None and self.shipped.cost is not None and spec == self.shipped.spec
        return spec in self.tested and (spec == self.winner or spec.backbone not in self._networks)

    def _is_within(self, spec: TrialSpec, own: UseCost | None) -> bool | None:
        use = self.plan.use
        if use is None or not use.asked:
            return None
        return use.may_ship(spec) if own is None else use.allows(own)

    def _choice(self) -> UseChoice | None:
        use, shipped = self.plan.use, self.shipped
        if use is None or shipped is None:
            return None
        cost, own = shipped.cost, self._own_files.get(self.winner.label)
        reused = shipped.fits if shipped.spec == self.winner else self._is_within(self.winner, own)
        return UseChoice(
            image_size=shipped.spec.image_size,
            asked=use.asked,
            max_ms_per_image=use.max_ms,
            max_megabytes=use.max_megabytes,
            prefer=use.prefer,
            model=shipped.folder,
            megabytes=None if cost is None else cost.megabytes,
            ms_per_image=None if cost is None else cost.ms_per_image,
            within=shipped.fits,
            excluded=tuple(
                NetworkOutside(name=n.candidate.label, megabytes=n.cost.megabytes, ms_per_image=n.cost.ms_per_image)
                for n in use.excluded
            ),
            passed_over=tuple(label for label, _ in shipped.passed_over),
            reused_within=reused is not False,
            compared=self.compared,
        )

    # What was not measured

    def _cost(self, spec: TrialSpec) -> tuple[float | None, float | None]:
        """Megabytes and milliseconds of a model, by estimate where it was not tested; None for what is not known."""
        if self._exported is not None:
            return _pair(self._exported.cost_of(spec))
        network = self._networks.get(spec.backbone)
        if network is not None:
            return _pair(network.cost_of(spec))
        known = self.tested.get(spec) or self._same_from_scratch(spec)
        return (None, None) if known is None else (known.megabytes, known.ms_per_image)

    def _same_from_scratch(self, spec: TrialSpec) -> Modelled | None:
        """The tested model of the same network from scratch, which had another learning rate."""
        if spec.weights is not None:
            return None
        key = (spec.backbone, spec.image_size)
        return next((m for s, m in self.tested.items() if not s.weights and (s.backbone, s.image_size) == key), None)

    @cached_property
    def _networks(self) -> Mapping[str, NetworkAtUse]:
        """Every network that has been measured, by its name: its values at four bytes and the time of a pass.

        Both are brought to what the winner's file has and takes; empty where that is not known.
        """
        plan, tested = self.plan, self.tested[self.winner]
        classes = len(plan.data.index.classes)
        raw = {
            candidate.backbone: NetworkAtUse(
                candidate=candidate,
                cuts=facts.cuts,
                classes=classes,
                cost=UseCost(
                    megabytes=BYTES * (facts.parameters + linear_values(facts.cuts[-1].channels, classes)) / 1e6,
                    ms_per_image=facts.forward_seconds,
                    runtime="",
                ),
            )
            for candidate, facts in plan.measured.items()
            if facts.parameters is not None and facts.forward_seconds > 0
        }
        own = raw.get(self.winner.backbone)
        if own is None or tested.ms_per_image is None:
            return {}
        measured = UseCost(megabytes=tested.megabytes, ms_per_image=tested.ms_per_image, runtime="")
        cost = own.calibrated(self.winner, measured).cost
        share, more = cost.ms_per_image / own.cost.ms_per_image, cost.megabytes - own.cost.megabytes
        return {
            name: replace(
                network,
                cost=UseCost(
                    megabytes=network.cost.megabytes + more,
                    ms_per_image=network.cost.ms_per_image * share,
                    runtime="",
                ),
            )
            for name, network in raw.items()
        }


def _pair(cost: UseCost | None) -> tuple[float | None, float | None]:
    return (None, None) if cost is None else (cost.megabytes, cost.ms_per_image)


def _log(value: float | None) -> float:
    return math.nan if value is None or value <= 0 else math.log(value)
