"""What a user can fix. Every message says in one sentence what is wrong and how to fix it."""

from __future__ import annotations

from pathlib import Path


class TlsearchError(Exception):
    """Base of every error that tlsearch raises on purpose.

    The message is shown to a person as it is, without a traceback. ``exit_code`` is what the command line ends
    with: 1 where the run failed, 2 where the request cannot be met as asked.
    """

    exit_code = 1
    traceback: str = ""
    """Where the error crossed from the worker process: the traceback there, for the log."""
    plugin: str = ""
    """Whose fault it is: the kind and the name of a plugin, "augmentation blur"."""


class UsageError(TlsearchError):
    """The request cannot be met as asked: a bad option or a bad configuration file."""

    exit_code = 2


class DataError(UsageError):
    """The data set cannot be used as it is: no such folder, too few classes, classes that are too small."""


class WeightsError(UsageError):
    """Weights that the user named are unavailable or do not fit."""


class PluginError(UsageError):
    """A plugin that the user named is missing, broken, or one of two with the same name."""


class TrackingError(UsageError):
    """The MLflow tracking server or store cannot be used."""


class TrialError(TlsearchError):
    """One trial failed; the search goes on without it."""


class OutOfMemoryError(TrialError):
    """One trial did not find the memory that it asked for; with smaller batches it may."""


class OutOfTimeError(TrialError):
    """Work was ended in the middle, for the time that it was given was over."""


class PluginFailedError(TrialError):
    """A plugin failed at work: it raised, or what it gave is not what it must give."""

    def __init__(self, message: str, plugin: str = "") -> None:
        super().__init__(message)
        self.plugin = plugin


class RunError(TlsearchError):
    """The run as a whole failed."""


class Interrupted(KeyboardInterrupt):
    """A run was interrupted; what it has found out is in the folder ``output``, where it can go on."""

    def __init__(self, output: Path) -> None:
        super().__init__(f"the run in {output} was interrupted")
        self.output = output
