"""MLflow's objects from plain values, cut to what its stores keep."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput

MAX_TAG_CHARS = 5000
_MAX_PARAM_CHARS = 6000
_MAX_DATASET_CHARS = 500
_DIGEST_CHARS = 16


def cut_params(params: Mapping[str, Any]) -> dict[str, str]:
    """Params as texts of at most 6,000 characters, above which MLflow would refuse them."""
    return {name: str(value)[:_MAX_PARAM_CHARS] for name, value in params.items()}


def cut_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Tags of at most 5,000 characters."""
    return {name: str(value)[:MAX_TAG_CHARS] for name, value in tags.items()}


def to_dataset(name: str, folder: Path, fingerprint: str, counts: Mapping[str, int]) -> DatasetInput:
    """A folder of images as the data set that a run was trained on. Nothing is read: its digest is the beginning of our
    ``fingerprint``, and ``counts`` are the numbers of images of its parts."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    source, profile = json.dumps({"uri": folder.absolute().as_uri()}), json.dumps(dict(counts))
    data = Dataset(name[:_MAX_DATASET_CHARS], fingerprint[:_DIGEST_CHARS], "local", source, profile=profile)
    return DatasetInput(data, [InputTag("mlflow.data.context", "training")])
