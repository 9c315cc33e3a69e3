"""The trials of the made-up result, and its networks from scratch."""

from __future__ import annotations

from dataclasses import replace

from tlsearch.results.schema import Baseline, Confirmed, Epoch, ProfilePoint, TrialRow
from tlsearch.types import TrialResult, TrialSpec

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


def history_between(start: float, end: float) -> tuple[Epoch, ...]:
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


def five_trials() -> tuple[TrialRow, ...]:
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


def profile_of(label: str, depth: int, peak: float) -> tuple[ProfilePoint, ...]:
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
