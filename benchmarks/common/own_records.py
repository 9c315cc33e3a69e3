"""Where the runs of a benchmark leave what others keep with their user: in a folder of the benchmark."""

from __future__ import annotations

import os
from pathlib import Path


def own_ledger(home: Path) -> dict[str, str]:
    """The variables for a run whose openings of test sets are counted in ``home``.

    The ledger of the user (``tlsearch.runs.ledger.user_ledger``) holds those of their own work. It lies in the folder
    for data, which Linux lets anybody name.
    """
    return {"XDG_DATA_HOME": str(home / "data")}


def own_environment(home: Path) -> dict[str, str]:
    """The environment of a run that leaves nothing with the user, and takes no record in MLflow from their settings."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    return {**environment, **own_ledger(home)}
