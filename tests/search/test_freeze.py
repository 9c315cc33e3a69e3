"""``--freeze``: the user says how much trained trials freeze."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.helpers.pipeline.made_up import LITE, VGG, facts_of, make_space
from tlsearch.errors import UsageError
from tlsearch.search.freeze import frozen_depths

CUTS = {c.label: facts_of(c, 1e9).cuts for c in (LITE, VGG)}
SPACE = make_space()


@pytest.mark.parametrize(
    ("freeze", "depths"),
    [("all", (18, 13)), ("block10", (10, 10)), ("7", (7, 7)), ("0", (0, 0)), ("13", (13, 13))],
)
def test_all_a_name_or_a_number_of_cut_points(freeze: str, depths: tuple[int, int]) -> None:
    assert frozen_depths(freeze, CUTS) == tuple(zip(CUTS, depths, strict=True))
    assert frozen_depths(None, CUTS) == ()


@pytest.mark.parametrize(("freeze", "words"), [("blokc10", "did you mean 'block10'"), ("14", "number from 0 to 13")])
def test_a_cut_point_that_a_network_has_not_is_named(freeze: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        frozen_depths(freeze, {VGG.label: CUTS[VGG.label]})
    assert f"--freeze is '{freeze}', but vgg16@imagenet has no such cut point" in str(caught.value)


@pytest.mark.parametrize("freeze", [0, 10, 13])
def test_every_trained_trial_freezes_as_much_and_linear_probes_everything(freeze: int) -> None:
    space = replace(SPACE, frozen=((VGG.label, freeze),))
    rng = np.random.default_rng(1)
    trained = []
    for _ in range(60):
        chosen: dict[str, Any] = {"train_suffix": bool(rng.integers(2)), "hidden": bool(rng.integers(2))}
        spec = space.spec(space.params(VGG, **chosen, freeze=rng.random()))
        assert spec.freeze_depth == (13 if spec.is_linear_probe else freeze)
        assert (spec.kind == "fine_tuning") == (spec.freeze_depth < 13)
        trained.append(not spec.is_linear_probe)
        lite = space.params(LITE, **chosen, freeze_depth=5)
        assert space.spec(lite) == SPACE.spec(lite)  # another network is left to the search
    assert any(trained)


def test_layers_are_tuned_unless_all_of_them_are_frozen() -> None:
    everything = ((LITE.label, 18), (VGG.label, 13))
    assert SPACE.tunes_layers
    assert replace(SPACE, frozen=((LITE.label, 18), (VGG.label, 12))).tunes_layers
    assert replace(SPACE, frozen=((LITE.label, 18),)).tunes_layers
    assert not replace(SPACE, frozen=everything).tunes_layers


def test_the_digest_changes_only_where_it_is_said() -> None:
    assert replace(SPACE, frozen=()).digest == SPACE.digest
    assert replace(SPACE, frozen=((VGG.label, 10),)).digest != SPACE.digest
