"""What the search says of itself: accuracy by depth, what mattered, and what stored features were worth."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ProfilePoint:
    """The cross-validated accuracy of a linear probe after cut point number ``depth``, named ``cut_point``."""

    cut_point: str
    depth: int
    accuracy: float
    stderr: float | None = None


@dataclass(frozen=True)
class ParameterImportance:
    """The share of the scores' variance, 0 to 1, that one parameter of the search explains by itself.

    ``stderr`` is its standard error over trials, None where it cannot be told.
    """

    name: str
    share: float
    stderr: float | None = None


@dataclass(frozen=True)
class Importance:
    """What mattered, by ``method`` (``fanova``), from so many complete ``trials``.

    ``parameters`` come in order, the largest share first; there are none where the trials are too few, or all have one
    score.
    """

    method: str
    trials: int
    parameters: tuple[ParameterImportance, ...] = ()


@dataclass(frozen=True, kw_only=True)
class FrozenWork:
    """What the whole run wanted of the frozen layers of ``candidate``.

    Images are counted each time that a training step, a validation or the fit of a head read their features
    (``images_read``), once for each augmented view in each job, a job being a trial, a profile or an examination
    (``images_asked``), and where they really went through layers (``images_computed``). ``passes_*`` weigh them: 1 is
    one image through the whole network, an image up to a cut counts as the share of the work that lies before it.
    ``seconds_per_pass`` was measured at the start of the run.
    """

    candidate: str
    seconds_per_pass: float
    images_read: int
    passes_read: float
    images_asked: int
    passes_asked: float
    images_computed: int
    passes_computed: float
