"""Who did what when, where several workers ran: a bar for each piece of work, and the share of time that was idle."""

from __future__ import annotations

from collections.abc import Sequence

from tlsearch.report.charts import BASELINE, CANDIDATES, NEUTRAL, WINNER, Key, row_chart
from tlsearch.report.images import Chart
from tlsearch.report.sections.section import Section
from tlsearch.results.result import RunResult
from tlsearch.results.schema import WorkSpan

TRAINS = ("trial", "from_scratch")
"""The work that runs side by side for most of a run."""

MOST_ROWS = 40
"""Workers that are drawn; of more, the first."""

_COLORS = {
    "trial": (WINNER, "trials"),
    "from_scratch": (BASELINE, "networks from scratch"),
    "profile": (CANDIDATES[1], "profile"),
    "measure": (CANDIDATES[3], "measuring"),
}
_REST = (NEUTRAL, "models, setup, insights")


def workers(result: RunResult) -> Section:
    """The chart and its sentence; nothing where one worker did everything."""
    spans = result.work_spans
    if len({span.worker for span in spans if span.kind in TRAINS}) < 2:
        return Section({"work_sentence": "", "work_svg": "", "work_keys": ()})
    chart = _chart(spans)
    return Section({"work_sentence": _sentence(spans), "work_svg": chart.svg, "work_keys": chart.keys}, (chart,))


def idle_share(spans: Sequence[WorkSpan]) -> float:
    """The share, 0 to 1, of the time of all workers that trained which was spent idle while trials ran.

    That is from the start of the first trial to the end of the last one.
    """
    trained = {span.worker for span in spans if span.kind in TRAINS}
    begin = min(span.start for span in spans if span.kind in TRAINS)
    end = max(span.start + span.seconds for span in spans if span.kind in TRAINS)
    busy = sum(
        max(0.0, min(end, span.start + span.seconds) - max(begin, span.start))
        for span in spans
        if span.worker in trained
    )
    whole = len(trained) * (end - begin)
    return max(0.0, 1 - busy / whole) if whole else 0.0


def _sentence(spans: Sequence[WorkSpan]) -> str:
    trained = {span.worker for span in spans if span.kind in TRAINS}
    nodes = {span.node for span in spans if span.node}
    where = f" on {len(nodes)} machine{'s' if len(nodes) > 1 else ''} of a cluster" if nodes else ""
    left_out = f" The first {MOST_ROWS} of {max(trained)} workers are drawn." if max(trained) > MOST_ROWS else ""
    return (
        f"{len(trained)} workers{where}. From the first trial to the last they were idle for "
        f"{idle_share(spans):.0%} of their time: at the end of a round the others wait for its longest trial.{left_out}"
    )


def _chart(spans: Sequence[WorkSpan]) -> Chart:
    drawn = [span for span in spans if span.worker <= MOST_ROWS]
    numbers = sorted({span.worker for span in drawn})
    nodes = {span.worker: span.node for span in drawn}
    figure, axes = row_chart([f"{n} {nodes[n]}".strip() for n in numbers], "seconds since the start")
    used: dict[str, Key] = {}
    for place, number in enumerate(numbers):
        for span in (span for span in drawn if span.worker == number):
            color, label = _COLORS.get(span.kind, _REST)
            used.setdefault(label, Key(label, color, "line"))
            axes.barh(place, span.seconds, left=span.start, height=0.6, color=color, edgecolor="none", linewidth=0)
    axes.set_xlim(0, max(span.start + span.seconds for span in drawn))
    header = ("worker", "node", "kind", "subject", "start", "seconds")
    rows = [(s.worker, s.node, s.kind, s.subject, s.start, s.seconds) for s in spans]
    keys = list(used.values())
    return Chart(name="workers", title="Who did what when", figure=figure, header=header, rows=rows, keys=keys)
