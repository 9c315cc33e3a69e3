"""A made-up result with every part filled, for the tests of the result file and the report."""

from __future__ import annotations

from dataclasses import replace

from tlsearch.data.findings import Finding
from tlsearch.folders.walk import Skipped
from tlsearch.results.result import RunResult
from tlsearch.results.schema import (
    Baseline,
    Calibration,
    CalibrationBin,
    CalibrationScore,
    Confirmed,
    Confusion,
    Corrected,
    Dataset,
    Difference,
    Epoch,
    FrozenWork,
    Gain,
    Histories,
    Importance,
    Insights,
    LabelErrors,
    LeftOut,
    LinearProbe,
    Metrics,
    Mistake,
    Mlflow,
    MoreData,
    Output,
    ParameterImportance,
    PlannedCandidate,
    PlanSummary,
    PredictionSets,
    ProfilePoint,
    SetCoverage,
    SizePoint,
    Suspect,
    TrialRow,
    Winner,
)
from tlsearch.types import TrialResult, TrialSpec

CLASSES = ("dress", "hat", "long sleeve", "shirt")
LITE = "efficientnet_lite0@imagenet"
VGG = "vgg16@imagenet"

WINNER = TrialSpec(
    backbone="efficientnet_lite0",
    weights="imagenet",
    image_size=160,
    depth=18,
    freeze_depth=6,
    dropout=0.3,
    policy="standard",
    strength=0.5,
    views=4,
    steps=958,
    lr_suffix=5e-4,
    lr_head=1e-3,
    weight_decay=1e-3,
)
SOLVED = TrialSpec(
    backbone="vgg16", weights="imagenet", image_size=128, depth=13, freeze_depth=13, pooling="avgmax", skip_cut=10
)
SCRATCH = TrialSpec(
    backbone="small_cnn",
    weights=None,
    image_size=160,
    depth=0,
    freeze_depth=0,
    policy="standard",
    strength=0.5,
    views=0,
    steps=958,
)


def _history(start: float, end: float) -> tuple[Epoch, ...]:
    share = [1 - 0.75**epoch for epoch in range(1, 11)]
    return tuple(
        {
            "epoch": float(epoch),
            "train_loss": 2.0 - 1.7 * part,
            "train_accuracy": start + (end + 0.05 - start) * part,
            "val_loss": 1.9 - 1.4 * part,
            "val_accuracy": start + (end - start) * part,
            "objective": start + (end - start) * part,
        }
        for epoch, part in enumerate(share, 1)
    )


def _trials() -> tuple[TrialRow, ...]:
    solved = TrialResult(
        spec=SOLVED,
        state="complete",
        value=0.861,
        seconds=3.4,
        metrics={"val_accuracy": 0.861, "trainable_params": 5_124.0},
    )
    won = TrialResult(
        spec=WINNER,
        state="complete",
        value=0.912,
        seconds=201.0,
        metrics={"val_accuracy": 0.912, "trainable_params": 3.2e6},
    )
    pruned = TrialResult(
        spec=replace(WINNER, lr_suffix=3e-3),
        state="pruned",
        value=None,
        seconds=84.0,
        metrics={"objective": 0.7},
        reason="below the median",
    )
    failed = TrialResult(
        spec=replace(WINNER, units=512), state="failed", value=None, seconds=12.0, reason="loss is not finite"
    )
    scratch = TrialResult(spec=SCRATCH, state="complete", value=0.613, seconds=310.0, metrics={"val_accuracy": 0.613})
    return (
        TrialRow.of(0, "baseline", scratch, "run-0"),
        TrialRow.of(1, "trial", solved, "run-1"),
        TrialRow.of(2, "trial", won, "run-2"),
        TrialRow.of(3, "trial", pruned, "run-3"),
        TrialRow.of(4, "trial", failed, "run-4"),
    )


def _profile(label: str, depth: int, peak: float) -> tuple[ProfilePoint, ...]:
    best = 0.75 * depth
    return tuple(
        ProfilePoint(
            cut_point=f"cut {k} of {label}", depth=k, accuracy=peak - 0.35 * ((k - best) / depth) ** 2, stderr=0.012
        )
        for k in range(1, depth + 1)
    )


BASELINE = Baseline(
    architecture="small_cnn",
    seconds=310.0,
    epochs=10,
    stopped_by="schedule",
    still_improving=True,
    val=0.613,
    test=0.602,
    test_ci95=(0.551, 0.650),
    confirmed=Confirmed(mean=0.598, folds=3, seed_spread=None, sampling_error=0.021),
)
LARGE = Baseline(
    architecture="efficientnet_lite0",
    seconds=340.0,
    epochs=31,
    stopped_by="schedule",
    still_improving=False,
    val=0.571,
    test=0.566,
    test_ci95=(0.515, 0.615),
)

SUSPECT = Suspect(
    path="shirt/9.jpg", given="shirt", suggested="dress", given_probability=0.004, suggested_probability=0.951
)


def _sets(asked: float, covered: float, left: int, right: float | None) -> SetCoverage:
    """Prediction sets on the 372 test images; where ``right`` is None there were too few images to make them."""
    return SetCoverage(
        asked=asked,
        covered=covered,
        ci95=(covered - 0.03, min(1.0, covered + 0.03)),
        lowest_expected=asked - 0.06,
        single=1 - left / 372,
        single_right=right,
        left=left,
        mean_size=1 + 2 * left / 372,
        enough=right is not None,
    )


INSIGHTS = Insights(
    more_data=MoreData(
        metric="accuracy",
        points=(
            SizePoint(0.25, 268, 0.801, 0.011),
            SizePoint(0.5, 535, 0.838, 0.009),
            SizePoint(1.0, 1069, 0.861, 0.008),
        ),
        draws=2,
        examined=1336,
        last_gain=0.023,
        gain_ci95=(0.011, 0.035),
    ),
    label_errors=LabelErrors(
        1336,
        31,
        (SUSPECT,),
    ),
    calibration=Calibration(
        temperature=1.62,
        fitted_on=136,
        bins=15,
        before=CalibrationScore(
            ece=0.061,
            ece_by_chance=0.024,
            log_loss=0.402,
            bins=(CalibrationBin(40, 0.55, 0.4), CalibrationBin(332, 0.98, 0.95)),
        ),
        after=CalibrationScore(
            ece=0.022,
            ece_by_chance=0.026,
            log_loss=0.341,
            bins=(CalibrationBin(52, 0.52, 0.5), CalibrationBin(320, 0.93, 0.95)),
        ),
    ),
    prediction_sets=PredictionSets(
        calibration_images=90,
        calibration_groups=90,
        images=372,
        levels=(
            _sets(0.8, 0.898, left=0, right=0.898),
            _sets(0.9, 0.914, left=21, right=0.921),
            _sets(0.95, 0.957, left=80, right=0.962),
            _sets(0.99, 1.0, left=372, right=None),
        ),
    ),
)

IMPORTANCE = Importance(
    "fanova",
    12,
    (
        ParameterImportance("train_suffix", 0.41, 0.08),
        ParameterImportance("candidate", 0.2, 0.05),
        ParameterImportance("dropout", 0.01, None),
    ),
)
WORK = (
    FrozenWork(
        candidate=LITE,
        seconds_per_pass=0.01,
        images_read=60_000,
        passes_read=20_000.0,
        images_asked=9_000,
        passes_asked=4_000.0,
        images_computed=3_000,
        passes_computed=1_500.0,
    ),
    FrozenWork(
        candidate=VGG,
        seconds_per_pass=0.05,
        images_read=2_000,
        passes_read=2_000.0,
        images_asked=2_000,
        passes_asked=2_000.0,
        images_computed=1_000,
        passes_computed=1_000.0,
    ),
)

SAMPLE = RunResult(
    dataset=Dataset(
        path="/data/clothing",
        fingerprint="9b1c5f0d2a7e4c33",
        classes=CLASSES,
        counts={
            "train": dict.fromkeys(CLASSES, 300),
            "val": dict.fromkeys(CLASSES, 34),
            "test": dict.fromkeys(CLASSES, 93),
        },
        skipped=(Skipped("hat/broken.jpg", "it is broken: truncated file"),),
        findings=(
            Finding(
                kind="duplicates",
                severity="info",
                message="4 images with equal content within a class",
                files=("hat/a.jpg",),
            ),
        ),
    ),
    plan=PlanSummary(
        candidates=(
            PlannedCandidate(
                label=LITE,
                backbone="efficientnet_lite0",
                weights="imagenet",
                image_size=160,
                cut_points=18,
                network="EfficientNet-Lite0",
                trained_on="ImageNet-1k",
            ),
            PlannedCandidate(label=VGG, backbone="vgg16", weights="imagenet", image_size=128, cut_points=13),
        ),
        left_out=(LeftOut("resnet50", "weights not found; `tlsearch weights fetch resnet50` brings them"),),
        steps=958,
        time_limit=1500.0,
        seed=0,
        metric="accuracy",
    ),
    winner=Winner.of(WINNER, "block5", ("stem_conv", "stem_bn", "block1_dw")),
    metrics=Metrics(
        counts="accuracy",
        name="accuracy",
        val=0.912,
        test=0.903,
        test_ci95=(0.869, 0.929),
        ms_per_image=11.8,
        megabytes=14.1,
        corrected=Corrected(value=0.897, ci95=(0.836, 0.938), trials=40, images=136),
        confirmed=Confirmed(mean=0.905, folds=3, seed_spread=0.006, sampling_error=0.017),
        majority=0.25,
        test_opened=1,
        test_accuracy=0.75,
        test_accuracy_ci95=(0.6, 0.86),
    ),
    linear_probe=LinearProbe(
        label=f"{LITE}, all frozen, linear probe",
        val=0.876,
        test=0.860,
        test_ci95=(0.821, 0.892),
        confirmed=Confirmed(mean=0.868, folds=3, seed_spread=None, sampling_error=0.015),
    ),
    baseline=replace(BASELINE, not_affordable=("vgg16",)),
    from_scratch=(replace(BASELINE, not_affordable=("vgg16",)), LARGE),
    gain=Gain(
        test=0.301,
        ci95=(0.249, 0.353),
        discordant=(122, 10),
        mcnemar_midp=2e-25,
        permutation_p=None,
        over_linear_probe=Difference(difference=0.043, ci95=(0.017, 0.071), discordant=(21, 5), mcnemar_midp=0.0016),
    ),
    profile={LITE: _profile(LITE, 18, 0.865), VGG: _profile(VGG, 13, 0.836)},
    trials=_trials(),
    timings={"data": 8.1, "plan": 2.0, "profile": 96.0, "baseline": 310.0, "search": 702.0, "test": 14.0},
    mlflow=Mlflow(
        tracking_uri="sqlite:////data/mlflow.db",
        experiment_id="1",
        parent_run_id="parent",
        ui_command="mlflow ui --backend-store-uri sqlite:///m.db",
    ),
    versions={"tlsearch": "0.1.0", "python": "3.11.7", "keras": "3.15.1", "tensorflow": "2.21.0"},
    output=Output(folder="/runs/clothing-1", pictures="pictures"),
    confusion=Confusion(CLASSES, ((84, 2, 4, 3), (1, 90, 1, 1), (5, 0, 80, 8), (4, 1, 6, 82))),
    histories=Histories(
        _history(0.55, 0.912), _history(0.15, 0.613), {"2": _history(0.55, 0.912), "7": _history(0.5, 0.88)}
    ),
    mistakes=(
        Mistake(path="shirt/1.jpg", true="shirt", predicted="long sleeve", probability=0.998),
        Mistake(path="hat/2.jpg", true="hat", predicted="dress", probability=0.914),
    ),
    insights=INSIGHTS,
    importance=IMPORTANCE,
    frozen_work=WORK,
    command="tlsearch run /data/clothing --time-limit 25m --seed 0",
    started="2026-11-22T10:12:00+00:00",
)
