"""The options that say where a run computes, and how much of that it uses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from tlsearch.cli.terminal.help import Heading, option
from tlsearch.cli.terminal.values import WholeNumber, as_number
from tlsearch.config_values import CLUSTER, RANGES, bad
from tlsearch.utils.units import parse_size

Command = TypeVar("Command", bound=Callable[..., Any])

NO_CLUSTER = "none"
"""What --cluster says for this machine, where a file names a cluster."""


def parse_workers(text: str, name: str = "--workers") -> int | str:
    """A number of workers, or ``auto``; ``name`` is that of the option.

    Raises:
        UsageError: The text is neither.
    """
    if text == "auto":
        return text
    if not text.isascii() or not text.isdigit():
        raise bad("workers", text, "auto, or a whole number from 1 to 256")
    return int(text)


def parse_gpus(text: str, name: str = "--gpus-per-worker") -> float:
    """A number of GPUs, or a share of one; ``name`` is that of the option.

    Raises:
        UsageError: The text is no number.
    """
    try:
        return float(text)
    except ValueError as error:
        raise bad("gpus_per_worker", text, "a whole number from 1 to 64, or a share of one such as 0.5") from error


_worker_options = (
    option(
        "--workers",
        heading=Heading.WORKERS,
        callback=as_number(parse_workers),
        metavar="auto|N",
        help="Processes that run trials side by side; no result depends on how many of a kind they are.  "
        "[default: auto, from the length of the run, cores and memory]",
    ),
    option(
        "--memory",
        heading=Heading.WORKERS,
        callback=as_number(parse_size),
        metavar="SIZE",
        help="Memory that all workers together may hold, such as 8GB.  [default: four fifths of the machine's]",
    ),
    option(
        "--cluster",
        heading=Heading.WORKERS,
        metavar="auto|ADDRESS|none",
        help="A Ray cluster whose nodes run the workers: auto for the one on this machine, HOST:PORT, or "
        "ray://HOST:PORT. No result depends on it, but on whether some workers have a GPU and some have none; whoever "
        "reaches the cluster must be trusted.  "
        "[default: none]",
    ),
    option(
        "--cpus-per-worker",
        heading=Heading.WORKERS,
        type=WholeNumber(*RANGES["cpus_per_worker"]),
        metavar="N",
        help="Processors of the cluster that each worker has.  [default: its threads, else 1]",
    ),
    option(
        "--gpus-per-worker",
        heading=Heading.WORKERS,
        callback=as_number(parse_gpus),
        metavar="N",
        help="GPUs that each worker on a node with GPUs has, such as 1, or 0.5 for two workers on one. Workers on "
        "other nodes have none, and fit heads only.  [default: none]",
    ),
)


def worker_options(command: Command) -> Command:
    """The options that say where an attempt at a run computes, and how much of that it uses."""
    for decorate in reversed(_worker_options):
        command = decorate(command)
    return command


def with_given(values: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a configuration with those that were ``given``; ``--cluster none`` removes those of a cluster."""
    here = given.get("cluster") == NO_CLUSTER
    named = {name: value for name, value in given.items() if not (here and name == "cluster")}
    return {**values, **(dict.fromkeys(CLUSTER) if here else {}), **named}
