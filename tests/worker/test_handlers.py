"""The worker's calls, in this process."""

from __future__ import annotations

import gc
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.helpers.tiny import make_fold, make_pool
from tlsearch.errors import PluginError, RunError, WeightsError
from tlsearch.features.passes import Amount, FrozenCounts
from tlsearch.plugins import registry
from tlsearch.training import trial as trial_module
from tlsearch.training.compiled import compile_model
from tlsearch.types import Candidate, TrialSpec
from tlsearch.worker.handlers import CandidateFacts, Jobs, _provenance

# Keras 3.15 turns variables and bfloat16 tensors into arrays in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SIZE = 32
POOL = make_pool(60, SIZE)
FOLD = make_fold(60)
LITE = registry.load_plugin("backbone", "efficientnet_lite0")
CANDIDATE = Candidate("efficientnet_lite0", "imagenet", str(LITE.weights["imagenet"].path), "id", SIZE, 0)


class Parent:
    """Collects the worker's events and answers them."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def __call__(self, event: Any) -> str:
        self.events.append(event)
        return "continue"


def opened(folder: Path, facts: tuple[CandidateFacts, ...] = (), parent: Parent | None = None) -> Jobs:
    """Jobs with the pool of pictures."""
    file = folder / "pixels.npy"
    if not file.exists():
        np.save(file, POOL.pixels[SIZE])
    jobs = Jobs(parent or Parent())
    labels = POOL.labels.tolist()
    groups = POOL.groups.tolist()
    jobs.open_pool(
        {SIZE: str(file)}, labels, groups, POOL.classes, POOL.digest, str(folder / "cache"), 10**9, "accuracy", facts
    )
    return jobs


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder with one store for all tests."""
    return tmp_path_factory.mktemp("jobs")


@pytest.fixture(scope="module")
def facts(folder: Path) -> CandidateFacts:
    """EfficientNet-Lite0 as it was measured."""
    return opened(folder).measure(CANDIDATE, 0.8)


def solved(**changes: Any) -> TrialSpec:
    """The linear probe on Lite0."""
    return replace(TrialSpec("efficientnet_lite0", "imagenet", SIZE, 18, 18), **changes)


def test_plugins_are_described_without_handing_them_over() -> None:
    said = Jobs(Parent()).plugins()
    by_name = {b.name: b for b in said.backbones}
    assert {"vgg16", "vgg19", "resnet50", "efficientnet_lite0"} <= set(by_name)
    lite = by_name["efficientnet_lite0"]
    assert (lite.default_image_size, lite.min_image_size) == (224, 32)
    assert lite.weights["imagenet"] == LITE.weights["imagenet"]
    assert {"flip", "crop", "rotate", "shift", "color", "geometric", "standard"} <= set(said.augmentations)
    assert said.augmentations["flip"] == f"{lite.distribution} {lite.version}"
    assert said.broken == ()


def test_measure_finds_cuts_and_times(facts: CandidateFacts) -> None:
    assert facts.candidate == replace(CANDIDATE, depth=18)
    assert [cut.name for cut in facts.cuts][:2] == ["stem", "block 0"]
    assert facts.precision == "float32"  # bound by memory traffic, whatever the machine has
    assert 0 < facts.forward_seconds < 5
    assert 0 < facts.train_ratio < 100


def test_profile_gives_an_accuracy_for_each_cut(folder: Path, facts: CandidateFacts) -> None:
    parent = Parent()
    jobs = opened(folder, (facts,), parent)
    said = jobs.profile(facts.candidate, FOLD.train, 0)
    assert len(said) == 18
    assert all(0 <= accuracy <= 1 and 0 <= error < 0.1 for accuracy, error in said)
    assert max(accuracy for accuracy, _ in said) > 0.8
    assert ("progress", (f"probing {facts.candidate.label}", 18, 18)) in parent.events
    assert jobs.images_computed() == 60
    assert jobs.profile(facts.candidate, FOLD.train, 0) == said
    assert jobs.images_computed() == 60
    whole, label = Amount(60, 60.0), facts.candidate.label
    first, second = [content for kind, content in parent.events if kind == "passes"]
    assert first == {label: FrozenCounts(whole, whole, Amount(60, pytest.approx(60.0)))}
    assert second == {label: FrozenCounts(whole, whole)}  # stored by now


def test_insight_asks_probes_on_stored_features_of_every_image(folder: Path, facts: CandidateFacts) -> None:
    parent = Parent()
    jobs = opened(folder, (facts,), parent)
    jobs.profile(facts.candidate, FOLD.train, 0)  # stores what the probes work on
    before = jobs.images_computed()
    found = jobs.insight(facts.candidate, 0, 0.0)
    assert found is not None
    assert jobs.images_computed() == before
    assert found.rows.tolist() == list(range(60))
    assert found.probabilities.shape == (60, len(POOL.classes))
    assert (found.probabilities.argmax(axis=1) == POOL.labels).mean() > 0.8
    assert found.more_data.points[-1].score > 0.8
    assert any(content[0].startswith("asking linear probes") for kind, content in parent.events if kind == "progress")


def test_insight_computes_features_only_where_there_is_time(
    folder: Path, tmp_path: Path, facts: CandidateFacts
) -> None:
    np.save(tmp_path / "pixels.npy", POOL.pixels[SIZE])
    jobs = opened(tmp_path, (facts,))
    assert jobs.insight(facts.candidate, 0, 0.0) is None
    assert jobs.images_computed() == 0
    found = jobs.insight(facts.candidate, 0, None)
    assert found is not None
    assert jobs.images_computed() == 60
    again = opened(folder, (facts,)).insight(facts.candidate, 0, None)
    assert again is not None
    assert again.more_data == found.more_data
    np.testing.assert_array_equal(again.probabilities, found.probabilities)


def test_a_renewed_worker_that_knows_the_facts_gives_the_same_trial(folder: Path, facts: CandidateFacts) -> None:
    one, other = (opened(folder, known) for known in ((facts,), (facts,)))
    first = one.trial(facts.candidate, solved(), [FOLD], None)
    again = other.trial(facts.candidate, solved(), [FOLD], None)
    assert first.result.value == again.result.value
    assert other.images_computed() == 0
    np.testing.assert_array_equal(first.val_probabilities, again.val_probabilities)


def test_trials_leave_nothing_behind(folder: Path, facts: CandidateFacts) -> None:
    func_graph = pytest.importorskip("tensorflow.python.framework.func_graph")
    jobs = opened(folder, (facts,))

    def graphs_after(**changes: Any) -> int:
        spec = replace(solved(units=8, steps=2, batch_size=16, **changes))
        assert jobs.trial(facts.candidate, spec, [FOLD], None).result.state == "complete"
        return sum(isinstance(thing, func_graph.FuncGraph) for thing in gc.get_objects())

    first = graphs_after(freeze_depth=17)
    assert first > 0  # of the trial itself, whose head is kept to be saved
    assert [graphs_after(freeze_depth=17, seed=seed) for seed in (1, 2)] == [first, first]
    assert graphs_after(freeze_depth=18) <= first


def test_a_compiled_model_stays_until_a_trial_without_or_a_test(
    folder: Path, facts: CandidateFacts, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    jobs, spec = opened(folder, (facts,)), solved(units=8, steps=2, batch_size=16)
    compiled: list[TrialSpec] = []

    def spy(model: Any, spec: TrialSpec, *rest: Any) -> Any:
        compiled.append(spec)
        return compile_model(model, spec, *rest)

    monkeypatch.setattr(trial_module, "compile_model", spy)

    def compilations(keep: bool) -> int:
        before = len(compiled)
        assert jobs.trial(facts.candidate, spec, [FOLD], None, keep=keep).result.state == "complete"
        return len(compiled) - before

    assert [compilations(keep) for keep in (True, True, False, True, True)] == [1, 0, 1, 1, 0]
    jobs.save(spec, facts.candidate, str(tmp_path), SIZE)
    assert compilations(keep=True) == 0
    jobs.test(str(tmp_path), [], latency=False)
    assert compilations(keep=True) == 1


def test_epochs_are_events_that_the_parent_answers(folder: Path, facts: CandidateFacts) -> None:
    parent = Parent()
    spec = solved(units=8, steps=9, batch_size=16, lr_head=1e-2)
    outcome = opened(folder, (facts,), parent).trial(facts.candidate, spec, [FOLD], None)
    epochs = [numbers for kind, numbers in parent.events if kind == "epoch"]
    assert [n["objective"] for n in epochs] == [h["objective"] for h in outcome.result.history]
    assert epochs[-1]["fraction"] == 1.0


def test_a_saved_model_predicts_files_as_the_trial_said(folder: Path, facts: CandidateFacts) -> None:
    jobs = opened(folder, (facts,))
    outcome = jobs.trial(facts.candidate, solved(), [FOLD], None)
    target = folder / "model"
    jobs.save(solved(), facts.candidate, str(target), SIZE)
    assert {path.name for path in target.iterdir()} == {"model.keras", "labels.json", "config.json"}
    assert json.loads((target / "labels.json").read_text()) == list(POOL.classes)
    assert json.loads((target / "config.json").read_text())["image_size"] == SIZE
    files = []
    for row in outcome.val_rows:
        files.append(str(folder / f"{row}.png"))
        Image.fromarray(POOL.pixels[SIZE][row]).save(files[-1])
    said, milliseconds = jobs.test(str(target), files, latency=True)
    np.testing.assert_allclose(said, outcome.val_probabilities, atol=2e-2)
    assert milliseconds is not None
    assert milliseconds > 0
    assert jobs.test(str(target), files[:1], latency=False)[1] is None


@pytest.mark.parametrize("changes", [{}, {"units": 8, "dropout": 0.3, "steps": 9, "lr_head": 1e-2}], ids=str)
def test_a_head_that_was_kept_ships_as_it_was_scored(
    folder: Path, facts: CandidateFacts, changes: dict[str, Any]
) -> None:
    jobs, spec = opened(folder, (facts,)), solved(**changes)
    outcome = jobs.trial(facts.candidate, spec, [FOLD], None)
    jobs.keep_head(spec, str(folder / "kept" / "head.npz"))
    later = opened(folder, (facts,))
    with pytest.raises(RunError, match="not the one that was fitted last"):
        later.save(spec, facts.candidate, str(folder / "shipped"), SIZE)
    later.restore_head(spec, str(folder / "kept" / "head.npz"))
    later.save(spec, facts.candidate, str(folder / "shipped"), SIZE)
    files = []
    for row in outcome.val_rows:
        files.append(str(folder / f"kept-{row}.png"))
        Image.fromarray(POOL.pixels[SIZE][row]).save(files[-1])
    said, _ = later.test(str(folder / "shipped"), files, latency=False)
    np.testing.assert_allclose(said, outcome.val_probabilities, atol=2e-2)


def test_only_the_model_that_was_fitted_last_can_be_saved(folder: Path, facts: CandidateFacts) -> None:
    jobs = opened(folder, (facts,))
    jobs.trial(facts.candidate, solved(), [FOLD], None)
    with pytest.raises(RunError, match="not the one that was fitted last"):
        jobs.save(solved(pooling="avgmax"), facts.candidate, str(folder / "other"), SIZE)
    assert not (folder / "other").exists()


def test_calls_before_the_pool_is_opened_are_an_error() -> None:
    with pytest.raises(RunError, match="no images yet"):
        Jobs(Parent()).trial(CANDIDATE, solved(), [FOLD], None)


def test_plugins_that_are_not_there_and_weights_that_do_not_fit(folder: Path, tmp_path: Path) -> None:
    jobs = opened(folder)
    with pytest.raises(PluginError, match="did you mean 'efficientnet_lite0'"):
        jobs.measure(replace(CANDIDATE, backbone="efficientnet_lite"), 0.5)
    broken = tmp_path / "broken.npz"
    broken.write_bytes(b"no weights")
    with pytest.raises(WeightsError, match=r"broken\.npz does not fit"):
        jobs.measure(replace(CANDIDATE, weights_file=str(broken)), 0.5)


def test_the_small_network_is_raced_and_saved(folder: Path, tmp_path: Path) -> None:
    jobs, small = opened(folder), Candidate("small_cnn", None, None, "", SIZE, 4)
    spec = TrialSpec("small_cnn", None, SIZE, 4, 0, steps=6, batch_size=16, lr_suffix=3e-3, lr_head=3e-3)
    (outcome,) = jobs.race(small, [spec], FOLD)
    assert outcome.result.state == "complete"
    jobs.save(outcome.result.spec, small, str(tmp_path / "model"), SIZE)
    assert (tmp_path / "model" / "model.keras").stat().st_size > 10_000


def test_provenance_is_distribution_and_version() -> None:
    (entry,) = [e for e in registry.find_plugins("augmentation") if e.name == "flip"]
    assert _provenance("augmentation", "flip") == f"{entry.distribution} {entry.version}"
    assert _provenance("backbone", "small_cnn") == "tlsearch"
