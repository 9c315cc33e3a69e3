"""A made-up result with every part filled, for the tests of the result file and the report."""

from __future__ import annotations

from dataclasses import replace

from tests.helpers.results.sample_insights import IMPORTANCE, INSIGHTS
from tests.helpers.results.sample_trials import BASELINE, LARGE, WINNER, five_trials, history_between, profile_of
from tlsearch.data.findings import Finding
from tlsearch.folders.walk import Skipped
from tlsearch.results.result import RunResult
from tlsearch.results.schema import (
    Confirmed,
    Confusion,
    Corrected,
    Dataset,
    Difference,
    FrozenWork,
    Gain,
    Histories,
    LeftOut,
    LinearProbe,
    Metrics,
    Mistake,
    Mlflow,
    Output,
    PlannedCandidate,
    PlanSummary,
    Winner,
)

CLASSES = ("dress", "hat", "long sleeve", "shirt")
LITE = "efficientnet_lite0@imagenet"
VGG = "vgg16@imagenet"

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
    profile={LITE: profile_of(LITE, 18, 0.865), VGG: profile_of(VGG, 13, 0.836)},
    trials=five_trials(),
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
        history_between(0.55, 0.912),
        history_between(0.15, 0.613),
        {"2": history_between(0.55, 0.912), "7": history_between(0.5, 0.88)},
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
