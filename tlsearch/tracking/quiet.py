"""MLflow without its chatter and without calls home."""

from __future__ import annotations

import logging
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from tlsearch.utils.passwords import hide_passwords

# Set before MLflow is imported. Telemetry would reach for the network. The default retries keep a call to a
# dead server waiting for more than 100 s, and a trial with it. The progress bars of uploads would tear the
# screen.
_SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_RECORD_ENV_VARS_IN_MODEL_LOGGING": "false",
    "MLFLOW_UV_AUTO_DETECT": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
_LOGGERS = ("mlflow", "alembic")

# MLflow and requests quote the whole answer of a server, which a proxy gives as a page of HTML.
_PAGE = re.compile(r"\.? *(Response body|Response text): *'?\s*<.*", re.DOTALL)


def prepare() -> None:
    """Set MLflow's environment variables that the user has not set. Call it before importing mlflow.

    A variable that is empty, as those of a container often are, is not set: MLflow would take it for a number or a
    switch, and fail.
    """
    for name in [n for n, value in os.environ.items() if n.startswith("MLFLOW_") and not value.strip()]:
        del os.environ[name]
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)


def first_line(error: BaseException) -> str:
    """Give the first line of an error's message, without its full stop, for use inside a sentence.

    It has no password in it and no page of a server that answers with one.
    """
    lines = _PAGE.sub("", hide_passwords(str(error)).strip()).splitlines()
    return (lines[0] if lines else type(error).__name__).rstrip(".")


def ignore(text: str) -> None:
    """Take a warning where nobody listens."""


@contextmanager
def quiet() -> Iterator[None]:
    """Inside, MLflow and alembic log errors only, and warnings are dropped, those of MLflow's import too."""
    prepare()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow  # noqa: F401 - importing it sets the levels that are changed below
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
