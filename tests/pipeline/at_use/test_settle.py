"""The model to use is measured itself, and the next takes its place where it breaks the budget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.pipeline.contexts import Heard, make_context, make_data, make_plan
from tests.helpers.pipeline.made_up import LITE, VGG
from tests.helpers.workers.fake_worker import FakeWorker
from tests.pipeline.at_use.test_use_budget import ALONE, COSTS, HEAVY, LIGHT, SMALL, SPACE, make_budget
from tlsearch.models.use_cost import UseCost
from tlsearch.pipeline.at_use import settle as module
from tlsearch.pipeline.at_use.settle import settle_use
from tlsearch.pipeline.baseline import BaselineResult
from tlsearch.pipeline.confirm import Confirmation
from tlsearch.search.trial_record import TrialRecord
from tlsearch.types import TrialResult, TrialSpec
from tlsearch.worker.models.requests import MeasureModelUse


def record(spec: TrialSpec) -> TrialRecord:
    return TrialRecord(number=1, spec=spec, state="complete", value=0.9)


def scratch() -> BaselineResult:
    result = TrialResult(spec=ALONE, state="complete", value=0.9, seconds=1.0)
    return BaselineResult(
        candidate=SMALL, result=result, rows=(), seconds=1.0, stopped_by="schedule", still_improving=False,
        not_affordable=(), epochs=5,
    )  # fmt: skip


class Settling:
    """Settles with files that cost what a test says, by the backbone; keeps what was made in the folder ``model``."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.heard = folder, Heard()
        self.made: list[str] = [LITE.backbone]
        monkeypatch.setattr(module, "fetch_model", self._fetch)

    def _fetch(self, context: object, data: object, spec: TrialSpec, candidate: object, target: Path) -> None:
        assert target == self.folder / "out" / "model"
        self.made.append(spec.backbone)

    def __call__(self, order: list[TrialSpec], costs: Mapping[str, UseCost], **options: Any) -> Confirmation:
        def measure(request: MeasureModelUse, _: object) -> UseCost:
            return costs["small_cnn" if request.folder.name == "baseline" else self.made[-1]]

        context = make_context(self.folder, FakeWorker({MeasureModelUse: measure}), heard=self.heard, **options)
        plan = replace(make_plan(SPACE, data=make_data()), use=make_budget(**options) if options else None)
        reusing = [record(spec) for spec in order if spec != ALONE]
        confirmation = Confirmation(
            winner=reusing[0], confirmed={}, rows=(), needed=1.0, compared=1, contenders=1,
            order=tuple(next((r for r in reusing if r.spec == spec), record(spec)) for spec in order),
        )  # fmt: skip
        folders = {name: self.folder / "out" / name for name in ("model", "linear_probe", "baseline")}
        folders = {"winner": folders["model"], "linear_probe": folders["linear_probe"], "baseline": folders["baseline"]}
        return settle_use(context, plan, confirmation, folders, [scratch()])


@pytest.fixture
def settling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settling:
    return Settling(tmp_path, monkeypatch)


FITS = {"efficientnet_lite0": COSTS[LITE], "vgg16": COSTS[VGG], "small_cnn": COSTS[SMALL]}
SLOW = UseCost(megabytes=13.7, ms_per_image=31.0, runtime="it")


def test_nothing_is_measured_where_nothing_was_asked(settling: Settling) -> None:
    assert settling([LIGHT, ALONE], {}).shipped is None


def test_the_first_is_used_where_its_file_is_within_the_budget(settling: Settling) -> None:
    found = settling([LIGHT, ALONE], FITS, max_size=20_000_000)
    assert found.shipped is not None
    assert (found.shipped.spec, found.shipped.folder, found.shipped.fits) == (LIGHT, "model", True)
    assert found.shipped.cost == COSTS[LITE]
    assert found.winner.spec == LIGHT
    assert settling.made == [LITE.backbone]
    assert [text for step, text in settling.heard.lines if step == "models"]


def test_where_its_file_is_above_the_budget_the_next_is_made_in_its_place(settling: Settling) -> None:
    costs = {**FITS, "efficientnet_lite0": UseCost(megabytes=70.0, ms_per_image=1.0, runtime="it")}
    found = settling([LIGHT, HEAVY], costs, max_size=60_000_000)
    assert found.shipped is not None
    assert found.shipped.spec == found.winner.spec == HEAVY
    assert settling.made == [LITE.backbone, VGG.backbone]
    assert [label for label, _ in found.shipped.passed_over] == [LIGHT.label]


def test_a_network_from_scratch_may_be_the_next_and_the_winner_stays_what_it_is(settling: Settling) -> None:
    found = settling([LIGHT, ALONE], {**FITS, "efficientnet_lite0": SLOW}, max_size=13_650_000)
    assert found.shipped is not None
    assert (found.shipped.spec, found.shipped.folder, found.shipped.candidate) == (ALONE, "baseline", SMALL)
    assert found.winner.spec == LIGHT
    assert settling.made == [LITE.backbone]


def test_where_all_are_above_the_budget_the_first_is_used_and_that_is_told(settling: Settling) -> None:
    costs = dict.fromkeys(FITS, UseCost(megabytes=70.0, ms_per_image=1.0, runtime="it"))
    found = settling([LIGHT, HEAVY, ALONE], costs, max_size=60_000_000)
    assert found.shipped is not None
    assert (found.shipped.spec, found.shipped.fits) == (LIGHT, False)
    assert found.winner.spec == LIGHT
    assert settling.made == [LITE.backbone, VGG.backbone, LITE.backbone]
    (said,) = settling.heard.warnings
    assert "which is more than --max-size 60MB allows" in said
