"""The model to use: its exported file is measured before the test images are opened, and the next takes its place."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tlsearch.models.use_cost import UseCost
from tlsearch.pipeline.at_use.measure import measure_file
from tlsearch.pipeline.at_use.use_budget import Shipped
from tlsearch.pipeline.at_use.words import measured_line
from tlsearch.pipeline.baseline import BaselineResult
from tlsearch.pipeline.confirm import Confirmation
from tlsearch.pipeline.context import RunContext
from tlsearch.pipeline.plan import Plan
from tlsearch.pipeline.saved_models import fetch_model
from tlsearch.search.trial_record import TrialRecord


def settle_use(
    context: RunContext,
    plan: Plan,
    confirmation: Confirmation,
    folders: Mapping[str, Path],
    scratch: Sequence[BaselineResult],
) -> Confirmation:
    """Say which model is to be used, by what its own file costs; nothing changes where nothing was asked of it.

    ``folders`` hold the models of the winner, of the linear probe and of the networks from scratch, in this order.
    Where a file breaks the budget although its estimate did not, the next in the order of the choice takes its place.
    Where all do, the first is used, and a warning says so.
    """
    if plan.use is None:
        return confirmation
    shipping = _Shipping(context, plan, confirmation, folders, scratch)
    confirmation = shipping.settle()
    shipped = confirmation.shipped
    if shipped is not None and shipped.fits:
        context.callbacks.on_step("models", measured_line(shipped, plan.use))
    elif shipped is not None:
        context.callbacks.on_warning(measured_line(shipped, plan.use))
    return confirmation


class _Shipping:
    """Looks for the first whose file is within the budget."""

    def __init__(
        self,
        context: RunContext,
        plan: Plan,
        confirmation: Confirmation,
        folders: Mapping[str, Path],
        scratch: Sequence[BaselineResult],
    ) -> None:
        self._context, self._plan, self._confirmation = context, plan, confirmation
        self._own = folders["winner"]
        self._in_own = confirmation.winner.spec  # whose model lies in the folder of the winner
        alone = list(folders.values())[2:]
        self._scratch = {b.result.spec: (b, folder) for b, folder in zip(scratch, alone, strict=True)}

    def settle(self) -> Confirmation:
        """Measure one after the other."""
        use, order = self._plan.use, self._confirmation.order or (self._confirmation.winner,)
        over: list[tuple[TrialRecord, UseCost]] = []
        for record in order:
            if use is None or not use.networks:  # what it costs was not asked for
                return self._settled(record, None, ())
            cost = measure_file(self._context, record.spec, self._made(record))
            passed = tuple((other.spec.label, price) for other, price in over)
            if use.allows(cost):
                return self._settled(record, cost, passed)
            over.append((record, cost))
        first, cost = over[0]
        self._made(first)
        return self._settled(first, cost, tuple((other.spec.label, price) for other, price in over[1:]), fits=False)

    def _made(self, record: TrialRecord) -> Path:
        """The folder with the model of a record; that of another winner is made in the place of the one before."""
        if record.spec in self._scratch:
            return self._scratch[record.spec][1]
        if record.spec != self._in_own:
            shutil.rmtree(self._own, ignore_errors=True)
            fetch_model(self._context, self._plan.data, record.spec, self._plan.space.of(record.spec), self._own)
            self._in_own = record.spec
        return self._own

    def _settled(
        self, record: TrialRecord, cost: UseCost | None, passed: tuple[tuple[str, UseCost], ...], *, fits: bool = True
    ) -> Confirmation:
        """The confirmation with the model to use; where it reuses a network it is the winner."""
        confirmation = self._confirmation
        if record.spec in self._scratch:
            baseline, folder = self._scratch[record.spec]
            candidate = baseline.candidate
            self._made(confirmation.winner)
        else:
            candidate, folder = self._plan.space.of(record.spec), self._own
            others = (confirmation.winner.spec, *confirmation.level)
            level = tuple(spec for spec in others if spec != record.spec)
            if record is not confirmation.winner:
                confirmation = replace(confirmation, winner=record, level=level)
        shipped = Shipped(
            spec=record.spec, candidate=candidate, folder=folder.name, cost=cost, fits=fits, passed_over=passed
        )
        return replace(confirmation, shipped=shipped)
