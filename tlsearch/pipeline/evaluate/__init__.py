"""evaluate: the test split is opened, once.

The winner, the best linear probe and what was trained from scratch each come from their saved model and see the
original files.
"""

from __future__ import annotations

from tlsearch.pipeline.evaluate.evaluation import Evaluation, ModelCost, evaluate, evaluate_once, note_opening
from tlsearch.pipeline.evaluate.models import Models, make_models, refit
from tlsearch.pipeline.evaluate.predictions import predictions_of, worst_mistakes

__all__ = [
    "Evaluation",
    "ModelCost",
    "Models",
    "evaluate",
    "evaluate_once",
    "make_models",
    "note_opening",
    "predictions_of",
    "refit",
    "worst_mistakes",
]
