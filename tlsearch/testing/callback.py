"""What is checked of a callback: it takes everything that a run tells, in the order of a small run."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tlsearch.callbacks import Callback, EpochInfo, Progress, RunInfo, TrialInfo
from tlsearch.config import RunConfig
from tlsearch.plugins import registry
from tlsearch.testing.outcome import Check, needs
from tlsearch.types import Candidate, Decision, TrialResult, TrialSpec

SPEC = TrialSpec(
    backbone="net", weights="own", image_size=64, depth=4, freeze_depth=2, steps=10, lr_suffix=1e-3, lr_head=1e-3
)
TRIAL = TrialInfo(
    number=1,
    role="trial",
    name="01",
    spec=SPEC,
    candidate=Candidate(backbone="net", weights="own", weights_file=None, weights_id="", image_size=64, depth=4),
    run_id="run",
)


def _epoch(number: int) -> EpochInfo:
    scores = {"val_accuracy": 0.5, "val_loss": 1.0, "objective": 0.5}
    return EpochInfo(number=number, fold=1, epoch=number, fraction=number / 2, objective=0.5, metrics=scores)


def check_contract(plugin: Callback) -> None:
    """Attributes and methods."""
    name = getattr(plugin, "name", "")
    fault = registry.contract_fault("callback", plugin, name)
    assert fault is None, fault
    assert name, "its name is empty, and every installed callback needs one"


@needs(check_contract)
def check_follows_a_run(plugin: Callback) -> None:
    """No method raises in a run that is interrupted in its second trial.

    The working directory is a folder that is deleted afterwards.
    """
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        output = Path(folder)
        plugin.on_run_begin(RunInfo(config=RunConfig(dataset=output / "images"), output=output))
        plugin.on_step("data", "2 classes, 20 images")
        plugin.on_warning("a class of 10 images")
        plugin.on_progress(Progress(step="search", done=0, total=2, text="01", seconds_left=None))
        plugin.on_trial_begin(TRIAL)
        plugin.on_epoch_end(TRIAL, _epoch(1))
        plugin.on_trial_end(
            TRIAL, TrialResult(spec=SPEC, state="complete", value=0.5, seconds=1.0, metrics={"val_accuracy": 0.5})
        )
        plugin.on_trial_begin(TRIAL)
        plugin.on_trial_end(TRIAL, TrialResult(spec=SPEC, state="failed", value=None, seconds=1.0, reason="no memory"))
        plugin.on_run_end(None)


@needs(check_follows_a_run)
def check_decisions(plugin: Callback) -> None:
    """``on_epoch_end`` gives a decision or None."""
    given: list[Any] = [plugin.on_epoch_end(TRIAL, _epoch(number)) for number in (1, 2)]
    wrong = [value for value in given if value is not None and not isinstance(value, Decision)]
    assert not wrong, f"on_epoch_end gives {wrong[0]!r}, where a Decision or None is needed"


CHECKS: Mapping[str, Check] = {
    "keeps the contract": check_contract,
    "follows a run": check_follows_a_run,
    "decides with decisions": check_decisions,
}
