"""A training that is killed at any moment and goes on: the same weights, bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from tests.helpers.networks.tiny import make_extractor, make_fold, make_network, make_spec
from tlsearch.features.prefix import Network
from tlsearch.plugins.load_metric import load_metric
from tlsearch.training import kept_states
from tlsearch.training.from_scratch import successive_halving
from tlsearch.training.kept_states import KeptState, KeptStates
from tlsearch.training.trainer import Trainer
from tlsearch.training.trial import Outcome, TrialRunner
from tlsearch.types import AnyArray, TrialSpec

# Keras 3.15 turns variables and bfloat16 tensors into arrays in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

FOLD = make_fold()
STEPS = 10  # five epochs of two steps, where the images make three: each goes on in the middle of them; the rung is 2
RATES = (1e-6, 1e-2)


class Killed(BaseException):
    """Stands for the end of the process."""


Trained = tuple[list[AnyArray], list[Outcome], list[tuple[int, float]]]


def specs() -> list[TrialSpec]:
    scratch = {"weights": None, "freeze_depth": 0, "views": 0, "policy": "speckle", "strength": 0.25, "dropout": 0.3}
    return [make_spec(**scratch, steps=STEPS, lr_suffix=rate, lr_head=rate) for rate in RATES]


def train(network: Network, folder: Path, kept: KeptStates, until: int | None = None) -> Trained:
    """The weights, the outcomes and the epochs that were told, in a process that ends after ``until`` of these."""
    told: list[tuple[int, float]] = []

    def tell(number: int, numbers: Any) -> None:
        told.append((number, numbers["fraction"]))
        if len(told) == until:
            raise Killed

    runner = TrialRunner(make_extractor(folder), load_metric("accuracy"))
    outcomes = successive_halving(runner, network, specs(), FOLD, tell, kept)
    assert runner.fitted is not None
    assert runner.fitted.backbone_weights is not None
    return runner.fitted.backbone_weights, outcomes, told


@pytest.fixture(scope="module")
def network() -> Network:
    return make_network(weights=None)


@pytest.fixture(scope="module")
def undisturbed(network: Network, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp("undisturbed")
    return train(network, folder, KeptStates(folder / "states"))


class Kills(NamedTuple):
    """When a training is killed, where so large a share of its time may go into keeping states.

    Moments count the epochs that are told: two for each rate before the rung, three for the best after it. ``epochs``
    are trained in all.
    """

    share: float
    moments: tuple[int, ...]
    epochs: int


@pytest.mark.parametrize(
    "kills",
    [
        pytest.param(Kills(1e9, (1, 4, 6), 7), id="kept after every epoch: none is trained twice"),
        pytest.param(Kills(1e-9, (1, 5), 8), id="kept after the first and at the rung"),
    ],
)
def test_killed_several_times_it_ends_with_the_same_weights(
    network: Network,
    undisturbed: Trained,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kills: Kills,
) -> None:
    monkeypatch.setattr(kept_states, "SHARE", kills.share)
    trained: list[int] = []
    run_epoch = Trainer.run_epoch

    def counted(trainer: Trainer, renew_norm: bool = False) -> dict[str, float]:
        trained.append(len(trainer.history) + 1)
        return run_epoch(trainer, renew_norm)

    monkeypatch.setattr(Trainer, "run_epoch", counted)
    for moment in kills.moments:
        with pytest.raises(Killed):
            train(network, tmp_path, KeptStates(tmp_path / "states"), moment)
    weights, outcomes, told = train(network, tmp_path, KeptStates(tmp_path / "states"))
    assert all(np.array_equal(one, other) for one, other in zip(undisturbed[0], weights, strict=True))
    assert [o.result.history for o in outcomes] == [o.result.history for o in undisturbed[1]]
    assert [o.result.state for o in outcomes] == ["pruned", "complete"]
    np.testing.assert_array_equal(outcomes[1].val_probabilities, undisturbed[1][1].val_probabilities)
    assert sorted(told) == sorted(undisturbed[2])
    assert len(trained) == kills.epochs


def test_a_state_comes_back_as_it_was_and_only_to_its_own_training(tmp_path: Path) -> None:
    first, second = specs()
    state: list[AnyArray] = [np.arange(6, dtype=np.float32).reshape(2, 3), np.asarray(7, np.int64)]
    kept = KeptStates(tmp_path / "states")
    kept.put(first, KeptState(({"epoch": 1.0, "val_loss": 0.1},), (2.5,), state))
    found = KeptStates(tmp_path / "states").get(first, state)
    assert found is not None
    assert (found.history, found.epoch_seconds) == (({"epoch": 1.0, "val_loss": 0.1},), (2.5,))
    assert [(a.dtype, a.tolist()) for a in found.state] == [(a.dtype, a.tolist()) for a in state]
    assert kept.get(second, state) is None
    assert kept.get(first, [state[0], np.asarray(7, np.float32)]) is None


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 and then the machine went down"])
def test_a_damaged_state_counts_as_none(tmp_path: Path, damage: bytes) -> None:
    first, _ = specs()
    state: list[AnyArray] = [np.zeros(3, np.float32)]
    kept = KeptStates(tmp_path / "states")
    kept.put(first, KeptState((), (), state))
    (file,) = (tmp_path / "states").iterdir()
    file.write_bytes(damage)
    assert kept.get(first, state) is None


def test_writing_takes_a_small_share_of_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("tlsearch.training.kept_states.time.monotonic", lambda: clock[0])
    monkeypatch.setattr(kept_states, "write_atomically", lambda file, content: clock.__setitem__(0, clock[0] + 2.0))
    kept = KeptStates(tmp_path)
    assert kept.is_due()
    kept.put(specs()[0], KeptState((), (), [np.zeros(1, np.float32)]))
    clock[0] += 39.9
    assert not kept.is_due()
    clock[0] += 0.2
    assert kept.is_due()
