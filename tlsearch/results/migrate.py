"""Older versions of ``result.json``: what they called otherwise gets its present name when a file is read.

Version 1 is that of tlsearch before the schema had the names of the glossary. Nothing in it was removed, so that every
file of version 1 can be read. A file of any version that says nothing of its metric but the name is of the time when
there were three metrics, all of them made of counts.
A verdict of version 2 has one long sentence for each answer, and its next steps have no commands of their own.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any

from tlsearch.stats.intervals import SCORE_INTERVAL

SCHEMA_VERSION = 3
READABLE_VERSIONS = (1, 2, SCHEMA_VERSION)

EACH = "*"
"""In a path, every item of a list and every value of an object."""

# Where an object of version 1 is, the name that it had there, and its present name.  An object comes before what is in
# it, by its present name.
_RENAMED: tuple[tuple[tuple[str, ...], str, str], ...] = (
    ((), "answers", "predictions"),
    (("predictions",), "called", "predicted"),
    ((), "scratch", "from_scratch"),
    ((), "findings", "insights"),
    (("insights",), "labels", "label_errors"),
    (("plan", "left_out", EACH), "backbone", "name"),
    (("plan", "candidates", EACH), "depth", "cut_points"),
    (("profile", EACH, EACH), "cut", "cut_point"),
    (("winner", "spec"), "tap", "skip_cut"),
    (("winner", "params"), "tap", "skip_cut"),
    (("trials", EACH), "compared", "value_on_shared_folds"),
    (("trials", EACH, "spec"), "tap", "skip_cut"),
)

# Where a text of version 1 is, and what its values are called now.
_VALUES: tuple[tuple[tuple[str, ...], str, dict[str, str]], ...] = (
    (
        ("trials", EACH),
        "kind",
        {"frozen": "feature_extraction", "suffix": "fine_tuning", "scratch": "from_scratch"},
    ),
    (("trials", EACH), "state", {"censored": "timed_out"}),
    (("importance", "parameters", EACH), "name", {"tap": "skip_cut"}),
)

# Where there is a line for people that names a configuration.
_LABELS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("winner",), "label"),
    (("winner",), "head"),
    (("linear_probe",), "label"),
    (("trials", EACH), "label"),
)


def migrate(values: dict[str, Any]) -> dict[str, Any]:
    """Give the JSON object of a ``result.json`` of a readable version as one of the present version.

    What is missing or has a wrong shape is left as it is, for the reader to name.
    """
    if values.get("schema_version") == 1:
        values = _from_version_1(values)
    if values.get("schema_version") == 2:
        values = _from_version_2(values)
    metrics = values.get("metrics")
    if not isinstance(metrics, dict):
        return values
    added = {"greater_is_better": True, "counts": metrics.get("name"), "interval_method": SCORE_INTERVAL}
    return {**values, "metrics": {**added, **metrics}}


def _from_version_1(values: dict[str, Any]) -> dict[str, Any]:
    values = {**copy.deepcopy(values), "schema_version": 2}
    for path, former, present in _RENAMED:
        for found in _objects(values, path):
            if former in found:
                found[present] = found.pop(former)
    for path, name, words in _VALUES:
        for found in _objects(values, path):
            if isinstance(found.get(name), str):
                found[name] = words.get(found[name], found[name])
    for path, name in _LABELS:
        for found in _objects(values, path):
            if isinstance(found.get(name), str):
                found[name] = _label(found[name])
    return values


def _from_version_2(values: dict[str, Any]) -> dict[str, Any]:
    values = {**copy.deepcopy(values), "schema_version": SCHEMA_VERSION}
    for verdict in _objects(values, ("verdict",)):
        for question in ("pretraining", "search"):
            if f"{question}_evidence" in verdict:
                verdict[f"{question}_said"] = verdict.pop(f"{question}_evidence")
        steps = verdict.get("next_steps")
        if isinstance(steps, list):
            verdict["next_steps"] = [{"said": step} if isinstance(step, str) else step for step in steps]
    return values


def _objects(value: Any, path: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """The JSON objects at ``path`` below ``value``."""
    if not path:
        if isinstance(value, dict):
            yield value
    elif path[0] != EACH:
        if isinstance(value, dict):
            yield from _objects(value.get(path[0]), path[1:])
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _objects(item, path[1:])


def _label(text: str) -> str:
    """``vgg16@imagenet freeze 10/13 head linear geometric .50`` in the words of today."""
    text = text.replace("head solved", "linear probe").replace("solved linear", "linear probe")
    text = text.replace("head linear", "linear head").replace(" with cut ", " skip cut ")
    return re.sub(r"(?<= )\.(?=\d\d$)", "0.", text)
