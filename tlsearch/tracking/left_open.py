"""Runs that a process which is gone has left open."""

from __future__ import annotations

from collections.abc import Mapping

from mlflow import MlflowClient


def open_runs(client: MlflowClient, experiment_id: str, tags: Mapping[str, str]) -> set[str]:
    """The ids of the runs with these tags that nobody has ended. Raises what the store raises."""
    clauses = [f"tags.`{name}` = {quoted(value)}" for name, value in tags.items()]
    wanted = " and ".join([*clauses, "attributes.status = 'RUNNING'"])
    found: set[str] = set()
    token = None
    while True:
        page = client.search_runs([experiment_id], wanted, page_token=token)
        found.update(str(run.info.run_id) for run in page)
        token = page.token
        if not token:
            return found


def quoted(text: str) -> str:
    """A value in MLflow's filter language, which knows no escapes: in the quotes that it does not hold itself."""
    return f'"{text}"' if "'" in text else f"'{text}'"
