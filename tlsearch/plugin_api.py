"""What a plugin package imports: the contracts of ``tlsearch.plugins.api``, those of metrics, callbacks and readers.

This import path stays the same.

Importing it imports no backend. ``KerasAugmentation`` and ``to_pixels``, which need Keras, are imported when they are
first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tlsearch.callbacks import Callback, EpochInfo, Progress, RunInfo, TrialInfo
from tlsearch.folders.boxes.box import AnnotatedBox
from tlsearch.plugins.api import (
    API_VERSION,
    AUGMENTATION_GROUP,
    BACKBONE_GROUP,
    WEIGHTS_GROUP,
    Augmentation,
    AugmentationHints,
    Backbone,
    CutPoint,
    Images,
    NamedWeights,
    TrainingHints,
    WeightSource,
)
from tlsearch.plugins.keras_backbone import KerasBackbone
from tlsearch.plugins.keras_weights import load_keras_weights
from tlsearch.plugins.kinds.metric import CountMetric, Metric
from tlsearch.plugins.kinds.reader import Item, Reader, Reading, ReadingOptions, ReadingProgress, no_progress
from tlsearch.types import Decision, TrialResult, TrialSpec
from tlsearch.utils.cache_folders import keep_folder

if TYPE_CHECKING:
    from tlsearch.plugins.keras_augmentation import KerasAugmentation, to_pixels

__all__ = [
    "API_VERSION",
    "AUGMENTATION_GROUP",
    "BACKBONE_GROUP",
    "WEIGHTS_GROUP",
    "AnnotatedBox",
    "Augmentation",
    "AugmentationHints",
    "Backbone",
    "Callback",
    "CountMetric",
    "CutPoint",
    "Decision",
    "EpochInfo",
    "Images",
    "Item",
    "KerasAugmentation",
    "KerasBackbone",
    "Metric",
    "NamedWeights",
    "Progress",
    "Reader",
    "Reading",
    "ReadingOptions",
    "ReadingProgress",
    "RunInfo",
    "TrainingHints",
    "TrialInfo",
    "TrialResult",
    "TrialSpec",
    "WeightSource",
    "keep_folder",
    "load_keras_weights",
    "no_progress",
    "to_pixels",
]


def __getattr__(name: str) -> Any:
    """``KerasAugmentation`` and ``to_pixels``, imported when they are first used (PEP 562)."""
    if name in ("KerasAugmentation", "to_pixels"):
        from tlsearch.plugins import keras_augmentation

        return getattr(keras_augmentation, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
