"""Plugins that fail in the middle of a run, and weights that another package brings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.runs.small_run import CRUMBLING, MARKS, OPTIONS, TrialRecord, tlsearch

pytestmark = MARKS

FALLING = """
from tiny_backbone import Tiny
class Falling(Tiny):
    name = "falling"
    def preprocess(self, images):
        if len(images.shape) and images.shape[0] is None:
            raise SystemExit("no more colours")
        return super().preprocess(images)
"""
CRASHING = """
import os, signal
class Crashing:
    api_version = 1
    name = "crashing"
    def render(self, images, strength, rng):
        os.kill(os.getpid(), signal.SIGSEGV)
"""
SECOND = """
from pathlib import Path
from tiny_backbone import write_weights
class Second:
    api_version = 1
    name = "tiny@second"
    trained_on = "nothing either"
    licence = "free"
    def file(self, folder):
        target = folder / "second.npz"
        write_weights(target)
        return target
"""


@pytest.mark.slow
@pytest.mark.usefixtures("one_fold", "_with_tables")
def test_the_search_goes_on_without_a_plugin_that_fails(
    images: Path, site: Path, install: Callable[..., None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install("crumbling-plugin", CRUMBLING, crumbling="Crumbling")
    install("falling-plugin", FALLING, group="tlsearch.backbones", falling="Falling")
    install("second-weights", SECOND, group="tlsearch.weights", **{"tiny@second": "Second"})
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'site'}:{site}")
    monkeypatch.setenv("TLSEARCH_DISABLE_PLUGINS", "tlsearch")  # none but those of this test, for time
    monkeypatch.setattr("tlsearch.pipeline.baseline.train.RATES", (1e-3,))
    options = ["--trials", "12", *OPTIONS[4:], "--augment", "none", "--augment", "crumbling"]
    done = tlsearch("run", images, *options, "--output", "out")
    assert done.exit_code == 0, done.output
    finished = TrialRecord(Path.cwd(), done.output)
    result = finished.result

    # The augmentation was tried three times, each a failed trial with its name, and then no more.
    rows = [row for row in result.trials if row.role == "trial"]
    failed = [row for row in rows if row.state == "failed"]
    assert [row.spec.policy for row in failed] == ["crumbling"] * 3
    assert all("'crumbling' raised RuntimeError: no more paint" in row.reason for row in failed)
    assert any(row.number > failed[-1].number for row in rows)

    # It is said to have been left out, as is the backbone that fell when it was measured.
    left_out = {item.name: item.reason for item in result.plan.left_out}
    assert "failed in 3 trials in a row" in left_out["augmentation crumbling"]
    assert "no more colours" in next(reason for name, reason in left_out.items() if name.startswith("falling"))
    assert "augmentation crumbling" in (finished.output / "report.html").read_text(encoding="utf-8")

    # The network from scratch is trained without it.
    assert result.baseline is not None
    assert "trained without augmentation" in done.output
    assert "augmentation crumbling is left out from here on" in done.output

    # The weights of the package are a candidate of their own.
    candidates = {candidate.label for candidate in result.plan.candidates}
    assert {"tiny@random", "tiny@second"} <= candidates
    assert result.versions["plugin.tiny@second"] == "second-weights 2.5"
    assert result.versions["plugin.tiny"] == "tiny-backbone 1.5"


@pytest.mark.slow
@pytest.mark.usefixtures("one_fold", "_with_tables")
def test_the_search_goes_on_where_native_code_crashes(
    images: Path, site: Path, install: Callable[..., None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install("crashing-plugin", CRASHING, crashing="Crashing")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'site'}:{site}")
    monkeypatch.setenv("TLSEARCH_DISABLE_PLUGINS", "tlsearch")
    monkeypatch.setattr("tlsearch.pipeline.baseline.train.RATES", (1e-3,))
    options = ["--augment", "none", "--augment", "crashing"]
    done = tlsearch("run", images, *OPTIONS, *options, "--output", "out")
    assert done.exit_code == 0, done.output
    rows = [row for row in TrialRecord(Path.cwd(), done.output).result.trials if row.role == "trial"]
    failed = [row for row in rows if row.state == "failed"]
    assert failed
    assert {row.spec.policy for row in failed} == {"crashing"}
    assert all("ended with code -11 while it ran a trial;" in row.reason for row in failed)
    assert {row.state for row in rows if row.spec.policy == "none"} <= {"complete", "pruned"}
    assert "the network from scratch is trained without augmentation: The worker process ended" in done.output
