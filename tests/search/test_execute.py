"""A trial from the parent's side: what is recorded of its rounds."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from tlsearch.search.execute import Curves


def test_rounds_are_steps_that_begin_anew_in_every_fold() -> None:
    sent: list[tuple[int, str]] = []

    def log_epoch(run_id: str, step: int, metrics: Mapping[str, float]) -> None:
        sent.append((step, next(iter(metrics)).split("/")[0]))

    session: Any = SimpleNamespace(
        data=SimpleNamespace(metric="accuracy"), tracker=SimpleNamespace(log_epoch=log_epoch)
    )
    curves = Curves(session, "run")
    for epoch in (0.4, 0.8, 1.2, 0.4, 0.8, 1.2):  # two folds, in rounds of less than an epoch
        curves.add({"epoch": epoch, "val_accuracy": 0.5})
    assert [step for step, _ in sent] == [1, 2, 3, 1, 2, 3]
    assert len({name for _, name in sent[:3]}) == len({name for _, name in sent[3:]}) == 1
    assert sent[0][1] != sent[3][1]
