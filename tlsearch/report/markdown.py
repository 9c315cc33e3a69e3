"""A run in pages of Markdown: the descriptions of its parent run and of its model in MLflow."""

from __future__ import annotations

import json
import re

from tlsearch.report import text as words
from tlsearch.report.model_table import ModelRow, fold_note, headings, is_confirmed, model_rows, names_efficient
from tlsearch.report.numbers import format_interval, format_score
from tlsearch.report.sections.prediction_sets import sets_line
from tlsearch.report.verdict.fair import no_claim
from tlsearch.report.verdict.lines import shown_verdict
from tlsearch.report.verdict.next_steps import ENDED
from tlsearch.results.flatten import FIGURES_FILE
from tlsearch.results.result import RunResult
from tlsearch.results.schema import Baseline, Metrics
from tlsearch.utils.texts import one_line
from tlsearch.utils.units import counted, short_duration

_VERSIONS = ("tlsearch", "keras", "tensorflow", "optuna", "mlflow", "python")

NBSP = "\N{NO-BREAK SPACE}"

MOST_CLASSES = 50
"""Classes that the description of a model names."""


def describe(result: RunResult) -> str:
    """The whole story.

    The answer, where to look, the verdict, all models side by side, both gains, how often the test set has been opened,
    what the search did, and how to repeat it.
    """
    lines = [
        _answer(result, result.scratch_named),
        "",
        *_links(result),
        *_verdict(result),
        "",
        *model_table(result),
        "",
        *(f"- {line}" for line in words.gain_lines(result.gain, no_claim(result))),
        *_sets(result),
        *_search(result),
        "",
        "**How to repeat it**",
        "",
        *_repeat(result),
    ]
    return "\n".join(lines)


def describe_model(result: RunResult, address: str, takes: str) -> str:
    """What the model is, the verdict, its classes, and how to load it.

    Args:
        result: The run.
        address: Where MLflow loads the model from.
        takes: What it takes, in words.
    """
    classes = result.dataset.classes
    names = ", ".join(map(plain_text, classes[:MOST_CLASSES]))
    more = f" and {len(classes) - MOST_CLASSES:,} more (`labels.json`)" if len(classes) > MOST_CLASSES else ""
    record = result.mlflow
    side = result.winner.spec.image_size if result.choice is None else result.choice.image_size
    return "\n".join(
        [
            _answer(result, result.scratch_to_use),
            "",
            *_verdict(result),
            "",
            f"**Its {len(classes):,} classes**: {names}{more}.",
            "",
            "**How to load it**",
            "",
            "```python",
            "import mlflow, pandas",
            "",
            *([f"mlflow.set_tracking_uri({json.dumps(record.shown_uri)})"] if record else []),
            f"model = mlflow.pyfunc.load_model({json.dumps(address)})",
            'model.predict(pandas.DataFrame({"image": ["photo.jpg"]}))',
            "```",
            "",
            f"It takes {takes}",
            "",
            "It gives `label`, `probability` and `probabilities` for each picture. It makes each a square of "
            f"{side} x {side} pixels itself.",
            "",
            'With `params={"coverage": 0.9}` it also gives `prediction_set`, classes of which one is the true one with '
            "this probability, `not_sure`, and `unlike`: whether the picture is unlike the training images.",
        ]
    )


def model_table(result: RunResult) -> list[str]:
    """All models of the run side by side, as a table, and on how many images they were tested."""
    metrics, rows, titles = result.metrics, model_rows(result), headings(result)
    opened = f" ({words.openings(metrics.test_opened)})" if metrics.test_opened is not None else ""
    costs = ["cost at use", *(["efficient"] if names_efficient(rows) else [])]
    return [
        f"| {words.metric_name(metrics.name)} | {' | '.join([*titles, *costs])} |",
        "|---" * (len(titles) + len(costs) + 1) + "|",
        *(_row(row, confirmed=is_confirmed(rows), efficient=names_efficient(rows)) for row in rows),
        "",
        f"{result.dataset.total('test'):,} test images{opened}.",
        *(["", note] if (note := fold_note(rows)) else []),
        *_corrected(metrics),
    ]


def _verdict(result: RunResult) -> list[str]:
    """Each answer with its evidence and its command below it, then what to do next in order."""
    shown, lines = shown_verdict(result), []
    for answer in shown.answers:
        lines += [f"- **{_sentence(answer.said)}**", *(f"    - {_sentence(text)}" for text in answer.evidence)]
        lines += [f"    - {_code(answer.command)}"] if answer.command else []
    if shown.next_steps:
        lines += ["", "Next:", ""]
    for number, step in enumerate(shown.next_steps, 1):
        lines.append(f"{number}. {_sentence(step.said)}" + (f" {_code(step.command)}" if step.command else ""))
    return lines


def _answer(result: RunResult, alone: Baseline | None) -> str:
    """The winner with its figure, beside the network from scratch; first that one where it is the one to use."""
    metrics, baseline = result.metrics, result.baseline
    name, by = words.metric_name(metrics.name), f" {words.by_method(metrics)}".rstrip()
    if alone is not None:
        return (
            f"**{alone.architecture} from scratch**: {name} {format_score(alone.test)} "
            f"{format_interval(alone.test_ci95)}{by} on test. It is the model to use; {result.winner.label}, the best "
            f"that reuses a network, has {format_score(metrics.test)} {format_interval(metrics.test_ci95)}."
        )
    tested = f"{format_score(metrics.test)} {format_interval(metrics.test_ci95)}{by}"
    text = f"**{result.winner.label}**: {name} {tested} on test"
    return text + (
        f", against {format_score(baseline.test)} {format_interval(baseline.test_ci95)} from scratch."
        if baseline
        else "."
    )


def _corrected(metrics: Metrics) -> list[str]:
    if (corrected := metrics.corrected) is None:
        return []
    figures = f"{format_score(corrected.value)} {format_interval(corrected.ci95)}"
    return ["", f"Validation {words.corrected(corrected)}: {figures}{words.above_selected(metrics)}."]


def _row(row: ModelRow, *, confirmed: bool, efficient: bool) -> str:
    """``confirmed`` says whether there is a column for resampled folds, and ``efficient`` one for what is efficient."""
    validation = format_score(row.val) + (f" ({row.val_note})" if row.val_note else "")
    again = "none"
    if row.confirmed is not None:
        notes = [f"on {words.folds(row.confirmed)}", words.spreads(row.confirmed)]
        again = f"{format_score(row.confirmed.mean)} {', '.join(note for note in notes if note)}"
    figures = [validation, *([again] if confirmed else [])]
    # An interval stays on one line, however narrow the column is.
    tested = f"{format_score(row.test)} {format_interval(row.test_ci95).replace(' ', NBSP)}"
    costs = [row.cost or "not known", *([row.efficient or "not known"] if efficient else [])]
    named = f"{row.name}: {row.model}" + (f" ({row.caveat})" if row.caveat else "")
    return f"| {_cell(named)} | {' | '.join([*figures, tested, *costs])} |"


def _sets(result: RunResult) -> list[str]:
    """What prediction sets do on test."""
    found = result.insights.prediction_sets
    return [] if found is None else [f"- prediction sets on test, by coverage: {sets_line(found)}"]


def _search(result: RunResult) -> list[str]:
    """What was tried, on what, and who was left out."""
    trials = [row for row in result.trials if row.role == "trial"]
    counts = words.states(row.state for row in trials)
    names = ", ".join(candidate.label for candidate in result.plan.candidates)
    winner, data = result.winner, result.dataset
    cut = f", frozen up to the cut point {winner.cut_point}" if winner.cut_point else ""
    images = " + ".join(f"{data.total(part):,} {part}" for part in ("train", "val", "test") if data.total(part))
    seconds = result.timings.get("total")
    took = f" in {short_duration(seconds)}" if seconds is not None else ""
    ended = f"; the search ended: {ENDED[result.search_ended]}" if result.search_ended is not None else ""
    lines = [
        f"- winner: {winner.label}{cut}",
        f"- {counted(len(trials), 'trial')} ({counts}){took} with {names}{ended}",
        f"- {len(data.classes)} classes in {images} images of {_code(data.path)}",
    ]
    if result.plan.left_out:
        lines.append(f"- left out: {', '.join(item.name for item in result.plan.left_out)}; the report says why")
    return lines


def _links(result: RunResult) -> list[str]:
    """Links within the UI, whatever its address is; near the top, for the UI folds long descriptions."""
    mlflow = result.mlflow
    if mlflow is None:
        return []
    run = f"#/experiments/{mlflow.experiment_id}/runs/{mlflow.parent_run_id}"
    files = [("report", result.output.report), ("pictures and their data", result.output.pictures)]
    files += [("figures as a table", FIGURES_FILE), ("all numbers", "result.json")]
    files.append(("trials as a table", result.output.trials))
    places = [f"[{text}]({run}/artifacts/{file})" for text, file in files if file is not None]
    places.append(f"[the search's progress]({run}/model-metrics)")
    for text, link in (("the trials, best first", mlflow.view), ("all searches", mlflow.searches)):
        _, hash_sign, place = link.partition("#")
        if hash_sign:
            places.append(f"[{text}](#{place})")
    return [f"Look at: {' · '.join(places)}", ""]


def _repeat(result: RunResult) -> list[str]:
    versions = ", ".join(f"{name} {result.versions[name]}" for name in _VERSIONS if name in result.versions)
    lines = ["```sh", result.command, "```", ""] if result.command else []
    return [*lines, f"seed {result.plan.seed}; {versions}; data set fingerprint {_code(result.dataset.fingerprint)}"]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")  # a bar would end the cell


def plain_text(text: str) -> str:
    """The text in one line, in which no mark means anything in Markdown."""
    return re.sub(r"([\\`*_{}\[\]<>#|~])", r"\\\1", one_line(text))


def _sentence(text: str) -> str:
    """A sentence that may name classes, as text: no emphasis, no tags, no line breaks."""
    return re.sub(r"(\*|`|<(?=[A-Za-z/!?]))", r"\\\1", one_line(text))


def _code(text: str) -> str:
    return f"`{text.replace('`', chr(39))}`"
