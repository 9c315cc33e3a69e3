"""What models cost at use, and what was asked of the model to use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ModelRole = Literal["winner", "linear probe", "from scratch", "contender"]


@dataclass(frozen=True, kw_only=True)
class ModelAtUse:
    """A model that was confirmed on resampled folds or tested, with its score and what it costs at use.

    Attributes:
        label: Its configuration.
        role: `winner`, `linear probe`, `from scratch`, or `contender` for another one that was confirmed.
        network: The label of its network.
        score: The mean over resampled folds; where there are none, the validation score.
        folds: The resampled folds that the score is the mean of; 0 where it is the validation score.
        megabytes: Millions of bytes of its file; null where it is not known.
        ms_per_image: Milliseconds for one image alone; null where it is not known.
        measured: Whether its own file was measured. Otherwise both are estimates from its network and head, in
            proportion to the file that was.
        efficient: Whether no other model in this list is as good in score, size and time, and better in one of them.
        within: Whether it is within the budget; null without one.
    """

    label: str
    role: ModelRole
    network: str
    score: float
    folds: int
    megabytes: float | None
    ms_per_image: float | None
    measured: bool
    efficient: bool
    within: bool | None = None


@dataclass(frozen=True, kw_only=True)
class NetworkOutside:
    """A network that is above the budget even with the plainest head.

    Attributes:
        name: Its label.
        megabytes: Millions of bytes of its exported file.
        ms_per_image: Milliseconds for one image alone, on one thread.
    """

    name: str
    megabytes: float
    ms_per_image: float


@dataclass(frozen=True, kw_only=True)
class UseChoice:
    """What was asked of the model to use, and which it is. It was chosen before the test images were opened.

    Attributes:
        asked: The limits as they were typed, such as `--max-size 10MB`; empty without any.
        max_ms_per_image: The most milliseconds that an image may take; null without a limit.
        max_megabytes: The most millions of bytes that the file may have; null without a limit.
        prefer: `small`, `fast` or `accurate`; null where nothing was preferred.
        model: The folder of the model to use, below the output folder.
        image_size: The side of its square input, in pixels.
        megabytes: Millions of bytes of its exported file, as it was measured; null where costs were not asked for.
        ms_per_image: Milliseconds that this file takes for one image alone on one thread, as it was measured.
        within: Whether the measured file is within the limits.
        excluded: The networks that are above the limits.
        passed_over: Models that stood before it in the order of the choice, but whose own file is above the limits.
        reused_within: Whether the winner, which reuses a network, is within the limits.
        compared: Whether models were compared on resampled folds. Otherwise the best trial is used,
            whatever is preferred.
    """

    image_size: int
    asked: str = ""
    max_ms_per_image: float | None = None
    max_megabytes: float | None = None
    prefer: str | None = None
    model: str = "model"
    megabytes: float | None = None
    ms_per_image: float | None = None
    within: bool = True
    excluded: tuple[NetworkOutside, ...] = ()
    passed_over: tuple[str, ...] = ()
    reused_within: bool = True
    compared: bool = True


@dataclass(frozen=True, kw_only=True)
class AtUse:
    """What the models of a run cost at use.

    Attributes:
        how: What the figures are of: which file, run by what, on how many threads.
        models: Every model that was confirmed or tested.
        choice: What was asked of the model to use; null where nothing was.
    """

    how: str
    models: tuple[ModelAtUse, ...] = ()
    choice: UseChoice | None = None
