"""What a command is, and what it is applied to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from mlflow import MlflowClient

T_co = TypeVar("T_co", covariant=True)

Point = tuple[str, float, int, int]
"""A metric: name, value, milliseconds since 1970, step."""


@dataclass(frozen=True, kw_only=True)
class Store:
    """The experiment that commands write into.

    Attributes:
        client: MLflow's client of the store.
        experiment_id: The experiment.
        ids: The store's ids of runs and models that have got one of our own.
        home: The folder that relative paths of files begin at.
        retry: Whether commands were meant to be applied earlier. What they write may be there already, as the answer
            of the store may have been lost; and it is known by our own id.
        tell: Gets a sentence for people; the same one counts once.
    """

    client: MlflowClient
    experiment_id: str
    ids: dict[str, str]
    home: Path
    retry: bool = False
    tell: Callable[[str], None] = field(default=lambda text: None, repr=False)

    def real(self, known: str) -> str:
        """Give the store's id of a run or a model, which may be known by one of our own."""
        while known in self.ids:  # what was recorded anew in the dark has had two others
            known = self.ids[known]
        return known

    def with_real_ids(self, text: str) -> str:
        """Give ``text`` with the store's ids in the place of our own."""
        for own in self.ids:
            text = text.replace(own, self.real(own))
        return text


class Command(ABC, Generic[T_co]):
    """A write into a store.

    Runs and models are named by an id of the store, or by one of our own that ``Store.ids`` translates.
    """

    @property
    def file(self) -> str:
        """What it keeps in the artifact store, in words; empty where it needs the records of the store alone.

        Where files cannot be kept, all that is none goes on.
        """
        return ""

    @property
    def needs(self) -> str:
        """The model that must be there first, by an id; empty for none."""
        return ""

    def is_gone(self, store: Store) -> bool:
        """Whether what it keeps is no longer on this machine, so that it can never be applied."""
        return False

    @abstractmethod
    def apply(self, store: Store) -> T_co:
        """Write, and give what the store answers. Raises what MLflow raises."""
