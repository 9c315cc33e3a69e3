"""Every record of ``result.json``: small frozen records, each a JSON object.

Scores are fractions 0..1, times are seconds unless the name says otherwise, and an interval is (low, high). Records
that a package below makes are defined there: what is remarked of the data set in ``data``, heat maps in ``explain``,
differences and calibration in ``stats``.
"""

from __future__ import annotations

from tlsearch.data.findings import Finding
from tlsearch.explain.records import Curves, MapAgreement, MapStudy, ShownMap
from tlsearch.folders.walk import Skipped
from tlsearch.results.schema.at_use import AtUse, ModelAtUse, NetworkOutside, UseChoice
from tlsearch.results.schema.dataset import Dataset, Resizing
from tlsearch.results.schema.insights import Insights, LabelErrors, MoreData, SizePoint, Suspect
from tlsearch.results.schema.output import Mlflow, Output
from tlsearch.results.schema.plan import LeftOut, PlannedCandidate, PlanSummary, ScreenedCandidate
from tlsearch.results.schema.predictions import Confusion, EvaluationPredictions, Mistake
from tlsearch.results.schema.scores import Baseline, Confirmed, Corrected, LinearProbe, Metrics
from tlsearch.results.schema.search import FrozenWork, Importance, ParameterImportance, ProfilePoint
from tlsearch.results.schema.trials import Epoch, Histories, TrialRow
from tlsearch.results.schema.verdict import Answer, NextStep, Verdict
from tlsearch.results.schema.winner import Winner
from tlsearch.results.schema.work import WorkSpan
from tlsearch.stats.calibration import Calibration, CalibrationBin, CalibrationScore
from tlsearch.stats.claims import Difference, Estimate, Gain
from tlsearch.stats.localisation import BoxGain, BoxScores, Localisation
from tlsearch.stats.prediction_sets import PredictionSets, SetCoverage
from tlsearch.types import Interval, TrialSpec

__all__ = [
    "Answer",
    "AtUse",
    "Baseline",
    "BoxGain",
    "BoxScores",
    "Calibration",
    "CalibrationBin",
    "CalibrationScore",
    "Confirmed",
    "Confusion",
    "Corrected",
    "Curves",
    "Dataset",
    "Difference",
    "Epoch",
    "Estimate",
    "EvaluationPredictions",
    "Finding",
    "FrozenWork",
    "Gain",
    "Histories",
    "Importance",
    "Insights",
    "Interval",
    "LabelErrors",
    "LeftOut",
    "LinearProbe",
    "Localisation",
    "MapAgreement",
    "MapStudy",
    "Metrics",
    "Mistake",
    "Mlflow",
    "ModelAtUse",
    "MoreData",
    "NetworkOutside",
    "NextStep",
    "Output",
    "ParameterImportance",
    "PlanSummary",
    "PlannedCandidate",
    "PredictionSets",
    "ProfilePoint",
    "Resizing",
    "ScreenedCandidate",
    "SetCoverage",
    "ShownMap",
    "SizePoint",
    "Skipped",
    "Suspect",
    "TrialRow",
    "TrialSpec",
    "UseChoice",
    "Verdict",
    "Winner",
    "WorkSpan",
]
