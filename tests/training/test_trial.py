"""Trials from spec to result, on the small network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.networks.tiny import Patience, Speckle, make_extractor, make_fold, make_network, make_pool, make_spec
from tlsearch.data.split import Fold
from tlsearch.features.prefix import Network
from tlsearch.features.view import PLAIN, View
from tlsearch.plugins.load_metric import load_metric
from tlsearch.training import linear_head
from tlsearch.training import trial as trial_module
from tlsearch.training.linear_head import LabelledImages
from tlsearch.training.trial import Outcome, TrialRunner
from tlsearch.types import TrialResult, TrialSpec

# Keras 3.15 turns variables and bfloat16 tensors into arrays in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

FOLD = make_fold()
AUGMENTED: dict[str, Any] = {"policy": "speckle", "strength": 0.5, "views": 3}
SOLVED: dict[str, Any] = {"freeze_depth": 4, "steps": 0}


def run(
    network: Network,
    runner: TrialRunner | Path,
    spec: TrialSpec,
    judge: Patience | None = None,
    folds: tuple[Fold, ...] = (FOLD,),
    seconds: float | None = None,
) -> Outcome:
    """A trial; where ``runner`` is a folder, with a store of its own in there."""
    if isinstance(runner, Path):
        runner = TrialRunner(make_extractor(runner), load_metric("accuracy"))
    return runner.run(network, spec, folds, judge or Patience(), seconds)


def same(one: Outcome, other: Outcome) -> None:
    """Everything but the seconds is equal, to the last bit."""
    assert replace(one.result, seconds=0.0) == replace(other.result, seconds=0.0)
    np.testing.assert_array_equal(one.val_rows, other.val_rows)
    np.testing.assert_array_equal(one.val_probabilities, other.val_probabilities)


def test_a_suffix_trial_is_complete_and_its_value_is_the_mean_of_the_last_three(
    network: Network, tmp_path: Path
) -> None:
    judge = Patience()
    result = run(network, tmp_path, make_spec(steps=18), judge).result
    assert result.state == "complete"
    assert len(result.history) == 6
    objectives = [h["objective"] for h in result.history]
    assert result.value == pytest.approx(np.mean(objectives[-3:]))
    assert result.value == result.metrics["objective"]
    assert result.value > 0.8
    assert result.cut_point == "wide"
    assert result.frozen_layers == ("stem", "wide", "wide_bn")
    after = 8 * 9 + 8 + 2 * 8 + 8 * 12 * 9 + 2 * 12
    assert result.metrics["trainable_params"] == after + 12 * 3 + 3
    assert {"val_accuracy", "val_loss", "train_loss"} <= set(result.metrics)
    assert [r["fraction"] for r in judge.epochs] == pytest.approx([i / 6 for i in range(1, 7)])


def test_a_solved_trial_has_no_epochs(network: Network, tmp_path: Path) -> None:
    judge = Patience()
    outcome = run(network, tmp_path, make_spec(**SOLVED), judge)
    assert outcome.result.state == "complete"
    assert outcome.result.history == ()
    assert judge.epochs == []
    assert outcome.result.metrics["trainable_params"] == 12 * 3 + 3
    labels = make_pool().labels[list(FOLD.val)]
    assert outcome.result.value == (outcome.val_probabilities.argmax(axis=1) == labels).mean() > 0.8
    assert outcome.val_rows.tolist() == list(FOLD.val)


def test_a_linear_probe_fits_all_its_views_and_validates_plain_images(
    network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fits: list[Any] = []
    fit_linear_head = linear_head.fit_linear_head

    def spy(x: Any, images: LabelledImages, *rest: Any) -> Any:
        fits.append((x, images, rest[-1]))
        return fit_linear_head(x, images, *rest)

    monkeypatch.setattr(trial_module, "fit_linear_head", spy)
    extractor = make_extractor(tmp_path)
    runner = TrialRunner(extractor, load_metric("accuracy"))
    spec = make_spec(**SOLVED, **AUGMENTED)
    outcome = runner.run(network, spec, [FOLD], Patience(), None)
    ((x, images, rendered),) = fits
    train = np.asarray(FOLD.train)
    views = [
        extractor.pooled(network, View(policy="speckle", strength=0.5, number=v, seed=0), [4])[0][train, :12]
        for v in range(3)
    ]
    np.testing.assert_array_equal(x, np.concatenate(views))
    np.testing.assert_array_equal(images.labels, extractor.pool.labels[train])
    assert rendered == 3
    assert not np.array_equal(views[0], views[1])
    plain = extractor.pooled(network, PLAIN, [4])[0][list(FOLD.val), :12]
    assert runner.fitted is not None
    head = runner.fitted.head.weights()
    logits = (plain - head.mean) / head.scale @ head.linear[0] + head.linear[1]
    np.testing.assert_array_equal(outcome.val_probabilities.argmax(axis=1), logits.argmax(axis=1))


@pytest.mark.parametrize("pooling", ["avg", "avgmax"])
@pytest.mark.parametrize("skip_cut", [0, 2])
def test_taps_and_maxima_widen_the_head(network: Network, tmp_path: Path, pooling: str, skip_cut: int) -> None:
    result = run(network, tmp_path, make_spec(**SOLVED, pooling=pooling, skip_cut=skip_cut)).result
    width = (12 + (8 if skip_cut else 0)) * (2 if pooling == "avgmax" else 1)
    assert result.metrics["trainable_params"] == width * 3 + 3


def test_a_hidden_head_is_trained_on_frozen_features(network: Network, tmp_path: Path) -> None:
    result = run(network, tmp_path, make_spec(freeze_depth=4, units=16, steps=60, lr_head=1e-2)).result
    assert result.state == "complete"
    assert len(result.history) == 20
    assert result.metrics["trainable_params"] == 12 * 16 + 16 + 16 * 3 + 3
    assert result.value is not None
    assert result.value > 0.8


@pytest.mark.parametrize("units", [0, 8])
def test_a_suffix_trial_starts_from_a_head_that_fits(network: Network, tmp_path: Path, units: int) -> None:
    """The first phase of LP-FT: before the first step it is as good as the head on frozen features."""
    runner = TrialRunner(make_extractor(tmp_path), load_metric("accuracy"))
    trainer = runner.prepare(network, make_spec(units=units, steps=60), FOLD)
    probabilities = trainer.probabilities(trainer.task.plain(), np.asarray(FOLD.val))
    accuracy = (probabilities.argmax(axis=1) == make_pool().labels[list(FOLD.val)]).mean()
    assert accuracy > 0.8
    if units == 0:
        solved = runner.run(network, make_spec(**SOLVED), [FOLD], Patience(), None)
        assert accuracy == pytest.approx(solved.result.value, abs=0.1)


def test_the_judge_can_prune(network: Network, tmp_path: Path) -> None:
    result = run(network, tmp_path, make_spec(steps=18), Patience(until=3)).result
    assert (result.state, result.value) == ("pruned", None)
    assert len(result.history) == 3
    assert result.reason == "after 3 of 6 epochs"
    assert result.metrics["val_loss"] == result.history[-1]["val_loss"]


def test_a_trial_that_was_broken_off_leaves_no_model(network: Network, tmp_path: Path) -> None:
    """Not that of its first fold either."""
    runner = TrialRunner(make_extractor(tmp_path), load_metric("accuracy"))
    runner.run(network, make_spec(steps=18), FIVE[:2], Patience(until=8), None)
    assert runner.fitted is None


def test_a_trial_that_reached_its_end_is_not_pruned(network: Network, tmp_path: Path) -> None:
    assert run(network, tmp_path, make_spec(steps=18), Patience(until=6)).result.state == "complete"


def test_folds_are_averaged(network: Network, tmp_path: Path) -> None:
    folds = (FOLD, Fold(tuple(i for i in range(60) if i % 4), tuple(range(0, 60, 4))))
    both = run(network, tmp_path, make_spec(**SOLVED), folds=folds)
    each = [run(network, tmp_path, make_spec(**SOLVED), folds=(fold,)).result for fold in folds]
    assert both.result.value == pytest.approx(np.mean([r.value for r in each if r.value is not None]))
    assert both.result.metrics["val_loss"] == pytest.approx(np.mean([r.metrics["val_loss"] for r in each]))
    assert both.val_rows.tolist() == [*folds[0].val, *folds[1].val]
    assert len(both.val_probabilities) == len(both.val_rows)


FIVE = tuple(Fold(tuple(i for i in range(60) if i % 5 != n), tuple(range(n, 60, 5))) for n in range(5))


@pytest.mark.parametrize("changes", [SOLVED, {"freeze_depth": 2}], ids=["solved", "suffix"])
def test_folds_cost_no_extraction(network: Network, tmp_path: Path, changes: dict[str, object]) -> None:
    """Five folds of one pool send no more images through the network than one."""
    spec = make_spec(**{**changes, "policy": "speckle", "strength": 0.5, "views": 2, "steps": 6})
    counted = []
    for name, folds in (("one", FIVE[:1]), ("five", FIVE)):
        extractor = make_extractor(tmp_path / name)
        TrialRunner(extractor, load_metric("accuracy")).run(network, spec, folds, Patience(), None)
        counted.append(extractor.computed)
    assert counted[0] == counted[1] > 0


@pytest.mark.parametrize("changes", [SOLVED, {"freeze_depth": 4, "units": 8}], ids=["solved", "hidden"])
def test_where_nothing_is_stored_the_folds_of_a_trial_share_what_it_computes(
    network: Network, tmp_path: Path, changes: dict[str, object]
) -> None:
    spec, found = make_spec(**{"steps": 6, **changes}), []
    for limit in (0, 10**9):
        extractor = make_extractor(tmp_path / str(limit), limit=limit)
        runner = TrialRunner(extractor, load_metric("accuracy"))
        found.append(runner.run(network, spec, FIVE, Patience(), None))
        assert extractor.computed == len(make_pool())
        runner.run(network, spec, FIVE[:1], Patience(), None)  # nothing is kept for another trial
        assert extractor.computed == len(make_pool()) * (1 if limit else 2)
    np.testing.assert_array_equal(found[0].val_probabilities, found[1].val_probabilities)
    assert found[0].result.value == found[1].result.value


def test_the_share_of_a_trial_counts_over_all_folds(network: Network, tmp_path: Path) -> None:
    patience = Patience()
    result = run(network, tmp_path, make_spec(steps=5), folds=FIVE[:2], judge=patience).result
    assert [numbers["fraction"] for numbers in patience.epochs] == pytest.approx([n / 10 for n in range(1, 11)])
    assert len(result.history) == 5


def test_a_fold_without_validation_images_only_fits(network: Network, tmp_path: Path) -> None:
    runner = TrialRunner(make_extractor(tmp_path), load_metric("accuracy"))
    outcome = runner.run(network, make_spec(steps=3), [Fold(tuple(range(60)), ())], Patience(), None)
    assert (outcome.result.state, outcome.result.value, len(outcome.val_rows)) == ("complete", None, 0)
    assert runner.fitted is not None


@pytest.mark.parametrize(
    "changes",
    [{}, {**SOLVED, **AUGMENTED}, {"freeze_depth": 4, "units": 8, "dropout": 0.3}, {"freeze_depth": 1, **AUGMENTED}],
)
def test_the_same_spec_gives_the_same_result_with_and_without_a_store(
    network: Network, tmp_path: Path, changes: dict[str, Any]
) -> None:
    spec = make_spec(**changes)
    storeless = TrialRunner(make_extractor(tmp_path / "two", limit=0), load_metric("accuracy"))
    same(run(network, tmp_path / "one", spec), run(make_network(), storeless, spec))


def test_another_seed_gives_another_result(network: Network, tmp_path: Path) -> None:
    spec = make_spec(freeze_depth=4, units=8, dropout=0.3)
    one, other = (run(network, tmp_path, replace(spec, seed=seed)).result.history for seed in (0, 1))
    assert [h["train_loss"] for h in one] != [h["train_loss"] for h in other]


@pytest.mark.parametrize("views", [3, 0])
def test_epochs_render_the_views_they_need_and_no_others(network: Network, tmp_path: Path, views: int) -> None:
    """Six epochs of the 60 images, one chunk a view: three that take turns, or six."""
    speckle = Speckle()
    runner = TrialRunner(make_extractor(tmp_path, augmentation=speckle), load_metric("accuracy"))
    spec = make_spec(steps=18, freeze_depth=0, **{**AUGMENTED, "views": views})
    assert runner.run(network, spec, [FOLD], Patience(), None).result.state == "complete"
    assert speckle.calls == (views or 6)
    stored = runner.extractor.store.info().files
    assert stored == 1 + views  # the pools that the head starts from, and the views that are kept


def test_a_pruned_trial_rendered_few_views(network: Network, tmp_path: Path) -> None:
    speckle = Speckle()
    runner = TrialRunner(make_extractor(tmp_path, augmentation=speckle), load_metric("accuracy"))
    runner.run(network, make_spec(steps=18, **AUGMENTED), [FOLD], Patience(until=1), None)
    assert speckle.calls == 1


def test_imbalance_weighs_classes_for_balanced_accuracy_only(network: Network, tmp_path: Path) -> None:
    """24 images of the first class, 3 of each other: unweighted, the small classes are given up more often."""
    pool = make_pool(60, noise=110.0)
    rare = [i for i in range(60) if i % 3 == 0 or i % 15 in (1, 2)]
    fold = Fold(tuple(i for i in rare if i % 5), tuple(i for i in range(60) if i % 5 == 0))
    probabilities = {}
    for metric in ("accuracy", "balanced_accuracy"):
        runner = TrialRunner(make_extractor(tmp_path, pool), load_metric(metric))
        outcome = run(network, runner, make_spec(**SOLVED), folds=(fold,))
        probabilities[metric] = outcome.val_probabilities[:, 0].mean()
    assert probabilities["balanced_accuracy"] < probabilities["accuracy"] - 0.05


def test_probabilities_of_images_come_in_the_order_asked_for() -> None:
    result = TrialResult(spec=make_spec(), state="complete", value=0.5, seconds=1.0)
    outcome = Outcome(result, np.array([7, 2, 9]), np.array([[0.7, 0.3], [0.2, 0.8], [0.9, 0.1]], np.float32))
    found = outcome.probabilities_of(np.array([9, 7]))
    assert found is not None
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, [[0.9, 0.1], [0.7, 0.3]], rtol=1e-6)
    assert outcome.probabilities_of(np.array([9, 3])) is None  # it was not validated on image 3
