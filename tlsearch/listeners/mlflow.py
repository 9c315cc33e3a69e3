"""The record of a run in MLflow as a callback: a parent run, and below it a run for every trial."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from tlsearch.callbacks import EpochInfo, TrialInfo
from tlsearch.config import CONFIG_NAME
from tlsearch.config_values import PRETRAIN_NAME
from tlsearch.listeners.callback_list import Recorder
from tlsearch.listeners.running_trial import CompletedTrial, Epochs, RunningTrial
from tlsearch.models.cuts import Cuts
from tlsearch.results.schema import Mlflow
from tlsearch.runs.checkpoint import Checkpoint
from tlsearch.runs.ledger import Ledger
from tlsearch.tracking.buffer import milliseconds
from tlsearch.tracking.tracker import Tracker
from tlsearch.tracking.trial_fields import (
    MAX_TAG_CHARS,
    RANK,
    STATUS_OF,
    curve_of,
    finals_of,
    note_of,
    params_of,
    tags_of,
)
from tlsearch.tracking.ui_view import SearchesView, TrialsView
from tlsearch.types import Candidate, TrialResult
from tlsearch.utils.signals import defer_interrupts


@dataclass(frozen=True, kw_only=True)
class RecordedRun:
    """What the record says of a whole run, and of each of its trials.

    Attributes:
        output: The output folder; its name is that of the parent run.
        params: The params of the parent run.
        dataset: Where the images are: an absolute path, or an address without secrets.
        dataset_name: What to call them.
        fingerprint: That of the data set.
        counts: The number of images of each part.
        seed: The seed of the search.
        metric: The metric that trials are compared by.
        greater_is_better: Whether a greater value of it is better.
        ranked_by: The names of the metrics that the view of the trials ranks them by, the first first.
        plugins: "distribution version" of every plugin, by name.
        cuts: The cut points of every candidate.
        role: What the parent run is: a search, or the training of weights.
    """

    output: Path
    params: Mapping[str, object]
    dataset: str
    dataset_name: str
    fingerprint: str
    counts: Mapping[str, int]
    seed: int
    metric: str
    ranked_by: Sequence[str]
    plugins: Mapping[str, str]
    cuts: Mapping[Candidate, Cuts]
    greater_is_better: bool = True
    role: Literal["search", "pretraining"] = "search"


class MlflowCallback(Recorder):
    """Records trials below the parent run that ``recording`` begins.

    Attributes:
        tracker: The MLflow experiment.
        parent_run: The id of the run that stands for the whole search.
        view: The link to its trials in the MLflow UI.
        searches: The link to all searches of the experiment.
    """

    name = "mlflow"

    def __init__(self, tracker: Tracker) -> None:
        self.tracker = tracker
        self.parent_run = ""
        self.view, self.searches = "", ""
        self._run: RecordedRun | None = None
        self._left_open: set[str] = set()  # by an earlier attempt at the run
        self._open: set[str] = set()
        self._begun: set[str] = set()  # by this attempt
        self._anew = self._resumed = False
        self._told_best: dict[str, set[int]] = {}  # the trials by the name of the metric
        self._epochs: dict[tuple[str, int], int] = {}

    @property
    def openings(self) -> Ledger:
        """The ledger that counts how often each test set has been opened."""
        return self.tracker.ledger

    @property
    def place(self) -> Mlflow:
        """Where the record is, as the result says it."""
        return Mlflow(
            tracking_uri=self.tracker.uri,
            experiment_id=self.tracker.experiment_id,
            parent_run_id=self.parent_run,
            ui_command=self.tracker.ui_command,
            view=self.view,
            searches=self.searches,
            parent_run_name=self._recorded().output.name,
        )

    def log_figures(self, model: str, scores: Mapping[str, float], costs: Mapping[str, float]) -> None:
        """Record what runs are compared by, as metrics of the parent and of its ``model``; the scores on the images."""
        run, log = self._recorded(), self.tracker.log_model_metrics
        log(self.parent_run, model, scores, run.dataset_name, run.fingerprint)
        log(self.parent_run, model, costs)

    def rank_trials(self, run_ids: Sequence[str], letters: int) -> None:
        """Record the rank of trials, and rank their view by it.

        Several trials may have the same score, and the winner is chosen by more than that.

        Args:
            run_ids: The runs in the order of the choice: the winner first.
            letters: The length of the longest name of a trial's run.
        """
        for rank, run_id in enumerate(run_ids, 1):
            self.tracker.add(run_id, {RANK: rank}, {"winner": "yes"} if rank == 1 else {})
        self.tracker.offer_view(replace(self._view(), ranked=True, letters=letters))

    def _view(self) -> TrialsView:
        run = self._recorded()
        return TrialsView(parent=self.parent_run, figures=run.ranked_by, ascending=not run.greater_is_better)

    @contextmanager
    def recording(self, run: RecordedRun, checkpoint: Checkpoint) -> Iterator[None]:
        """Start the parent run, or resume that of an earlier attempt, and record the load of the machine inside.

        Where the store no longer has that, a new one is started, and finished trials are recorded once more.
        """
        tracker = self.tracker
        self._run = run
        kept: str | None = checkpoint.get(("parent",), str)
        self._anew = kept is not None and tracker.lacks(kept)
        if self._anew:
            tracker.warn(f"the MLflow store {tracker.uri} no longer has the record of this run: it is recorded anew")
        if kept is None or self._anew:
            tracker.close_left_open(str(run.output), run.role)
            with defer_interrupts():
                self.parent_run = self._start_parent(run)
                checkpoint.put(("parent",), self.parent_run)
        else:
            self.parent_run, self._resumed = kept, True
            self._left_open.update(tracker.resume(kept))
        self._try_a_file(run)
        self.view = tracker.offer_view(self._view())
        self.searches = tracker.offer_view(SearchesView(milliseconds()))
        with tracker.system_metrics(self.parent_run):
            yield

    def _try_a_file(self, run: RecordedRun) -> None:
        """Record the request first: where the store keeps no files, a person hears of it before any work."""
        for name in (CONFIG_NAME, PRETRAIN_NAME):
            if (request := run.output / name).is_file():
                self.tracker.log_artifact(self.parent_run, request)

    def _start_parent(self, run: RecordedRun) -> str:
        tags = {
            "role": run.role,
            "seed": str(run.seed),
            "dataset_fingerprint": run.fingerprint,
            "output": str(run.output),
        }
        run_id = self.tracker.start_parent(run.output.name, run.params, tags)
        self.tracker.log_dataset(run_id, run.dataset_name, run.dataset, run.fingerprint, run.counts)
        return run_id

    def start_trial(self, trial: RunningTrial) -> str:
        """Open the run of a trial with its params and tags.

        The names of its frozen layers are a tag, or a file where they are too long for one.
        """
        self.close_left_open()
        run, spec = self._recorded(), trial.spec
        cuts = run.cuts.get(trial.candidate)
        cut = cuts.at(spec.freeze_depth) if cuts else None
        layers = cut.frozen_layers if cut else ()
        names = (spec.backbone, spec.policy, f"{spec.backbone}@{spec.weights}")
        tags = tags_of(
            trial.role,
            spec,
            plugins={name: run.plugins[name] for name in names if name in run.plugins},
            fingerprint=run.fingerprint,
            seed=run.seed,
            search=run.output.name,
        )
        text = ", ".join(layers)
        fits = len(text) <= MAX_TAG_CHARS
        if text and fits:
            tags["frozen_layers"] = text
        params = params_of(spec, cut.name if cut else "", len(layers))
        run_id = self.tracker.start_child(self.parent_run, trial.name, params, tags)
        if not fits:
            self.tracker.log_dict(run_id, {"frozen_layers": list(layers)}, "frozen_layers.json")
        self._open.add(run_id)
        self._begun.add(run_id)
        return run_id

    def on_epoch_end(self, trial: TrialInfo, epoch: EpochInfo) -> None:
        """Record the numbers of an epoch.

        MLflow's steps are whole numbers, and an epoch of a short schedule sees only a part of the images. So steps
        count epochs, anew in every fold.
        """
        place = trial.run_id, epoch.fold
        self._epochs[place] = step = self._epochs.get(place, 0) + 1
        self.tracker.log_epoch(trial.run_id, step, curve_of(epoch.metrics, self._recorded().metric, epoch.fold))

    def on_trial_end(self, trial: TrialInfo, result: TrialResult) -> None:
        """Close the run of a trial with its final metrics, all at step 0, and the status that its state means."""
        completed = trial.completed if isinstance(trial, RunningTrial) else None
        self._left_open.discard(trial.run_id)
        self._open.discard(trial.run_id)
        metric, extra = self._recorded().metric, completed.extra if completed else {}
        final = {**finals_of(result, metric), **{name: float(f"{value:.5g}") for name, value in extra.items()}}
        note = note_of(result, metric, extra.get("val_gain_over_baseline"))
        self.tracker.finish(
            trial.run_id,
            STATUS_OF[result.state],
            final,
            {"state": result.state, "mlflow.note.content": note},
            reason=result.reason,
            traceback=result.traceback,
        )

    def on_trial_recalled(self, trial: RunningTrial) -> None:
        """Close the run of a trial that an earlier attempt at the run has completed, where it is still open.

        If the record of that attempt is gone, the trial is recorded once more.
        """
        if trial.completed is None:
            return
        if self._anew and trial.run_id not in self._begun:
            self._record_again(trial, trial.completed)
        elif trial.run_id in self._left_open:
            self.on_trial_end(trial, trial.completed.result)

    def _record_again(self, trial: RunningTrial, completed: CompletedTrial) -> None:
        """Record a trial with its epochs under a run of its own, which its former id names from now on."""
        run_id, epochs = self.start_trial(trial), Epochs()
        self.tracker.is_now(trial.run_id, run_id)
        self._begun.add(trial.run_id)
        for numbers in completed.epochs:
            self.on_epoch_end(replace(trial, run_id=run_id), epochs.next(numbers))
        self.on_trial_end(replace(trial, run_id=run_id), completed.result)

    def on_trial_interrupted(self, trial: RunningTrial) -> None:
        """Close the run of a trial in which the run is interrupted; it is run anew when the run is resumed."""
        if trial.run_id in self._open:
            self._open.discard(trial.run_id)
            self._left_open.add(trial.run_id)
            self.close_left_open()

    def on_best(self, number: int, name: str, value: float) -> None:
        """Record the best score so far after trial ``number``: the chart of the parent shows the search's progress.

        A run that is resumed tells of all its trials again. What an earlier attempt has recorded is not repeated.
        """
        if name not in self._told_best:
            self._told_best[name] = self.tracker.steps(self.parent_run, name) if self._resumed else set()
        if number not in self._told_best[name]:
            self.tracker.log_epoch(self.parent_run, number, {name: value})

    def close_left_open(self) -> None:
        """Close the runs of trials in which an earlier attempt at the run was interrupted; they are run anew."""
        for run_id in sorted(self._left_open):
            # Another role, so that whoever asks for trials finds each once.
            tags = {"role": "interrupted", "state": "interrupted"}
            self.tracker.finish(run_id, "KILLED", tags=tags, reason="the run was interrupted in this trial")
        self._left_open.clear()

    def on_run_failed(self, reason: str, interrupted: bool) -> bool:
        """Close the parent run of a run that does not come to its end, and before it the runs of its open trials.

        An interruption that waited while a trial was started comes before anybody knows the trial by its id.
        """
        if not self.parent_run:
            return False
        self._left_open |= self._open
        self._open.clear()
        self.close_left_open()
        self.tracker.finish(self.parent_run, "KILLED" if interrupted else "FAILED", reason=reason)
        return True

    def _recorded(self) -> RecordedRun:
        if self._run is None:
            raise RuntimeError("a trial is recorded before its run has begun")
        return self._run
