"""All texts of a run say the same: every figure that two of them give is compared."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from tests.helpers.results.agreement import PATTERNS, disagreements, found_in, texts_of
from tests.helpers.results.sample_insights import SUSPECT
from tests.helpers.results.sample_result import SAMPLE
from tlsearch.results.result import RunResult
from tlsearch.results.schema import Confusion
from tlsearch.stats.trend import Rise

OPENED_OFTEN = replace(SAMPLE, metrics=replace(SAMPLE.metrics, test_opened=4))
NAMES = ("boot", "coat", "hat", "shirt")


def hurried() -> RunResult:
    """A run with little time: nothing confirmed, a network from scratch that was stopped, few labels in doubt."""
    assert SAMPLE.baseline is not None
    assert SAMPLE.linear_probe is not None
    assert SAMPLE.insights.label_errors is not None
    scratch = replace(
        SAMPLE.baseline, confirmed=None, epochs=15, whole_epochs=60, rise=Rise(0.25, 0.02), stopped_by="time"
    )
    labels = replace(SAMPLE.insights.label_errors, estimated=6, suspects=(SUSPECT,) * 24, suspected=53)
    return replace(
        SAMPLE,
        metrics=replace(SAMPLE.metrics, confirmed=None, test_opened=2, val=0.88),
        linear_probe=replace(SAMPLE.linear_probe, confirmed=None),
        baseline=scratch,
        from_scratch=(scratch,),
        insights=replace(SAMPLE.insights, label_errors=labels),
        confusion=Confusion(NAMES, ((80, 0, 0, 0), (0, 70, 0, 8), (0, 0, 93, 0), (0, 6, 1, 80))),
        trials=tuple(
            replace(row, state="timed_out", value=None) if row.state == "failed" else row for row in SAMPLE.trials
        ),
    )


RUNS = {"a long run": SAMPLE, "opened four times": OPENED_OFTEN, "a hurried run": hurried()}


@pytest.fixture(scope="module")
def all_texts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    return {name: texts_of(result, tmp_path_factory.mktemp("report")) for name, result in RUNS.items()}


@pytest.fixture
def texts(all_texts: dict[str, dict[str, str]]) -> dict[str, str]:
    return all_texts["a long run"]


@pytest.mark.parametrize("run", RUNS)
def test_no_two_sentences_of_a_run_contradict_each_other(all_texts: dict[str, dict[str, str]], run: str) -> None:
    assert disagreements(all_texts[run]) == []


@pytest.mark.parametrize("name", PATTERNS)
def test_every_figure_is_given_more_than_once(all_texts: dict[str, dict[str, str]], name: str) -> None:
    """What is given once cannot be compared: then the comparison would say nothing."""
    counts = [sum(len(list(found_in(text, name))) for text in texts.values()) for texts in all_texts.values()]
    assert max(counts) >= 2


def test_what_a_run_had_none_of_is_not_named(all_texts: dict[str, dict[str, str]]) -> None:
    for place, text in all_texts["a hurried run"].items():
        assert "confirm" not in text, place
    for place, text in all_texts["a long run"].items():
        assert "confirmed on" in text, place


@pytest.mark.parametrize("run", RUNS)
def test_no_text_has_a_code_word_for_a_state(all_texts: dict[str, dict[str, str]], run: str) -> None:
    for place, text in all_texts[run].items():
        assert not re.search(r"\b(timed_out|pruned|from_scratch|fine_tuning)\b", text), place


def test_blocks_are_counted_in_one_way(all_texts: dict[str, dict[str, str]]) -> None:
    """The number of a block counts from the input, the first is 1; the name of a cut point is said to be one."""
    report = all_texts["a long run"]["report"]
    assert re.search(r"after block (\d+) of 18 \(cut point cut \1 of efficientnet", report)
    assert re.search(r"after block (\d+) of 13 \(cut point cut \1 of vgg16", report)
    assert "6 of 18 blocks" in report
    assert "cut points" not in report.partition("What mattered")[0]


@pytest.mark.parametrize(
    ("place", "old", "new"),
    [
        ("terminal", "is 90.3 %", "is 90.5 %"),
        ("report", "on 372 test images", "on 371 test images"),
        ("MLflow", "0.905 on 3 folds, seeds", "0.905 on 2 folds, seeds"),
        ("MLflow", "from scratch +0.301", "from scratch +0.299"),
        ("terminal", "winner gains +4.3 points", "winner gains +4.5 points"),
        ("MLflow", "p = 0.002", "p = 0.02"),
    ],
)
def test_a_contradiction_is_found(texts: dict[str, str], place: str, old: str, new: str) -> None:
    assert old in texts[place]
    assert disagreements({**texts, place: texts[place].replace(old, new)})


def test_once_is_said_of_what_happened_once(all_texts: dict[str, dict[str, str]]) -> None:
    for place, text in all_texts["opened four times"].items():
        assert "tested once" not in text, place
        assert "looked at these test images 4 times" in text, place
