"""Names, params, metrics and tags of a trial's run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tlsearch.tracking.trial_fields import curve_of, finals_of, note_of, params_of, run_name, tags_of
from tlsearch.types import State, TrialResult, TrialSpec

SPEC = TrialSpec(
    backbone="vgg16",
    weights="imagenet",
    image_size=128,
    depth=13,
    freeze_depth=10,
    units=256,
    dropout=0.3,
    policy="geometric",
    strength=0.5,
    views=4,
    lr_suffix=2e-4,
    lr_head=1e-3,
)
SOLVED = replace(SPEC, freeze_depth=13, units=0, policy="none", strength=0.0, lr_suffix=0.0, lr_head=0.0)
SCRATCH = TrialSpec(
    backbone="small_cnn",
    weights=None,
    image_size=64,
    depth=0,
    freeze_depth=0,
    policy="standard",
    strength=0.5,
    lr_suffix=3e-3,
    lr_head=3e-3,
)


@pytest.mark.parametrize(
    ("number", "total", "name"),
    [
        (7, 40, "07 vgg16@imagenet freeze 10/13 head 256 geometric 0.50"),
        (7, 100, "007 vgg16@imagenet freeze 10/13 head 256 geometric 0.50"),
        (41, 40, "41 vgg16@imagenet freeze 10/13 head 256 geometric 0.50"),
    ],
)
def test_the_name_of_a_run_says_its_configuration(number: int, total: int, name: str) -> None:
    assert run_name(number, total, SPEC.label) == name


@pytest.mark.parametrize(
    ("spec", "label"),
    [
        (SOLVED, "vgg16@imagenet freeze 13/13 linear probe no augmentation"),
        (replace(SPEC, units=0, strength=1.0), "vgg16@imagenet freeze 10/13 linear head geometric 1.00"),
        (
            replace(SOLVED, skip_cut=4, pooling="avgmax"),
            "vgg16@imagenet freeze 13/13 skip cut 4 linear probe avg+max no augmentation",
        ),
        (SCRATCH, "small_cnn from scratch linear head standard 0.50"),
    ],
)
def test_a_configuration_in_one_line(spec: TrialSpec, label: str) -> None:
    assert spec.label == label


def test_params_say_what_was_searched() -> None:
    params = params_of(SPEC, "block4_pool", 10)
    assert params["freeze_depth"] == "10"
    assert params["cut_point"] == "block4_pool"
    assert params["frozen_layers"] == "10"
    assert params["head_units"] == "256"
    assert params["augmentation"] == "geometric"
    assert params["dropout"] == "0.3"
    assert params["kind"] == "fine_tuning"
    assert all(isinstance(value, str) for value in params.values())
    assert len(params) <= 100


@pytest.mark.parametrize(
    ("spec", "values"),
    [
        (SPEC, (10 / 13, 256, 0.5, 2e-4)),
        (replace(SPEC, freeze_depth=13), (1.0, 256, 0.5, 1e-3)),  # of a frozen network only the head is trained
        (SOLVED, (1.0, 0, 0.0, 0.0)),
        (SCRATCH, (0.0, 0, 0.5, 3e-3)),
    ],
)
def test_every_trial_has_numbers_for_the_parallel_coordinates(spec: TrialSpec, values: tuple[float, ...]) -> None:
    params = params_of(spec, "", 0)
    names = ("freeze_fraction", "head_units", "strength", "learning_rate")
    assert [float(params[name]) for name in names] == pytest.approx(list(values), rel=1e-5)


def test_curves_of_folds_lie_apart() -> None:
    numbers = {"epoch": 3.0, "fraction": 0.3, "val_accuracy": 0.7, "objective": 0.6, "val_loss": 1.0}
    first = {"curve/val_accuracy": 0.7, "curve/val_macro_f1": 0.6, "curve/val_loss": 1.0}
    assert curve_of(numbers, "macro_f1", 1) == first
    assert set(curve_of(numbers, "macro_f1", 2)) == {name.replace("curve", "curve of fold 2") for name in first}


def test_only_complete_trials_have_figures_to_be_sorted_by() -> None:
    metrics = {
        "val_accuracy": 0.8123456, "val_loss": 0.5, "objective": 0.7654321, "trainable_params": 1234567.0,
        "train_accuracy": 0.9, "train_loss": 0.1, "c": 0.055,
    }  # fmt: skip
    complete = TrialResult(spec=SPEC, state="complete", value=0.7654321, seconds=12.3456, metrics=metrics)
    assert finals_of(complete, "balanced_accuracy") == {
        "val_accuracy": 0.81235, "val_balanced_accuracy": 0.76543, "val_loss": 0.5, "trainable_params": 1234600.0,
        "train_accuracy": 0.9, "seconds": 12.346,
    }  # fmt: skip
    pruned = finals_of(replace(complete, state="pruned", value=None), "accuracy")
    assert pruned == {"stopped/val_accuracy": 0.76543, "trainable_params": 1234600.0, "seconds": 12.346}
    other = finals_of(replace(complete, state="timed_out", value=None), "macro_f1")
    assert other == {
        "stopped/val_accuracy": 0.81235, "stopped/val_macro_f1": 0.76543, "trainable_params": 1234600.0,
        "seconds": 12.346,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("state", "reason", "gain", "note"),
    [
        ("complete", "", 0.271, "validation accuracy 0.873, +0.271 over the network from scratch."),
        ("complete", "", None, "validation accuracy 0.873."),
        ("pruned", "worse than the median of its kind.", None, "pruned (worse than the median of its kind)."),
        ("failed", "it broke", None, "failed (it broke)."),
        ("timed_out", "", None, "cut off by the clock."),
    ],
)
def test_the_note_of_a_run_says_how_it_ended(state: State, reason: str, gain: float | None, note: str) -> None:
    value = 0.873 if state == "complete" else None
    said = note_of(TrialResult(spec=SPEC, state=state, value=value, seconds=12.34, reason=reason), "accuracy", gain)
    assert said == f"{SPEC.label}. In 12.3 s: {note}"


def test_a_gain_on_fewer_folds_than_the_figure_before_it_says_so() -> None:
    on_three = TrialResult(spec=SPEC, state="complete", value=0.779, seconds=12.34, fold_values=(0.571, 0.866, 0.9))
    assert note_of(on_three, "accuracy", -0.143).endswith(
        "validation accuracy 0.779, on the folds that both have -0.143 over the network from scratch."
    )


def test_tags_are_there_to_filter_by() -> None:
    tags = tags_of("trial", SPEC, plugins={"vgg16": "tlsearch 0.1.0"}, fingerprint="f00", seed=3, search="out")
    assert tags["role"] == "trial"
    assert tags["backbone"] == "vgg16"
    assert tags["weights"] == "imagenet"
    assert tags["augmentation"] == "geometric"
    assert tags["plugin.vgg16"] == "tlsearch 0.1.0"
    assert tags["seed"] == "3"
    assert tags["search"] == "out"
    assert tags["dataset_fingerprint"] == "f00"
    assert "state" not in tags  # until the trial is over
