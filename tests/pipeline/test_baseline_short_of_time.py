"""What is said of the networks from scratch that time has ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.contexts import make_context, make_plan
from tests.helpers.fake_worker import FakeWorker
from tests.helpers.made_up import LITE
from tests.pipeline.test_baseline import FLAT, Warned, halved, measured
from tlsearch.errors import OutOfTimeError
from tlsearch.pipeline.baseline import train_baseline
from tlsearch.training.trial import Outcome
from tlsearch.worker.events import Listener
from tlsearch.worker.models.requests import SaveModel
from tlsearch.worker.protocol import MeasureCandidate, RunSuccessiveHalving


@pytest.mark.parametrize("late", ["small_cnn", LITE.backbone])
def test_whichever_network_has_no_time_is_named(tmp_path: Path, late: str) -> None:
    def halve(request: RunSuccessiveHalving, listener: Listener) -> tuple[Outcome, ...]:
        if request.candidate.backbone == late:
            raise OutOfTimeError("its time was over before an epoch")
        return halved(FLAT)(request, listener)

    heard = Warned()
    worker = FakeWorker({MeasureCandidate: measured, SaveModel: None, RunSuccessiveHalving: halve})
    context = make_context(tmp_path, worker, limit=1e6, heard=heard)
    baseline = train_baseline(context, make_plan(), LITE)
    assert baseline is not None
    assert baseline.architecture != late
    assert heard.warnings == [f"{late} is not trained from scratch: its time was over before an epoch"]
