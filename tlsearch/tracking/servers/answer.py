"""Whether an MLflow server answers: asked once with MLflow's own client, which knows its certificates and logins."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tlsearch.errors import TrackingError
from tlsearch.tracking.location import DATABASE_NAME, Location
from tlsearch.tracking.quiet import first_line

if TYPE_CHECKING:
    from mlflow import MlflowClient

HINT_SECONDS = 3.0
"""After so long without an answer a person is told how long it may take."""

_TIMEOUT, _RETRIES = "MLFLOW_HTTP_REQUEST_TIMEOUT", "MLFLOW_HTTP_REQUEST_MAX_RETRIES"
_NAME_SECONDS = 5.0
"""What resolving a name may take beside that, which has no time limit of its own."""


def server_client(location: Location, warn: Callable[[str], None]) -> MlflowClient:
    """Give MLflow's client of a server that has answered it.

    A connection that is refused is an error at once. A silent server has the time that MLFLOW_HTTP_REQUEST_TIMEOUT
    says, and ``warn`` is told so after 3 seconds. User and password of the address become MLflow's own variables.

    Raises:
        TrackingError: It does not answer, or does not let this client in.
    """
    from mlflow import MlflowClient

    limit = _seconds_allowed()
    _use_login(location)
    client, trouble, answered = MlflowClient(location.uri), [], threading.Event()

    def ask() -> None:
        try:
            client.search_experiments(max_results=1)
        except Exception as error:  # whatever MLflow, requests and a name server raise
            trouble.append(error)
        answered.set()

    with without_retries():
        threading.Thread(target=ask, name="tlsearch-probe", daemon=True).start()
        if not answered.wait(min(HINT_SECONDS, limit)):
            warn(f"the MLflow server {location.uri} has not answered yet; it has {limit:g} s ({_TIMEOUT})")
        if not answered.wait(limit + _NAME_SECONDS):
            trouble.append(TimeoutError(_silence(limit)))
    if trouble:
        raise _explained(location, trouble[0], limit) from trouble[0]
    return client


def _seconds_allowed() -> int:
    """The seconds that a server has for an answer. Raises ``TrackingError`` where the variable says none."""
    text = os.environ[_TIMEOUT].strip()
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= threading.TIMEOUT_MAX - _NAME_SECONDS):
        raise TrackingError(f"{_TIMEOUT} is {text!r}, but it must be a whole number of seconds above 0, such as 20.")
    return int(text)


@contextmanager
def without_retries() -> Iterator[None]:
    """Inside, MLflow asks once: with its pauses between tries, a refused connection would take half a minute."""
    before = os.environ.get(_RETRIES)
    os.environ[_RETRIES] = "0"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_RETRIES]
        else:
            os.environ[_RETRIES] = before


def _use_login(location: Location) -> None:
    """Hand user and password to MLflow as its own variables, which it also uses for files.

    In the address they would be in its messages, and it would leave them out where it sends files.
    """
    for name in ("user", "password"):
        if location.login is not None and (value := getattr(location.login, name)):
            os.environ[f"MLFLOW_TRACKING_{'USERNAME' if name == 'user' else 'PASSWORD'}"] = value


def _explained(location: Location, error: Exception, limit: float) -> TrackingError:
    """The sentence for what the client has met."""
    import requests
    import urllib3

    # MLflow keeps what requests has raised behind its own error only.
    met, code = error.__cause__ or error.__context__ or error, str(getattr(error, "error_code", ""))
    inner, silence = _innermost(met), (requests.exceptions.Timeout, urllib3.exceptions.TimeoutError, TimeoutError)
    fix = (
        "start it, fix --tracking-uri or MLFLOW_TRACKING_URI, or leave out both to record into "
        f"sqlite:///{DATABASE_NAME}"
    )
    if isinstance(met, requests.exceptions.SSLError):
        what = f"shows a certificate that is not trusted ({_reason(inner)})"
        fix = "name the file with it, or with that of its authority, in MLFLOW_TRACKING_SERVER_CERT_PATH"
    elif isinstance(inner, silence) and not isinstance(inner, urllib3.exceptions.NewConnectionError):
        what = f"does not answer ({_silence(limit)})"
        fix += f"; for a server that takes longer to wake, set {_TIMEOUT} to more seconds"
    elif isinstance(met, requests.exceptions.RequestException):
        what = f"does not answer ({_reason(inner)})"
    elif code in ("UNAUTHENTICATED", "CUSTOMER_UNAUTHORIZED", "PERMISSION_DENIED"):
        what = f"does not let you in ({first_line(error)})"
        fix = "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
    else:
        what, fix = f"cannot be used ({first_line(error)})", "fix --tracking-uri or MLFLOW_TRACKING_URI"
    return TrackingError(f"The MLflow server {location.uri} {what}: {fix}.")


def _silence(limit: float) -> str:
    return f"no answer in {limit:g} s"


def _innermost(error: BaseException) -> BaseException:
    """The last of the errors that requests and urllib3 wrap into each other."""
    inner = getattr(error, "reason", None) or next((a for a in error.args if isinstance(a, BaseException)), None)
    return _innermost(inner) if isinstance(inner, BaseException) else error


def _reason(error: BaseException) -> str:
    """What the system says; urllib3 puts the connection's address in memory before it."""
    return first_line(error).rpartition(">: ")[2].removeprefix("Failed to establish a new connection: ")
