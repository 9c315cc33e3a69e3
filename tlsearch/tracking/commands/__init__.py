"""Everything that a run writes into an MLflow store: commands that know how to apply themselves.

A command that fails for want of the store is kept in a file and applied later. Applied twice, it counts once: MLflow
keeps one of two equal params, tags, metrics of one moment, artifacts and data sets; of what it would keep twice (runs,
models, versions of models) the second command finds what the first has left.
"""

from __future__ import annotations

from tlsearch.tracking.commands.base import Command, Point, Store
from tlsearch.tracking.commands.models import LogModel, LogModelMetrics, RegisterModel
from tlsearch.tracking.commands.runs import (
    CreateRun,
    EndRun,
    LogArtifact,
    LogBatch,
    LogDataset,
    LogDict,
    LogText,
    ReopenRun,
    TagExperiment,
)

AnyCommand = (
    CreateRun
    | LogBatch
    | ReopenRun
    | EndRun
    | LogDataset
    | TagExperiment
    | LogText
    | LogDict
    | LogArtifact
    | LogModel
    | LogModelMetrics
    | RegisterModel
)
"""Every command there is; no other can be read from a file."""

__all__ = [
    "AnyCommand",
    "Command",
    "CreateRun",
    "EndRun",
    "LogArtifact",
    "LogBatch",
    "LogDataset",
    "LogDict",
    "LogModel",
    "LogModelMetrics",
    "LogText",
    "Point",
    "RegisterModel",
    "ReopenRun",
    "Store",
    "TagExperiment",
]
