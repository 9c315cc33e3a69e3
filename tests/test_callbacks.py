"""The contract of callbacks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import tlsearch
from tlsearch import plugin_api
from tlsearch.callbacks import Callback, EpochInfo, RunInfo, TrialInfo
from tlsearch.config import RunConfig
from tlsearch.types import Candidate, Decision, TrialResult, TrialSpec

RUN = RunInfo(config=RunConfig(dataset=Path("images")), output=Path("out"))
SPEC = TrialSpec(backbone="net", weights="own", image_size=64, depth=4, freeze_depth=2)
TRIAL = TrialInfo(
    number=1,
    role="trial",
    name="1/2",
    spec=SPEC,
    candidate=Candidate(backbone="net", weights="own", weights_file=None, weights_id="", image_size=64, depth=4),
)
EPOCH = EpochInfo(number=1, fold=1, epoch=1.0, fraction=0.5, objective=0.25)


def test_a_callback_overrides_only_what_it_needs() -> None:
    class StopWeak(Callback):
        def on_epoch_end(self, trial: TrialInfo, epoch: EpochInfo) -> Decision | None:
            weak = epoch.objective is not None and epoch.objective < 0.5
            return Decision.PRUNE if weak else super().on_epoch_end(trial, epoch)

    callback = StopWeak()
    callback.on_run_begin(RUN)
    callback.on_step("plan", "one candidate")
    callback.on_trial_begin(TRIAL)
    assert callback.on_epoch_end(TRIAL, EPOCH) is Decision.PRUNE
    assert Callback().on_epoch_end(TRIAL, EPOCH) is None
    callback.on_trial_end(TRIAL, TrialResult(spec=SPEC, state="pruned", value=None, seconds=1.0))
    callback.on_run_end(None)


def test_the_contract_is_public_and_light() -> None:
    assert tlsearch.Callback is Callback
    for name in ("Callback", "Decision", "EpochInfo", "RunInfo", "TrialInfo"):
        assert name in plugin_api.__all__
        assert hasattr(plugin_api, name)
    code = "import sys, tlsearch.callbacks; assert not {'keras', 'scipy', 'tlsearch.results'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
