"""What single sections of the report say, and what their charts hold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.helpers.results.sample_result import LITE, SAMPLE
from tests.helpers.results.sample_trials import SCRATCH, WINNER
from tlsearch.report.charts import BASELINE, Key, limits
from tlsearch.report.images import Chart
from tlsearch.report.sections.confusion import class_figures
from tlsearch.report.sections.cost import cost, store_bars
from tlsearch.report.sections.depth import depth
from tlsearch.report.sections.importance import importance as importance_section
from tlsearch.report.sections.learning_curves import AVERAGES, learning_curves
from tlsearch.report.sections.prediction_sets import prediction_sets, sets_sentence
from tlsearch.report.sections.trial_table import reached, trial_table
from tlsearch.report.sections.workers import idle_share, workers
from tlsearch.report.verdict import verdict_of
from tlsearch.results.result import RunResult
from tlsearch.results.schema import (
    Confusion,
    FrozenWork,
    Histories,
    Importance,
    Insights,
    ParameterImportance,
    TrialRow,
    WorkSpan,
)
from tlsearch.types import TrialResult


def charts(section_pictures: tuple[object, ...]) -> dict[str, Chart]:
    return {picture.name: picture for picture in section_pictures if isinstance(picture, Chart)}


def test_an_empty_profile_and_odd_curves_draw_nothing() -> None:
    assert depth(replace(SAMPLE, profile={LITE: ()})).pictures == ()
    nothing = ({"epoch": 1.0, "objective": None, "train_accuracy": 0.5},)
    assert learning_curves(replace(SAMPLE, histories=Histories(nothing))).pictures == ()
    single = learning_curves(replace(SAMPLE, histories=Histories(({"objective": 0.5},)))).pictures
    assert [picture.name for picture in single] == ["learning-curves"]
    assert "<use" in charts(single)["learning-curves"].svg


def test_charts_take_the_colour_of_the_text() -> None:
    found = depth(SAMPLE).pictures
    lite, vgg = (picture.svg for picture in charts(found).values())
    for svg in (lite, vgg):
        assert "currentColor" in svg
        assert "#000000" not in svg
        assert "#010203" not in svg
        assert "#ffffff" not in svg
    assert lite.count("stroke-dasharray") == 1
    assert "stroke-dasharray" not in vgg


def test_the_curves_are_of_the_winner_the_best_others_and_the_network_from_scratch() -> None:
    section = learning_curves(SAMPLE)
    assert section.shown["other_curves"] == "trial 7"  # trial 2 is the winner
    labels = [key.label for key in section.shown["curve_keys"]]
    assert labels == ["winner", "from scratch", "other good trials", "on training images"]
    assert all(row[0] != AVERAGES for row in charts(section.pictures)["learning-curves"].rows)
    without = learning_curves(replace(SAMPLE, histories=Histories((), (), SAMPLE.histories.trials)))
    assert [key.label for key in without.shown["curve_keys"]] == ["other good trials", "on training images"]


def test_scores_of_averages_of_its_weights_stand_beside_the_curve_of_the_network_from_scratch() -> None:
    baseline = [dict(epoch) for epoch in SAMPLE.histories.baseline]
    baseline[-1]["averaged"] = 0.61
    result = replace(SAMPLE, histories=replace(SAMPLE.histories, baseline=tuple(baseline)))
    section = learning_curves(result)
    assert Key(AVERAGES, BASELINE, "dot") in section.shown["curve_keys"]
    score, loss = (charts(section.pictures)[name] for name in ("learning-curves", "learning-curves-loss"))
    assert [row for row in score.rows if row[0] == AVERAGES] == [(AVERAGES, baseline[-1]["epoch"], 0.61, None)]
    assert all(row[0] != AVERAGES for row in loss.rows)


@pytest.mark.parametrize(
    ("importance", "sentence"),
    [
        (None, "was not computed in this run"),
        (Importance("fanova", 9), "from 9 complete trials: at least ten are needed"),
        (Importance("fanova", 1), "from 1 complete trial: at least ten are needed"),
        (Importance("fanova", 12), "from 12 complete trials: all have the same score"),
        (
            SAMPLE.importance,
            "a random forest over 12 complete trials; those that stopped early, failed or ran out of time",
        ),
    ],
)
def test_importance_is_drawn_where_there_is_some_and_explained_otherwise(
    importance: Importance | None, sentence: str
) -> None:
    section = importance_section(replace(SAMPLE, importance=importance))
    assert sentence in section.shown["importance"]
    drawn = bool(importance and importance.parameters)
    assert bool(section.shown["importance_bars"]) == drawn
    assert ("importance" in charts(section.pictures)) == drawn


def test_shares_are_bars_beside_their_errors() -> None:
    assert importance_section(SAMPLE).shown["importance_bars"] == [
        ("tune layers, or only a head", 0.41, 0.08, 41.0),
        ("pre-trained network", 0.2, 0.05, 20.0),
        ("dropout", 0.01, None, 1.0),
    ]


def test_shares_that_their_errors_swallow_are_not_drawn() -> None:
    unsure = Importance(
        "fanova", 12, (ParameterImportance("dropout", 0.34, 0.52), ParameterImportance("units", 0.2, 0.1))
    )
    section = importance_section(replace(SAMPLE, importance=unsure))
    assert section.shown["importance"].startswith("Too few trials to tell what mattered most: of 12 complete trials")
    assert section.shown["importance_bars"] == ()
    assert "importance" not in charts(section.pictures)


def test_a_baseline_far_below_is_named_and_does_not_press_the_trials_together() -> None:
    assert SAMPLE.baseline is not None
    far = importance_section(replace(SAMPLE, baseline=replace(SAMPLE.baseline, val=0.2)))
    assert "The network from scratch is off the charts, at 20.0 %." in far.shown["scatter_caption"]
    assert "from scratch" not in [key.label for key in far.shown["scatter_keys"]]
    (axes,) = charts(far.pictures)["freeze-depth"].figure.axes
    assert axes.get_ylim()[0] > 0.6
    assert "off the charts" not in importance_section(SAMPLE).shown["scatter_caption"]


def test_the_points_that_are_not_drawn_are_counted() -> None:
    caption = importance_section(SAMPLE).shown["scatter_caption"]
    assert "1 ended early and stands at what it had reached." in caption
    assert "Not drawn, for want of any score: 1 failed." in caption
    assert "No chart where all trials have one value: units of the hidden layer." in caption
    labels = [key.label for key in importance_section(SAMPLE).shown["scatter_keys"]]
    assert labels == [LITE, "vgg16@imagenet", "stopped early", "winner", "from scratch"]
    alone = importance_section(replace(SAMPLE, baseline=None))
    assert "from scratch" not in [key.label for key in alone.shown["scatter_keys"]]


def test_a_linear_head_stands_left_of_every_hidden_layer() -> None:
    wide = TrialRow.of(
        9, "trial", TrialResult(spec=replace(WINNER, units=2048), state="complete", value=0.8, seconds=1.0)
    )
    figure = charts(importance_section(replace(SAMPLE, trials=(*SAMPLE.trials, wide))).pictures)["head-size"].figure
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_xticklabels()] == [
        "linear", "64", "128", "256", "512", "1,024", "2,048",
    ]  # fmt: skip
    points = [line for line in axes.lines if line.get_linestyle() == "None"]
    assert {float(x) for line in points for x in np.asarray(line.get_xdata())} == {5.0, 11.0}


def test_a_trial_that_ended_early_has_what_it_had_reached() -> None:
    row = TrialRow.of(
        1, "trial", TrialResult(spec=SCRATCH, state="pruned", value=None, seconds=1.0, metrics={"objective": 0.4})
    )
    assert reached(row) == 0.4
    assert reached(replace(row, state="failed")) is None
    assert reached(replace(row, metrics={})) is None
    assert reached(replace(row, state="complete", value=0.6)) == 0.6


def test_a_class_that_was_never_predicted_has_no_precision() -> None:
    one, two, three = class_figures(Confusion(("a", "b", "c"), ((3, 0, 0), (1, 0, 0), (0, 0, 0))))
    assert (one.precision, one.recall) == (0.75, 1.0)
    assert one.f1 == pytest.approx(6 / 7)
    assert (two.precision, two.recall, two.f1) == (None, 0.0, 0.0)
    assert (three.precision, three.recall, three.f1) == (None, None, None)


def test_savings_are_counts_times_measured_seconds() -> None:
    bars = store_bars(SAMPLE.frozen_work)
    assert [(images, passes) for _, images, passes, _ in bars] == [(62_000, 22_000), (11_000, 6_000), (4_000, 2_500)]
    assert [seconds for *_, seconds in bars] == pytest.approx([300.0, 140.0, 65.0])
    shown = cost(SAMPLE).shown
    assert (
        "saved about 3m 55s against computing it whenever it is read, and 1m 15s against keeping"
        in (shown["store"]["sentence"])
    )
    assert [bar[-1] for bar in shown["store"]["bars"]] == [100, pytest.approx(46.67), pytest.approx(21.67)]
    assert cost(replace(SAMPLE, frozen_work=())).shown["store"] is None
    assert (
        store_bars(
            [
                FrozenWork(
                    candidate=LITE,
                    seconds_per_pass=0.1,
                    images_read=0,
                    passes_read=0,
                    images_asked=0,
                    passes_asked=0,
                    images_computed=0,
                    passes_computed=0,
                )
            ]
        )
        == []
    )


def test_time_is_told_by_how_trials_ended() -> None:
    said = "Trials of the search by how they ended: 2 complete 3m 24s, 1 stopped early 1m 24s, 1 failed 12s."
    assert cost(SAMPLE).shown["spent"] == said


def test_trials_on_different_numbers_of_folds_are_ranked_by_those_that_all_have() -> None:
    row = SAMPLE.trials[0]
    solved = replace(row, number=1, role="trial", state="complete", value=0.80, folds=5, value_on_shared_folds=0.92)
    tuned = replace(row, number=2, role="trial", state="complete", value=0.85, folds=1, value_on_shared_folds=0.85)
    confirmation = replace(row, number=3, role="confirmation", state="complete", value=0.99, folds=1)
    shown = trial_table(replace(SAMPLE, trials=(confirmation, tuned, solved))).shown
    assert [r.number for r in shown["trials"]] == [1, 2, 3]
    assert shown["trial_summary"] == "2 complete."
    assert shown["compared"].startswith("Trials are ranked by the first fold, which all have; the mean over all folds")
    assert trial_table(replace(SAMPLE, trials=(replace(tuned, folds=5), solved))).shown["compared"] == ""
    assert reached(solved) == 0.92


def test_where_less_is_better_the_least_comes_first_and_charts_have_its_scale() -> None:
    metrics = replace(SAMPLE.metrics, name="cost", counts=None, greater_is_better=False)
    rows = tuple(replace(row, value=None if row.value is None else 3 * row.value) for row in SAMPLE.trials)
    cost_result = replace(SAMPLE, metrics=metrics, trials=rows)
    ranked = [r.value for r in trial_table(cost_result).shown["trials"] if r.role == "trial" and r.value is not None]
    assert ranked == sorted(ranked)
    assert len(ranked) > 1
    curves = charts(learning_curves(cost_result).pictures)["learning-curves"]
    assert curves.header == ("trial", "epoch", "objective")  # accuracy on training images has another scale
    assert limits([0.5, 3.0], fractions=False) == pytest.approx((0.3, 3.2))
    assert limits([0.5, 3.0]) == pytest.approx((0.3, 1.0))


def sets_of(result: RunResult, **changes: object) -> RunResult:
    """The result with changes of its sets of coverage 0.9."""
    found = result.insights.prediction_sets
    assert found is not None
    levels = tuple(replace(level, **changes) if level.asked == 0.9 else level for level in found.levels)  # type: ignore[arg-type]
    return replace(result, insights=replace(result.insights, prediction_sets=replace(found, levels=levels)))


def test_what_is_left_to_a_person_is_said() -> None:
    sentence, rows = prediction_sets(SAMPLE).shown["sets"]
    assert sentence == (
        "tlsearch predict gives a set of classes that holds the true one with probability 0.9 or more. Of 372 test "
        "images 91.4 % have it in their set (88.4 to 94.4 %). 21 of them (5.6 %) have several classes, and are left to "
        "a person; of the others 92.1 % are right. The sets come from 90 validation images."
    )
    assert [row[:5] for row in rows[:2]] == [
        ("80 %", "89.8 %", "86.8 to 92.8 %", "0 (0.0 %)", "89.8 %"),
        ("90 %", "91.4 %", "88.4 to 94.4 %", "21 (5.6 %)", "92.1 %"),
    ]
    assert rows[3][4] == "none"
    assert "needs at least 99 independent images that the model had not seen, and there are 90" in rows[3][6]
    assert prediction_sets(replace(SAMPLE, insights=Insights())).shown == {"sets": None}


def test_a_coverage_that_luck_does_not_explain_is_named() -> None:
    low = sets_of(SAMPLE, covered=0.8, lowest_expected=0.84)
    assert "fewer than luck explains (84.0 %): the test images differ from the others" in sets_sentence(low)
    assert "luck" not in sets_sentence(SAMPLE)
    assert sets_sentence(sets_of(SAMPLE, enough=False)).endswith("and there are 90.")
    folds = replace(SAMPLE, plan=replace(SAMPLE.plan, folds=5))
    assert "90 images that models of folds had not seen" in sets_sentence(folds)
    assert sets_sentence(SAMPLE).startswith("tlsearch predict gives")
    other = replace(SAMPLE, verdict=replace(verdict_of(SAMPLE), model="baseline"))
    assert sets_sentence(other).startswith("With model, the best model that reuses a network, tlsearch predict")


def span(worker: int, start: float, seconds: float, kind: str = "trial", node: str = "") -> WorkSpan:
    return WorkSpan(worker=worker, node=node, kind=kind, subject="", start=start, seconds=seconds)


def test_idle_is_what_trials_leave_between_the_first_and_the_last() -> None:
    assert idle_share([span(1, 10, 10), span(2, 10, 10)]) == 0.0
    assert idle_share([span(1, 10, 10), span(2, 10, 5)]) == pytest.approx(0.25)
    # What is done before the first trial and after the last is no idleness, and a worker without trials takes no part.
    more = [span(1, 0, 10, "measure"), span(1, 20, 30, "model"), span(3, 0, 5, "model")]
    assert idle_share([span(1, 10, 10), span(2, 10, 5), *more]) == pytest.approx(0.25)
    assert idle_share([span(1, 10, 10), span(2, 10, 5), span(2, 15, 5, "profile")]) == 0.0


def test_who_did_what_when_is_drawn_for_several_workers() -> None:
    assert workers(SAMPLE).shown == {"work_sentence": "", "work_svg": "", "work_keys": ()}
    assert workers(replace(SAMPLE, work_spans=(span(1, 0, 5), span(1, 5, 5)))).pictures == ()
    spans = (span(1, 0, 10, node="a"), span(2, 0, 5, node="b"), span(2, 5, 1, "profile", "b"), span(3, 10, 4, "model"))
    section = workers(replace(SAMPLE, work_spans=spans))
    (chart,) = charts(section.pictures).values()
    assert "2 workers on 2 machines of a cluster. From the first trial to the last they were idle for 20%" in str(
        section.shown["work_sentence"]
    )
    assert [key.label for key in chart.keys] == ["trials", "profile", "models, setup, insights"]
    assert len(chart.rows) == 4
    assert "1 a" in chart.svg
    assert "2 b" in chart.svg
