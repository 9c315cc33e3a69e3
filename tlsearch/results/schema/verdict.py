"""What a run comes to: which model to use, what pre-training and the search brought, and what to do next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Answer = Literal["yes", "no", "cannot tell"]


@dataclass(frozen=True, kw_only=True)
class NextStep:
    """What would help most after a run, with its evidence; ``command`` does it, None where no command can."""

    said: str
    command: str | None = None


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The answer of a run in plain sentences.

    ``model`` is the folder of the model to use, below the output folder; ``use`` names the model, ``use_evidence`` says
    what it scores, and ``command`` uses it. ``pretraining`` says whether reuse brought something over training from
    scratch, None where nothing was trained from scratch; ``search`` says whether the search brought something over the
    linear probe, None where there is none. Each has a short sentence for people and its evidence. ``next_steps`` are at
    most three, the surest first. Results of older versions have one long sentence, and no evidence apart.
    """

    model: str
    use: str
    use_evidence: str = ""
    command: str | None = None
    pretraining: Answer | None
    pretraining_said: str
    pretraining_evidence: str = ""
    search: Answer | None
    search_said: str
    search_evidence: str = ""
    next_steps: tuple[NextStep, ...] = ()
