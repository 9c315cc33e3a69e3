"""The order of the choice where something was asked of the model to use: a budget, or what is preferred.

Networks from scratch stand in it beside those that reuse one.
"""

from __future__ import annotations

from collections.abc import Sequence

from tlsearch.pipeline.confirm.fold_runs import FoldRuns
from tlsearch.pipeline.confirm.race import level_of, preference
from tlsearch.search.trial_record import TrialRecord


def order_for_use(
    runs: FoldRuns, staying: Sequence[TrialRecord], dropped: Sequence[TrialRecord], scratch: Sequence[TrialRecord]
) -> list[TrialRecord]:
    """Give what may be the model to use, the first choice first.

    A network from scratch takes part where it was confirmed and nothing that stayed in the race leads it by more than
    one paired standard error; and where nothing else may be used. Without a preference, the usual rule orders them.
    Of those that are in, the smallest, the fastest or the best on the folds that all have comes first where that is
    preferred; costs that differ by little are alike, and the usual order decides among them. What lies further behind
    comes last, the best mean first: it is used only where the files of all others break the budget.

    Args:
        runs: The runs on resampled folds.
        staying: Those that nothing leads by more than one standard error, all of which reuse a network.
        dropped: Those that reuse a network and have dropped out.
        scratch: The networks from scratch.
    """
    may_ship = runs.plan.may_ship
    reusing = [record for record in staying if may_ship(record.spec)]
    alone = [record for record in scratch if may_ship(record.spec)]
    level = [record for record in alone if not reusing or _is_level(runs, record, reusing)]
    ordered = _ordered(runs, [*reusing, *level] or list(staying))
    behind = [record for record in (*dropped, *alone) if record not in ordered and _is_confirmed(runs, record)]
    behind = [record for record in behind if may_ship(record.spec)]
    return [*ordered, *sorted(behind, key=lambda record: -runs.mean(record.spec))]


def _is_confirmed(runs: FoldRuns, record: TrialRecord) -> bool:
    return bool(runs.scores.get(record.spec)) and record.spec not in runs.failed


def _is_level(runs: FoldRuns, record: TrialRecord, others: Sequence[TrialRecord]) -> bool:
    """Whether a record was confirmed, and none of the others leads it clearly."""
    return _is_confirmed(runs, record) and not any(runs.beats(other.spec, record.spec) for other in others)


def _ordered(runs: FoldRuns, records: Sequence[TrialRecord]) -> list[TrialRecord]:
    """The order of the choice: the first group by what is asked, then the first of what is left, and so on."""
    rest, ordered = list(records), list[TrialRecord]()
    while rest:
        group = _first(runs, rest)
        ordered += group
        rest = [record for record in rest if record not in group]
    return ordered


def _first(runs: FoldRuns, records: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Those of the records that come first, in order."""
    use = runs.plan.use
    prefer = use.prefer if use is not None else None
    if prefer == "accurate":
        specs = [record.spec for record in records]
        return sorted(records, key=lambda record: -runs.mean_in_common(record.spec, specs))
    group = list(records)
    if use is not None and prefer is not None:
        wanted = use.preferred([record.spec for record in records])
        group = [record for record in records if record.spec in wanted]
    level = group if prefer is not None else level_of(runs, group)
    return sorted(level, key=lambda record: preference(runs, record, level))
