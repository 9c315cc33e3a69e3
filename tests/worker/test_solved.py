"""Which requests go to workers without a GPU: a function of the request alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.helpers.workers.parrot import Repeat
from tlsearch.data.split import Fold
from tlsearch.types import Candidate, TrialSpec
from tlsearch.worker.protocol import ExamineLabels, GetVersions, ProfileCandidate, RunSuccessiveHalving, RunTrial
from tlsearch.worker.solved import is_solved, is_solved_trial

CANDIDATE = Candidate(backbone="tiny", weights="own", weights_file=None, weights_id="", image_size=32, depth=4)
HEAD = TrialSpec(backbone="tiny", weights="own", image_size=32, depth=4, freeze_depth=4)


@pytest.mark.parametrize(
    ("changes", "solved"),
    [
        ({}, True),  # a linear head on the images as they are
        ({"pooling": "avgmax", "skip_cut": 2}, True),  # the profile has every way and every cut
        ({"units": 128, "steps": 40}, True),  # a hidden head likewise
        ({"policy": "strong", "strength": 0.0}, True),
        ({"units": 128, "steps": 40, "policy": "strong", "strength": 0.5, "views": 4}, False),
        ({"units": 128, "steps": 40, "pooling": "flatten"}, False),
        ({"freeze_depth": 2, "steps": 40}, False),
        ({"freeze_depth": 0, "steps": 40}, False),
        ({"weights": None, "freeze_depth": 0, "steps": 40}, False),
        ({"weights": None, "freeze_depth": 4, "steps": 40}, False),
    ],
)
def test_a_trial_is_solved_where_it_fits_a_head_on_what_the_profile_has_stored(
    changes: dict[str, Any], solved: bool
) -> None:
    spec = replace(HEAD, **changes)
    assert is_solved_trial(spec) is solved
    fold = Fold((0, 1), (2,))
    for more in ({}, {"seconds": 3.0}, {"batch_size": 8}, {"keep_compiled": True}):
        assert is_solved(RunTrial(candidate=CANDIDATE, spec=spec, folds=(fold,), **more)) is solved
    assert is_solved_trial(replace(spec, repeat=1, seed=5)) is solved


def test_of_other_requests_only_probes_of_the_labels_are_solved() -> None:
    assert is_solved(ExamineLabels(candidate=CANDIDATE, seed=0, seconds=None))
    halving = RunSuccessiveHalving(candidate=CANDIDATE, specs=(HEAD,), fold=Fold((0,), ()))
    others = (halving, ProfileCandidate(candidate=CANDIDATE, train=(0,), seed=0), GetVersions(), Repeat())
    assert not any(is_solved(request) for request in others)
