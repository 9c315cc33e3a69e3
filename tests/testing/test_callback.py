"""The checks of callbacks find what is broken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tlsearch.callbacks import Callback, EpochInfo, TrialInfo
from tlsearch.plugins.kinds import kind_named
from tlsearch.testing import check_plugin
from tlsearch.types import Decision


class Quiet(Callback):
    """Sound."""

    name = "quiet"


class Writer(Quiet):
    """Sound; writes into the working directory."""

    def on_trial_begin(self, trial: TrialInfo) -> None:
        Path("seen.txt").write_text(trial.name)

    def on_epoch_end(self, trial: TrialInfo, epoch: EpochInfo) -> Decision | None:
        return Decision.PRUNE


class Nameless(Callback):
    pass


class Foreign:
    api_version = 1
    name = "foreign"


class Chatty(Quiet):
    def on_epoch_end(self, trial: TrialInfo, epoch: EpochInfo) -> Any:
        return "prune"


class Hasty(Quiet):
    def on_run_end(self, result: Any) -> None:
        print(result.winner.label)


@pytest.mark.parametrize("callback", [Quiet, Writer])
def test_a_sound_callback_passes(callback: type[Callback], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert {result.status for result in check_plugin("callback", callback())} == {"passed"}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("callback", "check", "said"),
    [
        (Nameless, "keeps the contract", "its name is empty"),
        (Foreign, "keeps the contract", "it has no method on_run_begin or on_step"),
        (Chatty, "decides with decisions", "on_epoch_end gives 'prune', where a Decision or None is needed"),
        (Hasty, "follows a run", "has no attribute 'winner'"),
    ],
)
def test_a_broken_callback_fails_its_check(callback: type, check: str, said: str) -> None:
    results = {result.name: result for result in check_plugin("callback", callback())}
    assert results[check].status == "failed"
    assert said in results[check].detail


def test_its_methods_are_those_of_the_contract() -> None:
    methods = kind_named("callback").methods
    assert {"on_run_begin", "on_epoch_end", "on_run_end"} < set(methods)
    assert all(name.startswith("on_") for name in methods)
