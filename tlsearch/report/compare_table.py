"""What is shown of runs side by side: rows of texts in groups, one text for each run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tlsearch.report import text as words
from tlsearch.report.compare import UNSET, Comparison, Run
from tlsearch.report.numbers import format_difference, format_interval, format_p, format_score
from tlsearch.report.verdict.fair import no_claim
from tlsearch.results.result import RunResult
from tlsearch.results.schema import Baseline, Confirmed, Difference, LinearProbe
from tlsearch.stats.permutation import FEWEST_DISCORDANT
from tlsearch.utils.units import short_duration

NONE = "none"
NOT_KNOWN = "not known"

# What the rows of the winner show in words already.
_SHOWN = {
    "backbone",
    "weights",
    "depth",
    "freeze_depth",
    "skip_cut",
    "pooling",
    "units",
    "policy",
    "strength",
    "seed",
    "repeat",
}


@dataclass(frozen=True)
class Row:
    """A title and a text for each run; lines of a text stand below each other."""

    title: str
    texts: tuple[str, ...]


@dataclass(frozen=True)
class RowGroup:
    """Rows that belong together."""

    title: str
    rows: tuple[Row, ...]


def shared(found: Comparison) -> list[str]:
    """What is the same for all runs, a line each.

    The data, and the options and versions that do not differ, without options that nobody set.
    """
    result = found.runs[0].result
    test = f"{result.dataset.total('test'):,} test images"
    data = f"{result.dataset.path}: {len(result.dataset.classes)} classes, {test}, scored by"
    lines = [f"{data} {words.metric_name(result.metrics.name)}"]
    for title, each in (("same options", _options(found.runs)), ("same versions", _versions(found.runs))):
        same = [f"{name} {v[0]}" for name, v in each.items() if len(set(v)) == 1 and v[0] not in UNSET]
        if same:
            lines.append(f"{title}: {', '.join(same)}")
    return lines


def row_groups(found: Comparison) -> list[RowGroup]:
    """The winner, its scores, what it gained, what it cost; then the options and versions that differ, where any do."""
    runs = found.runs
    made = [
        RowGroup("winner", (*_winner(runs), *_different(runs, lambda run: _spec(run.result)))),
        RowGroup("scores", tuple(_scores(found))),
        RowGroup("gained on test", tuple(_gains(runs))),
        RowGroup("search", tuple(_search(runs))),
        RowGroup("options that differ", tuple(_differing(_options(runs)))),
        RowGroup("versions that differ", tuple(_differing(_versions(runs)))),
    ]
    return [group for group in made if group.rows]


def _winner(runs: Sequence[Run]) -> list[Row]:
    def frozen(result: RunResult) -> str:
        spec = result.winner.spec
        skip_cut = f" and block {spec.skip_cut} joined" if spec.skip_cut else ""
        return f"{spec.freeze_depth} of {spec.depth} blocks{skip_cut}"

    def augmentation(result: RunResult) -> str:
        winner = result.winner
        return f"{winner.augmentation} {winner.strength:.2f}" if winner.strength else NONE

    return [
        _row("backbone", runs, lambda r: r.winner.backbone),
        _row("weights", runs, lambda r: r.winner.weights or NONE),
        _row("frozen", runs, frozen),
        _row("head", runs, lambda r: r.winner.head),
        _row("augmentation", runs, augmentation),
        *([_row("model to use", runs, _to_use)] if any(run.result.scratch_named for run in runs) else []),
    ]


def _to_use(result: RunResult) -> str:
    """The model to use with its score on test, where that is another one than the winner."""
    alone = result.scratch_named
    if alone is None:
        return "the winner"
    return f"{alone.architecture}\nfrom scratch\n{format_score(alone.test)}\n{format_interval(alone.test_ci95)}"


def _spec(result: RunResult) -> dict[str, str]:
    """What else was searched, by name."""
    return {
        name.replace("_", " "): f"{value:.3g}" if isinstance(value, float) else str(value)
        for name, value in result.winner.spec.to_dict().items()
        if name not in _SHOWN
    }


def _scores(found: Comparison) -> list[Row]:
    runs, metrics = found.runs, found.runs[0].result.metrics
    tested = words.tested(max(run.result.metrics.test_opened or 1 for run in runs))
    confirmed = any(run.result.metrics.confirmed is not None for run in runs)
    rows = [
        _row(f"validation ({words.SELECTED})", runs, _validation),
        *([_row(words.CONFIRMED, runs, lambda r: _confirmed(r.metrics.confirmed))] if confirmed else []),
        _row(
            f"{tested}, 95 % interval {words.by_method(metrics)}" if words.by_method(metrics) else tested,
            runs,
            lambda r: f"{format_score(r.metrics.test)}\n{format_interval(r.metrics.test_ci95)}",
        ),
        _row("looks at test images", runs, lambda r: _times(r.metrics.test_opened)),
    ]
    if any(found.over_first):
        texts = ("the first run", *(_difference(over) for over in found.over_first[1:]))
        rows.insert(len(rows) - 1, Row("less the first run on test", texts))
    return [
        *rows,
        _row("linear probe on test", runs, lambda r: _other(r.linear_probe, "")),
        _row("from scratch on test", runs, lambda r: _other(r.baseline, r.baseline.architecture if r.baseline else "")),
    ]


def _gains(runs: Sequence[Run]) -> list[Row]:
    return [
        _row("over training from scratch", runs, _over_scratch),
        _row("over the linear probe", runs, lambda r: _difference(r.gain.over_linear_probe if r.gain else None)),
    ]


def _search(runs: Sequence[Run]) -> list[Row]:
    def trials(result: RunResult) -> str:
        states = [row.state for row in result.trials if row.role == "trial"]
        return f"{len(states)}\n{words.states(states)}"

    def candidates(result: RunResult) -> str:
        return "\n".join(f"{c.backbone} {c.weights or NONE}" for c in result.plan.candidates)

    return [
        _row("candidates", runs, candidates),
        _row("trials", runs, trials),
        _row("time", runs, lambda r: short_duration(r.timings.get("total", sum(r.timings.values())))),
        _row("started", runs, lambda r: words.moment(r.started) or NOT_KNOWN),
    ]


def _row(title: str, runs: Sequence[Run], text: Callable[[RunResult], str]) -> Row:
    return Row(title, tuple(text(run.result) for run in runs))


def _validation(result: RunResult) -> str:
    folds = result.plan.folds
    note = f"\n{words.validation(result.metrics.val_folds, folds)}" if folds > 1 else ""
    return format_score(result.metrics.val) + note


def _confirmed(confirmed: Confirmed | None) -> str:
    if confirmed is None:
        return NONE
    spreads = words.spreads(confirmed)
    return "\n".join([format_score(confirmed.mean), words.folds(confirmed), *(spreads.split(", ") if spreads else ())])


def _times(opened: int | None) -> str:
    return "not known" if opened is None else f"{opened:,}"


def _other(model: LinearProbe | Baseline | None, name: str) -> str:
    if model is None:
        return NONE
    return "\n".join([*([name] if name else []), format_score(model.test), format_interval(model.test_ci95)])


def _over_scratch(result: RunResult) -> str:
    """The gain with its p-value, or why it claims nothing, as everywhere else."""
    gain = result.gain
    if gain is None or gain.test is None or gain.ci95 is None:
        return NONE
    evidence = "no fair comparison" if no_claim(result) else _evidence(gain.p_value)
    return _figures(gain.test, gain.ci95, evidence)


def _difference(over: Difference | None) -> str:
    return NONE if over is None else _figures(over.difference, over.ci95, _evidence(over.p_value))


def _evidence(p: float | None) -> str:
    return format_p(p) if p is not None else f"no p: fewer than {FEWEST_DISCORDANT} differ"


def _figures(difference: float, ci95: tuple[float, float], evidence: str) -> str:
    return f"{format_difference(difference)}\n{format_interval(ci95, sign=True)}\n{evidence}"


def _options(runs: Sequence[Run]) -> dict[str, tuple[str, ...]]:
    # A folder without run.toml still knows its seed.
    table = _table([{"seed": str(run.result.plan.seed), **run.options} for run in runs])
    return {name: v for name, v in table.items() if NOT_KNOWN not in v or not set(v) <= {NOT_KNOWN, *UNSET}}


def _versions(runs: Sequence[Run]) -> dict[str, tuple[str, ...]]:
    return _table([run.result.versions for run in runs])


def _table(each: Sequence[Mapping[str, str]]) -> dict[str, tuple[str, ...]]:
    """Name -> a value for each run, over all names that any run has."""
    names = dict.fromkeys(name for values in each for name in values)
    return {name: tuple(values.get(name, NOT_KNOWN) for values in each) for name in names}


def _differing(table: Mapping[str, tuple[str, ...]]) -> list[Row]:
    return [Row(name, values) for name, values in table.items() if len(set(values)) > 1]


def _different(runs: Sequence[Run], values: Callable[[Run], Mapping[str, str]]) -> list[Row]:
    return _differing(_table([values(run) for run in runs]))
