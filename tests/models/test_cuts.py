"""Cut points by depth: the pixels, each cut point, the whole network."""

from __future__ import annotations

import pytest

from tests.helpers.pipeline.made_up import VGG, facts_of
from tlsearch.models.cuts import Cuts, Feature, maps, pools
from tlsearch.utils.serialize import FILE, MESSAGE, Codec

CUTS = facts_of(VGG).cuts


def test_depth_0_is_the_pixels_and_the_last_depth_the_whole_network() -> None:
    assert CUTS.at(0) is None
    assert CUTS.at(1) is CUTS[0]
    assert CUTS.at(13) is CUTS[-1]
    assert list(CUTS.depths) == list(range(1, 14))
    assert [CUTS.point(depth) for depth in CUTS.depths] == list(CUTS)
    assert (CUTS.work(0), CUTS.share(0), CUTS.share(13)) == (0.0, 0.0, 1.0)
    assert CUTS.share(3) == CUTS[2].work / CUTS[12].work == CUTS.work(3) / 1e9


@pytest.mark.parametrize("depth", [-1, 14])
def test_there_is_nothing_at_other_depths(depth: int) -> None:
    for ask in (CUTS.at, CUTS.work, CUTS.share):
        with pytest.raises(IndexError, match="no cut point at depth"):
            ask(depth)
    with pytest.raises(IndexError):
        CUTS.point(0)


def test_stage_ends_lie_strictly_between() -> None:
    assert CUTS.stage_ends(0, 13) == [3, 6, 9, 12]
    assert CUTS.stage_ends(3, 9) == [6]
    assert CUTS.stage_ends(3, 4) == []


@pytest.mark.parametrize("codec", [FILE, MESSAGE])
def test_cuts_are_read_as_they_were_written(codec: Codec) -> None:
    found = codec.decode(Cuts, codec.encode(CUTS))
    assert found == CUTS
    assert isinstance(found, Cuts)


def test_features_have_names() -> None:
    assert maps(4, 2) == (Feature("map", 4), Feature("map", 2))
    assert [str(feature) for feature in (*maps(4), *pools(13))] == ["map 4", "pool 13"]
    assert len({*maps(4), *pools(4), *maps(4)}) == 2
