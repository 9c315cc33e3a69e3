"""RunResult: everything a run found, and the file ``result.json`` that holds it."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from html import escape
from pathlib import Path
from typing import Any

from tlsearch.config_values import RESULT_NAME
from tlsearch.errors import UsageError
from tlsearch.results.migrate import READABLE_VERSIONS, SCHEMA_VERSION, migrate
from tlsearch.results.schema import (
    AtUse,
    Baseline,
    Confusion,
    Dataset,
    EvaluationPredictions,
    FrozenWork,
    Gain,
    Histories,
    Importance,
    Insights,
    LinearProbe,
    Metrics,
    Mistake,
    Mlflow,
    Output,
    PlanSummary,
    ProfilePoint,
    TrialRow,
    UseChoice,
    Verdict,
    Winner,
    WorkSpan,
)
from tlsearch.types import SearchEnd
from tlsearch.utils import serialize
from tlsearch.utils.files import write_atomically

RESULT_FILE, TRIALS_FILE = RESULT_NAME, "trials.csv"


@dataclass(frozen=True, kw_only=True, repr=False)
class RunResult:
    """What ``tlsearch.run`` gives and ``result.json`` holds; docs/result-json.md describes every field.

    ``baseline`` is the better on validation of the networks in ``from_scratch``, all that were trained from scratch.
    ``profile`` is candidate label -> points in order of depth; ``timings`` is step -> seconds; ``versions``
    is name -> version; ``command`` repeats the run; ``started`` is an ISO 8601 time.
    """

    dataset: Dataset
    plan: PlanSummary
    winner: Winner
    metrics: Metrics
    linear_probe: LinearProbe | None
    baseline: Baseline | None
    gain: Gain | None
    profile: Mapping[str, tuple[ProfilePoint, ...]]
    trials: tuple[TrialRow, ...]
    timings: Mapping[str, float]
    mlflow: Mlflow | None
    versions: Mapping[str, str]
    output: Output
    confusion: Confusion | None = None
    predictions: EvaluationPredictions | None = None
    histories: Histories = field(default_factory=Histories)
    mistakes: tuple[Mistake, ...] = ()
    from_scratch: tuple[Baseline, ...] = ()
    insights: Insights = field(default_factory=Insights)
    importance: Importance | None = None
    frozen_work: tuple[FrozenWork, ...] = ()
    work_spans: tuple[WorkSpan, ...] = ()
    search_ended: SearchEnd | None = None
    verdict: Verdict | None = None
    at_use: AtUse | None = None
    command: str = ""
    started: str = ""
    schema_version: int = SCHEMA_VERSION

    @property
    def choice(self) -> UseChoice | None:
        """What was asked of the model to use; None where nothing was."""
        return self.at_use.choice if self.at_use is not None else None

    @property
    def scratch_to_use(self) -> Baseline | None:
        """The network from scratch that was chosen before the test, in the place of the winner; None where none was."""
        return self._from_scratch_in(self.choice.model if self.choice is not None else None)

    @property
    def model_of_winner(self) -> str:
        """The folder of the best model that reuses a network, below the output folder."""
        return self.output.model or "model"

    @property
    def model_to_use(self) -> str:
        """The folder of the model to use, below the output folder: what the verdict names, else what was chosen."""
        if self.verdict is not None:
            return self.verdict.model
        return self.choice.model if self.choice is not None else self.model_of_winner

    @property
    def scratch_named(self) -> Baseline | None:
        """The network from scratch that is the model to use, for whatever reason; None where the winner is."""
        return self._from_scratch_in(self.model_to_use)

    def _from_scratch_in(self, folder: str | None) -> Baseline | None:
        if folder == "baseline":
            return self.baseline
        return next((n for n in self.from_scratch if folder == f"scratch-{n.architecture}"), None)

    def __repr__(self) -> str:
        """One line: which model to use, what it scores on test, and where it is."""
        score, interval = _score(self)
        return f"<RunResult {_label(self)}, {score} {interval}, model in {self._path_to_use()}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: the model to use, the verdict in sentences, and where everything is."""
        score, interval = _score(self)
        lines = [f"<b>{escape(_label(self))}</b>, {escape(f'{score}, 95 % interval {interval}')}"]
        if (verdict := self.verdict) is not None:
            sentences = [
                (verdict.use, verdict.use_evidence, verdict.command),
                (verdict.pretraining_said, verdict.pretraining_evidence, None),
                (verdict.search_said, verdict.search_evidence, None),
                *((step.said, "", step.command) for step in verdict.next_steps),
            ]
            lines += [_line(*each) for each in sentences if each[0]]
        places = {"model": self._path_to_use()}
        if self.output.report is not None:
            places["report"] = Path(self.output.folder) / self.output.report
        lines += [f"{name}: <code>{escape(str(path))}</code>" for name, path in places.items()]
        return "<br>".join(lines)

    def _path_to_use(self) -> Path:
        return Path(self.output.folder) / (self.model_to_use if self.output.model is not None else "")

    def to_dict(self) -> dict[str, Any]:
        """The JSON object of ``result.json``."""
        plain: dict[str, Any] = serialize.STRICT.encode(self)
        # The version first, where a person looks for it.
        return {"schema_version": plain.pop("schema_version"), **plain}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RunResult:
        """The result that ``to_dict`` described; unknown keys are ignored.

        Raises ``ValueError`` naming the field that is missing or has the wrong shape.
        """
        return serialize.STRICT.decode(cls, values)


def _line(said: str, evidence: str, command: str | None) -> str:
    """A sentence of the verdict for a notebook, with its evidence and what is to be copied."""
    shown = f"{escape(said)} {escape(evidence)}".rstrip()
    return f"{shown} <code>{escape(command)}</code>" if command else shown


def _score(result: RunResult) -> tuple[str, str]:
    """The score on test of the model to use with its name, and its interval."""
    tested = result.scratch_named or result.metrics
    low, high = tested.test_ci95
    name = result.metrics.name.replace("_", " ")
    return f"test {name} {tested.test:.3f}", f"[{low:.3f}, {high:.3f}]"


def _label(result: RunResult) -> str:
    """The configuration of the model to use."""
    alone = result.scratch_named
    return f"{alone.architecture} from scratch" if alone is not None else result.winner.label


def write_result(result: RunResult, folder: Path) -> Path:
    """Write ``result.json`` and ``trials.csv`` into ``folder`` and give the path of the first.

    Each is written to a temporary name and renamed, so that a reader never sees half a file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / TRIALS_FILE, trials_csv(result))
    text = json.dumps(result.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
    return _write(folder / RESULT_FILE, text + "\n")


def read_result(folder: Path) -> RunResult:
    """Give the result of the run whose output is ``folder``, from a file of this version or an older one.

    Its paths say where the folder is now: it may have been moved since the run.

    Raises:
        UsageError: There is none, or none that this version reads.
    """
    path = folder / RESULT_FILE
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise UsageError(f"{folder} has no {RESULT_FILE}: name the output folder of a finished run.") from None
    except (ValueError, RecursionError):
        raise UsageError(
            f"{path} is not readable JSON: run again, with --force in the same folder, to write it anew."
        ) from None
    version = values.get("schema_version") if isinstance(values, dict) else None
    if version not in READABLE_VERSIONS:
        *former, last = map(str, READABLE_VERSIONS)
        known = f"{', '.join(former)} and {last}"
        raise UsageError(
            f"{path} has schema version {version!r} and this tlsearch reads versions {known}: "
            "use the tlsearch that wrote it, or run again."
        )
    try:
        return _moved(RunResult.from_dict(migrate(values)), folder.absolute())
    except ValueError as error:
        raise UsageError(
            f"{path} is damaged ({error}): run again, with --force in the same folder, to write it anew."
        ) from error


def _moved(result: RunResult, folder: Path) -> RunResult:
    """The result with ``folder`` as its output folder, also in its commands, its sentences and its record."""
    before, after = result.output.folder, str(folder)
    if not before or before == after:
        return result
    command, verdict = _with_folder(result.command, before, after), result.verdict
    if verdict is not None:
        verdict = _verdict_moved(verdict, before, after)
    record = result.mlflow and result.mlflow.moved(Path(before), folder)
    output, data = replace(result.output, folder=after), result.dataset.moved(Path(before), folder)
    return replace(result, output=output, dataset=data, command=command, verdict=verdict, mlflow=record)


def _verdict_moved(verdict: Verdict, before: str, after: str) -> Verdict:
    def moved(command: str | None) -> str | None:
        return None if command is None else _with_folder(command, before, after)

    return replace(
        verdict,
        use=_with_folder(verdict.use, before, after),
        use_evidence=_with_folder(verdict.use_evidence, before, after),
        command=moved(verdict.command),
        next_steps=tuple(
            replace(step, said=_with_folder(step.said, before, after), command=moved(step.command))
            for step in verdict.next_steps
        ),
    )


def _with_folder(text: str, before: str, after: str) -> str:
    """A text with what it names in one folder in another one. In a command paths are quoted as a shell wants it."""
    inner = re.escape(before.replace("'", "'\"'\"'"))
    in_command = rf"(?P<command>tlsearch [^/']*?)(?P<quote>'?){inner}(?P<rest>(?:/[\w.@-]+)*)(?P=quote)(?![\w@-])"
    in_words = rf"{re.escape(before)}(?![\w@-])"

    def moved(found: re.Match[str]) -> str:
        if found["command"] is None:
            return after
        return found["command"] + shlex.quote(after + found["rest"])

    return re.sub(f"{in_command}|{in_words}", moved, text)


def trials_csv(result: RunResult) -> str:
    """The trials as CSV text: what a trial was and what came of it, then its spec, then its metrics."""
    head = [
        "number",
        "role",
        "state",
        "kind",
        "candidate",
        "label",
        "value",
        "folds",
        "value_on_shared_folds",
        "seconds",
        "megabytes",
        "ms_per_image",
        "reason",
        "run_id",
    ]
    spec_names = [name for name in result.winner.spec.to_dict() if name not in head]
    metric_names = sorted({name for row in result.trials for name in row.metrics} - {*head, *spec_names})
    stream = io.StringIO()
    writer = csv.DictWriter(stream, [*head, *spec_names, *metric_names], extrasaction="ignore")
    writer.writeheader()
    for row in result.trials:
        plain = serialize.STRICT.encode(row)
        writer.writerow({**plain.pop("metrics"), **plain.pop("spec"), **plain})
    return stream.getvalue()


def _write(path: Path, text: str) -> Path:
    # Parts of file names that are not Unicode become \udcXX, which JSON reads back as they were.
    write_atomically(path, text.encode("utf-8", "backslashreplace"))
    return path
