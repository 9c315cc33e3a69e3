"""A study in memory of which a database has a copy: every question is answered from memory, every change is written.

Optuna's own storage asks the database for all running trials at every question, several times a proposal. A round of
five hundred trials would take minutes to be asked for. It also writes each parameter of a proposal in a transaction of
its own, twenty for each trial. But the process that runs a search is the only one that changes its study.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.storages import BaseStorage, InMemoryStorage
from optuna.trial import FrozenTrial, TrialState


class WriteThroughStorage(InMemoryStorage):
    """One study of a database, for a process that alone changes it.

    A proposal is written as a whole: when it is told, or when anything else is written after it. Until then the
    database does not know it. A search that is stopped meanwhile makes the same proposal once more. Whatever else is
    changed is written at once.
    """

    def __init__(self, database: BaseStorage, name: str) -> None:
        """Read the study with this name.

        Args:
            database: Where it is kept.
            name: The name of a study that is there.
        """
        super().__init__()
        self._database = database
        self._kept = database.get_study_id_from_name(name)
        self._study = self.create_new_study(database.get_study_directions(self._kept), name)
        for key, value in database.get_study_user_attrs(self._kept).items():
            super().set_study_user_attr(self._study, key, value)
        for key, value in database.get_study_system_attrs(self._kept).items():
            super().set_study_system_attr(self._study, key, value)
        self._kept_ids: dict[int, int] = {}  # those of the database, by those in memory
        for trial in database.get_all_trials(self._kept, deepcopy=False):
            trial_id = super().create_new_trial(self._study, trial)
            self._kept_ids[trial_id] = database.get_trial_id_from_study_id_trial_number(self._kept, trial.number)
        self._unwritten: list[int] = []  # in the order of their numbers

    def flush(self) -> None:
        """Write the proposals that the database does not know yet."""
        while self._unwritten:
            trial_id = self._unwritten[0]
            self._kept_ids[trial_id] = self._database.create_new_trial(self._kept, self.get_trial(trial_id))
            del self._unwritten[0]

    def _write(self, trial_id: int, write: Callable[[int], object]) -> None:
        """Change a trial in the database, where that knows it."""
        if trial_id in self._kept_ids:
            self.flush()
            write(self._kept_ids[trial_id])

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        """Make a trial, which is written later."""
        trial_id = super().create_new_trial(study_id, template_trial)
        self._unwritten.append(trial_id)
        return trial_id

    def set_trial_param(
        self, trial_id: int, param_name: str, param_value_internal: float, distribution: BaseDistribution
    ) -> None:
        """Set a parameter."""
        super().set_trial_param(trial_id, param_name, param_value_internal, distribution)
        self._write(
            trial_id, lambda kept: self._database.set_trial_param(kept, param_name, param_value_internal, distribution)
        )

    def set_trial_state_values(self, trial_id: int, state: TrialState, values: Sequence[float] | None = None) -> bool:
        """Change the state of a trial; one that is over is written now."""
        changed = super().set_trial_state_values(trial_id, state, values)
        self._write(trial_id, lambda kept: self._database.set_trial_state_values(kept, state, values))
        if state.is_finished():
            self.flush()
        return changed

    def set_trial_intermediate_value(self, trial_id: int, step: int, intermediate_value: float) -> None:
        """Keep what a trial has reached."""
        super().set_trial_intermediate_value(trial_id, step, intermediate_value)
        self._write(trial_id, lambda kept: self._database.set_trial_intermediate_value(kept, step, intermediate_value))

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Set an attribute of a trial."""
        super().set_trial_user_attr(trial_id, key, value)
        self._write(trial_id, lambda kept: self._database.set_trial_user_attr(kept, key, value))

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Set an attribute of Optuna's of a trial."""
        super().set_trial_system_attr(trial_id, key, value)
        self._write(trial_id, lambda kept: self._database.set_trial_system_attr(kept, key, value))

    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> None:
        """Set an attribute of the study."""
        super().set_study_user_attr(study_id, key, value)
        self.flush()
        self._database.set_study_user_attr(self._kept, key, value)

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        """Set an attribute of Optuna's of the study."""
        super().set_study_system_attr(study_id, key, value)
        self.flush()
        self._database.set_study_system_attr(self._kept, key, value)
