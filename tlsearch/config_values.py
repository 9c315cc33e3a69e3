"""The values of a run's configuration: what each may be, how it is checked, and how a file has it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from tlsearch.errors import UsageError
from tlsearch.utils.addresses import expand_home, is_address, without_secrets
from tlsearch.utils.passwords import login_fault, remember, without_password
from tlsearch.utils.texts import either, is_utf8, nearest
from tlsearch.utils.units import (
    format_duration,
    format_latency,
    format_size,
    parse_count,
    parse_duration,
    parse_file_size,
    parse_latency,
    parse_size,
)

BaselineChoice = Literal["auto", "none"]
WorkersChoice = Literal["auto"] | int
Resize = Literal["auto", "squash", "pad", "crop"]
LookAlikes = Literal["auto", "exact", "off"]
Preference = Literal["small", "fast", "accurate"]
"""What of models that cannot be told apart by their scores is to be used."""

LayoutChoice = Literal["auto", "classes", "subfolders", "splits", "class-splits", "folds"]

NAME = r"[A-Za-z0-9][\w.-]*"
_BACKBONE = re.compile(rf"[A-Za-z0-9*?\[][\w.*?\[\]!-]*(@{NAME})?")
_WEIGHTS = re.compile(rf"(?P<backbone>{NAME})(@(?P<name>{NAME}))?=(?P<file>.+)")
MODEL_NAME = re.compile(r"(?!\.{1,2}$)[^/:\s]([^/:\x00-\x1f]{0,254}[^/:\s])?")
MAX_PIXELS_RANGE = (1024, 10_000_000_000)
"""A square of 32 pixels, the least that a network takes, and ten gigapixels, which need some 90 GB of memory."""

RESULT_NAME = "result.json"
"""The file in the output folder that holds what a run found."""

MOST_LETTERS = 1000
"""Of a licence and of the other texts in the provenance of trained weights."""

PRETRAIN_NAME = "pretrain.toml"
"""The file in an output folder that holds the configuration of a network's training, which is no run."""

PROVENANCE_NAME = "provenance.json"
"""The file that says where trained weights come from: beside them, and in the output folder of their training."""

ALL = "all"
"""Stands for every installed backbone."""

LISTS = {"backbones": "backbone", "weights": "weights", "augment": "augment", "exclude": "exclude"}

FEWEST_BYTES = 600_000_000
"""Memory below which a worker process cannot be started: Keras, its backend, and a small network."""

LATENCY_RANGE = (0.0001, 10.0)
"""Seconds that an image may be allowed to take, so that 20 for 20 ms is found out."""

# The lowest and the highest value that a whole number may have.
RANGES: dict[str, tuple[int, int]] = {
    "trials": (1, 100_000),
    "epochs": (1, 10_000),
    "batch_size": (1, 4096),
    "image_size": (32, 1024),
    "max_pixels": MAX_PIXELS_RANGE,
    "seed": (0, 2**32 - 1),
    "cache_limit": (0, 2**63 - 1),
    "threads": (1, 1024),
    "round_size": (1, 1024),
    "memory": (FEWEST_BYTES, 2**63 - 1),
    "max_size": (1000, 2**63 - 1),
    "cpus_per_worker": (1, 1024),
}

TWO_WAY = frozenset({"early_stop", "solve_apart"})
"""Switches that can be turned off as well as on: None is "not given" there, and False elsewhere."""

CLUSTER = ("cluster", "cpus_per_worker", "gpus_per_worker")
"""Fields that say where a run computes. That changes none of its results, where all workers are of one kind."""

MOST_WORKERS = 256
_ADDRESS = re.compile(r"auto|(ray://)?(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9][\w.-]*):[0-9]{1,5}")


def is_pattern(backbone: str) -> bool:
    """Whether a name of ``--backbone`` may stand for several: a pattern as shells have them, or ``all``."""
    return backbone == ALL or any(sign in backbone for sign in "*?[")


def parse_weights(text: str) -> tuple[str, str, Path]:
    """``BACKBONE[@NAME]=FILE`` as (backbone, name, file); without NAME, the stem of the file's name.

    Raises:
        UsageError: the text has another form.
    """
    match = _WEIGHTS.fullmatch(text)
    if match is None:
        raise bad("weights", text, "BACKBONE=FILE or BACKBONE@NAME=FILE")
    file = expand_home(Path(match["file"]))
    return match["backbone"], match["name"] or file.stem.removesuffix(".weights"), file


def compile_group_by(text: str) -> re.Pattern[str]:
    """The regular expression of ``--group-by``.

    Raises:
        UsageError: it is none.
    """
    wanted = "a regular expression that finds the group's name in a file's path, such as 'patient[0-9]+'"
    if not isinstance(text, str) or not text or not is_utf8(text):
        raise bad("group_by", text, wanted)
    try:
        return re.compile(text)
    except re.error as error:
        raise bad("group_by", text, f"{wanted} ({error})") from error


def names(name: str, value: Any) -> tuple[str, ...]:
    """Checks the entries of a list option and drops those that are there twice."""
    if isinstance(value, str) or not isinstance(value, list | tuple):
        raise bad(name, value, "a list of texts")
    forms = {
        "backbones": (_BACKBONE, "NAME, NAME@WEIGHTS, a pattern such as 'vgg*', or all"),
        "weights": (_WEIGHTS, "BACKBONE=FILE or BACKBONE@NAME=FILE"),
        "augment": (re.compile(NAME), "the name of an augmentation"),
        "exclude": (re.compile(r"[^\x00]+"), "a name or a pattern such as 'test*'"),
    }
    pattern, form = forms[name]
    for entry in value:
        if not isinstance(entry, str) or pattern.fullmatch(entry) is None or not is_utf8(entry):
            raise bad(name, entry, form)
    return tuple(dict.fromkeys(value))


def check_whole(name: str, value: Any, low: int, high: int, *, optional: bool) -> None:
    """Raise ``UsageError`` unless the value is a whole number of the range, or None where that is allowed."""
    if value is None and optional:
        return
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        if name == "cache_limit":
            raise bad(name, value, "a size such as 500MB or 10GB, 0 for none")
        if name == "memory":
            raise bad(name, value, "a size of at least 600MB, such as 8GB")
        if name == "max_size":
            raise bad(name, value, "the size of a file of at least 1KB, such as 10MB")
        if name == "max_pixels":
            raise bad(name, value, f"a number of pixels such as 200M or 200_000_000, from {low:,} to {high:,}")
        also = "auto, or " if name == "workers" else ""
        raise bad(name, value, f"{also}a whole number from {low} to {high}")


def check_workers(value: Any) -> None:
    """Raise ``UsageError`` unless the value can be the number of worker processes."""
    if value != "auto":
        check_whole("workers", value, 1, MOST_WORKERS, optional=False)


def check_cluster(cluster: Any, cpus: Any, gpus: Any) -> None:
    """Raise ``UsageError`` unless the values can say where a run computes; the last two go with a cluster only."""
    if cluster is not None and not (isinstance(cluster, str) and _ADDRESS.fullmatch(cluster)):
        raise bad("cluster", cluster, "auto, HOST:PORT or ray://HOST:PORT")
    is_number = isinstance(gpus, int | float) and not isinstance(gpus, bool)
    if gpus is not None and not (is_number and (0 < gpus < 1 or gpus in range(1, 65))):
        raise bad("gpus_per_worker", gpus, "a whole number from 1 to 64, or a share of one such as 0.5")
    for name, value in (("cpus_per_worker", cpus), ("gpus_per_worker", gpus)):
        if value is not None and cluster is None:
            raise UsageError(f"{option(name)} is for a cluster: name it with --cluster, or leave {option(name)} out.")


def check_time_limit(value: Any) -> None:
    """Raise ``UsageError`` unless the value can be a time limit in seconds, or None."""
    if value is not None and not (_is_number(value) and value > 0):
        raise bad("time_limit", value, "a duration above 0, such as 90s, 5m or 1h30m, or none")


def check_latency(value: Any) -> None:
    """Raise ``UsageError`` unless the value can be the most seconds that an image takes, or None."""
    low, high = LATENCY_RANGE
    if value is not None and not (_is_number(value) and low <= value <= high):
        raise bad("max_latency", value, "a time from 0.1ms to 10s for one image, such as 20ms; a number is in seconds")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def check_login(name: str, value: str | None) -> None:
    """Raise ``UsageError`` where the login of an address cannot be told from the rest; texts have it no more."""
    if value is not None:
        remember(value)
        if fault := login_fault(value):
            raise UsageError(f"{option(name)} {fault}.")


def check_register(value: Any) -> None:
    """Raise ``UsageError`` unless the value can be a name in MLflow's registry, or None."""
    if value is not None and not (isinstance(value, str) and MODEL_NAME.fullmatch(value) and is_utf8(value)):
        raise bad("register", value, "a name of at most 256 characters without / and :")


def check_max_pixels(value: Any) -> None:
    """Raise ``UsageError`` unless the value can be the most pixels of an image, or None."""
    check_whole("max_pixels", value, *MAX_PIXELS_RANGE, optional=True)


def is_dataset(value: Any) -> bool:
    """Whether a value can be a data set: a path, an address, (images, labels), or a data set of TensorFlow."""
    if isinstance(value, str | Path):
        return is_utf8(str(value))
    return (isinstance(value, tuple) and len(value) == 2) or hasattr(value, "element_spec")


def check_choice(name: str, value: Any, choices: tuple[Any, ...]) -> None:
    """Raise ``UsageError`` unless the value is one of the choices."""
    if value not in choices:
        raise no_choice(option(name), value, tuple(c for c in choices if c is not None))


def option(name: str) -> str:
    """The option of the command line for a field."""
    return "DATASET" if name == "dataset" else "--" + LISTS.get(name, name).replace("_", "-")


def bad(name: str, value: Any, wanted: str) -> UsageError:
    """The error that says what a field must be."""
    return not_wanted(option(name), value, wanted)


def not_wanted(shown: str, value: Any, wanted: str) -> UsageError:
    """The error that says what an option or an argument must be; ``shown`` is its name."""
    return UsageError(f"{shown} is {value!r}, but it must be {wanted}.")


def no_choice(shown: str, value: Any, choices: tuple[str, ...]) -> UsageError:
    """The error where a value is none of the choices; it names one that is like it."""
    wanted = f"one of {', '.join(choices)}"
    near = nearest(value, choices) if isinstance(value, str) else []
    if not near:
        return not_wanted(shown, value, wanted)
    return UsageError(f"{shown} is {value!r}, but it must be {wanted}: did you mean {either(map(repr, near))}?")


def in_numbers(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of fields, where durations, sizes and counts that are texts, such as "5m" and "8GB", became numbers.

    A number of NumPy, as one of ``np.arange(3)``, becomes Python's own.

    Raises:
        UsageError: such a text is none.
    """
    parsers: dict[str, Callable[[str, str], float]] = {
        "time_limit": parse_duration,
        "cache_limit": parse_size,
        "memory": parse_size,
        "max_pixels": parse_count,
        "max_latency": parse_latency,
        "max_size": parse_file_size,
    }
    plain = {n: v.item() if hasattr(v, "item") and getattr(v, "shape", None) == () else v for n, v in values.items()}
    return {
        name: parsers[name](value, option(name)) if name in parsers and isinstance(value, str) else value
        for name, value in plain.items()
    }


def to_plain(name: str, value: Any) -> Any:
    """A value of a field as TOML has it."""
    if isinstance(value, Path):
        return str(value.absolute())
    if name == "dataset":
        return without_secrets(value)
    if name in ("tracking_uri", "storage"):
        return without_password(value)
    if name == "shared_cache" and not is_address(value):
        return str(expand_home(Path(value)).absolute())
    if name == "weights":
        return [_absolute_weights(entry) for entry in value]
    if isinstance(value, tuple):
        return list(value)
    if name == "time_limit":
        return format_duration(value)
    if name == "max_latency":
        return format_latency(value)
    if name == "max_size":  # without a unit it is a number of bytes
        return value if format_size(value).isdigit() else format_size(value)
    return format_size(value) if name in ("cache_limit", "memory") else value


def _absolute_weights(entry: str) -> str:
    backbone, _, file = entry.partition("=")
    return f"{backbone}={expand_home(Path(file)).absolute()}"
