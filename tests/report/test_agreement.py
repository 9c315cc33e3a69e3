"""All texts of a run say the same: every figure that two of them give is compared."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.helpers.agreement import PATTERNS, disagreements, found_in, texts_of
from tests.helpers.sample_result import SAMPLE
from tlsearch.results.result import RunResult

OPENED_OFTEN = replace(SAMPLE, metrics=replace(SAMPLE.metrics, test_opened=4))


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return texts_of(SAMPLE, tmp_path_factory.mktemp("report"))


def test_no_two_sentences_of_a_run_contradict_each_other(texts: dict[str, str]) -> None:
    assert disagreements(texts) == []


@pytest.mark.parametrize("name", PATTERNS)
def test_every_figure_is_given_more_than_once(texts: dict[str, str], name: str) -> None:
    """What is given once cannot be compared: then the comparison would say nothing."""
    assert sum(len(list(found_in(text, name))) for text in texts.values()) >= 2


@pytest.mark.parametrize(
    ("place", "old", "new"),
    [
        ("terminal", "is 90.3 %", "is 90.5 %"),
        ("report", "on 372 test images", "on 371 test images"),
        ("MLflow", "opened 1 time", "opened 2 times"),
        ("MLflow", "from scratch +0.301", "from scratch +0.299"),
        ("terminal", "probe +4.3 points", "probe +4.5 points"),
        ("MLflow", "p = 0.002", "p = 0.02"),
    ],
)
def test_a_contradiction_is_found(texts: dict[str, str], place: str, old: str, new: str) -> None:
    assert old in texts[place]
    assert disagreements({**texts, place: texts[place].replace(old, new)})


@pytest.mark.parametrize("result", [OPENED_OFTEN], ids=["opened four times"])
def test_once_is_said_of_what_happened_once(result: RunResult, tmp_path: Path) -> None:
    for place, text in texts_of(result, tmp_path).items():
        assert "tested once" not in text, place
        assert "opened 4 times" in text, place
