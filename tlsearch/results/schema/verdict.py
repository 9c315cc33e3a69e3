"""What a run comes to: which model to use, what pre-training and the search brought, and what to do next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Answer = Literal["yes", "no", "cannot tell"]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The answer of a run in plain sentences.

    ``model`` is the folder of the model to use, below the output folder, and ``use`` says why. ``pretraining`` says
    whether reuse brought something over training from scratch, None where nothing was trained from scratch;
    ``search`` says whether the search brought something over the linear probe, None where there is none. Each has its
    evidence in a sentence. ``next_steps`` are at most three.
    """

    model: str
    use: str
    pretraining: Answer | None
    pretraining_evidence: str
    search: Answer | None
    search_evidence: str
    next_steps: tuple[str, ...] = ()
