"""What was left out when a run began stays left out, also where it has failed by chance."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.helpers.pipeline.contexts import make_plan
from tests.helpers.pipeline.made_up import LITE, VGG
from tests.pipeline.limits.test_refusal import DATA, Measuring
from tlsearch.models.measured import MeasuredCandidate
from tlsearch.pipeline.candidates.measured import measure_all
from tlsearch.pipeline.plan import begin_or_resume
from tlsearch.worker.client import WorkerDiedError
from tlsearch.worker.protocol import MeasureCandidate


@pytest.fixture(autouse=True)
def _no_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pixels of no size are made."""
    monkeypatch.setattr("tlsearch.pipeline.measure.pool_at", lambda data, sizes: {})


class Failing(Measuring):
    """Measures networks, of which VGG16 has no memory where ``fails`` says so."""

    def __init__(self, folder: Path, *, fails: bool) -> None:
        super().__init__(folder, ["vgg16", "efficientnet_lite0"], 600.0)
        self.fails = fails

    def _measured(self, request: MeasureCandidate, _: object) -> MeasuredCandidate:
        if self.fails and request.candidate.backbone == "vgg16":
            raise WorkerDiedError("The worker process was killed.")
        return super()._measured(request, _)

    def begin(self) -> list[str]:
        """Begin the run, or resume it; gives the candidates."""
        measured, left_out = measure_all(self.context, DATA, self.ready)
        space = replace(make_plan().space, candidates=tuple(measured))
        plan = replace(make_plan(space, data=DATA, plugins=self.ready.plugins), left_out=tuple(left_out))
        begin_or_resume(self.context, plan)
        assert {item.name for item in left_out} == {VGG.label, LITE.label} - {c.label for c in measured}
        return [candidate.backbone for candidate in measured]


def test_a_network_that_failed_when_the_run_began_is_not_tried_again(tmp_path: Path) -> None:
    assert Failing(tmp_path, fails=True).begin() == ["efficientnet_lite0"]
    assert Failing(tmp_path, fails=False).begin() == ["efficientnet_lite0"]
    assert Failing(tmp_path / "another", fails=False).begin() == ["vgg16", "efficientnet_lite0"]


def test_before_the_run_has_begun_it_is(tmp_path: Path) -> None:
    first = Failing(tmp_path, fails=True)
    measure_all(first.context, DATA, first.ready)
    assert Failing(tmp_path, fails=False).begin() == ["vgg16", "efficientnet_lite0"]
