"""PretrainConfig: what the training of a network's own weights was asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from tlsearch.config import RunConfig
from tlsearch.config_values import MOST_LETTERS, NAME, PRETRAIN_NAME, WorkersChoice, bad, is_pattern
from tlsearch.errors import UsageError
from tlsearch.utils.texts import is_utf8


@dataclass(frozen=True, kw_only=True)
class PretrainConfig(RunConfig):
    """What was asked for: images and time as for a run, one network, and the name of the weights.

    ``backbones`` holds the network: ``NAME`` to begin with random values, ``NAME@WEIGHTS`` to begin with those weights;
    or a file of weights is given for it in ``weights``. ``name`` is what the new weights are called, and ``licence``
    what people are told about their use; empty where nothing was given. ``epochs`` without ``time_limit`` asks for no
    limit of time. One worker does the work. Raises: UsageError: a value is out of its range.
    """

    workers: WorkersChoice = 1
    name: str = ""
    licence: str = ""
    file_name: ClassVar[str] = PRETRAIN_NAME

    def _validate(self) -> None:
        super()._validate()
        if self.cluster is not None:
            raise UsageError("The training of weights has one worker, on this machine: leave --cluster out.")
        if len(self.backbones) != 1 or is_pattern(self.backbones[0]):
            raise UsageError(
                f"What is trained is {', '.join(self.backbones)!r}, but one network is needed: give the name of one "
                "backbone (`tlsearch plugins list` shows them)."
            )
        if not isinstance(self.name, str) or re.fullmatch(NAME, self.name) is None:
            raise bad("name", self.name, "letters, digits, points, underscores and hyphens, such as fashion")
        if not isinstance(self.licence, str) or not is_utf8(self.licence) or len(self.licence.splitlines()) > 1:
            raise bad("licence", self.licence, "one line of text in UTF-8")
        if len(self.licence) > MOST_LETTERS:
            raise bad("licence", f"{self.licence[:40]}...", f"at most {MOST_LETTERS} letters long")

    @property
    def backbone(self) -> str:
        """The name of the network."""
        return self.backbones[0].partition("@")[0]

    @property
    def label(self) -> str:
        """The new weights with their network, as a run names them: ``vgg16@fashion``."""
        return f"{self.backbone}@{self.name}"

    @property
    def is_from_scratch(self) -> bool:
        """Whether training begins with random values."""
        return not self.weights and "@" not in self.backbones[0]

    @property
    def effective_time_limit(self) -> float | None:
        """Seconds for everything, None without a limit: what was asked for, else 1800, but none with ``epochs``."""
        if self.time_limit is None and self.epochs is not None:
            return None
        return super().effective_time_limit
