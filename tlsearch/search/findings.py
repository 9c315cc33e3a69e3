"""What a run says besides its answer: would more data help, which labels look wrong, how true are the probabilities."""

from __future__ import annotations

import numpy as np

from tlsearch.errors import TlsearchError
from tlsearch.records import Candidate
from tlsearch.results.calibration import calibrate
from tlsearch.results.findings import Calibration, Findings, Labels, Suspect
from tlsearch.results.label_errors import count_errors, rank_suspects
from tlsearch.search.prove import Proof
from tlsearch.search.session import Session
from tlsearch.training.insight import Insight
from tlsearch.training.trial import Outcome

MOST_SUSPECTS = 24
"""Suspects that the report shows."""


def find(session: Session, candidate: Candidate, outcome: Outcome | None, proof: Proof) -> Findings:
    """All findings. ``candidate`` is the winner's, ``outcome`` that of its trial.

    They come after the answer and change nothing of it, so that whatever goes wrong here is only told.
    """
    insight = _ask_worker(session, candidate)
    return Findings(
        insight.more_data if insight is not None else None,
        _labels(session, insight) if insight is not None else None,
        _calibration(session, outcome, proof),
    )


def _ask_worker(session: Session, candidate: Candidate) -> Insight | None:
    """Probes on the stored features; None where there is no time to compute features that are no longer stored."""
    try:
        insight: Insight | None = session.worker.call(
            "insight",
            session.progress("report"),
            candidate=candidate,
            seed=session.config.seed,
            seconds=session.clock.left_for(),
        )
    except TlsearchError as error:
        session.reporter.warn(f"no finding on labels and on more data: {error}")
        return None
    return insight


def _labels(session: Session, insight: Insight) -> Labels:
    """The images of the pool whose labels look wrong; test images are not in the pool."""
    index, pool = session.data.index, session.data.pool
    labels = np.asarray(session.data.labels)[insight.rows]
    first = rank_suspects(insight.probabilities, labels)[:MOST_SUSPECTS]
    suspects = tuple(
        Suspect(
            index.images[pool[int(insight.rows[item.position])]].path,
            index.classes[item.given],
            index.classes[item.suggested],
            float(insight.probabilities[item.position, item.given]),
            float(insight.probabilities[item.position, item.suggested]),
        )
        for item in first
    )
    return Labels(len(labels), count_errors(insight.probabilities, labels), suspects)


def _calibration(session: Session, outcome: Outcome | None, proof: Proof) -> Calibration | None:
    """The winner's calibration on test, its temperature from validation; None where it has no validation figures."""
    if outcome is None or not len(outcome.val_rows):
        return None
    held = np.asarray(session.data.labels)[outcome.val_rows]
    return calibrate(outcome.val_probabilities, held, proof.probabilities, proof.labels)
