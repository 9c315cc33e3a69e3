"""Divisions of the user's own folds beside those on which each of them validates alone."""

from __future__ import annotations

from tlsearch.data.split import folds_of, folds_of_two


def test_two_of_the_users_folds_together_are_divisions_of_their_own() -> None:
    labels = [row % 3 for row in range(40)]
    hands = [tuple(range(start, 40, 4)) for start in range(4)]
    folds = folds_of_two(hands, labels, 5, 0)
    assert len({fold.val for fold in folds}) == 5
    assert not {fold.val for fold in folds} & {fold.val for fold in folds_of(hands, 40)}
    for fold in folds:
        assert sorted((*fold.train, *fold.val)) == list(range(40))
        assert sum(set(hand) <= set(fold.val) for hand in hands) == 2
    assert folds == folds_of_two(hands, labels, 5, 0) != folds_of_two(hands, labels, 5, 1)
    assert len(folds_of_two(hands, labels, 9, 0)) == 6
    assert folds_of_two(hands[:3], labels[:30], 5, 0) == []


def test_two_of_the_users_folds_are_not_held_out_together_where_a_class_would_be_missing() -> None:
    hands = [(0, 1), (2, 3), (4, 5), (6, 7)]
    labels = [0, 1, 0, 1, 0, 0, 0, 0]  # class 1 is in the first two alone
    folds = folds_of_two(hands, labels, 9, 0)
    assert len(folds) == 5
    assert all(fold.val != (0, 1, 2, 3) for fold in folds)
