"""What a worker does now, and what it has done."""

from __future__ import annotations

import pytest

from tlsearch.worker import activity as module
from tlsearch.worker.activity import Activity


def test_what_is_done_is_remembered_even_where_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([1.0, 3.5, 4.0, 4.01, 10.0, 11.0])
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    activity = Activity()
    assert activity.now is None
    with activity.during("trial", "vgg16", lambda: "node7"):
        assert activity.now is not None
        assert (activity.now.kind, activity.now.subject, activity.now.since) == ("trial", "vgg16", 1.0)
    with activity.during("setup", "", lambda: ""):  # too short to be remembered
        pass
    with pytest.raises(ValueError, match="no"), activity.during("model", "", lambda: ""):
        raise ValueError("no")
    assert activity.now is None
    assert [(s.doing.kind, s.seconds, s.node) for s in activity.spent] == [("trial", 2.5, "node7"), ("model", 1.0, "")]


def test_there_is_an_end_to_what_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_SPANS", 2)
    monkeypatch.setattr(module, "SHORTEST", 0.0)
    activity = Activity()
    for number in range(3):
        with activity.during("trial", str(number), lambda: ""):
            pass
    assert [spent.doing.subject for spent in activity.spent] == ["0", "1"]
