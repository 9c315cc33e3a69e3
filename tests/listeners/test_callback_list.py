"""Who is told what, in which order, and what becomes of a callback that fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.pipeline.contexts import Heard
from tests.helpers.pipeline.made_up import LITE, make_space
from tlsearch.callbacks import Callback, EpochInfo, RunInfo, TrialInfo, WorkerInfo
from tlsearch.config import RunConfig
from tlsearch.listeners.callback_list import CallbackList, Recorder
from tlsearch.listeners.reporter import ReporterCallback
from tlsearch.listeners.running_trial import CompletedTrial, RunningTrial
from tlsearch.types import Decision, TrialResult

SPACE = make_space()
SPEC = SPACE.spec(SPACE.params(LITE))
TRIAL = RunningTrial(number=3, role="trial", name="03", spec=SPEC, candidate=LITE, folds=())
COMPLETED = CompletedTrial(
    result=TrialResult(spec=SPEC, state="complete", value=0.5, seconds=1.0), outcome=None, run_id="run 3", epochs=()
)
EPOCH = EpochInfo(number=1, fold=1, epoch=1.0, fraction=0.5, objective=0.5)


class Diary(Recorder):
    """Writes down what it is told, under its name."""

    def __init__(self, name: str, diary: list[str], decision: Decision | None = None) -> None:
        self.name, self.diary, self.decision = name, diary, decision

    def start_trial(self, trial: RunningTrial) -> str:
        self.diary.append(f"{self.name} starts {trial.name}")
        return f"{self.name}'s id" if self.name == "record" else ""

    def on_trial_begin(self, trial: TrialInfo) -> None:
        self.diary.append(f"{self.name} begins {trial.run_id}")

    def on_epoch_end(self, trial: TrialInfo, epoch: EpochInfo) -> Decision | None:
        return self.decision

    def on_trial_end(self, trial: TrialInfo, result: TrialResult) -> None:
        self.diary.append(f"{self.name} ends {result.state}")


class Failing(Callback):
    """Raises at the first step that it is told."""

    name = "fragile"

    def __init__(self) -> None:
        self.told = 0

    def on_step(self, step: str, text: str) -> None:
        self.told += 1
        raise RuntimeError("no network")


def test_recorders_come_first_and_give_the_trial_its_id() -> None:
    diary: list[str] = []
    callbacks = CallbackList([Diary("checkpoint", diary), Diary("record", diary)], [Diary("user", diary)])
    started = callbacks.start_trial(TRIAL)
    assert started.run_id == "record's id"
    callbacks.on_trial_begin(started)
    callbacks.on_trial_end(started, COMPLETED)
    assert diary == [
        "checkpoint starts 03",
        "record starts 03",
        "checkpoint begins record's id",
        "record begins record's id",
        "user begins record's id",
        "checkpoint ends complete",
        "record ends complete",
        "user ends complete",
    ]


@pytest.mark.parametrize(
    ("decisions", "together"),
    [
        ((None, None), Decision.CONTINUE),
        ((Decision.CONTINUE, None), Decision.CONTINUE),
        ((None, Decision.PRUNE), Decision.PRUNE),
        ((Decision.PRUNE, Decision.CONTINUE), Decision.PRUNE),
    ],
)
def test_one_callback_is_enough_to_end_a_trial(decisions: tuple[Decision | None, ...], together: Decision) -> None:
    callbacks = CallbackList(others=[Diary(str(number), [], decision) for number, decision in enumerate(decisions)])
    assert callbacks.on_epoch_end(TRIAL, EPOCH) is together


def test_a_callback_of_the_users_that_fails_is_named_and_told_nothing_more() -> None:
    failing, heard = Failing(), Heard()
    callbacks = CallbackList(others=[failing, heard])
    callbacks.on_step("data", "two classes")
    callbacks.on_step("plan", "one network")
    assert failing.told == 1
    assert heard.lines == [("data", "two classes"), ("plan", "one network")]
    (warning,) = heard.warnings
    said = "the callback fragile is left out from here on, for it failed: RuntimeError: no network ("
    assert warning.startswith(f"{said}tests/listeners/test_callback_list.py:")


def test_what_a_recorder_raises_ends_the_run(tmp_path: Path) -> None:
    class Full(Recorder):
        def on_run_begin(self, run: RunInfo) -> None:
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        CallbackList([Full()]).on_run_begin(RunInfo(config=RunConfig(dataset=tmp_path), output=tmp_path))


def test_a_reporter_is_a_callback() -> None:
    class Screen:
        def __init__(self) -> None:
            self.shown: list[object] = []

        def say(self, step: str, text: str) -> None:
            self.shown.append((step, text))

        def warn(self, text: str) -> None:
            self.shown.append(text)

        def progress(self, step: str, done: float, total: float, text: str, most: float | None = None) -> None:
            self.shown.append((step, done, total, text, most))

    screen = Screen()
    callbacks = CallbackList(others=[ReporterCallback(screen)])
    callbacks.on_step("data", "two classes")
    callbacks.on_warning("one is tiny")
    callbacks.on_progress("plan", 1, 3, "measuring", 20.0)
    callbacks.on_workers([WorkerInfo(number=1)])  # this screen does not show them
    assert screen.shown == [("data", "two classes"), "one is tiny", ("plan", 1, 3, "measuring", 20.0)]
