"""The port that the printed command and link have the MLflow UI answer at."""

from __future__ import annotations

import json
import socket
import urllib.request
from contextlib import suppress
from dataclasses import replace
from urllib.parse import quote

from tlsearch.tracking.location import UI_PORT, Location

_TRIED = 50
_PATIENCE = 2.0


def with_ui_port(location: Location, experiment: str, experiment_id: str) -> Location:
    """Give the location with a port for its UI: 5000, or a free one where that is somebody else's.

    Where the UI of these very records answers at 5000 already, the link goes there.
    """
    if location.is_server or location.is_workspace or is_free(UI_PORT) or _shows(experiment, experiment_id):
        return location
    free = next((port for port in range(UI_PORT + 1, UI_PORT + _TRIED) if is_free(port)), UI_PORT)
    return replace(location, ui_port=free)


def is_free(port: int) -> bool:
    """Whether a server of this machine can listen at the port."""
    try:
        with socket.create_server(("127.0.0.1", port)):
            return True
    except OSError:
        return False


def _shows(experiment: str, experiment_id: str) -> bool:
    """Whether an MLflow UI that answers at port 5000 has the experiment under the same id."""
    place = f"http://127.0.0.1:{UI_PORT}/api/2.0/mlflow/experiments/get-by-name?experiment_name={quote(experiment)}"
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # this machine needs no proxy
    with suppress(OSError, ValueError, AttributeError), direct.open(place, timeout=_PATIENCE) as answer:
        return str(json.load(answer).get("experiment", {}).get("experiment_id")) == experiment_id
    return False
